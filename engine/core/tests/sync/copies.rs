//! Copies of the database of a device that is joining: whichever of them joins, all are in, and each finds its keys.

use bowline_core::sync::{Effect, JoinFailed, Phase, Recipient, keys_in_records};
use bowline_crypto::{DeviceKeys, Keyring, TicketSecret};
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Party, Reason};
use bowline_wire::ids::{HpkePublicKey, Moment, Position, Suite};
use bowline_wire::roster::record::{Record, Rekey};

use crate::author::{Author, opaque_payload, rng, wrap_for};
use crate::bench::{Bench, pins_of};
use crate::relay::FakeRelay;

/// A newcomer and a copy of its database, both with the same code and before either has asked the relay for anything.
fn two_copies() -> (Bench, Bench, Author, FakeRelay, TicketSecret) {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "before");
    let secret = owner.put_ticket(&mut relay, false);
    let (one, other) = (Bench::newcomer(2, &relay, &secret), Bench::newcomer(2, &relay, &secret));
    assert_eq!((one.keys.id(), one.replica.incarnation()), (other.keys.id(), other.replica.incarnation()));
    (one, other, owner, relay, secret)
}

fn is_in(bench: &Bench, relay: &FakeRelay) -> bool {
    matches!(bench.replica.phase(), Phase::Member) && bench.replica.position() == relay.log().head().position
}

/// As whom each connection was opened.
fn parties(bench: &Bench) -> Vec<Party> {
    let party = |frame: &&Frame| match frame {
        Frame::Proof(proof) => Some(proof.party),
        _ => None,
    };
    bench.frames().iter().filter_map(party).collect()
}

#[test]
fn a_code_of_a_workspace_that_nobody_can_go_on_with_has_failed() {
    let (mut one, _, _, relay, _) = two_copies();
    one.greet();
    one.receive(FakeRelay::goodbye(Reason::LogOutdated));
    assert_eq!(one.join_failed(), Some(JoinFailed::LogOutdated));
    assert!(one.closed() && !is_in(&one, &relay));
}

#[test]
fn a_code_that_another_copy_has_used_lets_this_one_in_as_the_device_that_it_is() {
    let (mut one, mut other, _, mut relay, secret) = two_copies();
    one.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.join_failed(), None, "the one who used it may be this device");
    other.sync(&mut relay);
    assert_eq!(parties(&other), [Party::Ticket(secret.ticket_key()), Party::Device(other.keys.id())]);
    assert!(is_in(&other, &relay) && other.appended().is_empty());
    assert_eq!(other.join_failed(), None);
    assert_eq!(other.new_incarnations(), 1, "the Join stands in a chain that the other copy goes on with");
    let [stretch] = other.stretches()[..] else { panic!() };
    assert!(stretch.joined, "the secret is to be forgotten");
}

#[test]
fn a_refusal_as_a_device_from_before_another_copy_joined_does_not_count() {
    // Seed 119 of the simulated world.
    let (mut one, mut other, _, mut relay, secret) = two_copies();
    other.greet();
    other.receive(relay.welcome());
    other.receive(relay.records());
    assert_eq!(other.appended().len(), 1, "its Join, which does not arrive");
    other.disconnect();
    let mut other = other.restarted_while_joining(&secret, pins_of(&relay));
    other.sync(&mut relay);
    assert_eq!(parties(&other), [Party::Device(other.keys.id())]);
    assert!(other.closed() && other.join_failed().is_none());
    one.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.join_failed(), None, "the code is used, and perhaps by this device");
    other.sync(&mut relay);
    assert!(is_in(&other, &relay));
    assert_eq!(other.replica.ready_to_seal(), Ok(()));
}

#[test]
fn a_link_that_was_closed_after_another_copy_had_joined_by_it_lets_this_one_in() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, true);
    let (mut one, mut other) = (Bench::newcomer(2, &relay, &secret), Bench::newcomer(2, &relay, &secret));
    one.sync(&mut relay);
    owner.put_record(&mut relay, &Record::CloseLink(secret.ticket_key()));
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.join_failed(), None);
    assert!(is_in(&other, &relay));
}

#[test]
fn a_code_that_a_copy_has_used_whose_device_was_removed_since_has_failed() {
    let (mut one, mut other, mut owner, mut relay, _) = two_copies();
    one.sync(&mut relay);
    let user = relay.log().roster().device(&one.keys.id()).unwrap().user;
    let rekey = owner.rekey(&[owner.keys.hpke_public(Suite::XWing)]);
    owner.put_record(&mut relay, &Record::RemoveMember { user, cut: Vec::new(), rekey });
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.join_failed(), Some(JoinFailed::TicketUsed));
}

#[test]
fn a_device_that_has_failed_to_join_says_nothing_to_the_relay() {
    let (_, mut owner, mut relay, secret) = {
        let (one, _, owner, relay, secret) = two_copies();
        (one, owner, relay, secret)
    };
    let mut bench = Bench::newcomer(3, &relay, &secret);
    owner.put_record(&mut relay, &Record::CloseInvite(secret.ticket_key()));
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert_eq!(bench.join_failed(), Some(JoinFailed::TicketClosed));
    bench.forget();
    bench.sync(&mut relay);
    assert!(matches!(bench.effects[..], [Effect::Close]), "{:?}", bench.effects);
}

#[test]
fn who_finds_itself_in_the_records_of_another_code_is_in_and_joins_no_second_time() {
    let (mut one, _, mut owner, mut relay, _) = two_copies();
    one.sync(&mut relay);
    let later = owner.put_ticket(&mut relay, false);
    let mut restored = Bench::newcomer(2, &relay, &later);
    restored.sync(&mut relay);
    assert!(restored.closed() && restored.join_failed().is_none());
    restored.sync(&mut relay);
    assert_eq!(parties(&restored), [Party::Ticket(later.ticket_key()), Party::Device(restored.keys.id())]);
    assert!(is_in(&restored, &relay) && restored.appended().is_empty());
}

#[test]
fn a_codes_secret_is_kept_until_the_log_has_passed_the_code() {
    let (mut one, _, mut owner, mut relay, _) = two_copies();
    one.sync(&mut relay);
    let joined_at = relay.len();
    let later = owner.put_ticket(&mut relay, false);
    let ticket_at = relay.len();
    owner.put_record(&mut relay, &Record::CloseLink(later.ticket_key()));
    let mut restored = Bench::newcomer(2, &relay, &later);
    restored.sync(&mut relay);
    restored.greet();
    restored.receive(relay.welcome());
    let ends = [joined_at, ticket_at, relay.len()];
    let mut first = 1;
    for last in ends {
        restored.receive(relay.frame(first, last));
        first = last + 1;
    }
    let joined: Vec<bool> = restored.stretches().iter().map(|stretch| stretch.joined).collect();
    assert_eq!(joined, [false, false, true], "its Join, the code's record, the point that the code names");
}

/// A copy that has prepared another Join than the one that is on the log, and has it on the line.
fn with_a_join_that_comes_second() -> (Bench, Author, FakeRelay) {
    let (mut one, mut other, mut owner, mut relay, _) = two_copies();
    other.greet();
    other.receive(relay.welcome());
    other.receive(relay.records());
    owner.put_ticket(&mut relay, true);
    one.sync(&mut relay);
    assert_eq!(relay.log().roster().devices().count(), 2);
    assert!(!relay.holds(other.appended()[0].id()), "they build on different rosters");
    (other, owner, relay)
}

#[test]
fn a_join_whose_number_another_copys_join_has_finds_the_device_in() {
    let (mut other, _, mut relay) = with_a_join_that_comes_second();
    other.talk(&mut relay);
    assert_eq!(other.refused().iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Reason::SeqTaken]);
    assert_eq!(other.join_failed(), None);
    assert!(other.closed(), "the code's session has done its work");
    other.sync(&mut relay);
    assert!(is_in(&other, &relay));
    assert_eq!((other.new_incarnations(), other.replica.offered().count()), (1, 0));
    assert_eq!(other.replica.ready_to_seal(), Ok(()));
}

#[test]
fn a_device_that_was_removed_before_its_first_session_has_failed() {
    let (mut other, mut owner, mut relay) = with_a_join_that_comes_second();
    other.talk(&mut relay);
    assert!(matches!(other.replica.phase(), Phase::Member));
    let user = relay.log().roster().device(&other.keys.id()).unwrap().user;
    let rekey = owner.rekey(&[owner.keys.hpke_public(Suite::XWing)]);
    owner.put_record(&mut relay, &Record::RemoveMember { user, cut: Vec::new(), rekey });
    for _ in 0..3 {
        other.sync(&mut relay);
    }
    assert_eq!(other.join_failed(), Some(JoinFailed::TicketUsed));
}

#[test]
fn a_join_that_is_void_because_of_another_copys_join_finds_the_device_in() {
    let (mut one, _, _, mut relay, secret) = two_copies();
    let mut other = Bench::newcomer_in_other_life(2, &relay, &secret);
    other.greet();
    other.receive(relay.welcome());
    other.receive(relay.records());
    one.sync(&mut relay);
    other.talk(&mut relay);
    assert_eq!(other.refused().iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Reason::JoinVoid]);
    assert_eq!(other.join_failed(), None);
    other.sync(&mut relay);
    assert!(is_in(&other, &relay));
    assert_eq!(other.replica.ready_to_seal(), Ok(()));
}

#[test]
fn on_another_log_than_the_codes_the_code_has_not_done_its_work() {
    let (_, mut owner, mut relay, secret) = {
        let (one, _, owner, relay, secret) = two_copies();
        (one, owner, relay, secret)
    };
    let other_hash = bowline_wire::ids::LogHash::from_bytes([7; 32]);
    let mut bench = Bench::newcomer_with(3, &relay, &secret, |pins| pins.hash = other_hash);
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    let fault = bench.effects.iter().position(|effect| matches!(effect, Effect::Fault(_)));
    let ingest = bench.effects.iter().position(|effect| matches!(effect, Effect::Ingest(_)));
    assert!(
        fault.is_some() && fault < ingest,
        "the evidence is stored before the cursor: {:?}",
        bench.effects
    );
    owner.put_message(&mut relay, opaque_payload(2).doc, "later");
    bench.sync(&mut relay);
    assert!(bench.stretches().iter().all(|stretch| !stretch.joined));
}

#[test]
fn a_number_taken_by_a_join_that_the_relay_does_not_show_is_its_fault() {
    let (mut other, _, _) = with_a_join_that_comes_second();
    let join = other.appended()[0].id();
    other.receive(FakeRelay::refused(join, Reason::SeqTaken, None));
    assert_eq!(other.faults().len(), 1);
    assert!(matches!(other.replica.phase(), Phase::Joining(_)) && other.join_failed().is_none());
}

#[test]
fn a_copys_join_that_the_relay_has_lost_is_made_anew() {
    let (mut one, mut other, _, mut relay, _) = two_copies();
    let mut before = relay.clone();
    one.sync(&mut relay);
    other.sync(&mut relay);
    other.greet();
    other.receive(relay.welcome());
    assert!(matches!(other.replica.phase(), Phase::Member));
    other.disconnect();
    for _ in 0..3 {
        other.sync(&mut before);
    }
    assert_eq!(other.join_failed(), None);
    assert!(is_in(&other, &before));
    assert_eq!(other.replica.ready_to_seal(), Ok(()));
}

/// A device with everything that may have happened around its Join, and what its keys come from.
struct Joined {
    owner: Author,
    relay: FakeRelay,
    keys: DeviceKeys,
    secret: TicketSecret,
}

impl Joined {
    /// Epochs begin: so many before the code was made, between the code and the Join, and after the Join.
    fn with_epochs(before: u8, between: u8, after: u8) -> Self {
        let (mut owner, mut relay) = Author::owner(1);
        (0..before).for_each(|n| put_rekey(&mut owner, &mut relay, 10 + n));
        let secret = owner.put_ticket(&mut relay, false);
        (0..between).for_each(|n| put_rekey(&mut owner, &mut relay, 20 + n));
        let author = Author::join(2, &secret, &mut relay);
        (0..after).for_each(|n| put_rekey(&mut owner, &mut relay, 30 + n));
        Self { owner, relay, keys: author.keys, secret }
    }

    fn records(&self) -> Vec<(Moment, Entry)> {
        let verified = |(position, logged): (Position, bowline_wire::entry::LoggedEntry)| {
            (Moment { position, time: logged.time }, logged.entry.verify(self.relay.workspace()).unwrap())
        };
        self.relay.roster_records().into_iter().map(verified).collect()
    }

    fn keyring_of(&self, keys: &DeviceKeys, ticket: Option<&TicketSecret>) -> Option<Keyring> {
        let recipient = Recipient { device: keys.hpke(), ticket };
        keys_in_records(self.owner.workspace, &self.records(), &recipient)
    }

    /// The keys of how many epochs the device finds.
    fn found(&self, ticket: Option<&TicketSecret>) -> Option<usize> {
        let keyring = self.keyring_of(&self.keys, ticket)?;
        let epochs: Vec<_> = keyring.epochs().collect();
        assert!(self.relay.log().roster().epochs().starts_with(&epochs));
        Some(epochs.len())
    }
}

fn recipients(relay: &FakeRelay) -> Vec<HpkePublicKey> {
    relay.log().roster().recipients().into_iter().collect()
}

/// Somebody comes and leaves again, and the Owner begins an epoch for everyone who is there or may still come.
fn put_rekey(owner: &mut Author, relay: &mut FakeRelay, seed: u8) {
    put_spoilt_rekey(owner, relay, seed, |_, _| {});
}

fn put_spoilt_rekey(
    owner: &mut Author,
    relay: &mut FakeRelay,
    seed: u8,
    spoil: impl FnOnce(&mut Rekey, &[HpkePublicKey]),
) {
    let mut leaver = Author::join(seed, &owner.put_ticket(relay, false), relay);
    leaver.put_record(relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients = recipients(relay);
    let mut rekey = owner.rekey(&recipients);
    spoil(&mut rekey, &recipients);
    owner.put_record(relay, &Record::Rekey(rekey.clone()));
    assert!(!relay.log().roster().is_rekey_due());
    owner.accept(relay, &rekey);
}

#[test]
fn the_records_give_a_device_all_keys_by_its_code_and_by_every_rekey_since() {
    for (before, between, after) in [0, 1, 2].into_iter().flat_map(|before| {
        [0, 1, 2].into_iter().flat_map(move |between| [0, 1, 2].map(|after| (before, between, after)))
    }) {
        let joined = Joined::with_epochs(before, between, after);
        let all = usize::from(1 + before + between + after);
        let what = format!("{before} before the code, {between} before the Join, {after} after it");
        assert_eq!(joined.found(Some(&joined.secret)), Some(all), "{what}");
        // Without the code's secret only what was wrapped to the device itself, which brings along all before it.
        assert_eq!(joined.found(None), (after > 0).then_some(all), "{what}, without the code");
    }
}

#[test]
fn the_records_give_nobody_else_a_key() {
    let joined = Joined::with_epochs(1, 1, 1);
    let stranger = DeviceKeys::generate(&mut rng(99));
    let secret = TicketSecret::generate(&mut rng(99));
    assert!(joined.keyring_of(&stranger, Some(&secret)).is_none());
}

#[test]
fn a_key_that_is_wrapped_wrongly_leaves_those_before_it_and_the_next_brings_it_along() {
    let Joined { mut owner, mut relay, keys, secret } = Joined::with_epochs(1, 0, 0);
    let mine = keys.hpke_public(Suite::XWing);
    put_spoilt_rekey(&mut owner, &mut relay, 30, |rekey, recipients| {
        wrap_for(rekey, recipients, &mine).ciphertext[0] ^= 1;
    });
    let joined = Joined { owner, relay, keys, secret };
    assert_eq!(joined.found(Some(&joined.secret)), Some(2));
    assert_eq!(joined.found(None), None);
    let Joined { mut owner, mut relay, keys, secret } = joined;
    put_rekey(&mut owner, &mut relay, 31);
    let joined = Joined { owner, relay, keys, secret };
    assert_eq!(joined.found(Some(&joined.secret)), Some(4));
    assert_eq!(joined.found(None), Some(4));
}

#[test]
fn a_rekey_that_came_to_nothing_gives_no_key() {
    let Joined { mut owner, mut relay, keys, secret } = Joined::with_epochs(0, 0, 1);
    // Somebody is among its recipients who is not in.
    let stranger = HpkePublicKey::x25519([9; 32]);
    let rekey = owner.rekey(&[recipients(&relay), vec![stranger]].concat());
    owner.put_record(&mut relay, &Record::Rekey(rekey));
    let joined = Joined { owner, relay, keys, secret };
    assert_eq!(joined.relay.log().roster().epochs().len(), 2);
    assert_eq!(joined.found(Some(&joined.secret)), Some(2));
}

#[test]
fn keys_that_were_handed_on_before_the_code_was_made_are_found_as_well() {
    let (mut owner, mut relay) = Author::owner(1);
    put_rekey(&mut owner, &mut relay, 10);
    put_spoilt_rekey(&mut owner, &mut relay, 11, |rekey, _| rekey.history.reverse());
    let epochs = relay.log().roster().epochs().to_vec();
    let (lacking, epoch) = (epochs.iter().map(|epoch| epoch.id).collect(), owner.keyring.newest_epoch());
    let sealed = owner.keyring.fill(&lacking, &epochs).unwrap();
    owner.put_record(&mut relay, &Record::Fill { epoch, sealed });
    let secret = owner.put_ticket(&mut relay, false);
    let keys = Author::join(2, &secret, &mut relay).keys;
    let joined = Joined { owner, relay, keys, secret };
    let keyring = joined.keyring_of(&joined.keys, Some(&joined.secret)).unwrap();
    assert!(epochs.iter().all(|epoch| keyring.holds(epoch.id)), "a device finds every key");
}
