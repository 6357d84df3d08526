//! What counts as somebody's own, and what is everybody's.

use std::fs;
use std::path::Path;

use bowline_core::document::{Document, FilePath, Kind, MemoryEdit, Pen};

use super::{LINES, own_bytes};
use crate::import::items::{Held, Item, held_in};

fn held(text: &str) -> Held {
    let mut document = Document::create(Kind::Memory);
    let pen = Pen {
        actor: bowline_core::document::ActorId::for_device(
            bowline_wire::ids::DeviceId::from_bytes([1; 32]),
            [0; 8],
        ),
        now: bowline_wire::ids::Millis(1),
    };
    let path = FilePath::parse("x").unwrap();
    let mut edit = MemoryEdit::default();
    edit.write_file(path.clone(), text);
    document.memory_mut(pen).unwrap().edit(&edit).unwrap();
    held_in(&document).remove(&Item::File(path)).unwrap()
}

fn own(path: &str, text: &str) -> usize {
    own_bytes(&FilePath::parse(path).unwrap(), &held(text))
}

#[test]
fn lines_are_looked_up_in_order() {
    assert!(LINES.is_sorted_by(|one, next| one < next));
}

#[test]
fn lines_of_templates_blank_ones_and_licences_are_nobodys() {
    assert_eq!(own("notes.md", "Ada likes tea\n\n  and cats\r\n"), 21);
    assert_eq!(own("SOUL.md", "# SOUL.md - Who You Are\n\nYou are Ada's.\n"), 14);
    assert_eq!(own("LICENSE.txt", "Do what you want with all of this\n"), 0);
    assert_eq!(own("nested/licence", "Do what you want with all of this\n"), 0);
    assert_eq!(own("x", "\n \n"), 0);
}

#[test]
fn files_that_releases_have_written_and_nobody_has_changed_are_nobodys() {
    // As `fixtures/openclaw/README.md` has it: the others were written for the invented person.
    let untouched = [
        "gen-a-2026.3.28/.openclaw/workspace/HEARTBEAT.md",
        "gen-a-2026.3.28/.openclaw/workspace/BOOTSTRAP.md",
        "gen-a-2026.3.28/.openclaw/workspace-research/USER.md",
        "gen-a-2026.7.1/.openclaw/workspace/HEARTBEAT.md",
        "gen-a-2026.7.1/.openclaw/workspace-research/USER.md",
        "gen-b-2026.9.6/.openclaw/workspace-research/USER.md",
    ];
    let homes = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/openclaw"));
    if !homes.exists() {
        println!(
            "skipped: the homes of OpenClaw are not beside this repository, in ../shared/fixtures/openclaw"
        );
        return;
    }
    for file in untouched {
        let text = fs::read_to_string(homes.join(file)).unwrap();
        let name = file.rsplit('/').next().unwrap();
        assert_eq!(own(name, &text), 0, "{file}");
    }
    let own_soul = fs::read_to_string(homes.join("gen-b-2026.9.6/.openclaw/workspace/SOUL.md")).unwrap();
    assert!(own("SOUL.md", &own_soul) > 100, "what somebody has written is theirs");
}
