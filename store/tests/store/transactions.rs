//! A transaction happens whole or not at all, whoever ends it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::common::{chain, cursor, dump, new_doc, new_entry, on_log, refused, store, write, ws};
use bowline_store::{Connection, DatabaseError, DocN, Store, StoreError, Tx};
use bowline_wire::ids::Lane;

/// A bit of everything: an edit, an offered entry, a received one, the cursor.
fn batch(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.set_cursor(ws(1), &cursor(1))?;
    let doc = tx.insert_doc(&new_doc(Some(ws(1)), 1))?;
    let change = tx.insert_change(doc, b"edit")?;
    tx.put_base(doc, b"base")?;
    let entry = tx.insert_entry(&new_entry(ws(1), 1, Some(doc)))?;
    tx.mark_sealed(&[change], entry)?;
    tx.put_chain(ws(1), &chain(1, Lane::Content), b"tip")?;
    let received = tx.insert_entry(&on_log(ws(1), 2, 1, Some(doc)))?;
    tx.begin_attempt(&[received])?;
    tx.put_meta("k", b"v")
}

#[derive(Debug)]
enum CallersError {
    Store(StoreError),
    Own,
}

impl From<StoreError> for CallersError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[test]
fn steps_read_what_earlier_steps_wrote() {
    let mut store = store();
    let doc = write(&mut store, |tx| {
        let doc = tx.insert_doc(&new_doc(None, 1))?;
        assert!(tx.doc(doc)?.is_some());
        Ok(doc)
    });
    assert!(store.read().doc(doc).unwrap().is_some());
}

#[test]
fn an_error_of_the_callers_own_leaves_nothing() {
    let mut store = store();
    let before = dump(store.connection());
    let outcome =
        store.transaction(|tx| batch(tx).map_err(CallersError::from).and(Err::<(), _>(CallersError::Own)));
    assert!(matches!(outcome, Err(CallersError::Own)));
    assert_eq!(dump(store.connection()), before);
}

#[test]
fn an_error_of_the_store_leaves_nothing() {
    let mut store = store();
    let before = dump(store.connection());
    let outcome = store.transaction(|tx| {
        batch(tx)?;
        tx.insert_change(DocN(99), b"x")?;
        Ok::<_, CallersError>(())
    });
    assert!(matches!(outcome, Err(CallersError::Store(StoreError::NoSuchRow(_)))));
    assert_eq!(dump(store.connection()), before);
}

#[test]
fn a_panic_leaves_nothing() {
    let mut store = store();
    let before = dump(store.connection());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        store.transaction(|tx| -> Result<(), StoreError> {
            batch(tx)?;
            panic!("on purpose")
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(dump(store.connection()), before);
    write(&mut store, batch);
}

#[test]
fn each_commit_that_a_hook_refuses_is_reported_and_leaves_nothing() {
    let mut store = store();
    let commits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&commits);
    let refuse_second = move || counted.fetch_add(1, Ordering::Relaxed) == 1;
    store.connection_mut().commit_hook(Some(refuse_second)).unwrap();

    write(&mut store, |tx| tx.put_meta("first", b"1"));
    let before = dump(store.connection());
    assert!(matches!(refused(&mut store, batch), StoreError::CommitRefused));
    assert!(store.connection().is_autocommit());
    assert_eq!(dump(store.connection()), before);

    // The simulated device dies here and is built anew on what there is.
    let mut store = Store::from_connection(store.into_connection()).unwrap();
    assert_eq!(dump(store.connection()), before);
    write(&mut store, batch);
    assert_eq!(commits.load(Ordering::Relaxed), 3, "the hook stayed, and building anew committed nothing");
    store.integrity_check().unwrap();
}

#[test]
fn a_connection_given_up_in_the_middle_of_a_transaction_is_as_before_it() {
    let store = store();
    let before = dump(store.connection());
    let connection = store.into_connection();
    connection.execute_batch("BEGIN; INSERT INTO meta VALUES ('half', x'00')").unwrap();
    let store = Store::from_connection(connection).unwrap();
    assert_eq!(dump(store.connection()), before);
}

#[test]
fn a_copy_holds_everything_and_lives_on_its_own() {
    let mut store = store();
    write(&mut store, batch);
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE overwritten (n)").unwrap();
    store.copy_to(&mut connection).unwrap();
    assert_eq!(dump(&connection), dump(store.connection()));

    let mut copy = Store::from_connection(connection).unwrap();
    copy.integrity_check().unwrap();
    write(&mut copy, |tx| tx.put_meta("only", b"here"));
    assert_eq!(store.read().meta("only").unwrap(), None);
    assert_eq!(copy.read().docs_with_unsealed(Some(ws(1))).unwrap(), []);
}

#[test]
fn a_row_of_another_shape_is_an_error_and_no_panic() {
    let mut store = store();
    write(&mut store, batch);
    for damage in [
        "UPDATE entry SET id = substr(id, 1, 2)",
        "UPDATE entry SET lane = 9",
        "UPDATE entry SET state = 77, pos = NULL, log_hash = NULL",
        "UPDATE entry SET seq = -1",
        "UPDATE entry SET type = 70000",
        "UPDATE entry SET signature = x''",
    ] {
        store.connection().execute_batch(&format!("SAVEPOINT damage; {damage}")).unwrap();
        let found = store.read().entry(bowline_store::EntryN(1)).unwrap_err();
        assert!(matches!(found, StoreError::Database(DatabaseError::Undecodable(_))), "{damage}: {found:?}");
        store.connection().execute_batch("ROLLBACK TO damage; RELEASE damage").unwrap();
    }
}

#[test]
fn a_reference_to_nothing_fails_the_integrity_check() {
    let store = store();
    let connection = store.connection();
    connection.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO body VALUES (99, x'00')").unwrap();
    assert!(matches!(store.integrity_check(), Err(StoreError::Database(DatabaseError::Damaged(_)))));
}

#[test]
fn a_refused_commit_is_told_from_a_broken_constraint() {
    let mut store = store();
    let refuse = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&refuse);
    store.connection_mut().commit_hook(Some(move || flag.load(Ordering::Relaxed))).unwrap();
    assert!(matches!(refused(&mut store, |tx| tx.put_meta("k", b"v")), StoreError::CommitRefused));
    refuse.store(false, Ordering::Relaxed);
    let error = refused(&mut store, |tx| tx.put_state(ws(9), "k", b"v"));
    assert!(matches!(error, StoreError::Refused(_)));
}

/// With the switch off the feature changes nothing; on, a crash after the cursor's commit loses the batch but not the
/// cursor, which is what the simulator must notice.
#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_cursor_outlives_its_batch() {
    for planted in [false, true] {
        let mut store = store();
        store.plant_cursor_before_batch(planted);
        let commits = AtomicU32::new(0);
        // Unplanted the batch commits once, planted twice: refuse the last.
        let last = u32::from(planted);
        store
            .connection_mut()
            .commit_hook(Some(move || commits.fetch_add(1, Ordering::Relaxed) == last))
            .unwrap();
        assert!(matches!(refused(&mut store, batch), StoreError::CommitRefused));
        let moved = store.read().workspace(ws(1)).unwrap().unwrap().cursor.is_some();
        assert_eq!(moved, planted);
        assert_eq!(store.read().log_hash_at(ws(1), cursor(1).pos).unwrap(), None);
    }
}
