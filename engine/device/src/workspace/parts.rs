//! Payloads in parts: an entry that carries the last one is opened together with those before it, which are found in the
//! stored log by their numbers in their author's chain.

use bowline_core::payload::Payload;
use bowline_core::sync::{Opened, Parts, Unreadable, open};
use bowline_crypto::KeySnapshot;
use bowline_store::{EntryN, EntryWithBody, Reader, StoreError};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{ChainKey, WorkspaceId};

use crate::rows::entry_of;

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

/// Opens an accepted content entry, with whatever comes before it if it ends a payload.
pub(crate) fn open_held(
    read: Reader<'_>,
    entry: &Entry,
    keys: &KeySnapshot,
) -> Result<Result<Held, Unreadable>, StoreError> {
    open_with(read, entry, keys, Reader::accepted_in_chain)
}

/// As [`open_held`], of an entry that was put aside, whatever became of the parts before it.
pub(crate) fn open_put_aside(
    read: Reader<'_>,
    entry: &Entry,
    keys: &KeySnapshot,
) -> Result<Result<Held, Unreadable>, StoreError> {
    open_with(read, entry, keys, Reader::kept_in_chain)
}

/// Finds an earlier part by its number in its author's chain.
type FindPart<'r> = fn(&Reader<'r>, WorkspaceId, &ChainKey, u64) -> Result<Option<EntryWithBody>, StoreError>;

fn open_with<'r>(
    read: Reader<'r>,
    entry: &Entry,
    keys: &KeySnapshot,
    find: FindPart<'r>,
) -> Result<Result<Held, Unreadable>, StoreError> {
    Ok(match open(entry, keys) {
        Ok(Opened::Content(payload)) => Ok(Held::Payload(payload, Vec::new())),
        Ok(Opened::Part) if entry.header().part.is_last() => return gather(read, entry, keys, find),
        Ok(Opened::Part) => Ok(Held::Part),
        Ok(Opened::UpdateNeeded) => Ok(Held::UpdateNeeded),
        Err(why) => Err(why),
    })
}

/// The payload that ends with `last`. One part at a time is read, so that no more than the payload is in memory.
fn gather<'r>(
    read: Reader<'r>,
    last: &Entry,
    keys: &KeySnapshot,
    find: FindPart<'r>,
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
        let Some(found) = find(&read, header.workspace, &header.chain(), seq)? else {
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
