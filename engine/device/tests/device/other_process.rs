//! Two processes on one home: what one writes, the other neither hides nor loses.

use std::path::PathBuf;

use bowline_core::document::Role;
use bowline_crypto::DeviceKeys;
use bowline_device::Device;
use bowline_store::Store;
use bowline_wire::codec::{decode, encode};
use bowline_wire::frame::Frame;
use bowline_wire::ids::Millis;

use crate::author::{Author, rng};
use crate::relay::FakeRelay;
use crate::rig::code;

const NOW: Millis = Millis(1_700_000_000_000);

/// A home on the disk that goes away with the test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn open(&self, seed: u64) -> Device {
        let store = Store::open(&self.0.join("bowline.db")).unwrap();
        let keys = DeviceKeys::generate(&mut rng(2));
        Device::open(store, keys, Box::new(rng(seed))).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sync(device: &mut Device, relay: &mut FakeRelay) {
    let workspace = relay.log().head().workspace;
    device.handle_connected(workspace, None, NOW).unwrap();
    while let Some(bytes) = device.poll_transmit(workspace) {
        for answer in relay.answer(decode::<Frame>(&bytes).unwrap()) {
            device.handle_frame(workspace, &encode(&answer), NOW).unwrap();
        }
    }
}

fn texts(device: &mut Device, id: bowline_wire::ids::DocId) -> Vec<String> {
    let entries = device.show(id, NOW).unwrap().transcript.entries;
    entries.iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
}

#[test]
fn what_another_process_wrote_is_sent_and_stays_in_view() {
    let home = Home::new("other-process");
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut syncing = home.open(10);
    syncing.join(&code(&relay, &secret), NOW).unwrap();
    sync(&mut syncing, &mut relay);
    sync(&mut syncing, &mut relay);
    let id = syncing.create_conversation(Some("shared"), NOW).unwrap();
    syncing.say(id, Role::User, "by the one that syncs", NOW).unwrap();
    assert_eq!(texts(&mut syncing, id).len(), 1);

    let mut editing = home.open(11);
    editing.say(id, Role::User, "by the one that edits", NOW).unwrap();
    assert_eq!(texts(&mut editing, id).len(), 2);
    sync(&mut syncing, &mut relay);
    assert_eq!(texts(&mut syncing, id).len(), 2);
    // So much comes from others that a base is saved, and rows that are on the log are dropped.
    for round in 0..40 {
        owner.put_message(&mut relay, id, &format!("by somebody else {round}"));
        sync(&mut syncing, &mut relay);
        assert!(texts(&mut syncing, id).len() >= 3);
    }
    for device in [&mut syncing, &mut editing, &mut home.open(12)] {
        let shown = texts(device, id);
        assert!(shown.contains(&"by the one that edits".to_owned()), "{shown:?}");
        assert!(shown.contains(&"by the one that syncs".to_owned()), "{shown:?}");
        assert_eq!(shown.len(), 42);
    }
}

#[test]
fn a_document_that_was_found_before_another_process_wrote_is_as_it_is_now() {
    let home = Home::new("found-before");
    let (mut one, mut other) = (home.open(10), home.open(11));
    let id = one.create_conversation(Some("x"), NOW).unwrap();
    assert!(texts(&mut one, id).is_empty(), "it is in memory now");
    let found = one.find(id).unwrap();
    other.say(id, Role::User, "by another process", NOW).unwrap();
    assert_eq!(one.show(found.clone(), NOW).unwrap().transcript.entries.len(), 1);
    one.delete(id, NOW).unwrap();
    let found = one.find(id).unwrap();
    other.restore_deleted(id, NOW).unwrap();
    one.delete(found, NOW).unwrap();
    assert!(one.list(true).unwrap().iter().any(|it| it.id == id && it.deleted_at.is_some()));
}

#[test]
fn a_process_that_was_opened_before_the_keys_came_puts_nothing_aside() {
    let home = Home::new("old-keys");
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut syncing = home.open(10);
    let workspace = syncing.join(&code(&relay, &secret), NOW).unwrap();
    let mut editing = home.open(11);
    sync(&mut syncing, &mut relay);
    let id = bowline_wire::ids::DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, id, "sealed before it was in");
    sync(&mut syncing, &mut relay);
    // It cannot read the message, and leaves it to those who can.
    assert_eq!(texts(&mut editing, id).len(), 0);
    assert!(editing.status(workspace).unwrap().quarantined.is_empty());
    assert_eq!(texts(&mut syncing, id), ["sealed before it was in"]);
    assert_eq!(texts(&mut home.open(12), id), ["sealed before it was in"]);
}
