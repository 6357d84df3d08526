//! Words that are known from a state, and those of whoever has nothing in a snapshot.

use std::cell::Cell;
use std::collections::BTreeSet;

use bowline_core::consent::Holding;
use bowline_core::document::{ChangeHash, Document, Kind, Source, changes_by_actor_in};
use bowline_wire::confirm::Word;
use bowline_wire::hash::sha256;
use bowline_wire::ids::{Position, SnapshotDigest};
use bowline_wire::limits::MAX_WORDS_ASKED;
use bowline_wire::log::SignedWord;

use crate::standing::{AT, BEN, CARL, COVERS, Log, OWNER, change, digest, three, user};
use crate::support::{Author, device};

mod what_is_known_from_a_state {
    use super::*;

    /// Carl has confirmed an older snapshot; entries, row and snapshot are gone, and a state says what he signed.
    fn from_a_state() -> Log {
        let mut log = three();
        let word = SignedWord { digest: log.own_digest(CARL), covers: Position(8), said: Position(9) };
        log.entries.clear();
        log.signed.push((user(CARL), word));
        log
    }

    #[test]
    fn is_a_word_like_any_other() {
        let mut log = from_a_state();
        log.says(CARL, 4, 10).snapshot_by(OWNER);
        assert_eq!(log.since(&[OWNER, CARL]), [Some(AT), Some(AT)]);
        assert!(log.may_go(CARL, 8) && !log.may_go(CARL, 10), "what came behind it is not signed for");
        log.signed.clear();
        assert_eq!(log.since(&[CARL]), [None]);
    }

    #[test]
    fn does_not_end_by_a_garbage_word_that_comes_later() {
        let mut log = from_a_state();
        log.snapshot_by(OWNER);
        let before = log.stands();
        log.row(CARL, 20, Word::Confirms(Some(SnapshotDigest::from_bytes([9; 32]))));
        assert_eq!(log.stands(), before);
        assert_eq!(before.word(user(CARL)), Some(log.signed[0].1));
    }

    #[test]
    fn is_asked_however_many_words_come_behind_it_and_of_those_so_many() {
        let mut log = from_a_state();
        let many = 3 * MAX_WORDS_ASKED as u64;
        for number in 0..many {
            let garbage = Word::Confirms(Some(SnapshotDigest::from_bytes([9; 32])));
            log.snapshot_at(OWNER, 20 + number, 2000 + number).row(CARL, 3000 + number, garbage);
            // Of each word something else is asked.
            log.entries.push(Holding {
                position: Position(20 + number),
                author: device(CARL),
                changes: vec![ChangeHash::from_bytes(sha256(&[&number.to_be_bytes()]))],
            });
        }
        let behind = log.entries.iter().flat_map(|it| it.changes.iter().map(|change| (*change, CARL)));
        let behind: Vec<_> = behind.collect();
        log.holds.extend(behind);
        log.snapshot_at(OWNER, 20 + many, 4000);
        assert_eq!(log.since(&[CARL]), [Some(4000)]);
        let asked = Cell::new(0);
        let counted = |changes: &[ChangeHash]| {
            asked.set(asked.get() + 1);
            digest(changes)
        };
        log.answer_by(&counted);
        assert!((MAX_WORDS_ASKED..2 * MAX_WORDS_ASKED).contains(&asked.get()), "{}", asked.get());
        log.signed.clear();
        assert_eq!(log.since(&[CARL]), [None]);
    }

    #[test]
    fn is_the_word_that_is_about_most_and_the_later_of_two() {
        let mut log = from_a_state();
        log.snapshot_by(OWNER).confirms(CARL, CARL, 20).confirms(CARL, CARL, 25);
        let word = SignedWord { covers: Position(COVERS), said: Position(25), ..log.signed[0].1 };
        assert_eq!(log.stands().word(user(CARL)), Some(word));
        assert_eq!(log.since(&[CARL]), [Some(AT)], "and it stands since it did by the first");
    }
}

#[test]
fn a_word_about_less_than_a_state_says_of_its_user_is_none() {
    let mut log = three();
    log.snapshot_at(OWNER, 6, 7).confirms(CARL, CARL, 8);
    let word =
        SignedWord { digest: SnapshotDigest::from_bytes([9; 32]), covers: Position(9), said: Position(10) };
    log.snapshot_by(OWNER);
    assert_eq!(log.since(&[CARL]), [Some(AT)]);
    log.signed.push((user(CARL), word));
    assert_eq!(log.since(&[CARL]), [None], "what was between them may be gone");
    log.signed[0].1.covers = Position(6);
    assert_eq!(log.since(&[CARL]), [Some(AT)]);
}

#[test]
fn a_snapshot_that_says_what_it_holds_adds_nothing_to_its_authors_word() {
    let mut log = three();
    log.snapshot_by(BEN);
    let held = Holding { position: Position(AT), author: device(BEN), changes: vec![change(2)] };
    log.entries.push(held);
    log.snapshot_at(OWNER, 18, 19);
    assert_eq!(log.since(&[BEN]), [Some(19)], "what is in it is what ben has signed");
}

#[test]
fn a_snapshot_stands_for_its_authors_user_though_they_have_written_nothing_in_it() {
    let mut log = Log::of(&[OWNER, BEN]);
    log.says(BEN, 2, 5).snapshot_by(OWNER);
    assert_eq!(log.since(&[OWNER, BEN]), [Some(AT), None]);
}

#[test]
fn somebody_removed_whose_entries_count_nowhere_is_spoken_for_as_well() {
    let mut log = three();
    log.holds.retain(|(hash, _)| *hash != change(3));
    log.entries[2].changes.clear();
    log.snapshot_by(OWNER).row(BEN, 20, Word::Confirms(None)).leaves(CARL, 30);
    assert!(log.may_go(CARL, 6));
    let word = log.stands().word(user(CARL)).unwrap();
    assert_eq!((word.digest, word.covers, word.said), (digest(&[]), Position(COVERS), Position(30)));
}

#[test]
fn what_a_document_holds_is_told_alike_by_the_document_and_by_a_snapshot_of_it() {
    let mut ana = Author::conversation(1);
    ana.say("one").title("plans").say("two");
    let held = ana.document.changes_by_actor();
    let whole = ana.document.save();
    assert_eq!(changes_by_actor_in(Kind::Conversation, Source::Snapshot, &whole), Ok(held.clone()));
    assert!(held.is_sorted_by(|one, next| one.0 < next.0));
    let first: BTreeSet<_> = Document::create(Kind::Conversation).changes_by_actor().into_iter().collect();
    let of_device: BTreeSet<_> = held.iter().copied().filter(|it| !first.contains(it)).collect();
    assert_eq!((first.len(), of_device.len()), (1, 3), "the first change and one for each edit");
    assert!(of_device.iter().all(|(_, actor)| actor.belongs_to(device(1))));
    let written = changes_by_actor_in(Kind::Conversation, Source::Changes, &ana.unsealed.concat()).unwrap();
    assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), of_device);
}
