//! What is asked of a document without knowing of which kind it is.

use crate::support::{Author, NOW, open};
use bowline_core::document::{
    AgentField, AgentValues, Deletion, Document, EditError, ExportedFile, FileContent, FilePath, Json, Kind,
    MemoryEdit, Visibility,
};
use bowline_wire::ids::DocId;
use serde_json::Value;

const DOC: DocId = DocId::from_bytes([0xab; DocId::LEN]);

fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

/// Path, content and whether it can be run, of each file.
fn exported(document: &Document) -> Vec<(String, String, bool)> {
    let readable = |file: ExportedFile| {
        (file.path.as_str().to_owned(), String::from_utf8(file.bytes).unwrap(), file.executable)
    };
    document.export(DOC).into_iter().map(readable).collect()
}

/// A document of each kind with something in it.
fn one_of_each() -> Vec<Author> {
    let mut all: Vec<_> = (1..).zip(Kind::ALL).map(|(number, kind)| Author::new(number, kind)).collect();
    for author in &mut all {
        let pen = author.pen;
        match author.document.kind() {
            Kind::Conversation => drop(author.say("hello")),
            Kind::Profile => {
                let device = bowline_wire::ids::DeviceId::from_bytes([1; 32]);
                let mut profile = author.document.profile_mut(pen).unwrap();
                author.unsealed.extend(profile.set_device_name(device, "laptop").unwrap());
            }
            Kind::Agent => drop(author.write("AGENTS.md", "be kind")),
            Kind::Skill => drop(author.skill(|it| {
                it.write_file(path("run.sh"), FileContent::Text("true".to_owned()));
            })),
            Kind::Memory => {
                let mut edit = MemoryEdit::default();
                edit.write_file(path("USER.md"), "Ada");
                author.unsealed.extend(author.document.memory_mut(pen).unwrap().edit(&edit).unwrap());
            }
        }
    }
    all
}

#[test]
fn documents_of_every_kind_but_a_profile_go_to_the_trash_and_come_back_on_another_device() {
    for mut author in one_of_each() {
        let kind = author.document.kind();
        if kind == Kind::Profile {
            assert!(!kind.can_be_deleted());
            assert_eq!(author.document.delete(author.pen), Err(EditError::Permanent));
            assert_eq!(author.document.restore(author.pen), Err(EditError::Permanent));
            assert_eq!(author.document.deletion(), Deletion::None);
            continue;
        }
        assert!(kind.can_be_deleted());
        let delete = author.document.delete(author.pen).unwrap().unwrap();
        author.unsealed.push(delete);
        let deleted = author.seal(1);
        let mut other = Document::create(kind);
        other.apply(&open(std::slice::from_ref(&deleted))).unwrap();
        assert_eq!(other.deletion(), Deletion::Deleted(NOW), "{kind:?}");
        let restore = author.document.restore(author.pen).unwrap().unwrap();
        author.unsealed.push(restore);
        other.apply(&open(&[author.seal(2)])).unwrap();
        assert_eq!((other.deletion(), other.heads()), (Deletion::None, author.document.heads()));
    }
}

#[test]
fn a_conversation_is_exported_as_its_lines() {
    let mut ana = Author::conversation(1);
    ana.say("one").say("two");
    let entries = ana.document.conversation().unwrap().transcript().entries;
    let lines = format!("{}\n{}\n", entries[0].raw, entries[1].raw);
    assert_eq!(exported(&ana.document), [("conversation.jsonl".to_owned(), lines, false)]);
}

#[test]
fn a_skill_is_exported_as_its_files_and_says_which_can_be_run() {
    let mut ana = Author::new(1, Kind::Skill);
    ana.skill(|it| {
        it.write_file(path("SKILL.md"), FileContent::Text("go".to_owned()));
        it.write_file(path("bin"), FileContent::Bytes(b"bytes".to_vec())).set_executable(path("bin"), true);
    });
    let file = |path: &str, text: &str, runs| (path.to_owned(), text.to_owned(), runs);
    assert_eq!(exported(&ana.document), [file("SKILL.md", "go", false), file("bin", "bytes", true)]);
}

#[test]
fn an_agent_is_exported_as_its_files_and_its_fields_in_one_more_unless_it_has_that_one() {
    let mut ana = Author::agent(1);
    ana.write("AGENTS.md", "be kind").edit(|it| {
        it.set(AgentField::Name, Some("Ada"));
        it.set_value(AgentValues::Params, "temperature", Some(Json::parse("0.5").unwrap()));
    });
    let files = exported(&ana.document);
    assert_eq!(files[0], ("AGENTS.md".to_owned(), "be kind".to_owned(), false));
    assert_eq!((files.len(), &*files[1].0), (2, "agent.json"));
    let expected = serde_json::json!({
        "id": DOC.to_string(), "name": "Ada", "description": null, "model": null,
        "tools": {}, "guardrails": {}, "params": {"temperature": 0.5}, "schedules": {},
    });
    assert_eq!(serde_json::from_str::<Value>(&files[1].1).unwrap(), expected);
    ana.write("agent.json", "mine");
    let own = ("agent.json".to_owned(), "mine".to_owned(), false);
    assert_eq!(exported(&ana.document)[1..], [own]);
}

#[test]
fn every_kind_has_words_and_only_memories_are_personal_and_profiles_hidden() {
    for kind in Kind::ALL {
        let words = kind.words();
        assert!(!words.one.is_empty() && words.several.len() > words.one.len(), "{words:?}");
        let expected = match kind {
            Kind::Memory => Visibility::Personal,
            Kind::Profile => Visibility::Hidden,
            _ => Visibility::Shared,
        };
        assert_eq!(kind.visibility(), expected);
    }
    for author in one_of_each() {
        let is_hidden = author.document.kind().visibility() == Visibility::Hidden;
        assert_eq!(author.document.export(DOC).is_empty(), is_hidden);
        assert_eq!((author.document.issues(), author.document.summary().count), (vec![], 1));
    }
}
