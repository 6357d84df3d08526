//! What the clocks of a line say: a log far ahead of the clock here waits for a person, and two clocks that are apart are told of.

use bowline_core::sync::{Clocks, Effect, LinkState, RelayFault, WrongClock};
use bowline_wire::frame::{Challenge, Frame, Welcome};
use bowline_wire::holding::Holding;
use bowline_wire::ids::{LogTime, Millis, Position};

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// A relay with this clock, whose log is of this time, lets the device in.
fn meet(bench: &mut Bench, relay: &FakeRelay, clock: Millis, log: Millis) {
    bench.disconnect();
    bench.forget();
    greet(bench, clock);
    welcome(bench, relay, log);
}

fn greet(bench: &mut Bench, clock: Millis) {
    bench.connect();
    let Frame::Challenge(challenge) = FakeRelay::challenge() else { panic!() };
    bench.receive(Frame::Challenge(Challenge { time: clock, ..challenge }));
}

fn welcome(bench: &mut Bench, relay: &FakeRelay, log: Millis) {
    let Frame::Welcome(welcome) = FakeRelay::welcome_at(relay.head()) else { panic!() };
    bench.receive(Frame::Welcome(Welcome { time: LogTime::new(log.0).unwrap(), ..welcome }));
}

fn told(bench: &Bench) -> Clocks {
    let mut clocks = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Clocks(clocks) => Some(*clocks),
        _ => None,
    });
    clocks.next_back().unwrap()
}

fn is_too_far(bench: &Bench) -> bool {
    matches!(bench.faults()[..], [RelayFault::TimeAhead(_)])
}

/// A Member in step with a relay, on the day of the tests.
fn in_step() -> (Bench, Author, FakeRelay) {
    let (mut bench, owner, mut relay) = Bench::member();
    bench.now = Millis(1_000 * DAY);
    relay.clock = bench.now;
    bench.sync(&mut relay);
    (bench, owner, relay)
}

#[test]
fn a_log_more_than_a_day_ahead_is_a_failed_connection_until_a_person_lets_it_through() {
    let (mut bench, _, relay) = in_step();
    let now = bench.now;
    meet(&mut bench, &relay, now, now.plus(DAY));
    assert!(bench.faults().is_empty() && bench.replica.link() == LinkState::Live, "a day is let through");
    assert!(!told(&bench).are_too_far());
    meet(&mut bench, &relay, now, now.plus(DAY + 1));
    assert!(is_too_far(&bench) && bench.closed() && told(&bench).are_too_far(), "and nothing beyond");

    let far = now.plus(400 * DAY);
    meet(&mut bench, &relay, far, far);
    assert!(is_too_far(&bench) && bench.closed());
    assert_eq!(told(&bench).ahead(), 400 * DAY);
    assert!(!bench.replica.is_distrusted(), "nobody's clock proves anything");

    bench.replica.let_time_through(400 * DAY);
    meet(&mut bench, &relay, far, far);
    assert!(bench.faults().is_empty());
    assert_eq!(bench.replica.link(), LinkState::Live);
    // What was let through is not more than a person was shown, and a day.
    meet(&mut bench, &relay, far, far.plus(DAY));
    assert!(bench.faults().is_empty());
    meet(&mut bench, &relay, far, far.plus(DAY + 1));
    assert!(is_too_far(&bench));
}

#[test]
fn a_relay_whose_clock_jumps_while_it_is_connected_takes_nothing_away() {
    let (mut bench, mut owner, mut relay) = in_step();
    let position = bench.replica.position();
    relay.clock = bench.now.plus(2 * DAY);
    owner.put_message(&mut relay, opaque_payload(1).doc, "of the day after tomorrow");
    bench.forget();
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert!(is_too_far(&bench) && bench.closed());
    assert_eq!(bench.replica.position(), position, "nothing of it is taken in, and nothing is lost");
    assert_eq!(told(&bench).log, relay.clock);

    bench.replica.let_time_through(2 * DAY);
    bench.sync(&mut relay);
    assert_eq!(bench.replica.position(), Position(relay.len()));
    // Set right again, its log stands still until the time has come; everything goes on.
    relay.clock = bench.now;
    owner.put_message(&mut relay, opaque_payload(1).doc, "of the same moment");
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert_eq!(bench.replica.position(), Position(relay.len()));
}

#[test]
fn a_relay_whose_clock_was_set_back_or_stands_still_is_followed_and_told_of() {
    let (mut bench, mut owner, mut relay) = in_step();
    owner.put_message(&mut relay, opaque_payload(1).doc, "before");
    for clock in [bench.now, Millis(1_000)] {
        relay.clock = clock;
        bench.now = bench.now.plus(30 * DAY);
        owner.put_message(&mut relay, opaque_payload(1).doc, "by a clock that is wrong");
        bench.disconnect();
        bench.sync(&mut relay);
        assert_eq!(bench.replica.position(), Position(relay.len()));
        let log = relay.log().time().millis();
        meet(&mut bench, &relay, clock, log);
        let told = told(&bench);
        assert!(bench.faults().is_empty() && told.are_apart(), "{told:?}");
    }
    assert_eq!(told(&bench).looks_wrong, WrongClock::Relay, "behind what it had given itself");
}

#[test]
fn clocks_ten_minutes_apart_are_nothing_to_tell() {
    let (mut bench, _, relay) = in_step();
    let now = bench.now;
    for (clock, log, apart) in [
        (now, now, false),
        (now, Millis(1), false),
        (now.plus(10 * MINUTE), now, false),
        (now.plus(10 * MINUTE + 1), now, true),
        (Millis(now.0 - 10 * MINUTE), Millis(1), false),
        (Millis(now.0 - 10 * MINUTE - 1), Millis(1), true),
        (now, now.plus(10 * MINUTE), false),
        (now, now.plus(10 * MINUTE + 1), true),
    ] {
        meet(&mut bench, &relay, clock, log);
        assert_eq!(told(&bench).are_apart(), apart, "{clock:?} {log:?}");
        assert!(bench.faults().is_empty());
    }
}

#[test]
fn the_clock_that_has_not_got_to_a_time_that_another_device_has_had_looks_wrong() {
    let hour = 60 * MINUTE;
    for (relay_clock, others, wrong) in [
        (1, Some(0), WrongClock::Unknown), // ahead of both, which may be asleep
        (1, Some(1), WrongClock::Here),
        (-1, Some(0), WrongClock::Relay),
        (-1, None, WrongClock::Unknown),
        (1, None, WrongClock::Unknown),
        (-1, Some(-1), WrongClock::Unknown),
        (-1, Some(2), WrongClock::Unknown),
    ] {
        let (mut bench, owner, relay) = in_step();
        let at = |hours: i64| Millis(bench.now.0.saturating_add_signed(hours * i64::try_from(hour).unwrap()));
        let (clock, others) = (at(relay_clock), others.map(at));
        bench.disconnect();
        bench.forget();
        greet(&mut bench, clock);
        if let Some(time) = others {
            let head = relay.log().head();
            let (workspace, device) = (head.workspace, owner.id());
            let word = Holding { workspace, device, position: head.position, hash: head.hash, time };
            bench.receive(Frame::Holdings { devices: vec![owner.keys.sign_holding(word).unwrap()] });
        }
        welcome(&mut bench, &relay, Millis(1));
        assert_eq!(told(&bench).looks_wrong, wrong, "{relay_clock} {others:?}");
    }
}
