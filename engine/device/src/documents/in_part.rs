//! Entries that count in part: what is left out of them is told to the person like what is put aside as a whole, and the rest
//! stays where it is.

use bowline_core::document::{Extent, Reason, Refused};
use bowline_store::{DocRow, EntryState, Reader, StoreError, StoredReason, Tx};
use bowline_wire::ids::{EntryId, WireDoc, WorkspaceId};

use crate::Error;
use crate::workspace::Keyrings;
use crate::workspace::quarantine::{QuarantineReason, not_applied};

/// What the name of a value begins with that says why part of an entry is left out.
const NOTE: &str = "in-part/";

/// An entry of which part is left out, and why.
pub(crate) struct InPart {
    pub(crate) entry: EntryId,
    pub(crate) reason: StoredReason,
}

/// The entries of a workspace of which part is left out.
pub(crate) fn all(read: Reader<'_>, workspace: WorkspaceId) -> Result<Vec<InPart>, StoreError> {
    let noted = read.states_under(workspace, NOTE)?;
    let read_note = |(name, value): (String, Vec<u8>)| {
        let entry = name.strip_prefix(NOTE).and_then(id_of)?;
        let (number, detail) = serde_json::from_slice(&value).ok()?;
        Some(InPart { entry, reason: StoredReason { number, detail } })
    };
    Ok(noted.into_iter().filter_map(read_note).collect())
}

/// Those of a document.
fn of_document(read: Reader<'_>, row: &DocRow) -> Result<Vec<InPart>, StoreError> {
    let mut found = Vec::new();
    let Some(workspace) = row.ws else { return Ok(found) };
    for part in all(read, workspace)? {
        if read.entry_by_id(workspace, part.entry)?.is_some_and(|entry| entry.doc == Some(row.n)) {
            found.push(part);
        }
    }
    Ok(found)
}

/// Whether an entry of a document is cut: from where on is for all entries of the document together to tell, and may be another
/// place with each that comes.
pub(crate) fn has_cut(read: Reader<'_>, row: &DocRow) -> Result<bool, StoreError> {
    let speaks_for_others = QuarantineReason::NotConsented.number();
    Ok(of_document(read, row)?.iter().any(|part| part.reason.number != speaks_for_others))
}

/// Notes why part of an entry is left out; whether that is news.
pub(crate) fn note(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    entry: EntryId,
    reason: &StoredReason,
) -> Result<bool, Error> {
    let name = name(entry);
    let value = serde_json::to_vec(&(reason.number, &reason.detail));
    let value = value.map_err(|_| Error::Bug("a reason that is not JSON"))?;
    let is_news = tx.state(workspace, &name)?.is_none_or(|had| *had != value);
    if is_news {
        tx.put_state(workspace, &name, &value)?;
    }
    Ok(is_news)
}

/// Forgets what was noted of entries of a document that was made anew, but for those of which part is still left out.
pub(crate) fn clear_others(tx: &Tx<'_>, row: &DocRow, refused: &[Refused]) -> Result<(), StoreError> {
    let Some(workspace) = row.ws else { return Ok(()) };
    for part in of_document(**tx, row)? {
        if refused.iter().all(|refused| refused.entry != part.entry || refused.extent == Extent::Whole) {
            tx.delete_state(workspace, &name(part.entry))?;
        }
    }
    Ok(())
}

/// What of the refusals says that part of an entry is left out, for the database. An entry is not blamed for speaking in another's
/// name while not all of its document can be read: then what that other has said may be in what is not here.
pub(crate) fn left_out(
    read: Reader<'_>,
    keyrings: Keyrings<'_>,
    row: &DocRow,
    refused: &[Refused],
) -> Result<Vec<InPart>, Error> {
    // What is in no entry yet is nobody's to be told of.
    let is_in_part = |refused: &&Refused| refused.extent == Extent::Part && refused.entry != EntryId::ZERO;
    let in_part: Vec<_> = refused.iter().filter(is_in_part).collect();
    let Some(workspace) = row.ws.filter(|_| !in_part.is_empty()) else { return Ok(Vec::new()) };
    let wire = keyrings.wire_doc(workspace, row.in_log());
    let may_be_elsewhere = wire.map(|wire| is_incomplete(read, workspace, wire)).transpose()?.unwrap_or(true);
    let is_sure =
        |refused: &&&Refused| !may_be_elsewhere || !matches!(refused.reason, Reason::NotConsented(_));
    let told = in_part.iter().filter(is_sure);
    let told = told.filter_map(|it| Some(InPart { entry: it.entry, reason: not_applied(&it.reason)? }));
    Ok(told.collect())
}

/// Whether something of a document is on the log that this device can't read, for now or because it was damaged here.
fn is_incomplete(read: Reader<'_>, workspace: WorkspaceId, wire: WireDoc) -> Result<bool, StoreError> {
    if read.withheld_of_doc(workspace, wire)?.is_some() {
        return Ok(true);
    }
    let of_ours = [
        QuarantineReason::NoKey,
        QuarantineReason::NoBody,
        QuarantineReason::Damaged,
        QuarantineReason::Crashed,
        // What others have said may have been in what nobody has any more.
        QuarantineReason::GivenUp,
    ]
    .map(QuarantineReason::number);
    let aside = read.entries_in_state(workspace, EntryState::Quarantined)?;
    let is_of_ours = |number| of_ours.contains(&number);
    Ok(aside
        .iter()
        .any(|it| it.wire == Some(wire) && it.reason.as_ref().is_some_and(|it| is_of_ours(it.number))))
}

fn name(entry: EntryId) -> String {
    format!("{NOTE}{entry}")
}

/// The id that is printed so.
fn id_of(printed: &str) -> Option<EntryId> {
    let mut id = [0; EntryId::LEN];
    if printed.len() != 2 * id.len() || !printed.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(printed.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(EntryId::from_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_printed() {
        let id = EntryId::from_bytes([0xa5; 32]);
        assert_eq!(id_of(&id.to_string()), Some(id));
        assert_eq!(id_of("a5"), None);
    }
}
