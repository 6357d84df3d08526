//! The group commit: one commit for all, nothing acknowledged before it, nothing left of one that failed.

use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::Position;
use bowline_wire::roster::record::Record;

use crate::config::{STAGED_BYTES, STAGED_ENTRIES};
use crate::storage::stored_len;
use crate::testing::author::{Author, Door};
use crate::testing::bench::Bench;

#[test]
fn nothing_is_acknowledged_or_sent_before_it_is_committed() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let listening = bench.open(&laptop, workspace);
    bench.send(listening, &Frame::Subscribe { after: Position(1) });
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.append(conn, &[&entry]);
    assert!(bench.relay.needs_flush());
    assert!(bench.frames(conn).is_empty() && bench.frames(listening).is_empty());
    assert_eq!(bench.position(workspace), Position(1));
    bench.flush();
    assert!(!bench.relay.needs_flush());
    assert_eq!(bench.position(workspace), Position(2));
    assert!(matches!(bench.frame(conn), Frame::Appended { .. }));
    assert!(matches!(bench.frame(listening), Frame::Entries { .. }));
}

#[test]
fn everything_since_the_last_flush_is_one_commit() {
    let (mut bench, mut laptop, mut other) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let (elsewhere, other_conn) = bench.create(&mut other);
    let (view, other_view) = (bench.view(workspace), bench.view(elsewhere));
    for number in 0..3 {
        let mine = laptop.content(&view, &[number]);
        bench.append(conn, &[&mine]);
        let theirs = other.content(&other_view, &[number]);
        bench.append(other_conn, &[&theirs]);
    }
    bench.flush();
    bench.flush();
    assert_eq!(bench.storage.commits(), [(1, 1), (1, 1), (6, 2)]);
    for conn in [conn, other_conn] {
        assert!(matches!(bench.frame(conn), Frame::Appended { entries, .. } if entries.len() == 3));
    }
}

#[test]
fn what_could_not_be_stored_is_refused_for_now_and_accepted_later() {
    let (mut bench, mut laptop, mut other) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let (elsewhere, other_conn) = bench.create(&mut other);
    let listening = bench.open(&laptop, workspace);
    bench.send(listening, &Frame::Subscribe { after: Position(1) });
    let view = bench.view(workspace);
    let entries = [laptop.content(&view, b"one"), laptop.content(&view, b"two")];
    let theirs = other.content(&bench.view(elsewhere), b"theirs");
    bench.storage.refuses_commits.set(true);
    bench.append(conn, &[&entries[0], &entries[1]]);
    bench.append(other_conn, &[&theirs]);
    bench.flush();
    for (conn, expected) in [(conn, &entries[..]), (other_conn, std::slice::from_ref(&theirs))] {
        let frames = bench.frames(conn);
        assert_eq!(frames.len(), expected.len());
        for (frame, sent) in frames.iter().zip(expected) {
            let Frame::Refused { entry, reason: Reason::Storage, .. } = frame else { panic!("{frame:?}") };
            assert_eq!(*entry, sent.id());
        }
    }
    assert!(bench.frames(listening).is_empty());
    bench.send(conn, &Frame::Ping);
    assert!(matches!(bench.frame(conn), Frame::Head(head) if head.position == Position(1)));

    bench.storage.refuses_commits.set(false);
    bench.must_append(conn, &[&entries[0], &entries[1]]);
    bench.must_append(other_conn, &[&theirs]);
    assert!(matches!(bench.frame(listening), Frame::Entries { first: Position(2), .. }));
}

#[test]
fn a_roster_change_that_could_not_be_stored_has_not_happened() {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let door = Door::new(1);
    let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(u64::MAX)));
    bench.must_append(conn, &[&invite]);
    let join = phone.join(&bench.view(workspace), &door);
    bench.storage.refuses_commits.set(true);
    bench.append(conn, &[&join]);
    // Staged is not in: who is let in depends on what is durable.
    let (_, frame) = bench.enter(&phone, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::NotAllowed, .. }));
    bench.flush();
    bench.drain();
    let (_, frame) = bench.enter(&phone, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::NotAllowed, .. }));
    bench.storage.refuses_commits.set(false);
    bench.frames(conn);
    bench.must_append(conn, &[&join]);
    bench.open(&phone, workspace);
}

#[test]
fn a_storage_that_can_neither_write_nor_read_ends_the_sessions() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.append(conn, &[&entry]);
    bench.storage.refuses_commits.set(true);
    bench.storage.refuses_reads.set(true);
    bench.flush();
    let frames = bench.frames(conn);
    assert!(matches!(frames[0], Frame::Refused { reason: Reason::Storage, .. }));
    assert!(matches!(frames[1], Frame::Goodbye { reason: Reason::Storage, .. }));
    assert!(bench.is_closed(conn));
    let (_, frame) = bench.enter(&laptop, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::Storage, .. }));
    bench.storage.refuses_commits.set(false);
    bench.storage.refuses_reads.set(false);
    let conn = bench.open(&laptop, workspace);
    bench.must_append(conn, &[&entry]);
}

#[test]
fn an_append_while_the_storage_cannot_be_read_is_refused_for_now() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.storage.refuses_reads.set(true);
    assert_eq!(bench.refusal(conn, &entry), Reason::Storage);
    bench.storage.refuses_reads.set(false);
    bench.must_append(conn, &[&entry]);
}

#[test]
fn a_sender_who_hangs_up_before_the_flush_has_its_entries_stored() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.append(conn, &[&entry]);
    bench.relay.disconnect(conn);
    bench.flush();
    assert_eq!(bench.position(workspace), Position(2));
    assert!(bench.frames(conn).is_empty());
}

#[test]
fn a_crash_before_the_flush_loses_only_what_nobody_was_told_of() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.append(conn, &[&entry]);
    bench.restart();
    let conn = bench.open(&laptop, workspace);
    bench.must_append(conn, &[&entry]);
    assert_eq!(bench.position(workspace), Position(2));
}

#[test]
fn an_answer_does_not_go_to_another_connection_with_the_same_number() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let _stays = bench.open(&laptop, workspace);
    for refuses_commits in [false, true] {
        bench.storage.refuses_commits.set(refuses_commits);
        let entry = laptop.content(&bench.view(workspace), b"one");
        bench.append(conn, &[&entry]);
        bench.relay.disconnect(conn);
        bench.relay.connect(conn, bench.now);
        bench.flush();
        assert!(bench.frames(conn).is_empty());
        bench.relay.disconnect(conn);
        let again = bench.open(&laptop, workspace);
        assert_ne!(again, conn);
    }
}

#[test]
fn what_is_staged_is_committed_before_there_are_more_entries_than_it_may_have() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let view = bench.view(workspace);
    let entries: Vec<_> = (0..=STAGED_ENTRIES).map(|_| laptop.content(&view, b"x")).collect();
    for entries in entries[..STAGED_ENTRIES].chunks(1024) {
        bench.append(conn, &entries.iter().collect::<Vec<_>>());
    }
    assert_eq!(bench.position(workspace), Position(1), "all of them wait");
    bench.append(conn, &[&entries[STAGED_ENTRIES]]);
    assert_eq!(bench.position(workspace), Position(1 + STAGED_ENTRIES as u64), "and one more does not fit");
    assert!(bench.relay.needs_flush());
}

#[test]
fn what_is_staged_is_committed_before_it_has_more_bytes_than_it_may_have() {
    for more in [0, 1] {
        let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
        let (workspace, conn) = bench.create(&mut laptop);
        let view = bench.view(workspace);
        let mut staged = 0;
        for _ in 0..11 {
            let entry = laptop.content(&view, &vec![0; 700_000]);
            staged += usize::try_from(stored_len(&entry)).unwrap();
            bench.append(conn, &[&entry]);
        }
        // The last frame is as long as there is room, or one longer.
        let last = |laptop: &Author, len| laptop.clone().content(&view, &vec![0; len]);
        let framed = |entry: &Entry| encode(&Frame::Append { entries: vec![entry.to_signed()] }).len();
        let about = 100_000;
        let len = about + (STAGED_BYTES - staged) - framed(&last(&laptop, about)) + more;
        let entry = last(&laptop, len);
        assert_eq!(staged + framed(&entry), STAGED_BYTES + more);
        bench.append(conn, &[&entry]);
        assert_eq!(bench.position(workspace), Position(if more == 0 { 1 } else { 12 }));
    }
}

#[test]
fn a_session_that_a_full_batch_removes_appends_nothing_more() {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, owner) = bench.create(&mut laptop);
    let member = bench.let_in((&mut laptop, owner), &mut phone, workspace);
    let view = bench.view(workspace);
    let fillers: Vec<_> = (0..STAGED_ENTRIES - 1).map(|_| laptop.content(&view, b"x")).collect();
    for fillers in fillers.chunks(1900) {
        bench.append(owner, &fillers.iter().collect::<Vec<_>>());
    }
    let rekey = crate::testing::author::rekey(0x77, [laptop.hpke()]);
    let removal = Record::RemoveDevice { device: phone.id(), cut: vec![], rekey };
    let removal = laptop.record(&view, &removal);
    bench.append(owner, &[&removal]);
    // Not even what its author may still write.
    let carried = laptop.content(&view, b"carried");
    let unreadable = SignedEntry::from_parts(carried.signed_header().to_signed(), Some(vec![]));
    bench.send(member, &Frame::Append { entries: vec![unreadable, carried.to_signed()] });
    let frames = bench.frames(member);
    assert!(matches!(frames[..], [Frame::Goodbye { reason: Reason::Removed, .. }]), "{frames:?}");
    assert!(!bench.relay.needs_flush());
}

#[test]
fn what_was_stored_although_the_storage_said_otherwise_is_found_and_served() {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let member = bench.let_in((&mut laptop, conn), &mut phone, workspace);
    let (new_workspace, genesis) = Author::new(3).genesis(3);
    let creating = bench.send_create(&Author::new(3), new_workspace, &genesis);
    let listening = bench.open(&laptop, workspace);
    bench.send(listening, &Frame::Subscribe { after: Position(3) });
    let view = bench.view(workspace);
    let rekey = crate::testing::author::rekey(0x77, [laptop.hpke()]);
    let removal = Record::RemoveDevice { device: phone.id(), cut: vec![], rekey };
    let removal = laptop.record(&view, &removal);
    bench.storage.loses_answers.set(true);
    bench.append(conn, &[&removal]);
    bench.flush();
    bench.storage.loses_answers.set(false);
    assert!(matches!(bench.frame(conn), Frame::Refused { reason: Reason::Storage, .. }));
    assert!(matches!(bench.frame(listening), Frame::Entries { first: Position(4), .. }));
    assert!(matches!(bench.frame(member), Frame::Goodbye { reason: Reason::Removed, .. }));
    assert!(matches!(bench.frame(creating), Frame::Welcome(_)));
    bench.append(conn, &[&removal]);
    let Frame::Appended { entries, .. } = bench.frame(conn) else { panic!() };
    assert_eq!(entries, [(removal.id(), Position(4))]);
}
