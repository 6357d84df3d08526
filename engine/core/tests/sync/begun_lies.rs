//! What no relay does to a device that begins its log from a state, or has: keep it busy, fill it, or lead it back below.

use bowline_core::sync::{Effect, RelayFault};
use bowline_wire::frame::{Frame, LetGo};
use bowline_wire::ids::{LogHash, RelayId};
use bowline_wire::log::State;
use bowline_wire::roster::record::{Move, Record};

use crate::author::{Author, opaque_payload};
use crate::beginning::{Story, assert_is_there, begun, every_second, nonsense};
use crate::begun::late_run;
use crate::bench::{Bench, pins_of};
use crate::letting_go::records_alone;
use crate::opening;
use crate::relay::FakeRelay;

#[test]
fn a_relay_that_names_states_over_and_over_is_given_up() {
    for alternates in [false, true] {
        let mut story = Story::before();
        let mut bench = story.member();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        story.lets_go(records_alone);
        bench.greet();
        bench.receive(story.relay.welcome());
        let by = story.relay.let_go.clone().unwrap().by;
        let other = LetGo { len: by.len + 1, ..by };
        let told = (0..2_000).find(|number| {
            bench.receive(Frame::LetGo(if alternates && number % 2 == 1 { other } else { by }));
            bench.closed()
        });
        assert!(told.is_some());
        assert!(matches!(bench.faults()[..], [RelayFault::BringsNothing]), "{:?}", bench.faults());
        bench.forget();
        bench.sync(&mut story.relay);
        assert_is_there(&bench, &story.relay);
    }
}

#[test]
fn a_run_of_more_than_a_relay_takes_at_once_is_not_kept_in_memory() {
    let five =
        |removed: &mut Author, relay: &FakeRelay| (0..5).map(|_| removed.sized(relay, 1 << 19)).collect();
    let (mut story, mut bench) = late_run(five, FakeRelay::put_run);
    bench.sync(&mut story.relay);
    assert_eq!(nonsense(&bench), "more of a removed author than it can have taken");
    assert_eq!(begun(&bench), 0);
}

/// A device whose log has begun from a state, and which had some of what is below that.
fn begun_with_more_below() -> (Story, Bench, State) {
    let mut story = Story::before();
    let mut bench = story.member();
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    let state = story.lets_go(every_second);
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    bench.disconnect();
    bench.forget();
    (story, bench, state)
}

fn is_cut_back(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, Effect::CutBack(_)))
}

#[test]
fn a_log_that_is_said_to_go_on_from_below_the_state_is_not_followed() {
    let (story, mut bench, state) = begun_with_more_below();
    for place in [3, state.at.0 - 1] {
        let back = story.relay.continued(place, story.relay.len(), 77);
        bench.greet();
        bench.receive(back.welcome());
        assert!(!is_cut_back(&bench), "nobody can make the log anew from there");
        assert_eq!(bench.faults(), [&RelayFault::BelowCheckpoint(state.at)]);
        bench.disconnect();
        bench.forget();
    }
}

#[test]
fn a_move_to_a_log_that_is_begun_again_is_for_a_person_to_see_once_what_is_below_a_state_is_not_here() {
    let (mut story, mut bench, _) = begun_with_more_below();
    let mut there = story.relay.begun_again(77);
    there.put(story.relay.signed(1));
    let relay = RelayId::from_bytes(opening::identity().verifying_key().to_bytes());
    let address = "wss://elsewhere.example".to_owned();
    let to = Move { generation: 0, address, relay, log: there.log().head().log };
    story.owner.put_record(&mut story.relay, &Record::Move(to));
    bench.sync(&mut story.relay);
    bench.disconnect();
    bench.forget();
    bench.greet();
    bench.receive(there.welcome());
    assert!(!is_cut_back(&bench), "nobody can make the log anew from there");
    assert!(matches!(bench.faults()[..], [RelayFault::BegunAgain]), "{:?}", bench.faults());
}

#[test]
fn a_codes_point_behind_the_place_of_a_state_is_compared_once_the_log_has_passed_it() {
    for is_right in [true, false] {
        let mut story = Story::before();
        let state = story.lets_go(records_alone);
        let mut pins = pins_of(&story.relay);
        assert!(pins.position > state.at);
        if !is_right {
            pins.hash = LogHash::from_bytes([5; 32]);
        }
        let mut bench = Bench::newcomer_with(2, &story.relay, &story.secret, |told| *told = pins);
        bench.sync(&mut story.relay);
        bench.sync(&mut story.relay);
        assert_eq!(begun(&bench), 1);
        if is_right {
            assert_is_there(&bench, &story.relay);
        } else {
            assert!(matches!(bench.faults()[..], [RelayFault::NotThePinnedLog]), "{:?}", bench.faults());
        }
    }
}
