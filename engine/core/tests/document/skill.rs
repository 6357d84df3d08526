//! Skills: files of both sorts, and what nobody can do to them.

use crate::support::{Author, Sealed, assemble, open, pen, shown};
use automerge::transaction::Transactable;
use automerge::{ActorId as RawActor, AutoCommit, ObjType, ROOT, ReadDoc, ScalarValue};
use bowline_core::document::limits::{BYTES_FILE_MAX, BYTES_TOTAL_MAX, EDIT_BYTES_MAX, FILES_MAX};
use bowline_core::document::{
    Deletion, Document, EditError, FileContent, FilePath, Issue, Kind, Reason, SkillEdit, SkillFile, Source,
};

const SKILL: Kind = Kind::Skill;

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn text(text: &str) -> FileContent {
    FileContent::Text(text.to_owned())
}

fn bytes(bytes: &[u8]) -> FileContent {
    FileContent::Bytes(bytes.to_vec())
}

fn files(document: &Document) -> Vec<SkillFile> {
    document.skill().unwrap().files()
}

fn file(document: &Document, at: &str) -> Option<FileContent> {
    files(document).into_iter().find(|file| file.path == path(at)).map(|file| file.content)
}

/// Ana and Ben with one skill that has a text and a picture.
fn two() -> (Author, Author, Sealed) {
    let (mut ana, mut ben) = (Author::new(1, SKILL), Author::new(2, SKILL));
    ana.skill(|it| {
        it.set_name(Some("trips")).set_description(Some("plans trips"));
        it.write_file(path("SKILL.md"), text("go\nhome\n")).write_file(path("map.png"), bytes(&[0, 1]));
        it.write_file(path("run.sh"), text("#!/bin/sh\n")).set_executable(path("run.sh"), true);
    });
    let base = ana.seal(1);
    ben.receive(std::slice::from_ref(&base));
    (ana, ben, base)
}

fn together(base: Sealed, ana: &mut Author, ben: &mut Author) -> Document {
    let all = [base, ana.seal(2), ben.seal(3)];
    let assembled = assemble(SKILL, &all);
    assert_eq!(assembled.refused, []);
    let [a, b, c] = all;
    assert_eq!(shown(&assemble(SKILL, &[c, b, a]).document), shown(&assembled.document));
    assembled.document
}

#[test]
fn a_skill_has_texts_bytes_and_files_that_can_be_run() {
    let (ana, ben, _) = two();
    for document in [&ana.document, &ben.document, &Document::load(SKILL, &ana.document.save()).unwrap()] {
        let skill = document.skill().unwrap();
        assert_eq!(
            (skill.name().as_deref(), skill.description().as_deref()),
            (Some("trips"), Some("plans trips"))
        );
        let shown: Vec<_> =
            skill.files().into_iter().map(|it| (it.path.to_string(), it.content, it.executable)).collect();
        assert_eq!(
            shown,
            [
                ("SKILL.md".to_owned(), text("go\nhome\n"), false),
                ("map.png".to_owned(), bytes(&[0, 1]), false),
                ("run.sh".to_owned(), text("#!/bin/sh\n"), true),
            ]
        );
        assert_eq!(skill.issues(), []);
        let summary = document.summary();
        assert_eq!((&*summary.title, &*summary.preview, summary.count), ("trips", "plans trips", 3));
    }
}

#[test]
fn edits_that_change_nothing_make_no_change() {
    let (mut ana, _, _) = two();
    ana.skill(|it| {
        it.set_name(Some("trips")).write_file(path("SKILL.md"), text("go\nhome\n"));
        it.write_file(path("map.png"), bytes(&[0, 1])).set_executable(path("run.sh"), true);
        it.set_executable(path("map.png"), false).remove_file(path("none"));
    });
    assert!(ana.unsealed.is_empty());
    assert!(SkillEdit::default().is_empty());
}

#[test]
fn texts_merge_and_of_bytes_both_versions_stay_until_somebody_decides() {
    let (mut ana, mut ben, base) = two();
    ana.skill(|it| {
        it.write_file(path("SKILL.md"), text("go now\nhome\n")).write_file(path("map.png"), bytes(&[1]));
    });
    ben.skill(|it| {
        it.write_file(path("SKILL.md"), text("go\nback home\n")).write_file(path("map.png"), bytes(&[2]));
    });
    let mut both = together(base, &mut ana, &mut ben);
    assert_eq!(file(&both, "SKILL.md"), Some(text("go now\nback home\n")));
    let versions: Vec<_> =
        files(&both).into_iter().filter(|it| it.path.as_str().starts_with("map")).collect();
    assert_eq!(versions.len(), 2);
    let beside = versions.iter().find(|it| it.conflicts_with.is_some()).unwrap();
    assert_eq!(beside.conflicts_with, Some(path("map.png")));
    let name = beside.path.as_str();
    assert!(
        name.strip_prefix("map.conflict-").is_some_and(|rest| rest.strip_suffix(".png").is_some()),
        "{name}"
    );
    let winner = file(&both, "map.png");
    for settle in [
        SkillEdit::default().remove_file(beside.path.clone()).clone(),
        SkillEdit::default().write_file(path("map.png"), winner.clone().unwrap()).clone(),
    ] {
        let mut settled = both.clone();
        let made = settled.skill_mut(ana.pen).unwrap().edit(&settle).unwrap();
        assert_eq!((made.len(), files(&settled).len()), (1, 3));
        assert_eq!(file(&settled, "map.png"), winner);
    }
    let gone = SkillEdit::default().remove_file(path("map.png")).clone();
    both.skill_mut(ana.pen).unwrap().edit(&gone).unwrap();
    assert_eq!(file(&both, "map.png"), None);
}

#[test]
fn a_text_and_bytes_begun_at_one_path_at_once_both_show() {
    let (mut ana, mut ben, base) = two();
    ana.skill(|it| {
        it.write_file(path("logo"), text("text"));
    });
    ben.skill(|it| {
        it.write_file(path("logo"), bytes(&[9, 0]));
    });
    let both = together(base, &mut ana, &mut ben);
    assert_eq!(file(&both, "logo"), Some(text("text")));
    let beside = files(&both).into_iter().find(|it| it.conflicts_with == Some(path("logo"))).unwrap();
    assert_eq!(beside.content, bytes(&[9, 0]));
}

#[test]
fn a_file_can_become_bytes_and_text_again_and_go() {
    let (mut ana, _, _) = two();
    ana.skill(|it| {
        it.write_file(path("run.sh"), bytes(&[0, 7]));
    });
    assert_eq!((file(&ana.document, "run.sh"), files(&ana.document).len()), (Some(bytes(&[0, 7])), 3));
    ana.skill(|it| {
        it.write_file(path("run.sh"), text("again"));
    });
    assert_eq!((file(&ana.document, "run.sh"), files(&ana.document).len()), (Some(text("again")), 3));
    ana.skill(|it| {
        it.remove_file(path("run.sh")).remove_file(path("map.png"));
    });
    assert_eq!(files(&ana.document).len(), 1);
    ana.skill(|it| {
        it.write_file(path("run.sh"), text("anew"));
    });
    assert!(!files(&ana.document)[1].executable, "what could be run is gone with the file");
}

#[test]
fn a_skill_goes_to_the_trash_and_is_back_when_somebody_had_changed_it() {
    type Change = fn(&mut SkillEdit);
    let changes: [Change; 4] = [
        |it| {
            it.set_name(Some("other"));
        },
        |it| {
            it.write_file(path("map.png"), bytes(&[5]));
        },
        |it| {
            it.set_executable(path("SKILL.md"), true);
        },
        |it| {
            it.write_file(path("new"), text("new"));
        },
    ];
    for change in changes {
        let (mut ana, mut ben, base) = two();
        ana.unsealed.extend(ana.document.delete(ana.pen).unwrap());
        assert!(matches!(ana.document.deletion(), Deletion::Deleted(_)));
        assert_eq!(ana.document.delete(ana.pen), Ok(None));
        ben.skill(change);
        let both = together(base, &mut ana, &mut ben);
        assert!(matches!(both.deletion(), Deletion::EditedAfter(_)));
        ana.document.restore(ana.pen).unwrap().unwrap();
        assert_eq!(ana.document.deletion(), Deletion::None);
    }
}

#[test]
fn an_edit_beyond_its_limits_is_refused_as_a_whole() {
    let mut ana = Author::new(1, SKILL);
    let large = vec![0; BYTES_FILE_MAX];
    let refuse = |ana: &mut Author, edit: &SkillEdit| {
        let heads = ana.document.heads();
        let refused = ana.document.skill_mut(ana.pen).unwrap().edit(edit).unwrap_err();
        assert_eq!(ana.document.heads(), heads);
        refused
    };
    let mut edit = SkillEdit::default();
    edit.set_name(Some("x")).write_file(path("a"), FileContent::Bytes(vec![0; BYTES_FILE_MAX + 1]));
    assert!(matches!(refuse(&mut ana, &edit), EditError::TooLong { limit: BYTES_FILE_MAX, .. }));
    let mut edit = SkillEdit::default();
    for turn in 0..=BYTES_TOTAL_MAX / BYTES_FILE_MAX {
        edit.write_file(path(&format!("{turn}")), FileContent::Bytes(large.clone()));
    }
    assert!(matches!(refuse(&mut ana, &edit), EditError::TooLong { limit: BYTES_TOTAL_MAX, .. }));
    let mut edit = SkillEdit::default();
    for turn in 0..=FILES_MAX {
        let content = if turn % 2 == 0 { text("x") } else { bytes(&[0]) };
        edit.write_file(path(&format!("{turn}")), content);
    }
    assert!(matches!(refuse(&mut ana, &edit), EditError::TooMany { limit: FILES_MAX, .. }));
    assert!(!format!("{edit:?} {:?}", text("secret")).contains("secret"));
}

#[test]
fn many_bytes_come_in_several_changes_that_others_take() {
    let mut ana = Author::new(1, SKILL);
    let large: Vec<u8> = (0..BYTES_FILE_MAX).map(|at| u8::try_from(at % 251).unwrap()).collect();
    ana.skill(|it| {
        for turn in 0..BYTES_TOTAL_MAX / BYTES_FILE_MAX {
            it.write_file(path(&format!("{turn}")), FileContent::Bytes(large.clone()));
        }
    });
    assert!((4..=8).contains(&ana.unsealed.len()), "{}", ana.unsealed.len());
    let entry = ana.seal(1);
    assert_eq!(shown(&assemble(SKILL, &[entry]).document), shown(&ana.document));
}

#[test]
fn an_edit_is_one_change_up_to_so_many_bytes() {
    const { assert!(EDIT_BYTES_MAX == 2 * BYTES_FILE_MAX) };
    for (beyond, changes) in [(None, 1), (Some(1), 2)] {
        let mut ana = Author::new(1, SKILL);
        ana.skill(|it| {
            for (name, len) in ["a", "b", "c"].iter().zip([BYTES_FILE_MAX; 2].into_iter().chain(beyond)) {
                it.write_file(path(name), FileContent::Bytes(vec![0; len]));
            }
        });
        assert_eq!(ana.unsealed.len(), changes);
    }
}

/// A change made with Automerge itself on top of Ana's skill.
fn raw(ana: &Author, edit: impl FnOnce(&mut AutoCommit)) -> Sealed {
    let mut raw = AutoCommit::load(&ana.document.save()).unwrap();
    raw.set_actor(RawActor::from(*pen(3).actor.as_bytes()));
    edit(&mut raw);
    raw.commit();
    Sealed::new(9, 3, Source::Changes, raw.get_last_local_change().unwrap().raw_bytes().to_vec())
}

fn map(raw: &AutoCommit, name: &str) -> automerge::ObjId {
    raw.get(ROOT, name).unwrap().unwrap().1
}

type Hostile = fn(&mut AutoCommit);

#[test]
fn what_a_skill_has_no_place_for_is_refused() {
    let (ana, _, base) = two();
    let hostile: [(Hostile, Reason); 5] = [
        (
            |raw| drop(raw.put_object(map(raw, "bytes"), "a", ObjType::Map).unwrap()),
            Reason::UnknownOperation("action"),
        ),
        (
            |raw| drop(raw.put_object(map(raw, "bytes"), "a", ObjType::Text).unwrap()),
            Reason::UnknownOperation("action"),
        ),
        (
            |raw| raw.put(map(raw, "files"), "SKILL.md", ScalarValue::Bytes(vec![1])).unwrap(),
            Reason::AppendOnly,
        ),
        (|raw| raw.delete(map(raw, "files"), "SKILL.md").unwrap(), Reason::AppendOnly),
        (
            |raw| raw.put(map(raw, "executable"), "a", ScalarValue::counter(1)).unwrap(),
            Reason::UnknownOperation("counter"),
        ),
    ];
    for (edit, reason) in hostile {
        let assembled = assemble(SKILL, &[base.clone(), raw(&ana, edit)]);
        assert_eq!(assembled.refused.into_iter().map(|it| it.reason).collect::<Vec<_>>(), [reason]);
        assert_eq!(shown(&assembled.document), shown(&ana.document));
    }
}

/// No harm is in them, and a later version may mean something by them: they are left out and told of.
#[test]
fn values_of_the_wrong_type_and_paths_that_are_none_read_as_absent() {
    let (ana, _, _) = two();
    let entry = raw(&ana, |raw| {
        raw.put(map(raw, "bytes"), "word", "text").unwrap();
        raw.put(map(raw, "bytes"), "../up", ScalarValue::Bytes(vec![1])).unwrap();
        raw.put(map(raw, "executable"), "SKILL.md", 7).unwrap();
        raw.put(ROOT, "name", ScalarValue::Bytes(vec![1])).unwrap();
    });
    let mut document = ana.document.clone();
    assert_eq!(document.apply(&open(&[entry])).unwrap().refused, []);
    let skill = document.skill().unwrap();
    assert_eq!((skill.name(), skill.files().len()), (None, 3));
    assert!(skill.files().iter().all(|file| file.path != path("SKILL.md") || !file.executable));
    let wrong = |field: &str| Issue::WrongType { field: field.to_owned() };
    let mut issues = skill.issues();
    issues.sort();
    assert_eq!(
        issues,
        [
            wrong("bytes/word"),
            wrong("executable/SKILL.md"),
            wrong("name"),
            Issue::BadPath { path: "../up".to_owned() }
        ]
    );
}
