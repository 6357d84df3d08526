//! What devices say they hold, beside the log: when they say it, and what of others they believe.

use bowline_core::sync::{Effect, RelayFault};
use bowline_wire::frame::{Frame, HOLDINGS, Reason};
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{DeviceId, LogHash, Millis, Position};
use bowline_wire::limits::{HOLDING_INTERVAL, MAX_HOLDINGS_PER_FRAME};

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// A Member beside an Owner, in step with a relay that passes holdings on.
fn listening() -> (Bench, Author, FakeRelay) {
    let (mut bench, owner, mut relay) = Bench::member();
    relay.passes_holdings_on();
    bench.sync(&mut relay);
    (bench, owner, relay)
}

fn said(bench: &Bench) -> Vec<SaidHolding> {
    let holdings = |frame: &Frame| match frame {
        Frame::Holdings { devices } => devices.clone(),
        _ => Vec::new(),
    };
    bench.frames().into_iter().flat_map(holdings).collect()
}

fn believed(bench: &Bench) -> Vec<(DeviceId, Position, Millis)> {
    let holds = |effect: &Effect| match effect {
        Effect::Holds { device, position, at } => Some((*device, *position, *at)),
        _ => None,
    };
    bench.effects.iter().filter_map(holds).collect()
}

/// The word of this author.
fn word(author: &Author, relay: &FakeRelay, position: u64, hash: LogHash, time: Millis) -> SaidHolding {
    let workspace = relay.log().head().workspace;
    let holding = Holding { workspace, device: author.id(), position: Position(position), hash, time };
    author.keys.sign_holding(holding).unwrap()
}

fn honest(author: &Author, relay: &FakeRelay, time: Millis) -> SaidHolding {
    word(author, relay, relay.len(), relay.hash_at(relay.len()), time)
}

fn hear(bench: &mut Bench, said: SaidHolding) {
    bench.receive(Frame::Holdings { devices: vec![said] });
}

#[test]
fn a_device_says_once_what_it_holds_and_again_when_that_is_more_a_minute_later() {
    let (mut bench, mut owner, mut relay) = listening();
    let workspace = relay.log().head().workspace;
    let first = said(&bench);
    assert_eq!(first.iter().map(|said| said.position.0).collect::<Vec<_>>(), [relay.len()]);
    let verified = first[0].verify(workspace).unwrap();
    assert_eq!((verified.value().device, verified.value().hash), (bench.keys.id(), relay.log().head().hash));

    bench.forget();
    bench.wait(10 * HOLDING_INTERVAL);
    bench.receive(Frame::Head(relay.head()));
    assert_eq!(said(&bench), [], "nothing has changed");

    for expected in [1, 2, 2] {
        owner.put_message(&mut relay, opaque_payload(1).doc, "read by a device that writes nothing");
        bench.receive(relay.frame(relay.len(), relay.len()));
        bench.wait(HOLDING_INTERVAL / 2);
        bench.receive(Frame::Head(relay.head()));
        assert_eq!(said(&bench).len(), expected);
    }
    bench.wait(HOLDING_INTERVAL);
    assert_eq!(said(&bench).last().unwrap().position.0, relay.len(), "the last word is of everything");
}

#[test]
fn a_minute_after_its_last_word_a_device_says_the_next_and_no_millisecond_before() {
    let (mut bench, mut owner, mut relay) = listening();
    owner.put_message(&mut relay, opaque_payload(1).doc, "a moment later");
    bench.receive(relay.frame(relay.len(), relay.len()));
    bench.forget();
    bench.now = bench.now.plus(HOLDING_INTERVAL - 1);
    bench.receive(Frame::Head(relay.head()));
    bench.wait(0);
    assert_eq!(said(&bench), []);
    assert_eq!(bench.replica.poll_timeout(), Some(bench.now.plus(1)));
    bench.wait(1);
    assert_eq!(said(&bench).len(), 1);
}

/// Words of what is not here yet wait in memory, whoever says them: one for each device that may be active.
#[test]
fn words_wait_for_the_log_of_as_many_devices_as_may_be_active_and_of_no_more() {
    for (others, is_heard) in [(MAX_HOLDINGS_PER_FRAME - 1, true), (MAX_HOLDINGS_PER_FRAME, false)] {
        let (mut bench, mut owner, mut relay) = listening();
        owner.put_message(&mut relay, opaque_payload(1).doc, "on its way");
        bench.forget();
        let now = bench.now;
        let made_up = honest(&owner, &relay, now);
        for number in 0..others {
            let keys = bowline_crypto::DeviceKeys::generate(&mut crate::author::rng(1_000 + number as u64));
            let (workspace, device) = (relay.log().head().workspace, keys.id());
            let word =
                Holding { workspace, device, position: made_up.position, hash: made_up.hash, time: now };
            hear(&mut bench, keys.sign_holding(word).unwrap());
        }
        hear(&mut bench, made_up);
        bench.receive(relay.frame(relay.len(), relay.len()));
        let heard = believed(&bench).contains(&(owner.id(), Position(relay.len()), now));
        assert_eq!(heard, is_heard, "after {others} others");
    }
}

#[test]
fn what_waits_to_be_said_is_said_when_its_time_has_come_and_the_clock_is_asked_for() {
    let (mut bench, mut owner, mut relay) = listening();
    owner.put_message(&mut relay, opaque_payload(1).doc, "a moment later");
    bench.receive(relay.frame(relay.len(), relay.len()));
    bench.forget();
    let due = bench.replica.poll_timeout().unwrap();
    assert!(due <= bench.now.plus(HOLDING_INTERVAL));
    // The relay answers pings in the meantime.
    while said(&bench).is_empty() {
        let until = bench.replica.poll_timeout().unwrap().0 - bench.now.0;
        assert!(until > 0 && bench.now <= due.plus(HOLDING_INTERVAL));
        bench.wait(until);
        bench.receive(Frame::Head(relay.head()));
    }
    assert_eq!(said(&bench)[0].position.0, relay.len());
}

#[test]
fn nothing_is_said_to_a_relay_that_does_not_know_of_it_and_nothing_where_nobody_else_is() {
    let (mut bench, _, mut relay) = Bench::member();
    bench.sync(&mut relay);
    assert_eq!(said(&bench), []);

    let (mut alone, mut relay) = Bench::creator(1);
    relay.passes_holdings_on();
    alone.sync(&mut relay);
    assert_eq!(said(&alone), []);
}

#[test]
fn a_new_line_is_told_again() {
    let (mut bench, _, mut relay) = listening();
    bench.disconnect();
    bench.forget();
    bench.wait(HOLDING_INTERVAL);
    bench.sync(&mut relay);
    assert_eq!(said(&bench).len(), 1, "the relay may have been started anew");
}

#[test]
fn the_word_of_another_device_counts_once_and_was_heard_when_it_was_said_or_now() {
    let (mut bench, mut owner, mut relay) = listening();
    bench.forget();
    let (before, ahead) = (Millis(5), bench.now.plus(1_000_000));
    hear(&mut bench, honest(&owner, &relay, before));
    hear(&mut bench, honest(&owner, &relay, ahead));
    let first = (owner.id(), Position(relay.len()), before);
    assert_eq!(
        believed(&bench),
        [first],
        "of what was known when the line came up its author says since when"
    );

    owner.put_message(&mut relay, opaque_payload(1).doc, "appended while the line is up");
    bench.receive(relay.frame(relay.len(), relay.len()));
    let now = bench.now;
    hear(&mut bench, honest(&owner, &relay, before));
    assert_eq!(believed(&bench), [first, (owner.id(), Position(relay.len()), now)]);
}

#[test]
fn a_clock_that_is_ahead_is_heard_now() {
    let (mut bench, owner, relay) = listening();
    bench.forget();
    let (now, ahead) = (bench.now, bench.now.plus(1_000_000_000));
    hear(&mut bench, honest(&owner, &relay, ahead));
    assert_eq!(believed(&bench), [(owner.id(), Position(relay.len()), now)]);
}

#[test]
fn a_word_of_what_is_not_here_yet_waits_for_the_log() {
    let (mut bench, mut owner, mut relay) = listening();
    owner.put_message(&mut relay, opaque_payload(1).doc, "on its way");
    bench.forget();
    let now = bench.now;
    hear(&mut bench, honest(&owner, &relay, now));
    assert_eq!(believed(&bench), []);
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert_eq!(believed(&bench), [(owner.id(), Position(relay.len()), now)]);
}

#[test]
fn a_word_of_another_log_or_of_somebody_who_is_not_in_is_not_believed() {
    let (mut bench, owner, relay) = listening();
    let stranger = Author::owner(9).0;
    bench.forget();
    let now = bench.now;
    hear(&mut bench, word(&owner, &relay, relay.len(), LogHash::ZERO, now));
    hear(&mut bench, honest(&stranger, &relay, now));
    assert_eq!((believed(&bench), bench.faults(), bench.closed()), (vec![], vec![], false));
}

#[test]
fn a_relay_that_makes_words_up_is_caught_and_loses_the_line() {
    let (mut bench, owner, relay) = listening();
    bench.forget();
    let said = honest(&owner, &relay, bench.now);
    hear(&mut bench, SaidHolding { time: Millis(1), ..said });
    assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{:?}", bench.faults());
    assert!(bench.closed());
    assert_eq!(believed(&bench), []);
}

#[test]
fn a_word_that_comes_after_the_line_is_over_is_nobodys_fault() {
    let (mut bench, owner, relay) = listening();
    let said = honest(&owner, &relay, bench.now);
    bench.receive(Frame::Goodbye { reason: Reason::OutOfPlace, text: String::new() });
    bench.forget();
    hear(&mut bench, said);
    assert!(bench.faults().is_empty(), "{:?}", bench.faults());
}

#[test]
fn holdings_that_nobody_asked_for_end_the_line() {
    let (mut bench, owner, relay) = Bench::member();
    bench.forget();
    let said = honest(&owner, &relay, bench.now);
    hear(&mut bench, said);
    assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{HOLDINGS} was not agreed on");
}
