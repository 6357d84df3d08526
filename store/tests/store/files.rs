//! The database as a file: who may read it, what survives, what is erased.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::{env, fs, thread};

use crate::common::{Scratch, dump, insert_doc, new_doc, refused, with_workspaces, write, ws};
use bowline_cast::leash;
use bowline_store::{Connection, DatabaseError, Store, StoreError};

#[test]
fn a_file_is_opened_again_as_it_was_left() {
    let scratch = Scratch::new("reopen");
    let store = with_workspaces(Store::open(&scratch.db()).unwrap());
    let before = dump(store.connection());
    drop(store);
    let store = Store::open(&scratch.db()).unwrap();
    assert_eq!(dump(store.connection()), before);
    store.integrity_check().unwrap();
}

#[test]
fn a_file_is_written_ahead_and_synced_at_every_commit() {
    let scratch = Scratch::new("wal");
    let store = Store::open(&scratch.db()).unwrap();
    let mode: String = store.connection().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let synchronous: i64 =
        store.connection().pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2, "FULL");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_what_is_created() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

    let scratch = Scratch::new("permissions");
    let path = scratch.path().join("home").join("deeper").join("bowline.db");
    let _store = with_workspaces(Store::open(&path).unwrap());
    for (file, expected) in [
        (path.clone(), 0o600),
        (path.with_extension("db-wal"), 0o600),
        (path.with_extension("db-shm"), 0o600),
        (scratch.path().join("home").join("deeper"), 0o700),
        (scratch.path().join("home"), 0o700),
    ] {
        assert_eq!(mode(&file), expected, "{}", file.display());
    }
}

#[cfg(unix)]
#[test]
fn permissions_of_what_exists_are_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("existing");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o750)).unwrap();
    Store::open(&scratch.db()).unwrap();
    assert_eq!(fs::metadata(scratch.path()).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn a_file_that_is_not_ours_or_too_new_is_refused_byte_for_byte_untouched() {
    let scratch = Scratch::new("refused");
    let text = scratch.path().join("text");
    fs::write(&text, "Dear diary, this is not a database.\n".repeat(100)).unwrap();
    let theirs = scratch.path().join("theirs");
    Connection::open(&theirs)
        .unwrap()
        .execute_batch("CREATE TABLE t (n); PRAGMA application_id = 7")
        .unwrap();
    let newer = scratch.path().join("newer");
    drop(Store::open(&newer).unwrap());
    Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 1000").unwrap();

    for (path, too_new) in [(text, false), (theirs, false), (newer, true)] {
        let before = fs::read(&path).unwrap();
        let error = Store::open(&path).unwrap_err();
        match error {
            StoreError::Database(DatabaseError::NewerVersion { found: 1000, .. }) => assert!(too_new),
            StoreError::Database(DatabaseError::NotOurs) => assert!(!too_new),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_the_environments_fault() {
    let scratch = Scratch::new("nofolder");
    fs::write(scratch.path().join("file"), "").unwrap();
    let error = Store::open(&scratch.path().join("file").join("bowline.db")).unwrap_err();
    assert!(matches!(error, StoreError::Database(DatabaseError::NotCreated(_))), "{error:?}");
}

#[test]
fn a_file_that_may_not_be_written_is_the_environments_fault() {
    let scratch = Scratch::new("readonly");
    let mut store = with_workspaces(Store::open(&scratch.db()).unwrap());
    store.connection().pragma_update(None, "query_only", true).unwrap();
    let error = refused(&mut store, |tx| tx.put_meta("k", b"v"));
    assert!(matches!(error, StoreError::Database(DatabaseError::NotWritable(_))), "{error:?}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let scratch = Scratch::new("full");
    let mut store = with_workspaces(Store::open(&scratch.db()).unwrap());
    let doc = insert_doc(&mut store, &new_doc(Some(ws(1)), 1));
    let before = dump(store.connection());
    let pages: i64 = store.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let cap = format!("PRAGMA max_page_count = {}", pages + 4);
    store.connection().query_row(&cap, (), |_| Ok(())).unwrap();
    let error = refused(&mut store, |tx| {
        tx.insert_change(doc, b"fits")?;
        tx.put_base(doc, &vec![0; 100_000])
    });
    assert!(matches!(error, StoreError::Database(DatabaseError::DiskFull(_))), "{error:?}");
    assert_eq!(dump(store.connection()), before);
    write(&mut store, |tx| tx.insert_change(doc, b"still works"));
}

#[test]
fn damage_is_found_by_the_integrity_check() {
    let scratch = Scratch::new("damage");
    let mut store = with_workspaces(Store::open(&scratch.db()).unwrap());
    for n in 0..200 {
        insert_doc(&mut store, &new_doc(None, n));
    }
    drop(store);
    let mut bytes = fs::read(scratch.db()).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xa5);
    fs::write(scratch.db(), bytes).unwrap();
    let checked = Store::open(&scratch.db()).and_then(|store| store.integrity_check());
    assert!(matches!(checked, Err(StoreError::Database(DatabaseError::Damaged(_)))), "{checked:?}");
}

#[test]
fn what_is_deleted_is_gone_from_the_file() {
    let scratch = Scratch::new("secure");
    let mut store = Store::open(&scratch.db()).unwrap();
    let marker = b"a sentence nobody should find".as_slice();
    let found = |scratch: &Scratch| {
        ["bowline.db", "bowline.db-wal"].into_iter().any(|name| {
            let bytes = fs::read(scratch.path().join(name)).unwrap_or_default();
            bytes.windows(marker.len()).any(|window| window == marker)
        })
    };
    let checkpoint = |store: &Store| {
        let done: i64 =
            store.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0)).unwrap();
        assert_eq!(done, 0);
    };
    let doc = insert_doc(&mut store, &new_doc(None, 1));
    write(&mut store, |tx| tx.put_base(doc, marker));
    checkpoint(&store);
    assert!(found(&scratch), "it is there to begin with");
    write(&mut store, |tx| tx.delete_doc(doc));
    checkpoint(&store);
    assert!(!found(&scratch));
}

#[test]
fn a_file_is_copied_into_memory_while_another_connection_uses_it() {
    let scratch = Scratch::new("copy");
    let mut writer = with_workspaces(Store::open(&scratch.db()).unwrap());
    let reader = Store::open(&scratch.db()).unwrap();
    insert_doc(&mut writer, &new_doc(None, 1));
    let mut memory = Connection::open_in_memory().unwrap();
    reader.copy_to(&mut memory).unwrap();
    let mut copy = Store::from_connection(memory).unwrap();
    assert_eq!(dump(copy.connection()), dump(writer.connection()));
    insert_doc(&mut copy, &new_doc(None, 2));
    copy.integrity_check().unwrap();
}

#[test]
fn processes_that_open_a_new_file_at_once_all_get_it_whole() {
    for round in 0..20 {
        let scratch = Scratch::new(&format!("race{round}"));
        thread::scope(|scope| {
            for n in 0..4 {
                let path = scratch.db();
                scope.spawn(move || {
                    let mut store = Store::open(&path).unwrap();
                    insert_doc(&mut store, &new_doc(None, n));
                });
            }
        });
        let store = Store::open(&scratch.db()).unwrap();
        assert_eq!(store.read().list_docs(&bowline_store::DocFilter::default()).unwrap().len(), 4);
    }
}

/// Names the database to the process that is to be killed.
const VICTIM: &str = "BOWLINE_STORE_VICTIM";

#[test]
fn every_commit_that_was_reported_survives_a_kill() {
    let scratch = Scratch::new("kill");
    let mut child = leash::command(env::current_exe().unwrap())
        .args(["--exact", "files::the_process_that_is_killed", "--ignored", "--nocapture"])
        .env(VICTIM, scratch.db())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut reported = lines.filter_map(|line| line.unwrap().strip_prefix("committed ")?.parse::<u32>().ok());
    let enough = reported.by_ref().take(25).last().unwrap();
    child.kill().unwrap();
    let last = reported.last().unwrap_or(enough);
    child.wait().unwrap();

    let store = Store::open(&scratch.db()).unwrap();
    store.integrity_check().unwrap();
    for n in 0..=last {
        let kept = store.read().meta(&n.to_string()).unwrap().unwrap_or_default();
        assert_eq!(kept.len(), 5_000, "commit {n} of {last}");
    }
}

#[test]
#[ignore = "runs, and dies, inside every_commit_that_was_reported_survives_a_kill"]
fn the_process_that_is_killed() {
    let path = env::var_os(VICTIM).expect("started by the test that kills it");
    let mut store = Store::open(path.as_ref()).unwrap();
    for n in 0_u32.. {
        write(&mut store, |tx| tx.put_meta(&n.to_string(), &[7; 5_000]));
        println!("committed {n}");
    }
}
