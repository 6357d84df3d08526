//! From where a log goes on after a restore: from where everybody agrees who may come, whatever its relay has signed since it was put back.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Proof, Reason, Welcome};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Lane, LogId, Millis, Position, WorkspaceId};
use bowline_wire::log::Log;
use bowline_wire::roster::record::Record;
use bowline_wire::successor::{Succession, Successor};

use super::Two;
use crate::keys::Identity;
use crate::restore::{Earlier, Plan, RestoredLog};
use crate::storage::Storage;
use crate::storage::conformance::ALL;
use crate::storage::memory::Memory;
use crate::testing::author::Door;
use crate::testing::rng;

impl Two {
    fn laptop_writes(&mut self, text: &str) -> Entry {
        let entry = self.laptop.content(&self.bench.view(self.workspace), text.as_bytes());
        self.bench.must_append(self.on_laptop, &[&entry]);
        entry
    }

    fn phone_writes(&mut self, text: &str) -> Entry {
        let entry = self.phone.content(&self.bench.view(self.workspace), text.as_bytes());
        self.bench.must_append(self.on_phone, &[&entry]);
        entry
    }

    fn head(&self) -> SeenHead {
        self.bench.view(self.workspace).seen.unwrap()
    }

    /// The database is replaced by an older one, the relay starts, and those who know no more than that come.
    fn put_back(&mut self, backup: &Memory) {
        self.bench.storage.memory = backup.snapshot();
        self.bench.restart();
    }

    fn come_again(&mut self) {
        self.on_laptop = self.bench.open(&self.laptop, self.workspace);
        self.on_phone = self.bench.open(&self.phone, self.workspace);
    }

    fn plan(&self, earlier: &Earlier, seed: u64) -> Plan {
        let identity = Identity::from_secret(&[5; 32]);
        let memory = &self.bench.storage.memory;
        Plan::make(memory, &identity, &[self.workspace], earlier, &mut rng(seed)).unwrap()
    }

    fn restore(&mut self) -> RestoredLog {
        let known = self.bench.storage.memory.log(self.workspace).unwrap().unwrap().successors.len();
        let plan = self.plan(&Earlier::default(), 9 + known as u64);
        let restored = plan.carry_out(&mut self.bench.storage.memory).unwrap();
        self.bench.restart();
        restored[0]
    }

    /// The successors that a device is told.
    fn succession(&mut self) -> Succession {
        let (_, welcome) = self.bench.enter(&self.laptop, self.workspace);
        let Frame::Welcome(Welcome { successors, .. }) = welcome else { panic!("{welcome:?}") };
        let identity = Identity::from_secret(&[5; 32]).public();
        Succession::verify(self.workspace, identity.as_bytes(), &successors).unwrap()
    }
}

#[test]
fn what_a_relay_signed_since_it_was_put_back_stays_and_what_it_had_before_is_taken_behind_it() {
    let mut story = Two::connected();
    story.laptop_writes("both know");
    story.phone_writes("both know this");
    let (shared, backup) = (story.head(), story.bench.storage.memory.snapshot());
    let lost = [story.laptop_writes("before"), story.laptop_writes("before, too")];
    let ahead = story.head();
    story.put_back(&backup);
    story.on_phone = story.bench.open(&story.phone, story.workspace);
    let meanwhile: Vec<Entry> = ["1", "2", "3"].into_iter().map(|text| story.phone_writes(text)).collect();
    let end = story.head();
    assert!(end.position > ahead.position, "the log is longer than before, and another one");
    // The laptop comes with what it knows.
    let (conn, said) = story.bench.hello();
    let proof = Proof { head: Some(ahead), ..Proof::unsigned(story.workspace, story.laptop.party()) };
    story.bench.send_proof(conn, story.laptop.prove_with(said, proof));
    assert!(matches!(story.bench.frame(conn), Frame::Goodbye { reason: Reason::LogLost, .. }));

    let restored = story.restore();
    assert_eq!(restored.position, end.position, "nothing is thrown away");
    assert!(restored.place <= shared.position, "{restored:?}");
    let succession = story.succession();
    let Successor { position, hash, .. } = *succession.end_of(ahead.log).unwrap();
    assert_eq!(position, restored.place);
    let hash_of = |memory: &Memory| memory.hash_at(story.workspace, position).unwrap();
    assert_eq!((hash_of(&backup), hash_of(&story.bench.storage.memory)), (Some(hash), Some(hash)));

    // Both send what they have, and each goes on with the chain that it has.
    story.come_again();
    story.bench.must_append(story.on_laptop, &[&lost[0], &lost[1]]);
    let again: Vec<&Entry> = meanwhile.iter().collect();
    story.bench.must_append(story.on_phone, &again);
    assert_eq!(story.head().position.0, end.position.0 + 2, "nothing twice");
    story.laptop_writes("goes on");
    story.phone_writes("goes on, too");
    story.bench.restart();
    story.come_again();
    story.laptop_writes("and on");
}

#[test]
fn an_entry_that_has_seen_what_stands_elsewhere_now_is_reason_to_stop() {
    let mut story = Two::connected();
    story.phone_writes("both know");
    let backup = story.bench.storage.memory.snapshot();
    story.laptop_writes("before");
    let ahead = story.bench.view(story.workspace);
    story.put_back(&backup);
    story.come_again();
    for text in ["1", "2", "3"] {
        story.phone_writes(text);
    }
    // By somebody whose line began without a word of what it has seen.
    let mut tablet = story.laptop.clone();
    let shows = tablet.record(&ahead, &Record::CloseInvite(Door::new(9).key()));
    story.bench.append(story.on_laptop, &[&shows]);
    story.bench.flush();
    for conn in [story.on_laptop, story.on_phone] {
        assert!(matches!(story.bench.frame(conn), Frame::Goodbye { reason: Reason::LogLost, .. }));
    }
    let restored = story.restore();
    assert!(restored.place < ahead.seen.unwrap().position);
    story.come_again();
    story.phone_writes("goes on");
}

/// The log of a workspace as somebody judges it who takes it in from its beginning.
fn judged_anew(memory: &Memory, workspace: WorkspaceId, succession: &Succession, id: LogId) -> Log {
    let mut log = Log::begun(workspace, id, succession);
    for (_, logged) in memory.read(workspace, Position::START, ALL).unwrap().entries {
        let entry = logged.entry.verify(workspace).unwrap();
        let hash_at = |position| memory.hash_at(workspace, position).unwrap();
        let accepted = log.check(&entry, logged.time, hash_at).unwrap();
        log.append(accepted);
    }
    log
}

#[test]
fn a_relay_judges_what_comes_as_whoever_has_taken_the_log_in_from_its_beginning() {
    let mut story = Two::connected();
    let first = story.head();
    // What the phone says to hold is beyond the place from which the log goes on, since the laptop says nothing of it.
    for text in ["1", "2"] {
        let view = story.bench.view(story.workspace);
        let header = story.phone.draft(&view, bowline_wire::header::EntryType::Changes, Lane::Content);
        let held = view.seen.unwrap().position;
        let entry = story.phone.write(bowline_wire::header::Header { held, ..header }, text.as_bytes());
        story.bench.must_append(story.on_phone, &[&entry]);
    }
    let restored = story.restore();
    assert!(restored.place < first.position);
    let (succession, memory) = (story.succession(), &story.bench.storage.memory);
    let log = judged_anew(memory, story.workspace, &succession, restored.log);
    assert_eq!((log.head().log, log.head().position), (restored.log, restored.position));
    let stored = memory.tips(story.workspace).unwrap();
    assert!(stored.iter().any(|(_, tip)| tip.held == restored.place), "one of them is another now");
    for (chain, tip) in stored {
        assert_eq!(log.tip(&chain), Some(&tip));
    }
    // It holds less than before, of the log as it goes on.
    story.come_again();
    let view = story.bench.view(story.workspace);
    let header = story.phone.draft(&view, bowline_wire::header::EntryType::Changes, Lane::Content);
    let held = Position(restored.place.0 + 1);
    let entry = story.phone.write(bowline_wire::header::Header { held, ..header }, b"goes on");
    story.bench.must_append(story.on_phone, &[&entry]);
}

#[test]
fn a_log_goes_on_from_what_its_devices_have_said_to_know() {
    let mut story = Two::connected();
    let entries = ["1", "2", "3"].map(|text| story.laptop_writes(text));
    let end = story.head();
    // The phone has said nothing: it may have come in on a log that was lost, with nothing behind its beginning in common.
    let place = |story: &Two| {
        let plan = story.plan(&Earlier::default(), 9);
        plan.carry_out(&mut story.bench.storage.memory.snapshot()).unwrap()[0].place
    };
    assert_eq!(place(&story), Position(1));
    // It says that it holds the log, and the laptop's last entry names the head before.
    let said = story.phone.holding(story.workspace, end.position, end.hash, Millis(7));
    story.bench.send(story.on_phone, &Frame::Holdings { devices: vec![said] });
    story.bench.frames(story.on_laptop);
    let _last = story.laptop_writes("4");
    assert_eq!(place(&story), end.position);
    // So does who writes.
    story.phone_writes("5");
    assert_eq!(place(&story), end.position);
    let view = story.bench.view(story.workspace);
    let said = story.laptop.holding(
        story.workspace,
        view.seen.unwrap().position,
        view.seen.unwrap().hash,
        Millis(8),
    );
    story.bench.send(story.on_laptop, &Frame::Holdings { devices: vec![said] });
    let _stored = story.phone_writes("6");
    let seen_by_phone = Position(story.head().position.0 - 1);
    assert_eq!(place(&story), seen_by_phone);
    // By a code that was never used somebody may have come in on a log that was lost.
    let door = Door::new(9);
    let made =
        story.laptop.record(&story.bench.view(story.workspace), &Record::Invite(door.ticket(u64::MAX)));
    story.bench.must_append(story.on_laptop, &[&made]);
    let made_at = story.head().position;
    for text in ["7", "8"] {
        story.phone_writes(text);
        story.laptop_writes(text);
    }
    assert_eq!(place(&story), made_at);
    let closed = story.laptop.record(&story.bench.view(story.workspace), &Record::CloseInvite(door.key()));
    story.bench.must_append(story.on_laptop, &[&closed]);
    assert!(place(&story) > made_at);
    assert_eq!(entries.len(), 3);
}

#[test]
fn a_log_goes_on_behind_the_place_where_its_key_began() {
    let mut story = Two::connected();
    story.laptop_writes("1");
    let first = story.restore();
    assert_eq!(first.place, Position(1), "the phone has said nothing");
    story.come_again();
    story.phone_writes("2");
    story.laptop_writes("3");
    let second = story.restore();
    assert!(second.place > first.place && second.place <= second.position, "{second:?}");
    let succession = story.succession();
    assert_eq!(succession.successors().len(), 2);
    story.come_again();
    story.laptop_writes("4");
}

#[test]
fn a_backup_is_restored_twice_and_devices_follow_both_times() {
    let mut story = Two::connected();
    story.laptop_writes("in the backup");
    story.phone_writes("this too");
    let backup = story.bench.storage.memory.snapshot();
    let first = story.plan(&Earlier::default(), 9);
    let noted = first.noted().clone();
    let after_first = first.carry_out(&mut story.bench.storage.memory).unwrap()[0];
    story.bench.restart();
    let known = story.succession();
    story.come_again();
    story.laptop_writes("since the first restore");

    story.put_back(&backup);
    // Without what is noted there are two ways to go on, and nobody follows the second one.
    let blind = story.plan(&Earlier::default(), 10);
    assert!(!blind.carry_out(&mut story.bench.storage.memory.snapshot()).unwrap()[0].contradicts);
    let second = story.plan(&noted, 10);
    let after_second = second.carry_out(&mut story.bench.storage.memory).unwrap()[0];
    story.bench.restart();
    assert!(!after_second.contradicts);
    assert_eq!(
        after_second.place, after_first.place,
        "what the log of the first has behind that is not known"
    );
    let succession = story.succession();
    let after = succession.after(&known, after_first.log);
    let bowline_wire::successor::After::Continued(next) = after else { panic!("{after:?}") };
    assert_eq!(next.new, after_second.log);
    story.come_again();
    story.phone_writes("goes on");
    let log = judged_anew(&story.bench.storage.memory, story.workspace, &succession, after_second.log);
    for (chain, tip) in story.bench.storage.memory.tips(story.workspace).unwrap() {
        assert_eq!(log.tip(&chain), Some(&tip));
    }
}

#[test]
fn a_backup_from_before_the_place_of_an_earlier_restore_contradicts_and_says_so() {
    let mut story = Two::connected();
    let early = story.bench.storage.memory.snapshot();
    for text in ["1", "2", "3"] {
        story.laptop_writes(text);
        story.phone_writes(text);
    }
    let first = story.plan(&Earlier::default(), 9);
    let noted = first.noted().clone();
    let restored = first.carry_out(&mut story.bench.storage.memory).unwrap()[0];
    story.put_back(&early);
    assert!(restored.place > story.head().position);
    let second = story.plan(&noted, 10).carry_out(&mut story.bench.storage.memory).unwrap()[0];
    assert!(second.contradicts);
}
