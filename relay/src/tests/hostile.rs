//! Bytes that no honest device sends: whatever they are, the relay goes on, and so do the others.

use bowline_wire::codec::encode;
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::Position;
use bowline_wire::roster::record::Record;
use proptest::prelude::*;

use crate::config::{FETCH_COST, IDLE_BURST, IDLE_INTERVAL, SUBSCRIBE_COST};
use crate::session::ConnId;
use crate::testing::author::{Author, Door, hello};
use crate::testing::bench::{Bench, creation};

/// A relay with a connection in every state, and one honest session to look on.
struct Scene {
    bench: Bench,
    honest: ConnId,
    targets: Vec<ConnId>,
    /// Frames that would be right in one of the states.
    frames: Vec<Vec<u8>>,
}

fn scene() -> Scene {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, honest) = bench.create(&mut laptop);
    let door = Door::new(3);
    let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(u64::MAX)));
    bench.must_append(honest, &[&invite]);
    let (by_ticket, _) = bench.enter_by(&door, workspace);
    let view = bench.view(workspace);
    let join = phone.join(&view, &door);
    let (challenged, said) = bench.hello();
    let proof = laptop.prove(said, workspace);
    let targets = vec![bench.connect(), challenged, bench.open(&laptop, workspace), by_ticket];
    let content = laptop.content(&view, b"content").to_signed();
    let more = laptop.content(&view, b"more").to_signed();
    let (_, genesis) = Author::new(4).genesis(4);
    let creating = laptop.prove_with(said, creation(laptop.party(), workspace, genesis.to_signed()));
    let frames = [
        hello(&[WRITES_DRAFT]),
        hello(&[]),
        Frame::Proof(Box::new(proof)),
        Frame::Proof(Box::new(creating)),
        Frame::Append { entries: vec![content, more] },
        Frame::Append { entries: vec![join.to_signed()] },
        Frame::Subscribe { after: Position::START },
        Frame::Ping,
    ];
    Scene { bench, honest, targets, frames: frames.iter().map(encode).collect() }
}

impl Scene {
    /// Gives `bytes` to every connection; afterwards the honest session is served as before.
    fn survives(&mut self, bytes: &[u8]) {
        for conn in self.targets.clone() {
            self.bench.relay.handle_frame(conn, bytes, self.bench.now);
            self.bench.flush();
        }
        self.bench.drain();
        self.bench.frames(self.honest);
        self.bench.send(self.honest, &Frame::Ping);
        assert!(matches!(self.bench.frame(self.honest), Frame::Head(_)));
    }
}

fn mutate(bytes: &mut Vec<u8>, changes: &[(usize, u8)], cut: Option<usize>) {
    for (at, with) in changes {
        let at = at % bytes.len();
        bytes[at] = *with;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut % bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_hurt_nobody(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        scene().survives(&bytes);
    }

    #[test]
    fn altered_frames_hurt_nobody(
        which in any::<usize>(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut in prop::option::weighted(0.3, any::<usize>()),
    ) {
        let mut scene = scene();
        let mut bytes = scene.frames[which % scene.frames.len()].clone();
        mutate(&mut bytes, &changes, cut);
        scene.survives(&bytes);
    }

    #[test]
    fn frames_in_any_order_hurt_nobody(order in prop::collection::vec((0..4usize, 0..8usize), 0..12)) {
        let mut scene = scene();
        for (target, frame) in order {
            let (conn, bytes) = (scene.targets[target], scene.frames[frame].clone());
            scene.bench.relay.handle_frame(conn, &bytes, scene.bench.now);
        }
        scene.survives(&[]);
    }
}

#[test]
fn connections_that_do_not_exist_are_ignored() {
    let mut bench = Bench::new();
    let nobody = ConnId(99);
    bench.send(nobody, &Frame::Ping);
    bench.relay.disconnect(nobody);
    bench.relay.set_writable(nobody, true);
    bench.drain();
    assert!(bench.frames(nobody).is_empty() && !bench.is_closed(nobody));
}

#[test]
fn a_connection_number_may_be_used_again() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    bench.send(conn, &Frame::Ping);
    bench.relay.disconnect(conn);
    bench.relay.connect(conn, bench.now);
    assert!(bench.frames(conn).is_empty(), "what waited for the old one is gone");
    bench.send(conn, &hello(&[WRITES_DRAFT]));
    assert!(matches!(bench.frame(conn), Frame::Challenge(_)));
}

#[test]
fn a_close_that_was_not_collected_does_not_hit_the_next_connection_of_that_number() {
    let mut bench = Bench::new();
    let conn = bench.connect();
    bench.send(conn, &Frame::Ping);
    while bench.relay.poll_transmit().is_some() {}
    bench.relay.disconnect(conn);
    bench.relay.connect(conn, bench.now);
    assert_eq!(bench.relay.poll_close(), None);
}

#[test]
fn a_workspace_nobody_uses_is_not_kept_in_memory() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    assert_eq!(bench.relay.loaded(), 1);
    let other = bench.open(&laptop, workspace);
    bench.relay.disconnect(conn);
    assert_eq!(bench.relay.loaded(), 1);
    bench.relay.disconnect(other);
    assert_eq!(bench.relay.loaded(), 0);
    bench.enter(&Author::new(2), workspace);
    assert_eq!(bench.relay.loaded(), 0, "whoever is not let in leaves nothing behind");
}

/// What a device may send that brings nothing, one after the other, and how often at once.
fn idle_frames() -> Vec<(&'static str, Frame, u64)> {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let known = laptop.content(&bench.view(workspace), b"content");
    vec![
        ("ping", Frame::Ping, IDLE_BURST),
        ("subscribe", Frame::Subscribe { after: Position::START }, IDLE_BURST / SUBSCRIBE_COST),
        // The first time it brings something.
        ("append", Frame::Append { entries: vec![known.to_signed()] }, 1 + IDLE_BURST),
        ("nothing", Frame::Append { entries: Vec::new() }, IDLE_BURST),
        ("fetch", Frame::Fetch { positions: Vec::new() }, IDLE_BURST / FETCH_COST),
        ("supply", Frame::Supply { bodies: Vec::new() }, IDLE_BURST / FETCH_COST),
    ]
}

#[test]
fn a_device_that_sends_without_end_what_brings_nothing_is_told_to_come_back_later() {
    for (name, frame, most) in idle_frames() {
        let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
        let (workspace, conn) = bench.create(&mut laptop);
        let honest = bench.open(&laptop, workspace);
        let told = (0..2 * IDLE_BURST).find(|_| {
            bench.send(conn, &frame);
            bench.flush();
            let last = bench.frames(conn).pop();
            matches!(last, Some(Frame::Goodbye { reason: Reason::Rate, .. }))
        });
        assert_eq!(told, Some(most), "{name}");
        assert!(bench.is_closed(conn), "{name}");
        bench.send(honest, &Frame::Ping);
        let heard = bench.frames(honest);
        assert!(matches!(heard.last(), Some(Frame::Head(_))), "{name}: {heard:?}");
        let again = bench.open(&laptop, workspace);
        bench.send(again, &Frame::Ping);
        assert!(matches!(bench.frame(again), Frame::Head(_)), "{name}: later is at once for whoever is well");
    }
}

#[test]
fn a_device_that_pings_as_often_as_time_pays_for_is_answered_for_ever() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    for _ in 0..10 * IDLE_BURST {
        bench.now = bench.now.plus(IDLE_INTERVAL);
        bench.send(conn, &Frame::Ping);
        assert!(matches!(bench.frame(conn), Frame::Head(_)));
    }
}
