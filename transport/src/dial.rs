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
    #[error("no connection within {} seconds", .after.as_secs())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The certificate does not lead to anyone this system trusts, is for another name, or is out of date.
    #[error("the certificate of {host} is not trusted by this system")]
    Untrusted {
        /// The name the certificate should be for.
        host: String,
        /// What was wrong with it.
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

/// What answered in a relay's place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotARelay {
    /// An HTTP answer other than the upgrade: a web server, or a proxy with another path.
    #[error("it answers with HTTP status {0}")]
    Status(u16),
    /// An upgrade to something else than Bowline.
    #[error("it opens a WebSocket for something else")]
    OtherProtocol,
    /// Nothing that is HTTP.
    #[error("it does not answer as HTTP does")]
    NotHttp,
}
