//! Opening an entry: stateless, so that it may run on any thread, in any order.

use bowline_crypto::{KeySnapshot, OpenError};
use bowline_wire::entry::Entry;
use thiserror::Error;

use crate::payload::{Payload, PayloadError};

/// What an accepted content entry turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A document's changes or snapshot.
    Content(Box<Payload>),
    /// A type this version does not act on.
    UpdateNeeded,
}

/// Why an accepted entry cannot be read. It is kept and shown either way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// There is no key here for its epoch.
    #[error("there is no key here for its epoch")]
    NoKey,
    /// The relay has no body for it any more.
    #[error("its body is not here")]
    NoBody,
    /// Its author sealed it wrongly.
    #[error("{0}")]
    Seal(OpenError),
    /// Its author sealed something that is not a payload.
    #[error("{0}")]
    Payload(#[from] PayloadError),
    /// Its author sealed one document under the name of another.
    #[error("it holds another document than its header says")]
    OtherDocument,
}

/// Opens a content entry that [`bowline_wire::log::Log::check`] accepted.
pub fn open(entry: &Entry, keys: &KeySnapshot) -> Result<Opened, Unreadable> {
    if !entry.header().is_understood() {
        return Ok(Opened::UpdateNeeded);
    }
    let bytes = bowline_crypto::open(entry, keys).map_err(|error| match error {
        OpenError::NoKey(_) => Unreadable::NoKey,
        OpenError::NoBody => Unreadable::NoBody,
        other => Unreadable::Seal(other),
    })?;
    let payload = Payload::decode(&bytes)?;
    if keys.wire_doc(payload.doc) != entry.header().doc {
        return Err(Unreadable::OtherDocument);
    }
    Ok(Opened::Content(Box::new(payload)))
}
