//! `workspace` and `state`: the workspaces this device is in, how far it has followed each log, and small values.

use bowline_wire::ids::{Incarnation, LogHash, LogId, LogTime, Millis, Position, WorkspaceId};
use rusqlite::{Row, params};
use zeroize::Zeroizing;

use crate::column::{id, int, log_time, millis, number, optional_id};
use crate::{Reader, StoreError, Tx};

/// How far this device has followed a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The log's id.
    pub log: LogId,
    /// The last position that is stored here.
    pub pos: Position,
    /// The log's time at `pos`.
    pub time: LogTime,
    /// The log hash at `pos`.
    pub hash: LogHash,
    /// The last head the relay signed for this log, as the engine encodes it.
    pub head: Option<Vec<u8>>,
}

/// A workspace to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewWorkspace<'a> {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// The life of this device's chains in the workspace.
    pub incarnation: Incarnation,
    /// The engine's number for how far joining got.
    pub state: u8,
    /// The draft of the protocol that the workspace's log is written in.
    pub draft: u16,
    /// The relay's address.
    pub relay: &'a str,
    /// When this device came to the workspace.
    pub created_at: Millis,
}

/// A workspace this device is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// The life of this device's chains in the workspace.
    pub incarnation: Incarnation,
    /// The engine's number for how far joining got.
    pub state: u8,
    /// The draft of the protocol that the workspace's log is written in; 0 if the workspace came here before drafts were counted.
    pub draft: u16,
    /// The relay's address.
    pub relay: String,
    /// When this device came to the workspace.
    pub created_at: Millis,
    /// How far this device has followed the workspace's log; `None` until a log is known.
    pub cursor: Option<Cursor>,
}

const ROW: &str = "SELECT id, incarnation, state, relay, created_at, log_id, pos, log_hash, head, draft, log_time FROM workspace";

fn decode(row: &Row<'_>) -> rusqlite::Result<WorkspaceRow> {
    let cursor = match optional_id(row, 5, LogId::from_bytes)? {
        None => None,
        Some(log) => Some(Cursor {
            log,
            pos: Position(number(row, 6)?),
            time: log_time(row, 10)?,
            hash: id(row, 7, LogHash::from_bytes)?,
            head: row.get(8)?,
        }),
    };
    Ok(WorkspaceRow {
        id: id(row, 0, WorkspaceId::from_bytes)?,
        incarnation: id(row, 1, Incarnation::from_bytes)?,
        state: row.get(2)?,
        draft: row.get(9)?,
        relay: row.get(3)?,
        created_at: millis(row, 4)?,
        cursor,
    })
}

impl Reader<'_> {
    /// The workspace with this id; `None` if this device is not in it.
    pub fn workspace(&self, ws: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
        self.one(&format!("{ROW} WHERE id = ?1"), [ws.as_bytes()], decode)
    }

    /// All workspaces, oldest first.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceRow>, StoreError> {
        self.all(&format!("{ROW} ORDER BY created_at, id"), (), decode)
    }

    /// The small value kept under `name` for a workspace. It may be a secret, so it is wiped when dropped.
    pub fn state(&self, ws: WorkspaceId, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sql = "SELECT value FROM state WHERE ws = ?1 AND name = ?2";
        self.one(sql, (ws.as_bytes(), name), |row| row.get(0).map(Zeroizing::new))
    }

    /// The values of a workspace whose names begin so, in order of their names.
    pub fn states_under(&self, ws: WorkspaceId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let sql =
            "SELECT name, value FROM state WHERE ws = ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY name";
        self.all(sql, (ws.as_bytes(), prefix), |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Tx<'_> {
    /// Begins a workspace. Everything else that names it needs this row.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`].
    pub fn insert_workspace(&self, new: &NewWorkspace<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO workspace (id, incarnation, state, relay, created_at, draft)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (id, incarnation) = (new.id.as_bytes(), new.incarnation.as_bytes());
        let created_at = int(new.created_at.0)?;
        self.insert(sql, params![id, incarnation, new.state, new.relay, created_at, new.draft]).map(drop)
    }

    /// Moves the cursor, together with whatever else this transaction stores. The entries up to it belong into the same
    /// transaction; call this before inserting them, so that `planted-bugs` can tear the two apart.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn set_cursor(&self, ws: WorkspaceId, cursor: &Cursor) -> Result<(), StoreError> {
        let sql = "UPDATE workspace SET log_id = ?2, pos = ?3, log_hash = ?4, head = ?5, log_time = ?6 WHERE id = ?1";
        let (log, hash) = (cursor.log.as_bytes(), cursor.hash.as_bytes());
        self.change_one(
            "workspace",
            sql,
            params![ws.as_bytes(), log, int(cursor.pos.0)?, hash, cursor.head, int(cursor.time.millis().0)?],
        )?;
        #[cfg(feature = "planted-bugs")]
        if self.cursor_before_batch {
            self.commit_what_there_is()?;
        }
        Ok(())
    }

    /// Begins a new life of this device's chains in a workspace.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn set_incarnation(&self, ws: WorkspaceId, incarnation: Incarnation) -> Result<(), StoreError> {
        let sql = "UPDATE workspace SET incarnation = ?2 WHERE id = ?1";
        self.change_one("workspace", sql, (ws.as_bytes(), incarnation.as_bytes()))
    }

    /// Notes the relay's address.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn set_relay(&self, ws: WorkspaceId, relay: &str) -> Result<(), StoreError> {
        self.change_one("workspace", "UPDATE workspace SET relay = ?2 WHERE id = ?1", (ws.as_bytes(), relay))
    }

    /// Notes how far joining got.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn set_workspace_state(&self, ws: WorkspaceId, state: u8) -> Result<(), StoreError> {
        let sql = "UPDATE workspace SET state = ?2 WHERE id = ?1";
        self.change_one("workspace", sql, (ws.as_bytes(), state))
    }

    /// Forgets a workspace: its log, bodies, chains, keys, small values and intents. Evidence stays.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`]; [`StoreError::WrongState`] while documents belong to it: make them local first, so
    /// that forgetting a workspace never takes anyone's work along.
    pub fn delete_workspace(&self, ws: WorkspaceId) -> Result<(), StoreError> {
        let sql = "SELECT n FROM doc WHERE ws = ?1 LIMIT 1";
        if self.one(sql, [ws.as_bytes()], |_| Ok(()))?.is_some() {
            return Err(StoreError::WrongState("documents still belong to this workspace"));
        }
        self.change_one("workspace", "DELETE FROM workspace WHERE id = ?1", [ws.as_bytes()])
    }

    /// Keeps a small value under `name` for a workspace, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such workspace.
    pub fn put_state(&self, ws: WorkspaceId, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO state (ws, name, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (ws, name) DO UPDATE SET value = excluded.value";
        self.change(sql, (ws.as_bytes(), name, value)).map(drop)
    }

    /// Removes what is under `name` for a workspace, if anything.
    pub fn delete_state(&self, ws: WorkspaceId, name: &str) -> Result<(), StoreError> {
        self.change("DELETE FROM state WHERE ws = ?1 AND name = ?2", (ws.as_bytes(), name)).map(drop)
    }
}
