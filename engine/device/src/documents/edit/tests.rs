//! What another process does in the middle of an edit.

use std::path::PathBuf;

use bowline_core::document::Role;
use bowline_crypto::DeviceKeys;
use bowline_store::Store;
use bowline_wire::ids::{DocId, Millis};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;

use crate::{Device, Outcome, SourceSession};

const NOW: Millis = Millis(1_700_000_000_000);

fn open(folder: &TempDir, seed: u64) -> Device {
    let path: PathBuf = folder.path().join("bowline.db");
    let keys = DeviceKeys::generate(&mut ChaCha8Rng::seed_from_u64(1));
    Device::open(Store::open(&path).unwrap(), keys, Box::new(ChaCha8Rng::seed_from_u64(seed))).unwrap()
}

fn texts(device: &mut Device, id: DocId) -> Vec<String> {
    let entries = device.show(id, NOW).unwrap().transcript.entries;
    entries.iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
}

#[test]
fn an_edit_that_another_process_comes_between_keeps_both_in_view_and_in_the_list() {
    let folder = TempDir::new().unwrap();
    let (mut one, mut other) = (open(&folder, 2), open(&folder, 3));
    let id = one.create_conversation(Some("both"), NOW).unwrap();
    let n = one.find(id).unwrap();
    one.edit(n, NOW, |document, pen| {
        // The document is loaded here, and the other process stores its message before this one does.
        other.say(id, Role::User, "by the other", NOW).unwrap();
        let message = bowline_core::document::MessageId::from_bytes([1; 4]);
        Ok(document.conversation_mut(pen)?.append_message(message, Role::User, "by this one", NOW)?)
    })
    .unwrap();
    for device in [&mut one, &mut other, &mut open(&folder, 4)] {
        assert_eq!(device.list(false).unwrap()[0].count, 2, "what the list says");
        let mut shown = texts(device, id);
        shown.sort_unstable();
        assert_eq!(shown, ["by the other", "by this one"]);
    }
}

#[test]
fn an_import_that_another_process_comes_between_keeps_what_both_wrote() {
    let folder = TempDir::new().unwrap();
    let (mut one, mut other) = (open(&folder, 2), open(&folder, 3));
    let source = SourceSession { app: "openclaw".to_owned(), id: "s".to_owned(), ..SourceSession::default() };
    let lines: Vec<String> = (0..5_000).map(|at| format!(r#"{{"id":"{at}","type":"custom"}}"#)).collect();
    let mut import = one.begin_import(&source, NOW).unwrap();
    for line in &lines[..2_500] {
        one.import_line(&mut import, line.as_bytes(), NOW).unwrap();
    }
    other.say(import.id(), Role::User, "by the other", NOW).unwrap();
    for line in &lines[2_500..] {
        one.import_line(&mut import, line.as_bytes(), NOW).unwrap();
    }
    let id = one.finish_import(import, true, NOW).unwrap().id;
    for device in [&mut one, &mut other, &mut open(&folder, 4)] {
        assert_eq!(texts(device, id), ["by the other"]);
        assert_eq!(device.list(false).unwrap()[0].count, 5_001, "what the list says, once it was looked at");
    }
    let mut again = one.begin_import(&source, NOW).unwrap();
    for line in lines.iter().map(String::as_str).chain([r#"{"id":"new"}"#]) {
        one.import_line(&mut again, line.as_bytes(), NOW).unwrap();
    }
    let again = one.finish_import(again, true, NOW).unwrap();
    assert_eq!((again.outcome, again.added, again.present), (Outcome::More, 1, 5_000));
    assert_eq!(other.show(id, NOW).unwrap().transcript.entries.len(), 5_002);
}
