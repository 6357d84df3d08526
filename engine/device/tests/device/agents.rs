//! Agents as a person works with them, and how they come to other devices.

use bowline_core::document::{AgentEdit, AgentField, AgentValues, FilePath, Json, Kind, TextFile};
use bowline_device::DocumentState;
use bowline_device::Error;
use bowline_wire::header::EntryType;
use bowline_wire::ids::DocId;

use crate::rig::{Rig, exchange, two};

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn write(rig: &mut Rig, id: DocId, file: &str, text: &str) {
    let mut edit = AgentEdit::default();
    edit.write_file(path(file), text);
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
}

fn text(rig: &mut Rig, id: DocId, file: &str) -> Option<String> {
    let files = rig.device.show_agent(id, rig.now).unwrap().files;
    files.into_iter().find(|found| found.path == path(file)).map(|file| file.text)
}

#[test]
fn an_agent_is_made_listed_shown_and_edited() {
    let mut rig = Rig::new(1);
    let id = rig.device.create_agent("Scribe", rig.now).unwrap();
    let mut edit = AgentEdit::default();
    edit.set(AgentField::Description, Some("writes")).set(AgentField::Model, Some("opus"));
    edit.set_value(AgentValues::Params, "temperature", Some(Json::parse("0.5").unwrap()));
    edit.write_file(path("AGENTS.md"), "be kind").write_file(path("notes/a.md"), "a");
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
    let mut rig = rig.reopened();
    let listed = rig.device.agents(false).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&*listed[0].title, &*listed[0].preview, listed[0].count), ("Scribe", "writes", 2));
    assert!(rig.device.list(false).unwrap().is_empty(), "an agent is not a conversation");
    let shown = rig.device.show_agent(id, rig.now).unwrap();
    assert_eq!((&*shown.name, shown.description.as_deref()), ("Scribe", Some("writes")));
    assert_eq!((shown.model.as_deref(), shown.params["temperature"].as_str()), (Some("opus"), "0.5"));
    let paths: Vec<_> = shown.files.iter().map(|TextFile { path, .. }| path.as_str()).collect();
    assert_eq!(paths, ["AGENTS.md", "notes/a.md"]);
    assert_eq!(shown.issues, []);
}

#[test]
fn a_refused_edit_leaves_nothing_of_itself() {
    let mut rig = Rig::new(1);
    let mut edit = AgentEdit::default();
    edit.set(AgentField::Name, Some("Scribe")).write_file(path("a"), &"x".repeat(1 << 20));
    assert!(matches!(rig.device.create_agent_with(&edit, rig.now), Err(Error::Edit(_))));
    assert!(rig.device.agents(false).unwrap().is_empty());
    let id = rig.device.create_agent("Scribe", rig.now).unwrap();
    edit.set(AgentField::Name, Some("other"));
    assert!(matches!(rig.device.edit_agent(id, &edit, rig.now), Err(Error::Edit(_))));
    assert_eq!(rig.device.show_agent(id, rig.now).unwrap().name, "Scribe");
}

#[test]
fn an_edit_of_several_changes_that_cannot_be_stored_leaves_nothing_of_itself() {
    let mut rig = Rig::new(1);
    let id = rig.device.create_agent("Scribe", rig.now).unwrap();
    write(&mut rig, id, "a", "short");
    rig.commits.refuse(1);
    let mut edit = AgentEdit::default();
    edit.write_file(path("a"), &"long ".repeat(20_000));
    assert!(rig.device.edit_agent(id, &edit, rig.now).is_err());
    assert!(rig.commits.is_spent());
    assert_eq!(text(&mut rig, id, "a").as_deref(), Some("short"));
    assert_eq!(text(&mut rig.reopened(), id, "a").as_deref(), Some("short"));
}

#[test]
fn an_agent_goes_to_the_trash_and_back() {
    let mut rig = Rig::new(1);
    let id = rig.device.create_agent("Scribe", rig.now).unwrap();
    rig.device.delete(id, rig.now).unwrap();
    assert!(rig.device.agents(false).unwrap().is_empty());
    assert_eq!(rig.device.agents(true).unwrap()[0].id, id);
    rig.device.restore_deleted(id, rig.now).unwrap();
    assert_eq!(rig.device.agents(false).unwrap()[0].id, id);
}

#[test]
fn each_kind_of_document_has_its_own_verbs() {
    let mut rig = Rig::new(1);
    let agent = rig.device.create_agent("Scribe", rig.now).unwrap();
    let chat = rig.conversation("a chat");
    let now = rig.now;
    let role = bowline_core::document::Role::User;
    assert!(matches!(rig.device.say(agent, role, "x", now), Err(Error::OtherKind(id)) if id == agent));
    assert!(matches!(rig.device.set_title(agent, None, now), Err(Error::OtherKind(_))));
    assert!(matches!(rig.device.show(agent, now), Err(Error::OtherKind(_))));
    assert!(matches!(rig.device.show_agent(chat, now), Err(Error::OtherKind(_))));
    assert!(matches!(rig.device.edit_agent(chat, &AgentEdit::default(), now), Err(Error::OtherKind(_))));
    assert_eq!(rig.device.kind_of(agent).unwrap(), Kind::Agent);
    assert_eq!(rig.device.kind_of(chat).unwrap(), Kind::Conversation);
    assert!(matches!(rig.device.kind_of(DocId::from_bytes([7; 16])), Err(Error::NoDocument(_))));
}

#[test]
fn documents_are_found_by_how_their_ids_begin_in_the_trash_as_well() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.device
        .set_own_names(&bowline_device::OwnNames { device: Some("laptop".to_owned()), user: None }, rig.now)
        .unwrap();
    let agent = rig.device.create_agent("Scribe", rig.now).unwrap();
    let chat = rig.conversation("a chat");
    rig.device.delete(chat, rig.now).unwrap();
    rig.talk(&mut relay);
    let mut all = rig.device.find_by_prefix("").unwrap();
    all.sort();
    let mut expected = vec![(agent, Kind::Agent), (chat, Kind::Conversation)];
    expected.sort();
    assert_eq!(all, expected, "and no profile");
    let whole = agent.to_string();
    for prefix in [&whole[..8], &whole] {
        assert_eq!(rig.device.find_by_prefix(prefix).unwrap(), [(agent, Kind::Agent)]);
    }
    assert_eq!(rig.device.find_by_prefix("no id begins so").unwrap(), []);
}

#[test]
fn two_devices_edit_one_file_at_once_and_both_have_both_edits() {
    let (mut one, mut other, mut relay) = two();
    let id = one.device.create_agent("Scribe", one.now).unwrap();
    write(&mut one, id, "AGENTS.md", "first line\nsecond line\n");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(text(&mut other, id, "AGENTS.md").as_deref(), Some("first line\nsecond line\n"));
    one.disconnect();
    other.disconnect();
    write(&mut one, id, "AGENTS.md", "the first line\nsecond line\n");
    write(&mut other, id, "AGENTS.md", "first line\nsecond and last line\n");
    exchange(&mut one, &mut other, &mut relay);
    let both = "the first line\nsecond and last line\n";
    assert_eq!(text(&mut one, id, "AGENTS.md").as_deref(), Some(both));
    assert_eq!(text(&mut other, id, "AGENTS.md").as_deref(), Some(both));
    assert_eq!(one.status().queued, 0);
}

#[test]
fn an_agent_with_a_large_file_is_shared_in_as_many_entries_as_it_needs() {
    let (mut one, mut other, mut relay) = two();
    one.device.use_workspace(None).unwrap();
    let id = one.device.create_agent("Scribe", one.now).unwrap();
    let lines: Vec<String> = (0..12_000).map(|line| format!("line {line}\n")).collect();
    let large = lines.concat();
    write(&mut one, id, "MEMORY.md", &large);
    one.device.share(id, one.workspace(), one.now).unwrap();
    one.talk(&mut relay);
    let types: Vec<_> = one.appended().into_iter().map(|entry| entry.header().entry_type).collect();
    assert!(types.len() > 1 && types.iter().all(|it| *it == EntryType::Changes), "{types:?}");
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.status().quarantined.len(), 0);
    assert!(text(&mut other, id, "MEMORY.md") == Some(large.clone()), "all of it is there");
    assert_eq!(other.device.agents(false).unwrap()[0].title, "Scribe");

    // From there on as in any other document, in both directions.
    let edited = large.replacen("line 7\n", "line seven\n", 1);
    write(&mut other, id, "MEMORY.md", &edited);
    exchange(&mut one, &mut other, &mut relay);
    assert!(text(&mut one, id, "MEMORY.md") == Some(edited), "and edited");
}

/// It is more than one entry holds, and its changes are no longer apart: sealing what rows there are would leave others with
/// nothing and this device in the belief that they have it. So it is written anew.
#[test]
fn a_large_agent_out_of_a_forgotten_workspace_is_shared_whole() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.device.create_agent("Scribe", rig.now).unwrap();
    let large = "words and words ".repeat(7_000);
    write(&mut rig, id, "MEMORY.md", &large);
    let small = rig.device.create_agent("Small", rig.now).unwrap();
    rig.talk(&mut relay);
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    let mut relay = rig.begin_workspace(9);
    for id in [id, small] {
        rig.device.share(id, rig.workspace(), rig.now).unwrap();
    }
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(small).unwrap(), DocumentState::OnRelay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let mut rig = rig.reopened();
    assert!(text(&mut rig, id, "MEMORY.md") == Some(large.clone()), "nothing of it is lost");
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let key = rig.device.invite(workspace, now).unwrap();
    rig.talk(&mut relay);
    let mut second = Rig::new(5);
    second.join(&rig.device.code(workspace, key).unwrap().unwrap());
    second.sync(&mut relay);
    second.sync(&mut relay);
    assert!(text(&mut second, id, "MEMORY.md") == Some(large), "others have all of it");
}

#[test]
fn what_is_shown_and_listed_prints_no_content() {
    let mut rig = Rig::new(1);
    let id = rig.device.create_agent("secret-name", rig.now).unwrap();
    write(&mut rig, id, "secret-path", "secret-text");
    let chat = rig.conversation("secret-title");
    rig.say(chat, "secret-message");
    let printed = format!(
        "{:?} {:?} {:?} {:?}",
        rig.device.show_agent(id, rig.now).unwrap(),
        rig.device.agents(false).unwrap(),
        rig.device.list(false).unwrap(),
        rig.device.show(chat, rig.now).unwrap(),
    );
    assert!(!printed.contains("secret"), "{printed}");
    assert!(printed.contains("ShownAgent"));
}
