//! Asking what the record of a code says before joining by it: what a person is shown is what is there, nothing is written by it, and
//! whoever joins does so under what was shown.

use bowline_core::sync::{
    Asked, Context, Effect, Inquiry, InquiryFailed, Invitation, JoinFailed, Pins, RelayFault,
};
use bowline_crypto::{DeviceKeys, TicketSecret};
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::ids::{LogHash, Millis, RosterHash};
use bowline_wire::limits::{MAX_INVITE_LIFETIME, MAX_LINK_LIFETIME};
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{CodeKind, Role};

use crate::author::{Author, rng};
use crate::bench::{Bench, pins_of};
use crate::opening::Opening;
use crate::relay::FakeRelay;

fn copy(secret: &TicketSecret) -> TicketSecret {
    TicketSecret::from_bytes(&secret.to_bytes())
}

/// Asks a relay that may say something else than it would. Whatever is said, it is by the code alone and asks for nothing to be kept.
fn ask_with(
    relay: &mut FakeRelay,
    (secret, kind, pins): (&TicketSecret, CodeKind, Pins),
    mut tweak: impl FnMut(Frame) -> Frame,
) -> Result<Invitation, InquiryFailed> {
    let keys = DeviceKeys::generate(&mut rng(77));
    let mut random = rng(78);
    let mut cx = Context { keys: &keys, now: Millis(1_000_000), random: &mut random, hash_at: &|_| None };
    let asked = Asked { workspace: relay.workspace(), kind, pins, secret: copy(secret) };
    let (mut inquiry, mut opening) = (Inquiry::begin(asked, None, &mut cx), Opening::default());
    let mut waiting = Vec::new();
    loop {
        while let Some(frame) = inquiry.poll_transmit() {
            match &frame {
                Frame::Hello(_) | Frame::Subscribe { .. } => {}
                Frame::Proof(proof) => {
                    assert_eq!(proof.party, Party::Ticket(secret.ticket_key()));
                    assert!(proof.head.is_none() && proof.create.is_none());
                }
                other => panic!("an inquiry says {other:?}"),
            }
            opening.hears(&frame);
            waiting.extend(relay.answer(frame));
        }
        assert!(!waiting.is_empty(), "the inquiry waits for nothing");
        let frame = opening.signs(tweak(waiting.remove(0)));
        if let Some(invitation) = inquiry.handle_frame(frame, &mut cx)? {
            assert_eq!(inquiry.poll_transmit(), None, "nothing is left to say");
            return Ok(invitation);
        }
    }
}

fn ask(relay: &mut FakeRelay, secret: &TicketSecret, kind: CodeKind) -> Result<Invitation, InquiryFailed> {
    let pins = pins_of(relay);
    ask_with(relay, (secret, kind, pins), |frame| frame)
}

#[test]
fn an_invite_says_who_made_it_whom_it_makes_of_a_newcomer_and_until_when() {
    let (mut owner, mut relay) = Author::owner(1);
    relay.clock = Millis(5_000);
    let secret = owner.put_ticket(&mut relay, false);
    relay.clock = Millis(9_000);
    let before = relay.len();
    let invitation = ask(&mut relay, &secret, CodeKind::Invite).unwrap();
    let expected = Invitation {
        kind: CodeKind::Invite,
        maker: owner.id(),
        maker_user: owner.user(),
        maker_role: Role::Owner,
        role: Role::Member,
        made: Millis(5_000),
        over_after: Millis(5_000 + MAX_INVITE_LIFETIME),
        people: 1,
        devices: 1,
        roster: relay.log().roster().hash(),
    };
    assert_eq!(invitation, expected);
    assert_eq!(relay.len(), before, "nothing was written");
}

#[test]
fn a_link_says_whose_device_it_makes_of_a_newcomer() {
    let (mut owner, mut relay) = Author::owner(1);
    let invite = owner.put_ticket(&mut relay, false);
    let mut ben = Author::join(2, &invite, &mut relay);
    let secret = ben.put_ticket(&mut relay, true);
    let invitation = ask(&mut relay, &secret, CodeKind::Link).unwrap();
    assert_eq!((invitation.maker, invitation.maker_user), (ben.id(), ben.user()));
    assert_eq!((invitation.maker_role, invitation.role), (Role::Member, Role::Member));
    assert_eq!(invitation.over_after, Millis(invitation.made.0 + MAX_LINK_LIFETIME));
    assert_eq!((invitation.people, invitation.devices), (2, 2));
    let of_owner = owner.put_ticket(&mut relay, true);
    assert_eq!(ask(&mut relay, &of_owner, CodeKind::Link).unwrap().role, Role::Owner);
}

/// Whoever believes to become a member of their own would become a device of somebody else's.
#[test]
fn a_code_that_says_another_kind_than_its_record_is_found_out_and_nobody_joins_by_it() {
    for (link, said) in [(true, CodeKind::Invite), (false, CodeKind::Link)] {
        let (mut owner, mut relay) = Author::owner(1);
        let secret = owner.put_ticket(&mut relay, link);
        assert_eq!(ask(&mut relay, &secret, said), Err(InquiryFailed::Code(JoinFailed::OtherKind)));
        // Who does not ask before is as well off.
        let pins = pins_of(&relay);
        let mut bench = Bench::newcomer_by(&relay, &secret, said, pins);
        bench.sync(&mut relay);
        assert_eq!(bench.join_failed(), Some(JoinFailed::OtherKind));
        assert!(bench.closed() && bench.appended().is_empty());
    }
}

/// Somebody who made the code and owns the relay shows one record to a person who asks, and another one to their device.
#[test]
fn a_code_that_is_held_to_what_was_shown_lets_in_under_no_other_record() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let ben = &mut Author::join(2, &secret, &mut relay);
    // What the code names is before its record, so it does not say which one that is.
    let pins = pins_of(&relay);
    let mut other = relay.clone();
    let shown_secret = owner.put_ticket(&mut relay, true);
    let ticket = match relay.entry(relay.len()).body().map(Record::parse) {
        Some(Ok(Record::Link(ticket))) => ticket,
        other => panic!("{other:?}"),
    };
    ben.put_record(&mut other, &Record::Link(ticket));
    let shown = ask_with(&mut relay, (&shown_secret, CodeKind::Link, pins.clone()), |frame| frame).unwrap();
    assert_eq!(shown.maker, owner.id());
    let held = Pins { roster: shown.roster, ..pins.clone() };
    let mut bench = Bench::newcomer_by(&other, &shown_secret, CodeKind::Link, held.clone());
    bench.sync(&mut other);
    assert_eq!(bench.join_failed(), Some(JoinFailed::OtherRoster));
    assert!(bench.appended().is_empty());
    let mut bench = Bench::newcomer_by(&relay, &shown_secret, CodeKind::Link, held);
    bench.sync(&mut relay);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Joined)));
}

#[test]
fn a_code_that_lets_nobody_in_says_why() {
    let (mut owner, mut relay) = Author::owner(1);
    let (used, closed, good) = (
        owner.put_ticket(&mut relay, false),
        owner.put_ticket(&mut relay, false),
        owner.put_ticket(&mut relay, false),
    );
    Author::join(9, &used, &mut relay);
    owner.put_record(&mut relay, &Record::CloseInvite(closed.ticket_key()));
    let unknown = TicketSecret::generate(&mut rng(5));
    for (secret, why) in [
        (&used, JoinFailed::TicketUsed),
        (&closed, JoinFailed::TicketClosed),
        (&unknown, JoinFailed::NotAdmitted),
    ] {
        assert_eq!(ask(&mut relay, secret, CodeKind::Invite), Err(InquiryFailed::Code(why)));
    }
    let says = |relay: &mut FakeRelay, reason| {
        let pins = pins_of(relay);
        ask_with(relay, (&good, CodeKind::Invite, pins), |frame| match frame {
            Frame::Welcome(_) => FakeRelay::goodbye(reason),
            other => other,
        })
    };
    assert_eq!(says(&mut relay, Reason::TicketExpired), Err(InquiryFailed::Code(JoinFailed::TicketExpired)));
    assert_eq!(says(&mut relay, Reason::LogOutdated), Err(InquiryFailed::Code(JoinFailed::LogOutdated)));
    for reason in [Reason::NoWorkspace, Reason::Storage, Reason::DeviceOutdated] {
        assert_eq!(says(&mut relay, reason), Err(InquiryFailed::Goodbye(reason)), "not the code's fault");
    }
}

#[test]
fn another_log_or_roster_than_the_codes_is_told_apart() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let pins = pins_of(&relay);
    let mut ask = |pins| ask_with(&mut relay, (&secret, CodeKind::Invite, pins), |frame| frame);
    let other_roster = Pins { roster: RosterHash::from_bytes([9; 32]), ..pins.clone() };
    assert_eq!(ask(other_roster), Err(InquiryFailed::Code(JoinFailed::OtherRoster)));
    let (_, elsewhere) = Author::owner(60);
    let other_log = Pins { log: elsewhere.log().head().log, ..pins.clone() };
    let asked = ask(other_log);
    assert!(
        matches!(&asked, Err(InquiryFailed::Fault(fault)) if matches!(**fault, RelayFault::OtherLog { .. }))
    );
    let further = Pins { position: pins.position.next(), hash: LogHash::from_bytes([1; 32]), ..pins.clone() };
    assert_eq!(ask(further), Err(InquiryFailed::Fault(Box::new(RelayFault::NotThePinnedLog))));
    assert!(ask(pins).is_ok());
}

#[test]
fn records_that_cannot_be_read_are_shown_to_nobody() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let pins = pins_of(&relay);
    let asked = ask_with(&mut relay, (&secret, CodeKind::Invite, pins), |frame| match frame {
        Frame::Records { mut entries, more } => {
            entries.remove(0);
            Frame::Records { entries, more }
        }
        other => other,
    });
    assert_eq!(asked, Err(InquiryFailed::Code(JoinFailed::BadRecords)));
}
