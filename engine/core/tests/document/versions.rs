//! Versions of a document, and edits that know which one they were made from.

use bowline_core::document::{
    AgentEdit, Document, FileContent, FilePath, Kind, NoVersion, SkillEdit, SkillFile, Version,
};

use crate::support::{Author, Sealed};

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn files(document: &Document) -> Vec<(String, String)> {
    let files = document.agent().unwrap().files().into_iter();
    files.map(|file| (file.path.to_string(), file.text)).collect()
}

fn skill_files(document: &Document) -> Vec<SkillFile> {
    document.skill().unwrap().files()
}

fn edit_since(author: &mut Author, since: &Version, edit: impl FnOnce(&mut AgentEdit)) {
    let mut made = AgentEdit::default();
    edit(&mut made);
    let then = author.document.as_of(since).unwrap();
    author.document.agent_mut(author.pen).unwrap().edit_since(&made, Some(&then)).unwrap();
}

/// An agent of Ana's with these files, and its version; then Ben's edit of it, which Ana has as well.
fn edited_by_ben(ana: &mut Author, first: &[(&str, &str)], edit: impl FnOnce(&mut Author)) -> Version {
    for (path, text) in first {
        ana.write(path, text);
    }
    let mut ben = Author::agent(2);
    let begun: Sealed = ana.seal(1);
    ben.receive(&[begun]);
    let version = ana.document.version();
    edit(&mut ben);
    ana.receive(&[ben.seal(2)]);
    version
}

#[test]
fn a_document_is_shown_as_it_was_in_any_of_its_versions() {
    let mut ana = Author::agent(1);
    ana.write("AGENTS.md", "one\n");
    let then = ana.document.version();
    ana.write("AGENTS.md", "one\ntwo\n").write("b", "b");
    let document = &ana.document;
    assert_eq!(files(&document.as_of(&then).unwrap()), [("AGENTS.md".to_owned(), "one\n".to_owned())]);
    assert_eq!(document.find_version(&then.short()), Ok(then.clone()));
    assert_eq!(document.find_version(&then.to_string()), Ok(then.clone()));
    assert_eq!(document.find_version(&document.version().short().to_uppercase()), Ok(document.version()));
    assert_eq!(document.find_version("00000000"), Err(NoVersion::Unknown));
    for no_version in ["", "123", "not a version", &then.short()[..7]] {
        assert_eq!(document.find_version(no_version), Err(NoVersion::NotOne), "{no_version}");
    }
    assert!(Document::create(Kind::Agent).as_of(&then).is_none(), "it does not have that");
    assert!(document.as_of(&Version::of(Vec::new())).is_none(), "nothing is a version of nothing");
}

#[test]
fn a_version_of_two_ends_is_found_by_both() {
    let (mut ana, mut ben) = (Author::agent(1), Author::agent(2));
    ana.write("a", "a");
    ben.write("b", "b");
    ana.receive(&[ben.seal(1)]);
    let version = ana.document.version();
    assert_eq!(version.heads().len(), 2);
    assert_eq!(ana.document.find_version(&version.short()), Ok(version.clone()));
    ana.write("a", "more");
    assert_eq!(files(&ana.document.as_of(&version).unwrap()).len(), 2);
}

#[test]
fn an_edit_of_an_older_version_leaves_what_others_wrote_since() {
    let mut ana = Author::agent(1);
    let since = edited_by_ben(&mut ana, &[("AGENTS.md", "one\ntwo\n")], |ben| {
        ben.write("AGENTS.md", "one\ntwo\nthree, says Ben\n");
    });
    edit_since(&mut ana, &since, |edit| {
        edit.write_file(path("AGENTS.md"), "one!\ntwo\n");
    });
    let merged = [("AGENTS.md".to_owned(), "one!\ntwo\nthree, says Ben\n".to_owned())];
    assert_eq!(files(&ana.document), merged);
}

#[test]
fn an_edit_of_an_older_version_removes_what_nobody_has_changed_since_and_nothing_else() {
    let mut ana = Author::agent(1);
    let since = edited_by_ben(&mut ana, &[("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")], |ben| {
        ben.write("b", "b and more").write("new", "Ben's").remove("c").remove("d");
    });
    edit_since(&mut ana, &since, |edit| {
        edit.remove_file(path("a")).remove_file(path("b")).write_file(path("c"), "c");
        edit.write_file(path("d"), "d, says Ana").write_file(path("new"), "Ana's");
    });
    let files = files(&ana.document);
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    // What Ben removed and Ana did not change stays away; what Ana wrote into it brings it back.
    assert_eq!(files, [("b", "b and more"), ("d", "d, says Ana"), ("new", "Ben'sAna's")]);
}

#[test]
fn bytes_that_two_people_replaced_are_both_kept() {
    let bytes = |text: &str| FileContent::Bytes(text.as_bytes().to_vec());
    let write = |author: &mut Author, name: &str, text: &str| {
        author.skill(|edit| {
            edit.write_file(path(name), bytes(text)).set_executable(path(name), true);
        });
    };
    let (mut ana, mut ben) = (Author::new(1, Kind::Skill), Author::new(2, Kind::Skill));
    for name in ["a.png", "b.png", "c.png"] {
        write(&mut ana, name, "first");
    }
    ben.receive(&[ana.seal(1)]);
    let since = ana.document.version();
    write(&mut ben, "a.png", "Ben's");
    write(&mut ben, "b.png", "Ben's");
    ana.receive(&[ben.seal(2)]);
    let mut edit = SkillEdit::default();
    edit.write_file(path("a.png"), bytes("Ana's")).remove_file(path("b.png")).remove_file(path("c.png"));
    let then = ana.document.as_of(&since).unwrap();
    ana.document.skill_mut(ana.pen).unwrap().edit_since(&edit, Some(&then)).unwrap();
    let files = skill_files(&ana.document);
    let files: Vec<_> =
        files.iter().map(|it| (it.path.as_str(), it.content.clone(), it.executable)).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files[0].0.starts_with("a.conflict-") && files[0].1 == bytes("Ana's"), "{files:?}");
    assert_eq!(files[1..], [("a.png", bytes("Ben's"), true), ("b.png", bytes("Ben's"), true)]);
}
