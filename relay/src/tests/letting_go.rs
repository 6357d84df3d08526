//! Entries go by the state of a checkpoint that stands, and by nothing else; whoever comes from below begins from it.

mod uploads;

use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, LetGo, Proof, Reason, StatePiece};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{LogHash, Position, StateDigest};
use bowline_wire::limits::MAX_STATE_PIECE;
use bowline_wire::log::{Checkpoints, Run, State, Stood, live_digest};
use bowline_wire::roster::record::Record;

use super::Two;
use super::restored::restore;
use crate::CAPABILITIES;
use crate::config::LETTING_GO_INTERVAL;
use crate::keys::LogKey;
use crate::storage::Storage;
use crate::storage::conformance::ALL;
use crate::testing::author::{Author, Door};

/// A log of records up to 4, then eight entries by the phone, of which the first and the fifth stay.
struct Scene {
    two: Two,
    written: Vec<Entry>,
    state: State,
}

impl Scene {
    fn new() -> Self {
        let mut two = Two::connected();
        let first = two.bench.position(two.workspace).0 + 1;
        let mut written = Vec::new();
        for number in 0..8 {
            let entry = two.phone.content(&two.bench.view(two.workspace), &[number; 900]);
            two.bench.must_append(two.on_phone, &[&entry]);
            written.push(entry);
        }
        two.bench.drain();
        let live = vec![run(1, first), run(first + 4, 1)];
        let state = state_of(&two, live);
        Self { two, written, state }
    }

    fn digest(&self) -> StateDigest {
        self.state.digest(self.two.workspace)
    }

    /// Both sign for the state.
    fn stand(&mut self) {
        let (at, digest) = (self.state.at, self.digest());
        self.two.speak_of(false, at, digest);
        self.two.speak_of(true, at, digest);
    }

    /// The phone sends the state.
    fn send_state(&mut self) {
        let bytes = encode(&self.state);
        let (digest, total) = (self.digest(), bytes.len() as u64);
        for (index, piece) in bytes.chunks(MAX_STATE_PIECE).enumerate() {
            let piece = StatePiece {
                digest,
                len: total,
                offset: (index * MAX_STATE_PIECE) as u64,
                bytes: piece.to_vec(),
            };
            self.two.bench.send(self.two.on_phone, &Frame::State(piece));
        }
    }

    fn let_go(&mut self) {
        while self.two.bench.relay.has_to_let_go() {
            self.two.bench.relay.let_some_go(self.two.bench.now);
        }
    }

    /// Positions of what is stored up to the place of the state.
    fn kept(&self) -> Vec<u64> {
        let page = self.two.bench.storage.read(self.two.workspace, Position::START, ALL).unwrap();
        page.entries.iter().map(|(at, _)| at.0).filter(|at| *at <= self.state.at.0).collect()
    }

    fn is_whole(&self) -> bool {
        self.kept() == (1..=self.state.at.0).collect::<Vec<_>>()
    }

    fn stood(&self) -> Stood {
        Stood { at: self.state.at, digest: self.digest(), since: Position(self.state.at.0 + 2) }
    }

    fn told(&self) -> Frame {
        Frame::LetGo(LetGo { stood: self.stood(), len: encode(&self.state).len() as u64 })
    }

    /// What a device of the workspace is sent that subscribes so.
    fn subscribe(&mut self, frame: &Frame) -> Vec<Frame> {
        let conn = self.two.bench.open(&self.two.laptop, self.two.workspace);
        self.two.bench.send(conn, frame);
        self.two.bench.frames(conn)
    }
}

fn run(first: u64, count: u64) -> Run {
    Run { first: Position(first), count }
}

/// The state of a log at its end, by which these stay.
fn state_of(two: &Two, live: Vec<Run>) -> State {
    let (storage, view) = (&two.bench.storage, two.bench.view(two.workspace));
    let page = storage.read(two.workspace, Position::START, ALL).unwrap();
    let records = storage.read_roster(two.workspace, Position::START, ALL).unwrap().entries.len() as u64;
    let stays = page.entries.iter().filter(|(at, _)| Run::is_in(&live, *at));
    let ids = stays.map(|(at, logged)| (*at, logged.entry.id(two.workspace), logged.time));
    let live_digest = live_digest(ids);
    let (last, logged) = page.entries.last().unwrap();
    State {
        at: *last,
        hash: storage.hash_at(two.workspace, *last).unwrap().unwrap(),
        time: logged.time,
        roster: view.roster,
        records,
        said: Checkpoints::default(),
        ends: vec![],
        documents: vec![],
        freed: vec![],
        live,
        live_digest,
        pins: vec![],
    }
}

impl Two {
    /// What a device says of the state at a place. What it is sent because of it stays to be read.
    fn speak_of(&mut self, by_phone: bool, about: Position, digest: StateDigest) {
        let word = self.word_on(by_phone, about, digest, vec![]);
        self.bench.append(if by_phone { self.on_phone } else { self.on_laptop }, &[&word]);
        self.bench.flush();
    }
}

fn positions(frames: &[Frame]) -> Vec<u64> {
    let of = |frame: &Frame| match frame {
        Frame::Kept { entries, .. } => entries.iter().map(|(at, _)| at.0).collect::<Vec<_>>(),
        Frame::Entries { first, entries, .. } => (first.0..).take(entries.len()).collect(),
        other => panic!("{other:?}"),
    };
    frames.iter().flat_map(of).collect()
}

#[test]
fn what_the_state_does_not_name_goes_once_it_stands_and_is_here() {
    let mut scene = Scene::new();
    let before = scene.two.bench.storage.log(scene.two.workspace).unwrap().unwrap().usage;
    scene.stand();
    scene.let_go();
    assert!(scene.is_whole(), "nothing goes without the state");
    scene.send_state();
    scene.let_go();
    let first = scene.state.live[1].first.0 - 4;
    assert_eq!(scene.kept(), [(1..=first).collect::<Vec<_>>(), vec![first + 4]].concat());
    let after = scene.two.bench.storage.log(scene.two.workspace).unwrap().unwrap().usage;
    assert!(
        after.content + 6 * 900 < before.content && after.control > before.control,
        "{before:?} {after:?}"
    );
    scene.two.bench.frames(scene.two.on_phone);
    let more = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), b"goes on");
    scene.two.bench.must_append(scene.two.on_phone, &[&more]);
    let stored = scene.two.bench.storage.log(scene.two.workspace).unwrap().unwrap();
    assert!(stored.usage.content > after.content && stored.usage.content < after.content + 900);
}

#[test]
fn letting_go_is_done_in_steps_and_goes_on_after_a_restart() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    scene.two.bench.relay.let_some_go(scene.two.bench.now);
    let left = scene.kept().len();
    scene.two.bench.restart();
    assert!(!scene.is_whole() && scene.two.bench.relay.has_to_let_go());
    scene.let_go();
    assert!(scene.kept().len() < left);
    let again = scene.kept();
    scene.two.bench.restart();
    scene.let_go();
    assert_eq!(scene.kept(), again);
}

#[test]
fn while_frames_keep_coming_a_step_is_due_now_and_then() {
    let mut scene = Scene::new();
    let now = scene.two.bench.now;
    scene.let_go();
    assert!(!scene.two.bench.relay.is_letting_go_due(now.plus(LETTING_GO_INTERVAL)));
    scene.stand();
    scene.send_state();
    scene.two.bench.relay.let_some_go(now);
    assert!(!scene.two.bench.relay.is_letting_go_due(now.plus(LETTING_GO_INTERVAL - 1)));
    assert!(scene.two.bench.relay.is_letting_go_due(now.plus(LETTING_GO_INTERVAL)));
}

#[test]
fn a_device_that_comes_from_below_is_told_to_begin_from_the_state_and_gets_what_stays() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    let digest = scene.digest();
    // Also before all of it is gone.
    for _ in 0..2 {
        assert_eq!(scene.subscribe(&Frame::Subscribe { after: Position(1) }), [scene.told()]);
        let bytes = encode(&scene.state);
        let piece = StatePiece::of(digest, &bytes, 7).unwrap();
        assert_eq!(scene.subscribe(&Frame::StateWanted { digest, offset: 7 }), [Frame::State(piece)]);
        let handed = scene.subscribe(&Frame::SubscribeFrom { digest, after: Position::START });
        let Frame::Kept { more: false, .. } = handed[0] else { panic!("{handed:?}") };
        let kept =
            scene.state.live.iter().flat_map(|run| (run.first.0..).take(run.count.try_into().unwrap()));
        let above = scene.state.at.0 + 1..=scene.two.bench.position(scene.two.workspace).0;
        assert_eq!(positions(&handed), kept.chain(above).collect::<Vec<_>>());
        let last = scene.state.live[1].first;
        let rest = scene.subscribe(&Frame::SubscribeFrom { digest, after: Position(last.0 - 1) });
        assert_eq!(positions(&rest)[..2], [last.0, scene.state.at.0 + 1]);
        scene.let_go();
    }
    let at = scene.state.at;
    let above = scene.subscribe(&Frame::Subscribe { after: at });
    assert_eq!(positions(&above)[0], at.0 + 1);
}

#[test]
fn what_names_the_head_at_the_place_is_borne_out_once_the_entry_there_is_gone() {
    let mut scene = Scene::new();
    let view = scene.two.bench.view(scene.two.workspace);
    let [early, late] = [b"early", b"later"].map(|text| scene.two.laptop.content(&view, text));
    scene.stand();
    scene.send_state();
    scene.let_go();
    assert!(!scene.kept().contains(&scene.state.at.0));
    scene.two.bench.frames(scene.two.on_laptop);
    scene.two.bench.must_append(scene.two.on_laptop, &[&early]);
    let two = &mut scene.two;
    let said = two.laptop.holding(two.workspace, scene.state.at, scene.state.hash, two.bench.now);
    two.bench.send(two.on_laptop, &Frame::Holdings { devices: vec![said] });
    assert!(two.bench.frames(two.on_phone).contains(&Frame::Holdings { devices: vec![said] }));
    // The log in memory is another one after a restart.
    scene.two.bench.restart();
    let conn = scene.two.bench.open(&scene.two.laptop, scene.two.workspace);
    scene.two.bench.must_append(conn, &[&late]);
}

#[test]
fn another_state_than_the_one_by_which_entries_go_is_answered_by_that_one() {
    let mut scene = Scene::new();
    let other = StateDigest::from_bytes([9; 32]);
    let unknown = scene.subscribe(&Frame::SubscribeFrom { digest: other, after: Position::START });
    let [Frame::Goodbye { reason: Reason::OutOfPlace, .. }] = unknown[..] else { panic!("{unknown:?}") };
    scene.stand();
    scene.send_state();
    for frame in [
        Frame::SubscribeFrom { digest: other, after: Position::START },
        Frame::StateWanted { digest: other, offset: 0 },
    ] {
        assert_eq!(scene.subscribe(&frame), [scene.told()]);
    }
}

#[test]
fn a_session_that_is_still_being_fed_from_below_is_told_when_letting_go_begins() {
    let mut scene = Scene::new();
    let slow = scene.two.bench.open(&scene.two.laptop, scene.two.workspace);
    scene.stand();
    scene.two.bench.relay.set_writable(slow, false);
    // So many bodies that not all of them are queued for it.
    for _ in 0..4 {
        let entry = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), &vec![1; 700_000]);
        scene.two.bench.append(scene.two.on_phone, &[&entry]);
        scene.two.bench.flush();
    }
    let mut scene = Scene { state: state_of(&scene.two, vec![run(1, 4)]), ..scene };
    scene.two.bench.send(slow, &Frame::Subscribe { after: Position::START });
    let (at, digest) = (scene.state.at, scene.digest());
    scene.two.speak_of(false, at, digest);
    scene.two.speak_of(true, at, digest);
    scene.send_state();
    scene.let_go();
    scene.two.bench.relay.set_writable(slow, true);
    let frames = scene.two.bench.frames(slow);
    let Some(Frame::LetGo(told)) = frames.last() else { panic!("{} frames", frames.len()) };
    assert_eq!((told.stood.at, told.stood.digest), (at, digest));
}

#[test]
fn a_session_that_gets_what_stays_is_told_when_another_state_is_gone_by() {
    let mut scene = Scene::new();
    for _ in 0..4 {
        let entry = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), &vec![1; 700_000]);
        scene.two.bench.append(scene.two.on_phone, &[&entry]);
        scene.two.bench.flush();
    }
    let all = scene.two.bench.position(scene.two.workspace).0;
    scene.state = state_of(&scene.two, vec![run(1, all)]);
    scene.stand();
    scene.send_state();
    let slow = scene.two.bench.open(&scene.two.laptop, scene.two.workspace);
    let digest = scene.digest();
    scene.two.bench.relay.set_writable(slow, false);
    scene.two.bench.send(slow, &Frame::SubscribeFrom { digest, after: Position::START });
    scene.state = state_of(&scene.two, vec![run(1, 3)]);
    scene.stand();
    scene.send_state();
    scene.two.bench.relay.set_writable(slow, true);
    let frames = scene.two.bench.frames(slow);
    let [Frame::Kept { more: true, .. }, .., Frame::LetGo(told)] = &frames[..] else {
        panic!("{} frames", frames.len())
    };
    assert_eq!(told.stood.digest, scene.digest());
}

#[test]
fn a_program_that_takes_no_states_is_told_that_it_needs_an_update() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    let without = &CAPABILITIES[..CAPABILITIES.len() - 1];
    let (conn, said) = scene.two.bench.hello_with(without);
    scene.two.bench.send_proof(conn, scene.two.laptop.prove(said, scene.two.workspace));
    scene.two.bench.frames(conn);
    scene.two.bench.send(conn, &Frame::Subscribe { after: scene.state.at });
    assert!(matches!(scene.two.bench.frames(conn)[..], [Frame::Entries { .. }]));
    scene.two.bench.send(conn, &Frame::Subscribe { after: Position(1) });
    let frame = scene.two.bench.frame(conn);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::DeviceOutdated, .. }), "{frame:?}");
}

/// Enters with this head.
fn show(scene: &mut Scene, shown: SeenHead) -> Frame {
    let (conn, said) = scene.two.bench.hello();
    let proof = Proof { head: Some(shown), ..Proof::unsigned(scene.two.workspace, scene.two.laptop.party()) };
    scene.two.bench.send_proof(conn, scene.two.laptop.prove_with(said, proof));
    scene.two.bench.frames(conn).remove(0)
}

/// A head of the log's own key, with its hash or another.
fn head(scene: &Scene, position: Position, hash: Option<LogHash>) -> SeenHead {
    let (storage, workspace) = (&scene.two.bench.storage, scene.two.workspace);
    let key = LogKey::from(&storage.log(workspace).unwrap().unwrap().secret);
    let hash = hash.unwrap_or_else(|| storage.hash_at(workspace, position).unwrap().unwrap());
    key.sign(Head { workspace, log: key.id(), position, hash }).unwrap()
}

#[test]
fn a_head_of_what_was_let_go_is_no_sign_of_a_loss_and_one_of_what_is_here_is_compared() {
    let other = Some(LogHash::from_bytes([4; 32]));
    for is_gone in [true, false] {
        let mut scene = Scene::new();
        let (stays, goes) = (scene.state.live[1].first, Position(scene.state.live[1].first.0 - 1));
        let seen = head(&scene, goes, None);
        scene.stand();
        scene.send_state();
        if is_gone {
            scene.let_go();
        }
        assert!(matches!(show(&mut scene, seen), Frame::Welcome(_)));
        let forged = head(&scene, if is_gone { stays } else { goes }, other);
        let told = show(&mut scene, forged);
        assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    }
}

#[test]
fn what_was_let_go_is_not_appended_once_more() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    scene.let_go();
    scene.two.bench.frames(scene.two.on_phone);
    let end = scene.two.bench.position(scene.two.workspace);
    let gone = scene.written[2].clone();
    assert_eq!(scene.two.bench.refusal(scene.two.on_phone, &gone), Reason::SeqTaken);
    scene.two.bench.flush();
    assert_eq!(scene.two.bench.position(scene.two.workspace), end);
}

#[test]
fn after_a_full_disk_letting_go_goes_on_with_the_next_commit() {
    let mut scene = Scene::new();
    scene.stand();
    scene.two.bench.storage.refuses_commits.set(true);
    scene.send_state();
    scene.let_go();
    assert!(scene.is_whole());
    scene.two.bench.storage.refuses_commits.set(false);
    scene.two.bench.now = scene.two.bench.now.plus(60_000);
    scene.two.bench.send(scene.two.on_phone, &Frame::Ping);
    let asked = scene.two.bench.frames(scene.two.on_phone);
    assert!(asked.contains(&Frame::StateWanted { digest: scene.digest(), offset: 0 }), "{asked:?}");
    scene.send_state();
    scene.two.bench.storage.refuses_commits.set(true);
    scene.let_go();
    assert!(scene.is_whole());
    scene.two.bench.storage.refuses_commits.set(false);
    scene.let_go();
    assert!(scene.is_whole(), "it is not tried all the time");
    let more = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), b"goes on");
    scene.two.bench.append(scene.two.on_phone, &[&more]);
    scene.two.bench.flush();
    scene.let_go();
    assert!(!scene.is_whole());
}

#[test]
fn a_restored_log_goes_on_from_no_place_below_the_one_where_its_checkpoint_came_to_stand() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    scene.let_go();
    let as_it_is = scene.two.bench.storage.memory.clone();
    let restored = restore(&mut scene.two.bench, &as_it_is, scene.two.workspace);
    assert_eq!(restored[0].place, Position(scene.state.at.0 + 2));
    assert_eq!(scene.subscribe(&Frame::Subscribe { after: Position(1) }), [scene.told()]);
}

#[test]
fn so_does_one_whose_backup_is_from_before_the_state_had_come() {
    let mut scene = Scene::new();
    scene.stand();
    let before = scene.two.bench.storage.memory.snapshot();
    scene.send_state();
    scene.let_go();
    assert!(!scene.is_whole());
    let restored = restore(&mut scene.two.bench, &before, scene.two.workspace);
    assert_eq!(restored[0].place, Position(scene.state.at.0 + 2), "devices may have begun from it since");
    assert!(scene.is_whole());
}

#[test]
fn what_a_log_had_before_it_was_continued_is_brought_back_no_more_once_a_checkpoint_has_let_it_go() {
    for (lets_go, keeps_place) in [(false, false), (true, false), (true, true)] {
        let mut scene = Scene::new();
        let workspace = scene.two.workspace;
        // An invite that is over by now, and was not where the log was continued.
        let door = Door::new(9);
        let over = scene.two.bench.now.0 + 60_000;
        let invite =
            scene.two.laptop.record(&scene.two.bench.view(workspace), &Record::Invite(door.ticket(over)));
        scene.two.bench.must_append(scene.two.on_laptop, &[&invite]);
        let as_it_is = scene.two.bench.storage.memory.clone();
        restore(&mut scene.two.bench, &as_it_is, workspace);
        scene.two.on_laptop = scene.two.bench.open(&scene.two.laptop, workspace);
        scene.two.on_phone = scene.two.bench.open(&scene.two.phone, workspace);
        scene.two.bench.now = scene.two.bench.now.plus(120_000);
        for number in 0..3 {
            let entry = scene.two.phone.content(&scene.two.bench.view(workspace), &[number; 9]);
            scene.two.bench.must_append(scene.two.on_phone, &[&entry]);
        }
        if lets_go {
            let invite = scene.two.bench.storage.position_of(workspace, invite.id()).unwrap().unwrap();
            let live = if keeps_place { vec![run(1, invite.0)] } else { vec![run(1, 3), run(invite.0, 1)] };
            scene.state = state_of(&scene.two, live);
            scene.stand();
            scene.send_state();
            scene.let_go();
            assert_eq!(scene.kept().len() as u64, if keeps_place { invite.0 } else { 4 });
        }
        scene.two.bench.drain();
        scene.two.bench.frames(scene.two.on_phone);
        let join = Author::new(9).join(&scene.two.bench.view(workspace), &door);
        scene.two.bench.append(scene.two.on_phone, &[&join]);
        scene.two.bench.flush();
        let answer = scene.two.bench.frames(scene.two.on_phone);
        let is_taken = answer.iter().any(|frame| matches!(frame, Frame::Appended { .. }));
        assert_eq!(is_taken, !lets_go, "{answer:?}");
    }
}
