//! Fields and values of an agent, and its way into the trash and back.

use crate::support::{Author, Sealed, assemble, is_pristine, shown};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ROOT, ReadDoc};
use bowline_core::document::limits::{DESCRIPTION_MAX, FILE_MAX, FILES_MAX, FILES_TOTAL_MAX, NAME_MAX};
use bowline_core::document::{
    AgentEdit, AgentField, AgentValues, Deletion, Document, EditError, FilePath, Issue, Json, Kind, Source,
};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn name(author: &mut Author, name: &str) {
    author.edit(|edit| {
        edit.set(AgentField::Name, Some(name));
    });
}

fn refused(author: &mut Author, edit: impl FnOnce(&mut AgentEdit)) -> EditError {
    let mut made = AgentEdit::default();
    edit(&mut made);
    author.document.agent_mut(author.pen).unwrap().edit(&made).unwrap_err()
}

#[test]
fn an_edit_sets_and_removes_what_it_names_in_one_change() {
    let mut ana = Author::agent(1);
    ana.edit(|edit| {
        edit.set(AgentField::Name, Some("Scribe")).set(AgentField::Model, Some("opus"));
        edit.set_value(AgentValues::Params, "temperature", Some(json("0.5")));
        edit.set_value(AgentValues::Tools, "search", Some(json(r#"{"b":1,"a":2}"#)));
        edit.write_file(FilePath::parse("AGENTS.md").unwrap(), "be kind");
    });
    ana.edit(|edit| {
        edit.set(AgentField::Model, None).set(AgentField::Description, Some("writes"));
        edit.set_value(AgentValues::Params, "temperature", None);
    });
    assert_eq!(ana.unsealed.len(), 2);
    let agent = ana.document.agent().unwrap();
    assert_eq!(
        AgentField::ALL.map(|field| agent.field(field)),
        [Some("Scribe".to_owned()), Some("writes".to_owned()), None]
    );
    assert_eq!(agent.values(AgentValues::Params).len(), 0);
    assert_eq!(agent.values(AgentValues::Tools)["search"].as_str(), r#"{"a":2,"b":1}"#);
    assert_eq!(agent.issues(), []);
    let summary = ana.document.summary();
    assert_eq!((&*summary.title, &*summary.preview, summary.count), ("Scribe", "writes", 1));
}

#[test]
fn an_edit_that_changes_nothing_makes_no_change() {
    let mut ana = Author::agent(1);
    ana.write("a", "x").edit(|edit| {
        edit.set(AgentField::Name, Some("Scribe"));
    });
    let made = ana.unsealed.len();
    ana.write("a", "x").remove("b").edit(|edit| {
        edit.set(AgentField::Name, Some("Scribe"));
    });
    ana.edit(|edit| {
        edit.set(AgentField::Model, None);
    });
    assert_eq!(ana.unsealed.len(), made);
}

#[test]
fn concurrent_edits_of_two_tools_both_stay() {
    let (mut ana, mut ben) = (Author::agent(1), Author::agent(2));
    ana.edit(|edit| {
        edit.set_value(AgentValues::Tools, "search", Some(json("1")));
    });
    ben.edit(|edit| {
        edit.set_value(AgentValues::Tools, "mail", Some(json("2")));
    });
    let both = assemble(Kind::Agent, &[ana.seal(1), ben.seal(2)]).document;
    let tools = both.agent().unwrap().values(AgentValues::Tools);
    assert_eq!(tools.keys().collect::<Vec<_>>(), ["mail", "search"]);
}

#[test]
fn what_is_beyond_its_limit_is_refused_and_changes_nothing() {
    let mut ana = Author::agent(1);
    let long = |length: usize| "x".repeat(length + 1);
    let path = |path: &str| FilePath::parse(path).unwrap();
    for (limit, edit) in [
        (NAME_MAX, AgentEdit::default().set(AgentField::Name, Some(&long(NAME_MAX))).clone()),
        (
            DESCRIPTION_MAX,
            AgentEdit::default().set(AgentField::Description, Some(&long(DESCRIPTION_MAX))).clone(),
        ),
        (
            NAME_MAX,
            AgentEdit::default().set_value(AgentValues::Tools, &long(NAME_MAX), Some(json("1"))).clone(),
        ),
        (FILE_MAX, AgentEdit::default().write_file(path("a"), &long(FILE_MAX)).clone()),
    ] {
        let error = refused(&mut ana, |made| *made = edit);
        assert!(matches!(error, EditError::TooLong { limit: found, .. } if found == limit), "{error}");
    }
    let error = refused(&mut ana, |edit| {
        (0..=FILES_MAX).for_each(|number| {
            edit.write_file(path(&number.to_string()), "");
        });
    });
    assert_eq!(error, EditError::TooMany { what: "files", limit: FILES_MAX });
    let error = refused(&mut ana, |edit| {
        let text = "x".repeat(FILE_MAX);
        (0..=FILES_TOTAL_MAX / FILE_MAX).for_each(|number| {
            edit.write_file(path(&number.to_string()), &text);
        });
    });
    assert!(matches!(error, EditError::TooLong { limit: FILES_TOTAL_MAX, .. }), "{error}");
    assert!(is_pristine(&ana.document));
}

#[test]
fn a_deleted_agent_is_out_of_view_until_it_is_restored() {
    let mut ana = Author::agent(1);
    ana.write("a", "x");
    assert_eq!(ana.document.deletion(), Deletion::None);
    assert!(ana.document.delete(ana.pen).unwrap().is_some());
    assert_eq!(ana.document.deletion(), Deletion::Deleted(ana.pen.now));
    assert_eq!(ana.document.delete(ana.pen).unwrap(), None, "it is deleted already");
    assert!(ana.document.restore(ana.pen).unwrap().is_some());
    assert_eq!(ana.document.deletion(), Deletion::None);
    assert_eq!(ana.document.restore(ana.pen).unwrap(), None);
}

#[test]
fn an_edit_that_a_deletion_had_not_seen_brings_the_agent_back_into_view() {
    let edits: [fn(&mut Author); 4] = [
        |ben| {
            ben.write("a", "xy");
        },
        |ben| {
            ben.write("b", "new");
        },
        |ben| name(ben, "renamed"),
        |ben| {
            ben.edit(|edit| {
                edit.set_value(AgentValues::Guardrails, "g", Some(json("true")));
            });
        },
    ];
    for edit in edits {
        let mut ana = Author::agent(1);
        let base = ana.write("a", "x").seal(1);
        let mut ben = Author::agent(2);
        ben.receive(std::slice::from_ref(&base));
        edit(&mut ben);
        let delete = ana.document.delete(ana.pen).unwrap().unwrap();
        let delete = Sealed::new(2, 1, Source::Changes, delete);
        let both = assemble(Kind::Agent, &[base, ben.seal(3), delete]).document;
        assert_eq!(both.deletion(), Deletion::EditedAfter(ana.pen.now));
    }
}

#[test]
fn of_two_deletions_at_once_the_one_that_saw_the_last_edit_counts() {
    let mut ana = Author::agent(1);
    let base = ana.write("a", "x").seal(1);
    let mut ben = Author::agent(2);
    ben.receive(std::slice::from_ref(&base)).write("a", "xy");
    for author in [&mut ana, &mut ben] {
        let delete = author.document.delete(author.pen).unwrap();
        author.unsealed.extend(delete);
    }
    let both = assemble(Kind::Agent, &[base, ana.seal(2), ben.seal(3)]).document;
    assert_eq!(both.deletion(), Deletion::Deleted(ana.pen.now));
}

#[test]
fn fields_of_the_wrong_type_are_absent_and_reported() {
    let mut raw = AutoCommit::load(&Document::create(Kind::Agent).save()).unwrap();
    raw.set_actor(RawActor::from(*Author::agent(1).pen.actor.as_bytes()));
    let map = |raw: &AutoCommit, name: &str| raw.get(ROOT, name).unwrap().unwrap().1;
    let (tools, removed, files) = (map(&raw, "tools"), map(&raw, "removed"), map(&raw, "files"));
    raw.put(ROOT, "name", 7).unwrap();
    raw.put(ROOT, "deleted_at", "now").unwrap();
    raw.put(&tools, "search", "{").unwrap();
    raw.put(&tools, "mail", true).unwrap();
    raw.put(&removed, "x", "y").unwrap();
    let text = raw.put_object(&files, "../.ssh/authorized_keys", automerge::ObjType::Text).unwrap();
    raw.splice_text(&text, 0, 0, "key").unwrap();
    raw.commit();
    let change = raw.get_last_local_change().unwrap().raw_bytes().to_vec();
    let assembled = assemble(Kind::Agent, &[Sealed::new(1, 1, Source::Changes, change)]);
    assert_eq!(assembled.refused, []);
    let agent = assembled.document.agent().unwrap();
    assert_eq!((agent.field(AgentField::Name), agent.files().len()), (None, 0));
    assert_eq!(agent.values(AgentValues::Tools).len(), 0);
    assert_eq!(
        agent.issues(),
        [
            Issue::WrongType { field: "name".to_owned() },
            Issue::WrongType { field: "deleted_at".to_owned() },
            Issue::WrongType { field: "tools/mail".to_owned() },
            Issue::NotJson { field: "tools/search".to_owned() },
            Issue::BadPath { path: "../.ssh/authorized_keys".to_owned() },
        ]
    );
    assert_eq!(
        shown(&Document::load(Kind::Agent, &assembled.document.save()).unwrap()),
        shown(&assembled.document)
    );
}

#[test]
fn nothing_of_an_agent_is_printed_for_debugging() {
    let mut ana = Author::agent(1);
    ana.write("secret-path", "secret-text");
    let mut edit = AgentEdit::default();
    edit.set(AgentField::Name, Some("secret")).write_file(FilePath::parse("secret").unwrap(), "secret");
    edit.set_value(AgentValues::Tools, "secret", Some(json("\"secret\"")));
    let agent = ana.document.agent().unwrap();
    let printed = format!(
        "{edit:?} {:?} {:?} {:?} {agent:?}",
        agent.files(),
        agent.files()[0].path,
        json("\"secret\"")
    );
    assert!(!printed.contains("secret"), "{printed}");
}
