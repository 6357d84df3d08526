//! What is let go gives its space back while the database serves, and a crash in between leaves old or new.

use bowline_wire::ids::{Position, StateDigest};
use bowline_wire::log::{Run, Stood};

use super::Disk;
use crate::storage::conformance::Scribe;
use crate::storage::sqlite::Sqlite;
use crate::storage::{LettingGo, Storage};

/// So many entries of 2 KiB, of which the last ten stay.
const ENTRIES: u64 = 3_000;

fn begun(disk: &Disk) -> (Scribe, Sqlite) {
    let (mut scribe, mut sqlite) = (Scribe::new(1), disk.open());
    for _ in 0..30 {
        let entries = (0..ENTRIES / 30).map(|_| scribe.content(2_048)).collect();
        let commit = scribe.commit_of(entries);
        sqlite.commit(&[commit]).unwrap();
    }
    let stood = Stood {
        at: Position(ENTRIES - 1),
        digest: StateDigest::from_bytes([7; 32]),
        since: Position(ENTRIES),
    };
    let live = vec![Run { first: Position(ENTRIES - 10), count: 10 }];
    let by = LettingGo { stood, hash: None, len: 9, live, swept: Position::START };
    sqlite.begin_letting_go(scribe.workspace(), &by).unwrap();
    (scribe, sqlite)
}

fn by(sqlite: &Sqlite, scribe: &Scribe) -> LettingGo {
    sqlite.log(scribe.workspace()).unwrap().unwrap().letting_go.unwrap()
}

#[test]
fn space_is_given_back_while_the_database_serves_and_also_beside_a_reader() {
    for has_reader in [false, true] {
        let disk = Disk::new();
        let (mut scribe, mut sqlite) = begun(&disk);
        let reader = has_reader.then(|| disk.raw());
        if let Some(reader) = &reader {
            reader.execute_batch("BEGIN; SELECT count(*) FROM entry;").unwrap();
        }
        let before = sqlite.file_bytes().unwrap();
        let mut steps = 0;
        while !by(&sqlite, &scribe).is_done() {
            let next = by(&sqlite, &scribe);
            sqlite.let_some_go(scribe.workspace(), &next).unwrap();
            steps += 1;
        }
        assert!(steps >= 3, "each step is small: {steps}");
        let begun = std::time::Instant::now();
        while sqlite.give_some_back().unwrap() {}
        assert!(begun.elapsed().as_secs() < 8, "nobody is waited for");
        let after = sqlite.file_bytes().unwrap();
        assert!(after * 20 < before, "{after} of {before} bytes are left");
        sqlite.commit(&[scribe.next(3)]).unwrap();
        drop(reader);
        sqlite.integrity_check().unwrap();
    }
}

#[test]
fn a_crash_between_any_two_steps_leaves_what_the_last_one_did() {
    let disk = Disk::new();
    let (scribe, sqlite) = begun(&disk);
    std::mem::forget(sqlite);
    let mut left = ENTRIES;
    loop {
        let mut sqlite = disk.open();
        sqlite.integrity_check().unwrap();
        let next = by(&sqlite, &scribe);
        assert_eq!(count(&sqlite), left);
        if next.is_done() {
            break;
        }
        // A commit that fails at the last moment, and one that does not, each followed by a crash.
        sqlite.connection.commit_hook(Some(|| true)).unwrap();
        sqlite.let_some_go(scribe.workspace(), &next).unwrap_err();
        sqlite.connection.commit_hook(None::<fn() -> bool>).unwrap();
        assert_eq!(by(&sqlite, &scribe), next);
        sqlite.let_some_go(scribe.workspace(), &next).unwrap();
        assert!(count(&sqlite) < left);
        left = count(&sqlite);
        std::mem::forget(sqlite);
    }
    assert_eq!(left, 11);
}

fn count(sqlite: &Sqlite) -> u64 {
    let count: i64 = sqlite.connection.query_row("SELECT count(*) FROM entry", (), |row| row.get(0)).unwrap();
    count.unsigned_abs()
}
