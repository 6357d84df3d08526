//! A keyring comes back from the database of the device that stored it, and from nowhere else.

use super::*;
use crate::testing::{WORKSPACE, epoch, epoch_key, keyring, rng};

fn device(seed: u64) -> DeviceKeys {
    DeviceKeys::generate(&mut rng(seed))
}

fn held(keyring: &Keyring) -> Vec<Epoch> {
    keyring.epochs().collect()
}

#[test]
fn a_stored_keyring_opens_with_the_device_s_keys_only_and_tells_none_of_its_own() {
    let (ana, ben) = (device(1), device(2));
    for epochs in [1, 4] {
        let keyring = keyring(epochs);
        let stored = keyring.to_stored(&ana, [0x77; 32]);
        let again = Keyring::from_stored(WORKSPACE, &stored, &ana, &held(&keyring)).unwrap();
        assert_eq!(held(&again), held(&keyring));
        let refused = |workspace, device| {
            Keyring::from_stored(workspace, &stored, device, &held(&keyring)).unwrap_err()
        };
        assert_eq!(refused(WORKSPACE, &ben), KeyringError::NotThisDevice);
        assert_eq!(refused(WorkspaceId::from_bytes([0xee; 32]), &ana), KeyringError::NotThisDevice);
        for key in 1..=epochs {
            let bare = epoch_key(key);
            assert!(!stored.windows(EPOCH_KEY_LEN).any(|window| window == bare.as_bytes()));
        }
    }
}

#[test]
fn a_stored_keyring_may_be_behind_the_roster_but_not_beside_or_ahead_of_it() {
    let ana = device(1);
    let stored = keyring(2).to_stored(&ana, [0x77; 32]);
    let from = |numbers: &[u8]| {
        let epochs: Vec<_> = numbers.iter().map(|number| epoch(*number)).collect();
        Keyring::from_stored(WORKSPACE, &stored, &ana, &epochs).map(|keyring| held(&keyring).len())
    };
    assert_eq!(from(&[1, 2]), Ok(2));
    assert_eq!(from(&[1, 2, 3]), Ok(2));
    assert_eq!(from(&[1]), Err(KeyringError::EpochUnknown));
    assert_eq!(from(&[1, 9]), Err(KeyringError::WrongKey { epoch: 2 }));
    assert_eq!(from(&[9, 2]), Err(KeyringError::WrongKey { epoch: 1 }));
}

/// Keys 1 and 3, and a hole between them.
fn with_a_hole() -> Keyring {
    let keys = vec![Some(Arc::new(epoch_key(1))), None];
    Keyring::from_keys(WORKSPACE, keys, Arc::new(epoch_key(3)), &[1, 2, 3].map(epoch)).unwrap()
}

#[test]
fn a_stored_keyring_keeps_its_holes() {
    let ana = device(1);
    let stored = with_a_hole().to_stored(&ana, [0x77; 32]);
    let again = Keyring::from_stored(WORKSPACE, &stored, &ana, &[1, 2, 3].map(epoch)).unwrap();
    let keys: Vec<_> = again.keys().map(|key| key.map(EpochKey::as_bytes)).collect();
    assert_eq!(keys, [Some(&[1; 32]), None, Some(&[3; 32])]);
}

#[test]
fn a_damaged_keyring_is_not_read() {
    let (ana, epochs) = (device(1), held(&keyring(2)));
    let stored = keyring(2).to_stored(&ana, [0x77; 32]);
    for at in 0..stored.len() {
        let cut = Keyring::from_stored(WORKSPACE, &stored[..at], &ana, &epochs).unwrap_err();
        assert!(matches!(cut, KeyringError::Stored(_)), "{at}");
        let mut changed = stored.clone();
        changed[at] ^= 1;
        assert!(Keyring::from_stored(WORKSPACE, &changed, &ana, &epochs).is_err(), "{at}");
    }
}

#[test]
fn where_chance_repeats_itself_two_keyrings_share_no_keystream() {
    let ana = device(1);
    let [one, two] = [2, 3].map(|epochs| {
        let stored = keyring(epochs).to_stored(&ana, [0x77; 32]);
        decode::<Stored>(&stored).unwrap().sealed
    });
    // After the random bytes the first key is sealed in both; under one key and nonce the bytes would be the same.
    assert_eq!(one[..32], two[..32], "the randomness was repeated");
    assert_ne!(one[32..64], two[32..64]);
    // Nor does one with a hole share it with that which fills the hole: it would tell the key.
    let [one, two] = [with_a_hole(), keyring(3)]
        .map(|keyring| decode::<Stored>(&keyring.to_stored(&ana, [0x77; 32])).unwrap().sealed);
    assert_ne!(one[32..64], two[32..64]);
}
