//! Whoever stays learns the new key, whoever joins learns all keys, and whoever is removed learns none.

use bowline_wire::ids::{EpochId, Suite};
use bowline_wire::limits::{MAX_BODY, MAX_WRAP};
use bowline_wire::roster::record::Record;

use super::*;
use crate::keys::{DeviceKeys, TicketSecret};
use crate::testing::{Repeating, WORKSPACE, epoch, epoch_key, keyring, new_epoch, rng};
use crate::wrap::WrapError;

fn device(seed: u64) -> DeviceKeys {
    DeviceKeys::generate(&mut rng(seed))
}

/// All epochs once that of the rekey has begun.
fn with_epoch_of(keyring: &Keyring, rekey: &Rekey) -> Vec<Epoch> {
    keyring.epochs().chain([begun_by(rekey)]).collect()
}

/// The epoch of a rekey, with an id that no other one has.
fn begun_by(rekey: &Rekey) -> Epoch {
    Epoch { id: EpochId::of_before(rekey.commitment), commitment: rekey.commitment }
}

/// A rekey with those whom its wraps are for.
#[derive(Clone, Debug)]
struct Sent {
    rekey: Rekey,
    to: BTreeSet<HpkePublicKey>,
}

impl std::ops::Deref for Sent {
    type Target = Rekey;
    fn deref(&self) -> &Rekey {
        &self.rekey
    }
}

impl Sent {
    fn wrap_for(&self, recipient: &HpkePublicKey) -> &Wrap {
        let at = self.to.iter().position(|to| to == recipient).unwrap();
        &self.rekey.wraps[at]
    }
}

/// A rekey after all epochs that the keyring knows of.
fn rekey_of(
    keyring: &Keyring,
    recipients: &[HpkePublicKey],
    rng: &mut dyn CryptoRng,
) -> Result<Sent, RekeyError> {
    let rekey = keyring.rekey(&new_epoch(recipients, &held(keyring)), rng)?;
    Ok(Sent { rekey, to: recipients.iter().cloned().collect() })
}

fn held(keyring: &Keyring) -> Vec<Epoch> {
    keyring.epochs().collect()
}

#[test]
fn a_rekey_reaches_everyone_it_is_for_and_its_maker_too() {
    let (ana, ben) = (device(1), device(2));
    let before = keyring(2);
    let rekey =
        rekey_of(&before, &[ana.hpke_public(Suite::XWing), ben.hpke_public(Suite::XWing)], &mut rng(3))
            .unwrap();
    let epochs = with_epoch_of(&before, &rekey);
    for device in [ana, ben] {
        let mut keyring = keyring(2);
        assert_eq!(keyring.accept(&rekey, &rekey.to, device.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(held(&keyring), epochs);
    }
}

#[test]
fn a_removed_device_gets_nothing_from_a_rekey() {
    let (ana, removed) = (device(1), device(2));
    let rekey = rekey_of(&keyring(1), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring(1), &rekey);
    let mut keyring = keyring(1);
    assert_eq!(keyring.accept(&rekey, &rekey.to, removed.hpke(), &epochs), Err(KeyringError::NoWrap));
    assert_eq!(held(&keyring).len(), 1);
}

#[test]
fn the_wraps_are_to_each_recipient_once_in_ascending_order() {
    let keys: Vec<_> = (0..20).map(|seed| device(seed).hpke_public(Suite::XWing)).collect();
    let twice: Vec<_> = keys.iter().chain(keys.iter().rev()).cloned().collect();
    let rekey = rekey_of(&keyring(1), &twice, &mut rng(3)).unwrap();
    assert_eq!(rekey.wraps.len(), 20);
    for (seed, to) in (0..20).map(|seed| (seed, device(seed).hpke_public(Suite::XWing))) {
        let at = rekey.to.iter().position(|it| *it == to).unwrap();
        assert!(open_wrap(&rekey.wraps[at], &to, WORKSPACE, rekey.commitment, device(seed).hpke()).is_ok());
    }
    let record = Record::Rekey(rekey.rekey);
    assert_eq!(Record::parse(&record.to_body()), Ok(record));
}

#[test]
fn the_largest_rekey_fits_a_body() {
    let some = device(1).hpke_public(Suite::XWing);
    let mut recipients = Vec::new();
    for at in 0..MAX_RECIPIENTS {
        // The last 32 bytes are of X25519, which takes points of the curve and of its twist: any will do.
        let mut key = some.as_bytes().to_vec();
        key[1184..1186].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
        recipients.push(HpkePublicKey::from_slice(&key).unwrap());
    }
    let rekey = rekey_of(&keyring(1), &recipients, &mut rng(3)).unwrap();
    assert!(rekey.wraps.iter().all(|wrap| wrap.encapsulated.len() == MAX_WRAP));
    let history = vec![0; EPOCH_KEY_LEN * (MAX_EPOCHS - 1) + TAG_LEN];
    assert!(Record::Rekey(Rekey { history, ..rekey.rekey }).to_body().len() < MAX_BODY);

    recipients.push(some);
    let refused = rekey_of(&keyring(1), &recipients, &mut rng(3)).unwrap_err();
    assert_eq!(refused, RekeyError::TooManyRecipients { recipients: MAX_RECIPIENTS + 1 });
}

#[test]
fn epochs_run_out() {
    let key = |number: usize| {
        let mut bytes = [0; EPOCH_KEY_LEN];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Arc::new(EpochKey::from_bytes(bytes))
    };
    let keyring = |epochs: usize| {
        let epoch = |number| {
            let commitment = key(number).commitment();
            Epoch { id: EpochId::of_before(commitment), commitment }
        };
        let all: Vec<_> = (0..epochs).map(epoch).collect();
        let earlier = (0..epochs - 1).map(|number| Some(key(number))).collect();
        Keyring::from_keys(WORKSPACE, earlier, key(epochs - 1), &all).unwrap()
    };
    assert_eq!(rekey_of(&keyring(MAX_EPOCHS), &[], &mut rng(3)).unwrap_err(), RekeyError::TooManyEpochs);
    // The last that is allowed is one that a reader accepts as well.
    let last = Record::Rekey(rekey_of(&keyring(MAX_EPOCHS - 1), &[], &mut rng(3)).unwrap().rekey);
    assert_eq!(Record::parse(&last.to_body()), Ok(last));
}

/// A key of each suite to which nothing can be wrapped: the point of order one, and polynomials with coefficients above the modulus.
pub(crate) fn unusable() -> [HpkePublicKey; 2] {
    [vec![0; 32], vec![0xff; 1216]].map(|bytes| HpkePublicKey::from_slice(&bytes).unwrap())
}

#[test]
fn a_recipient_with_an_unusable_key_cannot_prevent_a_rekey() {
    let ana = device(1);
    for hostile in unusable() {
        let recipients = [hostile.clone(), ana.hpke_public(Suite::XWing)];
        let rekey = rekey_of(&keyring(1), &recipients, &mut rng(3)).unwrap();
        let for_hostile = rekey.wrap_for(&hostile);
        assert_eq!((&for_hostile.encapsulated[..], &for_hostile.ciphertext[..]), (&[][..], &[][..]));
        let epochs = with_epoch_of(&keyring(1), &rekey);
        let mut holder = keyring(1);
        assert_eq!(holder.accept(&rekey, &rekey.to, ana.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(holder.wrapped_otherwise(&rekey, &rekey.to), [], "everybody would wrap nothing to it");
        let record = Record::Rekey(rekey.rekey);
        assert_eq!(Record::parse(&record.to_body()), Ok(record));
    }
}

#[test]
fn whoever_holds_the_key_sees_which_wraps_were_made_otherwise() {
    let all = [1, 2, 3].map(device);
    let recipients: Vec<_> = all
        .iter()
        .zip([Suite::X25519, Suite::XWing, Suite::XWing])
        .map(|(to, suite)| to.hpke_public(suite))
        .collect();
    let good = rekey_of(&keyring(1), &recipients, &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring(1), &good);
    for device in &all {
        let mut holder = keyring(1);
        assert_eq!(holder.accept(&good, &good.to, device.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(holder.wrapped_otherwise(&good, &good.to), []);
        for at in 0..3 {
            for spoil in
                [|wrap: &mut Wrap| wrap.ciphertext[0] ^= 1, |wrap: &mut Wrap| wrap.encapsulated.clear()]
            {
                let mut spoilt = good.clone();
                spoil(&mut spoilt.rekey.wraps[at]);
                assert_eq!(
                    holder.wrapped_otherwise(&spoilt, &spoilt.to),
                    [spoilt.to.iter().nth(at).unwrap().clone()]
                );
            }
        }
    }
}

#[test]
fn a_newcomer_opens_the_ticket_s_wrap_and_the_history_of_that_epoch() {
    let (ana, ticket) = (device(1), TicketSecret::generate(&mut rng(9)));
    let mut keyring = keyring(2);
    let rekey = rekey_of(&keyring, &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring, &rekey);
    assert_eq!(keyring.accept(&rekey, &rekey.to, ana.hpke(), &epochs), Ok(History::Intact));

    let to = ticket.hpke_public(Suite::XWing);
    let wrap = keyring.wrap_newest(&to).unwrap();
    let newest = open_wrap(&wrap, &to, WORKSPACE, rekey.commitment, &ticket.hpke()).unwrap();
    let joined = whole(Keyring::from_newest(WORKSPACE, newest, Some(&rekey.history), &epochs));
    assert_eq!(held(&joined), held(&keyring));
}

#[test]
fn a_newcomer_to_a_workspace_in_its_first_epoch_needs_no_history() {
    let ticket = TicketSecret::generate(&mut rng(9));
    let to = ticket.hpke_public(Suite::XWing);
    let wrap = keyring(1).wrap_newest(&to).unwrap();
    let newest = open_wrap(&wrap, &to, WORKSPACE, epoch(1).commitment, &ticket.hpke()).unwrap();
    let joined = whole(Keyring::from_newest(WORKSPACE, newest, None, &[epoch(1)]));
    assert_eq!(held(&joined), [epoch(1)]);
}

#[test]
fn a_newcomer_learns_of_rekeys_while_the_ticket_was_open() {
    let (ana, ticket) = (device(1), TicketSecret::generate(&mut rng(9)));
    let before = keyring(1);
    let rekey =
        rekey_of(&before, &[ana.hpke_public(Suite::XWing), ticket.hpke_public(Suite::XWing)], &mut rng(3))
            .unwrap();
    let to = ticket.hpke_public(Suite::XWing);
    let wrap = rekey.wrap_for(&to);
    let newest = open_wrap(wrap, &to, WORKSPACE, rekey.commitment, &ticket.hpke()).unwrap();
    let epochs = with_epoch_of(&before, &rekey);
    let joined = whole(Keyring::from_newest(WORKSPACE, newest, Some(&rekey.history), &epochs));
    assert_eq!(held(&joined), epochs);
}

/// A keyring for which every earlier key came along.
fn whole(joined: Result<(Keyring, History), KeyringError>) -> Keyring {
    let (keyring, history) = joined.unwrap();
    assert_eq!(history, History::Intact);
    assert!(keyring.keys().all(|key| key.is_some()));
    keyring
}

/// A history of the keys with these numbers under the key with number 3; 0 is a hole.
fn history_of(numbers: &[u8]) -> Vec<u8> {
    let keys: Vec<_> = numbers.iter().map(|number| epoch_key(*number)).collect();
    seal_history(WORKSPACE, &epoch_key(3), &keys.iter().map(Some).collect::<Vec<_>>())
}

/// What came along with a history of these keys, and which keys a newcomer has by it.
fn handed_out(newest: u8, numbers: Option<&[u8]>) -> Result<(History, Vec<bool>), KeyringError> {
    let epochs: Vec<_> = (1..=3).map(epoch).collect();
    let history = numbers.map(history_of);
    let joined = Keyring::from_newest(WORKSPACE, epoch_key(newest), history.as_deref(), &epochs);
    joined.map(|(keyring, history)| (history, keyring.keys().map(|key| key.is_some()).collect()))
}

#[test]
fn each_key_of_a_history_is_checked_and_a_wrong_one_costs_itself_alone() {
    let wrong = |epoch| History::Damaged(KeyringError::WrongKey { epoch });
    assert_eq!(handed_out(3, Some(&[1, 2])), Ok((History::Intact, vec![true, true, true])));
    assert_eq!(handed_out(3, Some(&[9, 2])), Ok((wrong(1), vec![false, true, true])));
    assert_eq!(handed_out(3, Some(&[1, 9])), Ok((wrong(2), vec![true, false, true])));
    assert_eq!(handed_out(3, Some(&[2, 1])), Ok((wrong(2), vec![false, false, true])));
    assert_eq!(handed_out(4, Some(&[1, 2])), Err(KeyringError::WrongKey { epoch: 3 }));
}

#[test]
fn a_history_says_what_its_maker_lacked_and_has_a_place_for_every_epoch() {
    assert_eq!(handed_out(3, Some(&[0, 2])), Ok((History::Intact, vec![false, true, true])));
    assert_eq!(handed_out(3, Some(&[0, 0])), Ok((History::Intact, vec![false, false, true])));
    let of_another_length = |found| {
        Ok((
            History::Damaged(KeyringError::HistoryIncomplete { found, expected: 2 }),
            vec![false, false, true],
        ))
    };
    for numbers in [&[][..], &[1], &[1, 2, 3]] {
        assert_eq!(handed_out(3, Some(numbers)), of_another_length(numbers.len()));
    }
    assert_eq!(handed_out(3, None), of_another_length(0));
}

#[test]
fn zeros_are_a_hole_and_nobody_s_key() {
    let zeros = epoch_key(0);
    let epochs = [epoch(1), epoch(0)];
    let refused = Keyring::from_newest(WORKSPACE, zeros, None, &epochs).unwrap_err();
    assert_eq!(refused, KeyringError::WrongKey { epoch: 2 });
}

#[test]
fn who_lacks_the_newest_key_begins_an_epoch_from_the_newest_that_is_here() {
    let (ana, ben) = (device(1), device(2));
    // An epoch began of which nobody honest has the key.
    let epochs = [1, 2, 3].map(epoch);
    let recipients = [&ana, &ben].map(|device| device.hpke_public(Suite::XWing));
    let rekey = keyring(2).rekey(&new_epoch(&recipients, &epochs), &mut rng(3)).unwrap();
    let to = BTreeSet::from(recipients);
    let epochs: Vec<_> = epochs.into_iter().chain([begun_by(&rekey)]).collect();
    let mut lacking = keyring(2);
    assert_eq!(lacking.accept(&rekey, &to, ana.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(lacking.newest_epoch(), begun_by(&rekey).id);
    assert_eq!(lacking.keys().map(|key| key.is_some()).collect::<Vec<_>>(), [true, true, false, true]);
    // Who has the key that the maker lacked keeps it.
    let mut holding = keyring(3);
    assert_eq!(holding.accept(&rekey, &to, ben.hpke(), &epochs), Ok(History::Intact));
    assert!(holding.keys().all(|key| key.is_some()));
}

#[test]
fn no_key_seals_two_histories() {
    // A virtual machine rekeys, is set back, learns a key it lacked, and rekeys with the same randomness.
    let epochs = [1, 2, 3].map(epoch);
    let rekey = |keyring: Keyring| keyring.rekey(&new_epoch(&[], &epochs), &mut Repeating(&[5; 32])).unwrap();
    let mut with_hole = keyring(1);
    let history = seal_history(WORKSPACE, &epoch_key(3), &[None, None]);
    assert_eq!(with_hole.take_newest(epoch_key(3), Some(&history), &epochs), Ok(History::Intact));
    let (hole, filled) = (rekey(with_hole.clone()), rekey(keyring(3)));
    assert_ne!(hole.commitment, filled.commitment);
}

#[test]
fn a_history_opens_only_whole_in_its_workspace_and_under_its_key() {
    let sealed = history_of(&[1, 2]);
    let open = |sealed: &[u8]| open_history(WORKSPACE, &epoch_key(3), sealed).map(|keys| keys.len());
    assert_eq!(open(&sealed), Ok(2));
    let refused = Err(KeyringError::HistoryUnopenable);
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert_eq!(open(&altered), refused);
        assert_eq!(open(&sealed[..at]), refused);
    }
    assert_eq!(open_history(WORKSPACE, &epoch_key(4), &sealed).map(|keys| keys.len()), refused);
    let elsewhere = WorkspaceId::from_bytes([0xee; 32]);
    assert_eq!(open_history(elsewhere, &epoch_key(3), &sealed).map(|keys| keys.len()), refused);
    // Sealed properly, but not whole keys.
    let mut ragged = vec![0; EPOCH_KEY_LEN + 1];
    epoch_key(3).history_key(WORKSPACE).seal(&[], &mut ragged);
    assert_eq!(open(&ragged), refused);
}

#[test]
fn a_damaged_history_does_not_keep_a_device_from_the_new_key() {
    let ana = device(1);
    let before = keyring(2);
    let mut rekey = rekey_of(&before, &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    rekey.rekey.history[0] ^= 1;
    let epochs = with_epoch_of(&before, &rekey);
    let mut keyring = keyring(2);
    let accepted = keyring.accept(&rekey, &rekey.to, ana.hpke(), &epochs);
    assert_eq!(accepted, Ok(History::Damaged(KeyringError::HistoryUnopenable)));
    assert_eq!(held(&keyring), epochs);
}

#[test]
fn a_device_that_missed_an_epoch_catches_up_from_the_history() {
    let ana = device(1);
    let rekey = rekey_of(&keyring(3), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring(3), &rekey);
    let mut behind = keyring(1);
    assert_eq!(behind.accept(&rekey, &rekey.to, ana.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&behind), epochs);
    // Without a history there is nothing to catch up from: what is new and what was here is.
    let mut behind = keyring(1);
    let damaged = Rekey { history: Vec::new(), ..rekey.rekey };
    let accepted = behind.accept(&damaged, &rekey.to, ana.hpke(), &epochs);
    assert_eq!(accepted, Ok(History::Damaged(KeyringError::HistoryUnopenable)));
    assert_eq!(held(&behind), epochs);
    assert_eq!(behind.keys().map(|key| key.is_some()).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn a_rekey_that_wraps_a_wrong_key_is_refused() {
    let ana = device(1);
    let mut rekey = rekey_of(&keyring(1), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    rekey.rekey.commitment = epoch_key(7).commitment();
    let epochs = with_epoch_of(&keyring(1), &rekey);
    let refused = keyring(1).accept(&rekey, &rekey.to, ana.hpke(), &epochs);
    assert_eq!(refused, Err(KeyringError::Wrap(WrapError::Unopenable)));
}

#[test]
fn a_rekey_that_the_roster_does_not_commit_to_is_refused() {
    let ana = device(1);
    let rekey = rekey_of(&keyring(1), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = [epoch(1), epoch(7)];
    let mut keyring = keyring(1);
    assert_eq!(
        keyring.accept(&rekey, &rekey.to, ana.hpke(), &epochs),
        Err(KeyringError::WrongKey { epoch: 2 })
    );
    assert_eq!(held(&keyring).len(), 1);
    assert_eq!(keyring.accept(&rekey, &rekey.to, ana.hpke(), &[]), Err(KeyringError::EpochUnknown));
}

#[test]
fn repeated_randomness_still_keeps_the_new_key_from_the_one_removed() {
    // A virtual machine rekeys for both, is set back, and then rekeys without Ben, drawing the same randomness.
    let (ana, ben) = (device(1), device(2));
    let both = rekey_of(
        &keyring(1),
        &[ana.hpke_public(Suite::XWing), ben.hpke_public(Suite::XWing)],
        &mut Repeating(&[5; 32]),
    )
    .unwrap();
    let one = rekey_of(&keyring(1), &[ana.hpke_public(Suite::XWing)], &mut Repeating(&[5; 32])).unwrap();
    assert_ne!(both.commitment, one.commitment);
    // Nor does it repeat a key from epoch to epoch.
    let later = rekey_of(&keyring(2), &[ana.hpke_public(Suite::XWing)], &mut Repeating(&[5; 32])).unwrap();
    assert_ne!(later.commitment, one.commitment);
    // While other randomness alone makes another key.
    let other = rekey_of(&keyring(1), &[ana.hpke_public(Suite::XWing)], &mut Repeating(&[6; 32])).unwrap();
    assert_ne!(other.commitment, one.commitment);
}

#[test]
fn keys_of_epochs_that_a_continued_log_began_otherwise_are_still_read_with() {
    let ana = device(1);
    let rekey = rekey_of(&keyring(2), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring(2), &rekey);
    let mut held_here = keyring(4);
    assert!(held_here.set_apart_epochs_beyond(&held(&keyring(3))), "the fourth is apart already");
    assert_eq!(held_here.accept(&rekey, &rekey.to, ana.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&held_here), epochs);
    for lost in [3, 4] {
        let snapshot = held_here.snapshot();
        assert_eq!(snapshot.key(epoch(lost).id).map(EpochKey::as_bytes), Some(epoch_key(lost).as_bytes()));
    }
    assert_eq!(held_here.keys().count(), 3, "nothing is handed on of what is apart");
}

#[test]
fn a_key_whose_epoch_is_lost_and_begun_again_is_in_force_again_without_a_wrap() {
    let (ana, late) = (device(1), device(2));
    let rekey = rekey_of(&keyring(2), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = with_epoch_of(&keyring(2), &rekey);
    let mut by_ticket = keyring(2);
    assert_eq!(by_ticket.accept(&rekey, &rekey.to, ana.hpke(), &epochs), Ok(History::Intact));
    assert!(by_ticket.set_apart_epochs_beyond(&held(&keyring(2))));
    assert_eq!(by_ticket.accept(&rekey, &rekey.to, late.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&by_ticket), epochs);
    assert_eq!(by_ticket.newest_epoch(), begun_by(&rekey).id);
}

#[test]
fn an_epoch_whose_commitment_was_copied_is_one_of_its_own() {
    let ana = device(1);
    // Somebody has seen what the next epoch commits to, and begins one with it that nobody can open.
    let rekey = rekey_of(&keyring(2), &[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let copied = Epoch { id: EpochId::from_bytes([0xcc; 16]), ..begun_by(&rekey) };
    let copy = Rekey { wraps: Vec::new(), history: Vec::new(), ..rekey.rekey.clone() };
    let mut all: Vec<_> = held(&keyring(2)).into_iter().chain([copied]).collect();
    let mut keyring = keyring(2);
    assert_eq!(keyring.accept(&copy, &rekey.to, ana.hpke(), &all), Err(KeyringError::NoWrap));
    // Its maker says it again, after an epoch more, and who has its key has the copy's.
    let again = keyring.rekey(&new_epoch(&[ana.hpke_public(Suite::XWing)], &all), &mut rng(3)).unwrap();
    all.push(begun_by(&again));
    assert_eq!(keyring.accept(&again, &rekey.to, ana.hpke(), &all), Ok(History::Intact));
    assert_eq!(held(&keyring), all);
    assert!(keyring.holds(begun_by(&again).id) && !keyring.holds(copied.id));
}

/// `cargo test -p bowline-crypto rekey_for_fifty -- --nocapture` prints how long it takes.
#[test]
fn a_rekey_for_fifty_has_the_bytes_that_the_note_says() {
    let devices: Vec<_> = (0..50).map(device).collect();
    for (suite, bytes) in [(Suite::X25519, 4_339), (Suite::XWing, 58_789)] {
        let recipients: Vec<_> = devices.iter().map(|device| device.hpke_public(suite)).collect();
        let begun = std::time::Instant::now();
        let rekey = rekey_of(&keyring(1), &recipients, &mut rng(3)).unwrap();
        let made = begun.elapsed();
        let begun = std::time::Instant::now();
        let mut holder = keyring(1);
        let epochs = with_epoch_of(&holder, &rekey);
        assert_eq!(holder.accept(&rekey, &rekey.to, devices[0].hpke(), &epochs), Ok(History::Intact));
        let opened = begun.elapsed();
        let begun = std::time::Instant::now();
        assert_eq!(holder.wrapped_otherwise(&rekey, &rekey.to), []);
        let compared = begun.elapsed();
        println!("{suite:?}: made in {made:?}, opened in {opened:?}, all wraps compared in {compared:?}");
        assert_eq!(Record::Rekey(rekey.rekey).to_body().len(), bytes, "{suite:?}");
    }
}
