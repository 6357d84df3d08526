//! Subscribing: catching up, live entries, slow readers.

use std::sync::Arc;

use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{EntryId, LogId, Position, WorkspaceId};
use bowline_wire::limits::MAX_FRAME;
use bowline_wire::log::Log;

use crate::config::{FEED_BYTES, FEED_FRAMES, IDLE_INTERVAL, QUEUE_BYTES};
use crate::session::ConnId;
use crate::testing::author::Author;
use crate::testing::bench::Bench;

/// What a device makes of Entries frames: every rule of the log, and that each head is signed and exactly at the end.
struct Reader {
    log: Option<Log>,
    workspace: WorkspaceId,
    read: Vec<EntryId>,
}

impl Reader {
    fn new(workspace: WorkspaceId) -> Self {
        Self { log: None, workspace, read: Vec::new() }
    }

    fn take(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            let Frame::Entries { first, entries, head } = frame else { panic!("{frame:?}") };
            assert!(!entries.is_empty());
            let log = self.log.get_or_insert_with(|| Log::new(self.workspace, head.log));
            assert_eq!(first, log.head().position.next(), "consecutive");
            let mut hashes = std::collections::HashMap::new();
            for LoggedEntry { time, entry } in entries {
                let entry = entry.verify(self.workspace).unwrap();
                if let Some(seen) = entry.header().seen {
                    hashes.insert(seen.position, seen.hash);
                }
                let accepted = log.check(&entry, time, |position| hashes.get(&position).copied()).unwrap();
                log.append(accepted);
                self.read.push(entry.id());
            }
            assert_eq!(
                *head.verify(self.workspace).unwrap().value(),
                log.head(),
                "the head is at the last entry"
            );
        }
    }

    fn position(&self) -> u64 {
        self.read.len() as u64
    }
}

fn subscribe(bench: &mut Bench, conn: ConnId, after: u64) {
    bench.send(conn, &Frame::Subscribe { after: Position(after) });
}

/// Appends `count` entries of about `len` bytes, a few to a frame, and commits.
fn write(
    bench: &mut Bench,
    author: &mut Author,
    conn: ConnId,
    workspace: WorkspaceId,
    count: usize,
    len: usize,
) {
    let view = bench.view(workspace);
    let per_frame = (MAX_FRAME / (len + 1000)).clamp(1, 1000);
    let mut left = count;
    while left > 0 {
        let now = left.min(per_frame);
        let entries: Vec<Entry> = (0..now).map(|_| author.content(&view, &vec![0x61; len])).collect();
        bench.append(conn, &entries.iter().collect::<Vec<_>>());
        left -= now;
    }
    bench.flush();
}

#[test]
fn a_newcomer_reads_the_whole_log_and_then_what_is_new() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    write(&mut bench, &mut laptop, conn, workspace, 5, 100);
    let reading = bench.open(&laptop, workspace);
    let mut reader = Reader::new(workspace);
    subscribe(&mut bench, reading, 0);
    reader.take(bench.frames(reading));
    assert_eq!(reader.position(), 6);
    assert!(bench.frames(reading).is_empty());
    write(&mut bench, &mut laptop, conn, workspace, 3, 100);
    reader.take(bench.frames(reading));
    assert_eq!(reader.position(), 9);
}

#[test]
fn a_log_larger_than_a_frame_comes_in_frames_that_fit() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    write(&mut bench, &mut laptop, conn, workspace, 3, 700_000);
    write(&mut bench, &mut laptop, conn, workspace, 3000, 10);
    let reading = bench.open(&laptop, workspace);
    subscribe(&mut bench, reading, 0);
    let bytes = bench.bytes(reading);
    assert!(bytes.len() > 3 && bytes.iter().all(|frame| frame.len() <= MAX_FRAME));
    let mut reader = Reader::new(workspace);
    reader.take(bytes.iter().map(|bytes| bowline_wire::codec::decode(bytes).unwrap()));
    assert_eq!(reader.position(), 3004);
}

#[test]
fn live_entries_larger_than_a_frame_come_in_frames_that_fit() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let reading = bench.open(&laptop, workspace);
    subscribe(&mut bench, reading, 0);
    let mut reader = Reader::new(workspace);
    reader.take(bench.frames(reading));
    write(&mut bench, &mut laptop, conn, workspace, 3, 300_000);
    let bytes = bench.bytes(reading);
    assert_eq!(bytes.len(), 1);
    reader.take(bytes.iter().map(|bytes| bowline_wire::codec::decode(bytes).unwrap()));
    write(&mut bench, &mut laptop, conn, workspace, 3000, 10);
    let bytes = bench.bytes(reading);
    assert!(bytes.len() > 1 && bytes.iter().all(|frame| frame.len() <= MAX_FRAME));
    reader.take(bytes.iter().map(|bytes| bowline_wire::codec::decode(bytes).unwrap()));
    assert_eq!(reader.position(), 3004);
}

#[test]
fn subscribing_at_the_head_waits_for_what_comes() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    subscribe(&mut bench, conn, 1);
    assert!(bench.frames(conn).is_empty());
    write(&mut bench, &mut laptop, conn, workspace, 1, 10);
    let frames = bench.frames(conn);
    assert!(matches!(frames[0], Frame::Appended { .. }), "the acknowledgement comes first");
    assert!(matches!(&frames[1], Frame::Entries { first: Position(2), entries, .. } if entries.len() == 1));
}

#[test]
fn subscribing_again_starts_over() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    write(&mut bench, &mut laptop, conn, workspace, 2, 10);
    bench.drain();
    bench.frames(conn);
    for after in [0, 2, 0] {
        subscribe(&mut bench, conn, after);
        let Frame::Entries { first, entries, .. } = bench.frame(conn) else { panic!() };
        assert_eq!((first, entries.len() as u64), (Position(after + 1), 3 - after));
    }
}

#[test]
fn whoever_has_seen_more_than_there_is_gets_the_signed_head() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    subscribe(&mut bench, conn, 2);
    let Frame::Head(head) = bench.frame(conn) else { panic!() };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(1));
    // It is no longer subscribed: what comes now may not be what it thinks comes after 2.
    write(&mut bench, &mut laptop, conn, workspace, 3, 10);
    assert!(bench.frames(conn).iter().all(|frame| matches!(frame, Frame::Appended { .. })));
}

#[test]
fn whoever_has_not_subscribed_gets_no_entries() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let idle = bench.open(&laptop, workspace);
    write(&mut bench, &mut laptop, conn, workspace, 3, 10);
    assert!(bench.frames(idle).is_empty());
}

#[test]
fn workspaces_do_not_hear_of_one_another() {
    let (mut bench, mut laptop, mut other) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    let (_, elsewhere) = bench.create(&mut other);
    subscribe(&mut bench, elsewhere, 1);
    write(&mut bench, &mut laptop, conn, workspace, 3, 10);
    assert!(bench.frames(elsewhere).is_empty());
}

#[test]
fn a_ping_is_answered_with_the_durable_head() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"staged");
    bench.append(conn, &[&entry]);
    bench.send(conn, &Frame::Ping);
    let Frame::Head(head) = bench.frame(conn) else { panic!() };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(1));
    bench.flush();
    bench.drain();
    bench.frames(conn);
    bench.send(conn, &Frame::Ping);
    let Frame::Head(head) = bench.frame(conn) else { panic!() };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(2));
}

#[test]
fn new_entries_are_encoded_once_for_everybody() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let readers = [(); 3].map(|()| bench.open(&laptop, workspace));
    for reader in readers {
        subscribe(&mut bench, reader, 1);
    }
    write(&mut bench, &mut laptop, conn, workspace, 2, 10);
    let frames = readers.map(|reader| bench.bytes(reader).remove(0));
    assert!(frames.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
}

#[test]
fn everybodys_head_is_the_same() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let late = bench.open(&laptop, workspace);
    subscribe(&mut bench, conn, 1);
    write(&mut bench, &mut laptop, conn, workspace, 2, 10);
    subscribe(&mut bench, late, 1);
    let Frame::Entries { head: pushed, .. } = bench.frames(conn).remove(1) else { panic!() };
    let Frame::Entries { head: pulled, .. } = bench.frame(late) else { panic!() };
    assert_eq!(pushed, pulled);
}

fn queued(bench: &Bench, conn: ConnId) -> (usize, usize) {
    bench.relay.queued(conn).unwrap()
}

#[test]
fn a_slow_reader_is_moved_from_push_to_pull() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let slow = bench.open(&laptop, workspace);
    subscribe(&mut bench, slow, 1);
    bench.relay.set_writable(slow, false);
    for _ in 0..2 * FEED_FRAMES {
        write(&mut bench, &mut laptop, conn, workspace, 1, 10);
        assert!(bench.frames(slow).is_empty());
    }
    assert_eq!(queued(&bench, slow).1, FEED_FRAMES, "what follows stays in storage");
    bench.relay.set_writable(slow, true);
    let frames = bench.frames(slow);
    assert!(frames.len() < 2 * FEED_FRAMES, "what was pulled came in few frames: {}", frames.len());
    let mut reader = Reader::new(workspace);
    subscribe(&mut bench, slow, 0);
    let Frame::Entries { entries, .. } = bench.frame(slow) else { panic!() };
    assert_eq!(entries.len(), 1 + 2 * FEED_FRAMES);
    // And once it has caught up it is pushed to again.
    write(&mut bench, &mut laptop, conn, workspace, 1, 10);
    let Frame::Entries { first, .. } = bench.frame(slow) else { panic!() };
    assert_eq!(first, Position(2 + 2 * FEED_FRAMES as u64));
    let entries_of = |frame: &Frame| match frame {
        Frame::Entries { entries, .. } => entries.len(),
        _ => 0,
    };
    assert_eq!(frames.iter().map(entries_of).sum::<usize>(), 2 * FEED_FRAMES, "nothing was left out");
    subscribe(&mut bench, slow, 0);
    reader.take(bench.frames(slow));
    assert_eq!(reader.position(), 2 + 2 * FEED_FRAMES as u64);
}

#[test]
fn what_waits_for_a_slow_reader_is_bounded_in_bytes() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let slow = bench.open(&laptop, workspace);
    bench.relay.set_writable(slow, false);
    subscribe(&mut bench, slow, 0);
    let mut reader = Reader::new(workspace);
    for _ in 0..10 {
        write(&mut bench, &mut laptop, conn, workspace, 1, 500_000);
        assert!(queued(&bench, slow).0 <= FEED_BYTES + MAX_FRAME);
    }
    assert!(queued(&bench, slow).0 > FEED_BYTES / 2);
    bench.relay.set_writable(slow, true);
    reader.take(bench.frames(slow));
    assert_eq!(reader.position(), 11);
}

#[test]
fn a_slow_reader_holds_nobody_up() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let (slow, quick) = (bench.open(&laptop, workspace), bench.open(&laptop, workspace));
    bench.relay.set_writable(slow, false);
    for reader in [slow, quick] {
        subscribe(&mut bench, reader, 0);
    }
    let mut reader = Reader::new(workspace);
    for _ in 0..5 {
        write(&mut bench, &mut laptop, conn, workspace, 1, 600_000);
        reader.take(bench.frames(quick));
    }
    assert_eq!(reader.position(), 6);
}

#[test]
fn whoever_asks_without_reading_is_cut_off() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    bench.relay.set_writable(conn, false);
    for _ in 0..QUEUE_BYTES {
        // No faster than pings are taken at all.
        bench.now = bench.now.plus(IDLE_INTERVAL);
        bench.send(conn, &Frame::Ping);
        match bench.relay.queued(conn) {
            Some((bytes, _)) => assert!(bytes <= QUEUE_BYTES),
            None => break,
        }
    }
    assert!(bench.is_closed(conn));
}

#[test]
fn sessions_take_turns() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, one) = bench.create(&mut laptop);
    let two = bench.open(&laptop, workspace);
    for conn in [one, one, one, two, two] {
        bench.send(conn, &Frame::Ping);
    }
    let order: Vec<ConnId> =
        std::iter::from_fn(|| bench.relay.poll_transmit()).map(|(conn, _)| conn).collect();
    assert_eq!(order, [one, two, one, two, one]);
}

#[test]
fn the_log_is_the_same_log_after_a_restart() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    subscribe(&mut bench, conn, 0);
    write(&mut bench, &mut laptop, conn, workspace, 3, 10);
    let mut reader = Reader::new(workspace);
    reader.take(bench.frames(conn).into_iter().filter(|frame| matches!(frame, Frame::Entries { .. })));
    let log: LogId = reader.log.as_ref().unwrap().head().log;
    bench.restart();
    let conn = bench.open(&laptop, workspace);
    subscribe(&mut bench, conn, reader.position());
    write(&mut bench, &mut laptop, conn, workspace, 1, 10);
    reader.take(bench.frames(conn).into_iter().filter(|frame| matches!(frame, Frame::Entries { .. })));
    assert_eq!(reader.position(), 5);
    assert_eq!(reader.log.unwrap().head().log, log);
}

#[test]
fn a_reader_whose_storage_fails_is_told_and_closed() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    write(&mut bench, &mut laptop, conn, workspace, 1, 10);
    let reading = bench.open(&laptop, workspace);
    bench.storage.refuses_reads.set(true);
    subscribe(&mut bench, reading, 0);
    assert!(matches!(bench.frame(reading), Frame::Goodbye { .. }));
    assert!(bench.is_closed(reading));
}
