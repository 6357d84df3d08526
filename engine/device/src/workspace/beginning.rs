//! A log that begins from the state of a checkpoint, and not from its first entry: what stays below is stored aside as it comes, and is the log's
//! in one transaction with the state.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use bowline_core::sync::{Begun, Verdict};
use bowline_store::{Cursor, EntryRow, Kept, LogPlace, Reader, Tx};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, EntryId, LogTime, Moment, Position, WorkspaceId};
use bowline_wire::log::{Run, State};

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::again::was_accepted;
use crate::workspace::log_state::put_whole_log_state;
use crate::workspace::taking_in::{Brought, TakingIn};
use crate::{Damage, Error, Notice};

/// Bytes of entries that are taken in at once from where they were stored aside.
const TAKEN_AT_ONCE: usize = 4 << 20;

/// Entries that are read at once, without their bodies.
const READ_AT_ONCE: usize = 1024;

impl Workspaces {
    /// Stores entries aside that stay below a checkpoint.
    pub(super) fn keep(
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        entries: Vec<(Moment, Entry)>,
    ) -> Result<(), Error> {
        Ok(lent.store.transaction(|tx| {
            entries.iter().try_for_each(|(at, entry)| tx.keep(workspace, *at, &encode(&entry.to_signed())))
        })?)
    }

    /// Forgets what was stored aside.
    pub(super) fn drop_kept(lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<(), Error> {
        Ok(lent.store.transaction(|tx| tx.drop_kept(workspace))?)
    }

    /// Begins the log from a state, with what was stored aside.
    pub(super) fn begin(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        begun: &Begun,
    ) -> Result<(), Error> {
        let Begun { keys_changed, joined, new_incarnation, .. } = *begun;
        let brought = Brought { keys_changed, joined, new_incarnation, is_news: false };
        let own = self.device_in(lent.keys, workspace);
        let mut had = BTreeSet::new();
        self.take_in(lent, documents, (workspace, &brought, Some(&begun.log)), |tx, taking| {
            let was_withheld = tx.withheld_of_workspace(workspace)?.is_some();
            let before = tx.workspace(workspace)?.and_then(|row| row.cursor);
            tx.set_cursor(workspace, &cursor(begun))?;
            let again = tx.ids_again(workspace)?;
            let taken = take_kept(tx, taking, workspace, begun)?;
            if taken.len() as u64 != live_behind(&begun.state, before.map_or(Position::START, |it| it.pos)) {
                return Err(Error::Damaged(Damage::Kept));
            }
            tx.drop_kept(workspace)?;
            for id in begun.come.difference(&taken) {
                let_go(tx, workspace, *id)?;
                taking.note_own();
            }
            had = let_go_of_again(tx, workspace, (&begun.state, own))?;
            had.extend(again.into_iter().filter(|id| taken.contains(id)));
            forget_what_waits(tx, workspace, &begun.state)?;
            if !was_withheld && tx.withheld_of_workspace(workspace)?.is_some() {
                taking.tell(Notice::Withheld(workspace));
            }
            put_whole_log_state(tx, workspace, &begun.log)?;
            Ok(tx.put_begun(workspace, &encode(&begun.state))?)
        })?;
        let linked = self.linked(workspace)?;
        linked.replica.forget_again(&had);
        linked.begun_from(&begun.state);
        self.note_first_withheld(lent, workspace)
    }

    /// Tells the replica which of the entries are here that it asks for before a log begins. Whether it has asked.
    pub(super) fn hand_known(&mut self, lent: &mut Lent<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        let Some(runs) = self.replica(workspace)?.wants_known() else { return Ok(false) };
        let known = known(lent.read(), workspace, &runs)?;
        self.with_replica(lent, workspace, |replica, cx| replica.hand_known(known, cx))?;
        Ok(true)
    }
}

/// Goes through what was stored aside, in order. The signature of each entry is checked again, as that of any from the database.
fn each_kept(
    read: Reader<'_>,
    workspace: WorkspaceId,
    mut each: impl FnMut(Moment, Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after = Position::START;
    loop {
        let kept = read.kept(workspace, after, TAKEN_AT_ONCE)?;
        let Some(last) = kept.last() else { return Ok(()) };
        after = last.pos;
        for Kept { pos, time, entry } in kept {
            let entry = decode::<SignedEntry>(&entry).map_err(|_| Error::Damaged(Damage::Kept))?;
            let entry = entry.verify(workspace).map_err(|_| Error::Damaged(Damage::Kept))?;
            each(Moment { position: pos, time }, entry)?;
        }
    }
}

fn cursor(Begun { state, log, .. }: &Begun) -> Cursor {
    Cursor { log: log.head().log, pos: state.at, time: state.time, hash: state.hash, head: None }
}

/// How many entries stay that stand behind a place.
fn live_behind(state: &State, at: Position) -> u64 {
    let end = |run: &Run| run.first.0.saturating_add(run.count);
    state.live.iter().map(|run| end(run).saturating_sub(run.first.0.max(at.0.saturating_add(1)))).sum()
}

/// Takes in all that was stored aside, in order; gives the ids.
fn take_kept(
    tx: &Tx<'_>,
    taking: &mut TakingIn<'_>,
    workspace: WorkspaceId,
    begun: &Begun,
) -> Result<BTreeSet<EntryId>, Error> {
    let mut taken = BTreeSet::new();
    each_kept(**tx, workspace, |at, entry| {
        let log_hash = begun.state.hash_at(at.position);
        let place = LogPlace { pos: at.position, time: at.time, log_hash };
        taken.insert(entry.id());
        taking.take(tx, place, &verdict(entry, at.position, begun)?)
    })?;
    Ok(taken)
}

/// What an entry is that stays, by the roster at the state's place.
fn verdict(entry: Entry, at: Position, begun: &Begun) -> Result<Verdict, Error> {
    let (id, entry) = (entry.id(), Box::new(entry));
    if entry.header().entry_type == EntryType::Roster {
        let outcome = begun.records.get(&at).copied();
        let outcome = outcome.ok_or(Error::Bug("nobody knows what a record that stays did"))?;
        return Ok(Verdict::Roster(entry, outcome));
    }
    Ok(if begun.log.roster().given_up().covers(id, entry.header()) {
        Verdict::GivenUp(entry)
    } else if begun.come.contains(&id) {
        Verdict::Own(entry)
    } else if entry.body().is_none() {
        Verdict::Withheld(entry)
    } else {
        Verdict::Content(entry)
    })
}

/// The log has had an entry that was offered, and a snapshot stands in for it. No decision waits for one: all records stay.
fn let_go(tx: &Tx<'_>, workspace: WorkspaceId, id: EntryId) -> Result<(), Error> {
    match tx.entry_by_id(workspace, id)? {
        Some(row) => Ok(tx.let_go(row.n)?),
        None => Ok(()),
    }
}

/// The log has what was to come again as far as the chains of the state go, and has let go what was not stored aside. Gives the ids of that.
fn let_go_of_again(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    (state, own): (&State, DeviceId),
) -> Result<BTreeSet<EntryId>, Error> {
    let (mut gone, mut known) = (BTreeSet::new(), BTreeMap::new());
    let mut after = Position::START;
    loop {
        let rows = tx.again_rows(workspace, after, READ_AT_ONCE)?;
        let Some(place) = rows.last().and_then(|row| row.place) else { return Ok(gone) };
        after = place.pos;
        for row in rows {
            let Some(end) = state.end(&row.chain).filter(|end| row.seq <= end.seq) else { continue };
            // Another life of this device may have gone on with the chain, and then the number says nothing.
            let is_known = match known.entry(row.chain) {
                btree_map::Entry::Occupied(known) => *known.get(),
                btree_map::Entry::Vacant(unknown) => {
                    let is_here = row.chain.device != own || tx.entry_by_id(workspace, end.id)?.is_some();
                    *unknown.insert(is_here)
                }
            };
            if is_known && (row.seq < end.seq || row.id == end.id) {
                tx.let_go(row.n)?;
                gone.insert(row.id);
            }
        }
    }
}

/// Forgets what waits below the state for a body that nobody has to give any more, and the parts that wait for such a one.
fn forget_what_waits(tx: &Tx<'_>, workspace: WorkspaceId, state: &State) -> Result<(), Error> {
    let is_below = |row: &EntryRow| row.place.is_some_and(|place| place.pos <= state.at);
    let withheld = |after| Ok(tx.withheld_behind(workspace, after, READ_AT_ONCE)?);
    let incomplete = |after| Ok(tx.incomplete(workspace, after, state.at, READ_AT_ONCE)?);
    let mut forget = |row: &EntryRow| match row.place {
        Some(place) if is_below(row) && !state.is_live(place.pos) => forget(tx, row),
        _ => Ok(()),
    };
    each(withheld, is_below, &mut forget)?;
    each(incomplete, is_below, &mut forget)
}

/// Goes through rows in log order, as long as they are asked for, reading some at a time.
fn each(
    read: impl Fn(Position) -> Result<Vec<EntryRow>, Error>,
    goes_on: impl Fn(&EntryRow) -> bool,
    done: &mut impl FnMut(&EntryRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after = Position::START;
    loop {
        let rows = read(after)?;
        let Some(place) = rows.last().filter(|row| goes_on(row)).and_then(|row| row.place) else {
            return rows.iter().try_for_each(done);
        };
        rows.iter().try_for_each(&mut *done)?;
        after = place.pos;
    }
}

/// Forgets an entry, unless something that was written here hangs on it.
fn forget(tx: &Tx<'_>, row: &EntryRow) -> Result<(), Error> {
    if tx.has_change_rows(row.n)? { Ok(tx.let_go(row.n)?) } else { Ok(tx.take_off(row.n)?) }
}

/// What is here of the entries at these places: id and time of each that counts.
pub(super) fn known(
    read: Reader<'_>,
    workspace: WorkspaceId,
    runs: &[Run],
) -> Result<Vec<(Position, EntryId, LogTime)>, Error> {
    let mut known = Vec::new();
    for run in runs {
        let last = Position(run.first.0.saturating_add(run.count - 1));
        let mut after = Position(run.first.0.saturating_sub(1));
        loop {
            let rows = read.stretch(workspace, after, last, READ_AT_ONCE)?;
            let Some(place) = rows.last().and_then(|row| row.place) else { break };
            after = place.pos;
            let counting = rows.iter().filter(|row| was_accepted(row));
            known.extend(counting.filter_map(|row| row.place.map(|place| (place.pos, row.id, place.time))));
        }
    }
    Ok(known)
}
