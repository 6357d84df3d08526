//! Whoever holds keys hands them on; whoever gets wrong ones keeps what was there.

use bowline_wire::ids::Suite;

use super::*;
use crate::keys::DeviceKeys;
use crate::testing::{epoch, epoch_key, keyring, rng};

fn devices() -> [DeviceKeys; 3] {
    [1, 2, 3].map(|seed| DeviceKeys::generate(&mut rng(seed)))
}

fn keys_of(devices: &[DeviceKeys]) -> BTreeSet<HpkePublicKey> {
    devices.iter().map(|device| device.hpke_public(Suite::XWing)).collect()
}

fn epochs(n: u8) -> Vec<Epoch> {
    (1..=n).map(epoch).collect()
}

/// What is sealed in a fill by hand, under the key of the third epoch.
fn sealed(keys: &[u8]) -> Vec<u8> {
    let (key, salt) = (epoch_key(3), [7; SALT_LEN]);
    let mut sealed = keys.to_vec();
    key.fill_key(keyring(3).workspace(), &salt).seal(&[], &mut sealed);
    [&salt[..], &sealed].concat()
}

#[test]
fn the_newest_key_reaches_those_who_lack_it_and_nobody_else() {
    let devices = devices();
    let (all, lacking) = (keys_of(&devices), keys_of(&devices[1..2]));
    let wraps = keyring(3).rewrap(&all, &lacking);
    assert_eq!(keyring(3).reached_by(&wraps, &all), lacking);
    for (n, device) in devices.iter().enumerate() {
        let mut behind = keyring(2);
        let taken = behind.take_rewrapped((&wraps, &all), device.hpke(), None, &epochs(3));
        assert_eq!(taken.is_ok(), n == 1, "{taken:?}");
        assert_eq!(behind.newest_epoch(), epoch(if n == 1 { 3 } else { 2 }).id);
        assert!(behind.names_documents(), "what was here stays");
    }
}

#[test]
fn a_wrap_of_another_key_reaches_nobody_and_changes_nothing() {
    let devices = devices();
    let all = keys_of(&devices);
    let wrong = keyring(2).rewrap(&all, &all);
    assert_eq!(keyring(3).reached_by(&wrong, &all), BTreeSet::new());
    let mut behind = keyring(2);
    assert!(behind.take_rewrapped((&wrong, &all), devices[0].hpke(), None, &epochs(3)).is_err());
    assert_eq!(behind.newest_epoch(), epoch(2).id);
    // A wrap is for the device at its place.
    let mut moved = keyring(3).rewrap(&all, &all);
    moved.rotate_left(1);
    assert_eq!(keyring(3).reached_by(&moved, &all), BTreeSet::new());
}

#[test]
fn earlier_keys_come_to_who_lacks_them_each_checked_by_itself() {
    let history = crate::rekey::seal_history(keyring(3).workspace(), &epoch_key(3), &[None, None]);
    let both = BTreeSet::from([epoch(1).id, epoch(2).id]);
    assert_eq!(keyring(3).lacking_in(&history, &epochs(3)), both);
    assert_eq!(keyring(3).lacking_in(b"damaged", &epochs(3)), both);
    let newcomer = || Keyring::from_newest(keyring(3).workspace(), epoch_key(3), Some(&history), &epochs(3));
    let (mut newcomer, _) = newcomer().unwrap();
    assert!(!newcomer.names_documents());
    assert_eq!(newcomer.fill(&both, &epochs(3)), None, "it has none of them");
    assert_eq!(newcomer.lacking_in(&history, &epochs(3)), BTreeSet::new());
    let first = keyring(3).fill(&BTreeSet::from([epoch(1).id]), &epochs(3)).unwrap();
    assert_eq!(newcomer.take_fill(&first, &epochs(3)), Ok(BTreeSet::from([epoch(1).id])));
    assert!(newcomer.names_documents() && !newcomer.holds(epoch(2).id));
    // A wrong key beside a good one, and a good one that is there already.
    let wrong = [*epoch_key(1).as_bytes(), *epoch_key(3).as_bytes()].concat();
    assert_eq!(newcomer.take_fill(&sealed(&wrong), &epochs(3)), Ok(BTreeSet::from([epoch(1).id])));
    assert!(!newcomer.holds(epoch(2).id));
    let rest = keyring(3).fill(&both, &epochs(3)).unwrap();
    assert_eq!(newcomer.take_fill(&rest, &epochs(3)), Ok(both));
    assert!(newcomer.holds(epoch(2).id));
}

#[test]
fn what_is_no_fill_of_the_newest_epoch_changes_nothing() {
    let good = keyring(3).fill(&BTreeSet::from([epoch(1).id]), &epochs(3)).unwrap();
    let (key, before) = (*epoch_key(1).as_bytes(), keyring(3));
    let mut altered = good.clone();
    altered[SALT_LEN + 3] ^= 1;
    let no_fills =
        [Vec::new(), vec![1; SALT_LEN], altered, good[..good.len() - 1].to_vec(), sealed(&key[1..])];
    for no_fill in no_fills {
        let mut holder = before.clone();
        assert_eq!(holder.take_fill(&no_fill, &epochs(3)), Err(KeyringError::HistoryUnopenable));
        assert!(holder.epochs().eq(before.epochs()));
    }
    let mut holder = before.clone();
    let short = KeyringError::HistoryIncomplete { found: 1, expected: 2 };
    assert_eq!(holder.take_fill(&sealed(&key), &epochs(3)), Err(short));
    let mut behind = keyring(2);
    assert_eq!(behind.take_fill(&good, &epochs(3)), Err(KeyringError::EpochUnknown));
}

#[test]
fn two_fills_under_one_key_have_two_salts_unless_they_say_the_same() {
    let fill = |ids: &[u8]| keyring(3).fill(&ids.iter().map(|n| epoch(*n).id).collect(), &epochs(3)).unwrap();
    assert_eq!(fill(&[1]), fill(&[1]));
    let salts = [fill(&[1]), fill(&[2]), fill(&[1, 2])].map(|fill| fill[..SALT_LEN].to_vec());
    assert_eq!(BTreeSet::from(salts).len(), 3);
}
