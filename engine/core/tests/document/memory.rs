//! Memories: an agent's files about its person.

use crate::support::{Author, Sealed, assemble, is_pristine, shown};
use bowline_core::document::{Deletion, Document, EditError, FilePath, Kind, MemoryEdit};

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn edit(author: &mut Author, edit: impl FnOnce(&mut MemoryEdit)) {
    let mut made = MemoryEdit::default();
    edit(&mut made);
    author.unsealed.extend(author.document.memory_mut(author.pen).unwrap().edit(&made).unwrap());
}

#[test]
fn a_memory_has_a_name_and_files_that_merge() {
    let mut ana = Author::new(1, Kind::Memory);
    edit(&mut ana, |it| {
        it.set_name(Some("main")).write_file(path("USER.md"), "Ada\nlikes tea\n");
    });
    let base = ana.seal(1);
    let mut ben = Author::new(2, Kind::Memory);
    ben.receive(std::slice::from_ref(&base));
    edit(&mut ana, |it| {
        it.write_file(path("USER.md"), "Ada L.\nlikes tea\n");
    });
    edit(&mut ben, |it| {
        it.write_file(path("USER.md"), "Ada\nlikes green tea\n").remove_file(path("none"));
    });
    let both = assemble(Kind::Memory, &[base, ana.seal(2), ben.seal(3)]).document;
    let memory = both.memory().unwrap();
    assert_eq!((memory.name().as_deref(), memory.issues()), (Some("main"), vec![]));
    assert_eq!(memory.files()[0].text, "Ada L.\nlikes green tea\n");
    let summary = both.summary();
    assert_eq!((&*summary.title, summary.count, &*summary.preview), ("main", 1, ""));
    assert_eq!(shown(&Document::load(Kind::Memory, &both.save()).unwrap()), shown(&both));
}

#[test]
fn a_memory_goes_to_the_trash_and_is_back_when_somebody_had_written_into_it() {
    let mut ana = Author::new(1, Kind::Memory);
    edit(&mut ana, |it| {
        it.write_file(path("USER.md"), "Ada");
    });
    let base: Sealed = ana.seal(1);
    let mut ben = Author::new(2, Kind::Memory);
    ben.receive(std::slice::from_ref(&base));
    ana.unsealed.extend(ana.document.delete(ana.pen).unwrap());
    assert!(matches!(ana.document.deletion(), Deletion::Deleted(_)));
    edit(&mut ben, |it| {
        it.write_file(path("USER.md"), "Ada L.");
    });
    let deleted = ana.seal(2);
    let both = assemble(Kind::Memory, &[base, deleted, ben.seal(3)]).document;
    assert!(matches!(both.deletion(), Deletion::EditedAfter(_)));
    ana.document.restore(ana.pen).unwrap().unwrap();
    assert_eq!(ana.document.deletion(), Deletion::None);
    assert_eq!(ana.document.restore(ana.pen), Ok(None));
}

#[test]
fn an_edit_beyond_its_limits_is_refused_as_a_whole_and_one_of_nothing_is_none() {
    let mut ana = Author::new(1, Kind::Memory);
    let mut long = MemoryEdit::default();
    long.set_name(Some(&"x".repeat(1025)));
    assert!(matches!(ana.document.memory_mut(ana.pen).unwrap().edit(&long), Err(EditError::TooLong { .. })));
    let mut large = MemoryEdit::default();
    large.set_name(Some("x")).write_file(path("a"), &"x".repeat((512 << 10) + 1));
    assert!(ana.document.memory_mut(ana.pen).unwrap().edit(&large).is_err());
    assert!(MemoryEdit::default().is_empty() && !large.is_empty());
    assert_eq!(ana.document.memory_mut(ana.pen).unwrap().edit(&MemoryEdit::default()), Ok(vec![]));
    assert!(is_pristine(&ana.document));
    assert!(ana.document.skill().is_err() && ana.document.agent().is_err());
    assert!(!format!("{large:?}").contains("xx"));
}
