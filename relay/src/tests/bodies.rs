//! Bodies apart from their entries: who gets which, and how a relay that has lost some gets them back.

use std::sync::atomic::Ordering;

use bowline_wire::bodies::Supplied;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::limits::{MAX_BODIES_PER_FRAME, MAX_BODY, MAX_FRAME};
use bowline_wire::roster::record::Record;

use super::Two;
use crate::config::{IDLE_BURST, WANTED_INTERVAL};
use crate::session::ConnId;
use crate::storage::Storage;
use crate::testing::author::{Author, Door};
use crate::testing::bench::Bench;

struct Story {
    bench: Bench,
    workspace: WorkspaceId,
    laptop: Author,
    phone: Author,
    on_laptop: ConnId,
    on_phone: ConnId,
    /// Content on the log, with its position.
    content: Vec<(u64, Entry)>,
}

/// Two devices in one workspace, both connected, and so many content entries with bodies of such a length.
fn story(entries: usize, len: usize) -> Story {
    let Two { mut bench, workspace, mut laptop, phone, on_laptop, on_phone } = Two::connected();
    let mut content = Vec::new();
    for n in 0..entries {
        let entry = laptop.content(&bench.view(workspace), &vec![u8::try_from(n % 251).unwrap(); len]);
        bench.must_append(on_laptop, &[&entry]);
        content.push((bench.position(workspace).0, entry));
    }
    bench.drain();
    Story { bench, workspace, laptop, phone, on_laptop, on_phone, content }
}

impl Story {
    fn positions(&self) -> Vec<Position> {
        self.content.iter().map(|(at, _)| Position(*at)).collect()
    }

    fn body(&self, at: Position) -> Supplied {
        let (_, entry) = self.content.iter().find(|(position, _)| *position == at.0).unwrap();
        Supplied { position: at, body: entry.body().unwrap().to_vec() }
    }

    fn bodies(&self, positions: &[Position]) -> Vec<Supplied> {
        positions.iter().map(|at| self.body(*at)).collect()
    }

    /// Somebody deletes bodies from the database while nobody is looking, and the relay is started again.
    fn lose(&mut self, positions: &[Position]) {
        let lost: Vec<_> = positions.iter().map(|at| (*at, None)).collect();
        self.bench.storage.memory.put_bodies(self.workspace, &lost).unwrap();
        self.bench.restart();
    }

    fn lost(&self) -> Vec<Position> {
        self.bench.storage.memory.lost_bodies(self.workspace, Position::START, usize::MAX).unwrap()
    }

    /// A device comes, and what it is told with its welcome.
    fn come(&mut self, phone: bool) -> (ConnId, Vec<Position>) {
        let author = if phone { &self.phone } else { &self.laptop };
        let (conn, said) = self.bench.hello();
        let proof = author.prove(said, self.workspace);
        self.bench.send_proof(conn, proof);
        let mut frames = self.bench.frames(conn);
        assert!(matches!(frames.pop(), Some(Frame::Welcome(_))));
        (conn, wanted(&frames))
    }

    fn fetch(&mut self, conn: ConnId, positions: Vec<Position>) -> Vec<Supplied> {
        self.bench.send(conn, &Frame::Fetch { positions });
        match self.bench.frame(conn) {
            Frame::Supply { bodies } => bodies,
            other => panic!("{other:?}"),
        }
    }

    fn supply(&mut self, conn: ConnId, bodies: Vec<Supplied>) -> Vec<Position> {
        self.bench.send(conn, &Frame::Supply { bodies });
        let frames = self.bench.frames(conn);
        wanted(&frames)
    }
}

/// What is wanted in frames that say nothing else.
fn wanted(frames: &[Frame]) -> Vec<Position> {
    let positions = |frame: &Frame| match frame {
        Frame::Wanted { positions } => positions.clone(),
        other => panic!("{other:?}"),
    };
    frames.iter().flat_map(positions).collect()
}

#[test]
fn a_device_gets_the_bodies_that_it_asks_for() {
    let mut story = story(3, 10);
    let (conn, all) = (story.on_phone, story.positions());
    let expected = story.bodies(&all);
    assert_eq!(story.fetch(conn, all.clone()), expected);
    assert_eq!(story.fetch(conn, vec![all[1]]), expected[1..2]);
    let (end, far) = (all[2].next(), Position(u64::MAX));
    assert_eq!(
        story.fetch(conn, vec![Position(0), all[0], end, far]),
        expected[..1],
        "the rest is not there"
    );
    assert_eq!(story.fetch(conn, vec![]), []);
}

#[test]
fn an_answer_is_one_frame_and_begins_with_the_first() {
    let mut story = story(3, MAX_BODY);
    let (conn, mut left) = (story.on_phone, story.positions());
    while !left.is_empty() {
        story.bench.send(conn, &Frame::Fetch { positions: left.clone() });
        let frames = story.bench.bytes(conn);
        let [bytes] = &frames[..] else { panic!("{} frames", frames.len()) };
        assert!(bytes.len() <= MAX_FRAME);
        let frame = bowline_wire::codec::decode::<Frame>(bytes).unwrap();
        let Frame::Supply { bodies } = frame else { panic!("{frame:?}") };
        assert_eq!(bodies, story.bodies(&left[..1]));
        left.remove(0);
    }
}

#[test]
fn whoever_asks_without_end_is_told_to_come_later() {
    let mut story = story(1, 10);
    let (conn, positions) = (story.on_phone, story.positions());
    for _ in 0..IDLE_BURST {
        story.bench.send(conn, &Frame::Fetch { positions: positions.clone() });
    }
    let last = story.bench.frames(conn).pop();
    assert!(matches!(last, Some(Frame::Goodbye { reason: Reason::Rate, .. })), "{last:?}");
    assert_eq!(story.bench.storage.memory.lost_bodies(story.workspace, Position::START, 1), Ok(vec![]));
}

#[test]
fn once_a_second_a_device_may_ask_for_as_long_as_it_likes() {
    let mut story = story(1, 10);
    let (conn, positions) = (story.on_phone, story.positions());
    for _ in 0..4 * IDLE_BURST {
        story.bench.now = story.bench.now.plus(1_000);
        assert_eq!(story.fetch(conn, positions.clone()).len(), 1);
    }
}

#[test]
fn whoever_comes_is_asked_for_what_is_lost_and_gives_it_back_for_good() {
    let mut story = story(4, 10);
    let all = story.positions();
    story.lose(&all[1..3]);
    let (conn, asked) = story.come(true);
    assert_eq!(asked, all[1..3]);
    let bodies = story.bodies(&asked);
    assert_eq!(story.supply(conn, bodies), []);
    assert_eq!(story.lost(), []);
    story.bench.restart();
    let (conn, asked) = story.come(false);
    assert_eq!(asked, []);
    let expected = story.bodies(&all);
    assert_eq!(story.fetch(conn, all), expected);
}

#[test]
fn a_log_that_has_lost_bodies_is_served_without_them() {
    let mut story = story(3, 10);
    let all = story.positions();
    story.lose(&all[1..2]);
    let (conn, _) = story.come(true);
    story.bench.send(conn, &Frame::Subscribe { after: Position(all[0].0 - 1) });
    let Frame::Entries { entries, .. } = story.bench.frame(conn) else { panic!("no entries") };
    let has_body: Vec<bool> = entries.iter().map(|logged| logged.entry.has_body()).collect();
    assert_eq!(has_body, [true, false, true]);
    let expected = story.bodies(&[all[0], all[2]]);
    assert_eq!(story.fetch(conn, all), expected);
}

#[test]
fn what_one_device_misses_the_others_are_asked_for_at_once() {
    let mut story = story(2, 10);
    let all = story.positions();
    let lost = [(all[0], None)];
    story.bench.storage.memory.put_bodies(story.workspace, &lost).unwrap();
    let (reader, other) = (story.on_phone, story.on_laptop);
    let expected = story.bodies(&all[1..]);
    assert_eq!(story.fetch(reader, all.clone()), expected);
    let frames = story.bench.frames(other);
    assert_eq!(wanted(&frames), all[..1]);
    assert_eq!(story.fetch(reader, all.clone()), expected);
    assert_eq!(story.bench.frames(other), [], "not again for now");
    let bodies = story.bodies(&all[..1]);
    story.supply(other, bodies);
    let expected = story.bodies(&all);
    assert_eq!(story.fetch(reader, all), expected);
}

#[test]
fn a_rotten_body_is_found_when_it_is_asked_for_and_mended() {
    let mut story = story(2, 10);
    let all = story.positions();
    story.bench.storage.rotten.lock().unwrap().insert(all[0]);
    let (reader, other) = (story.on_phone, story.on_laptop);
    let expected = story.bodies(&all[1..]);
    assert_eq!(story.fetch(reader, all.clone()), expected);
    assert_eq!(story.lost(), all[..1], "what is left of it is nobody's");
    let frames = story.bench.frames(other);
    assert_eq!(wanted(&frames), all[..1]);
    let bodies = story.bodies(&all[..1]);
    story.supply(other, bodies);
    let expected = story.bodies(&all);
    assert_eq!(story.fetch(reader, all), expected);
}

#[test]
fn only_what_is_lost_is_taken_and_only_if_it_is_what_the_header_names() {
    let mut story = story(3, 10);
    let all = story.positions();
    story.lose(&all[..2]);
    let (conn, _) = story.come(true);
    let mut other_bytes = story.body(all[0]);
    other_bytes.body[0] ^= 1;
    let longer = Supplied { body: vec![0; 11], ..story.body(all[1]) };
    assert_eq!(story.supply(conn, vec![other_bytes, longer]), []);
    let swapped = Supplied { position: all[0], ..story.body(all[1]) };
    let present = Supplied { position: all[2], body: b"something else".to_vec() };
    let nowhere = Supplied { position: Position(999), body: b"nothing".to_vec() };
    assert_eq!(story.supply(conn, vec![swapped, present, nowhere]), []);
    assert_eq!(story.lost(), all[..2]);
    let right = story.bodies(&all[1..2]);
    assert_eq!(story.supply(conn, right), all[..1], "it is asked for the rest at once");
    assert_eq!(story.lost(), all[..1]);
    let untouched = story.bodies(&all[2..]);
    assert_eq!(story.fetch(conn, all[2..].to_vec()), untouched);
}

#[test]
fn nobody_fills_a_relay_that_lacks_nothing() {
    let mut story = story(1, 10);
    let bodies = story.bodies(&story.positions());
    let (conn, looked) = (story.on_phone, story.bench.storage.pages_read.load(Ordering::SeqCst));
    for _ in 0..IDLE_BURST {
        story.bench.send(conn, &Frame::Supply { bodies: bodies.clone() });
    }
    assert_eq!(story.bench.storage.pages_read.load(Ordering::SeqCst), looked, "nothing is even looked at");
    let last = story.bench.frames(conn).pop();
    assert!(matches!(last, Some(Frame::Goodbye { reason: Reason::Rate, .. })), "{last:?}");
}

#[test]
fn a_device_that_has_none_of_it_is_asked_for_the_rest_a_minute_later() {
    let mut story = story(MAX_BODIES_PER_FRAME + 2, 1);
    let all = story.positions();
    story.lose(&all);
    let (conn, asked) = story.come(true);
    assert_eq!(asked, all[..MAX_BODIES_PER_FRAME]);
    let ping = |story: &mut Story, wait| {
        story.bench.now = story.bench.now.plus(wait);
        story.bench.send(conn, &Frame::Ping);
        let mut frames = story.bench.frames(conn);
        assert!(matches!(frames.remove(0), Frame::Head(_)));
        wanted(&frames)
    };
    assert_eq!(ping(&mut story, WANTED_INTERVAL - 1), []);
    assert_eq!(ping(&mut story, 1), all[MAX_BODIES_PER_FRAME..]);
    assert_eq!(
        ping(&mut story, WANTED_INTERVAL),
        all[..MAX_BODIES_PER_FRAME],
        "and again from the beginning"
    );
}

#[test]
fn a_relay_that_lacks_nothing_looks_once_for_each_workspace_that_it_loads() {
    let mut story = story(3, 10);
    story.bench.restart();
    let looked = story.bench.storage.looked_for_lost.load(Ordering::SeqCst);
    for _ in 0..3 {
        let (conn, _) = story.come(true);
        for _ in 0..10 {
            story.bench.send(conn, &Frame::Ping);
        }
    }
    assert_eq!(story.bench.storage.looked_for_lost.load(Ordering::SeqCst), looked + 1);
}

#[test]
fn a_disk_that_takes_nothing_leaves_the_body_lost() {
    let mut story = story(1, 10);
    let all = story.positions();
    story.lose(&all);
    let (conn, _) = story.come(true);
    story.bench.storage.refuses_commits.set(true);
    let bodies = story.bodies(&all);
    assert_eq!(story.supply(conn, bodies.clone()), []);
    assert_eq!((story.lost(), story.bench.is_closed(conn)), (all, false));
    story.bench.storage.refuses_commits.set(false);
    story.supply(conn, bodies);
    assert_eq!(story.lost(), []);
}

#[test]
fn a_tickets_holder_neither_gets_nor_gives_bodies() {
    let asks = |at| Frame::Fetch { positions: vec![at] };
    let gives = |at| Frame::Supply { bodies: vec![Supplied { position: at, body: vec![] }] };
    for frame in [asks, gives as fn(Position) -> Frame] {
        let mut story = story(1, 10);
        let all = story.positions();
        let door = Door::new(7);
        let view = story.bench.view(story.workspace);
        let invite = story.laptop.record(&view, &Record::Invite(door.ticket(u64::MAX)));
        story.bench.must_append(story.on_laptop, &[&invite]);
        story.lose(&all);
        let (conn, welcome) = story.bench.enter_by(&door, story.workspace);
        assert!(matches!(welcome, Frame::Welcome(_)), "it is not asked: {welcome:?}");
        story.bench.send(conn, &frame(all[0]));
        let answer = story.bench.frame(conn);
        assert!(matches!(answer, Frame::Goodbye { reason: Reason::NotAllowed, .. }), "{answer:?}");
    }
}
