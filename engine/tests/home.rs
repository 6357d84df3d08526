//! A home on the disk: made once, opened by several processes, locked by one, and never taken for what it is not.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, in their own functions too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bowline_engine::device::{OwnNames, Random};
use bowline_engine::document::Role;
use bowline_engine::home::OpenDevice;
use bowline_engine::ids::Millis;
use bowline_engine::{Error, Home, HomeError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;

const NOW: Millis = Millis(1_700_000_000_000);

fn random(seed: u64) -> Random {
    Box::new(ChaCha8Rng::seed_from_u64(seed))
}

fn init(folder: &Path) -> Home {
    Home::init(folder, &mut *random(1)).unwrap()
}

fn home() -> (TempDir, Home) {
    let folder = TempDir::new().unwrap();
    let home = init(&folder.path().join("home"));
    (folder, home)
}

fn open(home: &Home) -> OpenDevice {
    home.device(random(2)).unwrap()
}

#[test]
fn a_home_and_what_is_in_it_is_for_its_owner_only() {
    let (_folder, home) = home();
    let _device = open(&home);
    let _lock = home.try_sync_lock().unwrap().unwrap();
    home.log_folder().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.folder()), 0o700);
    for file in fs::read_dir(home.folder()).unwrap().map(|found| found.unwrap().path()) {
        let wanted = if file.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&file), wanted, "{}", file.display());
    }
}

#[test]
fn the_device_is_the_same_one_each_time_a_home_is_opened() {
    let (_folder, home) = home();
    let id = open(&home).device.id();
    let again = Home::open(home.folder()).unwrap();
    assert_eq!(open(&again).device.id(), id);
}

#[test]
fn a_home_is_made_once_and_an_interrupted_beginning_is_taken_up() {
    let (_folder, home) = home();
    let key = fs::read(home.folder().join("device.key")).unwrap();
    assert!(matches!(Home::init(home.folder(), &mut *random(9)), Err(HomeError::AlreadyThere(_))));
    fs::remove_file(home.folder().join("bowline.db")).unwrap();
    assert!(matches!(Home::open(home.folder()), Err(HomeError::NotThere(_))));
    let again = Home::init(home.folder(), &mut *random(9)).unwrap();
    assert_eq!(fs::read(again.folder().join("device.key")).unwrap(), key, "a key is never written over");
}

#[test]
fn a_key_that_is_missing_damaged_newer_exposed_or_anothers_is_named_as_such() {
    let (_folder, home) = home();
    drop(open(&home));
    let path = home.folder().join("device.key");
    let good = fs::read_to_string(&path).unwrap();
    let refusal = |content: &str| {
        fs::write(&path, content).unwrap();
        home.device(random(2)).unwrap_err()
    };
    assert!(matches!(refusal("no key at all\n"), HomeError::KeyDamaged(_)));
    assert!(matches!(refusal(""), HomeError::KeyDamaged(_)));
    assert!(matches!(refusal(&good[..60]), HomeError::KeyDamaged(_)));
    assert!(matches!(refusal(&good.replace("key-1", "key-2")), HomeError::KeyNewer(_)));
    let other = TempDir::new().unwrap();
    let other = Home::init(&other.path().join("other"), &mut *random(7)).unwrap();
    let other_key = fs::read_to_string(other.folder().join("device.key")).unwrap();
    assert!(matches!(refusal(&other_key), HomeError::Device(Error::OtherKey)));
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(home.device(random(2)), Err(HomeError::KeyExposed(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Home::open(home.folder()), Err(HomeError::KeyMissing(_))));
}

#[test]
fn one_process_at_a_time_syncs_and_several_may_edit() {
    let (_folder, home) = home();
    let lock = home.try_sync_lock().unwrap();
    assert!(lock.is_some());
    assert!(home.try_sync_lock().unwrap().is_none());
    drop(lock);
    assert!(home.try_sync_lock().unwrap().is_some());

    let (mut one, mut other) = (open(&home), open(&home));
    let id = one.device.create_conversation(Some("shared"), NOW).unwrap();
    other.device.say(id, Role::User, "from the other window", NOW).unwrap();
    assert_eq!(one.device.show(id, NOW).unwrap().transcript.entries.len(), 1);
}

#[test]
fn what_another_process_is_applying_counts_as_a_crash_only_once_that_process_is_gone() {
    let (_folder, home) = home();
    let mut applying = open(&home);
    let id = applying.device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let entry = applying.device.store().read().offered(id).unwrap()[0].n;
    let folder = home.folder().join("bowline.db");
    let mark =
        || bowline_store::Store::open(&folder).unwrap().transaction(|tx| tx.begin_attempt(&[entry])).unwrap();
    let crashes = |device: &OpenDevice| device.device.store().read().attempts().unwrap()[0].crashes;
    mark();
    let beside = open(&home);
    assert_eq!(crashes(&beside), 0);
    drop((applying, beside));
    assert_eq!(crashes(&open(&home)), 1);
}

#[test]
fn a_home_is_not_reset_while_somebody_has_it_open() {
    let (_folder, home) = home();
    let device = open(&home);
    let lock = home.try_sync_lock().unwrap().unwrap();
    assert!(matches!(home.clone().reset(&lock), Err(HomeError::InUse(_))));
    drop(device);
    fs::write(home.folder().join("notes.txt"), "mine").unwrap();
    home.clone().reset(&lock).unwrap();
    let left: Vec<_> = fs::read_dir(home.folder()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"], "what a person put there is left alone");
    assert!(matches!(Home::open(home.folder()), Err(HomeError::NotThere(_))));
}

#[test]
fn names_are_kept_here_and_told_to_a_workspace() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let names = OwnNames { device: Some("laptop".to_owned()), user: Some("Ana".to_owned()) };
    device.set_own_names(&names, NOW).unwrap();
    let workspace = device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    device.introduce(workspace, NOW).unwrap();
    let (id, user) = (device.id(), device.own_user(workspace).unwrap());
    assert_eq!(device.device_name(workspace, id, NOW).unwrap().as_deref(), Some("laptop"));
    assert_eq!(device.user_name(workspace, user, NOW).unwrap().as_deref(), Some("Ana"));
    device.set_own_names(&OwnNames { device: Some("old laptop".to_owned()), user: None }, NOW).unwrap();
    assert_eq!(device.device_name(workspace, id, NOW).unwrap().as_deref(), Some("old laptop"));
    assert_eq!(device.own_names().unwrap().user.as_deref(), Some("Ana"));
    assert_eq!(format!("{names:?}"), "OwnNames");
}

#[test]
fn a_forgotten_workspace_leaves_its_documents_on_this_device() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let workspace = device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let id = device.create_conversation(Some("kept"), NOW).unwrap();
    device.say(id, Role::User, "not to be lost", NOW).unwrap();
    assert_eq!(device.forget_workspace(workspace, NOW).unwrap(), 1);
    assert_eq!(device.workspaces().count(), 0);
    assert_eq!(device.current_workspace().unwrap(), None);
    drop(open);
    let mut open = self::open(&home);
    let device = &mut open.device;
    assert_eq!(device.show(id, NOW).unwrap().transcript.entries.len(), 1);
    assert_eq!(device.list(false).unwrap()[0].workspace, None);
    device.say(id, Role::User, "and it goes on", NOW).unwrap();
    let other = device.create_workspace("wss://127.0.0.1:2/", "", NOW).unwrap();
    device.share(id, other, NOW).unwrap();
    assert_eq!(device.outstanding(other).unwrap().queued, 1);
    assert_eq!(device.show(id, NOW).unwrap().transcript.entries.len(), 2);
}

#[test]
fn a_document_that_has_not_left_can_be_kept_local() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let device = &mut open.device;
    let workspace = device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let id = device.create_conversation(Some("private after all"), NOW).unwrap();
    device.keep_local(id).unwrap();
    assert_eq!(device.list(false).unwrap()[0].workspace, None);
    assert_eq!(device.outstanding(workspace).unwrap().queued, 0);
    assert!(device.shareable().unwrap().is_empty(), "it is not offered for sharing either");
}
