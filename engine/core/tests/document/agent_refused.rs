//! What nobody can do to the texts of an agent, whatever bytes a hostile member seals.

use crate::support::{Author, Sealed, assemble, files, forge, owned, pen, shown};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ExpandedChange, ObjType, ROOT, ReadDoc, ScalarValue};
use bowline_core::document::{Document, Kind, Reason, Source};

const AGENT: Kind = Kind::Agent;

/// Ben's agent, and a change of Eve's that puts one character after his last one.
fn stage() -> (Author, Sealed, Vec<u8>) {
    let mut ben = Author::agent(2);
    ben.write("a", "ben's").write("b", "other");
    let entry = ben.seal(2);
    let mut eve = Author::agent(1);
    eve.receive(std::slice::from_ref(&entry)).write("a", "ben's!");
    let change = eve.unsealed.remove(0);
    (ben, entry, change)
}

/// The reason for which Eve's change is refused once it was changed so, in whatever company and order.
fn reason(edit: impl FnOnce(&mut Op)) -> Reason {
    let (ben, entry, change) = stage();
    refused(&ben, &entry, forge(&change, |change| edit(&mut change.operations[0])))
}

fn refused(ben: &Author, entry: &Sealed, bytes: Vec<u8>) -> Reason {
    let hostile = Sealed::new(1, 1, Source::Changes, bytes);
    let mut ben = ben.clone();
    let more = ben.write("b", "ben's other").seal(3);
    let all = [entry.clone(), hostile.clone(), more.clone()];
    let mut reasons = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let assembled = assemble(AGENT, &order.map(|index: usize| all[index].clone()));
        assert_eq!(shown(&assembled.document), shown(&ben.document), "nothing of it stays");
        reasons.extend(assembled.refused.into_iter().map(|refused| refused.reason));
    }
    assert_eq!(reasons.len(), 3);
    reasons.pop().unwrap()
}

/// The operation that made Ben's text, or a character of it: operations are numbered on from the first change.
fn ben(counter: u64) -> OpId {
    OpId(counter, RawActor::from(*pen(2).actor.as_bytes()))
}

fn first_change(counter: u64) -> ObjectId {
    let first = automerge::Change::try_from(AGENT.first_change()).unwrap();
    ObjectId::Id(OpId(counter, first.actor_id().clone()))
}

/// Ben's text `a` and its first character; then `b` and its.
const TEXT: u64 = 9;
const OTHER: u64 = TEXT + 6;

fn is_at_the_end(op: &Op) -> bool {
    op.obj == ObjectId::Id(ben(TEXT)) && op.key == Key::Seq(ElementId::Id(ben(TEXT + 5))) && op.insert
}

#[test]
fn the_unforged_change_is_accepted() {
    let (_, entry, change) = stage();
    let op = ExpandedChange::from(&automerge::Change::try_from(&change[..]).unwrap()).operations.remove(0);
    assert!(is_at_the_end(&op), "{op:?}");
    let assembled = assemble(AGENT, &[entry, Sealed::new(1, 1, Source::Changes, change)]);
    assert_eq!(assembled.refused, []);
    assert_eq!(files(&assembled.document), owned(&[("a", "ben's!"), ("b", "other")]));
}

/// Automerge takes it, and where it then stands in the map depends on what came before.
#[test]
fn a_character_in_a_map() {
    for object in [ObjectId::Root, first_change(7)] {
        let reason = reason(|op| op.obj = object);
        assert_eq!(reason, Reason::UnknownOperation("a list"));
    }
}

#[test]
fn a_character_in_what_is_no_text() {
    let reason = reason(|op| op.obj = ObjectId::Id(ben(TEXT + 1)));
    assert!(matches!(reason, Reason::Panicked | Reason::Unfaithful | Reason::Rejected), "{reason}");
}

#[test]
fn a_character_after_one_of_another_text_or_of_none() {
    for element in [ben(OTHER + 2), ben(OTHER), ben(TEXT)] {
        let reason = reason(|op| op.key = Key::Seq(ElementId::Id(element)));
        assert!(matches!(reason, Reason::Panicked | Reason::Unfaithful | Reason::Rejected), "{reason}");
    }
}

#[test]
fn a_character_after_one_that_its_author_has_not_seen() {
    let reason =
        reason(|op| op.key = Key::Seq(ElementId::Id(OpId(9, RawActor::from(*pen(7).actor.as_bytes())))));
    assert_eq!(reason, Reason::BrokenHistory("refers to an operation it has not seen"));
}

#[test]
fn anything_but_one_character_in_a_text() {
    for value in [
        ScalarValue::Str("two".into()),
        ScalarValue::Str("".into()),
        ScalarValue::Null,
        ScalarValue::Int(7),
        ScalarValue::Bytes(vec![b'x']),
    ] {
        assert_eq!(
            reason(|op| op.action = OpType::Put(value)),
            Reason::UnknownOperation("no character of a text")
        );
    }
    for made in [ObjType::Map, ObjType::List, ObjType::Text] {
        assert_eq!(
            reason(|op| op.action = OpType::Make(made)),
            Reason::UnknownOperation("no character of a text")
        );
    }
    assert_eq!(
        reason(|op| op.action = OpType::Put(ScalarValue::counter(1))),
        Reason::UnknownOperation("counter")
    );
}

#[test]
fn an_overwritten_or_incremented_character() {
    let unknown = Reason::UnknownOperation("no character of a text");
    let overwrites = |op: &mut Op| {
        op.insert = false;
        op.pred = vec![ben(TEXT + 5)].into();
    };
    assert_eq!(reason(overwrites), unknown);
    assert_eq!(reason(|op| op.insert = false), unknown);
    assert_eq!(reason(|op| op.pred = vec![ben(TEXT + 5)].into()), unknown);
    let increments = |op: &mut Op| {
        overwrites(op);
        op.action = OpType::Increment(1);
    };
    assert_eq!(reason(increments), unknown);
}

fn deletes(op: &mut Op) {
    op.insert = false;
    op.action = OpType::Delete;
    op.pred = vec![ben(TEXT + 5)].into();
}

#[test]
fn a_removal_of_something_else_than_it_names() {
    let unknown = Reason::UnknownOperation("no character of a text");
    let no_reason =
        |reason: Reason| assert!(matches!(reason, Reason::Panicked | Reason::Unfaithful), "{reason}");
    assert_eq!(
        reason(|op| {
            deletes(op);
            op.insert = true;
        }),
        unknown
    );
    assert_eq!(
        reason(|op| {
            deletes(op);
            op.pred = vec![].into();
        }),
        unknown
    );
    assert_eq!(
        reason(|op| {
            deletes(op);
            op.key = Key::Seq(ElementId::Head);
        }),
        unknown
    );
    no_reason(reason(|op| {
        deletes(op);
        op.pred = vec![ben(TEXT + 4)].into();
    }));
    no_reason(reason(|op| {
        deletes(op);
        op.pred = vec![ben(OTHER + 1)].into();
    }));
    no_reason(reason(|op| {
        deletes(op);
        op.pred = vec![ben(TEXT)].into();
    }));
    no_reason(reason(|op| {
        deletes(op);
        op.key = Key::Seq(ElementId::Id(ben(OTHER + 1)));
        op.pred = vec![ben(OTHER + 1)].into();
    }));
}

#[test]
fn a_field_in_a_text() {
    let under_a_key = |op: &mut Op| {
        op.insert = false;
        op.key = Key::Map("key".into());
    };
    assert_eq!(reason(under_a_key), Reason::UnknownOperation("a map in a map"));
    assert_eq!(reason(|op| op.key = Key::Map("key".into())), Reason::Malformed("insertion under a key"));
}

/// A change of Eve's on top of Ben's agent, made with Automerge itself.
fn raw_change(ben: &Author, edit: impl FnOnce(&mut AutoCommit, automerge::ObjId)) -> Vec<u8> {
    let mut raw = AutoCommit::load(&ben.document.save()).unwrap();
    raw.set_actor(RawActor::from(*pen(1).actor.as_bytes()));
    let files = raw.get(ROOT, "files").unwrap().unwrap().1;
    edit(&mut raw, files);
    raw.commit();
    raw.get_last_local_change().unwrap().raw_bytes().to_vec()
}

#[test]
fn another_text_or_anything_else_in_the_place_of_a_file() {
    let edits: [fn(&mut AutoCommit, automerge::ObjId); 5] = [
        |raw, files| raw.delete(&files, "a").unwrap(),
        |raw, files| drop(raw.put_object(&files, "a", ObjType::Text).unwrap()),
        |raw, files| raw.put(&files, "a", "no text").unwrap(),
        |raw, files| raw.put(&files, "new", "no text").unwrap(),
        |raw, files| drop(raw.put_object(&files, "new", ObjType::Map).unwrap()),
    ];
    for edit in edits {
        let (ben, entry, _) = stage();
        let change = raw_change(&ben, edit);
        assert_eq!(refused(&ben, &entry, change), Reason::AppendOnly);
    }
}

#[test]
fn maps_lists_texts_and_marks_that_no_agent_has() {
    let edits: [fn(&mut AutoCommit, automerge::ObjId); 4] = [
        |raw, _| drop(raw.put_object(ROOT, "x", ObjType::Map).unwrap()),
        |raw, _| drop(raw.put_object(ROOT, "x", ObjType::List).unwrap()),
        |raw, _| drop(raw.put_object(ROOT, "x", ObjType::Text).unwrap()),
        |raw, files| {
            let text = raw.get(&files, "a").unwrap().unwrap().1;
            let mark = automerge::marks::Mark::new("bold".to_owned(), true, 0, 2);
            raw.mark(&text, mark, automerge::marks::ExpandMark::Both).unwrap();
        },
    ];
    for edit in edits {
        let (ben, entry, _) = stage();
        let reason = refused(&ben, &entry, raw_change(&ben, edit));
        assert!(reason.needs_update(), "{reason}");
    }
}

/// The name of the map in the root is nobody's to hide files with.
#[test]
fn overwriting_the_name_of_the_map_of_files_hides_nothing() {
    let (ben, entry, _) = stage();
    let change = raw_change(&ben, |raw, _| raw.put(ROOT, "files", "mine now").unwrap());
    let both = assemble(AGENT, &[entry, Sealed::new(1, 1, Source::Changes, change)]);
    assert_eq!((files(&both.document), both.refused), (files(&ben.document), vec![]));
    let document: Document = both.document;
    assert_eq!(document.agent().unwrap().issues(), []);
}
