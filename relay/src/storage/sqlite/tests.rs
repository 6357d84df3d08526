//! The SQLite back end: the conformance suite, and what only a file can get wrong.

mod letting_go;
mod reopened;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, Ordering};

use bowline_disk::DatabaseError;
use bowline_wire::ids::Position;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tempfile::TempDir;

use self::reopened::Reopened;
use super::continued::IS_LACKING;
use super::{HASH_AT, HEADER_AT, LOST_BODIES, POSITION_OF, READ, READ_ROSTER, Sqlite, TIPS};
use crate::storage::conformance::{self, Scribe, assert_absent, assert_holds};
use crate::storage::{Row, Storage, StorageError};

/// A database in a folder that goes away.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    fn open(&self) -> Sqlite {
        Sqlite::open(&self.path()).unwrap()
    }

    /// Opens the file without any of this crate's rules.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

#[test]
fn a_file_passes_the_conformance_suite() {
    for (name, case) in conformance::cases::<Sqlite>() {
        let disk = Disk::new();
        println!("{name}");
        case(&|| Box::new(Box::new(disk.open())));
        disk.open().integrity_check().unwrap();
    }
}

#[test]
fn a_database_in_memory_passes_the_conformance_suite() {
    for (name, case) in conformance::cases::<Sqlite>() {
        let kept = Rc::new(RefCell::new(Some(Connection::open_in_memory().unwrap())));
        println!("{name}");
        case(&|| Box::new(Reopened::open(&kept)));
    }
}

#[test]
fn a_reopened_database_has_exactly_what_was_committed() {
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    let mut rows: Vec<Row> = Vec::new();
    for count in [1, 300, 1, 20] {
        let mut sqlite = disk.open();
        let commit = scribe.next(count);
        sqlite.commit(std::slice::from_ref(&commit)).unwrap();
        rows.extend(commit.rows);
        // As after a kill: nothing is closed, so the write-ahead log stays as it is.
        std::mem::forget(sqlite);
        let reopened = disk.open();
        assert_holds(&reopened, &scribe.secret, scribe.workspace(), &rows);
        reopened.integrity_check().unwrap();
    }
}

#[test]
fn a_commit_that_fails_at_the_last_moment_stores_nothing() {
    let (disk, mut old, mut new) = (Disk::new(), Scribe::new(1), Scribe::new(2));
    let mut sqlite = disk.open();
    let begun = old.next(2);
    sqlite.commit(std::slice::from_ref(&begun)).unwrap();
    let (more, made) = (old.next(3), new.next(2));
    sqlite.connection.commit_hook(Some(|| true)).unwrap();
    assert!(sqlite.commit(&[more.clone(), made.clone()]).is_err());
    sqlite.connection.commit_hook(None::<fn() -> bool>).unwrap();

    for storage in [&sqlite, &disk.open()] {
        assert_holds(storage, &old.secret, old.workspace(), &begun.rows);
        assert_absent(storage, &made);
        storage.integrity_check().unwrap();
    }
    sqlite.commit(&[more, made.clone()]).unwrap();
    assert_holds(&disk.open(), &new.secret, new.workspace(), &made.rows);
}

#[test]
fn a_full_disk_is_the_environments_fault_and_stores_nothing() {
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    let mut sqlite = disk.open();
    let begun = scribe.next(1);
    sqlite.commit(std::slice::from_ref(&begun)).unwrap();
    let pages: i64 = sqlite.connection.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
    sqlite.connection.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let large = vec![scribe.content(100_000)];
    let large = scribe.commit_of(large);
    let refused = sqlite.commit(std::slice::from_ref(&large)).unwrap_err();
    assert_eq!(refused, StorageError::Unavailable("there is no space left on the disk".to_owned()));
    assert_holds(&sqlite, &scribe.secret, scribe.workspace(), &begun.rows);

    sqlite.connection.pragma_update_and_check(None, "max_page_count", pages + 1000, |_| Ok(())).unwrap();
    sqlite.commit(&[large]).unwrap();
    sqlite.integrity_check().unwrap();
}

#[test]
fn every_connection_gets_the_settings_that_keep_data_safe() {
    let sqlite = Disk::new().open();
    let setting = |pragma: &str| -> i64 {
        sqlite.connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    };
    for (pragma, value) in [
        ("synchronous", 2),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("secure_delete", 1),
        ("foreign_keys", 1),
        ("auto_vacuum", 2),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("temp_store", 2),
        ("busy_timeout", 10_000),
    ] {
        assert_eq!(setting(pragma), value, "{pragma}");
    }
    let journal: String =
        sqlite.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_log_that_an_earlier_version_continued_counts_as_continued_where_it_ends() {
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    disk.open().commit(&[scribe.next(3)]).unwrap();
    let old = "INSERT INTO successor (log, n, said) VALUES (1, 0, x'00');
               ALTER TABLE successor DROP COLUMN ended; ALTER TABLE log DROP COLUMN checkpoints; DROP INDEX party_recovery; DROP INDEX log_unswept;
               ALTER TABLE log DROP COLUMN letting_go; ALTER TABLE log DROP COLUMN floor; ALTER TABLE log DROP COLUMN swept; DROP TABLE state_piece;
               PRAGMA user_version = 7;";
    disk.raw().execute_batch(old).unwrap();
    assert_eq!(disk.open().continued_at(scribe.workspace()).unwrap(), Some(Position(3)));
    disk.open().commit(&[scribe.next(1)]).unwrap();
    assert_eq!(disk.open().continued_at(scribe.workspace()).unwrap(), Some(Position(3)));
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    drop(disk.open());
    disk.raw().pragma_update(None, "user_version", 999).unwrap();
    let before = fs::read(disk.path()).unwrap();
    for refused in [Sqlite::open(&disk.path()), Sqlite::open_for_reading(&disk.path())] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, DatabaseError::NewerVersion { found: 999, known: 11 }), "{refused}");
    }
    assert_eq!(fs::read(disk.path()).unwrap(), before);
}

#[test]
fn another_programs_database_is_refused() {
    let disk = Disk::new();
    disk.raw().execute_batch("CREATE TABLE theirs (n)").unwrap();
    for refused in [Sqlite::open(&disk.path()), Sqlite::open_for_reading(&disk.path())] {
        assert!(matches!(refused.unwrap_err(), DatabaseError::NotOurs));
    }
    fs::write(disk.path(), [0xab; 8192]).unwrap();
    assert!(matches!(Sqlite::open(&disk.path()).unwrap_err(), DatabaseError::NotOurs));
}

#[test]
fn a_log_that_was_cut_short_is_noticed_when_the_database_is_opened() {
    for damage in [
        "DELETE FROM entry WHERE position = 3",
        "UPDATE log SET position = 2",
        "UPDATE log SET hash = zeroblob(32)",
        "UPDATE entry SET hash = zeroblob(32) WHERE position = 3",
    ] {
        let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
        disk.open().commit(&[scribe.next(3)]).unwrap();
        disk.raw().execute_batch(damage).unwrap();
        assert!(matches!(Sqlite::open(&disk.path()).unwrap_err(), DatabaseError::Damaged(_)), "{damage}");
    }
}

#[test]
fn a_truncated_file_is_damaged() {
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    disk.open().commit(&[scribe.next(500)]).unwrap();
    let file = fs::OpenOptions::new().write(true).open(disk.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let refused = Sqlite::open(&disk.path()).unwrap_err();
    assert!(matches!(refused, DatabaseError::Damaged(_)), "{refused}");
}

#[test]
fn a_tip_that_cannot_be_read_back_is_damage() {
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    disk.open().commit(&[scribe.next(1)]).unwrap();
    disk.raw().execute_batch("UPDATE chain SET tip = x'00'").unwrap();
    let read = disk.open().tips(scribe.workspace());
    assert!(matches!(read, Err(StorageError::Corrupt(_))), "{read:?}");
}

/// How SQLite goes about a query.
fn plan(sqlite: &Sqlite, query: &str) -> Vec<String> {
    let mut plan = sqlite.connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let unbound = rusqlite::params_from_iter((0..plan.parameter_count()).map(|_| rusqlite::types::Null));
    plan.query_map(unbound, |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn whether_a_log_lacks_anything_is_known_without_looking_at_the_others() {
    let steps = plan(&Disk::new().open(), IS_LACKING);
    assert!(steps.iter().any(|step| step.contains("USING INDEX log_lacking")), "{steps:?}");
}

#[test]
fn entries_are_read_by_an_index_and_in_order() {
    let disk = Disk::new();
    let sqlite = disk.open();
    for (query, index) in [
        (READ, "sqlite_autoindex_entry_1 (log=? AND position>?)"),
        (READ_ROSTER, "entry_roster (log=? AND position>?)"),
        (LOST_BODIES, "entry_bodiless (log=? AND position>?)"),
        (POSITION_OF, "entry_id (log=? AND id=?)"),
        (HASH_AT, "sqlite_autoindex_entry_1 (log=? AND position=?)"),
        (HEADER_AT, "entry_seq (chain=? AND seq=?)"),
        (TIPS, "sqlite_autoindex_chain_1 (log=?)"),
    ] {
        let steps = plan(&sqlite, query);
        assert!(steps.iter().any(|step| step.contains(index)), "{query}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{query}: {steps:?}");
    }
}

#[test]
fn workspaces_are_counted_beside_a_relay_that_serves() {
    let (disk, mut one, mut two) = (Disk::new(), Scribe::new(1), Scribe::new(2));
    let mut serving = disk.open();
    let (first, second) = (one.next(2), two.next(5));
    serving.commit(&[first.clone(), second]).unwrap();
    let reading = Sqlite::open_for_reading(&disk.path()).unwrap();
    let stats = reading.workspaces().unwrap();
    assert_eq!(stats.iter().map(|stats| stats.content_entries).collect::<Vec<_>>(), [2, 5]);
    let usage = serving.log(one.workspace()).unwrap().unwrap().usage;
    assert_eq!((stats[0].workspace, stats[0].devices, stats[0].usage), (one.workspace(), 1, usage));
    assert!(stats[0].created.0 > 0 && stats[0].appended >= stats[0].created);
    assert!(reading.file_bytes().unwrap() > 0);
    let mut reading = reading;
    assert!(reading.delete(one.workspace()).is_err());
    serving.commit(&[one.next(1)]).unwrap();
    assert_eq!(reading.workspaces().unwrap().iter().map(|stats| stats.content_entries).max(), Some(5));
}

/// Whether `needle` is anywhere in the files of a folder.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
}

#[test]
fn a_deleted_workspace_leaves_no_byte_behind_and_the_others_alone() {
    let (disk, mut gone, mut kept) = (Disk::new(), Scribe::new(1), Scribe::new(2));
    let mut sqlite = disk.open();
    let large = gone.content(200_000);
    let (removed, stays) = (gone.commit_of(vec![large]), kept.next(3));
    sqlite.commit(&[removed.clone(), stays.clone()]).unwrap();
    let body = [0x5a; 64]; // what `Scribe::content` fills bodies with
    let secret = *gone.secret.as_bytes();
    assert!(holds(disk.folder.path(), &body) && holds(disk.folder.path(), &secret));

    let deleted = sqlite.delete(gone.workspace()).unwrap().unwrap();
    assert_eq!((deleted.entries, deleted.is_read_elsewhere), (1, false));
    assert!(deleted.freed > 200_000, "{deleted:?}");
    assert!(!holds(disk.folder.path(), &body) && !holds(disk.folder.path(), &secret));
    assert_absent(&sqlite, &removed);
    assert_holds(&disk.open(), &kept.secret, kept.workspace(), &stays.rows);
    disk.open().integrity_check().unwrap();
    assert_eq!(sqlite.delete(gone.workspace()).unwrap(), None);
}

#[test]
fn what_is_deleted_is_overwritten_before_its_space_is_given_back() {
    let (disk, mut gone) = (Disk::new(), Scribe::new(1));
    let mut sqlite = disk.open();
    let large = gone.content(200_000);
    sqlite.commit(&[gone.commit_of(vec![large])]).unwrap();
    assert!(sqlite.empty_journal().unwrap());
    let before = fs::metadata(disk.path()).unwrap().len();
    assert!(sqlite.begin_deleting(gone.workspace()).unwrap());
    assert_eq!(sqlite.delete_some().unwrap(), Some(1));
    assert!(sqlite.empty_journal().unwrap());
    assert_eq!(fs::metadata(disk.path()).unwrap().len(), before, "nothing is given back yet");
    assert!(!holds(disk.folder.path(), &[0x5a; 64]) && !holds(disk.folder.path(), gone.secret.as_bytes()));
}

#[test]
fn deleting_a_large_workspace_needs_little_room() {
    static MOST_PAGES: AtomicI32 = AtomicI32::new(0);
    let (disk, mut gone, mut kept) = (Disk::new(), Scribe::new(1), Scribe::new(2));
    let mut sqlite = disk.open();
    let mut stays = Vec::new();
    for _ in 0..8 {
        let large = (0..5).map(|_| gone.content(700_000)).collect();
        let behind = vec![kept.content(700_000)];
        let commits = [gone.commit_of(large), kept.commit_of(behind)];
        sqlite.commit(&commits).unwrap();
        stays.extend_from_slice(&commits[1].rows);
    }
    assert!(sqlite.empty_journal().unwrap());
    let note = |wal: &mut Wal, pages| {
        MOST_PAGES.fetch_max(pages, Ordering::SeqCst);
        wal.checkpoint().map(drop)
    };
    sqlite.connection.wal_hook(Some(note)).unwrap();
    let deleted = sqlite.delete(gone.workspace()).unwrap().unwrap();
    assert_eq!(deleted.entries, 40);
    assert!(deleted.freed > 28_000_000, "{deleted:?}");
    let most = MOST_PAGES.load(Ordering::SeqCst);
    assert!((100..3_000).contains(&most), "{most} pages were in the write-ahead log at once");
    assert_holds(&sqlite, &kept.secret, kept.workspace(), &stays);
    sqlite.integrity_check().unwrap();
}

#[test]
fn a_workspace_that_is_deleted_in_part_is_gone_and_the_rest_follows() {
    let (disk, mut gone, mut kept) = (Disk::new(), Scribe::new(1), Scribe::new(2));
    let mut sqlite = disk.open();
    let (removed, stays) = (gone.next(2_000), kept.next(3));
    sqlite.commit(&[removed.clone(), stays.clone()]).unwrap();
    assert!(sqlite.begin_deleting(gone.workspace()).unwrap());
    assert_absent(&sqlite, &removed);
    let some = sqlite.delete_some().unwrap().unwrap();
    assert!(some > 0 && some < 2_000, "{some}");
    // As after a kill.
    std::mem::forget(sqlite);
    assert_eq!(Sqlite::open_for_reading(&disk.path()).unwrap().workspaces().unwrap().len(), 1);
    let sqlite = disk.open();
    assert_absent(&sqlite, &removed);
    assert_holds(&sqlite, &kept.secret, kept.workspace(), &stays.rows);
    let left: i64 = sqlite.connection.query_row("SELECT count(*) FROM entry", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 3);
}

#[test]
fn deleting_beside_a_reader_says_that_it_is_not_gone_yet() {
    let (disk, mut gone) = (Disk::new(), Scribe::new(1));
    let mut sqlite = disk.open();
    sqlite.commit(&[gone.next(1)]).unwrap();
    sqlite.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let reader = disk.raw();
    reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
    assert!(sqlite.delete(gone.workspace()).unwrap().unwrap().is_read_elsewhere);
    drop(reader);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (disk, mut scribe) = (Disk::new(), Scribe::new(1));
    let mut sqlite = disk.open();
    sqlite.commit(&[scribe.next(1)]).unwrap();
    for file in fs::read_dir(disk.folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}
