//! Files of sessions: whatever is in them, they come in line by line and go out byte for byte.

use crate::support::{Author, NOW, Sealed, assemble, device, editing, is_pristine, open, texts};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ROOT, ReadDoc, ScalarValue};
use bowline_core::document::limits::GAPS_READ_MAX;
use bowline_core::document::{
    ActorId, Aside, Document, Gap, ImportBatch, ImportedLine, Issue, Kind, LeftLine, MessageId, Missing,
    Origin, Pen, Role, Source, Tally,
};
use bowline_wire::ids::DocId;
use proptest::prelude::*;

const CONVERSATION: Kind = Kind::Conversation;
const DOC: DocId = DocId::from_bytes([0xab; 16]);

/// The lines of a file without their ends, and whether the last has one.
fn lines(file: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    let ends = lines.last() == Some(&&b""[..]);
    if ends {
        lines.pop();
    }
    (lines, ends)
}

/// Changes that import a file, `size` lines in each, and each two of them under an actor of their own; and what was added up.
fn import(author: u8, file: &[u8], size: usize) -> (Vec<Vec<u8>>, Tally) {
    let (lines, ends) = lines(file);
    let (mut changes, mut tally) = (Vec::new(), Tally::default());
    let (mut position, mut number, mut at) = (0, 0, 0);
    let (mut document, mut actor) = (Document::create(CONVERSATION), 0);
    let groups: Vec<&[&[u8]]> = lines.chunks(size).collect();
    for (turn, group) in groups.iter().enumerate() {
        let mut batch = ImportBatch::default();
        if turn + 1 == groups.len() {
            let app = Some("openclaw".to_owned());
            batch.set_origin(Origin { app, no_final_newline: !ends, ..Origin::default() });
        }
        for line in *group {
            match ImportedLine::read(line, at == 0) {
                ImportedLine::Header(header) => batch.set_header(header),
                ImportedLine::Entry(entry) => {
                    batch.add_entry(position, entry);
                    tally.add(entry);
                    (position, number) = (position + 1, 0);
                }
                ImportedLine::Aside(_) => {
                    batch.add_aside(Aside { position, number, bytes: line.to_vec() });
                    number += 1;
                }
            }
            at += 1;
        }
        if turn % 2 == 0 {
            (document, actor) = (Document::create(CONVERSATION), actor + 1);
        }
        let pen =
            Pen { actor: ActorId::for_device(device(author), [author, actor, 0, 0, 0, 0, 0, 0]), now: NOW };
        changes.extend(document.conversation_mut(pen).unwrap().import(&batch).unwrap());
    }
    (changes, tally)
}

fn imported(file: &[u8], size: usize) -> (Document, Tally) {
    let (changes, tally) = import(1, file, size);
    let assembled = assemble(CONVERSATION, &[Sealed::new(1, 1, Source::Changes, changes.concat())]);
    assert_eq!((assembled.refused, assembled.unsettled), (vec![], vec![]));
    (assembled.document, tally)
}

fn file_of(document: &Document) -> Vec<u8> {
    document.conversation().unwrap().file(DOC).bytes
}

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-31T09:05:00.250Z","cwd":"/home/ada"}"#;

fn message(id: &str, text: &str) -> String {
    format!(r#"{{"type":"message","id":"{id}","message":{{"role":"user","content":"{text}"}}}}"#)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c]{1,2}".prop_map(|id| message(&id, &id).into_bytes()),
        1 => "[a-c]".prop_map(|id| format!("{}\r", message(&id, "crlf")).into_bytes()),
        1 => Just(HEADER.as_bytes().to_vec()),
        1 => Just(b"{\"id\" :\r \"x\"}".to_vec()),
        1 => Just(Vec::new()),
        1 => Just(b"  \t\r".to_vec()),
        1 => Just([b"\xef\xbb\xbf", HEADER.as_bytes()].concat()),
        1 => Just(b"[1,2]".to_vec()),
        1 => Just(b"{\"id\":7}".to_vec()),
        1 => Just(format!("{{\"id\":\"{}\"}}", "x".repeat(200)).into_bytes()),
        1 => Just(b"{\"type\":\"message\",\"id\":\"to".to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..9),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_file_goes_out_as_it_came_in(
        lines in prop::collection::vec(line(), 1..24),
        ends in any::<bool>(),
        size in 1_usize..9,
    ) {
        let mut file = lines.join(&b'\n');
        if ends {
            file.push(b'\n');
        }
        prop_assume!(!file.is_empty());
        let (document, tally) = imported(&file, size);
        prop_assert_eq!(file_of(&document), file.clone());
        prop_assert_eq!(document.conversation().unwrap().tally(), tally.clone());
        let summary = document.summary();
        prop_assert_eq!(tally.summary(None, summary.updated_at), summary);
        let stored = Document::load(CONVERSATION, &document.save()).unwrap();
        prop_assert_eq!(file_of(&stored), file.clone());
        // Another device that has imported the same has the same, and together they have it once.
        let (mine, _) = import(1, &file, size);
        let (theirs, _) = import(2, &file, 5);
        let both = [Sealed::new(1, 1, Source::Changes, mine.concat()), Sealed::new(2, 2, Source::Changes, theirs.concat())];
        prop_assert_eq!(file_of(&assemble(CONVERSATION, &both).document), file);
    }
}

#[test]
fn a_session_that_went_on_on_two_devices_has_both_ends() {
    let begun = [HEADER.to_owned(), message("a", "one"), message("b", "two")].join("\n");
    let file = |more: &str| format!("{begun}\n{}\n", message("c", more)).into_bytes();
    let (mine, _) = import(1, &file("mine"), 9);
    let (theirs, _) = import(2, &file("theirs"), 2);
    let both = [
        Sealed::new(1, 1, Source::Changes, mine.concat()),
        Sealed::new(2, 2, Source::Changes, theirs.concat()),
    ];
    let document = assemble(CONVERSATION, &both).document;
    let mut said = texts(&document);
    said[2..].sort();
    assert_eq!(said, ["one", "two", "mine", "theirs"]);
    let issues = document.conversation().unwrap().issues();
    assert!(matches!(&issues[..], [Issue::SameId { id, .. }] if id == "c"), "{issues:?}");
}

#[test]
fn what_comes_after_an_import_stands_after_it_in_the_file() {
    let file = [HEADER.as_bytes(), b"\n", message("a", "one").as_bytes(), b"\n\ntorn"].concat();
    let (mut document, _) = imported(&file, 9);
    let pen = Author::conversation(2).pen;
    let said = document.conversation_mut(pen).unwrap().append_message(
        MessageId::from_bytes([1; 4]),
        Role::User,
        "two",
        NOW,
    );
    said.unwrap().unwrap();
    let out = String::from_utf8(file_of(&document)).unwrap();
    let out: Vec<&str> = out.split('\n').collect();
    assert_eq!(out[..4], [HEADER, &message("a", "one"), "", "torn"]);
    assert!(out[4].contains("two") && out.len() == 5, "{out:?}");
}

#[test]
fn a_conversation_made_here_gets_a_header_that_openclaw_takes() {
    let mut ana = Author::conversation(1);
    let empty = String::from_utf8(file_of(&ana.document)).unwrap();
    assert!(empty.contains("1970-01-01T00:00:00.000Z"), "{empty}");
    ana.say("hello");
    let file = String::from_utf8(file_of(&ana.document)).unwrap();
    let (header, rest) = file.split_once('\n').unwrap();
    assert_eq!(
        header,
        r#"{"type":"session","version":3,"id":"abababab-abab-abab-abab-abababababab","timestamp":"2026-01-31T09:05:00.250Z","cwd":"","source":"bowline"}"#
    );
    assert!(rest.contains("hello") && rest.ends_with("}\n"), "{rest}");
    assert_eq!(ana.document.conversation().unwrap().session(DOC), "abababab-abab-abab-abab-abababababab");
}

#[test]
fn what_its_application_says_stands_behind_what_is_said_here() {
    let mut ana = Author::conversation(1);
    let origin = Origin {
        title: Some("theirs".into()),
        agent: Some("main".into()),
        pinned: true,
        archived: true,
        ..Origin::default()
    };
    let mut it = editing(&mut ana);
    it.set_origin(&origin).unwrap().unwrap();
    let conversation = ana.document.conversation().unwrap();
    assert_eq!((conversation.title(), conversation.agent()), (Some("theirs".into()), Some("main".into())));
    assert_eq!((conversation.is_pinned(), conversation.is_archived()), (true, true));
    assert_eq!(ana.document.summary().title, "theirs");
    let mut it = editing(&mut ana);
    it.set_title(Some("ours")).unwrap().unwrap();
    it.set_pinned(false).unwrap().unwrap();
    assert_eq!(it.set_pinned(false), Ok(None));
    it.set_origin(&Origin { title: Some("theirs again".into()), ..origin }).unwrap().unwrap();
    let conversation = ana.document.conversation().unwrap();
    assert_eq!((conversation.title().as_deref(), conversation.is_pinned()), (Some("ours"), false));
    assert_eq!((conversation.is_archived(), conversation.issues()), (true, vec![]));
}

#[test]
fn a_torn_line_goes_when_the_whole_of_it_has_come() {
    let whole = message("b", "two");
    let torn = &whole[..20];
    let (mut document, _) = imported(format!("{}\n{torn}", message("a", "one")).as_bytes(), 9);
    let aside = document.conversation().unwrap().asides().remove(0);
    assert_eq!((aside.position, &*aside.bytes), (1, torn.as_bytes()));
    let mut batch = ImportBatch::default();
    batch.complete_aside(aside);
    batch.add_entry(1, &whole);
    let pen = Author::conversation(2).pen;
    document.conversation_mut(pen).unwrap().import(&batch).unwrap().unwrap();
    assert_eq!(document.conversation().unwrap().asides(), []);
    assert_eq!(texts(&document), ["one", "two"]);
}

/// A line of nine million bytes, after an entry and an empty line.
const HUGE: Gap =
    Gap { position: 1, number: 1, line: LeftLine { bytes: Some(9_000_000), digest: Some([7; 32]) } };

/// An import of a header, an entry, an empty line, [`HUGE`], and another entry whose parent that was.
fn with_gap() -> ImportBatch {
    let mut batch = ImportBatch::default();
    batch.set_header(HEADER);
    batch.add_entry(0, r#"{"id":"a","parentId":null}"#);
    batch.add_aside(Aside { position: 1, number: 0, bytes: Vec::new() });
    batch.add_gap(HUGE);
    batch.add_entry(1, r#"{"id":"c","parentId":"b"}"#);
    batch.set_origin(Origin { app: Some("openclaw".to_owned()), ..Origin::default() });
    batch
}

#[test]
fn a_line_that_stayed_in_its_file_is_known_at_its_place_and_the_others_go_out_as_they_came() {
    let mut ana = Author::conversation(1);
    editing(&mut ana).import(&with_gap()).unwrap().unwrap();
    let stored = Document::load(CONVERSATION, &ana.document.save()).unwrap();
    let conversation = stored.conversation().unwrap();
    let out = conversation.file(DOC);
    let kept = [HEADER, r#"{"id":"a","parentId":null}"#, "", r#"{"id":"c","parentId":"b"}"#, ""];
    assert_eq!(String::from_utf8(out.bytes).unwrap(), kept.join("\n"));
    assert_eq!(out.missing, [Missing { before: 1, line: 4, bytes: Some(9_000_000) }]);
    assert_eq!((conversation.gaps(), conversation.issues()), (vec![HUGE], vec![]));
    // The line has come since.
    let mut batch = ImportBatch::default();
    batch.fill_gap(HUGE);
    batch.add_entry(1, r#"{"id":"b","parentId":"a"}"#);
    editing(&mut ana).import(&batch).unwrap().unwrap();
    assert_eq!(ana.document.conversation().unwrap().file(DOC).missing, []);
}

#[test]
fn a_line_that_two_devices_left_in_their_files_is_missing_once() {
    let sealed = |author: u8| {
        let mut document = Document::create(CONVERSATION);
        let pen = Author::conversation(author).pen;
        let change = document.conversation_mut(pen).unwrap().import(&with_gap()).unwrap().unwrap();
        Sealed::new(author, author, Source::Changes, change)
    };
    let both = assemble(CONVERSATION, &[sealed(1), sealed(2)]);
    assert_eq!(both.refused, []);
    assert_eq!(both.document.conversation().unwrap().gaps(), [HUGE]);
}

#[test]
fn what_came_after_a_line_that_stayed_in_its_file_goes_on_from_the_one_before_it() {
    let mut ana = Author::conversation(1);
    let mut batch = with_gap();
    batch.add_entry(2, r#"{"id":"d","parentId":"b"}"#);
    batch.add_entry(3, r#"{"id":"e","parentId":"lost"}"#);
    editing(&mut ana).import(&batch).unwrap().unwrap();
    let transcript = ana.document.conversation().unwrap().transcript();
    let parents: Vec<_> = transcript.entries.iter().map(|entry| entry.parent).collect();
    assert_eq!(parents, [None, Some(0), Some(0), None]);
    assert!(matches!(&transcript.issues[..], [Issue::NoParent { parent, .. }] if parent == "lost"));
    let mut ana = Author::conversation(1);
    let mut batch = ImportBatch::default();
    batch.add_gap(Gap { position: 0, number: 0, line: LeftLine::default() });
    batch.add_entry(0, r#"{"id":"c","parentId":"b"}"#);
    editing(&mut ana).import(&batch).unwrap().unwrap();
    let transcript = ana.document.conversation().unwrap().transcript();
    assert_eq!(transcript.missing, [Missing { before: 0, line: 2, bytes: None }]);
    assert!(matches!(&transcript.issues[..], [Issue::NoParent { parent, .. }] if parent == "b"));
}

#[test]
fn the_last_line_that_is_here_has_its_end_if_another_was_the_last_of_the_file() {
    let file = |gap: Option<Gap>| {
        let mut ana = Author::conversation(1);
        let mut batch = ImportBatch::default();
        batch.set_origin(Origin {
            app: Some("openclaw".to_owned()),
            no_final_newline: true,
            ..Origin::default()
        });
        batch.add_entry(0, "{}");
        if let Some(gap) = gap {
            batch.add_gap(gap);
        }
        editing(&mut ana).import(&batch).unwrap().unwrap();
        file_of(&ana.document)
    };
    let last = Gap { number: 0, ..HUGE };
    assert_eq!((file(None), file(Some(last))), (b"{}".to_vec(), b"{}\n".to_vec()));
}

#[test]
fn a_line_that_is_new_although_its_place_has_the_same_goes_beside_it() {
    let mut ana = Author::conversation(1);
    let mut batch = ImportBatch::default();
    batch.add_entry(0, "{}");
    batch.add_aside(Aside { position: 1, number: 0, bytes: b"x".to_vec() });
    for _ in 0..2 {
        editing(&mut ana).import(&batch).unwrap().unwrap();
    }
    let conversation = ana.document.conversation().unwrap();
    assert_eq!((conversation.tally().count, conversation.asides().len()), (2, 2));
}

#[test]
fn an_empty_batch_is_no_change() {
    let mut ana = Author::conversation(1);
    let batch = ImportBatch::default();
    assert!(batch.is_empty());
    assert_eq!(editing(&mut ana).import(&batch), Ok(None));
    assert!(is_pristine(&ana.document));
}

#[test]
fn a_line_kept_aside_or_left_that_is_not_what_its_key_says_is_ignored_and_reported() {
    let mut raw = AutoCommit::load(&Document::create(CONVERSATION).save()).unwrap();
    raw.set_actor(RawActor::from(*crate::support::pen(1).actor.as_bytes()));
    let origin = raw.get(ROOT, "origin").unwrap().unwrap().1;
    raw.put(&origin, "aside/00000000-0000-00000000", ScalarValue::Bytes(b"x".to_vec())).unwrap();
    raw.put(&origin, "aside/0-0-2d711642", ScalarValue::Bytes(b"x".to_vec())).unwrap();
    raw.put(&origin, "aside/00000000-0000-2d711642", "x").unwrap();
    raw.put(&origin, "aside/", true).unwrap();
    raw.put(&origin, "gap/", ScalarValue::Null).unwrap();
    raw.put(&origin, "gap/00000000-0000-", "9000000").unwrap();
    raw.put(&origin, "gap/0-0-", ScalarValue::Uint(9)).unwrap();
    raw.put(&origin, "gap/00000000-0000-07", ScalarValue::Uint(9)).unwrap();
    raw.commit();
    let change = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
    let mut document = Document::create(CONVERSATION);
    document.apply(&open(&[Sealed::new(1, 1, Source::Changes, change)])).unwrap();
    let conversation = document.conversation().unwrap();
    assert_eq!((conversation.asides(), conversation.gaps()), (vec![], vec![]));
    assert_eq!(conversation.issues().len(), 8);
    assert!(conversation.issues().iter().all(|issue| matches!(issue, Issue::KeyMismatch { .. })));
}

#[test]
fn of_more_notes_of_lines_left_than_imports_make_the_first_are_read() {
    let mut ana = Author::conversation(1);
    let mut batch = ImportBatch::default();
    let gap = |number: usize| {
        let line = LeftLine { bytes: Some(u64::MAX), digest: None };
        Gap { position: u32::MAX, number: u16::try_from(number).unwrap(), line }
    };
    (0..GAPS_READ_MAX + 9).for_each(|number| batch.add_gap(gap(number)));
    editing(&mut ana).import(&batch).unwrap().unwrap();
    let gaps = ana.document.conversation().unwrap().gaps();
    assert_eq!((gaps.len(), gaps.last()), (GAPS_READ_MAX, Some(&gap(GAPS_READ_MAX - 1))));
    assert_eq!(ana.document.conversation().unwrap().transcript().missing.len(), GAPS_READ_MAX);
}
