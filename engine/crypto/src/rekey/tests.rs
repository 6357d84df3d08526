//! Whoever stays learns the new key, whoever joins learns all keys, and whoever is removed learns none.

use bowline_wire::ids::Suite;
use bowline_wire::limits::{MAX_BODY, MAX_WRAP};
use bowline_wire::roster::record::Record;

use super::*;
use crate::keys::{DeviceKeys, TicketSecret};
use crate::testing::{Repeating, WORKSPACE, epoch_key, keyring, rng};
use crate::wrap::WrapError;

fn device(seed: u64) -> DeviceKeys {
    DeviceKeys::generate(&mut rng(seed))
}

fn commitments(keyring: &Keyring, rekey: &Rekey) -> Vec<Commitment> {
    keyring.commitments().chain([rekey.commitment]).collect()
}

fn held(keyring: &Keyring) -> Vec<Commitment> {
    keyring.commitments().collect()
}

#[test]
fn a_rekey_reaches_everyone_it_is_for_and_its_maker_too() {
    let (ana, ben) = (device(1), device(2));
    let before = keyring(2);
    let rekey =
        before.rekey(&[ana.hpke_public(Suite::XWing), ben.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&before, &rekey);
    for device in [ana, ben] {
        let mut keyring = keyring(2);
        assert_eq!(keyring.accept(&rekey, device.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(held(&keyring), epochs);
    }
}

#[test]
fn a_removed_device_gets_nothing_from_a_rekey() {
    let (ana, removed) = (device(1), device(2));
    let rekey = keyring(1).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&keyring(1), &rekey);
    let mut keyring = keyring(1);
    assert_eq!(keyring.accept(&rekey, removed.hpke(), &epochs), Err(KeyringError::NoWrap));
    assert_eq!(held(&keyring).len(), 1);
}

#[test]
fn wraps_are_sorted_and_name_each_recipient_once() {
    let keys: Vec<_> = (0..20).map(|seed| device(seed).hpke_public(Suite::XWing)).collect();
    let twice: Vec<_> = keys.iter().chain(keys.iter().rev()).cloned().collect();
    let rekey = keyring(1).rekey(&twice, &mut rng(3)).unwrap();
    assert_eq!(rekey.wraps.len(), 20);
    assert!(rekey.wraps.is_sorted_by(|a, b| a.recipient < b.recipient));
    let record = Record::Rekey(rekey);
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
    let rekey = keyring(1).rekey(&recipients, &mut rng(3)).unwrap();
    assert!(rekey.wraps.iter().all(|wrap| wrap.encapsulated.len() == MAX_WRAP));
    let history = vec![0; EPOCH_KEY_LEN * (MAX_EPOCHS - 1) + TAG_LEN];
    assert!(Record::Rekey(Rekey { history, ..rekey }).to_body().len() < MAX_BODY);

    recipients.push(some);
    let refused = keyring(1).rekey(&recipients, &mut rng(3)).unwrap_err();
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
        let commitments: Vec<_> = (0..epochs).map(|number| key(number).commitment()).collect();
        let earlier = (0..epochs - 1).map(key).collect();
        Keyring::from_keys(WORKSPACE, earlier, key(epochs - 1), &commitments).unwrap()
    };
    assert_eq!(keyring(MAX_EPOCHS).rekey(&[], &mut rng(3)).unwrap_err(), RekeyError::TooManyEpochs);
    // The last that is allowed is one that a reader accepts as well.
    let last = Record::Rekey(keyring(MAX_EPOCHS - 1).rekey(&[], &mut rng(3)).unwrap());
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
        let rekey = keyring(1).rekey(&recipients, &mut rng(3)).unwrap();
        let for_hostile = rekey.wraps.iter().find(|wrap| wrap.recipient == hostile).unwrap();
        assert_eq!((&for_hostile.encapsulated[..], &for_hostile.ciphertext[..]), (&[][..], &[][..]));
        let epochs = commitments(&keyring(1), &rekey);
        let mut holder = keyring(1);
        assert_eq!(holder.accept(&rekey, ana.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(holder.wrapped_otherwise(&rekey), [], "everybody would wrap nothing to it");
        let record = Record::Rekey(rekey);
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
    let good = keyring(1).rekey(&recipients, &mut rng(3)).unwrap();
    let epochs = commitments(&keyring(1), &good);
    for device in &all {
        let mut holder = keyring(1);
        assert_eq!(holder.accept(&good, device.hpke(), &epochs), Ok(History::Intact));
        assert_eq!(holder.wrapped_otherwise(&good), []);
        for at in 0..3 {
            for spoil in
                [|wrap: &mut Wrap| wrap.ciphertext[0] ^= 1, |wrap: &mut Wrap| wrap.encapsulated.clear()]
            {
                let mut spoilt = good.clone();
                spoil(&mut spoilt.wraps[at]);
                assert_eq!(holder.wrapped_otherwise(&spoilt), [spoilt.wraps[at].recipient.clone()]);
            }
        }
    }
}

#[test]
fn a_newcomer_opens_the_ticket_s_wrap_and_the_history_of_that_epoch() {
    let (ana, ticket) = (device(1), TicketSecret::generate(&mut rng(9)));
    let mut keyring = keyring(2);
    let rekey = keyring.rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&keyring, &rekey);
    assert_eq!(keyring.accept(&rekey, ana.hpke(), &epochs), Ok(History::Intact));

    let wrap = keyring.wrap_newest(&ticket.hpke_public(Suite::XWing)).unwrap();
    let newest = open_wrap(&wrap, WORKSPACE, rekey.commitment, &ticket.hpke()).unwrap();
    let joined = Keyring::from_newest(WORKSPACE, newest, Some(&rekey.history), &epochs).unwrap();
    assert_eq!(held(&joined), held(&keyring));
}

#[test]
fn a_newcomer_to_a_workspace_in_its_first_epoch_needs_no_history() {
    let ticket = TicketSecret::generate(&mut rng(9));
    let wrap = keyring(1).wrap_newest(&ticket.hpke_public(Suite::XWing)).unwrap();
    let commitment = epoch_key(1).commitment();
    let newest = open_wrap(&wrap, WORKSPACE, commitment, &ticket.hpke()).unwrap();
    let joined = Keyring::from_newest(WORKSPACE, newest, None, &[commitment]).unwrap();
    assert_eq!(held(&joined), [commitment]);
}

#[test]
fn a_newcomer_learns_of_rekeys_while_the_ticket_was_open() {
    let (ana, ticket) = (device(1), TicketSecret::generate(&mut rng(9)));
    let before = keyring(1);
    let rekey = before
        .rekey(&[ana.hpke_public(Suite::XWing), ticket.hpke_public(Suite::XWing)], &mut rng(3))
        .unwrap();
    let wrap = rekey.wraps.iter().find(|wrap| wrap.recipient == ticket.hpke_public(Suite::XWing)).unwrap();
    let newest = open_wrap(wrap, WORKSPACE, rekey.commitment, &ticket.hpke()).unwrap();
    let epochs = commitments(&before, &rekey);
    let joined = Keyring::from_newest(WORKSPACE, newest, Some(&rekey.history), &epochs).unwrap();
    assert_eq!(held(&joined), epochs);
}

#[test]
fn a_wrong_key_is_named_by_its_epoch() {
    let epochs: Vec<_> = (1..=3).map(|number| epoch_key(number).commitment()).collect();
    let history = |numbers: &[u8]| {
        let keys: Vec<_> = numbers.iter().map(|number| epoch_key(*number)).collect();
        seal_history(WORKSPACE, &epoch_key(3), &keys.iter().collect::<Vec<_>>())
    };
    let join =
        |newest, numbers: &[u8]| Keyring::from_newest(WORKSPACE, newest, Some(&history(numbers)), &epochs);
    assert!(join(epoch_key(3), &[1, 2]).is_ok());
    assert_eq!(join(epoch_key(4), &[1, 2]).unwrap_err(), KeyringError::WrongKey { epoch: 3 });
    assert_eq!(join(epoch_key(3), &[9, 2]).unwrap_err(), KeyringError::WrongKey { epoch: 1 });
    assert_eq!(join(epoch_key(3), &[1, 9]).unwrap_err(), KeyringError::WrongKey { epoch: 2 });
    assert_eq!(join(epoch_key(3), &[2, 1]).unwrap_err(), KeyringError::WrongKey { epoch: 1 });
    let short = KeyringError::HistoryIncomplete { found: 1, expected: 2 };
    assert_eq!(join(epoch_key(3), &[1]).unwrap_err(), short);
    let long = KeyringError::HistoryIncomplete { found: 3, expected: 2 };
    assert_eq!(join(epoch_key(3), &[1, 2, 3]).unwrap_err(), long);
    let none = KeyringError::HistoryIncomplete { found: 0, expected: 2 };
    assert_eq!(Keyring::from_newest(WORKSPACE, epoch_key(3), None, &epochs).unwrap_err(), none);
}

#[test]
fn a_history_opens_only_whole_in_its_workspace_and_under_its_key() {
    let sealed = seal_history(WORKSPACE, &epoch_key(3), &[&epoch_key(1), &epoch_key(2)]);
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
    let mut rekey = before.rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    rekey.history[0] ^= 1;
    let epochs = commitments(&before, &rekey);
    let mut keyring = keyring(2);
    let accepted = keyring.accept(&rekey, ana.hpke(), &epochs);
    assert_eq!(accepted, Ok(History::Damaged(KeyringError::HistoryUnopenable)));
    assert_eq!(held(&keyring), epochs);
}

#[test]
fn a_device_that_missed_an_epoch_catches_up_from_the_history() {
    let ana = device(1);
    let rekey = keyring(3).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&keyring(3), &rekey);
    let mut behind = keyring(1);
    assert_eq!(behind.accept(&rekey, ana.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&behind), epochs);
    // Without a history there is nothing to catch up from, and nothing is half taken.
    let mut behind = keyring(1);
    let damaged = Rekey { history: Vec::new(), ..rekey };
    assert_eq!(behind.accept(&damaged, ana.hpke(), &epochs), Err(KeyringError::HistoryUnopenable));
    assert_eq!(held(&behind).len(), 1);
}

#[test]
fn a_rekey_that_wraps_a_wrong_key_is_refused() {
    let ana = device(1);
    let mut rekey = keyring(1).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    rekey.commitment = epoch_key(7).commitment();
    let epochs = commitments(&keyring(1), &rekey);
    let refused = keyring(1).accept(&rekey, ana.hpke(), &epochs);
    assert_eq!(refused, Err(KeyringError::Wrap(WrapError::Unopenable)));
}

#[test]
fn a_rekey_that_the_roster_does_not_commit_to_is_refused() {
    let ana = device(1);
    let rekey = keyring(1).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = [epoch_key(1).commitment(), epoch_key(7).commitment()];
    let mut keyring = keyring(1);
    assert_eq!(keyring.accept(&rekey, ana.hpke(), &epochs), Err(KeyringError::WrongKey { epoch: 2 }));
    assert_eq!(held(&keyring).len(), 1);
    assert_eq!(keyring.accept(&rekey, ana.hpke(), &[]), Err(KeyringError::WrongKey { epoch: 0 }));
}

#[test]
fn repeated_randomness_still_keeps_the_new_key_from_the_one_removed() {
    // A virtual machine rekeys for both, is set back, and then rekeys without Ben, drawing the same randomness.
    let (ana, ben) = (device(1), device(2));
    let both = keyring(1)
        .rekey(&[ana.hpke_public(Suite::XWing), ben.hpke_public(Suite::XWing)], &mut Repeating(&[5; 32]))
        .unwrap();
    let one = keyring(1).rekey(&[ana.hpke_public(Suite::XWing)], &mut Repeating(&[5; 32])).unwrap();
    assert_ne!(both.commitment, one.commitment);
    // Nor does it repeat a key from epoch to epoch.
    let later = keyring(2).rekey(&[ana.hpke_public(Suite::XWing)], &mut Repeating(&[5; 32])).unwrap();
    assert_ne!(later.commitment, one.commitment);
    // While other randomness alone makes another key.
    let other = keyring(1).rekey(&[ana.hpke_public(Suite::XWing)], &mut Repeating(&[6; 32])).unwrap();
    assert_ne!(other.commitment, one.commitment);
}

#[test]
fn keys_of_epochs_that_a_continued_log_began_otherwise_are_still_read_with() {
    let ana = device(1);
    let rekey = keyring(2).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&keyring(2), &rekey);
    let mut held_here = keyring(4);
    assert!(held_here.set_apart_epochs_beyond(&held(&keyring(3))), "the fourth is apart already");
    assert_eq!(held_here.accept(&rekey, ana.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&held_here), epochs);
    for lost in [3, 4] {
        let epoch = epoch_key(lost).commitment().epoch_id();
        let snapshot = held_here.snapshot();
        assert_eq!(snapshot.key(epoch).map(EpochKey::as_bytes), Some(epoch_key(lost).as_bytes()));
    }
    assert_eq!(held_here.keys().count(), 3, "nothing is handed on of what is apart");
}

#[test]
fn a_key_whose_epoch_is_lost_and_begun_again_is_in_force_again_without_a_wrap() {
    let (ana, late) = (device(1), device(2));
    let rekey = keyring(2).rekey(&[ana.hpke_public(Suite::XWing)], &mut rng(3)).unwrap();
    let epochs = commitments(&keyring(2), &rekey);
    let mut by_ticket = keyring(2);
    assert_eq!(by_ticket.accept(&rekey, ana.hpke(), &epochs), Ok(History::Intact));
    assert!(by_ticket.set_apart_epochs_beyond(&held(&keyring(2))));
    assert_eq!(by_ticket.accept(&rekey, late.hpke(), &epochs), Ok(History::Intact));
    assert_eq!(held(&by_ticket), epochs);
    assert_eq!(by_ticket.newest_epoch(), rekey.commitment.epoch_id());
}

/// `cargo test -p bowline-crypto rekey_for_fifty -- --nocapture` prints how long it takes.
#[test]
fn a_rekey_for_fifty_has_the_bytes_that_the_note_says() {
    let devices: Vec<_> = (0..50).map(device).collect();
    for (suite, bytes) in [(Suite::X25519, 6_039), (Suite::XWing, 119_739)] {
        let recipients: Vec<_> = devices.iter().map(|device| device.hpke_public(suite)).collect();
        let begun = std::time::Instant::now();
        let rekey = keyring(1).rekey(&recipients, &mut rng(3)).unwrap();
        let made = begun.elapsed();
        let begun = std::time::Instant::now();
        let mut holder = keyring(1);
        let epochs = commitments(&holder, &rekey);
        assert_eq!(holder.accept(&rekey, devices[0].hpke(), &epochs), Ok(History::Intact));
        let opened = begun.elapsed();
        let begun = std::time::Instant::now();
        assert_eq!(holder.wrapped_otherwise(&rekey), []);
        let compared = begun.elapsed();
        println!("{suite:?}: made in {made:?}, opened in {opened:?}, all wraps compared in {compared:?}");
        assert_eq!(Record::Rekey(rekey).to_body().len(), bytes, "{suite:?}");
    }
}
