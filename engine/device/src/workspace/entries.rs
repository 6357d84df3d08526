//! Entries of the log on their way into the database: each is stored once, with what follows from it for its document.

use bowline_core::document::Kind;
use bowline_core::payload::Payload;
use bowline_core::sync::{Unreadable, Verdict};
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::{EntryN, EntryRow, EntryState, EntryWithBody, LogPlace, NewEntry, StoredReason, Tx};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{EntryId, Lane, Millis, WorkspaceId};

use crate::rows::{aside_id, entry_of, new_entry};
use crate::workspace::again::{put_again, put_apart};
use crate::workspace::claims::doc_with_claim;
use crate::workspace::parts::{Earlier, Held, open_held};
use crate::workspace::quarantine::{QuarantineReason, not_acceptable, unreadable};
use crate::workspace::taken::{Consequences, Taken};
use crate::{Damage, Error};

/// Stores one entry of the log.
pub(super) fn store_entry(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    (place, verdict): (LogPlace, &Verdict),
    keys: Option<&KeySnapshot>,
    now: Millis,
) -> Result<Taken, Error> {
    let mut known = tx.entry_by_id(workspace, verdict.entry().id())?;
    if let Some(row) = known.as_ref().filter(|row| row.is_off_the_log()) {
        if let Verdict::NotAcceptable(entry, why) = verdict {
            let why = not_acceptable(why);
            put_apart(tx, row, &why)?;
            return put_aside(tx, entry, place, &why);
        }
        return place_again(tx, row, place, keys, now);
    }
    // Put apart when the log did not take it again, and on the log after all: it is taken in as one that was never here.
    if let Some(row) = known.take_if(|row| row.state == EntryState::Quarantined && row.place.is_none()) {
        tx.take_off(row.n)?;
    }
    match verdict {
        Verdict::Own(entry) => place_own(tx, workspace, entry, place),
        Verdict::Roster(entry, _) => {
            if known.is_some() {
                return place_own(tx, workspace, entry, place);
            }
            tx.insert_entry(&NewEntry { place: Some(place), ..new_entry(entry, EntryState::OnLog) })?;
            Ok(Taken::default())
        }
        Verdict::Content(entry) => store_unopened(tx, workspace, entry, place, keys, now),
        Verdict::Withheld(entry) => store_withheld(tx, entry, place, now),
        Verdict::GivenUp(entry) => store_given_up(tx, entry, place),
        Verdict::NotAcceptable(entry, why) => {
            let is_double = known.is_some_and(|row| row.place.is_some());
            let why = if is_double { QuarantineReason::Doubled.plain() } else { not_acceptable(why) };
            put_aside(tx, entry, place, &why)
        }
    }
}

/// Puts an entry in its new place that was to come again. The end of a payload that waited for a part without its body may be opened now:
/// such a part went with the log, and comes as any that was never here.
fn place_again(
    tx: &Tx<'_>,
    row: &EntryRow,
    place: LogPlace,
    keys: Option<&KeySnapshot>,
    now: Millis,
) -> Result<Taken, Error> {
    let taken = put_again(tx, row, place)?;
    // After a restore every entry comes by here, and few bodies are looked at.
    if row.doc.is_some() || row.state != EntryState::OnLog || row.chain.lane != Lane::Content {
        return Ok(taken);
    }
    let Some(body) = tx.body(row.n)? else {
        return Ok(taken);
    };
    let entry = entry_of(EntryWithBody { entry: row.clone(), body: Some(body) })?;
    if !entry.header().part.is_last() {
        return Ok(taken);
    }
    let (_, opened) = reopen(tx, row.n, &entry, keys, now)?;
    Ok(Taken { again: true, ..opened })
}

fn store_content(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    entry: &Entry,
    payload: &Payload,
    place: LogPlace,
    now: Millis,
) -> Result<Taken, Error> {
    if let Some(row) = tx.entry_by_id(workspace, entry.id())? {
        // Refused once, and there after all: what it held may have been sealed again, which changes nothing.
        place_after_all(tx, row.n, entry, place)?;
        return Ok(Taken { doc: row.doc, ..Taken::default() });
    }
    if Kind::from_number(payload.kind).is_none() {
        return keep(tx, entry, place, EntryState::UpdateNeeded, None);
    }
    let Some(doc) = doc_with_claim(tx, entry, payload, now)? else {
        let why = QuarantineReason::OtherKind.plain();
        return keep(tx, entry, place, EntryState::Quarantined, Some(&why));
    };
    let row = NewEntry { place: Some(place), doc: Some(doc), ..new_entry(entry, EntryState::OnLog) };
    tx.insert_entry(&row)?;
    Ok(Taken { doc: Some(doc), ..Taken::default() })
}

/// Opens an entry, stores it, and forgets what was in it. A part is kept until the last one has come, with which the payload
/// takes effect, or is put aside.
fn store_unopened(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    entry: &Entry,
    place: LogPlace,
    keys: Option<&KeySnapshot>,
    now: Millis,
) -> Result<Taken, Error> {
    match open_with_any(tx, entry, keys)? {
        Ok(Held::Payload(payload, earlier)) => {
            tx.mark_applied(&earlier)?;
            store_content(tx, workspace, entry, &payload, place, now)
        }
        Ok(Held::Part | Held::Waits) => keep(tx, entry, place, EntryState::OnLog, None),
        Ok(Held::UpdateNeeded) => keep(tx, entry, place, EntryState::UpdateNeeded, None),
        Err(why) => keep(tx, entry, place, EntryState::Quarantined, Some(&unreadable(&why))),
    }
}

/// Opens an entry with whatever keys are here, perhaps none.
fn open_with_any(
    tx: &Tx<'_>,
    entry: &Entry,
    keys: Option<&KeySnapshot>,
) -> Result<Result<Held, Unreadable>, Error> {
    Ok(match keys {
        Some(keys) => open_held(**tx, entry, keys, Earlier::Accepted)?,
        None if !entry.header().entry_type.is_understood() => Ok(Held::UpdateNeeded),
        None => Err(Unreadable::NoKey),
    })
}

fn place_own(tx: &Tx<'_>, workspace: WorkspaceId, entry: &Entry, place: LogPlace) -> Result<Taken, Error> {
    let row = tx.entry_by_id(workspace, entry.id())?.ok_or(Error::Damaged(Damage::OwnEntry))?;
    tx.place_entry(row.n, place)?;
    Ok(Taken::default())
}

/// Stores an accepted entry that has come without its body.
fn store_withheld(tx: &Tx<'_>, entry: &Entry, place: LogPlace, now: Millis) -> Result<Taken, Error> {
    let n = if let Some(row) = tx.entry_by_id(entry.header().workspace, entry.id())? {
        // Ours, refused once and there after all.
        tx.place_entry(row.n, place)?;
        if tx.body(row.n)?.is_some() {
            return Ok(Taken { doc: row.doc, ..Taken::default() });
        }
        row.n
    } else {
        tx.insert_entry(&NewEntry { place: Some(place), ..new_entry(entry, EntryState::Withheld) })?
    };
    tx.note_withheld(n, now)?;
    Ok(Taken::default())
}

/// Stores an entry that was given up before it came. What is in it is not looked at.
fn store_given_up(tx: &Tx<'_>, entry: &Entry, place: LogPlace) -> Result<Taken, Error> {
    if let Some(row) = tx.entry_by_id(entry.header().workspace, entry.id())? {
        // Ours: what is in it is still to be unsealed.
        place_after_all(tx, row.n, entry, place)?;
        return Ok(Taken::default());
    }
    let why = QuarantineReason::GivenUp.plain();
    let row =
        NewEntry { place: Some(place), reason: Some(&why), ..new_entry(entry, EntryState::Quarantined) };
    tx.insert_entry(&row)?;
    Ok(Taken::default())
}

/// Puts an entry of ours in its place that the relay had refused, whose body went then and has come again.
fn place_after_all(tx: &Tx<'_>, n: EntryN, entry: &Entry, place: LogPlace) -> Result<(), Error> {
    tx.place_entry(n, place)?;
    if let Some(body) = entry.body() {
        tx.put_missing_body(n, body)?;
    }
    Ok(())
}

/// Keeps an accepted entry that says nothing to this device by itself: it cannot be read, needs an update, or is a part.
fn keep(
    tx: &Tx<'_>,
    entry: &Entry,
    place: LogPlace,
    state: EntryState,
    reason: Option<&StoredReason>,
) -> Result<Taken, Error> {
    if let Some(row) = tx.entry_by_id(entry.header().workspace, entry.id())? {
        // Ours, refused once and there after all.
        place_after_all(tx, row.n, entry, place)?;
        return Ok(Taken::default());
    }
    tx.insert_entry(&NewEntry { place: Some(place), reason, ..new_entry(entry, state) })?;
    let aside = (state == EntryState::Quarantined).then_some(entry.id());
    Ok(Taken { aside, ..Taken::default() })
}

/// Keeps an entry that stands where it may not.
fn put_aside(tx: &Tx<'_>, entry: &Entry, place: LogPlace, why: &StoredReason) -> Result<Taken, Error> {
    tx.insert_entry(&NewEntry {
        id: aside_id(entry.id(), place.pos),
        place: Some(place),
        reason: Some(why),
        ..new_entry(entry, EntryState::Quarantined)
    })?;
    Ok(Taken { aside: Some(entry.id()), ..Taken::default() })
}

/// Opens with keys that have just come what waited for them.
pub(super) fn open_with(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    keyring: &Keyring,
    now: Millis,
    after: &mut Consequences,
) -> Result<(), Error> {
    for state in [EntryState::Quarantined, EntryState::UpdateNeeded] {
        after.add_opened(workspace, read_again(tx, workspace, &keyring.snapshot(), state, now)?);
    }
    Ok(())
}

/// Looks once more at what was put aside in `state`: there may be a key by now, or an update. Gives the entries that have
/// been opened by it.
pub(super) fn read_again(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    keys: &KeySnapshot,
    state: EntryState,
    now: Millis,
) -> Result<Vec<(EntryId, Taken)>, Error> {
    let no_key = QuarantineReason::NoKey.number();
    let mut opened = Vec::new();
    for row in tx.entries_in_state(workspace, state)? {
        let lacks_key = row.reason.as_ref().is_some_and(|reason| reason.number == no_key);
        if state == EntryState::Quarantined && !lacks_key {
            continue;
        }
        let (n, id, body) = (row.n, row.id, tx.body(row.n)?);
        let Ok(entry) = entry_of(EntryWithBody { entry: row, body }) else {
            continue;
        };
        let (state, taken) = reopen(tx, n, &entry, Some(keys), now)?;
        if state != EntryState::Quarantined {
            opened.push((id, taken));
        }
    }
    Ok(opened)
}

/// Opens an entry that is stored and was not opened before, and stores what became of it.
pub(super) fn reopen(
    tx: &Tx<'_>,
    n: EntryN,
    entry: &Entry,
    keys: Option<&KeySnapshot>,
    now: Millis,
) -> Result<(EntryState, Taken), Error> {
    let mut taken = Taken::default();
    let (state, reason) = match open_with_any(tx, entry, keys)? {
        Ok(Held::Payload(payload, earlier)) => {
            taken.doc = doc_with_claim(tx, entry, &payload, now)?;
            match taken.doc {
                Some(doc) => {
                    tx.mark_applied(&earlier)?;
                    tx.set_entry_doc(n, doc)?;
                    (EntryState::OnLog, None)
                }
                None if Kind::from_number(payload.kind).is_none() => (EntryState::UpdateNeeded, None),
                None => (EntryState::Quarantined, Some(QuarantineReason::OtherKind.plain())),
            }
        }
        Ok(Held::Part | Held::Waits) => (EntryState::OnLog, None),
        Ok(Held::UpdateNeeded) => (EntryState::UpdateNeeded, None),
        // Whatever keeps it shut now, the key, say, for which it was not asked before the update.
        Err(why) => (EntryState::Quarantined, Some(unreadable(&why))),
    };
    tx.set_entry_state(n, state, reason.as_ref())?;
    taken.aside = (state == EntryState::Quarantined).then_some(entry.id());
    Ok((state, taken))
}
