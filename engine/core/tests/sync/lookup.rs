//! Asking a relay where a recovery phrase is: signed for this line, to the relay at its end, and nothing else is said.

use bowline_core::sync::{Context, LookupFailed, PhraseLookup};
use bowline_crypto::DeviceKeys;
use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, LOOKUP, Reason, Transcript, Word};
use bowline_wire::ids::{LineKey, Millis, WorkspaceId};

use crate::author::rng;
use crate::opening::{LINE, Opening, challenge};

/// A line on which a phrase asks, up to what it says to this challenge.
struct Asked {
    keys: DeviceKeys,
    lookup: PhraseLookup,
    said: Transcript,
}

impl Asked {
    fn begun(line: Option<LineKey>) -> (Self, Opening) {
        let keys = DeviceKeys::generate(&mut rng(77));
        let mut random = rng(78);
        let mut cx = Context { keys: &keys, now: Millis(1), random: &mut random, hash_at: &|_| None };
        let mut lookup = PhraseLookup::begin(line, &mut cx);
        let hello = lookup.poll_transmit().unwrap();
        let Frame::Hello(said) = &hello else { panic!("{hello:?}") };
        assert!(said.capabilities.iter().any(|name| name == LOOKUP));
        let mut opening = Opening::default();
        opening.hears(&hello);
        let said = Transcript::START.then(&encode(&hello));
        (Self { keys, lookup, said }, opening)
    }

    fn hears(&mut self, frame: Frame) -> Result<Option<Vec<WorkspaceId>>, LookupFailed> {
        let mut random = rng(79);
        let cx = Context { keys: &self.keys, now: Millis(1), random: &mut random, hash_at: &|_| None };
        self.lookup.handle_frame(frame, &cx)
    }
}

#[test]
fn a_phrase_asks_for_itself_under_its_signature_for_this_line() {
    let (mut asked, mut opening) = Asked::begun(Some(LINE));
    let challenge = opening.signs(challenge());
    let said = asked.said.then(&encode(&challenge));
    assert_eq!(asked.hears(challenge), Ok(None));
    let frame = asked.lookup.poll_transmit().unwrap();
    let Frame::Lookup(lookup) = frame else { panic!("{frame:?}") };
    assert_eq!(lookup.device, asked.keys.id());
    lookup.verify(said).unwrap();
    lookup.verify(Transcript::START).unwrap_err();
    assert_eq!(asked.lookup.poll_transmit(), None);
    let workspaces = vec![WorkspaceId::from_bytes([1; 32]), WorkspaceId::from_bytes([2; 32])];
    assert_eq!(asked.hears(Frame::Found { workspaces: workspaces.clone() }), Ok(Some(workspaces)));
}

#[test]
fn a_relay_that_is_not_at_the_end_of_the_line_is_asked_nothing() {
    let (mut asked, mut opening) = Asked::begun(Some(LineKey::from_bytes([1; 32])));
    assert_eq!(asked.hears(opening.signs(challenge())), Err(LookupFailed::OtherRelay));
    assert_eq!(asked.lookup.poll_transmit(), None);
    // And one whose identity has not signed for this line.
    let (mut asked, _) = Asked::begun(Some(LINE));
    let (_, mut elsewhere) = Asked::begun(Some(LINE));
    elsewhere.hears(&Frame::Proof(Box::new(bowline_wire::frame::Proof::unsigned(
        WorkspaceId::ZERO,
        bowline_wire::frame::Party::Device(asked.keys.id()),
    ))));
    assert_eq!(asked.hears(elsewhere.signs(challenge())), Err(LookupFailed::OtherRelay));
    assert_eq!(asked.lookup.poll_transmit(), None);
}

#[test]
fn what_comes_before_the_question_is_no_answer() {
    let found = || Frame::Found { workspaces: vec![WorkspaceId::ZERO] };
    let (mut asked, _) = Asked::begun(None);
    assert!(matches!(asked.hears(found()), Err(LookupFailed::Nonsense(_))));
    let (mut asked, mut opening) = Asked::begun(None);
    asked.hears(opening.signs(challenge())).unwrap();
    assert!(matches!(asked.hears(opening.signs(challenge())), Err(LookupFailed::Nonsense(_))));
}

#[test]
fn a_relay_that_refuses_says_why() {
    let (mut asked, mut opening) = Asked::begun(None);
    asked.hears(opening.signs(challenge())).unwrap();
    let goodbye = Frame::Goodbye { reason: Reason::OutOfPlace, text: String::new() };
    assert_eq!(asked.hears(goodbye), Err(LookupFailed::Goodbye(Reason::OutOfPlace)));
}
