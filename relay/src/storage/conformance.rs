//! What every storage back end has to do, as test cases over [`Storage`]. A back end runs [`cases`] in its tests.
//!
//! A case gets a function that opens one and the same storage, empty at first, again and again: as after a restart.
//!
//! Longer than 500 lines because a back end has to do all of it, and each case is short.

mod continued;
mod letting_go;

use std::ops::DerefMut;

use bowline_wire::codec::{Canonical, Writer, decode};
use bowline_wire::draft::DRAFT;
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::Party;
use bowline_wire::hash::{log_hash, log_seed};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{
    EpochId, Lane, LogHash, LogTime, Position, RosterHash, StateDigest, TicketKey, WorkspaceId,
};
use bowline_wire::log::{ChainTip, Checkpoints, Stood};
use bowline_wire::roster::record::Record;

use self::continued::{a_log_that_was_lost_stays_lost, logs_go_on_under_other_keys};
use self::letting_go::{entries_go_in_steps_and_what_stays_is_found, states_are_kept_in_pieces};
use crate::keys::{LogKey, LogSecret};
use crate::storage::{
    Admission, Budget, LogCommit, NewLog, Row, Standing, Storage, StorageError, Usage, framed_len, stored_len,
};
use crate::testing::author::{Author, View};

/// Opens the storage once more. It is closed when what this gives is dropped.
pub type Open<'o, S> = &'o dyn Fn() -> Box<dyn DerefMut<Target = S>>;

/// One test case, over a storage that is opened again and again.
pub type Case<S> = fn(Open<'_, S>);

pub(crate) const ALL: Budget = Budget { entries: usize::MAX, bytes: usize::MAX };

/// Every case, with its name. Each needs an empty storage of its own.
pub fn cases<S: Storage>() -> [(&'static str, Case<S>); 20] {
    [
        ("an empty storage knows nothing", an_empty_storage_knows_nothing),
        ("what was committed is there after reopening", what_was_committed_is_there_after_reopening),
        ("a log goes on where it stopped", a_log_goes_on_where_it_stopped),
        ("a refused commit leaves nothing behind", a_refused_commit_leaves_nothing_behind),
        ("a log is made once", a_log_is_made_once),
        ("a log keeps its draft", a_log_keeps_its_draft),
        ("what was said of checkpoints is kept", what_was_said_of_checkpoints_is_kept),
        ("rows have no gap and no overlap", rows_have_no_gap_and_no_overlap),
        ("entries are found by id", entries_are_found_by_id),
        ("entries are found by number in their chain", entries_are_found_by_number_in_their_chain),
        ("reads stop at the budget", reads_stop_at_the_budget),
        ("roster entries are read apart", roster_entries_are_read_apart),
        ("tips are the latest", tips_are_the_latest),
        ("workspaces are apart", workspaces_are_apart),
        ("bodies are lost and found", bodies_are_lost_and_found),
        ("a log that was lost stays lost", a_log_that_was_lost_stays_lost),
        ("parties stand as they last did", parties_stand_as_they_last_did),
        ("logs go on under other keys", logs_go_on_under_other_keys),
        ("states are kept in pieces", states_are_kept_in_pieces),
        ("entries go in steps and what stays is found", entries_go_in_steps_and_what_stays_is_found),
    ]
}

/// Writes rows for one log.
pub(crate) struct Scribe {
    author: Author,
    view: View,
    pub(crate) secret: LogSecret,
    /// The draft with which the log is made.
    pub(crate) draft: u16,
    position: Position,
    time: LogTime,
    hash: LogHash,
    is_made: bool,
}

impl Scribe {
    pub(crate) fn new(number: u8) -> Self {
        let workspace = WorkspaceId::from_bytes([number; 32]);
        let secret = LogSecret::from_bytes([number; 32]);
        let key = LogKey::from(&secret);
        let hash = log_seed(workspace, key.id());
        let head = bowline_wire::head::Head { workspace, log: key.id(), position: Position::START, hash };
        let seen = Some(key.sign(head).unwrap());
        let view = View { workspace, seen, roster: RosterHash::ZERO, epoch: EpochId::from_bytes([1; 16]) };
        let author = Author::new(number);
        let (time, position) = (LogTime::START, Position::START);
        Self { author, view, secret, draft: DRAFT, position, time, hash, is_made: false }
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.view.workspace
    }

    pub(crate) fn content(&mut self, len: usize) -> Entry {
        self.author.content(&self.view, &vec![0x5a; len])
    }

    pub(super) fn roster_entry(&mut self) -> Entry {
        let record = Record::Unknown(99);
        let header = self.author.draft(&self.view, EntryType::Roster, Lane::Control);
        self.author.write(header, &record.to_body())
    }

    pub(crate) fn commit_of(&mut self, entries: Vec<Entry>) -> LogCommit {
        let mut tips = std::collections::BTreeMap::new();
        let mut rows = Vec::new();
        for entry in entries {
            self.position = self.position.next();
            self.time = LogTime::at_most(self.time.millis().plus(1_000));
            self.hash = log_hash(self.hash, entry.id(), self.time);
            let header = entry.header();
            let tip = ChainTip {
                seq: header.seq,
                id: entry.id(),
                seen: header.seen,
                held: header.held,
                roster: self.position.0,
                since: self.time,
                log: 0,
            };
            tips.insert(header.chain(), tip);
            rows.push(Row { position: self.position, time: self.time, hash: self.hash, entry });
        }
        let made = NewLog { secret: self.secret.clone(), draft: self.draft, begins_again: Vec::new() };
        let create = (!std::mem::replace(&mut self.is_made, true)).then_some(made);
        LogCommit {
            workspace: self.workspace(),
            create,
            rows,
            tips: tips.into_iter().collect(),
            weights: Vec::new(),
            checkpoints: None,
            holdings: Vec::new(),
            parties: Vec::new(),
        }
    }

    /// A commit of `count` small content entries.
    pub(crate) fn next(&mut self, count: usize) -> LogCommit {
        let entries = (0..count).map(|number| self.content(10 + number)).collect();
        self.commit_of(entries)
    }
}

/// Checks everything a storage says about one log that holds `rows`.
pub(crate) fn assert_holds<S: Storage>(
    storage: &S,
    secret: &LogSecret,
    workspace: WorkspaceId,
    rows: &[Row],
) {
    let log = storage.log(workspace).unwrap().expect("there is a log");
    let last = rows.last().expect("a log begins with an entry");
    assert_eq!((log.position, log.time, log.hash), (last.position, last.time, last.hash));
    assert_eq!(log.secret.as_bytes(), secret.as_bytes());
    let mut usage = Usage::default();
    for row in rows {
        usage.add(&row.entry);
    }
    assert_eq!(log.usage, usage);
    let page = storage.read(workspace, Position::START, ALL).unwrap();
    assert_eq!(page.entries, signed(rows));
    assert!(!page.more);
    for row in rows {
        assert_eq!(storage.hash_at(workspace, row.position).unwrap(), Some(row.hash));
        assert_eq!(storage.position_of(workspace, row.entry.id()).unwrap(), Some(row.position));
    }
    assert_eq!(storage.hash_at(workspace, Position::START).unwrap(), None);
    assert_eq!(storage.hash_at(workspace, last.position.next()).unwrap(), None);
    assert_eq!(storage.hash_at(workspace, Position(u64::MAX)).unwrap(), None);
}

pub(crate) fn assert_absent<S: Storage>(storage: &S, commit: &LogCommit) {
    let workspace = commit.workspace;
    assert!(storage.log(workspace).unwrap().is_none());
    assert_eq!(storage.tips(workspace).unwrap(), vec![]);
    assert_rows_absent(storage, commit);
    assert_eq!(storage.read(workspace, Position::START, ALL).unwrap().entries, vec![]);
    assert_eq!(storage.read_roster(workspace, Position::START, ALL).unwrap().entries, vec![]);
}

fn assert_rows_absent<S: Storage>(storage: &S, commit: &LogCommit) {
    for row in &commit.rows {
        let header = row.entry.header();
        assert_eq!(storage.position_of(commit.workspace, row.entry.id()).unwrap(), None);
        assert_eq!(storage.header_at(commit.workspace, &header.chain(), header.seq).unwrap(), None);
        assert_eq!(storage.hash_at(commit.workspace, row.position).unwrap(), None);
    }
}

fn assert_misuse(result: &Result<(), StorageError>) {
    assert!(matches!(result, Err(StorageError::Misuse(_))), "{result:?}");
}

fn signed(rows: &[Row]) -> Vec<(Position, LoggedEntry)> {
    let logged = |row: &Row| LoggedEntry { time: row.time, entry: row.entry.to_signed() };
    rows.iter().map(|row| (row.position, logged(row))).collect()
}

fn an_empty_storage_knows_nothing<S: Storage>(open: Open<'_, S>) {
    assert_absent(&**open(), &Scribe::new(1).next(3));
}

fn what_was_committed_is_there_after_reopening<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let commit = scribe.next(3);
    open().commit(std::slice::from_ref(&commit)).unwrap();
    assert_holds(&**open(), &scribe.secret, scribe.workspace(), &commit.rows);
}

fn a_log_goes_on_where_it_stopped<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let mut rows = Vec::new();
    for count in [1, 4, 2] {
        let commit = scribe.next(count);
        open().commit(std::slice::from_ref(&commit)).unwrap();
        rows.extend(commit.rows);
        assert_holds(&**open(), &scribe.secret, scribe.workspace(), &rows);
    }
}

/// The last of three logs in one batch is the one that cannot be stored, so that something had to be undone.
fn a_refused_commit_leaves_nothing_behind<S: Storage>(open: Open<'_, S>) {
    let (mut old, mut new, mut broken) = (Scribe::new(1), Scribe::new(2), Scribe::new(3));
    let begun = old.next(2);
    open().commit(std::slice::from_ref(&begun)).unwrap();
    let tips = open().tips(old.workspace()).unwrap();

    let (more, made) = (old.next(2), new.next(2));
    let unmade = LogCommit { create: None, ..broken.next(2) };
    assert_misuse(&open().commit(&[more.clone(), made.clone(), unmade.clone()]));

    let storage = open();
    assert_holds(&**storage, &old.secret, old.workspace(), &begun.rows);
    assert_rows_absent(&**storage, &more);
    assert_eq!(storage.tips(old.workspace()).unwrap(), tips);
    assert_absent(&**storage, &made);
    assert_absent(&**storage, &unmade);
    drop(storage);

    open().commit(&[more.clone(), made.clone()]).unwrap();
    let rows: Vec<Row> = begun.rows.into_iter().chain(more.rows).collect();
    assert_holds(&**open(), &old.secret, old.workspace(), &rows);
    assert_holds(&**open(), &new.secret, new.workspace(), &made.rows);
}

fn a_log_is_made_once<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let commit = scribe.next(2);
    open().commit(std::slice::from_ref(&commit)).unwrap();
    let made = NewLog { secret: LogSecret::from_bytes([0xee; 32]), draft: DRAFT, begins_again: Vec::new() };
    let again = LogCommit { create: Some(made), ..scribe.next(1) };
    assert_misuse(&open().commit(std::slice::from_ref(&again)));
    assert_holds(&**open(), &scribe.secret, scribe.workspace(), &commit.rows);
    let mut other = Scribe::new(2);
    let empty = other.commit_of(vec![]);
    assert_misuse(&open().commit(std::slice::from_ref(&empty)));
    assert_absent(&**open(), &empty);
}

fn what_was_said_of_checkpoints_is_kept<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let workspace = scribe.workspace();
    let said = || open().log(workspace).unwrap().unwrap().checkpoints;
    open().commit(&[scribe.next(1)]).unwrap();
    assert_eq!(said(), Checkpoints::default());
    let stood = Stood { at: Position(1), digest: StateDigest::from_bytes([3; 32]), since: Position(2) };
    let mut bytes = Writer::new();
    bytes.array(2).option(Some(&stood), |to, stood| stood.write(to)).option(None::<&Stood>, |_, _| {});
    let checkpoints: Checkpoints = decode(&bytes.into_bytes()).unwrap();
    let commit = LogCommit { checkpoints: Some(checkpoints.clone()), ..scribe.next(1) };
    open().commit(&[commit]).unwrap();
    open().commit(&[scribe.next(1)]).unwrap();
    assert_eq!(said(), checkpoints);
}

fn a_log_keeps_its_draft<S: Storage>(open: Open<'_, S>) {
    for (number, draft) in [(1, 0), (2, DRAFT), (3, u16::MAX)] {
        let mut scribe = Scribe { draft, ..Scribe::new(number) };
        open().commit(&[scribe.next(1)]).unwrap();
        open().commit(&[scribe.next(1)]).unwrap();
        assert_eq!(open().log(scribe.workspace()).unwrap().map(|log| log.draft), Some(draft));
    }
}

fn rows_have_no_gap_and_no_overlap<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let commit = scribe.next(3);
    open().commit(std::slice::from_ref(&commit)).unwrap();
    let next = scribe.next(3);
    let without = |index: usize| {
        let mut rows = next.rows.clone();
        rows.remove(index);
        LogCommit { rows, ..next.clone() }
    };
    let swapped = {
        let mut rows = next.rows.clone();
        rows.swap(0, 1);
        LogCommit { rows, ..next.clone() }
    };
    for wrong in [without(0), without(1), swapped, LogCommit { create: None, ..commit.clone() }] {
        assert_misuse(&open().commit(std::slice::from_ref(&wrong)));
        assert_holds(&**open(), &scribe.secret, scribe.workspace(), &commit.rows);
    }
    assert_misuse(&open().commit(&[next.clone(), next]));
    assert_holds(&**open(), &scribe.secret, scribe.workspace(), &commit.rows);
}

fn entries_are_found_by_id<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let commit = scribe.next(3);
    open().commit(std::slice::from_ref(&commit)).unwrap();
    let unknown = scribe.content(1).id();
    let storage = open();
    assert_eq!(storage.position_of(scribe.workspace(), unknown).unwrap(), None);
    for (row, position) in commit.rows.iter().zip(1..) {
        assert_eq!(
            storage.position_of(scribe.workspace(), row.entry.id()).unwrap(),
            Some(Position(position))
        );
    }
}

fn entries_are_found_by_number_in_their_chain<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let entries = vec![scribe.content(1), scribe.roster_entry(), scribe.content(2)];
    let commit = scribe.commit_of(entries.clone());
    open().commit(&[commit]).unwrap();
    let storage = open();
    let at = |lane, seq| storage.header_at(scribe.workspace(), &scribe.author.chain(lane), seq).unwrap();
    let bare = |entry: &Entry| Some(SignedEntry::from_parts(entry.signed_header().to_signed(), None));
    assert_eq!(at(Lane::Content, 1), bare(&entries[0]));
    assert_eq!(at(Lane::Content, 2), bare(&entries[2]));
    assert_eq!(at(Lane::Control, 1), bare(&entries[1]));
    for (lane, seq) in [(Lane::Content, 0), (Lane::Content, 3), (Lane::Control, 2)] {
        assert_eq!(at(lane, seq), None);
    }
}

fn reads_stop_at_the_budget<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let entries = [100, 5000, 100, 100].map(|len| scribe.content(len)).to_vec();
    let len = |index: usize| framed_len(&entries[index]);
    let rows = scribe.commit_of(entries.clone());
    open().commit(std::slice::from_ref(&rows)).unwrap();
    let storage = open();
    let read = |after, entries, bytes| {
        let page = storage.read(scribe.workspace(), Position(after), Budget { entries, bytes }).unwrap();
        (page.entries.iter().map(|(position, _)| position.0).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(read(0, 10, usize::MAX), (vec![1, 2, 3, 4], false));
    assert_eq!(read(0, 10, len(0) + len(1)), (vec![1, 2], true));
    assert_eq!(read(0, 10, len(0) + len(1) - 1), (vec![1], true));
    assert_eq!(read(1, 10, 0), (vec![2], true), "the first is given whatever its size");
    assert_eq!(read(2, 10, len(2) + len(3)), (vec![3, 4], false));
    assert_eq!(read(0, 3, usize::MAX), (vec![1, 2, 3], true));
    assert_eq!(read(1, 3, usize::MAX), (vec![2, 3, 4], false));
    assert_eq!(read(4, 10, usize::MAX), (vec![], false));
    assert_eq!(read(u64::MAX, 10, usize::MAX), (vec![], false));
    assert_eq!(storage.read(scribe.workspace(), Position(1), ALL).unwrap().entries, signed(&rows.rows)[1..]);
}

fn roster_entries_are_read_apart<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let entries = vec![
        scribe.roster_entry(),
        scribe.content(5),
        scribe.roster_entry(),
        scribe.content(5),
        scribe.roster_entry(),
    ];
    let commit = scribe.commit_of(entries);
    open().commit(std::slice::from_ref(&commit)).unwrap();
    let storage = open();
    let read = |after, entries| {
        let budget = Budget { entries, bytes: usize::MAX };
        let page = storage.read_roster(scribe.workspace(), Position(after), budget).unwrap();
        (page.entries, page.more)
    };
    let all = signed(&commit.rows);
    let records = [all[0].clone(), all[2].clone(), all[4].clone()];
    assert_eq!(read(0, 10), (records.to_vec(), false));
    assert_eq!(read(1, 10), (records[1..].to_vec(), false));
    assert_eq!(read(2, 1), (records[1..2].to_vec(), true));
    assert_eq!(read(5, 10), (vec![], false));
}

fn tips_are_the_latest<S: Storage>(open: Open<'_, S>) {
    let mut scribe = Scribe::new(1);
    let first = vec![scribe.content(1), scribe.roster_entry(), scribe.content(1)];
    let second = vec![scribe.content(1)];
    let (first, second) = (scribe.commit_of(first), scribe.commit_of(second));
    open().commit(std::slice::from_ref(&first)).unwrap();
    assert_eq!(sorted(open().tips(scribe.workspace()).unwrap()), sorted(first.tips.clone()));
    open().commit(std::slice::from_ref(&second)).unwrap();
    let control = first.tips.iter().find(|(chain, _)| chain.lane == Lane::Control).copied();
    let latest = second.tips.into_iter().chain(control).collect();
    assert_eq!(sorted(open().tips(scribe.workspace()).unwrap()), sorted(latest));
}

fn sorted<K: Ord + Copy, V>(mut tips: Vec<(K, V)>) -> Vec<(K, V)> {
    tips.sort_by_key(|(chain, _)| *chain);
    tips
}

fn workspaces_are_apart<S: Storage>(open: Open<'_, S>) {
    let (mut one, mut two) = (Scribe::new(1), Scribe::new(2));
    let (first, second) = (one.next(2), two.next(3));
    open().commit(&[first.clone(), second.clone()]).unwrap();
    let storage = open();
    assert_holds(&**storage, &one.secret, one.workspace(), &first.rows);
    assert_holds(&**storage, &two.secret, two.workspace(), &second.rows);
    assert_eq!(storage.position_of(one.workspace(), second.rows[0].entry.id()).unwrap(), None);
    assert_eq!(storage.header_at(one.workspace(), &two.author.chain(Lane::Content), 1).unwrap(), None);
    assert_eq!(sorted(storage.tips(one.workspace()).unwrap()), sorted(first.tips));
    assert!(stored_len(&second.rows[0].entry) > 0);
}

/// For back ends that can be copied: what happens to either afterwards does not reach the other.
///
/// # Panics
/// If it does.
pub fn a_snapshot_is_a_storage_of_its_own<S: Storage>(mut storage: S, copy: impl Fn(&S) -> S) {
    let mut scribe = Scribe::new(1);
    let (first, second) = (scribe.next(2), scribe.next(2));
    storage.commit(std::slice::from_ref(&first)).unwrap();
    let snapshot = copy(&storage);
    storage.commit(std::slice::from_ref(&second)).unwrap();
    assert_holds(&snapshot, &scribe.secret, scribe.workspace(), &first.rows);
    assert_eq!(sorted(snapshot.tips(scribe.workspace()).unwrap()), sorted(first.tips));
}

/// What is stored of the bodies of a log.
fn bodies<S: Storage>(storage: &S, workspace: WorkspaceId) -> Vec<Option<Vec<u8>>> {
    let page = storage.read(workspace, Position::START, ALL).unwrap();
    let body = |entry: SignedEntry| entry.verify(workspace).unwrap().body().map(<[u8]>::to_vec);
    page.entries.into_iter().map(|(_, logged)| body(logged.entry)).collect()
}

fn bodies_are_lost_and_found<S: Storage>(open: Open<'_, S>) {
    let (mut scribe, mut other) = (Scribe::new(1), Scribe::new(2));
    let (commit, beside) = (scribe.next(5), other.next(3));
    let workspace = scribe.workspace();
    open().commit(&[commit.clone(), beside.clone()]).unwrap();
    let lost = |after, limit| open().lost_bodies(workspace, Position(after), limit).unwrap();
    assert_eq!(lost(0, 9), []);
    let whole = bodies(&**open(), workspace);

    open().put_bodies(workspace, &[(Position(2), None), (Position(4), None)]).unwrap();
    assert_eq!((lost(0, 9), lost(0, 1)), (vec![Position(2), Position(4)], vec![Position(2)]));
    assert_eq!((lost(2, 9), lost(4, 9), lost(u64::MAX, 9)), (vec![Position(4)], vec![], vec![]));
    let is_there: Vec<bool> = bodies(&**open(), workspace).iter().map(Option::is_some).collect();
    assert_eq!(is_there, [true, false, true, false, true]);
    let hash = open().hash_at(workspace, Position(2)).unwrap();
    assert_eq!(hash, Some(commit.rows[1].hash), "the log itself is as it was");

    let mend = |position: u64| (Position(position), whole[usize::try_from(position).unwrap() - 1].clone());
    assert_misuse(&open().put_bodies(workspace, &[mend(2), (Position(6), None)]));
    assert_misuse(&open().put_bodies(WorkspaceId::from_bytes([9; 32]), &[mend(2)]));
    assert_eq!(lost(0, 9), [Position(2), Position(4)], "all of them or none");
    open().put_bodies(workspace, &[mend(4)]).unwrap();
    assert_eq!(lost(0, 9), [Position(2)]);
    open().put_bodies(workspace, &[mend(2)]).unwrap();
    assert_eq!(lost(0, 9), []);
    assert_holds(&**open(), &scribe.secret, workspace, &commit.rows);
    assert_holds(&**open(), &other.secret, other.workspace(), &beside.rows);
}

/// What decides whether the scribe's own device comes in.
pub(super) fn admission<S: Storage>(storage: &S, of: &Scribe) -> Option<Admission> {
    storage.admission(of.workspace(), &of.author.party()).unwrap()
}

fn parties_stand_as_they_last_did<S: Storage>(open: Open<'_, S>) {
    let (mut one, mut two) = (Scribe { draft: 0, ..Scribe::new(1) }, Scribe::new(2));
    assert_eq!(admission(&**open(), &one), None);
    // One key may be a device's and a ticket's.
    let (device, number) = (one.author.party(), *one.author.id().as_bytes());
    let ticket = Party::Ticket(TicketKey::from_bytes(number));
    let open_ticket = Standing::Open { expires: 1_700_000_000_000 };
    let all = [
        Standing::Active,
        Standing::Removed,
        open_ticket,
        Standing::Open { expires: 0 },
        Standing::Used,
        Standing::Closed,
        Standing::Recovery,
    ];
    let standing = |workspace, party| open().admission(workspace, party).unwrap().unwrap().standing;
    let first = LogCommit { parties: vec![(ticket, open_ticket)], ..one.next(1) };
    open().commit(&[first, two.next(1)]).unwrap();
    for now in all {
        let workspace = one.workspace();
        let commit = LogCommit { parties: vec![(device, now)], ..one.next(1) };
        open().commit(&[commit]).unwrap();
        let found = admission(&**open(), &one).unwrap();
        let log = LogKey::from(&one.secret).id();
        assert_eq!(found, Admission { log, draft: 0, is_lost: false, standing: Some(now) });
        assert_eq!(standing(workspace, &ticket), Some(open_ticket));
        let found = open().recovered_by(&one.author.id(), 8).unwrap();
        assert_eq!(found, if now == Standing::Recovery { vec![workspace] } else { vec![] });
        let other = admission(&**open(), &two).unwrap();
        assert_eq!((other.draft, other.standing, standing(two.workspace(), &device)), (DRAFT, None, None));
        let refused = LogCommit { parties: vec![(device, Standing::Active)], create: None, ..one.next(0) };
        let broken = LogCommit { create: None, ..Scribe::new(3).next(1) };
        assert_misuse(&open().commit(&[refused, broken]));
        assert_eq!(standing(workspace, &device), Some(now), "a commit that fails changes nothing");
    }
    let commit = LogCommit { parties: vec![(device, Standing::Recovery)], ..two.next(1) };
    open().commit(&[commit]).unwrap();
    let mut both = [one.workspace(), two.workspace()];
    both.sort();
    assert_eq!(open().recovered_by(&one.author.id(), 8).unwrap(), both);
    assert_eq!(open().recovered_by(&one.author.id(), 1).unwrap(), both[..1]);
    assert_eq!(open().recovered_by(&two.author.id(), 8).unwrap(), []);
}
