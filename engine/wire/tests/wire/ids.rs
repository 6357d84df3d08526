//! Ids: sizes, spelling, and the few that are derived.

use bowline_wire::hash;
use bowline_wire::ids::*;
use sha2::{Digest, Sha256};

#[test]
fn an_id_is_taken_from_a_slice_of_its_length_only() {
    assert_eq!(EntryId::from_slice(&[3; 32]), Some(EntryId::from_bytes([3; 32])));
    assert_eq!(EntryId::from_slice(&[3; 31]), None);
    assert_eq!(EntryId::from_slice(&[3; 33]), None);
    assert_eq!(EntryId::from_slice(&[]), None);
}

#[test]
fn only_zeros_are_zero() {
    assert!(WireDoc::ZERO.is_zero());
    let mut almost = [0; 16];
    almost[15] = 1;
    assert!(!WireDoc::from_bytes(almost).is_zero());
}

#[test]
fn ids_are_shown_in_full_and_traced_in_short() {
    let id = Incarnation::from_bytes([0, 1, 2, 3, 4, 5, 6, 0xff]);
    assert_eq!(id.to_string(), "00010203040506ff");
    assert_eq!(format!("{id:?}"), "Incarnation(00010203…)");
}

#[test]
fn an_epoch_is_known_by_half_of_the_id_of_the_entry_that_began_it() {
    let id: [u8; 32] = std::array::from_fn(|i| i.to_le_bytes()[0]);
    assert_eq!(EpochId::begun_by(EntryId::from_bytes(id)).as_bytes()[..], id[..16]);
    assert_eq!(EpochId::of_before(Commitment::from_bytes(id)).as_bytes()[..], id[..16]);
}

#[test]
fn a_user_is_known_by_their_first_device() {
    let digest = Sha256::new().chain_update(b"bowline/user/1").chain_update([5; 32]).finalize();
    assert_eq!(UserId::of_first_device(DeviceId::from_bytes([5; 32])).as_bytes()[..], digest[..16]);
}

#[test]
fn lanes_have_their_numbers() {
    for lane in [Lane::Control, Lane::Content] {
        assert_eq!(Lane::from_number(lane.number()), Some(lane));
    }
    assert_eq!((Lane::Control.number(), Lane::Content.number()), (0, 1));
    assert_eq!(Lane::from_number(2), None);
}

#[test]
fn suites_have_their_numbers_and_a_key_says_its_suite_by_its_length() {
    assert_eq!(Suite::ALL.map(Suite::number), [1, 2]);
    for suite in Suite::ALL {
        assert_eq!(Suite::from_number(suite.number()), Some(suite));
        let key = HpkePublicKey::from_slice(&vec![7; suite.key_len()]).unwrap();
        assert_eq!((key.suite(), key.as_bytes().len()), (suite, suite.key_len()));
    }
    for number in [0, 3, u16::MAX] {
        assert_eq!(Suite::from_number(number), None);
    }
    for len in [0, 31, 33, 1215, 1217] {
        assert_eq!(HpkePublicKey::from_slice(&vec![7; len]), None, "{len}");
    }
    let largest = HpkePublicKey::x25519([0xff; 32]);
    assert!(largest < HpkePublicKey::from_slice(&[0; 1216]).unwrap(), "the suite comes first");
}

#[test]
fn positions_and_times_stop_at_their_end() {
    assert_eq!(Position::START.next(), Position(1));
    assert_eq!(Position(u64::MAX).next(), Position(u64::MAX));
    assert_eq!(LogTime::new(1 << 48), None);
    assert_eq!(LogTime::new((1 << 48) - 1), Some(LogTime::LAST));
    assert_eq!(LogTime::at_most(Millis(u64::MAX)), LogTime::LAST);
    assert_eq!(LogTime::at_most(Millis(5)).millis(), Millis(5));
    assert_eq!(Millis(5).plus(7), Millis(12));
    assert_eq!(Millis(u64::MAX).plus(1), Millis(u64::MAX));
    assert_eq!(Millis(12).since(Millis(5)), 7);
    assert_eq!(Millis(5).since(Millis(12)), 0);
}

#[test]
fn no_two_hashes_share_an_input() {
    let (entry, zeros) = (EntryId::from_bytes([1; 32]), [0; 32]);
    let hashes = [
        *hash::log_hash(LogHash::from_bytes(zeros), entry, LogTime::START).as_bytes(),
        *hash::roster_hash(RosterHash::from_bytes(zeros), entry).as_bytes(),
        *hash::log_seed(WorkspaceId::from_bytes(zeros), LogId::from_bytes([1; 32])).as_bytes(),
        hash::sha256(&[&zeros, entry.as_bytes()]),
    ];
    for (i, one) in hashes.iter().enumerate() {
        assert!(hashes[i + 1..].iter().all(|other| other != one), "{i}");
    }
}
