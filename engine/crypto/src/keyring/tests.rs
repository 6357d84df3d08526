//! A keyring holds the keys the roster commits to, in its order, and nothing else.

use super::*;
use crate::testing::{WORKSPACE, epoch, epoch_key, keyring};

#[test]
fn commitments_tell_keys_apart() {
    let commitment = epoch_key(1).commitment();
    assert_eq!(commitment, epoch_key(1).commitment());
    assert_ne!(commitment, epoch_key(2).commitment());
    assert_ne!(commitment.as_bytes(), epoch_key(1).as_bytes());
}

#[test]
fn a_keyring_keeps_all_epochs_in_order() {
    let held: Vec<_> = keyring(4).epochs().collect();
    assert_eq!(held, (1..=4).map(epoch).collect::<Vec<_>>());
    assert_eq!(keyring(4).newest_epoch(), epoch(4).id);
    for number in 1..=4 {
        let snapshot = keyring(4).snapshot();
        let found = snapshot.key(epoch(number).id).unwrap();
        assert_eq!(found.as_bytes(), epoch_key(number).as_bytes());
    }
    assert!(keyring(4).snapshot().key(epoch(5).id).is_none());
}

#[test]
fn a_key_that_does_not_match_its_commitment_is_named_and_not_added() {
    let mut keyring = keyring(2);
    let refused = keyring.add(epoch_key(3), epoch(4)).unwrap_err();
    assert_eq!(refused, KeyringError::WrongKey { epoch: 3 });
    assert_eq!(keyring.epochs().count(), 2);
}

#[test]
fn each_of_many_keys_is_checked() {
    let epochs: Vec<_> = (1..=4).map(epoch).collect();
    let assemble = |numbers: [u8; 4]| {
        let mut keys: Vec<_> = numbers.into_iter().map(|number| Some(Arc::new(epoch_key(number)))).collect();
        let newest = keys.pop().flatten().unwrap();
        Keyring::from_keys(WORKSPACE, keys, newest, &epochs)
    };
    assert_eq!(assemble([1, 2, 3, 4]).unwrap().epochs().collect::<Vec<_>>(), epochs);
    for wrong in 0..4 {
        let mut numbers = [1, 2, 3, 4];
        numbers[wrong] = 9;
        assert_eq!(assemble(numbers).unwrap_err(), KeyringError::WrongKey { epoch: wrong + 1 });
    }
}

#[test]
fn all_keys_and_no_more_make_a_keyring() {
    let epochs: Vec<_> = (1..=3).map(epoch).collect();
    let assemble = |earlier: &[u8], epochs: &[Epoch]| {
        let earlier = earlier.iter().map(|number| Some(Arc::new(epoch_key(*number)))).collect();
        Keyring::from_keys(WORKSPACE, earlier, Arc::new(epoch_key(3)), epochs).map(|_| ())
    };
    assert_eq!(assemble(&[1, 2], &epochs), Ok(()));
    assert_eq!(assemble(&[1, 2], &[]), Err(KeyringError::EpochUnknown));
    let refused = |found| Err(KeyringError::HistoryIncomplete { found, expected: 2 });
    assert_eq!(assemble(&[1], &epochs), refused(1));
    assert_eq!(assemble(&[1, 2, 2], &epochs), refused(3));
}

#[test]
fn a_keyring_from_all_its_keys_is_the_one_that_grew() {
    let doc = DocId::from_bytes([5; 16]);
    let epochs: Vec<_> = keyring(3).epochs().collect();
    let earlier = vec![Some(Arc::new(epoch_key(1))), Some(Arc::new(epoch_key(2)))];
    let built = Keyring::from_keys(WORKSPACE, earlier, Arc::new(epoch_key(3)), &epochs).unwrap();
    assert_eq!(built.epochs().collect::<Vec<_>>(), epochs);
    assert_eq!(built.wire_doc(doc), keyring(3).wire_doc(doc));
    assert_eq!(built.newest_epoch(), keyring(3).newest_epoch());
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let mut keyring = keyring(1);
    let before = keyring.snapshot();
    keyring.add(epoch_key(2), epoch(2)).unwrap();
    assert_eq!(before.newest_epoch(), epoch(1).id);
    assert!(before.key(epoch(2).id).is_none());
    assert_eq!(keyring.snapshot().newest_epoch(), epoch(2).id);
}

#[test]
fn snapshots_go_to_other_threads() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<KeySnapshot>();
    let snapshot = keyring(2).snapshot();
    let there = std::thread::spawn({
        let snapshot = snapshot.clone();
        move || snapshot.newest_epoch()
    });
    assert_eq!(there.join().unwrap(), snapshot.newest_epoch());
}

#[test]
fn documents_keep_their_wire_names_across_epochs() {
    let doc = DocId::from_bytes([5; 16]);
    assert_eq!(keyring(1).wire_doc(doc), keyring(3).wire_doc(doc));
    assert_eq!(keyring(1).wire_doc(doc), keyring(3).snapshot().wire_doc(doc));
}

#[test]
fn wire_names_differ_by_document_workspace_and_key() {
    let doc = DocId::from_bytes([5; 16]);
    let name = keyring(1).wire_doc(doc);
    assert_ne!(name.unwrap().as_bytes(), doc.as_bytes());
    assert_ne!(name, keyring(1).wire_doc(DocId::from_bytes([6; 16])));
    assert_ne!(
        name,
        Keyring::genesis(WorkspaceId::from_bytes([1; 32]), epoch(1).id, epoch_key(1)).wire_doc(doc)
    );
    assert_ne!(name, Keyring::genesis(WORKSPACE, epoch(1).id, epoch_key(2)).wire_doc(doc));
}

#[test]
fn what_is_said_of_changes_depends_on_each_on_the_document_and_on_the_first_key_alone() {
    let (doc, hashes) = (DocId::from_bytes([5; 16]), [[1; 32], [2; 32]]);
    let of = |keys: &Keyring, doc, hashes: &[[u8; 32]]| keys.snapshot().changes_digest(doc, hashes.iter());
    let digest = of(&keyring(1), doc, &hashes);
    assert_eq!(digest, of(&keyring(3), doc, &hashes));
    assert_ne!(digest, of(&keyring(1), doc, &hashes[..1]));
    assert_ne!(digest, of(&keyring(1), DocId::from_bytes([6; 16]), &hashes));
    assert_ne!(digest, of(&Keyring::genesis(WORKSPACE, epoch(1).id, epoch_key(2)), doc, &hashes));
}

#[test]
fn keys_of_lost_epochs_are_read_with_and_nothing_else() {
    let before = keyring(3);
    let mut now = before.clone();
    let kept = [epoch(1)];
    assert!(now.set_apart_epochs_beyond(&kept));
    assert!(!now.set_apart_epochs_beyond(&kept));
    // As it is made anew from what is stored.
    let mut stored = keyring(1);
    assert!(stored.snapshot().key(epoch(3).id).is_none());
    stored.read_also(&before);
    for number in 1..=3 {
        let id = epoch(number).id;
        assert_eq!(stored.snapshot().key(id).unwrap().as_bytes(), epoch_key(number).as_bytes());
    }
    for number in 1..=3 {
        let id = epoch(number).id;
        assert_eq!(now.snapshot().key(id).unwrap().as_bytes(), epoch_key(number).as_bytes());
    }
    assert_eq!(now.epochs().collect::<Vec<_>>(), kept);
    assert_eq!((now.newest_epoch(), now.keys().count()), (kept[0].id, 1));
    // The log goes on, perhaps with an epoch that was lost before.
    for number in [4, 3] {
        now.add(epoch_key(number), epoch(number)).unwrap();
    }
    assert_eq!(now.newest_epoch(), epoch(3).id);
}

/// A keyring of the keys with these numbers, of as many epochs as the last.
fn with_holes(held: &[u8]) -> Keyring {
    let newest = *held.last().unwrap();
    let epochs: Vec<_> = (1..=newest).map(epoch).collect();
    let key = |number| held.contains(&number).then(|| Arc::new(epoch_key(number)));
    let earlier = (1..newest).map(key).collect();
    Keyring::from_keys(WORKSPACE, earlier, Arc::new(epoch_key(newest)), &epochs).unwrap()
}

#[test]
fn a_keyring_has_its_newest_key_though_earlier_ones_are_missing() {
    let keyring = with_holes(&[2, 4]);
    assert_eq!(keyring.newest_epoch(), epoch(4).id);
    assert_eq!(keyring.epochs().count(), 4);
    for number in 1..=4 {
        let is_held = [2, 4].contains(&number);
        assert_eq!(keyring.holds(epoch(number).id), is_held, "{number}");
        assert_eq!(keyring.snapshot().key(epoch(number).id).is_some(), is_held, "{number}");
    }
}

#[test]
fn without_the_first_key_no_document_has_a_name() {
    let doc = DocId::from_bytes([5; 16]);
    let keyring = with_holes(&[2, 3]);
    assert!(!keyring.names_documents());
    assert_eq!(keyring.wire_doc(doc), None);
    assert_eq!(keyring.snapshot().wire_doc(doc), None);
    assert_eq!(keyring.snapshot().changes_digest(doc, [[1; 32]].iter()), None);
    assert!(with_holes(&[1, 3]).names_documents());
}

#[test]
fn what_is_kept_of_a_keyring_with_holes_ends_with_a_key() {
    let epochs: Vec<_> = (1..=5).map(epoch).collect();
    let kept = |held: &[u8], log: usize| {
        let mut keyring = with_holes(held);
        assert!(keyring.set_apart_epochs_beyond(&epochs[..log]));
        for number in held {
            assert!(keyring.snapshot().key(epoch(*number).id).is_some(), "{number}");
        }
        keyring.epochs().count()
    };
    assert_eq!(kept(&[1, 2, 5], 4), 2);
    assert_eq!(kept(&[1, 2, 5], 2), 2);
    assert_eq!(kept(&[1, 2, 5], 1), 1);
    // None of the log's epochs has a key here: the first that is held stays in its place.
    assert_eq!(kept(&[3, 4, 5], 2), 3);
}
