//! Whose bytes of a state are taken, and by which of them entries go.

use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, Reason, StatePiece};
use bowline_wire::ids::{LogHash, LogTime, Position, RosterHash, WireDoc};
use bowline_wire::limits::MAX_STATE_PIECE;
use bowline_wire::log::{DocumentState, State};

use super::{Scene, run, state_of};
use crate::config::STATE_PATIENCE;

#[test]
fn whoever_signed_last_is_asked_a_piece_at_a_time() {
    let mut scene = Scene::new();
    let document = |number: u32| {
        let doc = [number.to_be_bytes(); 4].concat().try_into().unwrap();
        DocumentState { doc: WireDoc::from_bytes(doc), snapshot: None, parts: vec![] }
    };
    scene.state.documents = (0..40_000).map(document).collect();
    scene.stand();
    let (digest, bytes) = (scene.digest(), encode(&scene.state));
    let wanted = |offset| Frame::StateWanted { digest, offset };
    let on_phone = scene.two.on_phone;
    assert!(scene.two.bench.frames(on_phone).contains(&wanted(0)));
    let on_laptop = scene.two.on_laptop;
    assert!(!scene.two.bench.frames(on_laptop).contains(&wanted(0)), "one at a time");
    let piece = |from: usize, to: usize| {
        let bytes = bytes[from..to].to_vec();
        Frame::State(StatePiece {
            digest,
            len: encode(&scene.state).len() as u64,
            offset: from as u64,
            bytes,
        })
    };
    let (first, last) = (piece(0, MAX_STATE_PIECE), piece(MAX_STATE_PIECE, bytes.len()));
    // Too short, for which there is no reason.
    scene.two.bench.send(on_phone, &piece(0, 40));
    assert_eq!(scene.two.bench.frames(on_phone), []);
    scene.two.bench.send(on_phone, &first);
    assert_eq!(scene.two.bench.frames(on_phone), [wanted(MAX_STATE_PIECE as u64)]);
    // Sent twice, sent by somebody else, and what does not follow: none of it is taken.
    scene.two.bench.send(on_phone, &first);
    scene.two.bench.send(on_laptop, &last);
    assert_eq!(scene.two.bench.frames(on_phone), []);
    scene.let_go();
    assert!(scene.is_whole());
    scene.two.bench.send(on_phone, &last);
    scene.let_go();
    assert!(!scene.is_whole());
}

#[test]
fn who_sends_something_else_is_cut_off_and_another_is_asked() {
    let mut scene = Scene::new();
    scene.stand();
    let digest = scene.digest();
    let other = StatePiece { digest, len: 9, offset: 0, bytes: b"otherwise".to_vec() };
    let on_phone = scene.two.on_phone;
    scene.two.bench.frames(on_phone);
    scene.two.bench.send(on_phone, &Frame::State(other));
    let told = scene.two.bench.frame(on_phone);
    assert!(matches!(told, Frame::Goodbye { reason: Reason::Malformed, .. }), "{told:?}");
    assert!(scene.is_whole());
    let on_laptop = scene.two.on_laptop;
    scene.two.bench.frames(on_laptop);
    scene.two.bench.send(on_laptop, &Frame::Ping);
    assert!(scene.two.bench.frames(on_laptop).contains(&Frame::StateWanted { digest, offset: 0 }));
    scene.two.on_phone = on_laptop;
    scene.send_state();
    scene.let_go();
    assert!(!scene.is_whole());
}

#[test]
fn whoever_sends_another_state_of_the_log_than_the_one_that_stands_is_cut_off_as_well() {
    let mut scene = Scene::new();
    scene.stand();
    let other = encode(&State { records: 9, ..scene.state.clone() });
    let piece = StatePiece { digest: scene.digest(), len: other.len() as u64, offset: 0, bytes: other };
    let on_phone = scene.two.on_phone;
    scene.two.bench.frames(on_phone);
    scene.two.bench.send(on_phone, &Frame::State(piece));
    let told = scene.two.bench.frame(on_phone);
    assert!(matches!(told, Frame::Goodbye { reason: Reason::Malformed, .. }), "{told:?}");
}

#[test]
fn a_state_is_asked_for_when_its_checkpoint_is_durable_and_taken_while_more_is_staged() {
    let mut scene = Scene::new();
    let (at, digest, on_phone) = (scene.state.at, scene.digest(), scene.two.on_phone);
    let wanted = Frame::StateWanted { digest, offset: 0 };
    scene.two.speak_of(false, at, digest);
    let staged = scene.two.word_on(true, at, digest, vec![]);
    scene.two.bench.append(on_phone, &[&staged]);
    scene.two.bench.send(on_phone, &Frame::Ping);
    assert!(!scene.two.bench.frames(on_phone).contains(&wanted));
    scene.two.bench.flush();
    assert!(scene.two.bench.frames(on_phone).contains(&wanted));
    let more = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), b"more");
    scene.two.bench.append(on_phone, &[&more]);
    scene.send_state();
    scene.let_go();
    assert!(!scene.is_whole());
}

#[test]
fn a_word_that_is_staged_when_the_last_piece_comes_does_not_throw_the_pieces_away() {
    let mut scene = Scene::new();
    scene.stand();
    let (at, digest) = (scene.state.at, scene.digest());
    let staged = scene.two.word_on(false, at, digest, vec![]);
    scene.two.bench.append(scene.two.on_laptop, &[&staged]);
    scene.send_state();
    let on_phone = scene.two.on_phone;
    assert!(!scene.two.bench.is_closed(on_phone));
    scene.let_go();
    assert!(!scene.is_whole());
}

#[test]
fn when_the_one_that_was_asked_is_gone_another_is_asked_at_once() {
    let mut scene = Scene::new();
    scene.stand();
    let (on_phone, on_laptop) = (scene.two.on_phone, scene.two.on_laptop);
    scene.two.bench.relay.disconnect(on_phone);
    scene.two.bench.send(on_laptop, &Frame::Ping);
    let wanted = Frame::StateWanted { digest: scene.digest(), offset: 0 };
    assert!(scene.two.bench.frames(on_laptop).contains(&wanted));
}

#[test]
fn by_a_state_of_another_place_than_the_one_it_stands_for_nothing_goes() {
    let mut scene = Scene::new();
    let more = scene.two.phone.content(&scene.two.bench.view(scene.two.workspace), b"more");
    scene.two.bench.must_append(scene.two.on_phone, &[&more]);
    let (at, digest) = (Position(scene.state.at.0 + 1), scene.digest());
    scene.two.speak_of(false, at, digest);
    scene.two.speak_of(true, at, digest);
    scene.send_state();
    scene.let_go();
    assert!(scene.is_whole());
}

#[test]
fn who_does_not_answer_is_passed_over_after_a_while() {
    let mut scene = Scene::new();
    scene.stand();
    let on_laptop = scene.two.on_laptop;
    let wanted = Frame::StateWanted { digest: scene.digest(), offset: 0 };
    for (millis, is_asked) in [(STATE_PATIENCE - 1, false), (1, true)] {
        scene.two.bench.now = scene.two.bench.now.plus(millis);
        scene.two.bench.send(on_laptop, &Frame::Ping);
        assert_eq!(scene.two.bench.frames(on_laptop).contains(&wanted), is_asked);
    }
}

#[test]
fn by_a_state_that_says_of_the_log_what_it_is_not_nothing_goes_and_nobody_is_cut_off() {
    type Spoil = fn(&mut State);
    let spoiled: [(&str, Spoil); 5] = [
        ("another hash", |state| state.hash = LogHash::from_bytes([1; 32])),
        ("another time", |state| state.time = LogTime::START),
        ("another roster", |state| state.roster = RosterHash::from_bytes([1; 32])),
        ("another number of records", |state| state.records += 1),
        ("another digest of what stays", |state| state.live_digest = [1; 32]),
    ];
    for (what, spoil) in spoiled {
        let mut scene = Scene::new();
        spoil(&mut scene.state);
        assert_kept(scene, what);
    }
    // A record that would go, with a digest of what stays that is true.
    let mut scene = Scene::new();
    scene.state = state_of(&scene.two, vec![run(1, 2)]);
    assert_kept(scene, "a record among what goes");
}

#[test]
fn a_state_that_names_as_live_what_went_before_lets_nothing_more_go() {
    let mut scene = Scene::new();
    scene.stand();
    scene.send_state();
    scene.let_go();
    let (kept, gone) = (scene.kept(), scene.state.live[1].first.0 - 1);
    for live in [vec![run(1, gone)], vec![run(1, 4)]] {
        let is_gone_named = live[0].count == gone;
        scene.state = state_of(&scene.two, live);
        scene.stand();
        scene.send_state();
        scene.let_go();
        let kept_now = scene.kept();
        assert_eq!(kept_now.starts_with(&kept), is_gone_named, "{kept_now:?}");
    }
}

fn assert_kept(mut scene: Scene, what: &str) {
    scene.stand();
    scene.send_state();
    scene.let_go();
    assert!(scene.is_whole(), "{what}");
    let on_phone = scene.two.on_phone;
    assert!(!scene.two.bench.is_closed(on_phone), "{what}");
    scene.two.bench.frames(on_phone);
    scene.two.bench.send(on_phone, &Frame::Ping);
    assert!(
        matches!(scene.two.bench.frames(on_phone)[..], [Frame::Head(_)]),
        "nobody is asked again: {what}"
    );
}
