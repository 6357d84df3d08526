//! Beginning from the state at a checkpoint below which the relay has let entries go: what a device believes, and every place where it
//! may be interrupted.

use bowline_core::sync::{Effect, LinkState, NotReady, Phase, RelayFault};
use bowline_crypto::TicketSecret;
use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{LogHash, LogTime, Position, Signature};
use bowline_wire::log::{Log, State};
use bowline_wire::signed::Signed;

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::letting_go::{records_alone, state_of};
use crate::relay::{FakeRelay, bare};

/// An Owner and another member who have written, and a relay on which the checkpoint of both stands behind that; then both have written more.
pub(crate) struct Story {
    pub(crate) owner: Author,
    pub(crate) other: Author,
    pub(crate) relay: FakeRelay,
    /// The code by which somebody comes in later.
    pub(crate) secret: TicketSecret,
}

/// What stays besides the records.
pub(crate) type Stays = fn(u64, &Entry) -> bool;

/// Every second entry of content.
pub(crate) fn every_second(at: u64, _: &Entry) -> bool {
    at.is_multiple_of(2)
}

impl Story {
    pub(crate) fn before() -> Self {
        let (mut owner, mut relay) = Author::owner(1);
        let secret = owner.put_ticket(&mut relay, false);
        let mut other = Author::join(3, &secret, &mut relay);
        let secret = owner.put_ticket(&mut relay, false);
        let mut story = {
            for number in 0..6 {
                let by = if number % 2 == 0 { &mut owner } else { &mut other };
                by.put_message(&mut relay, opaque_payload(5).doc, &format!("message {number}"));
            }
            Self { owner, other, relay, secret }
        };
        story.relay.clock = story.relay.clock.plus(1_000);
        story
    }

    pub(crate) fn lets_go(&mut self, stays: Stays) -> State {
        self.lets_go_by(|relay, log| state_of(relay, log, stays))
    }

    pub(crate) fn lets_go_by(&mut self, state: impl FnOnce(&FakeRelay, &Log) -> State) -> State {
        let state = state(&self.relay, self.relay.log());
        self.relay.lets_go((&mut self.owner, &mut self.other), state.clone());
        for number in 6..9 {
            self.owner.put_message(&mut self.relay, opaque_payload(5).doc, &format!("message {number}"));
        }
        state
    }

    pub(crate) fn newcomer(&self) -> Bench {
        Bench::newcomer(2, &self.relay, &self.secret)
    }

    /// A device that has come in and has all there is, at the time before anything goes.
    pub(crate) fn member(&mut self) -> Bench {
        let mut bench = self.newcomer();
        bench.sync(&mut self.relay);
        bench.sync(&mut self.relay);
        assert_eq!(bench.replica.position().0, self.relay.len());
        bench.disconnect();
        bench.forget();
        bench
    }
}

pub(crate) fn begun(bench: &Bench) -> usize {
    bench.effects.iter().filter(|effect| matches!(effect, Effect::Begin(_))).count()
}

pub(crate) fn asked(bench: &Bench) -> (usize, usize) {
    let frames = bench.frames();
    let states = frames.iter().filter(|frame| matches!(frame, Frame::StateWanted { .. })).count();
    let kept = frames.iter().filter(|frame| matches!(frame, Frame::SubscribeFrom { .. })).count();
    (states, kept)
}

/// Whether a device is where the relay's log is, by the same roster, tips, sums and checkpoints.
pub(crate) fn assert_is_there(bench: &Bench, relay: &FakeRelay) {
    let (ours, theirs) = (bench.replica.log().unwrap(), relay.log());
    assert_eq!(bench.faults(), Vec::<&RelayFault>::new());
    assert_eq!(ours.head(), theirs.head());
    assert_eq!(ours.roster().hash(), theirs.roster().hash());
    assert!(ours.tips().eq(theirs.tips()));
    assert!(ours.weights().iter().eq(theirs.weights().iter()));
    assert_eq!(ours.checkpoints(), theirs.checkpoints());
    assert_eq!(bench.replica.link(), LinkState::Live);
    assert_eq!(bench.replica.head(), Some(&relay.head()));
}

pub(crate) fn nonsense(bench: &Bench) -> String {
    let faults = bench.faults();
    let [RelayFault::Nonsense(what)] = faults[..] else { panic!("{faults:?}") };
    (*what).to_owned()
}

#[test]
fn a_newcomer_begins_from_the_state_and_has_what_stays_and_all_that_follows() {
    for stays in [records_alone as Stays, every_second] {
        let mut story = Story::before();
        let state = story.lets_go(stays);
        let mut bench = story.newcomer();
        bench.sync(&mut story.relay);
        bench.sync(&mut story.relay);
        assert_is_there(&bench, &story.relay);
        assert_eq!((begun(&bench), bench.begun.as_ref()), (1, Some(&state)));
        assert!(matches!(bench.replica.phase(), Phase::Member));
        let places = bench.places.keys().map(|at| at.0);
        let all = (1..=story.relay.len()).filter(|at| *at > state.at.0 || state.is_live(Position(*at)));
        assert!(places.eq(all));
        assert_eq!(bench.replica.ready_to_seal(), Ok(()));
        let written = bench.write(&opaque_payload(7));
        bench.talk(&mut story.relay);
        assert!(story.relay.holds(written.id()));
    }
}

#[test]
fn whoever_was_offline_gets_what_stays_behind_the_end_of_what_is_here() {
    let mut story = Story::before();
    let mut bench = story.member();
    let before = story.relay.len();
    for number in 0..4 {
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, &format!("since then {number}"));
    }
    let state = story.lets_go(every_second);
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!((begun(&bench), asked(&bench)), (1, (1, 1)));
    let kept = |effect: &Effect| match effect {
        Effect::Keep(entries) => entries.iter().map(|(at, _)| at.position.0).collect(),
        _ => Vec::new(),
    };
    let kept: Vec<u64> = bench.effects.iter().flat_map(kept).collect();
    let expected = (before + 1..=state.at.0).filter(|at| state.is_live(Position(*at)));
    assert!(kept.iter().copied().eq(expected), "{kept:?}");
    assert!((1..=before).all(|at| bench.places.contains_key(&Position(at))), "what was here stays here");
}

#[test]
fn nothing_counts_before_the_log_has_passed_the_place_where_the_checkpoint_came_to_stand() {
    let mut story = Story::before();
    let mut bench = story.member();
    let (at, sent) = (bench.replica.position(), bench.write(&opaque_payload(7)));
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    let state = story.lets_go(every_second);
    let stood = story.relay.log().checkpoints().stood().unwrap();
    bench.greet();
    bench.receive(story.relay.welcome());
    let by = story.relay.let_go.clone().unwrap();
    bench.receive(by.frame());
    bench.receive(by.piece(stood.digest, 0).unwrap());
    let kept = story.relay.keep_from(stood.digest, at);
    bench.receive(kept[0].clone());
    for place in state.at.0 + 1..stood.since.0 {
        bench.receive(story.relay.frame(place, place));
    }
    let link = LinkState::CatchingUp { at, of: Position(story.relay.len()) };
    assert_eq!((bench.replica.link(), bench.replica.position(), begun(&bench)), (link, at, 0));
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::CatchingUp));
    assert_eq!((bench.stretches().len(), bench.appended().len()), (0, 0));
    bench.receive(story.relay.frame(stood.since.0, stood.since.0));
    assert_eq!((bench.replica.position(), begun(&bench)), (stood.since, 1));
    bench.receive(story.relay.frame(stood.since.0 + 1, story.relay.len()));
    assert_eq!(bench.appended(), std::slice::from_ref(&sent));
}

#[test]
fn a_line_that_breaks_anywhere_costs_what_was_on_it_and_nothing_else() {
    let frames = |story: &mut Story, bench: &mut Bench, most: usize| {
        let mut seen = 0;
        bench.connect();
        let mut shown = 0;
        while shown < bench.effects.len() {
            let answers = match &bench.effects[shown] {
                Effect::Send(frame) => story.relay.answer(frame.clone()),
                _ => Vec::new(),
            };
            shown += 1;
            for answer in answers {
                if seen == most {
                    bench.disconnect();
                    bench.forget();
                    return false;
                }
                seen += 1;
                bench.receive(answer);
            }
        }
        true
    };
    let made = || {
        let mut story = Story::before();
        let bench = story.member();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        story.lets_go(every_second);
        let by = story.relay.let_go.as_mut().unwrap();
        (by.piece, by.at_once) = (200, 1);
        (story, bench)
    };
    for most in 0.. {
        let (mut story, mut bench) = made();
        let is_whole = frames(&mut story, &mut bench, most);
        bench.sync(&mut story.relay);
        assert_is_there(&bench, &story.relay);
        if is_whole {
            assert!(most > 8, "{most} frames");
            break;
        }
    }
}

#[test]
fn what_has_come_before_a_line_breaks_is_not_asked_for_again() {
    let mut story = Story::before();
    let mut bench = story.newcomer();
    bench.sync(&mut story.relay);
    story.lets_go(every_second);
    story.relay.let_go.as_mut().unwrap().piece = 400;
    let by = story.relay.let_go.clone().unwrap();
    let digest = by.by.stood.digest;
    let mut begins = |relay: &FakeRelay, frame: Option<Frame>| {
        bench.disconnect();
        bench.greet();
        bench.receive(relay.welcome());
        bench.forget();
        bench.receive(by.frame());
        let asked = bench.frames().last().map(|frame| (*frame).clone());
        if let Some(frame) = frame {
            bench.receive(frame);
        }
        asked.unwrap()
    };
    let wanted = |offset| Frame::StateWanted { digest, offset };
    assert_eq!(begins(&story.relay, by.piece(digest, 0)), wanted(0));
    assert_eq!(begins(&story.relay, by.piece(digest, 400)), wanted(400));
    let rest = bowline_wire::frame::StatePiece::of(digest, &encode(&by.state), 800).map(Frame::State);
    assert_eq!(begins(&story.relay, rest), wanted(800));
    story.relay.let_go.as_mut().unwrap().at_once = 2;
    let kept = story.relay.keep_from(digest, Position::START);
    let from = |after| Frame::SubscribeFrom { digest, after };
    assert_eq!(begins(&story.relay, Some(kept[0].clone())), from(Position::START));
    assert_eq!(begins(&story.relay, Some(kept[1].clone())), from(Position(2)));
    let Frame::Kept { entries, .. } = &kept[1] else { panic!("{kept:?}") };
    assert_eq!(begins(&story.relay, None), from(entries[1].0));
    bench.talk(&mut story.relay);
    assert_is_there(&bench, &story.relay);
}

#[test]
fn a_state_that_two_members_have_not_signed_is_not_begun_from() {
    let altered = |change: fn(&mut State)| {
        let mut story = Story::before();
        let mut bench = story.newcomer();
        bench.sync(&mut story.relay);
        bench.forget();
        story.lets_go(every_second);
        let by = story.relay.let_go.as_mut().unwrap();
        change(&mut by.state);
        by.by.len = encode(&by.state).len() as u64;
        let is_signed = by.by;
        // With the digest that stands, and with its own.
        bench.sync(&mut story.relay);
        assert_eq!(nonsense(&bench), "bytes that are not the state's");
        assert_eq!((begun(&bench), bench.replica.position()), (0, Position::START));
        bench.forget();
        let by = story.relay.let_go.as_mut().unwrap();
        by.by.stood.digest = by.state.digest(bench.replica.workspace());
        bench.sync(&mut story.relay);
        assert_eq!((begun(&bench), bench.replica.position()), (0, Position::START));
        assert!(bench.closed());
        let what = nonsense(&bench);
        // An honest relay is believed on the next line.
        story.relay.let_go.as_mut().unwrap().by = is_signed;
        (what, bench.aside.len())
    };
    let does_not_stand = "a checkpoint that does not stand where it said".to_owned();
    assert_eq!(altered(|state| state.documents.clear()), (does_not_stand.clone(), 0));
    assert_eq!(altered(|state| state.ends[0].tip.held = Position(1)), (does_not_stand, 0));
    let (what, _) = altered(|state| state.hash = LogHash::from_bytes([7; 32]));
    assert!(what.starts_with("a state that is not of the log"), "the relay has signed for another: {what}");
}

#[test]
fn a_relay_cannot_have_a_checkpoint_stand_before_its_words_or_by_other_ones() {
    let told = |change: fn(&mut FakeRelay)| {
        let mut story = Story::before();
        let mut bench = story.member();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        story.lets_go(every_second);
        change(&mut story.relay);
        bench.sync(&mut story.relay);
        assert_eq!(begun(&bench), 0);
        assert!(bench.closed());
        assert!(bench.aside.is_empty());
        nonsense(&bench)
    };
    let not_there = "a checkpoint that does not stand where it said";
    assert_eq!(told(|relay| relay.let_go.as_mut().unwrap().by.stood.since.0 -= 1), not_there);
    assert_eq!(told(|relay| relay.let_go.as_mut().unwrap().by.stood.since.0 += 1), not_there);
    let before = told(|relay| {
        let stood = &mut relay.let_go.as_mut().unwrap().by.stood;
        stood.since = stood.at;
    });
    assert_eq!(before, "a checkpoint that stands before its place");
}

#[test]
fn entries_that_make_the_checkpoint_stand_have_to_lead_to_what_the_relay_signs() {
    let told = |change: fn(&FakeRelay, &mut Frame)| {
        let mut story = Story::before();
        let mut bench = story.member();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        story.lets_go(every_second);
        let at = bench.replica.position();
        bench.greet();
        bench.receive(story.relay.welcome());
        let by = story.relay.let_go.clone().unwrap();
        bench.receive(by.frame());
        bench.receive(by.piece(by.by.stood.digest, 0).unwrap());
        let mut frames = story.relay.keep_from(by.by.stood.digest, at);
        change(&story.relay, frames.last_mut().unwrap());
        for frame in frames {
            bench.receive(frame);
        }
        assert_eq!((begun(&bench), bench.replica.position()), (0, at));
        assert_eq!(bench.faults().len(), 1);
        nonsense(&bench)
    };
    let altered = told(|_, frame| {
        let Frame::Entries { entries, .. } = frame else { unreachable!() };
        entries[0].time = LogTime::START;
    });
    assert!(altered.starts_with("entries that do not lead from"), "{altered}");
    let unsigned = told(|relay, frame| {
        let Frame::Entries { head, .. } = frame else { unreachable!() };
        head.signature = relay.head_at(1).signature;
    });
    assert_eq!(unsigned, "a head that is not of this log");
}

#[test]
fn what_stays_has_to_be_exactly_what_the_state_names() {
    let kept = |change: fn(&mut Vec<Frame>)| {
        let mut story = Story::before();
        let mut bench = story.newcomer();
        bench.sync(&mut story.relay);
        bench.forget();
        story.lets_go(every_second);
        let at = bench.replica.position();
        bench.greet();
        bench.receive(story.relay.welcome());
        let by = story.relay.let_go.clone().unwrap();
        bench.receive(by.frame());
        bench.receive(by.piece(by.by.stood.digest, 0).unwrap());
        let mut frames = story.relay.keep_from(by.by.stood.digest, at);
        change(&mut frames);
        for frame in frames {
            bench.receive(frame);
        }
        assert_eq!(begun(&bench), 0);
        assert!(bench.aside.is_empty());
        nonsense(&bench)
    };
    macro_rules! altered {
        ($entries:ident, $change:expr) => {
            kept(|frames| {
                let Frame::Kept { entries: $entries, .. } = &mut frames[0] else { unreachable!() };
                $change;
            })
        };
    }
    let other = "other entries that stay than those of the state";
    assert_eq!(altered!(entries, entries.truncate(1)), other);
    assert_eq!(altered!(entries, entries.remove(0)), other);
    let times = altered!(entries, entries[0].1.time = LogTime::START);
    assert_eq!(times, other);
    let out_of_order = altered!(entries, entries.reverse());
    assert_eq!(out_of_order, "entries that stay, and out of order");
    let again = altered!(entries, {
        let (at, entry) = entries.last().unwrap().clone();
        entries.push((at.next(), entry));
    });
    assert_eq!(again, "an entry that does not stay by the state");
    let gone = altered!(entries, entries[0].0.0 += 1);
    assert_eq!(gone, "entries that stay, and out of order");
    let unsigned = altered!(entries, {
        let entry = entries[0].1.entry.clone().verify(Story::before().relay.workspace()).unwrap();
        let header = Signed::from_parts(entry.signed_header().bytes().to_vec(), Signature::ZERO);
        entries[0].1.entry = SignedEntry::from_parts(header, entry.body().map(<[u8]>::to_vec));
    });
    assert_eq!(unsigned, "an entry that stays and that its author did not sign");
    let bodiless = altered!(entries, {
        let entry = entries[0].1.entry.clone();
        entries[0].1.entry = bare(entry, Story::before().relay.workspace());
    });
    assert_eq!(bodiless, "a record that stays without its body");
}
