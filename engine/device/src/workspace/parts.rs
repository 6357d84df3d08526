//! Payloads in parts: an entry that carries the last one is opened together with those before it, which are found in the
//! stored log by their numbers in their author's chain.

use bowline_core::document::Source;
use bowline_core::payload::Payload;
use bowline_core::sync::{Opened, Parts, Unreadable, open};
use bowline_crypto::KeySnapshot;
use bowline_store::{EntryN, Reader, StoreError};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;

use crate::rows::entry_of;

/// How changes travel in an entry.
pub(crate) fn source_of(entry: &Entry) -> Source {
    match entry.header().entry_type {
        EntryType::Snapshot => Source::Snapshot,
        _ => Source::Changes,
    }
}

/// What an entry holds that is stored, or about to be.
pub(crate) enum Held {
    /// A payload, and the entries with its earlier parts.
    Payload(Box<Payload>, Vec<EntryN>),
    /// Part of a payload that takes effect with a later entry.
    Part,
    /// The end of a payload of which a part before is withheld: it takes effect once that has come.
    Waits,
    /// Something for a newer version.
    UpdateNeeded,
}

/// Which entries are looked at for the parts before the last one.
#[derive(Clone, Copy)]
pub(crate) enum Earlier {
    /// Those that count: of a payload that does.
    Accepted,
    /// Those that are here, whatever became of them: of a payload that was put aside.
    Kept,
}

/// Opens a content entry, with whatever comes before it if it ends a payload.
pub(crate) fn open_held(
    read: Reader<'_>,
    entry: &Entry,
    keys: &KeySnapshot,
    earlier: Earlier,
) -> Result<Result<Held, Unreadable>, StoreError> {
    Ok(match open(entry, keys) {
        Ok(Opened::Content(payload)) => Ok(Held::Payload(payload, Vec::new())),
        Ok(Opened::Part) if entry.header().part.is_last() => return gather(read, entry, keys, earlier),
        Ok(Opened::Part) => Ok(Held::Part),
        Ok(Opened::UpdateNeeded) => Ok(Held::UpdateNeeded),
        Err(why) => Err(why),
    })
}

/// The payload that ends with `last`. One part at a time is read, so that no more than the payload is in memory.
fn gather(
    read: Reader<'_>,
    last: &Entry,
    keys: &KeySnapshot,
    among: Earlier,
) -> Result<Result<Held, Unreadable>, StoreError> {
    let header = last.header();
    let first = header.seq.saturating_sub(header.part.index.into());
    for seq in first..header.seq {
        if read.is_withheld_in_chain(header.workspace, &header.chain(), seq)? {
            return Ok(Ok(Held::Waits));
        }
    }
    let (mut parts, mut earlier) = (Parts::default(), Vec::new());
    for seq in first..header.seq {
        let found = match among {
            Earlier::Accepted => read.accepted_in_chain(header.workspace, &header.chain(), seq)?,
            Earlier::Kept => read.kept_in_chain(header.workspace, &header.chain(), seq)?,
        };
        let Some(found) = found else {
            return Ok(Err(Unreadable::NoPart));
        };
        earlier.push(found.entry.n);
        match entry_of(found).map(|part| parts.add(&part, keys)) {
            Ok(Ok(())) => {}
            Ok(Err(Unreadable::NoBody)) | Err(_) => return Ok(Err(Unreadable::NoPart)),
            Ok(Err(why)) => return Ok(Err(why)),
        }
    }
    let payload = parts.add(last, keys).and_then(|()| parts.finish(keys));
    Ok(payload.map(|payload| Held::Payload(Box::new(payload), earlier)))
}
