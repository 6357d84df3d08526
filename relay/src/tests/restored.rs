//! A relay that was put back to an older state: found out, it signs nothing more; restored, its logs go on and take again what they had.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason, Welcome};
use bowline_wire::ids::{Millis, Position, WorkspaceId};
use bowline_wire::roster::record::Record;
use bowline_wire::successor::{Succession, Successor};

use crate::config::BROUGHT_BACK_WITHIN;
use crate::keys::{Identity, LogKey, LogSecret};
use crate::restore::{Earlier, Plan, RestoredLog};
use crate::storage::memory::Memory;
use crate::storage::{Continued, Storage, StorageError};
use crate::testing::author::{Author, Door};
use crate::testing::bench::Bench;
use crate::testing::rng;

/// The relay's database is replaced by an older one, and the relay starts.
fn put_back(bench: &mut Bench, backup: &Memory) {
    bench.storage.memory = backup.snapshot();
    bench.restart();
}

/// The same, with `restore` in between. How each log goes on.
pub(super) fn restore(bench: &mut Bench, backup: &Memory, workspace: WorkspaceId) -> Vec<RestoredLog> {
    bench.storage.memory = backup.snapshot();
    let identity = Identity::from_secret(&[5; 32]);
    let memory = &mut bench.storage.memory;
    let plan = Plan::make(memory, &identity, &[workspace], &Earlier::default(), &mut rng(9)).unwrap();
    assert!(plan.left().is_empty(), "{:?}", plan.left());
    let restored = plan.carry_out(memory).unwrap();
    bench.restart();
    restored
}

/// A workspace of one device with one entry beyond what the backup has.
fn lost_one() -> (Bench, Memory, WorkspaceId, Author, Entry) {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let first = laptop.content(&bench.view(workspace), b"in the backup");
    bench.must_append(conn, &[&first]);
    let backup = bench.storage.memory.snapshot();
    let lost = laptop.content(&bench.view(workspace), b"not in the backup");
    bench.must_append(conn, &[&lost]);
    (bench, backup, workspace, laptop, lost)
}

#[test]
fn a_relay_that_is_shown_a_newer_head_of_its_own_signs_nothing_more() {
    let (mut bench, backup, workspace, mut laptop, _) = lost_one();
    let ahead = bench.view(workspace);
    put_back(&mut bench, &backup);
    let (conn, other) = (bench.open(&laptop, workspace), bench.open(&laptop, workspace));
    assert!(bench.relay.check_storage(bench.now).is_ok());
    // Rewound to what the backup has: only what it has seen shows that there was more.
    let first = bench.storage.memory.log(workspace).unwrap().unwrap();
    assert_eq!(first.position, Position(2));
    laptop.rewind(bowline_wire::ids::Lane::Content, 1, in_backup(&bench, workspace, &laptop));
    let shows = laptop.content(&ahead, b"new");
    bench.append(conn, &[&shows]);
    bench.flush();
    for conn in [conn, other] {
        let Frame::Goodbye { reason, text } = bench.frame(conn) else { panic!() };
        assert_eq!(reason, Reason::LogLost);
        assert!(text.contains("bowline-relay restore"), "{text}");
    }
    assert_eq!(bench.storage.memory.log(workspace).unwrap().unwrap().position, Position(2));
    let not_ready = bench.relay.check_storage(bench.now).unwrap_err();
    assert!(matches!(&not_ready, StorageError::Corrupt(why) if why.contains("restore")), "{not_ready}");
    assert!(bench.storage.has_lost().unwrap(), "it is known after the next start as well");
    let (_, told) = bench.enter(&laptop, workspace);
    assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    let as_it_is = bench.storage.memory.clone();
    restore(&mut bench, &as_it_is, workspace);
    assert!(!bench.storage.has_lost().unwrap());
    bench.open(&laptop, workspace);
}

#[test]
fn a_relay_that_is_shown_a_newer_head_signs_nothing_more_on_a_full_disk_either() {
    let (mut bench, backup, workspace, mut laptop, _) = lost_one();
    let ahead = bench.view(workspace);
    put_back(&mut bench, &backup);
    let (conn, other) = (bench.open(&laptop, workspace), bench.open(&laptop, workspace));
    laptop.rewind(bowline_wire::ids::Lane::Content, 1, in_backup(&bench, workspace, &laptop));
    let shows = laptop.content(&ahead, b"new");
    bench.storage.refuses_commits.set(true);
    bench.append(conn, &[&shows]);
    bench.storage.refuses_commits.set(false);
    bench.flush();
    for conn in [conn, other] {
        let told = bench.frame(conn);
        assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    }
    let (_, told) = bench.enter(&laptop, workspace);
    assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    assert!(bench.storage.has_lost().unwrap(), "it was stored when there was room");
}

fn in_backup(bench: &Bench, workspace: WorkspaceId, author: &Author) -> bowline_wire::ids::EntryId {
    let chain = author.chain(bowline_wire::ids::Lane::Content);
    let tips = bench.storage.memory.tips(workspace).unwrap();
    tips.iter().find(|(it, _)| *it == chain).unwrap().1.id
}

#[test]
fn what_is_staged_when_it_is_found_out_is_not_signed_for() {
    let (mut bench, backup, workspace, mut laptop, _) = lost_one();
    let ahead = bench.view(workspace);
    put_back(&mut bench, &backup);
    let conn = bench.open(&laptop, workspace);
    laptop.rewind(bowline_wire::ids::Lane::Content, 1, in_backup(&bench, workspace, &laptop));
    let innocent = laptop.content(&bench.view(workspace), b"taken");
    let shows = laptop.content(&ahead, b"new");
    bench.append(conn, &[&innocent, &shows]);
    bench.flush();
    assert!(matches!(bench.frame(conn), Frame::Goodbye { .. }));
    assert_eq!(bench.storage.memory.log(workspace).unwrap().unwrap().position, Position(2));
}

#[test]
fn a_restored_log_takes_again_what_it_had_and_welcomes_with_its_successors() {
    let (mut bench, backup, workspace, mut laptop, lost) = lost_one();
    let before = bench.view(workspace).seen.unwrap();
    restore(&mut bench, &backup, workspace);
    let (conn, welcome) = bench.enter(&laptop, workspace);
    let Frame::Welcome(Welcome { head, successors, .. }) = welcome else { panic!() };
    let identity = Identity::from_secret(&[5; 32]).public();
    let succession = Succession::verify(workspace, identity.as_bytes(), &successors).unwrap();
    assert_eq!((succession.first(), succession.last()), (Some(before.log), Some(head.log)));
    assert_eq!(
        succession.end_of(before.log).unwrap().position,
        Position(1),
        "what the laptop says to have seen"
    );
    assert_eq!(head.position, Position(2));
    bench.must_append(conn, &[&lost]);
    let new = laptop.content(&bench.view(workspace), b"new");
    bench.must_append(conn, &[&new]);
    // Another holder offers the same.
    let other = bench.open(&laptop, workspace);
    bench.append(other, &[&lost]);
    let Frame::Appended { entries, .. } = bench.frame(other) else { panic!() };
    assert_eq!(entries, [(lost.id(), Position(3))]);
    bench.restart();
    bench.open(&laptop, workspace);
}

#[test]
fn a_head_of_the_old_log_that_the_restored_one_lacks_is_no_reason_to_stop() {
    let (mut bench, backup, workspace, mut laptop, lost) = lost_one();
    let ahead = bench.view(workspace);
    restore(&mut bench, &backup, workspace);
    let conn = bench.open(&laptop, workspace);
    let shows = laptop.content(&ahead, b"written before the restore");
    bench.must_append(conn, &[&lost, &shows]);
    assert!(bench.relay.check_storage(bench.now).is_ok());
}

/// A workspace whose relay is restored from a backup that lacks the phone's Join, which came by a code that is over by now.
struct JoinLost {
    bench: Bench,
    backup: Memory,
    workspace: WorkspaceId,
    laptop: Author,
    phone: Author,
    door: Door,
    join: Entry,
    /// When the code was over.
    expires: Millis,
}

impl JoinLost {
    fn new() -> Self {
        let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
        let (workspace, conn) = bench.create(&mut laptop);
        let (door, expires) = (Door::new(7), bench.now.plus(1_000));
        let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(expires.0)));
        bench.must_append(conn, &[&invite]);
        let backup = bench.storage.memory.snapshot();
        let join = phone.join(&bench.view(workspace), &door);
        bench.must_append(conn, &[&join]);
        bench.now = expires.plus(1);
        Self { bench, backup, workspace, laptop, phone, door, join, expires }
    }

    fn restore(&mut self) {
        restore(&mut self.bench, &self.backup, self.workspace);
    }

    /// The laptop writes something, which is the first that the log has behind the restore.
    fn writes(&mut self, text: &[u8]) {
        let conn = self.bench.open(&self.laptop, self.workspace);
        let entry = self.laptop.content(&self.bench.view(self.workspace), text);
        self.bench.must_append(conn, &[&entry]);
    }

    /// What the relay says when the laptop brings the Join.
    fn refusal(&mut self) -> Reason {
        let conn = self.bench.open(&self.laptop, self.workspace);
        self.bench.refusal(conn, &self.join)
    }

    /// The laptop brings the Join, and the phone is in.
    fn comes_in(mut self) {
        let conn = self.bench.open(&self.laptop, self.workspace);
        self.bench.must_append(conn, &[&self.join]);
        self.bench.open(&self.phone, self.workspace);
    }
}

#[test]
fn whoever_joined_in_time_is_not_judged_by_time_again() {
    let mut lost = JoinLost::new();
    put_back(&mut lost.bench, &lost.backup);
    assert_eq!(lost.refusal(), Reason::JoinVoid, "a log that goes on as it was");
    lost.restore();
    let (_, turned_away) = lost.bench.enter_by(&lost.door, lost.workspace);
    assert!(matches!(turned_away, Frame::Goodbye { reason: Reason::TicketExpired, .. }));
    lost.comes_in();
}

#[test]
fn what_a_restored_log_had_is_brought_back_within_a_month_of_log_time() {
    let mut lost = JoinLost::new();
    // However old the backup is.
    lost.bench.now = lost.bench.now.plus(10 * BROUGHT_BACK_WITHIN);
    lost.restore();
    lost.writes(b"the first behind the restore");
    lost.bench.now = lost.bench.now.plus(BROUGHT_BACK_WITHIN);
    lost.bench.restart();
    lost.comes_in();
}

#[test]
fn after_a_month_of_log_time_nobody_comes_in_by_a_code_that_is_over() {
    let mut lost = JoinLost::new();
    lost.restore();
    lost.writes(b"the first behind the restore");
    lost.bench.now = lost.bench.now.plus(BROUGHT_BACK_WITHIN + 1);
    assert_eq!(lost.refusal(), Reason::JoinVoid);
}

/// A log may have held it, from a relay that took it: what comes after it in its chain has to come back as well.
#[test]
fn what_a_role_does_not_permit_is_taken_back_for_a_month_of_log_time() {
    for (after, is_taken) in [(BROUGHT_BACK_WITHIN, true), (BROUGHT_BACK_WITHIN + 1, false)] {
        let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
        let (workspace, conn) = bench.create(&mut laptop);
        bench.let_in((&mut laptop, conn), &mut phone, workspace);
        let backup = bench.storage.memory.snapshot();
        let ahead = bench.view(workspace);
        restore(&mut bench, &backup, workspace);
        let first = laptop.content(&bench.view(workspace), b"the first behind the restore");
        let conn = bench.open(&laptop, workspace);
        bench.must_append(conn, &[&first]);
        bench.now = bench.now.plus(after);
        let invite = phone.record(&ahead, &Record::Invite(Door::new(9).ticket(u64::MAX)));
        let conn = bench.open(&laptop, workspace);
        if is_taken {
            bench.must_append(conn, &[&invite]);
        } else {
            assert_eq!(bench.refusal(conn, &invite), Reason::NotPermitted);
        }
    }
}

#[test]
fn a_code_that_was_over_where_the_log_goes_on_lets_nobody_in() {
    let mut lost = JoinLost::new();
    put_back(&mut lost.bench, &lost.backup);
    lost.writes(b"when the code was over");
    let memory = &mut lost.bench.storage.memory;
    let stored = memory.log(lost.workspace).unwrap().unwrap();
    let (old, new) = (LogKey::from(&stored.secret), LogKey::from(&LogSecret::from_bytes([9; 32])));
    assert!(stored.time.millis() > lost.expires);
    let (workspace, position, hash) = (lost.workspace, stored.position, stored.hash);
    let successor = Successor { workspace, old: old.id(), position, hash, new: new.id() };
    let said = Identity::from_secret(&[5; 32]).sign_successor(successor, &old).unwrap();
    let continued = Continued { workspace, secret: new.secret(), successors: vec![said], tips: Vec::new() };
    memory.continue_logs(&[continued]).unwrap();
    lost.bench.restart();
    assert_eq!(lost.refusal(), Reason::JoinVoid);
}
