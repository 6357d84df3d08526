//! Agents, skills and personal files of other applications as they come in, again and again.

use bowline_core::document::{
    AgentEdit, AgentField, AgentValues, FileContent, FilePath, Json, Kind, TextFile,
};
use bowline_device::Error;
use bowline_device::{
    DocumentState, DryRun, FilesImport, ImportTarget, ImportedFiles, Outcome, SourceFile, Verdict, Why,
};
use bowline_wire::ids::DocId;

use crate::importing::everything;
use crate::rig::Rig;

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

const AGENT: FilesImport<'_> = FilesImport {
    source: "openclaw//agent/main",
    app: "openclaw",
    kind: Kind::Agent,
    name: Some("Scribe"),
    description: None,
    model: Some("opus"),
    values: &[],
    files: &[],
};

/// The document that an import made, or found.
fn doc(imported: &ImportedFiles) -> DocId {
    imported.id.expect("there is a document")
}

/// Whether anything is remembered of a source.
fn is_remembered(rig: &Rig, source: &str) -> bool {
    rig.device.store().read().import(source).unwrap().is_some()
}

fn import_as(rig: &mut Rig, import: &FilesImport<'_>, files: &[(&str, &[u8], bool)]) -> ImportedFiles {
    let paths: Vec<FilePath> = files.iter().map(|(at, _, _)| path(at)).collect();
    let files: Vec<SourceFile<'_>> = files
        .iter()
        .zip(&paths)
        .map(|((_, content, executable), path)| SourceFile { path, content, executable: *executable })
        .collect();
    let import = FilesImport { files: &files, ..*import };
    let before = everything(rig);
    let planned = DryRun::of(&rig.device).import_files(&import, rig.now).unwrap();
    assert_eq!(everything(rig), before, "a dry run has written");
    let imported = rig.device.import_files(&import, rig.now).unwrap();
    // A document that is only planned has no id yet.
    let id = planned.id.and(imported.id);
    assert_eq!(ImportedFiles { id, ..imported.clone() }, planned, "a dry run said something else");
    imported
}

fn import(rig: &mut Rig, files: &[(&str, &str)]) -> ImportedFiles {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes(), false)).collect();
    import_as(rig, &AGENT, &files)
}

/// What became of each file, by its path.
fn outcomes(imported: &ImportedFiles) -> Vec<(String, Verdict)> {
    imported.files.iter().map(|(path, outcome)| (path.to_string(), outcome.clone())).collect()
}

fn files(rig: &mut Rig, id: DocId) -> Vec<(String, String)> {
    let files = rig.device.show_agent(id, rig.now).unwrap().files;
    files.into_iter().map(|TextFile { path, text, .. }| (path.to_string(), text)).collect()
}

fn write(rig: &mut Rig, id: DocId, file: &str, text: Option<&str>) {
    let mut edit = AgentEdit::default();
    match text {
        Some(text) => edit.write_file(path(file), text),
        None => edit.remove_file(path(file)),
    };
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
}

/// Files that were not taken, with the reasons.
fn left(imported: &ImportedFiles) -> Vec<(String, Why)> {
    let failed = outcomes(imported).into_iter().filter(|(_, verdict)| verdict.outcome == Outcome::Failed);
    failed.filter_map(|(path, verdict)| Some((path, verdict.why?))).collect()
}

/// A verdict without a reason.
fn plain(outcome: Outcome) -> Verdict {
    outcome.into()
}

/// A verdict with a reason.
fn because(outcome: Outcome, why: Why) -> Verdict {
    Verdict { outcome, why: Some(why) }
}

fn changes(rig: &Rig) -> i64 {
    rig.device.store().connection().query_row("SELECT total_changes()", (), |row| row.get(0)).unwrap()
}

fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn an_agent_comes_in_with_fields_values_and_files_and_again_changes_nothing() {
    let mut rig = Rig::new(1);
    let json = |text: &str| Json::parse(text).unwrap();
    let values = [
        (AgentValues::Tools, "search", json("{}")),
        (AgentValues::Schedules, "job", json(r#"{"kind":"cron"}"#)),
    ];
    let source = FilesImport { values: &values, description: Some("writes"), ..AGENT };
    let made =
        import_as(&mut rig, &source, &[("AGENTS.md", b"be kind", true), ("notes/a.md", b"a\r\n", false)]);
    assert_eq!((made.outcome, made.workspace), (Outcome::New, None));
    assert_eq!(made.fields.len(), 5);
    assert!(made.fields.iter().all(|(_, verdict)| verdict.outcome == Outcome::New), "{:?}", made.fields);
    let shown = rig.device.show_agent(doc(&made), rig.now).unwrap();
    assert_eq!(
        (&*shown.name, shown.description.as_deref(), shown.model.as_deref()),
        ("Scribe", Some("writes"), Some("opus"))
    );
    assert_eq!((shown.tools.len(), shown.schedules["job"].as_str()), (1, r#"{"kind":"cron"}"#));
    assert_eq!(files(&mut rig, doc(&made)), pairs(&[("AGENTS.md", "be kind"), ("notes/a.md", "a\r\n")]));
    assert!(is_remembered(&rig, source.source) && !is_remembered(&rig, "openclaw//agent/other"));
    let before = changes(&rig);
    let again =
        import_as(&mut rig, &source, &[("AGENTS.md", b"be kind", true), ("notes/a.md", b"a\r\n", false)]);
    assert_eq!((doc(&again), again.outcome), (doc(&made), Outcome::Unchanged));
    assert!(again.files.iter().all(|(_, verdict)| verdict.outcome == Outcome::Unchanged));
    assert_eq!(changes(&rig), before);
}

#[test]
fn what_was_changed_on_one_side_is_kept_or_taken_and_on_both_comes_beside() {
    let mut rig = Rig::new(1);
    let id =
        doc(&import(&mut rig, &[("a.md", "a"), ("b.md", "b"), ("c.md", "c"), ("d.md", "d"), ("e", "e")]));
    write(&mut rig, id, "b.md", Some("b here"));
    write(&mut rig, id, "c.md", Some("c here"));
    write(&mut rig, id, "d.md", Some("same"));
    write(&mut rig, id, "e", None);
    let source = [
        ("a.md", "a there"),
        ("b.md", "b"),
        ("c.md", "c there"),
        ("d.md", "same"),
        ("e", "e there"),
        ("n", "n"),
    ];
    let more = import(&mut rig, &source);
    let beside = |at: &str| because(Outcome::Conflict, Why::ChangedOnBothSides(Some(path(at))));
    assert_eq!(
        outcomes(&more),
        [
            ("a.md".to_owned(), plain(Outcome::Updated)),
            ("b.md".to_owned(), plain(Outcome::Unchanged)),
            ("c.md".to_owned(), beside("c.openclaw.md")),
            ("d.md".to_owned(), plain(Outcome::Unchanged)),
            ("e".to_owned(), beside("e.openclaw")),
            ("n".to_owned(), plain(Outcome::New)),
        ]
    );
    let expected = pairs(&[
        ("a.md", "a there"),
        ("b.md", "b here"),
        ("c.md", "c here"),
        ("c.openclaw.md", "c there"),
        ("d.md", "same"),
        ("e.openclaw", "e there"),
        ("n", "n"),
    ]);
    assert_eq!((more.outcome, files(&mut rig, id)), (Outcome::More, expected.clone()));
    let before = changes(&rig);
    let again = import(&mut rig, &source);
    assert_eq!((again.outcome, files(&mut rig, id)), (Outcome::Unchanged, expected));
    assert_eq!(changes(&rig), before);
}

#[test]
fn what_comes_beside_takes_the_place_of_nothing() {
    let mut rig = Rig::new(1);
    let id = doc(&import(&mut rig, &[("a.md", "a"), ("a.openclaw-2.md", "its own")]));
    write(&mut rig, id, "a.md", Some("a here"));
    import(&mut rig, &[("a.md", "first"), ("a.openclaw-2.md", "its own")]);
    write(&mut rig, id, "a.openclaw.md", Some("first, with a note"));
    import(&mut rig, &[("a.md", "second"), ("a.openclaw-2.md", "its own")]);
    let expected = pairs(&[
        ("a.md", "a here"),
        ("a.openclaw-2.md", "its own"),
        ("a.openclaw-3.md", "second"),
        ("a.openclaw.md", "first, with a note"),
    ]);
    assert_eq!(files(&mut rig, id), expected);
}

#[test]
fn a_field_changed_on_both_sides_stays_as_it_is_here() {
    let mut rig = Rig::new(1);
    let id = doc(&import(&mut rig, &[]));
    let mut edit = AgentEdit::default();
    edit.set(AgentField::Name, Some("Scribe here"));
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
    let there = FilesImport { name: Some("Scribe there"), model: Some("sonnet"), ..AGENT };
    let more = import_as(&mut rig, &there, &[]);
    assert_eq!(more.outcome, Outcome::Updated);
    assert_eq!(
        more.fields,
        [
            ("name".to_owned(), because(Outcome::Conflict, Why::ChangedOnBothSides(None))),
            ("model".to_owned(), plain(Outcome::Updated))
        ]
    );
    let shown = rig.device.show_agent(id, rig.now).unwrap();
    assert_eq!((&*shown.name, shown.model.as_deref()), ("Scribe here", Some("sonnet")));
}

#[test]
fn what_is_gone_there_stays_here() {
    let mut rig = Rig::new(1);
    let id = doc(&import(&mut rig, &[("a.md", "a"), ("b.md", "b")]));
    let before = changes(&rig);
    let less = import_as(&mut rig, &FilesImport { model: None, ..AGENT }, &[("a.md", b"a", false)]);
    assert_eq!(
        outcomes(&less),
        [
            ("a.md".to_owned(), plain(Outcome::Unchanged)),
            ("b.md".to_owned(), because(Outcome::Kept, Why::GoneAtSource))
        ]
    );
    assert!(less.fields.contains(&("model".to_owned(), because(Outcome::Kept, Why::GoneAtSource))));
    assert_eq!((less.outcome, files(&mut rig, id).len()), (Outcome::Unchanged, 2));
    assert_eq!(changes(&rig), before);
}

#[test]
fn what_is_in_the_trash_stays_there() {
    let mut rig = Rig::new(1);
    let id = doc(&import(&mut rig, &[("a.md", "a")]));
    rig.device.delete(id, rig.now).unwrap();
    let before = changes(&rig);
    let again = import(&mut rig, &[("a.md", "a there")]);
    assert_eq!((doc(&again), again.outcome, &again.why), (id, Outcome::Skipped, &Some(Why::InTrash)));
    assert_eq!(changes(&rig), before);
}

#[test]
fn an_import_makes_a_document_of_this_device_and_adds_to_it_wherever_it_is() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = doc(&import(&mut rig, &[("a.md", "a")]));
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnlyHere);
    let workspace = rig.workspace();
    rig.device.share(id, workspace, rig.now).unwrap();
    rig.sync(&mut relay);
    let more = import(&mut rig, &[("a.md", "a there")]);
    assert_eq!((doc(&more), more.workspace), (id, Some(workspace)));
    assert_eq!(files(&mut rig, id), pairs(&[("a.md", "a there")]));
}

#[test]
fn files_that_an_agent_cannot_have_are_left_with_the_reason() {
    let mut rig = Rig::new(1);
    let large = vec![b'x'; (512 << 10) + 1];
    let source: [(&str, &[u8], bool); 3] =
        [("bin", b"\xff\x00", false), ("large", &large, false), ("small", b"x", false)];
    let made = import_as(&mut rig, &AGENT, &source);
    assert_eq!(left(&made), [("bin".to_owned(), Why::NotText), ("large".to_owned(), Why::FileTooLarge)]);
    assert_eq!(files(&mut rig, doc(&made)), pairs(&[("small", "x")]));
    let half = vec![0; 512 << 10];
    let source = ["0", "1", "2", "3", "4", "5", "6", "7", "8"].map(|at| (at, half.as_slice(), false));
    let skill = FilesImport { source: "skill", kind: Kind::Skill, model: None, ..AGENT };
    let made = import_as(&mut rig, &skill, &source);
    assert_eq!(left(&made), [("8".to_owned(), Why::FilesTooLarge)]);
    assert_eq!(rig.device.show_skill(doc(&made), rig.now).unwrap().files.len(), 8);
    let long = "x".repeat(2000);
    let other = FilesImport { source: "other", name: Some(&long), model: None, ..AGENT };
    let empty = import_as(&mut rig, &other, &[]);
    assert_eq!((empty.outcome, &empty.why), (Outcome::Skipped, &Some(Why::Empty)));
    assert_eq!(empty.fields, [("name".to_owned(), because(Outcome::Failed, Why::TextTooLong))]);
    assert!(empty.id.is_none() && !is_remembered(&rig, "other"));
}

#[test]
fn a_skill_comes_in_with_texts_bytes_and_what_can_be_run() {
    let mut rig = Rig::new(1);
    let skill = FilesImport {
        source: "openclaw//skill/trips",
        kind: Kind::Skill,
        name: Some("trips"),
        description: Some("plans trips"),
        model: None,
        ..AGENT
    };
    let source: [(&str, &[u8], bool); 3] =
        [("SKILL.md", b"go", false), ("map.png", b"\x89PNG\xff", false), ("days.sh", b"#!/bin/sh\n", true)];
    let made = import_as(&mut rig, &skill, &source);
    let mut rig = rig.reopened();
    let shown = rig.device.show_skill(doc(&made), rig.now).unwrap();
    assert_eq!(
        (&*shown.name, shown.description.as_deref(), &shown.issues[..]),
        ("trips", Some("plans trips"), &[][..])
    );
    let kept: Vec<_> =
        shown.files.iter().map(|it| (it.path.as_str(), it.content.as_bytes(), it.executable)).collect();
    assert_eq!(kept, [source[0], source[2], source[1]]);
    assert!(matches!(shown.files[2].content, FileContent::Bytes(_)));
    let listed = rig.device.skills(false).unwrap();
    assert_eq!((listed.len(), &*listed[0].title, listed[0].count), (1, "trips", 3));
    let before = changes(&rig);
    assert_eq!(import_as(&mut rig, &skill, &source).outcome, Outcome::Unchanged);
    assert_eq!(changes(&rig), before);
    let runs = [("SKILL.md", &b"go"[..], true), source[1], source[2]];
    assert_eq!(import_as(&mut rig, &skill, &runs).outcome, Outcome::More);
    assert!(rig.device.show_skill(doc(&made), rig.now).unwrap().files[0].executable);
    assert!(rig.device.show_agent(doc(&made), rig.now).is_err());
    rig.device.delete(doc(&made), rig.now).unwrap();
    assert_eq!((rig.device.skills(false).unwrap().len(), rig.device.skills(true).unwrap().len()), (0, 1));
    rig.device.restore_deleted(doc(&made), rig.now).unwrap();
    assert_eq!(rig.device.skills(false).unwrap().len(), 1);
    assert_eq!(rig.device.find_by_prefix(&doc(&made).to_string()).unwrap(), [(doc(&made), Kind::Skill)]);
}

#[test]
fn a_memory_stays_here_unless_it_is_shared_by_name() {
    let (mut rig, _, mut relay) = Rig::member();
    let memory = FilesImport { source: "openclaw//memory/main", kind: Kind::Memory, model: None, ..AGENT };
    let made = import_as(&mut rig, &memory, &[("USER.md", b"Ada", false)]);
    let agent = doc(&import(&mut rig, &[("a.md", "a")]));
    let offered: Vec<DocId> = rig.device.shareable().unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(offered, [agent]);
    let shown = rig.device.show_memory(doc(&made), rig.now).unwrap();
    assert_eq!((&*shown.name, &*shown.files[0].text, &shown.issues[..]), ("Scribe", "Ada", &[][..]));
    assert_eq!(rig.device.memories(false).unwrap()[0].title, "Scribe");
    rig.device.delete(doc(&made), rig.now).unwrap();
    assert_eq!(rig.device.memories(true).unwrap().len(), 1);
    rig.device.restore_deleted(doc(&made), rig.now).unwrap();
    let workspace = rig.workspace();
    rig.device.share(doc(&made), workspace, rig.now).unwrap();
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(doc(&made)).unwrap(), DocumentState::OnRelay);
    assert!(!format!("{shown:?} {made:?}").contains("Ada"));
}

#[test]
fn a_source_is_one_document_of_one_kind() {
    let mut rig = Rig::new(1);
    import(&mut rig, &[("a.md", "a")]);
    let other = FilesImport { kind: Kind::Memory, model: None, ..AGENT };
    assert!(matches!(rig.device.import_files(&other, rig.now), Err(Error::OtherKind(_))));
    let chat = FilesImport { source: "chat", kind: Kind::Conversation, model: None, ..AGENT };
    assert!(matches!(rig.device.import_files(&chat, rig.now), Err(Error::OtherKind(_))));
    assert!(rig.device.list(false).unwrap().is_empty());
}

#[test]
fn what_cannot_be_stored_leaves_nothing_of_itself() {
    let mut rig = Rig::new(1);
    rig.commits.refuse(1);
    assert!(rig.device.import_files(&AGENT, rig.now).is_err());
    assert!(rig.commits.is_spent() && rig.device.agents(false).unwrap().is_empty());
    assert!(!is_remembered(&rig, AGENT.source));
    let id = doc(&import(&mut rig, &[("a", "a")]));
    // The edit is stored, and that it was an import is not: then it is there already.
    rig.commits.refuse(2);
    let path = path("a");
    let file = [SourceFile { path: &path, content: b"more", executable: false }];
    assert!(rig.device.import_files(&FilesImport { files: &file, ..AGENT }, rig.now).is_err());
    let again = import(&mut rig, &[("a", "more")]);
    assert_eq!((doc(&again), again.outcome), (id, Outcome::Unchanged));
    assert_eq!(files(&mut rig, id), pairs(&[("a", "more")]));
}
