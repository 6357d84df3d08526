//! What a document takes in from others.

use crate::support::{Author, Sealed, assemble, entry, forge, hash, is_pristine, open, pen, shown, texts};
use automerge::legacy::{Key, ObjectId, OpId, OpType};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId as RawActor, AutoCommit, ObjType, ROOT, ReadDoc};
use bowline_core::document::{Document, Kind, Reason, Source, changes_in};

const CONVERSATION: Kind = Kind::Conversation;

mod honest_entries {
    use super::*;

    #[test]
    fn changes_of_two_devices_come_together_in_either_order() {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        let (a, b) = (ana.say("from ana").seal(1), ben.say("from ben").title("plans").seal(2));
        ana.receive(std::slice::from_ref(&b));
        ben.receive(std::slice::from_ref(&a));
        assert_eq!(shown(&ana.document), shown(&ben.document));
        assert_eq!(shown(&ana.document), shown(&assemble(CONVERSATION, &[b, a]).document));
        assert_eq!(texts(&ana.document).len(), 2);
    }

    #[test]
    fn a_snapshot_that_stands_for_everybody_brings_what_everybody_wrote() {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        ana.say("one");
        let a = ana.seal(1);
        ben.receive(&[a]).say("two");
        let snapshot = ben.snapshot(2).standing_alone_for(&[1, 2]);
        let assembled = assemble(CONVERSATION, &[snapshot]);
        assert_eq!(shown(&assembled.document), shown(&ben.document));
        assert!(assembled.refused.is_empty() && assembled.unsettled.is_empty() && assembled.lost.is_empty());
    }

    #[test]
    fn the_same_entry_twice_is_the_entry_once() {
        let mut ana = Author::conversation(1);
        let a = ana.say("one").seal(1);
        let assembled = assemble(CONVERSATION, &[a.clone(), a.clone(), ana.snapshot(2)]);
        assert_eq!(shown(&assembled.document), shown(&ana.document));
        let mut document = assembled.document;
        assert!(!document.apply(&open(&[a])).unwrap().changed);
    }

    #[test]
    fn an_entry_may_repeat_the_first_change() {
        let bytes =
            [CONVERSATION.first_change(), &Author::conversation(1).say("hello").unsealed.concat()].concat();
        let assembled = assemble(CONVERSATION, &[Sealed::new(1, 1, Source::Changes, bytes)]);
        assert_eq!(texts(&assembled.document), ["hello"]);
    }

    #[test]
    fn an_entry_is_taken_apart_into_its_changes_each_behind_what_it_builds_on() {
        let mut ana = Author::conversation(1);
        ana.say("one").say("two").title("t");
        let made = ana.unsealed.clone();
        let apart = |source, bytes: &[u8]| -> Vec<Vec<u8>> {
            changes_in(CONVERSATION, source, bytes).unwrap().into_iter().map(Vec::from).collect()
        };
        assert_eq!(apart(Source::Changes, &made.concat()), made);
        let backwards: Vec<Vec<u8>> = made.iter().rev().cloned().collect();
        assert_eq!(apart(Source::Changes, &backwards.concat()), made);
        let mut all = made;
        all.insert(0, CONVERSATION.first_change().to_vec());
        let whole = ana.document.save();
        assert_eq!(apart(Source::Snapshot, &whole), all);
        assert!(changes_in(CONVERSATION, Source::Snapshot, &whole[1..]).is_err());
        assert!(changes_in(CONVERSATION, Source::Changes, &whole).is_err());
    }

    #[test]
    fn what_came_in_survives_being_saved_and_loaded() {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        let a = ana.say("one").say("two").seal(1);
        ben.say("three").receive(&[a]).title("t").say("four");
        let loaded = Document::load(CONVERSATION, &ben.document.save()).unwrap();
        assert_eq!(shown(&loaded), shown(&ben.document));
    }

    #[test]
    fn a_device_can_go_on_from_a_loaded_base_with_its_own_unsealed_changes() {
        let mut ana = Author::conversation(1);
        ana.say("sealed long ago");
        let base = ana.document.save();
        ana.unsealed.clear();
        ana.say("not sealed yet").say("nor this");
        let mut loaded = Document::load(CONVERSATION, &base).unwrap();
        let rows = ana.unsealed.concat();
        let local = bowline_core::document::Incoming::local(crate::support::device(1), &rows);
        assert!(loaded.apply(&[local]).unwrap().changed);
        assert_eq!(shown(&loaded), shown(&ana.document));
    }
}

mod waiting {
    use super::*;

    #[test]
    fn a_change_whose_ancestors_have_not_arrived_waits_and_is_no_head() {
        let mut ana = Author::conversation(1);
        let first = ana.say("one").seal(1);
        let second = ana.say("two").seal(2);
        let mut document = Document::create(CONVERSATION);
        let applied = document.apply(&open(std::slice::from_ref(&second))).unwrap();
        assert_eq!((applied.changed, applied.unsettled), (false, vec![entry(2)]));
        assert!(is_pristine(&document));
        let waiting = assemble(CONVERSATION, std::slice::from_ref(&second));
        assert_eq!((waiting.unsettled, is_pristine(&waiting.document)), (vec![entry(2)], true));

        let applied = document.apply(&open(&[second, first])).unwrap();
        assert_eq!((applied.changed, applied.unsettled), (true, vec![]));
        assert_eq!(shown(&document), shown(&ana.document));
    }

    #[test]
    fn an_entry_is_unsettled_until_all_of_it_is_in() {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        let a = ana.say("one").seal(1);
        ben.say("before");
        ben.receive(std::slice::from_ref(&a)).say("after");
        let b = ben.seal(2);
        let mut document = Document::create(CONVERSATION);
        let applied = document.apply(&open(std::slice::from_ref(&b))).unwrap();
        assert_eq!((applied.changed, applied.unsettled), (true, vec![entry(2)]));
        assert_eq!(texts(&document), ["before"]);
        assert_eq!(document.apply(&open(&[a, b])).unwrap().unsettled, []);
        assert_eq!(shown(&document), shown(&ben.document));
    }
}

mod transcripts_only_grow {
    use super::*;

    fn entries_map() -> ObjectId {
        let first = automerge::Change::try_from(CONVERSATION.first_change()).unwrap();
        ObjectId::Id(OpId(3, first.actor_id().clone()))
    }

    /// A conversation of Ben's, and what Eve makes of his message.
    fn eve(action: OpType) -> (Author, Reason) {
        let mut ben = Author::conversation(2);
        let good = ben.say("ben's message").seal(2);
        let key = ben.document.conversation().unwrap().transcript().entries[0].key.clone();
        let mut eve = Author::conversation(1);
        eve.receive(std::slice::from_ref(&good)).title("t");
        let bad = forge(&eve.unsealed[0], |change| {
            let operation = &mut change.operations[0];
            operation.pred =
                vec![OpId(change.start_op.get() - 1, RawActor::from(*pen(2).actor.as_bytes()))].into();
            operation.obj = entries_map();
            operation.key = Key::Map(key.as_str().into());
            operation.action = action;
        });
        let assembled = assemble(CONVERSATION, &[good, Sealed::new(1, 1, Source::Changes, bad)]);
        assert_eq!(texts(&assembled.document), ["ben's message"]);
        (ben, assembled.refused[0].reason.clone())
    }

    #[test]
    fn nobody_removes_another_members_message() {
        assert_eq!(eve(OpType::Delete).1, Reason::AppendOnly);
    }

    #[test]
    fn nobody_overwrites_another_members_message() {
        assert_eq!(eve(OpType::Put("nothing to see".into())).1, Reason::AppendOnly);
    }

    #[test]
    fn nobody_hides_messages_by_replacing_the_map_they_are_in() {
        let mut ana = Author::conversation(1);
        ana.say("one");
        let mut raw = AutoCommit::load(&ana.document.save()).unwrap();
        raw.set_actor(RawActor::from(*pen(2).actor.as_bytes()));
        raw.put_object(ROOT, "entries", ObjType::Map).unwrap();
        raw.put_object(ROOT, "labels", ObjType::Map).unwrap();
        raw.commit();
        let bytes = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
        ana.receive(&[Sealed::new(2, 2, Source::Changes, bytes)]).say("two");
        assert_eq!(texts(&ana.document), ["one", "two"]);
        let loaded = Document::load(CONVERSATION, &ana.document.save()).unwrap();
        assert_eq!(texts(&loaded), ["one", "two"]);
    }

    #[test]
    fn nobody_hides_a_message_by_writing_something_else_under_its_key_first() {
        let mut ana = Author::conversation(1);
        let line = r#"{"type":"message","id":"0badcafe","message":{"role":"user","content":"kept"}}"#;
        let honest = ana.document.conversation_mut(ana.pen).unwrap().append_raw(line).unwrap().unwrap();
        let key = ana.document.conversation().unwrap().transcript().entries[0].key.clone();
        let mut raw = AutoCommit::load(&Document::create(CONVERSATION).save()).unwrap();
        raw.set_actor(RawActor::from(*pen(2).actor.as_bytes()));
        let (_, entries) = raw.get(ROOT, "entries").unwrap().unwrap();
        raw.put(&entries, key.as_str(), "squatted").unwrap();
        raw.commit_with(CommitOptions::default());
        let squat = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
        let squat = Sealed::new(2, 2, Source::Changes, squat);

        let both = [Sealed::new(1, 1, Source::Changes, honest), squat.clone()];
        assert_eq!(texts(&assemble(CONVERSATION, &both).document), ["kept"]);

        let mut late = Author::conversation(3);
        late.receive(&[squat]);
        let change = late.document.conversation_mut(late.pen).unwrap().append_raw(line).unwrap().unwrap();
        assert_eq!(texts(&late.document), ["kept"]);
        assert!(late.document.contains(&hash(&change)));
    }
}
