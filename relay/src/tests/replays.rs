//! What somebody has captured on a line and says again: proofs, look-ups and entries, at once, later, on another workspace's line, and after
//! whoever made them is out. Nobody is let in by it and nothing changes.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Lookup, Proof, Reason, Transcript};
use bowline_wire::ids::{EpochId, Millis, Position, WorkspaceId};
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Admits, TicketKind};

use super::Two;
use crate::session::ConnId;
use crate::storage::Storage;
use crate::storage::conformance::ALL;
use crate::testing::author::{Author, Door, View, rekey};
use crate::testing::bench::{Bench, creation};

const YEAR: u64 = 365 * 24 * 60 * 60 * 1_000;

/// What a relay says to a frame that was said on another line, on a line of its own; that line has to end with it.
fn said_again(bench: &mut Bench, frame: &Frame) -> Frame {
    let (conn, _) = bench.hello();
    bench.send(conn, frame);
    bench.flush();
    let answer = bench.frame(conn);
    assert!(bench.is_closed(conn), "{answer:?}");
    answer
}

/// Every entry of a log.
fn all(bench: &Bench, workspace: WorkspaceId) -> Vec<Entry> {
    let page = bench.storage.read(workspace, Position::START, ALL).unwrap();
    page.entries.into_iter().map(|(_, logged)| logged.entry.verify(workspace).unwrap()).collect()
}

fn proof(proof: Proof) -> Frame {
    Frame::Proof(Box::new(proof))
}

/// Proofs of every kind, each good on the line that it was captured on: of a device, of a device that makes the workspace, of the holder of
/// an open invite; and a phrase's look-up.
fn captured(two: &mut Two, door: &Door, phrase: &Author) -> Vec<Frame> {
    let Two { bench, workspace, laptop, phone, .. } = two;
    let (workspace, mut frames) = (*workspace, Vec::new());
    let mut capture = |bench: &mut Bench, good: &dyn Fn(Transcript) -> Frame| {
        let (conn, said) = bench.hello();
        let frame = good(said);
        bench.send(conn, &frame);
        bench.flush();
        let answer = bench.frame(conn);
        assert!(matches!(answer, Frame::Welcome(_) | Frame::Found { .. }), "{answer:?}");
        bench.relay.disconnect(conn);
        frames.push(frame);
    };
    let genesis = all(bench, workspace).remove(0);
    capture(bench, &|said| proof(laptop.prove(said, workspace)));
    capture(bench, &|said| proof(phone.prove(said, workspace)));
    capture(bench, &|said| {
        proof(laptop.prove_with(said, creation(laptop.party(), workspace, genesis.to_signed())))
    });
    capture(bench, &|said| proof(door.prove(said, workspace)));
    capture(bench, &|said| Frame::Lookup(phrase.look_up(Lookup::unsigned(phrase.id()), said)));
    frames
}

/// Two, with an invite that is open and a phrase of the laptop's person.
fn scene() -> (Two, Door, Author) {
    let (mut two, door, mut phrase) = (Two::connected(), Door::new(50), Author::new(51));
    let invite = two.laptop.record(&two.view(), &Record::Invite(door.ticket(u64::MAX)));
    let way = Door::new(52);
    two.bench.must_append(two.on_laptop, &[&invite]);
    let link = Record::Link(Ticket { recovery: true, ..way.ticket(u64::MAX) });
    let link = two.laptop.record(&two.view(), &link);
    two.bench.must_append(two.on_laptop, &[&link]);
    let admits = Admits { kind: TicketKind::Link(two.laptop.user()), recovery: true };
    let join = phrase.join_as(&two.view(), &way, admits);
    two.bench.must_append(two.on_laptop, &[&join]);
    (two, door, phrase)
}

impl Two {
    fn view(&self) -> View {
        self.bench.view(self.workspace)
    }

    /// The phone's user is out, and the invite is closed.
    fn end(&mut self, door: &Door) {
        let closing = self.laptop.record(&self.view(), &Record::CloseInvite(door.key()));
        self.bench.must_append(self.on_laptop, &[&closing]);
        let removal = Record::RemoveMember { user: self.phone.user(), cut: vec![], rekey: rekey(1, []) };
        let removal = self.laptop.record(&self.view(), &removal);
        self.bench.must_append(self.on_laptop, &[&removal]);
    }
}

#[test]
fn a_proof_that_was_captured_opens_no_other_line_at_whatever_time() {
    let (mut two, door, phrase) = scene();
    let frames = captured(&mut two, &door, &phrase);
    let before = (two.bench.position(two.workspace), two.view().roster);
    let is_refused = |two: &mut Two| {
        for frame in &frames {
            let answer = said_again(&mut two.bench, frame);
            assert!(matches!(answer, Frame::Goodbye { reason: Reason::BadProof, .. }), "{answer:?}");
        }
    };
    is_refused(&mut two);
    two.bench.now = two.bench.now.plus(20 * YEAR);
    is_refused(&mut two);
    two.bench.now = Millis(1);
    is_refused(&mut two);
    two.bench.restart();
    is_refused(&mut two);
    assert_eq!((two.bench.position(two.workspace), two.view().roster), before, "and nothing has changed");
}

#[test]
fn a_proof_that_was_captured_opens_no_other_workspace_and_nothing_after_its_maker_is_out() {
    let (mut two, door, phrase) = scene();
    let frames = captured(&mut two, &door, &phrase);
    let (elsewhere, genesis) = Author::new(1).genesis(0x77);
    let conn = two.bench.send_create(&Author::new(1), elsewhere, &genesis);
    two.bench.flush();
    assert!(matches!(two.bench.frame(conn), Frame::Welcome(_)));
    for frame in &frames {
        let Frame::Proof(proof) = frame else { continue };
        let moved = Frame::Proof(Box::new(Proof { workspace: elsewhere, ..(**proof).clone() }));
        let answer = said_again(&mut two.bench, &moved);
        assert!(matches!(answer, Frame::Goodbye { reason: Reason::BadProof, .. }), "{answer:?}");
    }
    two.end(&door);
    for frame in &frames {
        let answer = said_again(&mut two.bench, frame);
        assert!(matches!(answer, Frame::Goodbye { reason: Reason::BadProof, .. }), "{answer:?}");
    }
    // And a fresh one of who is out opens nothing either.
    let (_, answer) = two.bench.enter(&two.phone, two.workspace);
    assert!(matches!(answer, Frame::Goodbye { reason: Reason::Removed, .. }), "{answer:?}");
    let (_, answer) = two.bench.enter_by(&door, two.workspace);
    assert!(matches!(answer, Frame::Goodbye { .. }), "{answer:?}");
}

/// Says an entry once more: it is acknowledged where it stands, or refused.
fn appended_again(
    bench: &mut Bench,
    conn: ConnId,
    workspace: WorkspaceId,
    entry: &Entry,
) -> Option<Position> {
    let before = (bench.position(workspace), bench.view(workspace).roster);
    bench.append(conn, &[entry]);
    bench.flush();
    let stands = match bench.frame(conn) {
        Frame::Appended { entries, .. } => Some(entries[0].1),
        Frame::Refused { entry: refused, .. } => {
            assert_eq!(refused, entry.id());
            None
        }
        other => panic!("{other:?}"),
    };
    assert_eq!((bench.position(workspace), bench.view(workspace).roster), before, "nothing has changed");
    stands
}

#[test]
fn an_entry_that_was_captured_is_appended_once_by_whoever_and_whenever_it_is_brought() {
    let (mut two, door, _) = scene();
    let complaint = Record::Complaint { epoch: EpochId::from_bytes([7; EpochId::LEN]) };
    let complaint = two.phone.record(&two.view(), &complaint);
    let content = two.phone.content(&two.view(), b"a document");
    two.bench.must_append(two.on_phone, &[&complaint, &content]);
    two.bench.frames(two.on_laptop);
    let captured = all(&two.bench, two.workspace);
    let play = |two: &mut Two| {
        for (at, entry) in (1..).zip(&captured) {
            let stands = appended_again(&mut two.bench, two.on_laptop, two.workspace, entry);
            assert!(stands.is_none_or(|position| position == Position(at)), "{at}: {stands:?}");
        }
    };
    play(&mut two);
    two.bench.now = two.bench.now.plus(20 * YEAR);
    play(&mut two);
    two.end(&door);
    drop(two.bench.frames(two.on_laptop));
    play(&mut two);
    // A relay that was started again knows them as well.
    two.bench.restart();
    two.on_laptop = two.bench.open(&two.laptop, two.workspace);
    play(&mut two);
}

#[test]
fn an_entry_that_was_captured_is_of_no_other_workspace_of_the_same_devices() {
    let (mut two, ..) = scene();
    let captured = all(&two.bench, two.workspace);
    let (elsewhere, genesis) = Author::new(1).genesis(0x77);
    let conn = two.bench.send_create(&Author::new(1), elsewhere, &genesis);
    two.bench.flush();
    assert!(matches!(two.bench.frame(conn), Frame::Welcome(_)));
    for entry in &captured {
        two.bench.append(conn, &[entry]);
        let answer = two.bench.frame(conn);
        assert!(matches!(answer, Frame::Refused { reason: Reason::Malformed, .. }), "{answer:?}");
    }
    assert_eq!(two.bench.position(elsewhere), Position(1));
}
