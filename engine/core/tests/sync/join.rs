//! Coming in through a code: what a newcomer checks, and every place where it may be interrupted.

use bowline_core::sync::{Effect, JoinFailed, Joining, NotReady, Opened, Phase, Replica, Stored};
use bowline_crypto::{KeyringError, TicketSecret, WrapError};
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::ids::{HpkePublicKey, Incarnation, LogTime, Position, RosterHash, Signature, Suite};
use bowline_wire::limits::MAX_BODY;
use bowline_wire::roster::TicketStage;
use bowline_wire::roster::record::Record;
use bowline_wire::signed::Signed;

use crate::author::{Author, opaque_payload};
use crate::bench::{Bench, pins_of};
use crate::relay::FakeRelay;

fn invited() -> (Bench, Author, FakeRelay, TicketSecret) {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "before");
    let secret = owner.put_ticket(&mut relay, false);
    let bench = Bench::newcomer(2, &relay, &secret);
    (bench, owner, relay, secret)
}

fn offered_joins(bench: &Bench) -> Vec<&Entry> {
    let joins = bench.effects.iter().filter_map(|effect| match effect {
        Effect::OfferJoin(entry) => Some(entry.as_ref()),
        _ => None,
    });
    joins.collect()
}

pub(crate) fn is_member(bench: &Bench, relay: &FakeRelay) -> bool {
    relay.log().roster().is_active(&bench.keys.id())
        && matches!(bench.replica.phase(), Phase::Member)
        && bench.replica.position() == relay.log().head().position
}

#[test]
fn a_code_lets_a_device_in_and_everything_before_can_be_read() {
    let (mut bench, _, mut relay, secret) = invited();
    bench.sync(&mut relay);
    assert!(
        matches!(bench.frames()[1], Frame::Proof(proof) if proof.party == Party::Ticket(secret.ticket_key()))
    );
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Joined)));
    assert!(bench.closed(), "the code's session has done its work");
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    assert!(matches!(bench.opened()[..], [Ok(Opened::Content(_))]));
    let [stretch] = bench.stretches()[..] else { panic!() };
    assert!(stretch.joined, "the secret is to be forgotten");
}

#[test]
fn the_codes_secret_is_forgotten_once_and_not_with_every_record_after_it() {
    let (mut bench, _, mut relay, _) = invited();
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    bench.forget();
    let record = Record::CloseLink(bowline_wire::ids::TicketKey::ZERO);
    let entry = bench.step(|replica, cx| replica.write_record(&record, cx)).unwrap();
    let now = bench.now;
    bench.step(|replica, _| replica.offer(entry, now));
    bench.talk(&mut relay);
    let [stretch] = bench.stretches()[..] else { panic!() };
    assert!(!stretch.joined);
}

#[test]
fn the_join_is_stored_before_it_is_sent() {
    let (mut bench, _, mut relay, _) = invited();
    bench.sync(&mut relay);
    let offered = bench.effects.iter().position(|effect| matches!(effect, Effect::OfferJoin(_)));
    let sent = bench.effects.iter().position(|effect| matches!(effect, Effect::Send(Frame::Append { .. })));
    assert!(offered.unwrap() < sent.unwrap());
    let joins: Vec<Entry> = offered_joins(&bench).into_iter().cloned().collect();
    assert_eq!(joins, bench.appended());
}

#[test]
fn another_roster_than_the_codes_is_not_joined() {
    let (_, _, mut relay, secret) = invited();
    let mut bench =
        Bench::newcomer_with(2, &relay, &secret, |pins| pins.roster = RosterHash::from_bytes([9; 32]));
    bench.sync(&mut relay);
    assert_eq!(bench.join_failed(), Some(JoinFailed::OtherRoster));
    assert!(bench.closed() && bench.appended().is_empty());
}

#[test]
fn records_that_leave_one_out_are_not_joined() {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_ticket(&mut relay, false);
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.greet();
    bench.receive(relay.welcome());
    let mut records = relay.roster_records();
    records.remove(1);
    bench.receive(Frame::Records { entries: records, more: false });
    assert!(bench.join_failed().is_some());
    assert!(bench.appended().is_empty());
}

#[test]
fn a_wrong_key_in_the_code_is_found_before_anything_is_sent() {
    let (mut owner, mut relay) = Author::owner(1);
    let (liar, _) = Author::owner(60);
    let secret = TicketSecret::generate(&mut owner.rng);
    let hpke = secret.hpke_public(Suite::XWing);
    // Sealed properly, but another workspace's key.
    let wrap = liar.keyring.wrap_newest(&hpke).unwrap();
    let ticket = bowline_wire::roster::record::Ticket {
        key: secret.ticket_key(),
        hpke,
        expires: u64::MAX >> 1,
        recovery: false,
        wrap,
    };
    owner.put_record(&mut relay, &Record::Invite(ticket));
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.sync(&mut relay);
    let wrong = JoinFailed::Keys(KeyringError::Wrap(WrapError::Unopenable));
    assert_eq!(bench.join_failed(), Some(wrong));
    assert!(bench.appended().is_empty());
}

#[test]
fn records_that_were_tampered_with_are_not_joined() {
    let (bench, _, relay, _) = invited();
    let records = relay.roster_records();
    let bare = |entry: &SignedEntry| {
        let header = entry.clone().verify(relay.workspace()).unwrap().signed_header().to_signed();
        SignedEntry::from_parts(header, None)
    };
    let forged = |entry: &SignedEntry| {
        let header = entry.clone().verify(relay.workspace()).unwrap();
        let bytes = header.signed_header().bytes().to_vec();
        let signature = bowline_wire::ids::Signature::from_bytes([3; 64]);
        let body = header.body().map(<[u8]>::to_vec);
        SignedEntry::from_parts(bowline_wire::signed::Signed::from_parts(bytes, signature), body)
    };
    let tampers: [&dyn Fn(&SignedEntry) -> SignedEntry; 2] = [&bare, &forged];
    for tamper in tampers {
        for at in 0..records.len() {
            let (mut bench, _, relay, _) = invited();
            let mut entries = relay.roster_records();
            entries[at].1.entry = tamper(&entries[at].1.entry);
            bench.greet();
            bench.receive(relay.welcome());
            bench.receive(Frame::Records { entries, more: false });
            assert_eq!(bench.join_failed(), Some(JoinFailed::BadRecords), "{at}");
            assert!(bench.appended().is_empty());
        }
    }
    assert!(bench.join_failed().is_none());
}

#[test]
fn records_may_come_in_several_frames_and_twice() {
    let (mut bench, _, mut relay, _) = invited();
    let records = relay.roster_records();
    let part = |from: usize, to: usize, more| Frame::Records { entries: records[from..to].to_vec(), more };
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(part(0, 1, true));
    bench.receive(part(0, 1, true));
    bench.receive(part(1, records.len(), false));
    assert_eq!(offered_joins(&bench).len(), 1);
    bench.receive(part(0, records.len(), false));
    assert_eq!(offered_joins(&bench).len(), 1, "one Join, whatever comes later");
    bench.talk(&mut relay);
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
}

#[test]
fn records_are_collected_up_to_more_than_any_roster_has_and_not_beyond() {
    const MOST: usize = 64 << 20;
    let record =
        |len| SignedEntry::from_parts(Signed::from_parts(vec![], Signature::ZERO), Some(vec![0; len]));
    for (most, ends) in [(MOST, false), (MOST + 1, true)] {
        let (mut bench, _, relay, _) = invited();
        bench.greet();
        bench.receive(relay.welcome());
        let (mut left, mut position) = (most, 0);
        while left > 0 {
            assert!(!bench.closed(), "{left} bytes before");
            // What is around a body is as long for each of these lengths.
            let around = record(MAX_BODY).wire_len() - MAX_BODY;
            let entry = record(if left > MAX_BODY + 100_000 { MAX_BODY - 100_000 } else { left - around });
            left -= entry.wire_len();
            position += 1;
            let logged = LoggedEntry { time: LogTime::START, entry };
            bench.receive(Frame::Records { entries: vec![(Position(position), logged)], more: true });
        }
        assert_eq!(bench.closed(), ends, "{most} bytes");
        assert_eq!(bench.join_failed(), ends.then_some(JoinFailed::BadRecords));
    }
}

#[test]
fn records_of_an_interrupted_session_are_not_mixed_with_the_next() {
    let (mut bench, _, mut relay, _) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(Frame::Records { entries: relay.roster_records()[..1].to_vec(), more: true });
    bench.disconnect();
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
}

#[test]
fn a_join_that_was_never_appended_is_sent_again_after_a_disconnect() {
    let (mut bench, _, mut relay, _) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    let join = bench.appended();
    bench.forget();
    bench.sync(&mut relay);
    assert_eq!(bench.appended(), join, "byte for byte");
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
    assert_eq!(relay.log().roster().devices().count(), 2);
}

#[test]
fn a_join_whose_answer_was_lost_is_found_on_the_log() {
    let (mut bench, _, mut relay, _) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    relay.put(bench.appended()[0].to_signed());
    for _ in 0..3 {
        bench.sync(&mut relay);
    }
    assert!(bench.join_failed().is_none());
    assert!(is_member(&bench, &relay));
}

/// The bench after a crash that left what `Effect::OfferJoin` had stored.
fn after_a_crash(bench: Bench, secret: &TicketSecret, relay: &FakeRelay) -> Bench {
    let join = offered_joins(&bench)[0].clone();
    let keyring = crate::author::keyring_for(secret, &relay.rolled_back(pins_of(relay).position.0));
    let stored = Stored {
        since_epoch: Vec::new(),
        workspace: relay.log().head().workspace,
        device: bench.keys.id(),
        incarnation: Incarnation::from_bytes([2; 8]),
        phase: Phase::Joining(Box::new(Joining::new(Some(join.id())))),
        log: Some(bowline_wire::log::Log::new(relay.log().head().workspace, relay.log().head().log)),
        head: None,
        keyring: Some(keyring),
        ticket: Some(TicketSecret::from_bytes(&secret.to_bytes())),
        pins: None,
        lets_in: None,
        relay: None,
        offered: vec![join],
        succession: bowline_wire::successor::Succession::default(),
        decided: None,
        to_send_again: std::collections::BTreeSet::new(),
        withheld_from: None,
        distrusted: false,
    };
    let mut bench = bench;
    bench.replica = Replica::restore(stored);
    bench.forget();
    bench
}

fn crashed_after_offering() -> (Bench, Author, FakeRelay, TicketSecret, Entry) {
    let (mut bench, owner, relay, secret) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    let join = bench.appended()[0].clone();
    let bench = after_a_crash(bench, &secret, &relay);
    (bench, owner, relay, secret, join)
}

#[test]
fn a_crash_after_the_join_was_stored_and_before_it_was_sent_sends_the_same_join() {
    let (mut bench, _, mut relay, _, join) = crashed_after_offering();
    for _ in 0..3 {
        bench.sync(&mut relay);
    }
    assert_eq!(bench.appended(), [join]);
    assert!(is_member(&bench, &relay));
}

#[test]
fn a_crash_after_the_join_was_appended_finds_the_device_in() {
    let (mut bench, _, mut relay, _, join) = crashed_after_offering();
    relay.put(join.to_signed());
    bench.sync(&mut relay);
    assert!(bench.appended().is_empty() && bench.join_failed().is_none());
    assert!(is_member(&bench, &relay));
}

#[test]
fn a_crash_before_sending_and_then_a_lost_answer_find_the_device_in() {
    let (mut bench, _, mut relay, _, join) = crashed_after_offering();
    // As the device: not let in. By the code: the Join is sent, and appended, and the answer is lost.
    bench.sync(&mut relay);
    bench.greet();
    bench.receive(relay.welcome());
    assert_eq!(bench.appended(), std::slice::from_ref(&join));
    relay.put(join.to_signed());
    for _ in 0..3 {
        bench.sync(&mut relay);
    }
    assert_eq!(bench.join_failed(), None);
    assert!(is_member(&bench, &relay));
}

pub(crate) fn put_leave_and_rekey(owner: &mut Author, other: &mut Author, relay: &mut FakeRelay) {
    other.put_record(relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let rekey = owner.rekey(&recipients);
    owner.put_record(relay, &Record::Rekey(rekey.clone()));
    owner.accept(relay, &rekey);
}

#[test]
fn a_rekey_between_the_records_and_the_join_is_wrapped_to_the_code_and_understood() {
    let (mut owner, mut relay) = Author::owner(1);
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    put_leave_and_rekey(&mut owner, &mut other, &mut relay);
    owner.put_message(&mut relay, opaque_payload(1).doc, "under the new key");
    bench.talk(&mut relay);
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    let opened = bench.opened();
    assert!(!opened.is_empty() && opened.iter().all(|opened| matches!(opened, Ok(Opened::Content(_)))));
    assert!(bench.stretches().iter().any(|stretch| stretch.keys_changed));
}

#[test]
fn rekeys_between_the_code_and_the_records_are_understood_with_all_keys_before_them() {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "under the first key");
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    for seed in [7, 8] {
        let mut other = Author::join(seed, &owner.put_ticket(&mut relay, false), &mut relay);
        put_leave_and_rekey(&mut owner, &mut other, &mut relay);
        owner.put_message(&mut relay, opaque_payload(seed).doc, "under a later key");
    }
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
    assert_eq!(bench.opened().iter().filter(|opened| matches!(opened, Ok(Opened::Content(_)))).count(), 3);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn a_join_that_the_relay_acknowledged_and_lost_is_brought_again() {
    let (_, _, mut relay, secret) = invited();
    let mut bench = Bench::newcomer(2, &relay, &secret);
    let mut before = relay.clone();
    bench.sync(&mut relay);
    assert!(matches!(bench.replica.phase(), Phase::Member));
    assert_eq!(relay.len(), before.len() + 1, "the relay had taken it");
    // Restarted, because a relay that is caught at it by the same process is shown as what it is.
    let mut bench = bench.restarted_with(Some(TicketSecret::from_bytes(&secret.to_bytes())));
    bench.sync(&mut before);
    assert_eq!(bench.join_failed(), None);
    assert!(matches!(bench.replica.phase(), Phase::Joining(_)));
    bench.sync(&mut before);
    bench.sync(&mut before);
    assert!(is_member(&bench, &before));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn a_code_that_was_used_closed_or_never_there_says_so() {
    let (_, mut owner, mut relay, secret) = invited();
    Author::join(9, &secret, &mut relay);
    let mut used = Bench::newcomer(2, &relay, &secret);
    used.sync(&mut relay);
    assert_eq!(
        used.join_failed(),
        None,
        "it may be this device that has used it, in another copy of its database"
    );
    used.sync(&mut relay);
    assert_eq!(used.join_failed(), Some(JoinFailed::TicketUsed));

    let secret = owner.put_ticket(&mut relay, false);
    owner.put_record(&mut relay, &Record::CloseInvite(secret.ticket_key()));
    let stage = relay.log().roster().ticket(&secret.ticket_key()).unwrap().stage;
    assert_eq!(stage, TicketStage::Closed);
    let mut closed = Bench::newcomer(2, &relay, &secret);
    closed.sync(&mut relay);
    assert_eq!(closed.join_failed(), None, "as with the one that was used");
    closed.sync(&mut relay);
    assert_eq!(closed.join_failed(), Some(JoinFailed::TicketClosed));
    assert!(matches!(closed.replica.phase(), Phase::Failed(JoinFailed::TicketClosed)));
}

#[test]
fn what_the_relay_does_not_allow_after_it_knew_the_code_does_not_void_it() {
    let not_allowed = || Frame::Goodbye { reason: Reason::NotAllowed, text: String::new() };
    let (mut bench, _, mut relay, _) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(not_allowed());
    assert_eq!(bench.join_failed(), None);
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert!(is_member(&bench, &relay));
    // Before it has let the code in, this is what it says of one that it does not know.
    let (mut bench, ..) = invited();
    bench.greet();
    bench.receive(not_allowed());
    assert_eq!(bench.join_failed(), Some(JoinFailed::NotAdmitted));
}

#[test]
fn a_code_that_is_closed_while_the_join_is_on_its_way_says_so() {
    let (mut bench, mut owner, mut relay, secret) = invited();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    owner.put_record(&mut relay, &Record::CloseInvite(secret.ticket_key()));
    bench.talk(&mut relay);
    assert_eq!(bench.refused()[0].1, Reason::JoinVoid);
    assert_eq!(bench.join_failed(), None, "perhaps because it is in by another copy's Join");
    bench.sync(&mut relay);
    assert_eq!(bench.join_failed(), Some(JoinFailed::TicketGone));
    assert!(bench.closed());
    assert_eq!(bench.replica.offered().count(), 0);
}

#[test]
fn a_newcomer_seals_nothing_before_its_join_is_applied() {
    let (mut bench, _, relay, secret) = invited();
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Offline));
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    assert!(bench.replica.ready_to_seal().is_err());
    // The relay lets the device in without its Join: its word is not enough.
    let mut bench = after_a_crash(bench, &secret, &relay);
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.frame(1, relay.len()));
    assert_eq!(bench.replica.position(), Position(relay.len()));
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NotMember));
}

#[test]
fn a_codes_session_takes_in_records_and_nothing_else_and_not_before_it_is_let_in() {
    let (mut bench, _, relay, _) = invited();
    bench.connect();
    bench.receive(relay.records());
    bench.receive(FakeRelay::challenge());
    bench.receive(relay.records());
    assert!(bench.appended().is_empty(), "nobody has let it in");
    bench.receive(relay.welcome());
    bench.receive(relay.frame(1, relay.len()));
    assert!(bench.stretches().is_empty());
    bench.receive(relay.records());
    assert_eq!(bench.appended().len(), 1);
}
