//! Opening an adopted entry: the originals that count in it, each by its own author.

use bowline_crypto::KeySnapshot;
use bowline_wire::adopted::{Adopted, AdoptedError, admitted};
use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{EntryId, Position};
use bowline_wire::roster::Roster;
use thiserror::Error;

use super::open::{Opened, Parts, Unreadable, open};
use crate::document::{Consent, Incoming, Source};
use crate::payload::Payload;

/// Content that counts through an adopted entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The entry as its author made it; of a payload in parts, the one with the last.
    pub entry: Entry,
    /// What was sealed in it.
    pub payload: Payload,
}

/// Why an adopted entry counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAdopted {
    /// What is in it breaks a rule: the fault of whoever sealed it.
    #[error(transparent)]
    Broken(#[from] AdoptedError),
    /// One of the originals can't be read. With [`Unreadable::NoKey`] it may be once the key is here.
    #[error("an entry in it: {0}")]
    Unreadable(#[from] Unreadable),
}

/// The originals that count in an adopted entry with this header and payload, which stands at this position of the log that the
/// roster is of. Parts whose last one is not among them hold nothing.
pub fn originals(
    header: &Header,
    payload: &Payload,
    at: Position,
    roster: &Roster,
    keys: &KeySnapshot,
) -> Result<Vec<Original>, NotAdopted> {
    let entries = admitted(roster, Adopted::open(header, &payload.bytes)?, at);
    let (mut found, mut parts) = (Vec::new(), Parts::default());
    for entry in entries {
        let part = entry.header().part;
        if part == Part::WHOLE {
            if let Opened::Content(payload) = open(&entry, keys)? {
                found.push(Original { entry, payload: *payload });
            }
            continue;
        }
        if part.index == 0 {
            parts = Parts::default();
        }
        parts.add(&entry, keys)?;
        if part.is_last() {
            let payload = std::mem::take(&mut parts).finish(keys)?;
            found.push(Original { entry, payload });
        }
    }
    Ok(found)
}

impl Original {
    /// What of it counts for a document: what its own author's device says, from where the adopted entry stands. Whoever adopts a
    /// snapshot makes nobody speak through it.
    pub fn incoming(&self, adopted: EntryId, at: Position) -> Incoming<'_> {
        let header = self.entry.header();
        let source =
            if header.entry_type == EntryType::Snapshot { Source::Snapshot } else { Source::Changes };
        Incoming {
            entry: adopted,
            position: Some(at),
            author: header.device,
            source,
            consent: Consent::Author,
            weight: header.weight,
            bytes: &self.payload.bytes,
        }
    }
}
