//! A relay that was restored from its backup: the log is cut back to where it goes on from, in one transaction, and what stood behind is
//! sent again. Documents keep showing it meanwhile.

use std::collections::BTreeSet;

use bowline_core::sync::{Cut, CutBack, Replay};
use bowline_store::{
    Cursor, DocN, EntryN, EntryRow, EntryState, EntryWithBody, LogPlace, Reader, StoredReason, Tx,
};
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DeviceId, EntryId, Lane, Position, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::Epoch;
use bowline_wire::successor::SaidSuccessor;

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::{entry_of, id_of, roster_records};
use crate::workspace::Workspaces;
use crate::workspace::connection::{cut_holding, held_by};
use crate::workspace::keys_at_rest::{
    KEYRING, KEYS_APART, StoredKeys, StoredKeysApart, keys_apart, seal_keys,
};
use crate::workspace::linked::with_hashes;
use crate::workspace::log_state::{begin, begun_state, put_whole_log_state};
use crate::workspace::owed::{self, Codes, Owed};
use crate::workspace::quarantine::QuarantineReason;
use crate::workspace::roster::release_decision;
use crate::workspace::sealed_values::AtRest;
use crate::workspace::taken::Taken;
use crate::workspace::unsealing::refuse_own;
use crate::workspace::workspaces::{StoredSuccession, restore, state};
use crate::{Damage, Error, Notice};

/// Entries that are read at once while the log is made anew.
const REPLAYED_AT_ONCE: usize = 1024;

/// Bytes of sealed bodies that are read at once to be sent again.
const FED_AT_ONCE: usize = 1 << 20;

impl Workspaces {
    /// Cuts the log back to where it was continued, and goes on with what is left of it.
    pub(super) fn cut_back(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        back: CutBack,
    ) -> Result<(), Error> {
        let cut = &back.cut;
        let linked = self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let before = linked.replica.log().ok_or(Error::Bug("a log that is not here was cut back"))?;
        let entries = lent.store.transaction(|tx| -> Result<usize, Error> {
            let log = cut_log(tx, workspace, cut, before)?;
            owed::put(tx, workspace, Owed::between(before.roster(), log.roster(), Codes::Closed))?;
            Ok(tx.ids_again(workspace)?.len())
        })?;
        // Of a move the person hears when the Owner's word comes.
        if cut.succession.begun_again().is_none() {
            lent.notices.push(Notice::Restored { workspace, entries });
        }
        let row = lent.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        let fresh = restore(lent.read(), lent.keys, &row)?.replica;
        let linked = self.linked(workspace)?;
        let old = std::mem::replace(&mut linked.replica, fresh);
        linked.fed_up_to = None;
        self.with_replica(lent, workspace, |replica, cx| replica.go_on(old, back, cx))
    }

    /// Stores by which others a log came to be signed by its key.
    pub(super) fn note_successors(
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        said: Vec<SaidSuccessor>,
    ) -> Result<(), Error> {
        lent.store.transaction(|tx| put_succession(tx, workspace, said))
    }

    /// Hands the replica more of what is sent again, or ends it once all of that is answered. Whether there was something to do.
    pub(super) fn feed_again(&mut self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let linked = self.linked(workspace)?;
        if linked.replica.to_send_again() == 0 {
            return self.end_again(lent, workspace);
        }
        if !linked.replica.wants_feed() {
            return Ok(false);
        }
        let found = lent.read().again(workspace, linked.fed_up_to, FED_AT_ONCE)?;
        if let Some(place) = found.last().and_then(|last| last.entry.place) {
            linked.fed_up_to = Some(place.pos);
        }
        let mut entries = Vec::with_capacity(found.len());
        let mut damaged = Vec::new();
        for row in found {
            let (n, id) = (row.entry.n, row.entry.id);
            match entry_of(row) {
                Ok(entry) if entry.body().is_some() => entries.push(entry),
                // What cannot be read cannot be sent either.
                _ => damaged.push((n, id)),
            }
        }
        if !damaged.is_empty() {
            let why = QuarantineReason::Damaged.plain();
            lent.store.transaction(|tx| {
                damaged.iter().try_for_each(|(n, _)| tx.refuse_again(*n, EntryState::Quarantined, &why))
            })?;
        }
        let damaged: BTreeSet<EntryId> = damaged.into_iter().map(|(_, id)| id).collect();
        self.with_replica(lent, workspace, |replica, cx| {
            let is_end = entries.is_empty() && damaged.is_empty();
            replica.forget_again(&damaged);
            if is_end || !entries.is_empty() {
                replica.feed(entries, cx);
            }
        })?;
        Ok(true)
    }

    /// Everything is answered: keys that no longer belong to an epoch are kept for reading alone, and what the log owes is seen to.
    fn end_again(&mut self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let is_over =
            self.replica(workspace)?.ready_for_record().is_ok() && owed::is_lacking(lent.read(), workspace)?;
        if !is_over {
            return Ok(false);
        }
        if !self.linked(workspace)?.replica.set_lost_keys_apart() {
            return Ok(self.take_back_given_up(lent, workspace)? || self.settle_owed(lent, workspace)?);
        }
        if let Some(now) = self.replica(workspace)?.keyring() {
            let sealed = seal_keys(now, lent.keys, &mut *lent.random);
            lent.store.transaction(|tx| put_keys(tx, workspace, &sealed))?;
        }
        Ok(true)
    }

    /// An entry that was on the log is not taken again: it is kept and shown, and what this device wrote in it is sealed anew.
    pub(super) fn not_taken_again(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        (entry, reason): (EntryId, Reason),
    ) -> Result<(), Error> {
        let Some(row) = lent.read().entry_by_id(workspace, entry)? else {
            return Ok(());
        };
        let own = self.device_in(lent.keys, workspace);
        let is_own = self.own_ids(lent.keys, workspace).contains(&row.chain.device);
        let keyring = self.replica(workspace)?.keyring().cloned();
        let mut rest = AtRest { keys: lent.keys, random: &mut *lent.random };
        lent.store.transaction(|tx| -> Result<(), Error> {
            if is_own {
                refuse_own(tx, &row, keyring.as_ref(), reason)?;
                if row.chain.device != own {
                    // What it wrote as another device is to be written again in its name.
                    row.doc.map_or(Ok(()), |doc| make_anew(tx, doc))?;
                }
                release_decision(tx, &mut rest, workspace, entry)
            } else {
                put_apart(tx, &row, &QuarantineReason::not_taken_again(reason))
            }
        })?;
        // What is in memory may hold what counts no more.
        documents.forget_all();
        lent.notices.push(if is_own {
            Notice::Refused { workspace, entry, reason }
        } else {
            Notice::Quarantined { workspace, entry }
        });
        Ok(())
    }
}

/// Puts an entry in its new place that was to come again.
pub(super) fn put_again(tx: &Tx<'_>, row: &EntryRow, place: LogPlace) -> Result<Taken, Error> {
    tx.place_again(row.n, place)?;
    Ok(Taken { again: true, ..Taken::default() })
}

/// Keeps an entry by somebody else that the log does not take again. Its document is made anew without it.
pub(super) fn put_apart(tx: &Tx<'_>, row: &EntryRow, why: &StoredReason) -> Result<(), Error> {
    tx.refuse_again(row.n, EntryState::Quarantined, why)?;
    row.doc.map_or(Ok(()), |doc| make_anew(tx, doc))
}

/// Has a document made anew of which entries by others count no more.
pub(super) fn make_anew(tx: &Tx<'_>, doc: DocN) -> Result<(), Error> {
    tx.make_anew(doc)?;
    // A document of which nothing is left would be shown as an empty one.
    let is_empty = tx.last_placed(doc)?.is_none()
        && !tx.has_let_go(doc)?
        && !tx.is_partly_apart(doc)?
        && tx.changes(doc)?.is_empty()
        && tx.doc(doc)?.is_some_and(|row| !row.only_here.is_some());
    if is_empty { Ok(tx.delete_doc(doc)?) } else { Ok(()) }
}

/// Documents of which the log has lost entries by devices that have come or gone just now are made anew, or all if this device has: it depends
/// on whether both are in the workspace whether what was built on the entries waits.
pub(super) fn look_at_lost_again(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    own: DeviceId,
    moved: &BTreeSet<DeviceId>,
) -> Result<(), Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let lost = [QuarantineReason::NotTakenAgain, QuarantineReason::GivenUp].map(QuarantineReason::number);
    let is_lost = |row: &EntryRow| row.reason.as_ref().is_some_and(|it| lost.contains(&it.number));
    let is_judged_anew = |row: &EntryRow| moved.contains(&own) || moved.contains(&row.chain.device);
    let aside = tx.entries_in_state(workspace, EntryState::Quarantined)?;
    let found = aside.iter().filter(|row| is_lost(row) && is_judged_anew(row));
    let docs: BTreeSet<DocN> = found.filter_map(|row| row.doc).collect();
    Ok(docs.into_iter().try_for_each(|doc| tx.make_anew(doc))?)
}

/// Stores by which others a log came to be signed by its key.
fn put_succession(tx: &Tx<'_>, workspace: WorkspaceId, said: Vec<SaidSuccessor>) -> Result<(), Error> {
    let bytes = encode(&StoredSuccession(said));
    Ok(tx.put_state(workspace, state::SUCCESSION, &bytes)?)
}

/// Takes everything behind a place off the log, to be sent again in the old order, and keeps the log as it is up to there.
pub(super) fn cut_log(tx: &Tx<'_>, workspace: WorkspaceId, cut: &Cut, before: &Log) -> Result<Log, Error> {
    let log = replayed(**tx, workspace, cut)?;
    let mut from = cut.at;
    loop {
        let tail = tx.stretch(workspace, from, before.head().position, REPLAYED_AT_ONCE)?;
        let Some(last) = tail.last().and_then(|row| row.place) else { break };
        from = last.pos;
        for row in tail.iter().filter(|row| !was_accepted(row)) {
            tx.take_off(row.n)?;
        }
    }
    tx.set_back(workspace, cut.at)?;
    tx.set_cursor(workspace, &cursor(&log, cut))?;
    put_whole_log_state(tx, workspace, &log)?;
    for (device, _) in before.roster().devices() {
        if held_by(**tx, workspace, *device)? > cut.at {
            cut_holding(tx, workspace, *device, cut.at)?;
        }
    }
    put_succession(tx, workspace, cut.succession.said())?;
    Ok(log)
}

/// Stores the keys of the log's epochs. Those that were stored before stay beside them if one is of no epoch that the log still has,
/// for reading what was sealed in it.
pub(super) fn put_keys(tx: &Tx<'_>, workspace: WorkspaceId, now: &[u8]) -> Result<(), Error> {
    if let Some(before) = tx.state(workspace, KEYRING)? {
        let kept = epochs_of(now)?;
        if epochs_of(&before)?.iter().any(|epoch| !kept.contains(epoch)) {
            let mut apart = keys_apart(**tx, workspace)?;
            apart.push(before.to_vec());
            tx.put_state(workspace, KEYS_APART, &encode(&StoredKeysApart(apart)))?;
        }
    }
    Ok(tx.put_state(workspace, KEYRING, now)?)
}

fn epochs_of(stored: &[u8]) -> Result<Vec<Epoch>, Error> {
    let stored = StoredKeys::from_bytes(stored).map_err(|_| Error::Damaged(Damage::Keyring))?;
    Ok(stored.epochs)
}

/// The log up to where it was continued, made anew by the rules that decided when its entries came.
fn replayed(read: Reader<'_>, workspace: WorkspaceId, cut: &Cut) -> Result<Log, Error> {
    let ids = (cut.head.log, &cut.succession);
    let (begun, mut after) = match begun_state(read, workspace)? {
        Some(state) if cut.at < state.at => return Err(Error::LetGo(workspace, state.at)),
        Some(state) => {
            let begun = begin(&state, workspace, ids, &roster_records(read, workspace)?);
            (begun.map_err(|_| Error::Damaged(Damage::LogState))?, state.at)
        }
        None => (Log::begun(workspace, ids.0, ids.1), Position::START),
    };
    let mut replay = Replay::of(begun);
    loop {
        let rows = read.stretch(workspace, after, cut.at, REPLAYED_AT_ONCE)?;
        let Some(last) = rows.last().and_then(|row| row.place) else { break };
        after = last.pos;
        for row in rows {
            let (was_accepted, n) = (was_accepted(&row), row.n);
            let time = row.place.map(|place| place.time).unwrap_or_default();
            let entry = stored(read, n, row)?;
            let taken =
                with_hashes(read, workspace, |hash_at| replay.take(time, entry, was_accepted, hash_at))?;
            taken.map_err(|_| Error::Damaged(Damage::Entry))?;
        }
    }
    let log = replay.finish().map_err(|_| Error::Damaged(Damage::Entry))?;
    let head = log.head();
    if (cut.at, cut.hash) == (head.position, head.hash) {
        Ok(log)
    } else {
        Err(Error::Damaged(Damage::Entry))
    }
}

/// An entry as it is stored; of content without its body, which no rule looks at.
fn stored(read: Reader<'_>, n: EntryN, row: EntryRow) -> Result<Entry, Error> {
    let body = if row.chain.lane == Lane::Control { read.body(n)? } else { None };
    entry_of(EntryWithBody { entry: row, body })
}

/// Whether an entry of the log counts there, whatever became of what is in it.
pub(super) fn was_accepted(row: &EntryRow) -> bool {
    row.id == id_of(row.ws, &row.header)
}

fn cursor(log: &Log, cut: &Cut) -> Cursor {
    let head = log.head();
    let is_there = cut.head.position == head.position;
    Cursor {
        log: cut.head.log,
        pos: head.position,
        time: log.time(),
        hash: head.hash,
        head: is_there.then(|| encode(&cut.head)),
    }
}
