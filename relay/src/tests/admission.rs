//! Who is let in is one look-up before anything is loaded, and says what the roster says.

use std::sync::atomic::Ordering;

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Party, Proof, Reason};
use bowline_wire::ids::{Millis, WorkspaceId};
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Admits, Roster, TicketKind};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::keys::Identity;
use crate::restore::{Earlier, Plan};
use crate::session::ConnId;
use crate::storage::memory::Memory;
use crate::storage::roster::{fold, standing};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Standing, Storage};
use crate::testing::author::{Author, Door, rekey};
use crate::testing::bench::Bench;
use crate::testing::rng;

/// How often was looked up who may come in, and how often anything else was read.
fn counts(bench: &Bench) -> (usize, usize) {
    (bench.storage.looked_up.load(Ordering::SeqCst), bench.storage.reads.load(Ordering::SeqCst))
}

fn reason(frame: &Frame) -> Option<Reason> {
    if let Frame::Goodbye { reason, .. } = frame { Some(*reason) } else { None }
}

/// A workspace with `devices` devices that nobody has loaded.
fn asleep(devices: u8) -> (Bench, Author, WorkspaceId) {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    for number in 2..=devices {
        let door = Door::new(number);
        let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(u64::MAX)));
        bench.must_append(conn, &[&invite]);
        let join = Author::new(number).join(&bench.view(workspace), &door);
        bench.must_append(conn, &[&join]);
    }
    bench.restart();
    (bench, laptop, workspace)
}

#[test]
fn a_thousand_strangers_load_nothing() {
    let (mut bench, laptop, workspace) = asleep(20);
    let (looked_up, read) = counts(&bench);
    for number in 0..500_u64 {
        let stranger = Author::from_seed(number);
        assert_eq!(reason(&bench.enter(&stranger, workspace).1), Some(Reason::NotAllowed));
        let door = Door::from_seed(number);
        assert_eq!(reason(&bench.enter_by(&door, workspace).1), Some(Reason::NotAllowed));
        assert_eq!(bench.relay.loaded(), 0);
    }
    assert_eq!(counts(&bench), (looked_up + 1_000, read), "a look-up each, and nothing else");
    bench.open(&laptop, workspace);
    assert!(counts(&bench).1 > read, "who is let in has the workspace loaded");
}

#[test]
fn whoever_was_let_in_once_loads_nothing_either() {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let used = Door::new(phone.id().as_bytes()[0]);
    bench.let_in((&mut laptop, conn), &mut phone, workspace);
    let (closed, expired) = (Door::new(7), Door::new(8));
    for (door, expires) in [(&closed, u64::MAX), (&expired, bench.now.0)] {
        let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(expires)));
        bench.must_append(conn, &[&invite]);
    }
    for record in [
        Record::CloseInvite(closed.key()),
        Record::RemoveDevice { device: phone.id(), cut: vec![], rekey: rekey(9, []) },
    ] {
        let entry = laptop.record(&bench.view(workspace), &record);
        bench.must_append(conn, &[&entry]);
    }
    bench.now = bench.now.plus(1);
    bench.restart();
    let (looked_up, read) = counts(&bench);
    for (door, why) in
        [(used, Reason::TicketUsed), (closed, Reason::TicketClosed), (expired, Reason::TicketExpired)]
    {
        assert_eq!(reason(&bench.enter_by(&door, workspace).1), Some(why));
    }
    assert_eq!(reason(&bench.enter(&phone, workspace).1), Some(Reason::Removed));
    assert_eq!((counts(&bench), bench.relay.loaded()), ((looked_up + 4, read), 0));
}

#[test]
fn a_proof_that_does_not_verify_costs_not_even_a_look_up() {
    let (mut bench, laptop, workspace) = asleep(2);
    let before = counts(&bench);
    for _ in 0..10 {
        let (conn, said) = bench.hello();
        // Somebody else's signature under the name of a device that is in.
        let theirs = Author::new(9).prove_with(said, Proof::unsigned(workspace, laptop.party()));
        bench.send_proof(conn, theirs);
        assert_eq!(reason(&bench.frame(conn)), Some(Reason::BadProof));
    }
    assert_eq!((counts(&bench), bench.relay.loaded()), (before, 0));
}

#[test]
fn a_storage_that_cannot_be_read_lets_nobody_in() {
    let (mut bench, laptop, workspace) = asleep(2);
    bench.storage.refuses_reads.set(true);
    assert_eq!(reason(&bench.enter(&laptop, workspace).1), Some(Reason::Storage));
    bench.storage.refuses_reads.set(false);
    bench.open(&laptop, workspace);
}

const PEOPLE: u8 = 6;
const DOORS: u8 = 12;

/// Something that changes who may come in, or may try to.
#[derive(Clone, Copy, Debug)]
enum Step {
    Invite {
        by: u8,
        door: u8,
        lasts: u64,
    },
    Link {
        by: u8,
        door: u8,
        lasts: u64,
        recovery: bool,
    },
    Close {
        by: u8,
        door: u8,
    },
    Join {
        who: u8,
        door: u8,
        honest: bool,
    },
    RemoveDevice {
        by: u8,
        target: u8,
    },
    RemoveMember {
        by: u8,
        target: u8,
    },
    Leave {
        who: u8,
        whole_user: bool,
    },
    Pass {
        time: u64,
    },
    /// The next commit fails, before or after everything is stored.
    Fail {
        stored: bool,
    },
    Restart,
    BackUp,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, door) = (0..PEOPLE, 0..DOORS);
    let lasts = prop_oneof![Just(0), Just(1_000), Just(u64::MAX >> 2)];
    let pair = (who.clone(), door.clone());
    prop_oneof![
        4 => (Just(0), door.clone(), lasts.clone()).prop_map(|(by, door, lasts)| Step::Invite { by, door, lasts }),
        4 => (who.clone(), door.clone(), lasts, prop::bool::weighted(0.3)).prop_map(|(by, door, lasts, recovery)| Step::Link { by, door, lasts, recovery }),
        4 => pair.clone().prop_map(|(by, door)| Step::Close { by, door }),
        12 => (pair, prop::bool::weighted(0.9)).prop_map(|((who, door), honest)| Step::Join { who, door, honest }),
        2 => (who.clone(), who.clone()).prop_map(|(by, target)| Step::RemoveDevice { by, target }),
        1 => (Just(0), who.clone()).prop_map(|(by, target)| Step::RemoveMember { by, target }),
        1 => (1..PEOPLE, any::<bool>()).prop_map(|(who, whole_user)| Step::Leave { who, whole_user }),
        1 => (1..2_000_u64).prop_map(|time| Step::Pass { time }),
        1 => any::<bool>().prop_map(|stored| Step::Fail { stored }),
        1 => Just(Step::Restart),
        1 => Just(Step::BackUp),
        1 => Just(Step::Restore),
    ]
}

/// A workspace whose log goes on as steps say.
struct Story {
    bench: Bench,
    workspace: WorkspaceId,
    people: Vec<Author>,
    doors: Vec<Door>,
    conn: ConnId,
    backup: Memory,
    /// What was appended since the backup.
    since: Vec<Entry>,
    restored: u64,
}

impl Story {
    fn new() -> Self {
        let mut bench = Bench::new();
        let mut people: Vec<_> = (1..=PEOPLE).map(Author::new).collect();
        let (workspace, conn) = bench.create(&mut people[0]);
        let backup = bench.storage.memory.snapshot();
        let doors = (1..=DOORS).map(Door::new).collect();
        Self { bench, workspace, people, doors, conn, backup, since: Vec::new(), restored: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Invite { by, door, lasts } => {
                let ticket = self.doors[usize::from(door)].ticket(self.bench.now.0.saturating_add(lasts));
                self.write(by, &Record::Invite(ticket));
            }
            Step::Link { by, door, lasts, recovery } => {
                let ticket = self.doors[usize::from(door)].ticket(self.bench.now.0.saturating_add(lasts));
                self.write(by, &Record::Link(Ticket { recovery, ..ticket }));
            }
            Step::Close { by, door } => {
                let key = self.doors[usize::from(door)].key();
                self.write(by, &Record::CloseInvite(key));
                self.write(by, &Record::CloseLink(key));
            }
            Step::Join { who, door, honest } => {
                let folded = fold(&self.bench.storage, self.workspace).unwrap();
                let made = folded.ticket(&self.doors[usize::from(door)].key()).map(|ticket| ticket.admits);
                let made = made.unwrap_or(Admits { kind: TicketKind::Invite, recovery: false });
                let admits = Admits { recovery: made.recovery == honest, ..made };
                let view = self.bench.view(self.workspace);
                let mut tried = self.people[usize::from(who)].clone();
                let join = tried.join_as(&view, &self.doors[usize::from(door)], admits);
                self.append(who, tried, join);
            }
            Step::RemoveDevice { by, target } => {
                let device = self.people[usize::from(target)].id();
                self.write(by, &Record::RemoveDevice { device, cut: vec![], rekey: rekey(9, []) });
            }
            Step::RemoveMember { by, target } => {
                let device = self.people[usize::from(target)].id();
                let folded = fold(&self.bench.storage, self.workspace).unwrap();
                if let Some(found) = folded.device(&device) {
                    let (user, rekey) = (found.user, rekey(9, []));
                    self.write(by, &Record::RemoveMember { user, cut: vec![], rekey });
                }
            }
            Step::Leave { who, whole_user } => self.write(who, &Record::Leave { whole_user, cut: vec![] }),
            Step::Pass { time } => self.bench.now = self.bench.now.plus(time),
            Step::Fail { stored: true } => self.bench.storage.loses_answers.set(true),
            Step::Fail { stored: false } => self.bench.storage.refuses_commits.set(true),
            Step::Restart => self.restart(),
            Step::BackUp => {
                self.backup = self.bench.storage.memory.snapshot();
                self.since.clear();
            }
            Step::Restore => self.restore(),
        }
    }

    fn write(&mut self, by: u8, record: &Record) {
        let mut tried = self.people[usize::from(by)].clone();
        let entry = tried.record(&self.bench.view(self.workspace), record);
        self.append(by, tried, entry);
    }

    /// Appends an entry; its author has written it if it is on the log afterwards.
    fn append(&mut self, by: u8, tried: Author, entry: Entry) {
        self.bench.append(self.conn, &[&entry]);
        self.bench.flush();
        self.bench.storage.loses_answers.set(false);
        self.bench.storage.refuses_commits.set(false);
        if self.bench.storage.position_of(self.workspace, entry.id()).unwrap().is_some() {
            self.people[usize::from(by)] = tried;
            self.since.push(entry);
        }
        if self.bench.is_closed(self.conn) {
            self.open();
        }
    }

    /// Opens a session of somebody who is in: whoever that is carries everybody's entries.
    fn open(&mut self) {
        let folded = fold(&self.bench.storage, self.workspace).unwrap();
        let carrier = self.people.iter().find(|person| folded.is_active(&person.id()));
        self.conn = self.bench.open(carrier.expect("the Owner keeps a device"), self.workspace);
    }

    fn restart(&mut self) {
        self.bench.storage.loses_answers.set(false);
        self.bench.storage.refuses_commits.set(false);
        self.bench.restart();
        self.open();
    }

    /// The backup is put back and restored, and gets again what it lacks; not all of it, since the log's time is a later one now: a code may be
    /// over by then, and a record take effect that did not.
    fn restore(&mut self) {
        self.restored += 1;
        self.bench.storage.memory = self.backup.snapshot();
        let identity = Identity::from_secret(&[5; 32]);
        let memory = &mut self.bench.storage.memory;
        let chance = &mut rng(self.restored);
        let plan = Plan::make(memory, &identity, &[self.workspace], &Earlier::default(), chance).unwrap();
        plan.carry_out(memory).unwrap();
        self.restart();
        self.check();
        for entry in self.since.clone() {
            self.bench.append(self.conn, &[&entry]);
            self.bench.flush();
            // A removal that comes again may end the line of whoever brings it.
            if self.bench.is_closed(self.conn) {
                self.open();
            }
        }
        self.backup = self.bench.storage.memory.snapshot();
        self.since.clear();
    }

    fn parties(&self) -> Vec<Party> {
        let devices = self.people.iter().map(Author::party);
        devices.chain(self.doors.iter().map(Door::party)).collect()
    }

    fn standings(&self, storage: &impl Storage) -> Vec<Option<Standing>> {
        let found = |party: &Party| storage.admission(self.workspace, party).unwrap().unwrap().standing;
        self.parties().iter().map(found).collect()
    }

    /// The table says what the fold of all that is stored says. Gives both.
    fn check(&self) -> (Roster, Vec<Option<Standing>>) {
        let folded = fold(&self.bench.storage, self.workspace).unwrap();
        let found = self.standings(&self.bench.storage);
        let expected: Vec<_> = self.parties().iter().map(|party| standing(&folded, party)).collect();
        assert_eq!(found, expected);
        (folded, found)
    }

    /// Everybody tries to come in, and is let in if the fold and the clock say so.
    fn knock(&mut self) {
        let (_, found) = self.check();
        let stands: Vec<_> = self.parties().into_iter().zip(found).collect();
        let standing =
            |of: &Party| stands.iter().find(|(party, _)| party == of).and_then(|(_, found)| *found);
        let let_in = |party: &Party, now: Millis| match standing(party) {
            Some(Standing::Active | Standing::Recovery) => true,
            Some(Standing::Open { expires }) => now.0 <= expires,
            _ => false,
        };
        for person in &self.people.clone() {
            let (conn, frame) = self.bench.enter(person, self.workspace);
            let is_in = matches!(frame, Frame::Welcome(_));
            assert_eq!(is_in, let_in(&person.party(), self.bench.now), "{frame:?}");
            self.bench.relay.disconnect(conn);
        }
        for index in 0..self.doors.len() {
            let (conn, frame) = self.bench.enter_by(&self.doors[index], self.workspace);
            let is_in = matches!(frame, Frame::Welcome(_));
            assert_eq!(is_in, let_in(&self.doors[index].party(), self.bench.now), "{frame:?}");
            self.bench.relay.disconnect(conn);
        }
    }

    /// What a database has after the same commits, and after it has found it out by itself.
    fn check_sqlite(&self) {
        let mut sqlite = Sqlite::in_memory().unwrap();
        for batch in self.bench.storage.batches() {
            sqlite.commit(&batch).unwrap();
        }
        let expected = self.standings(&self.bench.storage);
        assert_eq!(self.standings(&sqlite), expected);
        sqlite.forget_parties();
        assert_eq!(self.standings(&sqlite), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_and_the_fold_agree_about_everybody(steps in vec(step(), 1..60)) {
        let is_restored = steps.iter().any(|step| matches!(step, Step::Restore));
        let mut story = Story::new();
        for step in steps {
            story.take(step);
            story.check();
        }
        story.knock();
        if !is_restored {
            story.check_sqlite();
        }
    }
}

/// The property above is worth something only if everybody comes to stand every way there is.
#[test]
fn the_stories_are_eventful() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = [0_usize; 7];
    for _ in 0..32 {
        let mut story = Story::new();
        for step in vec(step(), 60).new_tree(&mut runner).unwrap().current() {
            story.take(step);
        }
        let now = story.bench.now.0;
        for found in story.check().1.into_iter().flatten() {
            let index = match found {
                Standing::Active => 0,
                Standing::Removed => 1,
                Standing::Open { expires } if now > expires => 2,
                Standing::Open { .. } => 3,
                Standing::Used => 4,
                Standing::Closed => 5,
                Standing::Recovery => 6,
            };
            seen[index] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count >= 5), "{seen:?}");
}
