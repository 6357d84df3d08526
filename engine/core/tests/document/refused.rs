//! What a document refuses, and that the refused does not disturb the rest.

use crate::support::{Author, Sealed, assemble, entry, forge, is_pristine, open, pen, shown};
use automerge::legacy::{ObjectId, OpId, OpType};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ObjType, ROOT, ScalarValue};
use bowline_core::document::limits::{CHANGES_MAX, CONTENT_MAX, OP_COUNTER_MAX, OPS_MAX, REFERENCES_MAX};
use bowline_core::document::{Document, Kind, NeedsRebuild, Reason, Refused, Source};

const CONVERSATION: Kind = Kind::Conversation;

/// The reason for which an entry of these bytes, sealed by device 1, is refused.
fn reason(source: Source, bytes: Vec<u8>) -> Reason {
    let assembled = assemble(CONVERSATION, &[Sealed::new(1, 1, source, bytes.clone())]);
    assert_eq!(assembled.document.heads(), Document::create(CONVERSATION).heads(), "nothing of it stays");
    let mut document = Document::create(CONVERSATION);
    let applied = document.apply(&open(&[Sealed::new(1, 1, source, bytes)]));
    if let Ok(applied) = applied {
        assert_eq!(applied.refused, assembled.refused, "apply and assemble agree");
        assert!(!applied.changed);
    }
    let [Refused { entry: refused, reason, .. }] = <[_; 1]>::try_from(assembled.refused).expect("refused");
    assert_eq!(refused, entry(1));
    reason
}

fn refused_as_changes(bytes: Vec<u8>) -> Reason {
    reason(Source::Changes, bytes)
}

/// The raw bytes of one message by device 1 on an untouched conversation.
fn message() -> Vec<u8> {
    Author::conversation(1).say("hello").unsealed.remove(0)
}

/// A change by device 1 on an untouched conversation, made with Automerge itself.
fn raw_change(edit: impl FnOnce(&mut AutoCommit)) -> Vec<u8> {
    let mut doc = AutoCommit::load(&Document::create(CONVERSATION).save()).unwrap();
    doc.set_actor(RawActor::from(*pen(1).actor.as_bytes()));
    edit(&mut doc);
    doc.commit();
    doc.get_last_local_change().unwrap().raw_bytes().to_vec()
}

#[test]
fn a_change_entry_with_another_devices_change() {
    let bytes = Author::conversation(2).say("in ben's name").unsealed.remove(0);
    assert_eq!(refused_as_changes(bytes), Reason::NotTheAuthors(pen(2).actor));
}

#[test]
fn a_change_entry_as_a_whole_even_if_only_one_change_is_anothers() {
    let foreign = Author::conversation(2).say("in ben's name").unsealed.remove(0);
    assert_eq!(refused_as_changes([message(), foreign].concat()), Reason::NotTheAuthors(pen(2).actor));
}

#[test]
fn one_entry_without_disturbing_the_others() {
    let mut ben = Author::conversation(2);
    let good = ben.say("good").seal(2);
    let bad = Sealed::new(1, 1, Source::Changes, b"nonsense".to_vec());
    let assembled = assemble(CONVERSATION, &[bad.clone(), good.clone()]);
    assert_eq!(assembled.refused.len(), 1);
    assert_eq!(shown(&assembled.document), shown(&ben.document));
    let mut document = Document::create(CONVERSATION);
    assert_eq!(document.apply(&open(&[good, bad])).unwrap().refused.len(), 1);
    assert_eq!(shown(&document), shown(&ben.document));
}

#[test]
fn a_flipped_bit_anywhere() {
    let bytes = message();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused_as_changes(flipped);
    }
}

#[test]
fn bytes_after_the_last_change() {
    assert!(matches!(refused_as_changes([message(), vec![0]].concat()), Reason::Malformed(_)));
}

#[test]
fn bytes_after_a_snapshot() {
    let bytes = [Author::conversation(1).say("x").document.save(), message()].concat();
    assert_eq!(reason(Source::Snapshot, bytes), Reason::Malformed("more than a document"));
}

#[test]
fn a_payload_beyond_its_limit() {
    assert_eq!(refused_as_changes(vec![0; CONTENT_MAX + 1]), Reason::TooLarge(CONTENT_MAX + 1));
}

/// Why an entry of these bytes is refused, if it is.
fn why(bytes: Vec<u8>) -> Option<Reason> {
    let assembled = assemble(CONVERSATION, &[Sealed::new(1, 1, Source::Changes, bytes)]);
    assembled.refused.into_iter().next().map(|refused| refused.reason)
}

#[test]
fn a_payload_at_its_limit_is_read() {
    assert!(matches!(why(vec![0; CONTENT_MAX]), Some(Reason::Malformed(_))));
}

#[test]
fn more_changes_than_one_entry_may_hold() {
    let too_many = Some(Reason::TooMany("changes"));
    assert_ne!(why(message().repeat(CHANGES_MAX)), too_many);
    assert_eq!(why(message().repeat(CHANGES_MAX + 1)), too_many);
}

#[test]
fn more_operations_than_one_entry_may_hold() {
    let with = |count| {
        forge(&message(), |change| {
            let mut operation = change.operations[0].clone();
            operation.action = OpType::Put(ScalarValue::Null);
            change.operations = vec![operation; count];
        })
    };
    let too_many = Some(Reason::TooMany("operations"));
    assert_ne!(why(with(OPS_MAX)), too_many);
    assert_eq!(why(with(OPS_MAX + 1)), too_many);
}

#[test]
fn more_references_than_one_entry_may_hold() {
    let with = |count: usize| {
        let actor = RawActor::from(*pen(1).actor.as_bytes());
        let pred: Vec<_> = (1..=count as u64).map(|n| OpId(n, actor.clone())).collect();
        forge(&message(), |change| change.operations[0].pred = pred.into())
    };
    let too_many = Some(Reason::TooMany("references"));
    assert_ne!(why(with(REFERENCES_MAX)), too_many);
    assert_eq!(why(with(REFERENCES_MAX + 1)), too_many);
}

#[test]
fn operations_counted_beyond_what_automerge_adds_to() {
    let two_ending_at = |last: u64| {
        forge(&message(), |change| {
            change.operations = vec![change.operations[0].clone(); 2];
            change.start_op = (last - 1).try_into().unwrap();
        })
    };
    let beyond = Some(Reason::BrokenHistory("operation counter beyond its limit"));
    assert_ne!(why(two_ending_at(OP_COUNTER_MAX)), beyond);
    assert_eq!(why(two_ending_at(OP_COUNTER_MAX + 1)), beyond);
}

#[test]
fn a_change_numbered_beyond_what_automerge_adds_to() {
    let numbered = |seq| forge(&message(), |change| change.seq = seq);
    let beginning_at = |first: u64| forge(&message(), |change| change.start_op = first.try_into().unwrap());
    let beyond = Some(Reason::BrokenHistory("number beyond its limit"));
    assert_ne!(why(numbered(OP_COUNTER_MAX)), beyond);
    assert_eq!(why(numbered(OP_COUNTER_MAX + 1)), beyond);
    assert_ne!(why(beginning_at(OP_COUNTER_MAX)), beyond);
    assert_eq!(why(beginning_at(OP_COUNTER_MAX + 1)), beyond);
}

#[test]
fn deflated_changes_and_documents() {
    let line = format!(r#"{{"type":"message","id":"a","text":"{}"}}"#, "long ".repeat(1000));
    let mut ana = Author::conversation(1);
    let raw = ana.document.conversation_mut(ana.pen).unwrap().append_raw(&line).unwrap().unwrap();
    let deflated = automerge::Change::try_from(&raw[..]).unwrap().bytes().into_owned();
    assert!(deflated.len() < raw.len());
    assert_eq!(refused_as_changes(deflated), Reason::Compressed);
    let deflated = automerge::Automerge::load(&ana.document.save()).unwrap().save();
    assert_eq!(reason(Source::Snapshot, deflated), Reason::Compressed);
}

#[test]
fn a_document_where_changes_should_be_and_the_reverse() {
    let document = Author::conversation(1).say("x").document.save();
    assert_eq!(refused_as_changes(document), Reason::Malformed("a document among changes"));
    assert_eq!(reason(Source::Snapshot, message()), Reason::Malformed("not a document"));
}

#[test]
fn a_change_that_hangs_on_nothing() {
    let bytes = forge(&message(), |change| change.deps.clear());
    assert_eq!(refused_as_changes(bytes), Reason::NoFirstChange);
}

#[test]
fn another_first_change_than_the_built_in_one() {
    let bytes = forge(CONVERSATION.first_change(), |change| change.time = 1);
    assert_eq!(refused_as_changes(bytes), Reason::ForgedFirstChange);
}

#[test]
fn the_built_in_actor_making_a_second_change() {
    let actor = automerge::Change::try_from(CONVERSATION.first_change()).unwrap().actor_id().clone();
    let bytes = forge(&message(), |change| {
        change.actor_id = actor;
        change.seq = 2;
    });
    assert_eq!(refused_as_changes(bytes), Reason::ForgedFirstChange);
}

#[test]
fn another_kind_of_document() {
    assert_eq!(refused_as_changes(Kind::Profile.first_change().to_vec()), Reason::WrongKind(2));
    assert_eq!(reason(Source::Snapshot, Document::create(Kind::Profile).save()), Reason::WrongKind(2));
}

#[test]
fn a_schema_step_to_come_as_update_needed() {
    let bytes = forge(CONVERSATION.first_change(), |change| {
        let mut actor = change.actor_id.to_bytes().to_vec();
        actor[23] = 2;
        change.actor_id = RawActor::from(actor);
    });
    let reason = refused_as_changes(bytes);
    assert_eq!(reason, Reason::UnknownSchema { kind: 1, schema: 2 });
    assert!(reason.needs_update());
}

#[test]
fn operations_to_come_as_update_needed() {
    for edit in [
        |doc: &mut AutoCommit| drop(doc.put_object(ROOT, "list", ObjType::List).unwrap()),
        |doc: &mut AutoCommit| drop(doc.put_object(ROOT, "text", ObjType::Text).unwrap()),
        |doc: &mut AutoCommit| doc.put(ROOT, "counter", ScalarValue::counter(1)).unwrap(),
    ] {
        let reason = refused_as_changes(raw_change(edit));
        assert!(reason.needs_update(), "{reason}");
    }
}

#[test]
fn commit_messages_and_author_footers() {
    let bytes = forge(&message(), |change| change.message = Some("m".into()));
    assert_eq!(refused_as_changes(bytes), Reason::Unused("commit messages"));
    let bytes = forge(&message(), |change| change.extra_bytes = vec![1]);
    assert_eq!(refused_as_changes(bytes), Reason::Unused("author footers"));
}

#[test]
fn actors_that_are_no_devices() {
    let bytes = forge(&message(), |change| change.actor_id = RawActor::from(vec![1; 16]));
    assert_eq!(refused_as_changes(bytes), Reason::Malformed("actor"));
}

#[test]
fn operations_that_skip_counters_or_use_them_again() {
    let start = automerge::Change::try_from(&message()[..]).unwrap().start_op().get();
    for skipped in [start - 1, start + 1, start + (1 << 20), 1 << 31] {
        let bytes = forge(&message(), |change| change.start_op = skipped.try_into().unwrap());
        assert!(matches!(refused_as_changes(bytes), Reason::BrokenHistory(_)), "{skipped}");
    }
}

#[test]
fn operation_counters_beyond_31_bits() {
    for start in [(1 << 31) + 1, u64::from(u32::MAX), 1 << 40, u64::MAX] {
        let bytes = forge(&message(), |change| change.start_op = start.try_into().unwrap());
        assert_eq!(refused_as_changes(bytes), Reason::BrokenHistory("number beyond its limit"));
    }
}

#[test]
fn a_change_that_is_not_its_actors_next() {
    for seq in [2, 3, 1 << 31] {
        let bytes = forge(&message(), |change| change.seq = seq);
        assert_eq!(refused_as_changes(bytes), Reason::BrokenHistory("not its actor's next change"));
    }
}

#[test]
fn a_change_that_repeats_its_actors_number_on_top_of_it() {
    let mut ana = Author::conversation(1);
    let first = ana.say("one").unsealed[0].clone();
    let second = forge(&ana.say("two").unsealed[1].clone(), |change| change.seq = 1);
    assert_eq!(
        refused_as_changes([first, second].concat()),
        Reason::BrokenHistory("not its actor's next change")
    );
}

/// Whether such a change takes effect would depend on what happened to be there before it.
#[test]
fn a_change_that_overwrites_what_its_author_had_not_seen() {
    let mut ben = Author::conversation(2);
    let seen_by_nobody = ben.title("ben's").seal(2);
    let bytes = forge(&Author::conversation(1).title("ana's").unsealed[0], |change| {
        let id = OpId(change.start_op.get() - 1, RawActor::from(*pen(2).actor.as_bytes()));
        change.operations[0].pred = vec![id].into();
    });
    assert_eq!(
        refused_as_changes(bytes.clone()),
        Reason::BrokenHistory("refers to an operation it has not seen")
    );
    for order in [[0, 1], [1, 0]] {
        let entries = [seen_by_nobody.clone(), Sealed::new(1, 1, Source::Changes, bytes.clone())];
        let assembled = assemble(CONVERSATION, &order.map(|index: usize| entries[index].clone()));
        assert_eq!(assembled.refused.len(), 1);
        assert_eq!(shown(&assembled.document), shown(&ben.document));
    }
}

#[test]
fn a_change_that_overwrites_what_does_not_exist() {
    let bytes = forge(&Author::conversation(1).title("ana's").unsealed[0], |change| {
        let first = automerge::Change::try_from(CONVERSATION.first_change()).unwrap();
        change.operations[0].pred = vec![OpId(1, first.actor_id().clone())].into(); // `kind`, not `title`
    });
    assert!(matches!(refused_as_changes(bytes), Reason::Unfaithful | Reason::Panicked));
}

#[test]
fn a_change_that_writes_into_what_is_no_map() {
    let bytes = forge(&Author::conversation(1).title("ana's").unsealed[0], |change| {
        let first = automerge::Change::try_from(CONVERSATION.first_change()).unwrap();
        change.operations[0].obj = ObjectId::Id(OpId(1, first.actor_id().clone()));
    });
    assert!(matches!(refused_as_changes(bytes), Reason::Panicked | Reason::Unfaithful | Reason::Rejected));
}

#[test]
fn an_entry_that_cannot_be_applied_without_the_good_ones_around_it() {
    let (mut ben, mut eve) = (Author::conversation(2), Author::conversation(1));
    let good = ben.say("one").say("two").seal(2);
    let bad = forge(&eve.title("x").unsealed[0], |change| {
        let first = automerge::Change::try_from(CONVERSATION.first_change()).unwrap();
        change.operations[0].obj = ObjectId::Id(OpId(1, first.actor_id().clone()));
    });
    let entries = [Sealed::new(1, 1, Source::Changes, bad), good];
    let assembled = assemble(CONVERSATION, &entries);
    assert_eq!(assembled.refused.iter().map(|refused| refused.entry).collect::<Vec<_>>(), [entry(1)]);
    assert_eq!(shown(&assembled.document), shown(&ben.document));
    let mut document = Document::create(CONVERSATION);
    assert_eq!(document.apply(&open(&entries)), Err(NeedsRebuild));
    assert!(is_pristine(&document), "a failed apply leaves the document as it was");
}

#[test]
fn a_change_that_lists_a_dependency_twice() {
    let bytes = forge(&message(), |change| change.deps.push(change.deps[0]));
    assert_eq!(refused_as_changes(bytes), Reason::Malformed("dependency listed twice"));
}

#[test]
fn a_change_that_does_nothing() {
    let bytes = forge(&message(), |change| change.operations.clear());
    assert_eq!(refused_as_changes(bytes), Reason::Malformed("no operations"));
}
