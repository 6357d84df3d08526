//! Homes that are not as they were left: each is told apart, and nothing in it is changed.

use insta::assert_snapshot;
use rusqlite::Connection;

use crate::machine::{Machine, write};

/// Runs `status` and one edit on a home, and checks that its database is what it was, byte for byte.
fn refused(machine: &mut Machine) -> String {
    let before = std::fs::read(machine.home("bowline.db")).unwrap();
    let told = machine.story(&["status", "chat new"]);
    assert_eq!(std::fs::read(machine.home("bowline.db")).unwrap(), before, "the database was touched");
    told
}

/// All of the database in its one file.
fn checkpoint(machine: &Machine) -> Connection {
    let database = Connection::open(machine.home("bowline.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    database
}

#[test]
fn a_home_of_a_newer_version_is_left_alone() {
    let mut machine = Machine::with_home();
    let database = checkpoint(&machine);
    let version: i64 = database.query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap();
    database.pragma_update(None, "user_version", version + 1).unwrap();
    drop(checkpoint(&machine));
    let versions = format!("has version {}, this program knows up to {version}", version + 1);
    drop(database);
    let told = refused(&mut machine);
    assert!(told.contains(&versions), "{told}");
    assert_snapshot!(told.replace(&versions, "has version NEWER, this program knows up to KNOWN"));
}

#[test]
fn a_key_of_another_home_is_noticed() {
    let mut machine = Machine::with_home();
    let mut other = Machine::new("phone");
    assert_eq!(other.run("init").code, 0);
    std::fs::copy(other.home("device.key"), machine.home("device.key")).unwrap();
    drop(checkpoint(&machine));
    assert_snapshot!(refused(&mut machine));
}

#[test]
fn a_home_that_lost_its_key_gets_no_new_one() {
    let mut machine = Machine::with_home();
    std::fs::remove_file(machine.home("device.key")).unwrap();
    drop(checkpoint(&machine));
    assert_snapshot!(refused(&mut machine));
    assert_snapshot!(machine.story(&["init"]));
    assert!(!machine.home("device.key").exists());
}

#[test]
fn a_damaged_key_and_a_newer_one_are_told_apart() {
    let mut machine = Machine::with_home();
    drop(checkpoint(&machine));
    for key in ["bowline-device-key-1:AAAA\n", "nonsense", "bowline-device-key-2:AAAA\n"] {
        write(&machine.home("device.key"), key);
        assert_snapshot!(refused(&mut machine));
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let mut machine = Machine::with_home();
    drop(checkpoint(&machine));
    std::fs::set_permissions(machine.home("device.key"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_snapshot!(refused(&mut machine));
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let mut machine = Machine::with_home();
    drop(checkpoint(&machine));
    write(&machine.home("bowline.db"), &"not a database ".repeat(1000));
    assert_snapshot!(refused(&mut machine));
}

#[test]
fn a_tampered_database_is_told_from_one_that_is_whole() {
    let mut machine = Machine::with_home();
    for n in 0..50 {
        machine.made(&format!("chat new --title 'Conversation number {n}'"));
    }
    drop(checkpoint(&machine));
    let mut bytes = std::fs::read(machine.home("bowline.db")).unwrap();
    // All but the first page, which says that it is a database of ours.
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(machine.home("bowline.db"), &bytes).unwrap();
    let ran = machine.run("chat list");
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("Error: The database is damaged\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nHint: nothing was changed: "), "{}", ran.stderr);
}

#[test]
fn a_home_that_cannot_be_made_says_where_and_why() {
    let mut machine = Machine::new("laptop");
    write(&machine.path("file"), "in the way");
    assert_snapshot!(machine.story(&["init --home ~/file/home", "init --home ~/file"]));
}

#[cfg(unix)]
#[test]
fn a_home_that_cannot_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let mut machine = Machine::with_home();
    let lock = |mode| {
        for name in ["open.lock", "bowline.db", ""] {
            std::fs::set_permissions(machine.home(name), PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    lock(0o500);
    if std::fs::write(machine.home("probe"), "").is_ok() {
        lock(0o700);
        println!("skipped: this user may write everywhere");
        return;
    }
    let told = machine.story(&["chat new --title Groceries"]);
    let again = |mode| {
        for name in ["", "open.lock", "bowline.db"] {
            std::fs::set_permissions(machine.home(name), PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    again(0o700);
    assert_snapshot!(told);
}

#[test]
fn even_a_home_that_cannot_be_opened_can_be_reset() {
    let mut machine = Machine::with_home();
    write(&machine.home("device.key"), "nonsense");
    assert_snapshot!(machine.story(&["reset", "reset --yes", "init"]));
}
