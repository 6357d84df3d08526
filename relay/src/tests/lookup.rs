//! Where a recovery device is: told to whoever has its key, on this line, and of those workspaces alone that it is active in.

use bowline_wire::frame::{Frame, LOOKUP, Lookup, Reason, Transcript, Word};
use bowline_wire::ids::{DeviceId, Signature, WorkspaceId};
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Admits, TicketKind};

use crate::CAPABILITIES;
use crate::session::ConnId;
use crate::testing::author::{Author, Door};
use crate::testing::bench::Bench;

/// A relay with a person's workspaces on it.
struct Scene {
    bench: Bench,
    laptop: Author,
    phrase: Author,
    made: u8,
}

impl Scene {
    fn new() -> Self {
        Self { bench: Bench::new(), laptop: Author::new(1), phrase: Author::new(2), made: 0 }
    }

    /// A workspace with the laptop in it, and its session.
    fn workspace(&mut self) -> (WorkspaceId, ConnId) {
        self.laptop = Author::new(1);
        self.made += 1;
        let (workspace, genesis) = self.laptop.genesis(self.made);
        let conn = self.bench.send_create(&self.laptop, workspace, &genesis);
        self.bench.flush();
        assert!(matches!(self.bench.frame(conn), Frame::Welcome(_)));
        (workspace, conn)
    }

    /// A device of the laptop's user comes in, as a recovery device or not.
    fn let_in(&mut self, (workspace, conn): (WorkspaceId, ConnId), newcomer: &mut Author, recovery: bool) {
        let door = Door::new(7);
        let ticket = Ticket { recovery, ..door.ticket(u64::MAX) };
        let link = self.laptop.record(&self.bench.view(workspace), &Record::Link(ticket));
        self.bench.must_append(conn, &[&link]);
        let admits = Admits { kind: TicketKind::Link(self.laptop.user()), recovery };
        let join = newcomer.join_as(&self.bench.view(workspace), &door, admits);
        self.bench.must_append(conn, &[&join]);
    }

    /// What the relay says to a look-up that is signed by `by` for a line on which `said` was said.
    fn asked(&mut self, device: DeviceId, sign: impl FnOnce(Lookup, Transcript) -> Lookup) -> Frame {
        let (conn, said) = self.bench.hello_with(&CAPABILITIES);
        self.bench.send(conn, &Frame::Lookup(sign(Lookup::unsigned(device), said)));
        let frame = self.bench.frame(conn);
        assert!(self.bench.is_closed(conn));
        frame
    }

    fn found(&mut self, by: &Author) -> Vec<WorkspaceId> {
        let frame = self.asked(by.id(), |lookup, said| by.look_up(lookup, said));
        let Frame::Found { workspaces } = frame else { panic!("{frame:?}") };
        workspaces
    }
}

fn reason(frame: &Frame) -> Reason {
    let Frame::Goodbye { reason, .. } = frame else { panic!("{frame:?}") };
    *reason
}

#[test]
fn a_recovery_device_hears_of_every_workspace_that_it_is_in_and_the_line_ends() {
    let mut scene = Scene::new();
    let mut phrase = scene.phrase.clone();
    let mut all = Vec::new();
    for _ in 0..3 {
        let place = scene.workspace();
        phrase = scene.phrase.clone();
        scene.let_in(place, &mut phrase, true);
        all.push(place.0);
    }
    scene.workspace();
    all.sort();
    assert_eq!(scene.found(&phrase), all);
}

#[test]
fn a_device_that_is_no_recovery_device_and_one_that_is_nowhere_hear_of_no_workspace() {
    let mut scene = Scene::new();
    let place = scene.workspace();
    let (mut phone, laptop) = (Author::new(3), scene.laptop.clone());
    scene.let_in(place, &mut phone, false);
    for by in [&laptop, &phone, &Author::new(4)] {
        assert_eq!(scene.found(by), []);
    }
}

#[test]
fn a_recovery_device_that_has_gone_hears_of_that_workspace_no_more() {
    let mut scene = Scene::new();
    let place = scene.workspace();
    let mut phrase = scene.phrase.clone();
    scene.let_in(place, &mut phrase, true);
    assert_eq!(scene.found(&phrase), [place.0]);
    let view = scene.bench.view(place.0);
    let leave = phrase.record(&view, &Record::Leave { whole_user: false, cut: vec![] });
    scene.bench.must_append(place.1, &[&leave]);
    assert_eq!(scene.found(&phrase), []);
}

#[test]
fn a_look_up_is_signed_by_the_device_and_for_this_line() {
    let mut scene = Scene::new();
    let place = scene.workspace();
    let mut phrase = scene.phrase.clone();
    scene.let_in(place, &mut phrase, true);
    let forged = scene.asked(phrase.id(), |lookup, _| lookup.sign_with(Signature::ZERO));
    assert_eq!(reason(&forged), Reason::BadProof);
    let by_another = scene.asked(phrase.id(), |lookup, said| Author::new(3).look_up(lookup, said));
    assert_eq!(reason(&by_another), Reason::BadProof);
    // What was said on one line, whole, is worth nothing on another one.
    let (conn, said) = scene.bench.hello_with(&CAPABILITIES);
    let good = phrase.look_up(Lookup::unsigned(phrase.id()), said);
    scene.bench.send(conn, &Frame::Lookup(good));
    assert!(matches!(scene.bench.frame(conn), Frame::Found { .. }));
    let replayed = scene.asked(phrase.id(), |_, _| good);
    assert_eq!(reason(&replayed), Reason::BadProof);
}

#[test]
fn a_challenge_is_good_for_one_look_up_and_one_costs_one_question_of_the_storage() {
    let mut scene = Scene::new();
    let phrase = scene.phrase.clone();
    let (conn, said) = scene.bench.hello_with(&CAPABILITIES);
    let before = scene.bench.storage.looked_up.load(std::sync::atomic::Ordering::SeqCst);
    let lookup = Frame::Lookup(phrase.look_up(Lookup::unsigned(phrase.id()), said));
    scene.bench.send(conn, &lookup);
    scene.bench.send(conn, &lookup);
    assert_eq!(scene.bench.frames(conn).len(), 1);
    assert_eq!(scene.bench.storage.looked_up.load(std::sync::atomic::Ordering::SeqCst), before + 1);
    assert_eq!(scene.bench.relay.loaded(), 0);
}

#[test]
fn a_look_up_that_was_not_agreed_on_is_out_of_place() {
    let mut scene = Scene::new();
    let phrase = scene.phrase.clone();
    let named: Vec<&str> = CAPABILITIES.into_iter().filter(|name| *name != LOOKUP).collect();
    let (conn, said) = scene.bench.hello_with(&named);
    scene.bench.send(conn, &Frame::Lookup(phrase.look_up(Lookup::unsigned(phrase.id()), said)));
    assert_eq!(reason(&scene.bench.frame(conn)), Reason::OutOfPlace);
}
