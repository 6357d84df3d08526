//! One actor, one number, two changes: a cloned machine, or somebody forging in another's name.

use crate::support::{Author, Sealed, assemble, device, entry, hash, open, pen, shown, texts};
use bowline_core::document::{Cause, Document, Incoming, Kind, Lost, NeedsRebuild, Source};

const CONVERSATION: Kind = Kind::Conversation;

/// Two changes of device 1 with one actor and number: what a clone of a running machine makes. The one with the lower
/// hash comes first.
fn twins() -> [Author; 2] {
    let mut twins = [Author::conversation(1), Author::conversation(1)];
    twins[0].say("in the original");
    twins[1].say("in the clone");
    twins.sort_by_key(|twin| hash(&twin.unsealed[0]));
    twins
}

fn lost(assembled: &[Lost]) -> Vec<(bowline_core::document::ChangeHash, Cause)> {
    assembled.iter().map(|lost| (lost.hash, lost.cause)).collect()
}

#[test]
fn the_earlier_one_stays_and_the_other_is_reported_lost() {
    let [low, high] = twins();
    for [mut first, mut second] in [[low.clone(), high.clone()], [high, low]] {
        let lost_hash = hash(&second.unsealed[0]);
        let entries = [first.seal(1), second.seal(2)];
        for order in [[0, 1], [1, 0]] {
            let assembled = assemble(CONVERSATION, &order.map(|index: usize| entries[index].clone()));
            assert_eq!(shown(&assembled.document), shown(&first.document));
            assert_eq!(lost(&assembled.lost), [(lost_hash, Cause::Conflict)]);
            assert!(assembled.lost[0].actor.belongs_to(device(1)));
            assert_eq!(assembled.unsettled, [entry(2)]);
            assert_eq!(assembled.refused, []);
        }
    }
}

#[test]
fn what_has_no_place_yet_displaces_nothing_and_at_one_place_the_lower_hash_stays() {
    let [mut low, mut high] = twins();
    let (unplaced, placed) = (low.unsealed.concat(), high.seal(1));
    let local = Incoming::local(device(1), &unplaced);
    let assembled = Document::assemble(CONVERSATION, &[local, placed.open()]);
    assert_eq!(shown(&assembled.document), shown(&high.document));
    let (low_bytes, high_bytes) = (low.seal(2).bytes, placed.bytes);
    let both = [&high_bytes, &low_bytes].map(|bytes| Incoming::local(device(1), bytes));
    assert_eq!(shown(&Document::assemble(CONVERSATION, &both).document), shown(&low.document));
}

#[test]
fn what_was_built_on_a_change_stays_whatever_its_author_says_later() {
    let [mut low, mut high] = twins();
    let on_high = high.seal(1);
    let mut ana = Author::conversation(3);
    ana.receive(std::slice::from_ref(&on_high)).say("an answer");
    let answer = ana.seal(2);
    let assembled = assemble(CONVERSATION, &[on_high, answer, low.seal(3)]);
    assert_eq!(texts(&assembled.document), texts(&ana.document));
    assert_eq!(assembled.unsettled, [entry(3)]);
}

#[test]
fn a_change_counts_only_from_where_what_it_builds_on_counts() {
    let mut ben = Author::conversation(2);
    let late = ben.say("late").seal(5);
    let mut one = Author::conversation(1);
    one.receive(std::slice::from_ref(&late)).say("an answer to what is late");
    let mut other = Author::conversation(1);
    other.say("nobody had to wait for this");
    let entries = [one.seal(2), other.seal(3), late];
    let assembled = assemble(CONVERSATION, &entries);
    assert_eq!(texts(&assembled.document), ["nobody had to wait for this", "late"]);
    assert_eq!(assembled.unsettled, [entry(2)]);
}

#[test]
fn what_builds_on_a_lost_change_is_lost_with_it() {
    let [mut low, mut high] = twins();
    let lost_change = hash(&high.unsealed[0]);
    let on_high = high.seal(2);
    let mut ben = Author::conversation(3);
    ben.receive(std::slice::from_ref(&on_high)).say("an answer");
    let dependent = hash(&ben.unsealed[0]);
    let assembled = assemble(CONVERSATION, &[low.seal(1), on_high, ben.seal(3)]);
    assert_eq!(shown(&assembled.document), shown(&low.document));
    assert_eq!(lost(&assembled.lost), [(lost_change, Cause::Conflict), (dependent, Cause::Dependent)]);
    assert_eq!(assembled.unsettled, [entry(2), entry(3)]);
}

#[test]
fn a_conflict_with_what_is_there_asks_for_a_rebuild_and_changes_nothing() {
    let [mut low, mut high] = twins();
    let mut document = Document::create(CONVERSATION);
    document.apply(&open(&[high.seal(1)])).unwrap();
    let before = shown(&document);
    assert_eq!(document.apply(&open(&[low.seal(2)])), Err(NeedsRebuild));
    assert_eq!(shown(&document), before);
}

#[test]
fn a_conflict_within_one_batch_asks_for_a_rebuild() {
    let [mut low, mut high] = twins();
    let mut document = Document::create(CONVERSATION);
    assert_eq!(document.apply(&open(&[low.seal(1), high.seal(2)])), Err(NeedsRebuild));
}

#[test]
fn a_document_that_once_had_a_conflict_rebuilds_as_long_as_its_losers_are_handed_in() {
    let [mut low, mut high] = twins();
    let entries = [low.seal(1), high.seal(2)];
    let mut document = assemble(CONVERSATION, &entries).document;
    let more = Author::conversation(4).say("more").seal(4);
    assert_eq!(document.apply(&open(&[more, entries[1].clone()])), Err(NeedsRebuild));
}

mod committing_again {
    use super::*;

    /// What device 2 lost because it had built on the change of device 1 that lost.
    fn after_conflict(edit: impl FnOnce(&mut Author)) -> (Document, Vec<Vec<u8>>) {
        let [mut low, mut high] = twins();
        let on_high = high.seal(2);
        let mut ben = Author::conversation(2);
        ben.receive(std::slice::from_ref(&on_high));
        edit(&mut ben);
        let made = ben.unsealed.clone();
        let assembled = assemble(CONVERSATION, &[low.seal(1), on_high, ben.seal(3)]);
        let mine = assembled.lost.iter().filter(|lost| lost.actor.belongs_to(device(2)));
        let mut mine: Vec<_> = mine.map(|lost| lost.bytes.clone()).collect();
        mine.sort_by_key(|bytes| made.iter().position(|change| change == bytes).expect("made by ben"));
        assert_eq!(mine, made, "all that ben wrote is lost");
        (assembled.document, mine)
    }

    fn recommit(document: &mut Document, changes: &[Vec<u8>]) -> Option<Vec<u8>> {
        let fresh = bowline_core::document::Pen {
            actor: bowline_core::document::ActorId::for_device(device(2), [99; 8]),
            ..pen(2)
        };
        let changes: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
        let mut made = document.recommit(fresh, &changes).unwrap();
        assert!(made.len() < 2, "little is written again in one change");
        made.pop()
    }

    #[test]
    fn brings_back_messages_fields_and_labels_in_one_change() {
        let (mut document, lost) = after_conflict(|ben| {
            ben.say("an answer").title("plans").say("another");
            let label =
                ben.document.conversation_mut(ben.pen).unwrap().set_label("work", true).unwrap().unwrap();
            ben.unsealed.push(label);
        });
        let change = recommit(&mut document, &lost).unwrap();
        let conversation = document.conversation().unwrap();
        assert_eq!(conversation.title().as_deref(), Some("plans"));
        assert_eq!(conversation.labels(), ["work"]);
        assert!(texts(&document).ends_with(&["an answer".to_owned(), "another".to_owned()]));
        assert_eq!(document.heads(), [hash(&change)]);

        let sealed = Sealed::new(9, 2, Source::Changes, change);
        let [mut low, _] = twins();
        let other = assemble(CONVERSATION, &[low.seal(1), sealed]);
        assert_eq!(shown(&other.document), shown(&document), "others accept it");
    }

    #[test]
    fn leaves_a_transcript_that_goes_on_after_its_last_entry() {
        let mut ben = Author::conversation(2);
        ben.say("one").say("two").say("three");
        let mut document = Document::create(CONVERSATION);
        recommit(&mut document, &ben.unsealed[2..]).unwrap();
        let mut carl = Author { document, ..Author::conversation(3) };
        carl.say("four");
        let transcript = carl.document.conversation().unwrap().transcript();
        assert_eq!(texts(&carl.document), ["three", "four"]);
        assert_eq!((transcript.leaf, transcript.entries[1].parent), (Some(1), Some(0)));
    }

    #[test]
    fn twice_changes_nothing_the_second_time() {
        let (mut document, lost) = after_conflict(|ben| {
            ben.say("an answer").title("plans");
        });
        assert!(recommit(&mut document, &lost).is_some());
        assert_eq!(recommit(&mut document, &lost), None);
    }

    #[test]
    fn brings_back_names_in_a_profile() {
        use bowline_wire::ids::UserId;
        let (user, id) = (UserId::from_bytes([7; 16]), device(9));
        let mut ben = Author::new(2, Kind::Profile);
        let mut profile = ben.document.profile_mut(ben.pen).unwrap();
        let changes = [
            profile.set_user_name(user, "Ben").unwrap().unwrap(),
            profile.set_device_name(id, "laptop").unwrap().unwrap(),
            profile.set_user_name(user, "Benjamin").unwrap().unwrap(),
        ];
        let mut document = Document::create(Kind::Profile);
        recommit(&mut document, &changes).unwrap();
        assert_eq!(document.profile().unwrap().user_name(user).as_deref(), Some("Benjamin"));
        assert_eq!(document.profile().unwrap().device_name(id).as_deref(), Some("laptop"));
    }

    #[test]
    fn brings_back_deletions_of_fields() {
        let (mut document, lost) = after_conflict(|ben| {
            ben.title("to go");
            let gone = ben.document.conversation_mut(ben.pen).unwrap().set_title(None).unwrap().unwrap();
            ben.unsealed.push(gone);
        });
        recommit(&mut document, &lost);
        assert_eq!(document.conversation().unwrap().title(), None);
    }
}
