//! What the store's tests share: rows that are filled in completely, and folders that go away.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use bowline_store::{
    Connection, Cursor, DocN, EntryN, EntryState, LogPlace, NewDoc, NewEntry, NewWorkspace, Store,
    StoreError, StoredReason, Summary, Tx,
};
use bowline_wire::ids::{
    ChainKey, DeviceId, DocId, EntryId, Incarnation, Lane, LogHash, LogId, LogTime, Millis, Position,
    Signature, WireDoc, WorkspaceId,
};

/// Some reason, with nothing to add to its number.
pub(crate) static WHY: StoredReason = StoredReason { number: 7, detail: None };

pub(crate) fn ws(n: u8) -> WorkspaceId {
    WorkspaceId::from_bytes([n; 32])
}

pub(crate) fn doc_id(n: u8) -> DocId {
    DocId::from_bytes([n; 16])
}

pub(crate) fn wire(n: u8) -> WireDoc {
    WireDoc::from_bytes([n ^ 0xff; 16])
}

pub(crate) fn entry_id(n: u8) -> EntryId {
    EntryId::from_bytes([n; 32])
}

pub(crate) fn chain(device: u8, lane: Lane) -> ChainKey {
    let device = DeviceId::from_bytes([device; 32]);
    ChainKey { device, incarnation: Incarnation::from_bytes([7; 8]), lane }
}

pub(crate) fn at(pos: u64) -> LogPlace {
    LogPlace { pos: Position(pos), time: LogTime::at_most(Millis(pos)), log_hash: Some(log_hash_at(pos)) }
}

pub(crate) fn log_hash_at(pos: u64) -> LogHash {
    LogHash::from_bytes([u8::try_from(pos % 251).unwrap(); 32])
}

pub(crate) fn cursor(pos: u64) -> Cursor {
    Cursor {
        log: LogId::from_bytes([9; 32]),
        pos: Position(pos),
        time: at(pos).time,
        hash: log_hash_at(pos),
        head: Some(vec![1, 2, 3]),
    }
}

pub(crate) fn new_workspace(n: u8) -> NewWorkspace<'static> {
    NewWorkspace {
        id: ws(n),
        incarnation: Incarnation::from_bytes([n; 8]),
        state: 3,
        draft: 1,
        relay: "wss://relay.example:443",
        created_at: Millis(1_000 + u64::from(n)),
    }
}

/// A document of workspace `place`, or a local one; its title names it.
pub(crate) fn new_doc(place: Option<WorkspaceId>, n: u8) -> NewDoc<'static> {
    NewDoc {
        ws: place,
        id: doc_id(n),
        log_id: None,
        wire: place.map(|_| wire(n)),
        heads: b"heads",
        state: 2,
        kind: 1,
        summary: Summary {
            title: format!("doc {n}"),
            updated_at: Millis(u64::from(n)),
            count: 4,
            preview: "once upon".to_owned(),
            marks: vec![n],
        },
        deleted_at: None,
        created_at: Millis(5),
    }
}

/// An entry of device 1's content chain, offered and not in its document.
pub(crate) fn new_entry(workspace: WorkspaceId, n: u8, doc: Option<DocN>) -> NewEntry<'static> {
    NewEntry {
        ws: workspace,
        id: entry_id(n),
        chain: chain(1, Lane::Content),
        seq: u64::from(n),
        entry_type: 1,
        wire: Some(wire(n)),
        doc,
        place: None,
        state: EntryState::Offered,
        reason: None,
        applied: false,
        header: b"header",
        signature: Signature::from_bytes([5; 64]),
        body: Some(b"body"),
    }
}

/// An entry that stands on the log.
pub(crate) fn on_log(workspace: WorkspaceId, n: u8, pos: u64, doc: Option<DocN>) -> NewEntry<'static> {
    NewEntry { place: Some(at(pos)), state: EntryState::OnLog, ..new_entry(workspace, n, doc) }
}

/// A store with workspaces 1 and 2.
pub(crate) fn store() -> Store {
    with_workspaces(Store::in_memory().unwrap())
}

pub(crate) fn with_workspaces(mut store: Store) -> Store {
    write(&mut store, |tx| {
        tx.insert_workspace(&new_workspace(1))?;
        tx.insert_workspace(&new_workspace(2))
    });
    store
}

/// A transaction that must succeed.
pub(crate) fn write<T>(store: &mut Store, steps: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> T {
    store.transaction(steps).unwrap()
}

/// A transaction that must fail.
pub(crate) fn refused<T: std::fmt::Debug>(
    store: &mut Store,
    steps: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> StoreError {
    store.transaction(steps).unwrap_err()
}

pub(crate) fn insert_doc(store: &mut Store, new: &NewDoc<'_>) -> DocN {
    write(store, |tx| tx.insert_doc(new))
}

pub(crate) fn insert_entry(store: &mut Store, new: &NewEntry<'_>) -> EntryN {
    write(store, |tx| tx.insert_entry(new))
}

/// Every row of every table, to compare databases.
pub(crate) fn dump(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = connection.prepare(sql).unwrap();
    let tables: Vec<String> = tables.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut rows = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query(()).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|i| row.get_ref(i).unwrap()).collect();
            rows.push(format!("{table} {values:?}"));
        }
    }
    rows
}

/// A folder of one test's own, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(test: &str) -> Self {
        let folder = env::temp_dir().join(format!("bowline-store-{test}-{}", process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("bowline.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
