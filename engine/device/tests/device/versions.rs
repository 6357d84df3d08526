//! Edits that know from which version of a document they were made, on devices that share it and with parts that are only here.

use bowline_core::document::{FileContent, FilePath, Kind, Version};
use bowline_device::{DocumentState, Error, FilesEdit};
use bowline_wire::ids::DocId;

use crate::rig::{Rig, exchange, two};

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn writing(kind: Kind, file: &str, text: &str) -> FilesEdit {
    let mut edit = FilesEdit::of(kind).unwrap();
    assert!(edit.write_file(path(file), FileContent::Text(text.to_owned())));
    edit
}

fn write(rig: &mut Rig, id: DocId, text: &str, since: Option<&Version>) {
    let kind = rig.device.kind_of(id).unwrap();
    rig.device.edit_files(id, &writing(kind, "notes.md", text), since, rig.now).unwrap();
}

fn text(rig: &mut Rig, id: DocId) -> String {
    let files = rig.device.versions(id, rig.now).unwrap().files(None).unwrap();
    files.iter().map(|file| String::from_utf8(file.content.as_bytes().to_vec()).unwrap()).collect()
}

fn version(rig: &mut Rig, id: DocId) -> Version {
    rig.device.versions(id, rig.now).unwrap().current().unwrap()
}

#[test]
fn a_stale_edit_of_an_agent_or_a_skill_leaves_what_others_wrote_since() {
    let (mut ana, mut ben, mut relay) = two();
    for kind in [Kind::Agent, Kind::Skill] {
        let edit = writing(kind, "notes.md", "one\ntwo\n");
        let id = ana.device.create_files(&edit, ana.now).unwrap();
        exchange(&mut ana, &mut ben, &mut relay);
        let seen = version(&mut ana, id);
        write(&mut ben, id, "one\ntwo\nBen's\n", None);
        exchange(&mut ana, &mut ben, &mut relay);
        let found = ana.device.versions(id, ana.now).unwrap().find(&seen.short()).unwrap();
        write(&mut ana, id, "ONE\ntwo\n", Some(&found));
        exchange(&mut ana, &mut ben, &mut relay);
        assert_eq!(text(&mut ana, id), "ONE\ntwo\nBen's\n");
        assert_eq!(text(&mut ben, id), "ONE\ntwo\nBen's\n");
        // The other device can start from that version as well: it is the document's, and not this device's.
        write(&mut ben, id, "one\ntwo\nand from Ben\n", Some(&seen));
        assert_eq!(text(&mut ben, id).matches("Ben").count(), 2);
        assert!(text(&mut ben, id).contains("ONE\n"));
    }
}

/// What a person sees is the union of both states; what they write goes into one of them.
#[test]
fn an_edit_of_what_is_shown_leaves_what_is_only_here_where_it_is() {
    let (mut ana, mut ben, mut relay) = two();
    let id = ana.device.create_files(&writing(Kind::Agent, "notes.md", "one\ntwo\n"), ana.now).unwrap();
    exchange(&mut ana, &mut ben, &mut relay);
    ben.device.keep_local(id, ben.now).unwrap();
    write(&mut ben, id, "one\ntwo\nprivate\n", None);
    write(&mut ana, id, "zero\none\ntwo\n", None);
    exchange(&mut ana, &mut ben, &mut relay);
    let seen = version(&mut ben, id);
    assert_eq!(text(&mut ben, id), "zero\none\ntwo\nprivate\n");
    write(&mut ana, id, "zero\none\ntwo and a half\n", None);
    exchange(&mut ana, &mut ben, &mut relay);
    write(&mut ben, id, "zero\nONE\ntwo\nprivate\n", Some(&seen));
    assert_eq!(text(&mut ben, id), "zero\nONE\ntwo and a half\nprivate\n");
    exchange(&mut ana, &mut ben, &mut relay);
    assert_eq!(text(&mut ana, id), "zero\none\ntwo and a half\n", "nothing has left");
    let mut ben = ben.reopened();
    assert_eq!(text(&mut ben, id), "zero\nONE\ntwo and a half\nprivate\n");
}

#[test]
fn a_version_that_is_not_here_is_refused_and_changes_nothing() {
    let (mut ana, mut ben, mut relay) = two();
    let id = ana.device.create_files(&writing(Kind::Agent, "notes.md", "one\n"), ana.now).unwrap();
    exchange(&mut ana, &mut ben, &mut relay);
    ben.disconnect();
    write(&mut ben, id, "one\ntwo\n", None);
    let unknown = version(&mut ben, id);
    let edit = writing(Kind::Agent, "notes.md", "mine\n");
    let refused = ana.device.edit_files(id, &edit, Some(&unknown), ana.now);
    assert!(matches!(refused, Err(Error::NoVersion(_))), "{refused:?}");
    let refused = ana.device.versions(id, ana.now).unwrap().find(&unknown.short());
    assert!(matches!(refused, Err(Error::NoVersion(_))), "{refused:?}");
    assert_eq!(text(&mut ana, id), "one\n");
}

#[test]
fn what_a_person_has_seen_of_a_document_is_known_when_the_program_runs_again() {
    let (mut ana, mut ben, mut relay) = two();
    let id = ana.device.create_files(&writing(Kind::Agent, "notes.md", "one\n"), ana.now).unwrap();
    let first = version(&mut ana, id);
    exchange(&mut ana, &mut ben, &mut relay);
    assert!(!ana.device.versions(id, ana.now).unwrap().has_other_writers().unwrap());
    assert!(ben.device.versions(id, ben.now).unwrap().has_other_writers().unwrap());
    assert_eq!(
        ben.device.versions(id, ben.now).unwrap().seen(&path("notes.md")).unwrap(),
        None,
        "it came, and nobody looked"
    );
    write(&mut ben, id, "one\ntwo\n", None);
    exchange(&mut ana, &mut ben, &mut relay);
    let mut ana = ana.reopened();
    let seen =
        |rig: &mut Rig, file: &str| rig.device.versions(id, rig.now).unwrap().seen(&path(file)).unwrap();
    assert!(ana.device.versions(id, ana.now).unwrap().has_other_writers().unwrap());
    assert_eq!(seen(&mut ana, "notes.md"), Some(first.clone()), "whoever makes it has seen it");
    ana.device.versions(id, ana.now).unwrap().note_seen(Some(&path("notes.md"))).unwrap();
    let second = version(&mut ana, id);
    assert_eq!(seen(&mut ana, "notes.md"), Some(second.clone()));
    assert_eq!(seen(&mut ana, "other.md"), Some(first));
    ana.device.versions(id, ana.now).unwrap().note_seen(None).unwrap();
    assert_eq!(seen(&mut ana, "other.md"), Some(second));
}

#[test]
fn a_memory_that_is_made_by_hand_stays_on_this_device() {
    let (mut ana, mut ben, mut relay) = two();
    let id = ana.device.create_files(&writing(Kind::Memory, "notes.md", "likes tea\n"), ana.now).unwrap();
    exchange(&mut ana, &mut ben, &mut relay);
    assert_eq!(ana.device.document_state(id).unwrap(), DocumentState::OnlyHere);
    assert_eq!(text(&mut ana, id), "likes tea\n");
    assert!(matches!(ben.device.kind_of(id), Err(Error::NoDocument(_))));
}
