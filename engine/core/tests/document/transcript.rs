//! Reading transcripts and fields: one order and one tree on every device, whatever a hostile member has left there.

use crate::support::{Author, Sealed, assemble, editing, pen, texts, transcript};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ObjType, ROOT, ReadDoc, ScalarValue};
use bowline_core::document::{Deletion, Issue, Kind, Origin, Source, Transcript};

const CONVERSATION: Kind = Kind::Conversation;

fn ids(transcript: &Transcript, indexes: &[usize]) -> Vec<String> {
    indexes.iter().map(|index| transcript.entries[*index].id.clone()).collect()
}

mod the_order {
    use super::*;

    #[test]
    fn is_by_position_then_time_then_id() {
        let line = |id: &str, second: u8| {
            format!(r#"{{"id":"{id}","timestamp":"2026-01-31T09:05:0{second}.000Z"}}"#)
        };
        let (mut ana, mut ben, mut cy) =
            (Author::conversation(1), Author::conversation(2), Author::conversation(3));
        for (author, id, second) in [(&mut ana, "b", 2), (&mut ben, "c", 1), (&mut cy, "a", 2)] {
            let change = editing(author).append_raw(&line(id, second)).unwrap().unwrap();
            author.unsealed.push(change);
        }
        let change = editing(&mut cy).append_raw(&line("0", 0)).unwrap().unwrap();
        cy.unsealed.push(change);
        let merged = assemble(CONVERSATION, &[ana.seal(1), ben.seal(2), cy.seal(3)]);
        let merged = merged.document.conversation().unwrap().transcript();
        assert_eq!(ids(&merged, &[0, 1, 2, 3]), ["c", "a", "b", "0"]);
    }
}

mod the_tree {
    use super::*;

    #[test]
    fn marks_branches_and_the_active_path() {
        let tree = transcript(&[
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"message","id":"c","parentId":"b"}"#,
            r#"{"type":"message","id":"d","parentId":"a"}"#,
            r#"{"type":"message","id":"e","parentId":"d"}"#,
        ]);
        assert_eq!(ids(&tree, &tree.path()), ["a", "d", "e"]);
        assert_eq!(tree.leaf, Some(4));
        assert_eq!(tree.entries.iter().map(|entry| entry.children).collect::<Vec<_>>(), [2, 1, 0, 1, 0]);
        assert_eq!(tree.append_to(), Some("e"));
    }

    #[test]
    fn has_its_leaf_moved_by_a_leaf_entry_until_something_is_appended() {
        let mut lines = vec![
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"leaf","id":"x","parentId":"b","targetId":"a"}"#,
        ];
        let moved = transcript(&lines);
        assert_eq!(ids(&moved, &moved.path()), ["a"]);
        assert_eq!(moved.append_to(), Some("a"));
        lines.push(r#"{"type":"message","id":"c","parentId":"a"}"#);
        let appended = transcript(&lines);
        assert_eq!(ids(&appended, &appended.path()), ["a", "c"]);
    }

    #[test]
    fn lets_a_leaf_entry_say_what_the_next_hangs_on() {
        let moved = transcript(&[
            r#"{"type":"message","id":"a","parentId":null}"#,
            r#"{"type":"message","id":"b","parentId":"a"}"#,
            r#"{"type":"leaf","id":"x","parentId":"b","targetId":"b","appendParentId":"a","appendMode":"side"}"#,
        ]);
        assert_eq!((moved.leaf, moved.append_to()), (Some(1), Some("a")));
    }

    #[test]
    fn begins_anew_after_a_leaf_entry_to_nowhere() {
        let moved =
            transcript(&[r#"{"id":"a","parentId":null}"#, r#"{"type":"leaf","id":"x","targetId":null}"#]);
        assert_eq!((moved.leaf, moved.append_to(), moved.path()), (None, None, vec![]));
        assert_eq!(moved.issues, []);
    }

    #[test]
    fn reports_parents_and_targets_that_are_not_there_and_shows_the_entries() {
        let broken = transcript(&[
            r#"{"id":"a","parentId":"gone"}"#,
            r#"{"type":"leaf","id":"x","parentId":"a","targetId":"lost"}"#,
        ]);
        assert_eq!(broken.entries.len(), 2);
        assert_eq!(broken.leaf, Some(0));
        let [a, x] = [0, 1].map(|index: usize| broken.entries[index].key.clone());
        assert_eq!(
            broken.issues,
            [
                Issue::NoParent { key: a, parent: "gone".into() },
                Issue::NoTarget { key: x, target: "lost".into() }
            ]
        );
    }

    #[test]
    fn has_no_circles_even_if_entries_name_each_other_or_themselves() {
        let circle = transcript(&[
            r#"{"id":"a","parentId":"b"}"#,
            r#"{"id":"b","parentId":"a"}"#,
            r#"{"id":"c","parentId":"c"}"#,
        ]);
        assert_eq!(
            circle.entries.iter().map(|entry| entry.parent).collect::<Vec<_>>(),
            [None, Some(0), None]
        );
        assert_eq!(circle.issues.len(), 2);
    }
}

mod hostile_values {
    use super::*;

    /// A conversation in which Eve has done what no Bowline does.
    fn with(edit: impl FnOnce(&mut AutoCommit)) -> Author {
        let mut ana = Author::conversation(1);
        ana.say("one");
        let mut raw = AutoCommit::load(&ana.document.save()).unwrap();
        raw.set_actor(RawActor::from(*pen(5).actor.as_bytes()));
        edit(&mut raw);
        raw.commit();
        let bytes = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
        ana.receive(&[Sealed::new(5, 5, Source::Changes, bytes)]);
        ana
    }

    #[test]
    fn of_the_wrong_type_read_as_absent_and_are_reported() {
        let mut ana = with(|doc| {
            doc.put(ROOT, "title", 7).unwrap();
            doc.put(ROOT, "agent", ScalarValue::Null).unwrap();
            doc.put(ROOT, "pinned", "yes").unwrap();
            doc.put_object(ROOT, "archived", ObjType::Map).unwrap();
            doc.put(ROOT, "deleted_at", ScalarValue::Timestamp(-1)).unwrap();
            let (_, labels) = doc.get(ROOT, "labels").unwrap().unwrap();
            doc.put(&labels, "work", "true").unwrap();
            let (_, origin) = doc.get(ROOT, "origin").unwrap().unwrap();
            doc.put(&origin, "app", vec![1, 2, 3]).unwrap();
        });
        let conversation = ana.document.conversation().unwrap();
        assert_eq!((conversation.title(), conversation.agent(), conversation.labels()), (None, None, vec![]));
        assert_eq!((conversation.is_pinned(), conversation.is_archived()), (false, false));
        assert_eq!((ana.document.deletion(), conversation.origin()), (Deletion::None, Origin::default()));
        let fields: Vec<_> = conversation.issues();
        let expected = ["title", "agent", "pinned", "archived", "deleted_at", "origin/app", "labels/work"];
        assert_eq!(fields, expected.map(|field| Issue::WrongType { field: field.into() }));
        ana.title("mended");
        assert_eq!(ana.document.conversation().unwrap().title().as_deref(), Some("mended"));
        assert_eq!(ana.document.conversation().unwrap().issues().len(), expected.len() - 1);
    }

    #[test]
    fn in_the_transcript_that_do_not_match_their_key_are_ignored_and_reported() {
        let honest = transcript(&[r#"{"id":"a"}"#]).entries[0].key.clone();
        let lying_id = honest.replace("-a-", "-b-");
        let keys = ["", "nonsense", &honest, &lying_id, "00000000-x-00000000"];
        let mut ana = with(|doc| {
            let (_, entries) = doc.get(ROOT, "entries").unwrap().unwrap();
            for key in &keys[1..3] {
                doc.put(&entries, *key, r#"{"id":"other"}"#).unwrap();
            }
            doc.put(&entries, keys[3], r#"{"id":"a"}"#).unwrap();
            doc.put(&entries, keys[4], 7).unwrap();
        });
        ana.say("two");
        let transcript = ana.document.conversation().unwrap().transcript();
        assert_eq!(texts(&ana.document), ["one", "two"]);
        let mut expected =
            keys[1..].iter().map(|key| Issue::KeyMismatch { key: (*key).into() }).collect::<Vec<_>>();
        expected.sort();
        let mut issues = transcript.issues;
        issues.sort();
        assert_eq!(issues, expected);
    }
}
