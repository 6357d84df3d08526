//! Carrying out what the sync machine asks for: first on the disk, then on the line.

use std::collections::BTreeMap;

use bowline_core::document::Kind;
use bowline_core::payload::Payload;
use bowline_core::sync::{Effect, Ingested, IngestedEntry, Opened, Phase, RelayFault, Unreadable, Verdict};
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::{
    Cursor, DocN, DocUpdate, EntryState, EntryWithBody, LogPlace, NewDoc, NewEntry, StoredReason, Summary, Tx,
};
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::hash::sha256;
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, Millis, WireDoc, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::record::Record;

use crate::documents::edit::doc_state;
use crate::workspace::connection::put_heard;
use crate::workspace::parts::{Held, open_held};
use crate::workspace::quarantine::{QuarantineReason, not_acceptable, refused, unreadable};
use crate::workspace::roster::{forget_spent_codes, release_decision, settle_decision};
use crate::workspace::sealed_values::AtRest;
use crate::workspace::taken::{Consequences, Taken};
use crate::workspace::workspaces::{
    CURRENT, entry_of, find_keys, insert_offered, new_entry, profile_id, seal_keys, stage, state,
};
use crate::{Damage, Error};
use crate::{Device, Notice};

impl Device {
    pub(crate) fn carry_out(
        &mut self,
        workspace: WorkspaceId,
        effect: Effect,
        now: Millis,
    ) -> Result<(), Error> {
        match effect {
            Effect::Send(frame) => self.transmit(workspace, &frame),
            Effect::Ingest(ingested) => self.ingest(workspace, &ingested),
            Effect::OfferJoin(entry) => self.offer_join(workspace, &entry),
            Effect::Refused { entry, reason } => {
                let mut rest = AtRest { keys: &self.keys, random: &mut *self.random };
                let mut is_join = false;
                self.store.transaction(|tx| -> Result<(), Error> {
                    if let Some(row) = tx.entry_by_id(workspace, entry)? {
                        is_join = is_join_record(tx.body(row.n)?.as_deref(), row.entry_type);
                        tx.set_entry_state(row.n, EntryState::Refused, Some(&refused(reason)))?;
                        tx.unseal(row.n)?;
                    }
                    release_decision(tx, &mut rest, workspace, entry)
                })?;
                // What became of a Join is told by whether the device is in.
                if !is_join {
                    self.notify(Notice::Refused { workspace, entry, reason });
                }
                Ok(())
            }
            Effect::NewIncarnation(incarnation) => {
                Ok(self.store.transaction(|tx| tx.set_incarnation(workspace, incarnation))?)
            }
            Effect::Joined => {
                let known = self.store.read().workspace(workspace)?;
                // The way in may have been begun anew, and is told of once.
                if known.is_none_or(|row| row.state != stage::MEMBER) {
                    self.store.transaction(|tx| {
                        tx.set_workspace_state(workspace, stage::MEMBER)?;
                        tx.put_meta(CURRENT, workspace.as_bytes())
                    })?;
                    self.notify(Notice::Joined(workspace));
                }
                Ok(())
            }
            Effect::JoinFailed(why) => {
                self.store.transaction(|tx| {
                    tx.set_workspace_state(workspace, stage::FAILED)?;
                    tx.delete_state(workspace, state::TICKET)
                })?;
                self.notify(Notice::JoinFailed(workspace, why));
                Ok(())
            }
            Effect::Fault(fault) => self.note_fault(workspace, fault, now),
            Effect::Close => {
                self.linked(workspace)?.close = true;
                Ok(())
            }
        }
    }

    fn offer_join(&mut self, workspace: WorkspaceId, entry: &Entry) -> Result<(), Error> {
        let keys = self.keys_to_store(workspace)?;
        let keyring = self.replica(workspace)?.keyring().cloned();
        let mut after = Consequences::default();
        self.store.transaction(|tx| -> Result<(), Error> {
            insert_offered(tx, entry, None)?;
            if let Some((sealed, keyring)) = keys.as_ref().zip(keyring.as_ref()) {
                tx.put_state(workspace, state::KEYRING, sealed)?;
                // Of the log there may be something here already, if the way in was begun anew.
                open_with(tx, workspace, keyring, &mut after)?;
            }
            for (device, time) in &after.heard {
                put_heard(tx, workspace, *device, *time)?;
            }
            Ok(())
        })?;
        self.mark_stale(&after.touched)
    }

    fn keys_to_store(&mut self, workspace: WorkspaceId) -> Result<Option<Vec<u8>>, Error> {
        let linked = self.workspaces.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let keyring = linked.replica.keyring();
        keyring.map(|keyring| seal_keys(keyring, &self.keys, &mut *self.random)).transpose()
    }

    fn note_fault(&mut self, workspace: WorkspaceId, fault: RelayFault, now: Millis) -> Result<(), Error> {
        if fault.is_lasting() {
            let (kind, what) = evidence(&fault);
            self.store.transaction(|tx| tx.insert_evidence(workspace, kind, &what, now))?;
        }
        let linked = self.linked(workspace)?;
        linked.fault = Some(fault.clone());
        linked.line_fault = Some(fault.clone());
        self.notify(Notice::RelayFault(workspace, Box::new(fault)));
        Ok(())
    }

    /// Stores a stretch of the log, and all that follows from it, in one transaction.
    fn ingest(&mut self, workspace: WorkspaceId, ingested: &Ingested) -> Result<(), Error> {
        let changed = if ingested.keys_changed { self.keys_to_store(workspace)? } else { None };
        let cursor =
            cursor_of(ingested).ok_or(Error::Bug("the sync machine gave an empty stretch of the log"))?;
        let linked = self.workspaces.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let keyring = linked.replica.keyring().cloned();
        let snapshot = keyring.as_ref().map(Keyring::snapshot);
        let ticket = if keyring.is_none() { self.ticket(workspace)? } else { None };
        let mut learned = changed.zip(keyring);
        let roster = linked.replica.log().map(Log::roster);
        let mut rest = AtRest { keys: &self.keys, random: &mut *self.random };
        let mut after = Consequences::default();
        self.store.transaction(|tx| -> Result<(), Error> {
            tx.set_cursor(workspace, &cursor)?;
            let mut roster_moved = false;
            for item in &ingested.entries {
                after.add(workspace, store_entry(tx, workspace, item, snapshot.as_ref())?);
                if let Verdict::Roster(entry, outcome) = &item.verdict {
                    let told = settle_decision(tx, &mut rest, workspace, entry.id(), *outcome)?;
                    after.notices.extend(told);
                    roster_moved = true;
                }
            }
            if let Some(roster) = roster.filter(|_| roster_moved) {
                forget_spent_codes(tx, workspace, roster)?;
            }
            if (roster_moved || ingested.joined) && snapshot.is_none() {
                learned = find_keys(tx, workspace, ticket.as_ref(), &mut rest)?;
            }
            if let Some((sealed, keyring)) = &learned {
                tx.put_state(workspace, state::KEYRING, sealed)?;
                open_with(tx, workspace, keyring, &mut after)?;
            }
            for (device, time) in &after.heard {
                put_heard(tx, workspace, *device, *time)?;
            }
            for (chain, tip) in &ingested.tips {
                tx.put_chain(workspace, chain, &encode(tip))?;
            }
            if let Some(incarnation) = ingested.new_incarnation {
                tx.set_incarnation(workspace, incarnation)?;
                after.notices.push(Notice::OtherLife(workspace));
            }
            if ingested.joined {
                tx.delete_state(workspace, state::TICKET)?;
                tx.delete_state(workspace, state::PINS)?;
            }
            tx.delete_state(workspace, state::TOKEN)?;
            Ok(tx.set_workspace_state(workspace, stage::MEMBER)?)
        })?;
        self.mark_stale(&after.touched)?;
        let linked = self.linked(workspace)?;
        if let Some((_, keyring)) = learned {
            linked.replica.take_keys(keyring);
        }
        if matches!(linked.replica.phase(), Phase::Removed) && !std::mem::replace(&mut linked.removed, true) {
            after.notices.push(Notice::Removed(workspace));
        }
        for notice in after.notices {
            self.notify(notice);
        }
        Ok(())
    }

    /// More has come for these documents, which wrote their rows so many times.
    fn mark_stale(&mut self, documents: &BTreeMap<DocN, u64>) -> Result<(), Error> {
        for (doc, writes) in documents {
            let Some(loaded) = self.documents.get_mut(*doc) else {
                continue;
            };
            loaded.stale = true;
            // If another process has written as well, the next look starts from the database.
            let rev = self.store.read().doc(*doc)?.map(|row| row.rev);
            if rev == Some(loaded.rev + writes) {
                loaded.rev += writes;
            }
        }
        Ok(())
    }

    /// After an update, what needed one is looked at again.
    pub(crate) fn retry_after_update(&mut self) -> Result<(), Error> {
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        if self.store.read().meta(VERSION)?.as_deref() == Some(version) {
            return Ok(());
        }
        let workspaces: Vec<_> =
            self.workspaces.iter().map(|(id, it)| (*id, it.replica.keyring().cloned())).collect();
        self.store.transaction(|tx| -> Result<(), Error> {
            for (workspace, keyring) in &workspaces {
                if let Some(keyring) = keyring {
                    read_again(tx, *workspace, &keyring.snapshot(), EntryState::UpdateNeeded)?;
                }
            }
            Ok(tx.put_meta(VERSION, version)?)
        })
    }
}

/// Name of the value that says which version opened this database last.
const VERSION: &str = "version";

/// Opens with keys that have just come what waited for them.
fn open_with(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    keyring: &Keyring,
    after: &mut Consequences,
) -> Result<(), Error> {
    for state in [EntryState::Quarantined, EntryState::UpdateNeeded] {
        after.add_opened(workspace, read_again(tx, workspace, &keyring.snapshot(), state)?);
    }
    Ok(())
}

/// Looks once more at what was put aside in `state`: there may be a key by now, or an update. Gives the entries that have
/// been opened by it.
fn read_again(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    keys: &KeySnapshot,
    state: EntryState,
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
        let mut taken = Taken::default();
        let (state, reason) = match open_held(**tx, &entry, keys)? {
            Ok(Held::Payload(payload, earlier)) => {
                taken.heard = Some((entry.header().device, payload.time));
                taken.doc = doc_for(tx, workspace, &payload, entry.header().doc)?;
                match taken.doc {
                    Some(doc) => {
                        update_claim(tx, doc, &payload)?;
                        tx.mark_applied(&earlier)?;
                        tx.set_entry_doc(n, doc)?;
                        (EntryState::OnLog, None)
                    }
                    None if Kind::from_number(payload.kind).is_none() => (EntryState::UpdateNeeded, None),
                    None => (EntryState::Quarantined, Some(QuarantineReason::OtherKind.plain())),
                }
            }
            Ok(Held::Part) => (EntryState::OnLog, None),
            Ok(Held::UpdateNeeded) => (EntryState::UpdateNeeded, None),
            // Whatever keeps it shut now, the key, say, for which it was not asked before the update.
            Err(why) => (EntryState::Quarantined, Some(unreadable(&why))),
        };
        tx.set_entry_state(n, state, reason.as_ref())?;
        if state != EntryState::Quarantined {
            opened.push((id, taken));
        }
    }
    Ok(opened)
}

/// Whether an entry of this type with this body is a Join.
fn is_join_record(body: Option<&[u8]>, entry_type: u16) -> bool {
    entry_type == EntryType::Roster.number()
        && body.is_some_and(|body| matches!(Record::parse(body), Ok(Record::Join(_))))
}

fn cursor_of(ingested: &Ingested) -> Option<Cursor> {
    let last = ingested.entries.last()?;
    Some(Cursor {
        log: ingested.head.log,
        pos: last.placed.position,
        hash: last.placed.hash,
        head: Some(encode(&ingested.head)),
    })
}

/// Stores one entry of the log.
fn store_entry(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    item: &IngestedEntry,
    keys: Option<&KeySnapshot>,
) -> Result<Taken, Error> {
    let place = LogPlace { pos: item.placed.position, log_hash: item.placed.hash };
    match &item.verdict {
        Verdict::Own(entry) => place_own(tx, workspace, entry, place),
        Verdict::Roster(entry, _) => {
            if tx.entry_by_id(workspace, entry.id())?.is_some() {
                return place_own(tx, workspace, entry, place);
            }
            tx.insert_entry(&NewEntry { place: Some(place), ..new_entry(entry, EntryState::OnLog) })?;
            Ok(Taken::default())
        }
        Verdict::Content(entry, Opened::Content(payload)) => {
            store_content(tx, workspace, entry, payload, place)
        }
        Verdict::Content(entry, Opened::Part) => store_part(tx, workspace, entry, place, keys),
        Verdict::Content(entry, Opened::UpdateNeeded) => {
            keep(tx, entry, place, EntryState::UpdateNeeded, None)
        }
        Verdict::Unreadable(entry, why) => {
            keep(tx, entry, place, EntryState::Quarantined, Some(&unreadable(why)))
        }
        Verdict::NotAcceptable(entry, why) => put_aside(tx, entry, place, &not_acceptable(why)),
    }
}

fn store_content(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    entry: &Entry,
    payload: &Payload,
    place: LogPlace,
) -> Result<Taken, Error> {
    let heard = Some((entry.header().device, payload.time));
    if let Some(row) = tx.entry_by_id(workspace, entry.id())? {
        // Refused once, and there after all: what it held may have been sealed again, which changes nothing.
        tx.place_entry(row.n, place)?;
        return Ok(Taken { doc: row.doc, heard, ..Taken::default() });
    }
    if Kind::from_number(payload.kind).is_none() {
        return Ok(Taken { heard, ..keep(tx, entry, place, EntryState::UpdateNeeded, None)? });
    }
    let Some(doc) = doc_for(tx, workspace, payload, entry.header().doc)? else {
        let why = QuarantineReason::OtherKind.plain();
        return Ok(Taken { heard, ..keep(tx, entry, place, EntryState::Quarantined, Some(&why))? });
    };
    update_claim(tx, doc, payload)?;
    let row = NewEntry { place: Some(place), doc: Some(doc), ..new_entry(entry, EntryState::OnLog) };
    tx.insert_entry(&row)?;
    Ok(Taken { doc: Some(doc), heard, aside: None })
}

/// A part is kept until the last one has come, with which the payload takes effect, or is put aside.
fn store_part(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    entry: &Entry,
    place: LogPlace,
    keys: Option<&KeySnapshot>,
) -> Result<Taken, Error> {
    let held = match keys {
        Some(keys) => open_held(**tx, entry, keys)?,
        None => Err(Unreadable::NoKey),
    };
    match held {
        Ok(Held::Payload(payload, earlier)) => {
            tx.mark_applied(&earlier)?;
            store_content(tx, workspace, entry, &payload, place)
        }
        Ok(Held::Part | Held::UpdateNeeded) => keep(tx, entry, place, EntryState::OnLog, None),
        Err(why) => keep(tx, entry, place, EntryState::Quarantined, Some(&unreadable(&why))),
    }
}

fn place_own(tx: &Tx<'_>, workspace: WorkspaceId, entry: &Entry, place: LogPlace) -> Result<Taken, Error> {
    let row = tx.entry_by_id(workspace, entry.id())?.ok_or(Error::Damaged(Damage::OwnEntry))?;
    tx.place_entry(row.n, place)?;
    Ok(Taken::default())
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
        // Ours, refused once and there after all: its body is here, whatever came.
        tx.place_entry(row.n, place)?;
        return Ok(Taken::default());
    }
    tx.insert_entry(&NewEntry { place: Some(place), reason, ..new_entry(entry, state) })?;
    let aside = (state == EntryState::Quarantined).then_some(entry.id());
    Ok(Taken { aside, ..Taken::default() })
}

/// Keeps an entry that stands where it may not. It may yet be accepted at another place, so its id stays free: the row has
/// one of its own.
fn put_aside(tx: &Tx<'_>, entry: &Entry, place: LogPlace, why: &StoredReason) -> Result<Taken, Error> {
    let id = sha256(&[b"bowline/aside/1", entry.id().as_bytes(), &place.pos.0.to_be_bytes()]);
    tx.insert_entry(&NewEntry {
        id: EntryId::from_bytes(id),
        place: Some(place),
        reason: Some(why),
        ..new_entry(entry, EntryState::Quarantined)
    })?;
    Ok(Taken { aside: Some(entry.id()), ..Taken::default() })
}

/// The row of the document that a payload is about, made if there is none; `None` if that is a document of another kind.
fn doc_for(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    payload: &Payload,
    wire: WireDoc,
) -> Result<Option<DocN>, Error> {
    let Some(kind) = Kind::from_number(payload.kind) else {
        return Ok(None);
    };
    if let Some(row) = tx.find_doc(Some(workspace), payload.doc)? {
        return Ok((row.kind == kind_column(kind)).then_some(row.n));
    }
    // Its id is known to everyone, so a member could take its place with something else.
    if (payload.doc == profile_id(workspace)) != (kind == Kind::Profile) {
        return Ok(None);
    }
    let made = tx.insert_doc(&NewDoc {
        ws: Some(workspace),
        id: payload.doc,
        wire: Some(wire),
        heads: &[],
        state: doc_state::SEALED,
        kind: kind_column(kind),
        summary: Summary::default(),
        deleted_at: None,
        created_at: payload.time,
    })?;
    Ok(Some(made))
}

/// The number of a kind as the store keeps it.
pub(crate) fn kind_column(kind: Kind) -> u8 {
    u8::try_from(kind.number()).unwrap_or(u8::MAX)
}

/// What lists show until the document is loaded. A claim from another document, or older than what is known, is none.
fn update_claim(tx: &Tx<'_>, doc: DocN, payload: &Payload) -> Result<(), Error> {
    let Some(row) = tx.doc(doc)? else {
        return Ok(());
    };
    let newer = payload.summary.updated_at >= row.summary.updated_at;
    // How it is filed is not claimed: that shows once the document is loaded.
    let marks = row.summary.marks.clone();
    let summary = if newer { summary_row(&payload.summary, marks) } else { row.summary };
    let deleted_at = if newer { payload.deleted_at } else { row.deleted_at };
    tx.update_doc(
        doc,
        &DocUpdate { heads: &row.heads, state: doc_state::SEALED, summary: &summary, deleted_at },
    )?;
    Ok(())
}

pub(crate) fn summary_row(summary: &bowline_core::document::Summary, marks: Vec<u8>) -> Summary {
    Summary {
        title: summary.title.clone(),
        // A transcript line may claim any time; no column holds more.
        updated_at: Millis(summary.updated_at.0.min(i64::MAX as u64)),
        count: summary.count,
        preview: summary.preview.clone(),
        marks,
    }
}

/// The kind of a fault and the signed heads that show it.
fn evidence(fault: &RelayFault) -> (u8, Vec<u8>) {
    let heads = |heads: &[&SeenHead]| heads.iter().flat_map(|head| encode(*head)).collect();
    match fault {
        RelayFault::Fork { ours, theirs } => (1, heads(&[ours, theirs])),
        RelayFault::Rollback { ours, theirs } => (2, heads(&[ours, theirs])),
        RelayFault::OtherLog { theirs } => (3, heads(&[theirs])),
        RelayFault::NotThePinnedLog => (4, Vec::new()),
        RelayFault::Nonsense(_) | RelayFault::KeepsRefusing | RelayFault::OtherRelay => (0, Vec::new()),
    }
}
