//! Reaching a relay, and the ways in which that fails.

use std::future::Future;
use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::{Address, Link, RelayKey};

/// Reaches relays.
pub trait Dial: Send + Sync + 'static {
    /// What a reached relay becomes.
    type Link: Link;

    /// Opens a line to the relay at `address`.
    fn dial(&self, address: &Address) -> impl Future<Output = Result<Self::Link, DialError>> + Send;
}

/// Why a relay was not reached. Apart from [`DialError::WrongPin`] each may pass with time.
#[derive(Debug, Error)]
pub enum DialError {
    /// The name leads nowhere: mistyped, or there is no network to ask.
    #[error("the name {host} was not found")]
    NameNotFound {
        /// The name asked for.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// `localhost` leads to another machine here, and without TLS nothing is sent there.
    #[error("{host} is not this machine here, and nothing leaves this machine without TLS")]
    NotLoopback {
        /// The name asked for.
        host: String,
    },
    /// Nothing listens at that port, or no way leads there.
    #[error("nothing answers at {host} port {port}")]
    Unreachable {
        /// The name or number dialled.
        host: String,
        /// The port dialled.
        port: u16,
        /// What the system said about the last address it tried.
        source: io::Error,
    },
    /// Connecting took longer than all steps together may.
    #[error("no connection within {} seconds: {step}", .after.as_secs())]
    TimedOut {
        /// How long was waited.
        after: Duration,
        /// What was waited for.
        step: DialStep,
    },
    /// The certificate does not lead to anyone this system trusts, is for another name, or is out of date.
    #[error("the certificate of {host} is not trusted by this system")]
    Untrusted {
        /// The name the certificate should be for.
        host: String,
        /// What is wrong, as far as that is known.
        why: Distrust,
        /// What TLS says about it.
        source: rustls::Error,
    },
    /// The relay proved another key than the address names: another relay, or someone in between.
    #[error("the relay has another key than its address says: expected {expected}, found {}", .found.map_or_else(|| "a key of another kind".to_owned(), |key| key.to_string()))]
    WrongPin {
        /// The key in the address.
        expected: RelayKey,
        /// The key the certificate holds; `None` if it is not an Ed25519 key.
        found: Option<RelayKey>,
    },
    /// The system has no certificates to check others with.
    #[error("this system has no store of trusted certificates")]
    NoTrustStore(#[source] rustls::Error),
    /// TLS failed otherwise; most often the other side does not speak it.
    #[error("TLS failed: {0}")]
    Tls(#[source] rustls::Error),
    /// The relay takes no more connections now, from anyone or from here (HTTP 503).
    #[error("the relay is full")]
    Full,
    /// Something answers there that is not a relay of this version.
    #[error("{host} is not a relay: {answer}")]
    NotARelay {
        /// Who answered.
        host: String,
        /// What answered instead of a relay.
        answer: NotARelay,
    },
    /// A relay answers there, and it speaks only another version.
    #[error("the relay speaks {theirs} and this version of Bowline does not: update the older of the two")]
    OtherVersion {
        /// The protocols it offers.
        theirs: String,
    },
    /// The connection broke while it was being opened.
    #[error("the connection was cut while it was being opened")]
    Io(#[source] io::Error),
}

/// What an attempt to reach a relay was waiting for when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DialStep {
    /// The number behind the relay's name.
    #[error("this system did not find out where its name leads")]
    Name,
    /// A TCP connection.
    #[error("nothing answered at its address")]
    Connection,
    /// The relay's half of TLS.
    #[error("it took the connection and did not answer in TLS")]
    Tls,
    /// The relay's consent to a WebSocket.
    #[error("it took the connection and did not open a WebSocket")]
    WebSocket,
}

/// What answered in a relay's place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotARelay {
    /// An HTTP answer other than the upgrade: a web server, or a proxy that does not pass on what it should.
    #[error("it answers with HTTP status {status}{about}", status = .0, about = about_status(*.0))]
    Status(u16),
    /// An upgrade to something else than Bowline.
    #[error("it opens a WebSocket for something else")]
    OtherProtocol,
    /// Nothing that is HTTP.
    #[error("it does not answer as HTTP does")]
    NotHttp,
}

/// What an HTTP status says about the way to a relay, after a colon; nothing if it says nothing.
fn about_status(status: u16) -> &'static str {
    match status {
        301 | 302 | 303 | 307 | 308 => ": it sends devices elsewhere, which they do not follow",
        400 | 426 => ": a proxy before a relay says this if it does not pass on the upgrade to a WebSocket",
        401 | 403 | 407 => ": it asks for a password first, which devices do not have",
        502..=504 => ": a proxy answers, and the relay behind it does not",
        _ => "",
    }
}

/// What is wrong with a certificate that this system does not trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The certificate is past its time, or before it: it was not renewed, or this machine's clock is wrong.
    OutOfDate,
    /// The certificate is for another name.
    OtherName,
    /// The certificate was signed by nobody whom this system trusts, itself perhaps.
    UnknownIssuer,
    /// Anything else.
    Other,
}

impl From<&rustls::Error> for Distrust {
    fn from(error: &rustls::Error) -> Self {
        use rustls::CertificateError as C;
        let rustls::Error::InvalidCertificate(error) = error else {
            return Self::Other;
        };
        match error {
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                Self::OutOfDate
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => Self::OtherName,
            // Another authority of the same name is found by its signature.
            C::UnknownIssuer | C::BadSignature => Self::UnknownIssuer,
            _ => Self::Other,
        }
    }
}
