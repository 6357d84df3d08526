//! Why there is no line, as reports keep it.

use bowline_core::sync::RelayFault;
use bowline_device::{LineFailure, LineReason};
use bowline_transport::{DialError, LinkError};

use super::LineError;

impl From<&LineError> for LineFailure {
    fn from(error: &LineError) -> Self {
        match error {
            LineError::Address(error) => {
                Self { reason: LineReason::Address, about: Some(error.to_string()), cause: None }
            }
            LineError::Dial(error) => not_dialled(error),
            LineError::Lost(error) => lost(error),
            LineError::Goodbye(reason) => Self::plain(LineReason::Goodbye(*reason)),
            LineError::Closed => Self::plain(LineReason::Closed),
            LineError::Silent(owed) => Self::plain(LineReason::Unanswered(*owed)),
            LineError::Fault(fault) => {
                let what =
                    if let RelayFault::Nonsense(what) = fault { Some((*what).to_owned()) } else { None };
                Self { reason: fault.into(), about: what, cause: None }
            }
            LineError::Elsewhere(failure) => failure.clone(),
        }
    }
}

fn not_dialled(error: &DialError) -> LineFailure {
    let (reason, about, cause) = match error {
        DialError::NameNotFound { host, source } => {
            (LineReason::NameNotFound, Some(host.clone()), Some(source.to_string()))
        }
        DialError::NotLoopback { host } => (LineReason::NotLoopback, Some(host.clone()), None),
        DialError::Unreachable { host, port, source } => {
            (LineReason::Unreachable, Some(format!("{host} port {port}")), Some(source.to_string()))
        }
        DialError::TimedOut { after, step } => {
            (LineReason::TimedOut, Some(after.as_secs().to_string()), Some(step.to_string()))
        }
        DialError::Untrusted { host, source, .. } => {
            (LineReason::Untrusted, Some(host.clone()), Some(source.to_string()))
        }
        DialError::WrongPin { expected, found } => {
            let found = found.map(|found| found.to_string());
            (LineReason::WrongPin, Some(expected.to_string()), found)
        }
        DialError::NoTrustStore(source) => (LineReason::NoTrustStore, None, Some(source.to_string())),
        DialError::Tls(source) => (LineReason::Tls, None, Some(source.to_string())),
        DialError::Full => (LineReason::Full, None, None),
        DialError::NotARelay { host, answer } => {
            (LineReason::NotARelay, Some(host.clone()), Some(answer.to_string()))
        }
        DialError::OtherVersion { theirs } => (LineReason::OtherVersion, Some(theirs.clone()), None),
        DialError::Io(source) => (LineReason::CutWhileOpening, None, Some(source.to_string())),
    };
    LineFailure { reason, about, cause }
}

fn lost(error: &LinkError) -> LineFailure {
    let (reason, about, cause) = match error {
        LinkError::Io(source) => (LineReason::Cut, None, Some(source.to_string())),
        LinkError::Silent => (LineReason::Silent, None, None),
        LinkError::NotFlushed => (LineReason::NotFlushed, None, None),
        LinkError::Flood => (LineReason::Flood, None, None),
        LinkError::Slow => (LineReason::Slow, None, None),
        LinkError::TooLarge => (LineReason::TooLarge, None, None),
        LinkError::Text => (LineReason::Text, None, None),
        LinkError::Protocol(what) => (LineReason::Protocol, None, Some(what.clone())),
        LinkError::OwnFrameTooLarge(bytes) => (LineReason::OwnFrameTooLarge, Some(bytes.to_string()), None),
    };
    LineFailure { reason, about, cause }
}
