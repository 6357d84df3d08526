//! Entries of this device that count no more, taken apart: what it wrote into them is unsealed work again.

use std::collections::BTreeSet;

use bowline_core::document::{ChangeHash, Kind, Source, change_hash, changes_in};
use bowline_core::payload::Payload;
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::{DocN, EntryRow, EntryState, EntryWithBody, Tx};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Lane, Millis};

use crate::Error;
use crate::documents::rewriting::may_travel;
use crate::rows::entry_of;
use crate::workspace::claims::doc_with_claim;
use crate::workspace::parts::{Earlier, Held, open_held, source_of};
use crate::workspace::quarantine::{is_given_up, refused};

/// Keeps an entry of this device that the log does not have again. What it wrote in it is unsealed work.
pub(super) fn refuse_own(
    tx: &Tx<'_>,
    row: &EntryRow,
    keyring: Option<&Keyring>,
    reason: Reason,
) -> Result<(), Error> {
    // What is given up was unsealed then.
    let is_taken_apart = is_given_up(row) || unseal_again(tx, row, keyring)?.is_some();
    tx.refuse_again(row.n, EntryState::Refused, &refused(reason))?;
    if is_taken_apart { Ok(tx.note_taken_apart(row.n)?) } else { Ok(()) }
}

/// Makes what this device wrote into an entry unsealed again, out of the entry if it is nowhere else any more: each change by itself, so that
/// it is sealed as any edit, however the document has grown. Of a payload in parts the last one does that. The document, if anything was
/// opened for it.
pub(super) fn unseal_again(
    tx: &Tx<'_>,
    row: &EntryRow,
    keyring: Option<&Keyring>,
) -> Result<Option<DocN>, Error> {
    let is_whole = row.entry_type == EntryType::Snapshot.number();
    if tx.has_change_rows(row.n)? {
        tx.unseal(row.n)?;
        // Changes that were sealed as such all have rows if one has. A document as a whole may hold more than was unsealed then.
        if !is_whole {
            return Ok(None);
        }
    }
    let Some(keys) = keyring.map(Keyring::snapshot).filter(|_| row.chain.lane == Lane::Content) else {
        return Ok(None);
    };
    let body = tx.body(row.n)?;
    let Ok(entry) = entry_of(EntryWithBody { entry: row.clone(), body }) else {
        return Ok(None);
    };
    // Earlier parts may count no more already.
    let Some(payload) = opened(tx, &entry, &keys, Earlier::Kept)? else {
        return Ok(None);
    };
    let Some(kind) = Kind::from_number(payload.kind) else {
        return Ok(None);
    };
    let doc = match row.doc {
        Some(doc) => doc,
        None => match doc_with_claim(tx, &entry, &payload, Millis(u64::MAX))? {
            Some(doc) => {
                tx.set_entry_doc(row.n, doc)?;
                doc
            }
            None => return Ok(None),
        },
    };
    let known = if is_whole { known_elsewhere(tx, row, (doc, kind), &keys)? } else { BTreeSet::new() };
    // What is refused as a whole has counted nowhere. What others wrote counts through their own entries.
    for change in changes_in(kind, source_of(&entry), &payload.bytes).unwrap_or_default() {
        let is_known = change_hash(&change).is_some_and(|hash| known.contains(&hash));
        if !is_known && may_travel(&change, row.chain.device) {
            tx.insert_change(doc, &change)?;
        }
    }
    Ok(Some(doc))
}

/// Changes of a document that this device need not take out of an entry that holds the document as a whole: they have rows, or it has sealed
/// the whole in another entry that counts. Other entries hold nothing that such a one holds, but in rare cases, where it is sealed twice.
fn known_elsewhere(
    tx: &Tx<'_>,
    row: &EntryRow,
    (doc, kind): (DocN, Kind),
    keys: &KeySnapshot,
) -> Result<BTreeSet<ChangeHash>, Error> {
    let mut known: BTreeSet<ChangeHash> =
        tx.changes(doc)?.iter().filter_map(|change| change_hash(&change.bytes)).collect();
    for found in tx.accepted(doc)? {
        let other = &found.entry;
        if other.n == row.n || other.chain.device != row.chain.device || other.entry_type != row.entry_type {
            continue;
        }
        let Ok(entry) = entry_of(found) else { continue };
        if let Some(payload) = opened(tx, &entry, keys, Earlier::Accepted)? {
            let changes = changes_in(kind, Source::Snapshot, &payload.bytes).unwrap_or_default();
            known.extend(changes.iter().filter_map(|change| change_hash(change)));
        }
    }
    Ok(known)
}

/// The payload that an entry holds, or ends.
fn opened(
    tx: &Tx<'_>,
    entry: &Entry,
    keys: &KeySnapshot,
    earlier: Earlier,
) -> Result<Option<Box<Payload>>, Error> {
    match open_held(**tx, entry, keys, earlier)? {
        Ok(Held::Payload(payload, _)) => Ok(Some(payload)),
        _ => Ok(None),
    }
}
