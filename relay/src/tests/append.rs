//! Append: what is taken, what is refused and why.

use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::head::Seen;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{EntryId, EpochId, Lane, LogHash, Position, RosterHash, WorkspaceId};
use bowline_wire::roster::record::Record;
use bowline_wire::weight::Weight;

use crate::config::{CONTENT_QUOTA, CONTROL_BURST, CONTROL_INTERVAL, Config, STAGED_ENTRIES};
use crate::keys::LogKey;
use crate::session::ConnId;
use crate::storage::{Storage, stored_len};
use crate::testing::author::{Author, Door};
use crate::testing::bench::{Bench, config};

/// A workspace of one device, whose session is open.
fn alone(config: Config) -> (Bench, Author, WorkspaceId, ConnId) {
    let (mut bench, mut laptop) = (Bench::with(config), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    (bench, laptop, workspace, conn)
}

/// Refused as it is, while the same author's ordinary next entry is accepted: only `edit` can be the reason.
fn refused_for(edit: impl FnOnce(&mut Header, &Bench, WorkspaceId)) -> Reason {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let first = laptop.content(&view, b"first");
    bench.must_append(conn, &[&first]);
    let mut header = laptop.draft(&bench.view(workspace), EntryType::Changes, Lane::Content);
    edit(&mut header, &bench, workspace);
    let wrong = laptop.clone().write(header, b"second");
    let reason = bench.refusal(conn, &wrong);
    let right = laptop.content(&bench.view(workspace), b"second");
    bench.must_append(conn, &[&right]);
    reason
}

#[test]
fn an_entry_is_acknowledged_with_its_position_under_a_signed_head() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let entries = [laptop.content(&view, b"one"), laptop.content(&view, b"two")];
    bench.append(conn, &[&entries[0], &entries[1]]);
    bench.flush();
    let Frame::Appended { entries: acknowledged, head } = bench.frame(conn) else { panic!() };
    assert_eq!(acknowledged, [(entries[0].id(), Position(2)), (entries[1].id(), Position(3))]);
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(3));
    let stored = bench.storage.log(workspace).unwrap().unwrap();
    assert_eq!((stored.position, stored.hash), (head.position, head.hash));
}

#[test]
fn the_same_entry_again_is_acknowledged_at_its_old_position() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let (first, second) = (laptop.content(&view, b"one"), laptop.content(&view, b"two"));
    bench.must_append(conn, &[&first]);
    bench.must_append(conn, &[&second]);
    bench.append(conn, &[&first]);
    let Frame::Appended { entries, head } = bench.frame(conn) else { panic!() };
    assert_eq!(entries, [(first.id(), Position(2))]);
    assert_eq!(head.position, Position(3));
    assert_eq!(bench.position(workspace), Position(3));
}

#[test]
fn the_same_entry_twice_before_the_flush_is_stored_once_and_both_are_told() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let other = bench.open(&laptop, workspace);
    let entry = laptop.content(&bench.view(workspace), b"one");
    for conn in [conn, other, conn] {
        bench.append(conn, &[&entry]);
    }
    bench.append(conn, &[&entry, &entry]);
    assert!(bench.frames(conn).is_empty());
    bench.flush();
    for conn in [conn, other] {
        let Frame::Appended { entries, .. } = bench.frame(conn) else { panic!() };
        assert_eq!(entries, [(entry.id(), Position(2))]);
    }
    assert_eq!(bench.position(workspace), Position(2));
}

#[test]
fn an_entry_is_recognised_after_a_restart() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let (first, second) = (laptop.content(&view, b"one"), laptop.content(&view, b"two"));
    bench.must_append(conn, &[&first]);
    bench.restart();
    let conn = bench.open(&laptop, workspace);
    bench.append(conn, &[&first]);
    let Frame::Appended { entries, .. } = bench.frame(conn) else { panic!() };
    assert_eq!(entries, [(first.id(), Position(2))]);
    // The chain goes on where it was.
    bench.must_append(conn, &[&second]);
    assert_eq!(bench.position(workspace), Position(3));
}

#[test]
fn a_device_may_carry_anothers_entries() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let mut phone = Author::new(2);
    bench.let_in((&mut laptop, conn), &mut phone, workspace);
    let entry = phone.content(&bench.view(workspace), b"by the phone");
    bench.must_append(conn, &[&entry]);
}

#[test]
fn an_entry_before_its_predecessor_is_a_gap() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let (first, second) = (laptop.content(&view, b"one"), laptop.content(&view, b"two"));
    assert_eq!(bench.refusal(conn, &second), Reason::ChainGap);
    bench.must_append(conn, &[&first, &second]);
}

#[test]
fn what_follows_a_refused_entry_in_one_frame_is_answered_entry_by_entry() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let mut header = laptop.draft(&view, EntryType::Changes, Lane::Content);
    header.epoch = EpochId::from_bytes([0xee; 16]);
    let wrong = laptop.write(header, b"one");
    let behind = [laptop.content(&view, b"two"), laptop.content(&view, b"three")];
    let control = laptop.record(&view, &Record::CloseInvite(Door::new(1).key()));
    bench.append(conn, &[&wrong, &behind[0], &control, &behind[1]]);
    bench.flush();
    let answers: Vec<(EntryId, Option<Reason>)> = bench
        .frames(conn)
        .into_iter()
        .map(|frame| match frame {
            Frame::Refused { entry, reason, .. } => (entry, Some(reason)),
            Frame::Appended { entries, .. } => (entries[0].0, None),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        (wrong.id(), Some(Reason::WrongEpoch)),
        (behind[0].id(), Some(Reason::ChainGap)),
        (behind[1].id(), Some(Reason::ChainGap)),
        (control.id(), None),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_taken_number_is_refused_with_the_header_that_has_it() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let mut clone = laptop.clone();
    let (mine, other) = (laptop.content(&view, b"mine"), clone.content(&view, b"the clone's"));
    // Whether what has it is durable or still staged.
    for _ in 0..2 {
        bench.append(conn, &[&mine, &other]);
        bench.flush();
        let frames = bench.frames(conn);
        let proof = frames.iter().find_map(|frame| match frame {
            Frame::Refused { entry, reason: Reason::SeqTaken, proof, .. } if *entry == other.id() => {
                proof.clone()
            }
            _ => None,
        });
        let proof = proof.expect("a proof").verify(workspace).unwrap();
        assert_eq!((proof.id(), proof.body()), (mine.id(), None));
    }
    // The number after it is taken too: its predecessor is another.
    let next = clone.content(&view, b"the clone's next");
    assert_eq!(bench.refusal(conn, &next), Reason::SeqTaken);
}

#[test]
fn a_stranger_writes_nothing() {
    let (mut bench, _, workspace, conn) = alone(config());
    let entry = Author::new(2).content(&bench.view(workspace), b"hello");
    assert_eq!(bench.refusal(conn, &entry), Reason::NotActive);
}

#[test]
fn an_unknown_roster_may_still_come() {
    let reason = refused_for(|header, _, _| header.roster = RosterHash::from_bytes([7; 32]));
    assert_eq!(reason, Reason::RosterUnknown);
    assert!(reason.is_transient());
}

#[test]
fn a_roster_older_than_what_the_author_saw_is_stale() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let old = bench.view(workspace);
    let invite = laptop.record(&old, &Record::Invite(Door::new(1).ticket(u64::MAX)));
    bench.must_append(conn, &[&invite]);
    let seen = bench.view(workspace).seen;
    let mut header = laptop.draft(&old, EntryType::Changes, Lane::Content);
    header.seen = seen.map(Seen::from);
    let stale = laptop.clone().write(header, b"one");
    assert_eq!(bench.refusal(conn, &stale), Reason::RosterStale);
    // Without having seen the newer roster the older one is fine.
    let fine = laptop.content(&old, b"one");
    bench.must_append(conn, &[&fine]);
}

#[test]
fn another_epoch_than_the_rosters_is_wrong() {
    let reason = refused_for(|header, _, _| header.epoch = EpochId::from_bytes([0xee; 16]));
    assert_eq!(reason, Reason::WrongEpoch);
}

#[test]
fn what_was_seen_does_not_go_back_and_is_signed_by_this_log() {
    let head_of_nobody = |header: &mut Header, _: &Bench, _| {
        if let Some(seen) = &mut header.seen {
            seen.hash = LogHash::from_bytes([1; 32]);
        }
    };
    let head_of_another_log = |header: &mut Header, bench: &Bench, workspace| {
        let key = LogKey::generate(&mut crate::testing::rng(77));
        let seen = bench.view(workspace).seen.unwrap();
        let head = seen.verify(workspace).unwrap();
        let theirs = key.sign(bowline_wire::head::Head { log: key.id(), ..*head.value() }).unwrap();
        header.seen = Some(theirs.into());
    };
    assert_eq!(refused_for(head_of_nobody), Reason::BadSeen);
    assert_eq!(refused_for(head_of_another_log), Reason::BadSeen);
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let old = bench.view(workspace);
    let first = laptop.content(&old, b"first");
    bench.must_append(conn, &[&first]);
    let second = laptop.content(&bench.view(workspace), b"second");
    bench.must_append(conn, &[&second]);
    let back = laptop.content(&old, b"third");
    assert_eq!(bench.refusal(conn, &back), Reason::BadSeen);
}

#[test]
fn an_entry_of_another_workspace_is_malformed_here() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let mut header = laptop.draft(&bench.view(workspace), EntryType::Changes, Lane::Content);
    header.workspace = WorkspaceId::from_bytes([8; 32]);
    let elsewhere = laptop.write(header, b"one").to_signed();
    bench.send(conn, &Frame::Append { entries: vec![elsewhere.clone()] });
    let Frame::Refused { entry, reason, .. } = bench.frame(conn) else { panic!("not refused") };
    assert_eq!((entry, reason), (elsewhere.id(workspace), Reason::Malformed), "named as what it is here");
}

/// `entry` with the last byte of its signed header or of its body changed, or without a body.
fn altered(entry: &Entry, what: &str) -> SignedEntry {
    let header = entry.signed_header();
    let body = entry.body().unwrap().to_vec();
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    let signed = bowline_wire::signed::Signed::from_parts;
    match what {
        "header" => SignedEntry::from_parts(signed(flipped(header.bytes()), *header.signature()), Some(body)),
        "body" => SignedEntry::from_parts(header.to_signed(), Some(flipped(&body))),
        _ => SignedEntry::from_parts(header.to_signed(), None),
    }
}

#[test]
fn an_altered_entry_is_refused_by_itself() {
    for what in ["header", "body", "no body"] {
        let (mut bench, mut laptop, workspace, conn) = alone(config());
        let entry = laptop.content(&bench.view(workspace), b"one");
        let wrong = altered(&entry, what);
        bench.send(conn, &Frame::Append { entries: vec![wrong, entry.to_signed()] });
        let Frame::Refused { entry: refused, reason, text, .. } = bench.frame(conn) else { panic!() };
        assert_eq!(reason, Reason::Malformed);
        assert!(!text.is_empty());
        // It is named by the hash of the header as it came.
        assert_eq!(refused == entry.id(), what != "header");
        bench.flush();
        assert!(matches!(bench.frame(conn), Frame::Appended { .. }));
    }
}

#[test]
fn content_stops_at_the_quota_and_control_does_not() {
    let probe = {
        let (bench, mut laptop, workspace, _) = alone(config());
        stored_len(&laptop.content(&bench.view(workspace), &[1; 1000]))
    };
    let (mut bench, mut laptop, workspace, conn) = alone(Config { content_quota: 2 * probe, ..config() });
    let view = bench.view(workspace);
    let entries = [(); 3].map(|()| laptop.content(&view, &[1; 1000]));
    bench.must_append(conn, &[&entries[0]]);
    // What is staged counts, and what was stored counts after a restart.
    bench.append(conn, &[&entries[1], &entries[2]]);
    let Frame::Refused { entry, reason, .. } = bench.frame(conn) else { panic!() };
    assert_eq!((entry, reason), (entries[2].id(), Reason::Quota));
    bench.flush();
    assert!(matches!(bench.frame(conn), Frame::Appended { .. }));
    assert_eq!(bench.refusal(conn, &entries[2]), Reason::Quota);
    let record = laptop.record(&view, &Record::CloseInvite(Door::new(1).key()));
    bench.must_append(conn, &[&record]);
}

#[test]
fn a_workspace_has_four_gibibytes_of_content_and_not_a_byte_more() {
    for (beyond, fits) in [(0, true), (1, false)] {
        let (mut bench, mut laptop, workspace, _) = alone(config());
        let entry = laptop.content(&bench.view(workspace), &[1; 1000]);
        let stored = bench.storage.log(workspace).unwrap().unwrap().usage.content;
        bench.storage.more.lock().unwrap().content = CONTENT_QUOTA - stored - stored_len(&entry) + beyond;
        bench.restart();
        let conn = bench.open(&laptop, workspace);
        if fits {
            bench.must_append(conn, &[&entry]);
        } else {
            assert_eq!(bench.refusal(conn, &entry), Reason::Quota);
        }
    }
}

/// Three parts of one payload, by an author who stays as it is.
fn parts(author: &Author, bench: &Bench, workspace: WorkspaceId) -> [Entry; 3] {
    let mut author = author.clone();
    let view = bench.view(workspace);
    [0, 1, 2].map(|index| {
        let mut header = author.draft(&view, EntryType::Changes, Lane::Content);
        header.part = Part { index, count: 3 };
        if !header.part.is_last() {
            header.weight = Weight::NONE;
        }
        author.write(header, &vec![1; if index < 2 { 1000 } else { 1 }])
    })
}

#[test]
fn the_first_part_is_refused_if_there_is_no_room_for_all_of_them() {
    let probe = {
        let (bench, laptop, workspace, _) = alone(config());
        parts(&laptop, &bench, workspace).each_ref().map(stored_len)
    };
    // One that begins needs room for itself, as much again as it has inside, and a byte.
    let needed = probe[0] + 1001;
    for (content_quota, fits) in [(needed - 1, false), (needed, true)] {
        let (mut bench, laptop, workspace, conn) = alone(Config { content_quota, ..config() });
        let [first, second, _] = parts(&laptop, &bench, workspace);
        if fits {
            bench.must_append(conn, &[&first]);
        } else {
            assert_eq!(bench.refusal(conn, &first), Reason::Quota);
            assert_eq!(bench.refusal(conn, &second), Reason::ChainGap);
            // A whole payload of that size is one that fits.
            let whole = laptop.clone().content(&bench.view(workspace), &[1; 1000]);
            bench.must_append(conn, &[&whole]);
        }
    }
    // The others count as what they are.
    let content_quota = probe.iter().sum();
    let (mut bench, laptop, workspace, conn) = alone(Config { content_quota, ..config() });
    let entries = parts(&laptop, &bench, workspace);
    bench.must_append(conn, &entries.each_ref());
}

#[test]
fn usage_counts_after_a_restart() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let entry = laptop.content(&bench.view(workspace), &[1; 1000]);
    bench.must_append(conn, &[&entry]);
    let usage = bench.storage.log(workspace).unwrap().unwrap().usage;
    assert_eq!(usage.content, stored_len(&entry));
    bench.restart();
    bench.open(&laptop, workspace);
    assert_eq!(crate::workspace::Workspace::load(&bench.storage, workspace).unwrap().unwrap().usage, usage);
}

#[test]
fn control_entries_have_a_rate_of_their_own() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let close = Record::CloseInvite(Door::new(1).key());
    let entries: Vec<Entry> = (0..=CONTROL_BURST).map(|_| laptop.record(&view, &close)).collect();
    let (last, burst) = entries.split_last().unwrap();
    bench.must_append(conn, &burst.iter().collect::<Vec<_>>());
    assert_eq!(bench.refusal(conn, last), Reason::Rate);
    let content = laptop.content(&view, b"content is not slowed down");
    bench.must_append(conn, &[&content]);
    bench.now = bench.now.plus(CONTROL_INTERVAL);
    bench.must_append(conn, &[last]);
}

#[test]
fn reconnecting_does_not_refill_the_rate() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let close = Record::CloseInvite(Door::new(1).key());
    let entries: Vec<Entry> = (0..=CONTROL_BURST).map(|_| laptop.record(&view, &close)).collect();
    let (last, burst) = entries.split_last().unwrap();
    bench.must_append(conn, &burst.iter().collect::<Vec<_>>());
    bench.relay.disconnect(conn);
    let conn = bench.open(&laptop, workspace);
    assert_eq!(bench.refusal(conn, last), Reason::Rate);
}

#[test]
fn too_much_for_one_commit_is_committed_in_several() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let view = bench.view(workspace);
    let per_frame = 1500;
    let frames = STAGED_ENTRIES / per_frame + 1;
    for _ in 0..frames {
        let entries: Vec<Entry> = (0..per_frame).map(|_| laptop.content(&view, b"x")).collect();
        bench.append(conn, &entries.iter().collect::<Vec<_>>());
    }
    bench.flush();
    let commits = bench.storage.commits();
    assert_eq!(commits.iter().map(|(rows, _)| rows).sum::<usize>(), 1 + frames * per_frame);
    assert!(commits.iter().all(|(rows, _)| *rows <= STAGED_ENTRIES), "{commits:?}");
}

#[test]
fn a_head_of_its_own_in_whose_place_another_stands_says_that_a_part_is_lost() {
    let (mut bench, mut laptop, workspace, conn) = alone(config());
    let backup = bench.storage.memory.snapshot();
    let lost = laptop.content(&bench.view(workspace), b"lost");
    bench.must_append(conn, &[&lost]);
    let seen = bench.view(workspace).seen;
    bench.storage.memory = backup;
    bench.restart();
    let conn = bench.open(&laptop, workspace);
    let mut view = bench.view(workspace);
    view.seen = seen;
    let mut other = Author::new(1);
    other.genesis(1);
    let instead = other.content(&bench.view(workspace), b"in its place");
    bench.must_append(conn, &[&instead]);
    let entry = other.content(&view, b"new");
    bench.append(conn, &[&entry]);
    let told = bench.frame(conn);
    assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    assert!(bench.relay.check_storage(bench.now).is_err());
}
