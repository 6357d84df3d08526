//! Clocks that are wrong: a log of a time that has not come waits for a person, and nobody's clock lets somebody in for ever.

use bowline_core::sync::NotReady;
use bowline_device::{CodeKind, DocumentState, Lifetime, LineReason, Notice};
use bowline_wire::frame::Frame;
use bowline_wire::ids::Millis;
use bowline_wire::limits::{INVITE_LIFETIME, LINK_LIFETIME, MAX_INVITE_LIFETIME, MAX_LINK_LIFETIME};
use bowline_wire::roster::TicketStage;

use crate::relay::FakeRelay;
use crate::rig::Rig;

const DAY: u64 = 24 * 60 * 60 * 1_000;

fn is_too_far(rig: &Rig) -> bool {
    rig.status().behind.is_some_and(|behind| behind.reason == LineReason::TimeAhead)
}

/// How often a person was told of a fault of the relay.
fn told(rig: &Rig) -> usize {
    rig.notices.iter().filter(|it| matches!(it, Notice::RelayFault(..))).count()
}

#[test]
fn a_log_of_a_time_that_has_not_come_is_told_once_and_waits_for_a_person() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let workspace = rig.workspace();
    let id = rig.conversation("signed for");
    rig.sync(&mut relay);
    assert!(!rig.device.accept_time(workspace, rig.now).unwrap(), "there is nothing to let through");

    relay.clock = rig.now.plus(400 * DAY);
    owner.put_message(&mut relay, bowline_wire::ids::DocId::from_bytes([9; 16]), "of next year");
    let waits = rig.conversation("written meanwhile");
    for _ in 0..3 {
        rig.disconnect();
        rig.sync(&mut relay);
    }
    assert!(is_too_far(&rig) && rig.status().evidence.is_empty());
    assert_eq!(told(&rig), 1);
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert!(is_too_far(&rig));
    assert_eq!(told(&rig), 0, "and not again after a restart");
    let clocks = rig.status().clocks.unwrap();
    assert_eq!((clocks.log, clocks.here), (relay.clock, rig.now));
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay, "nothing is in doubt");
    assert_eq!(rig.device.document_state(waits).unwrap(), DocumentState::Queued);

    assert!(rig.device.accept_time(workspace, rig.now).unwrap());
    assert_eq!(rig.status().behind, None);
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(waits).unwrap(), DocumentState::OnRelay);
    // It holds for the next process, and as long as the log is ahead.
    let mut rig = rig.reopened();
    rig.now = rig.now.plus(DAY);
    relay.clock = relay.clock.plus(DAY);
    let later = rig.conversation("a day later");
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(later).unwrap(), DocumentState::OnRelay);
    assert!(!is_too_far(&rig));
}

#[test]
fn once_the_time_has_come_the_next_jump_is_asked_about_again() {
    let (mut rig, _, mut relay) = Rig::member();
    let workspace = rig.workspace();
    for days in [10, 30] {
        relay.clock = rig.now.plus(days * DAY);
        rig.conversation("by a clock that is wrong");
        rig.disconnect();
        rig.sync(&mut relay);
        // The answer to what was sent brings the time.
        rig.disconnect();
        rig.sync(&mut relay);
        assert!(is_too_far(&rig), "{days}");
        assert!(rig.device.accept_time(workspace, rig.now).unwrap());
        rig.disconnect();
        rig.sync(&mut relay);
        assert!(!is_too_far(&rig));
        rig.now = relay.clock;
        rig.disconnect();
        rig.sync(&mut relay);
        // Its clock in the challenge says otherwise still.
        assert_eq!(rig.status().clocks.map(|clocks| clocks.ahead()), Some(0));
    }
}

/// The code's stage on the log, and whether this device has sent a record since the last time.
fn stage(rig: &mut Rig, relay: &mut FakeRelay, key: bowline_wire::ids::TicketKey) -> (TicketStage, usize) {
    rig.sent.clear();
    rig.receive(&Frame::Head(relay.head()));
    rig.talk(relay);
    (relay.log().roster().ticket(&key).unwrap().stage, rig.appended().len())
}

/// A code is closed by one record, and another begins an epoch, since somebody may have seen the code.
const CLOSED: (TicketStage, usize) = (TicketStage::Closed, 2);

#[test]
fn a_relay_whose_clock_stands_still_lets_nobody_in_for_ever() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let workspace = rig.workspace();
    for lifetime in [LINK_LIFETIME, INVITE_LIFETIME] {
        let key = if lifetime == LINK_LIFETIME {
            rig.device.link_device(workspace, rig.now).unwrap()
        } else {
            rig.device.invite(workspace, rig.now).unwrap()
        };
        rig.talk(&mut relay);
        rig.notices.clear();
        let made = rig.now;
        rig.now = made.plus(lifetime);
        assert_eq!(stage(&mut rig, &mut relay, key), (TicketStage::Open, 0), "its time has not passed");
        rig.now = made.plus(lifetime + 1);
        assert_eq!(stage(&mut rig, &mut relay, key), CLOSED);
        assert_eq!(stage(&mut rig, &mut relay, key), (TicketStage::Closed, 0), "once");
        assert!(rig.notices.is_empty(), "nobody decided it: {:?}", rig.notices);
        assert_eq!(rig.status().undecided, 0);
    }
}

/// Milliseconds of half an hour.
const HALF_AN_HOUR: u64 = 30 * 60 * 1_000;

#[test]
fn how_long_a_code_is_good_is_not_for_its_makers_clock_to_say() {
    let right = Millis(1_000 * DAY);
    for wrong in [Millis(right.0 - DAY / 2), right, right.plus(400 * DAY)] {
        let (mut rig, mut relay) = Rig::creator(1);
        (relay.clock, rig.now) = (right, wrong);
        rig.sync(&mut relay);
        let workspace = rig.workspace();
        let lifetime = Lifetime::new(CodeKind::Link, HALF_AN_HOUR).unwrap();
        let key = rig.device.make_code(workspace, lifetime, rig.now).unwrap();
        rig.talk(&mut relay);
        assert_eq!(relay.log().roster().ticket(&key).unwrap().expires, right.0 + HALF_AN_HOUR, "{wrong:?}");
        let open = rig.device.open_codes(workspace).unwrap();
        assert_eq!((open[0].made, open[0].expires), (right, right.plus(HALF_AN_HOUR)), "{wrong:?}");
        rig.now = wrong.plus(HALF_AN_HOUR);
        assert_eq!(stage(&mut rig, &mut relay, key), (TicketStage::Open, 0), "{wrong:?}");
        rig.now = wrong.plus(HALF_AN_HOUR + 1);
        assert_eq!(stage(&mut rig, &mut relay, key), CLOSED, "{wrong:?}");
    }
}

#[test]
fn a_code_that_was_decided_long_before_the_relay_was_reached_is_good_from_when_it_was() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let workspace = rig.workspace();
    rig.disconnect();
    let decided = rig.now;
    let lifetime = Lifetime::new(CodeKind::Link, HALF_AN_HOUR).unwrap();
    let key = rig.device.make_code(workspace, lifetime, rig.now).unwrap();
    let came = decided.plus(DAY / 4);
    (rig.now, relay.clock) = (came, came);
    rig.sync(&mut relay);
    assert!(rig.device.code(workspace, key).unwrap().is_some());
    rig.now = came.plus(HALF_AN_HOUR);
    assert_eq!(stage(&mut rig, &mut relay, key), (TicketStage::Open, 0));
    rig.now = came.plus(HALF_AN_HOUR + 1);
    assert_eq!(stage(&mut rig, &mut relay, key), CLOSED);
}

#[test]
fn a_code_is_good_for_a_while_and_not_longer_than_its_kind_may() {
    for (kind, longest) in [(CodeKind::Link, MAX_LINK_LIFETIME), (CodeKind::Invite, MAX_INVITE_LIFETIME)] {
        assert_eq!(Lifetime::new(kind, 0), None);
        assert_eq!(Lifetime::new(kind, longest).map(Lifetime::millis), Some(longest));
        assert_eq!(Lifetime::new(kind, longest + 1), None);
    }
    assert_eq!(Lifetime::usual(CodeKind::Link).millis(), LINK_LIFETIME);
    assert_eq!(Lifetime::usual(CodeKind::Invite).millis(), INVITE_LIFETIME);
}

#[test]
fn a_code_that_ended_while_its_maker_was_away_is_closed_when_it_is_back() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let key = rig.device.link_device(rig.workspace(), rig.now).unwrap();
    rig.talk(&mut relay);
    rig.disconnect();
    let mut rig = rig.reopened();
    // A clock that was set back keeps it open: whoever made it may still close it.
    rig.now = Millis(rig.now.0 - DAY);
    rig.sync(&mut relay);
    assert_eq!(relay.log().roster().ticket(&key).unwrap().stage, TicketStage::Open);
    rig.disconnect();
    rig.now = rig.now.plus(2 * DAY);
    rig.sync(&mut relay);
    assert_eq!(relay.log().roster().ticket(&key).unwrap().stage, TicketStage::Closed);
    assert_eq!(rig.status().waiting_for, None::<NotReady>);
}

#[test]
fn nobody_closes_a_code_of_somebody_else_by_a_clock() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let secret = owner.put_ticket(&mut relay, false);
    rig.now = rig.now.plus(4_000 * DAY);
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(relay.log().roster().ticket(&secret.ticket_key()).unwrap().stage, TicketStage::Open);
}
