//! Logs in one SQLite file.

mod census;
mod columns;
mod committing;
mod continued;
mod error;
mod parties;
mod schema;
mod states;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::BTreeSet;
use std::path::Path;

use bowline_disk::{DatabaseError, database};
use bowline_wire::codec::decode;
use bowline_wire::entry::{LoggedEntry, SignedEntry};
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{
    ChainKey, DeviceId, EntryId, Incarnation, Lane, LogHash, LogTime, Position, Signature, StateDigest,
    UserId, WireDoc, WorkspaceId,
};
use bowline_wire::log::{ChainTip, Run};
use bowline_wire::signed::Signed;
use bowline_wire::weight::Written;
use rusqlite::{Connection, OptionalExtension, Params, Row as SqlRow, TransactionBehavior};

pub use self::census::{Deleted, WorkspaceStats};
use self::columns::{at, checkpoints, letting_go, log_time, unsigned};
use crate::clock::wall;
use crate::keys::LogSecret;
use crate::storage::{
    Admission, Budget, Continued, LettingGo, LogCommit, Page, Storage, StorageError, StoredLog, Swept, Usage,
    framed_size,
};

const READ: &str = "SELECT position, signature, header, body, time FROM entry
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position > ?2 ORDER BY position";

const READ_ROSTER: &str = "SELECT position, signature, header, body, time FROM entry
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position > ?2 AND type = 16 ORDER BY position";

const POSITION_OF: &str = "SELECT position FROM entry
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND id = ?2 ORDER BY position LIMIT 1";

const HASH_AT: &str = "SELECT hash FROM entry
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position = ?2";

const HEADER_AT: &str = "SELECT header, signature FROM entry
    WHERE chain = (SELECT chain.n FROM chain JOIN log ON log.n = chain.log
    WHERE workspace = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4)
    AND seq = ?5
    ORDER BY position LIMIT 1";

const TIPS: &str = "SELECT device, incarnation, lane, tip FROM chain
    WHERE log = (SELECT n FROM log WHERE workspace = ?1)";

const WEIGHTS: &str = "SELECT wire, user, sum FROM weight
    WHERE log = (SELECT n FROM log WHERE workspace = ?1)";

const HOLDINGS: &str = "SELECT said FROM holding
    WHERE log = (SELECT n FROM log WHERE workspace = ?1)";

const LOST_BODIES: &str = "SELECT position FROM entry
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position > ?2 AND body IS NULL ORDER BY position LIMIT ?3";

const PUT_BODY: &str = "UPDATE entry SET body = ?3
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position = ?2";

/// The database of one relay. Signing keys of logs are in it, so the file is as secret as they are.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    /// Logs of before there was a table of parties, of which it cannot be said who is in them: they are damaged.
    unreadable: BTreeSet<WorkspaceId>,
}

impl Sqlite {
    /// Opens the database at `path` for serving, makes it (0600) if it is not there, and brings an older one up to
    /// date. The caller makes sure that no other process does the same.
    ///
    /// # Errors
    /// [`DatabaseError::NewerVersion`] and [`DatabaseError::NotOurs`] leave the file untouched.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Self::from_connection(database::open(path)?)
    }

    /// Opens an existing database for reading, also while a relay serves it.
    pub fn open_for_reading(path: &Path) -> Result<Self, DatabaseError> {
        let connection = database::open_for_reading(path)?;
        schema::prepare_for_reading(&connection)?;
        Ok(Self { connection, unreadable: BTreeSet::new() })
    }

    /// Whether a version has opened the database for writing that gave relays an identity beside their certificate's key.
    pub(crate) fn has_had_an_identity(&self) -> bool {
        schema::has_had_an_identity(&self.connection)
    }

    /// Copies the database, as it is at one moment, into a file that is made for it (0600). Durable once this has returned.
    ///
    /// # Errors
    /// [`DatabaseError::NotCreated`] if there is something of that name; [`DatabaseError::Busy`] if the database is not let go of.
    pub fn copy_to(&self, path: &Path) -> Result<(), DatabaseError> {
        drop(bowline_disk::file::create(path).map_err(DatabaseError::NotCreated)?);
        let mut copy = database::open(path)?;
        database::copy(&self.connection, &mut copy)
    }

    /// A database that lives as long as this value.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Self::from_connection(Connection::open_in_memory()?)
    }

    fn from_connection(mut connection: Connection) -> Result<Self, DatabaseError> {
        schema::prepare(&mut connection)?;
        let mut opened = Self { connection, unreadable: BTreeSet::new() };
        // It is gone for everybody already and only takes space, so this may fail.
        if let Err(error) = opened.finish_deleting() {
            tracing::warn!(%error, "a workspace could not be deleted to the end; it is tried again at the next start");
        }
        // Nobody comes into such a log until then; the others are served.
        if let Err(error) = opened.complete_parties() {
            tracing::warn!(%error, "who is in a log of an earlier version cannot be stored; it is tried again at the next start");
        }
        Ok(opened)
    }

    /// Reads every page and checks every index and reference. Takes time in proportion to the file.
    ///
    /// # Errors
    /// [`DatabaseError::Damaged`] with the first thing found.
    pub fn integrity_check(&self) -> Result<(), DatabaseError> {
        database::check_integrity(&self.connection)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&SqlRow<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, DatabaseError> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    fn page(
        &self,
        sql: &str,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, DatabaseError> {
        // A database of an earlier version that is only read has no times, and its logs have none.
        let timeless = (!self.has_times()?).then(|| sql.replace(", time FROM", ", NULL FROM"));
        let mut statement = self.connection.prepare_cached(timeless.as_deref().unwrap_or(sql))?;
        let mut rows = statement.query((workspace.as_bytes(), at(after)))?;
        let mut page = Page::default();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let position = Position(unsigned(row, 0)?);
            let header = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let body = row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            bytes += framed_size(header.len(), body.map_or(0, <[u8]>::len));
            let is_full = page.entries.len() >= budget.entries || bytes > budget.bytes;
            if is_full && !page.entries.is_empty() {
                page.more = true;
                break;
            }
            let header = Signed::from_parts(header.to_vec(), Signature::from_bytes(row.get(1)?));
            let entry = SignedEntry::from_parts(header, body.map(<[u8]>::to_vec));
            page.entries.push((position, LoggedEntry { time: log_time(row, 4)?, entry }));
        }
        Ok(page)
    }

    fn has_times(&self) -> Result<bool, DatabaseError> {
        let sql = "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'time'";
        Ok(self.connection.prepare_cached(sql)?.query_row((), |row| row.get::<_, i64>(0))? > 0)
    }

    fn read_weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(WEIGHTS)?;
        let read = |row: &SqlRow<'_>| {
            let (doc, user) = (WireDoc::from_bytes(row.get(0)?), UserId::from_bytes(row.get(1)?));
            Ok(Written { doc, user, sum: unsigned(row, 2)? })
        };
        Ok(statement.query_map([workspace.as_bytes()], read)?.collect::<Result<_, _>>()?)
    }

    fn read_tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, DatabaseError> {
        let unreadable = || DatabaseError::Damaged("the tip of a chain cannot be read back".to_owned());
        let mut statement = self.connection.prepare_cached(TIPS)?;
        let mut rows = statement.query([workspace.as_bytes()])?;
        let mut tips = Vec::new();
        while let Some(row) = rows.next()? {
            let chain = ChainKey {
                device: DeviceId::from_bytes(row.get(0)?),
                incarnation: Incarnation::from_bytes(row.get(1)?),
                lane: Lane::from_number(row.get(2)?).ok_or_else(unreadable)?,
            };
            let tip = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
            tips.push((chain, decode(tip).map_err(|_| unreadable())?));
        }
        Ok(tips)
    }
}

impl Sqlite {
    fn read_lost(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, DatabaseError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(LOST_BODIES)?;
        let mut rows = statement.query((workspace.as_bytes(), at(after), limit))?;
        let mut lost = Vec::new();
        while let Some(row) = rows.next()? {
            lost.push(Position(unsigned(row, 0)?));
        }
        Ok(lost)
    }

    fn read_holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, DatabaseError> {
        let unreadable = || DatabaseError::Damaged("what a device holds cannot be read back".to_owned());
        let mut statement = self.connection.prepare_cached(HOLDINGS)?;
        let mut rows = statement.query([workspace.as_bytes()])?;
        let mut holdings = Vec::new();
        while let Some(row) = rows.next()? {
            let said = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            holdings.push(decode(said).map_err(|_| unreadable())?);
        }
        Ok(holdings)
    }
}

impl Storage for Sqlite {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        let sql =
            "SELECT secret, position, hash, content, control, draft, time, lacks IS NOT NULL, checkpoints, letting_go, swept
                   FROM log WHERE workspace = ?1";
        let successors = self.read_successors(workspace)?;
        Ok(self.one(sql, [workspace.as_bytes()], |row| {
            Ok(StoredLog {
                secret: LogSecret::from_bytes(row.get(0)?),
                draft: row.get(5)?,
                position: Position(unsigned(row, 1)?),
                time: log_time(row, 6)?,
                hash: LogHash::from_bytes(row.get(2)?),
                usage: Usage { content: unsigned(row, 3)?, control: unsigned(row, 4)? },
                is_lost: row.get(7)?,
                successors,
                checkpoints: checkpoints(row, 8)?,
                letting_go: letting_go(row, 9, 10)?,
            })
        })?)
    }

    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError> {
        self.read_admission(workspace, party)
    }

    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError> {
        Ok(self.read_recovered(device, limit)?)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        let now = wall();
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut seen = BTreeSet::new();
        for commit in batch {
            if !seen.insert(commit.workspace) {
                return Err(StorageError::Misuse("a log is twice in one batch"));
            }
            Self::store(&tx, commit, now)?;
        }
        Ok(database::commit(tx)?)
    }

    fn check_writable(&mut self) -> Result<(), StorageError> {
        self.try_out()
    }

    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        Ok(self.page(READ, workspace, after, budget)?)
    }

    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError> {
        Ok(self.page(READ_ROSTER, workspace, after, budget)?)
    }

    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError> {
        let params = (workspace.as_bytes(), id.as_bytes());
        Ok(self.one(POSITION_OF, params, |row| unsigned(row, 0).map(Position))?)
    }

    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError> {
        let params = (workspace.as_bytes(), at(position));
        Ok(self.one(HASH_AT, params, |row| row.get(0).map(LogHash::from_bytes))?)
    }

    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        let params = (
            workspace.as_bytes(),
            chain.device.as_bytes(),
            chain.incarnation.as_bytes(),
            chain.lane.number(),
            at(Position(seq)),
        );
        Ok(self.one(HEADER_AT, params, |row| {
            let header = Signed::from_parts(row.get(0)?, Signature::from_bytes(row.get(1)?));
            Ok(SignedEntry::from_parts(header, None))
        })?)
    }

    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError> {
        Ok(self.read_holdings(workspace)?)
    }

    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError> {
        Ok(self.read_lost(workspace, after, limit)?)
    }

    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (position, body) in bodies {
            let params = (workspace.as_bytes(), at(*position), body);
            if tx.prepare_cached(PUT_BODY)?.execute(params)? == 0 {
                return Err(StorageError::Misuse("there is no entry for a body"));
            }
        }
        Ok(database::commit(tx)?)
    }

    fn continue_logs(&mut self, logs: &[Continued]) -> Result<(), StorageError> {
        self.continue_all(logs)
    }

    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError> {
        Ok(self.read_continued_at(workspace)?)
    }

    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        self.put_lost(workspace, head)
    }

    fn has_lost(&self) -> Result<bool, StorageError> {
        Ok(self.is_lacking()?)
    }

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        Ok(self.read_tips(workspace)?)
    }

    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError> {
        Ok(self.read_weights(workspace)?)
    }

    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError> {
        self.put_piece(workspace, piece)
    }

    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError> {
        Ok(self.read_piece(workspace, digest, offset)?)
    }

    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError> {
        self.drop_pieces(workspace, but)
    }

    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError> {
        Ok(self.read_ids(workspace, runs)?)
    }

    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError> {
        self.put_letting_go(workspace, by)
    }

    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        self.sweep(workspace, by)
    }

    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        Ok(self.read_unswept()?)
    }

    fn give_some_back(&mut self) -> Result<bool, StorageError> {
        if self.free_pages()? == 0 {
            return Ok(false);
        }
        let is_more = self.give_pages_back()?;
        if !is_more {
            self.shorten_file()?;
        }
        Ok(is_more)
    }
}

/// The index of roster entries knows their type by its number.
const _: () = assert!(EntryType::Roster.number() == 16);
