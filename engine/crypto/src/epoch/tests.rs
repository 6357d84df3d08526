//! What goes into the key of a new epoch, so that it is another one wherever anything of it is, even if chance repeats itself.

use bowline_wire::ids::Suite;

use super::*;
use crate::keys::DeviceKeys;
use crate::testing::{WORKSPACE, epoch, epoch_key, new_epoch, rng};

fn device(seed: u64) -> DeviceKeys {
    DeviceKeys::generate(&mut rng(seed))
}

/// What the key of an epoch after the first commits to.
fn next(new: &NewEpoch<'_>) -> Commitment {
    let first = epoch_key(1);
    first.next(WORKSPACE, new, &[Some(&first)], &[5; 32]).commitment()
}

#[test]
fn repeated_randomness_makes_no_key_twice_for_another_place_or_another_author() {
    let (recipients, epochs) = ([device(1).hpke_public(Suite::XWing)], [epoch(1)]);
    let here = new_epoch(&recipients, &epochs);
    let elsewhere = NewEpoch { roster: RosterHash::from_bytes([8; 32]), ..here };
    let by_another = NewEpoch { author: device(2).id(), ..here };
    assert_eq!(next(&here), next(&here));
    assert_ne!(next(&here), next(&elsewhere));
    assert_ne!(next(&here), next(&by_another));
    assert_ne!(next(&elsewhere), next(&by_another));
}

#[test]
fn keys_of_two_suites_in_a_row_are_not_taken_for_others() {
    // An X-Wing key is as long as 38 of X25519.
    let long: Vec<u8> = (0..38).flat_map(|n| [n; 32]).collect();
    let long = [HpkePublicKey::from_slice(&long).unwrap()];
    let short: Vec<_> = (0..38).map(|n| HpkePublicKey::x25519([n; 32])).collect();
    assert_ne!(next(&new_epoch(&long, &[])), next(&new_epoch(&short, &[])));
}
