//! Editing conversations: what a person does, and what it comes to.

use crate::support::{
    Author, NOW, Sealed, assemble, editing, hash, is_pristine, open, pen, shown, texts, transcript,
};
use bowline_core::document::limits::{
    LINE_ID_MAX, LINE_MAX, NAME_MAX, SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX,
};
use bowline_core::document::{Deletion, Document, EditError, Issue, Kind, MessageId, Origin, Role, Source};
use bowline_wire::ids::Millis;
use proptest::prelude::*;

const CONVERSATION: Kind = Kind::Conversation;

mod edits {
    use super::*;

    type Edit = fn(&mut Author) -> Result<Option<Vec<u8>>, EditError>;

    #[test]
    fn each_is_exactly_one_change_whose_bytes_bring_it_to_another_device() {
        let mut ana = Author::conversation(1);
        let mut copy = Document::create(CONVERSATION);
        let edits: [Edit; 9] = [
            |ana| editing(ana).append_message(MessageId::from_bytes([1; 4]), Role::User, "hello", NOW),
            |ana| editing(ana).append_raw(r#"{"type":"custom","id":"x"}"#),
            |ana| editing(ana).set_title(Some("title")),
            |ana| editing(ana).set_label("work", true),
            |ana| editing(ana).set_pinned(true),
            |ana| editing(ana).set_archived(true),
            |ana| {
                editing(ana).set_origin(&Origin {
                    app: Some("openclaw".into()),
                    session: Some("s".into()),
                    ..Origin::default()
                })
            },
            |ana| ana.document.delete(ana.pen),
            |ana| ana.document.restore(ana.pen),
        ];
        for edit in edits {
            let before = ana.document.heads();
            let change = edit(&mut ana).unwrap().expect("an edit that changes something");
            assert_eq!(ana.document.heads(), [hash(&change)]);
            assert_ne!(ana.document.heads(), before);
            assert_eq!(automerge::Change::try_from(&change[..]).unwrap().timestamp(), 1_769_850_300);
            assert!(copy.apply(&open(&[Sealed::new(1, 1, Source::Changes, change)])).unwrap().changed);
            assert_eq!(shown(&copy), shown(&ana.document));
        }
    }

    #[test]
    fn that_change_nothing_make_no_change() {
        let mut ana = Author::conversation(1);
        for _ in 0..2 {
            let mut it = editing(&mut ana);
            it.append_raw(r#"{"id":"x"}"#).unwrap();
            it.set_title(Some("title")).unwrap();
            it.set_label("work", true).unwrap();
            it.set_pinned(true).unwrap();
            it.set_origin(&Origin { app: Some("a".into()), ..Origin::default() }).unwrap();
            ana.document.delete(ana.pen).unwrap();
        }
        let heads = ana.document.heads();
        let mut it = editing(&mut ana);
        assert_eq!(it.set_title(Some("title")), Ok(None));
        assert_eq!(it.set_label("work", true), Ok(None));
        assert_eq!(it.set_label("home", false), Ok(None));
        assert_eq!(it.set_pinned(true), Ok(None));
        assert_eq!(it.set_archived(false), Ok(None));
        assert_eq!(it.set_origin(&Origin { app: Some("a".into()), ..Origin::default() }), Ok(None));
        assert_eq!(ana.document.delete(ana.pen), Ok(None));
        assert_eq!(ana.document.heads(), heads);
        assert_eq!(Document::load(CONVERSATION, &ana.document.save()).unwrap().heads(), heads);
    }

    #[test]
    fn take_back_what_they_set() {
        let mut ana = Author::conversation(1);
        let mut it = editing(&mut ana);
        it.set_title(Some("title")).unwrap();
        it.set_label("work", true).unwrap();
        it.set_pinned(true).unwrap();
        it.set_title(None).unwrap().unwrap();
        it.set_label("work", false).unwrap().unwrap();
        it.set_pinned(false).unwrap().unwrap();
        let conversation = ana.document.conversation().unwrap();
        assert_eq!(
            (conversation.title(), conversation.labels(), conversation.is_pinned()),
            (None, vec![], false)
        );
    }

    #[test]
    fn beyond_their_limits_are_refused_and_change_nothing() {
        let mut ana = Author::conversation(1);
        let long = "x".repeat(NAME_MAX + 1);
        let line = format!(r#"{{"x":"{}"}}"#, "x".repeat(LINE_MAX));
        let id = format!(r#"{{"id":"{}"}}"#, "x".repeat(LINE_ID_MAX + 1));
        let mut it = editing(&mut ana);
        let origin = Origin { session: Some(long.clone()), ..Origin::default() };
        for refused in [
            it.set_title(Some(&long)),
            it.set_label(&long, true),
            it.set_origin(&origin),
            it.append_raw(&line),
            it.append_raw(&id),
            it.append_message(MessageId::from_bytes([1; 4]), Role::User, &"x".repeat(LINE_MAX), NOW),
        ] {
            assert!(matches!(refused, Err(EditError::TooLong { .. })), "{refused:?}");
        }
        assert_eq!(it.set_title(Some(&long[1..])).map(|change| change.is_some()), Ok(true));
    }

    #[test]
    fn of_another_kind_are_not_offered() {
        let mut profile = Document::create(Kind::Profile);
        assert!(profile.conversation().is_err());
        assert!(profile.conversation_mut(pen(1)).is_err());
        assert!(Document::create(CONVERSATION).profile().is_err());
    }
}

mod messages {
    use super::*;

    #[test]
    fn are_openclaw_lines_under_the_active_leaf() {
        let mut ana = Author::conversation(1);
        let mut it = editing(&mut ana);
        it.append_message(MessageId::from_bytes([0, 1, 2, 0xff]), Role::User, "hi \"there\"", NOW).unwrap();
        it.append_message(MessageId::from_bytes([9; 4]), Role::Assistant, "hello", NOW.plus(750)).unwrap();
        let raws = ana.document.conversation().unwrap().transcript().entries;
        assert_eq!(
            raws[0].raw,
            r#"{"type":"message","id":"000102ff","parentId":null,"timestamp":"2026-01-31T09:05:00.250Z","message":{"role":"user","content":[{"type":"text","text":"hi \"there\""}],"timestamp":1769850300250}}"#
        );
        assert_eq!(
            raws[1].raw,
            r#"{"type":"message","id":"09090909","parentId":"000102ff","timestamp":"2026-01-31T09:05:01.000Z","message":{"role":"assistant","content":[{"type":"text","text":"hello"}],"timestamp":1769850301000}}"#
        );
        assert_eq!(raws[0].position, 0);
        assert_eq!(raws[1].position, 1);
    }

    #[test]
    fn hang_on_the_active_leaf_also_where_a_leaf_entry_moved_it_or_positions_have_gaps() {
        let next = |author: &mut Author| {
            author.say("next");
            let transcript = author.document.conversation().unwrap().transcript();
            transcript.entries.last().unwrap().parent.map(|parent| transcript.entries[parent].id.clone())
        };
        let mut ana = Author::conversation(1);
        assert_eq!(next(&mut ana), None);
        for (number, line) in ['a', 'b'].into_iter().enumerate() {
            editing(&mut ana)
                .append_raw(&format!(r#"{{"id":"{line}","parentId":null,"n":{number}}}"#))
                .unwrap();
        }
        editing(&mut ana).append_raw(r#"{"type":"leaf","id":"x","parentId":"b","targetId":"a"}"#).unwrap();
        assert_eq!(next(&mut ana).as_deref(), Some("a"));

        // Ten devices write at the same place: positions end long before the number of entries.
        let apart =
            (2..12).map(|number| Author::conversation(number).say("apart").seal(number)).collect::<Vec<_>>();
        let mut merged =
            Author { document: assemble(CONVERSATION, &apart).document, ..Author::conversation(1) };
        let last = merged.document.conversation().unwrap().transcript().entries.pop().unwrap().id;
        assert_eq!(next(&mut merged), Some(last));
    }

    #[test]
    fn under_a_taken_id_are_refused() {
        let mut ana = Author::conversation(1);
        let id = MessageId::from_bytes([1; 4]);
        editing(&mut ana).append_message(id, Role::User, "one", NOW).unwrap();
        assert_eq!(editing(&mut ana).append_message(id, Role::User, "two", NOW), Err(EditError::IdTaken));
    }

    #[test]
    fn at_no_calendar_time_are_refused() {
        let refused = editing(&mut Author::conversation(1)).append_message(
            MessageId::from_bytes([1; 4]),
            Role::User,
            "one",
            Millis(u64::MAX),
        );
        assert_eq!(refused, Err(EditError::Time));
    }

    #[test]
    fn of_two_devices_apart_are_both_shown_in_one_order() {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        ana.say("start");
        let start = ana.seal(1);
        ben.receive(&[start]);
        let (a, b) = (ana.say("ana's").seal(2), ben.say("ben's").seal(3));
        ana.receive(&[b]);
        ben.receive(&[a]);
        assert_eq!(shown(&ana.document), shown(&ben.document));
        let merged = ana.document.conversation().unwrap().transcript();
        assert_eq!(merged.entries[0].children, 2, "two branches");
        assert_eq!(merged.path().len(), 2, "of which the one shown last is active");
        assert!(merged.entries[2].is_active && !merged.entries[1].is_active);
    }
}

mod raw_lines {
    use super::*;

    #[test]
    fn are_kept_byte_for_byte_whatever_is_in_them() {
        let lines = [
            r#"{ "type" : "message",  "id":"a", "parentId":null, "x": 1.0e2, "é": "\u00e9" }"#,
            r#"{"type":"from the future","id":"b","parentId":"a","deep":[[[{"a":[1,2,{}]}]]]}"#,
            r#"{"type":"message","id":"c","parentId":"b","id":"c"}"#,
        ];
        let raws: Vec<_> = transcript(&lines).entries.into_iter().map(|entry| entry.raw).collect();
        assert_eq!(raws, lines);
    }

    #[test]
    fn that_are_no_json_objects_on_one_line_are_refused() {
        let mut ana = Author::conversation(1);
        for line in ["", "x", "[]", "{", "{}{}", "{\"a\":1}\n", "{\n}", r#"{"id":7}"#, r#"{"id":null}"#] {
            assert!(matches!(editing(&mut ana).append_raw(line), Err(EditError::NotALine(_))), "{line}");
        }
        assert!(is_pristine(&ana.document));
    }

    #[test]
    fn imported_twice_apart_are_the_same_entries() {
        let lines = [r#"{"id":"a","parentId":null}"#, r#"{"id":"b","parentId":"a"}"#];
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        for line in lines {
            for author in [&mut ana, &mut ben] {
                let change = editing(author).append_raw(line).unwrap().unwrap();
                author.unsealed.push(change);
            }
        }
        let b = ben.seal(2);
        ana.receive(&[b]);
        let merged = ana.document.conversation().unwrap();
        assert_eq!(merged.transcript().entries.len(), 2);
        assert_eq!(merged.issues(), []);
    }

    #[test]
    fn with_one_id_and_different_bytes_are_two_entries_and_reported() {
        let twice = transcript(&[r#"{"id":"a","n":1}"#, r#"{"id":"a","n":2}"#]);
        assert_eq!(twice.entries.len(), 2);
        let keys = twice.entries.iter().map(|entry| entry.key.clone()).collect();
        assert_eq!(twice.issues, [Issue::SameId { id: "a".into(), keys }]);
    }

    #[test]
    fn without_ids_hang_on_one_another_in_order() {
        let linear = transcript(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
        assert_eq!(linear.path(), [0, 1, 2]);
        assert_eq!(linear.append_to(), None);
        assert_eq!(linear.issues, []);
    }
}

mod the_trash {
    use super::*;

    #[test]
    fn takes_a_conversation_out_of_view_and_gives_it_back() {
        let mut ana = Author::conversation(1);
        ana.say("one");
        assert_eq!(ana.document.deletion(), Deletion::None);
        ana.document.delete(ana.pen).unwrap().unwrap();
        assert_eq!(ana.document.deletion(), Deletion::Deleted(NOW));
        assert_eq!(texts(&ana.document), ["one"]);
        ana.document.restore(ana.pen).unwrap().unwrap();
        assert_eq!(ana.document.deletion(), Deletion::None);
    }

    /// Two devices with one message: what Ben does to it while Ana does something else, and both together.
    fn apart(
        ana_does: impl Fn(&mut Author) -> Vec<u8>,
        ben_does: impl Fn(&mut Author) -> Vec<u8>,
    ) -> Deletion {
        let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
        ana.say("one");
        let start = ana.seal(1);
        ben.receive(std::slice::from_ref(&start));
        let a = Sealed::new(2, 1, Source::Changes, ana_does(&mut ana));
        let b = Sealed::new(3, 2, Source::Changes, ben_does(&mut ben));
        let one = assemble(CONVERSATION, &[start.clone(), a.clone(), b.clone()]).document;
        let other = assemble(CONVERSATION, &[b, a, start]).document;
        assert_eq!(shown(&one), shown(&other));
        one.deletion()
    }

    fn deletes(author: &mut Author) -> Vec<u8> {
        author.document.delete(author.pen).unwrap().unwrap()
    }

    #[test]
    fn gives_back_what_somebody_went_on_with_at_the_same_time() {
        let writes = |author: &mut Author| author.say("unseen by who deletes").unsealed.concat();
        assert_eq!(apart(deletes, writes), Deletion::EditedAfter(NOW));
        assert_eq!(apart(writes, deletes), Deletion::EditedAfter(NOW));
    }

    #[test]
    fn keeps_what_two_delete_at_the_same_time() {
        assert_eq!(apart(deletes, deletes), Deletion::Deleted(NOW));
    }

    #[test]
    fn keeps_what_is_only_renamed_at_the_same_time() {
        assert_eq!(apart(deletes, |author| author.title("t").unsealed.concat()), Deletion::Deleted(NOW));
    }

    #[test]
    fn can_take_it_again_with_what_was_written_since() {
        let mut ana = Author::conversation(1);
        deletes(&mut ana);
        ana.say("after all");
        assert_eq!(ana.document.deletion(), Deletion::EditedAfter(NOW));
        deletes(&mut ana);
        assert_eq!(ana.document.deletion(), Deletion::Deleted(NOW));
    }
}

mod the_summary {
    use super::*;

    #[test]
    fn tells_title_time_count_and_the_last_words() {
        let mut ana = Author::conversation(1);
        ana.say("first words").say("last   words\n").title("plans");
        let summary = ana.document.summary();
        assert_eq!(
            (summary.title.as_str(), summary.preview.as_str(), summary.count),
            ("plans", "last words", 2)
        );
        assert_eq!(summary.updated_at, NOW);
    }

    #[test]
    fn of_a_nameless_conversation_is_named_by_its_session_or_its_first_words() {
        let mut ana = Author::conversation(1);
        ana.say("first words");
        assert_eq!(ana.document.summary().title, "first words");
        editing(&mut ana).append_raw(r#"{"type":"session_info","id":"s","name":"named"}"#).unwrap();
        assert_eq!(ana.document.summary().title, "named");
    }

    #[test]
    fn of_an_empty_conversation_is_empty_and_dated_by_its_last_edit() {
        let mut ana = Author::conversation(1);
        assert_eq!(ana.document.summary(), bowline_core::document::Summary::default());
        ana.title("t");
        assert_eq!(ana.document.summary().updated_at, Millis(1_769_850_300_000));
    }

    #[test]
    fn is_bounded_whatever_is_in_the_conversation() {
        let mut ana = Author::conversation(1);
        ana.say(&"日本語 ".repeat(100_000)).title(&"é".repeat(NAME_MAX / 2));
        let summary = ana.document.summary();
        assert!(summary.title.len() <= SUMMARY_TITLE_MAX && summary.title.ends_with('…'));
        assert!(summary.preview.len() <= SUMMARY_PREVIEW_MAX && summary.preview.ends_with('…'));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A summary is kept in step with what is appended instead of being made anew.
    #[test]
    fn a_summary_kept_in_step_is_the_one_made_anew(
        lines in prop::collection::vec((0_u8..5, "[ab ]{0,5}", 0_u64..3), 1..20),
    ) {
        let mut ana = Author::conversation(1);
        ana.document.summary();
        for (turn, (what, text, time)) in lines.into_iter().enumerate() {
            let stamp = format!("2026-01-0{}T00:00:00.000Z", time + 1);
            let mut conversation = editing(&mut ana);
            let change = match what {
                0 => conversation.set_title(Some(&text)),
                1 => conversation.append_raw(&format!(
                    r#"{{"type":"session_info","id":"{turn}","name":"{text}","timestamp":"{stamp}"}}"#
                )),
                2 => conversation.append_raw(&format!(r#"{{"type":"leaf","id":"{turn}","targetId":null}}"#)),
                3 => conversation.append_raw(&format!(r#"{{"x":"{text}"}}"#)),
                _ => {
                    let id = MessageId::from_bytes([9, 0, 0, u8::try_from(turn).unwrap()]);
                    conversation.append_message(id, Role::User, &text, Millis(NOW.0 + time))
                }
            };
            ana.unsealed.extend(change.unwrap());
            let anew = Document::load(Kind::Conversation, &ana.document.save()).unwrap().summary();
            prop_assert_eq!(ana.document.summary(), anew);
        }
        let mut ben = Author::conversation(2);
        let base = ana.seal(1);
        ben.receive(std::slice::from_ref(&base)).say("ben's").document.summary();
        ben.receive(&[ana.say("ana's").seal(2)]);
        let anew = Document::load(Kind::Conversation, &ben.document.save()).unwrap().summary();
        prop_assert_eq!(ben.document.summary(), anew);
    }
}
