//! A home on the disk: made once, opened by several processes, locked by one, and never taken for what it is not.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, in their own functions too")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bowline_engine::device::{Kept, OwnNames, Random};
use bowline_engine::document::Role;
use bowline_engine::home::OpenDevice;
use bowline_engine::ids::Millis;
use bowline_engine::{Error, Home, HomeError};
use bowline_store::{DocFilter, NewWorkspace, Place, Store, Trash};
use bowline_wire::ids::Incarnation;
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
    home.log_file(u64::MAX).unwrap();
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
    let importing = home.try_import_lock().unwrap();
    assert!(importing.is_some() && home.try_import_lock().unwrap().is_none());
    drop((lock, importing));
    assert!(home.try_sync_lock().unwrap().is_some());
    assert!(home.try_import_lock().unwrap().is_some());

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
fn what_is_left_of_a_home_without_its_key_can_be_reset() {
    let (_folder, home) = home();
    fs::remove_file(home.folder().join("device.key")).unwrap();
    assert!(matches!(Home::open(home.folder()), Err(HomeError::KeyMissing(_))));
    let left = Home::left_in(home.folder()).unwrap();
    let lock = left.try_sync_lock().unwrap().unwrap();
    left.reset(&lock).unwrap();
    assert!(!home.folder().exists());
    assert!(matches!(Home::left_in(home.folder()), Err(HomeError::NotThere(_))));
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
    assert_eq!(device.keep_local(id, NOW).unwrap(), Kept::OnlyHere);
    assert_eq!(device.list(false).unwrap()[0].workspace, None);
    assert_eq!(device.outstanding(workspace).unwrap().queued, 0);
    assert!(device.shareable().unwrap().is_empty(), "it is not offered for sharing either");
}

#[test]
fn what_another_process_writes_while_a_workspace_is_forgotten_stays_as_well() {
    let (_folder, home) = home();
    let mut one = open(&home);
    let workspace = one.device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let ids: Vec<_> = (0..20).map(|_| one.device.create_conversation(Some("busy"), NOW).unwrap()).collect();
    let mut other = open(&home);
    let writing = std::thread::spawn({
        let ids = ids.clone();
        move || {
            for id in ids.iter().cycle().take(200) {
                other.device.say(*id, Role::User, "in the other window", NOW).unwrap();
            }
        }
    });
    assert_eq!(one.device.forget_workspace(workspace, NOW).unwrap(), ids.len());
    writing.join().unwrap();
    drop(one);
    let mut again = open(&home);
    for id in ids {
        assert_eq!(again.device.show(id, NOW).unwrap().transcript.entries.len(), 10);
    }
}

#[test]
fn asking_for_a_name_writes_nothing() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let workspace = open.device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let id = open.device.id();
    assert_eq!(open.device.device_name(workspace, id, NOW).unwrap(), None);
    let all = DocFilter { place: Place::In(workspace), trash: Trash::With, ..DocFilter::default() };
    assert!(open.device.store().read().list_docs(&all).unwrap().is_empty());
}

#[test]
fn a_workspace_that_another_process_forgot_and_joined_again_is_taken_up_anew() {
    let (_folder, home) = home();
    let mut open = open(&home);
    let workspace = open.device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let again = NewWorkspace {
        id: workspace,
        incarnation: Incarnation::from_bytes([9; 8]),
        state: 1,
        draft: bowline_wire::draft::DRAFT,
        relay: "wss://127.0.0.1:2/",
        created_at: NOW,
    };
    let mut store = Store::open(&home.folder().join("bowline.db")).unwrap();
    store
        .transaction(|tx| {
            tx.delete_workspace(workspace)?;
            tx.insert_workspace(&again)
        })
        .unwrap();
    open.device.handle_store_changed(NOW).unwrap();
    assert!(open.device.is_joining(workspace).unwrap());
}

#[test]
fn a_damaged_workspace_keeps_no_other_one_from_being_followed() {
    let (_folder, home) = home();
    let mut first = open(&home);
    let damaged = first.device.create_workspace("wss://127.0.0.1:1/", "", NOW).unwrap();
    let sound = first.device.create_workspace("wss://127.0.0.1:2/", "", NOW).unwrap();
    let mut store = Store::open(&home.folder().join("bowline.db")).unwrap();
    store.transaction(|tx| tx.put_state(damaged, "token", b"never sealed")).unwrap();
    drop(first);
    let mut open = open(&home);
    open.device.handle_store_changed(NOW).unwrap();
    open.device.reload().unwrap();
    assert_eq!(open.device.workspaces().collect::<Vec<_>>(), [sound]);
}

#[test]
fn a_reset_that_is_interrupted_leaves_no_older_database_to_be_believed() {
    let (_folder, home) = home();
    let lock = home.try_sync_lock().unwrap().unwrap();
    let in_the_way = home.folder().join("bowline.db-wal");
    fs::create_dir(&in_the_way).unwrap();
    assert!(matches!(home.clone().reset(&lock), Err(HomeError::Io { .. })));
    assert!(matches!(Home::open(home.folder()), Err(HomeError::NotThere(_))));
    fs::remove_dir(&in_the_way).unwrap();
    init(home.folder());
}

#[test]
fn a_home_that_is_deleted_while_a_process_waits_for_it_is_not_made_again() {
    let (_folder, home) = home();
    let resetting = fs::File::create(home.folder().join("open.lock")).unwrap();
    resetting.lock().unwrap();
    let waiting = std::thread::spawn({
        let home = home.clone();
        move || home.device(random(2)).map(drop)
    });
    for name in ["bowline.db", "device.key", "open.lock"] {
        fs::remove_file(home.folder().join(name)).unwrap();
    }
    resetting.unlock().unwrap();
    assert!(waiting.join().unwrap().is_err());
    assert!(!home.folder().join("bowline.db").exists());
}

#[test]
fn two_processes_do_not_make_one_home_at_once() {
    let folder = TempDir::new().unwrap();
    let other = fs::File::create(folder.path().join("open.lock")).unwrap();
    other.lock().unwrap();
    assert!(matches!(Home::init(folder.path(), &mut *random(1)), Err(HomeError::InUse(_))));
    assert!(!folder.path().join("device.key").exists());
}

#[test]
fn a_key_is_never_written_into_a_file_that_somebody_else_put_there() {
    let folder = TempDir::new().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.join("device.key.new")).unwrap();
    init(&home);
    assert!(!elsewhere.exists());
    assert!(fs::symlink_metadata(home.join("device.key")).unwrap().is_file());
}

#[test]
fn what_root_leaves_in_somebodys_home_is_theirs() {
    use std::os::unix::fs::MetadataExt;
    let above = TempDir::new().unwrap();
    if std::os::unix::fs::chown(above.path(), Some(1234), Some(1234)).is_err() {
        println!("skipped: only root may give files to others");
        return;
    }
    let home = init(&above.path().join("home"));
    let _device = open(&home);
    let _locks = (home.try_sync_lock().unwrap(), home.try_import_lock().unwrap());
    home.wake();
    home.log_file(u64::MAX).unwrap();
    let owner = |path: &Path| (path.to_owned(), fs::metadata(path).unwrap().uid());
    let left: Vec<_> = fs::read_dir(home.folder()).unwrap().map(|it| owner(&it.unwrap().path())).collect();
    assert!(left.len() > 7 && left.iter().all(|(_, owner)| *owner == 1234), "{left:?}");
    assert_eq!(owner(home.folder()).1, 1234);
    assert_eq!(owner(&home.folder().join("log/bowline.log")).1, 1234);
}

#[test]
fn side_files_that_are_read_only_or_of_another_shape_stop_nothing() {
    let (_folder, home) = home();
    drop((open(&home), home.try_sync_lock().unwrap(), home.try_import_lock().unwrap()));
    home.wake();
    for name in ["open.lock", "sync.lock", "import.lock", "wake"] {
        fs::set_permissions(home.folder().join(name), fs::Permissions::from_mode(0o400)).unwrap();
    }
    fs::write(home.folder().join("log"), "not a folder").unwrap();
    let device = open(&home);
    let syncing = home.try_sync_lock().unwrap();
    assert!(syncing.is_some() && home.try_import_lock().unwrap().is_some());
    assert!(home.try_sync_lock().unwrap().is_none(), "a lock that is read-only still locks");
    home.wake();
    assert!(home.log_file(u64::MAX).is_err());
    drop(device);
    home.reset(&syncing.unwrap()).unwrap();
}

#[test]
fn a_log_begins_anew_once_it_is_long() {
    let (_folder, home) = home();
    let log = home.folder().join("log");
    home.log_file(3).unwrap().write_all(b"long").unwrap();
    home.log_file(3).unwrap().write_all(b"new").unwrap();
    home.log_file(3).unwrap().write_all(b"er").unwrap();
    assert_eq!(fs::read_to_string(log.join("bowline.log")).unwrap(), "newer");
    assert_eq!(fs::read_to_string(log.join("bowline.log.old")).unwrap(), "long");
}
