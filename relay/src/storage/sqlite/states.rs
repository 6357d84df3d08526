//! States of logs, in the pieces in which they came, and entries that are let go by them.

use bowline_disk::{DatabaseError, database};
use bowline_wire::codec::encode;
use bowline_wire::frame::StatePiece;
use bowline_wire::ids::{EntryId, Lane, LogTime, Position, StateDigest, WorkspaceId};
use bowline_wire::log::Run;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::Sqlite;
use super::census::{BYTES_AT_ONCE, ENTRIES_AT_ONCE};
use super::columns::{at, log_time, signed, unsigned};
use crate::storage::{LettingGo, NO_LOG, StorageError, Swept, Usage, framed_size, stored_size};

/// Entries that are looked at in one transaction, whether they go or stay: reading their rows takes some ten milliseconds.
const LOOKED_AT_ONCE: usize = 8 * ENTRIES_AT_ONCE;

/// A log of this workspace, by its number.
fn log_of(tx: &Transaction<'_>, workspace: WorkspaceId) -> Result<i64, StorageError> {
    let sql = "SELECT n FROM log WHERE workspace = ?1";
    let found = tx.prepare_cached(sql)?.query_row([workspace.as_bytes()], |row| row.get(0)).optional()?;
    found.ok_or(NO_LOG)
}

impl Sqlite {
    pub(super) fn put_piece(
        &mut self,
        workspace: WorkspaceId,
        piece: &StatePiece,
    ) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let log = log_of(&tx, workspace)?;
        let digest = piece.digest.as_bytes();
        let sql = "SELECT ifnull(sum(length(bytes)), 0) FROM state_piece WHERE log = ?1 AND digest = ?2";
        let here = tx.prepare_cached(sql)?.query_row((log, digest), |row| unsigned(row, 0))?;
        if here != piece.offset {
            return Err(StorageError::Misuse("bytes of a state that do not follow those that are here"));
        }
        let sql = "INSERT INTO state_piece (log, digest, start, bytes) VALUES (?1, ?2, ?3, ?4)";
        tx.prepare_cached(sql)?.execute((log, digest, signed(piece.offset)?, &piece.bytes))?;
        Ok(database::commit(tx)?)
    }

    pub(super) fn read_piece(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, DatabaseError> {
        let sql = "SELECT start, bytes FROM state_piece
                   WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND digest = ?2 AND start <= ?3
                   ORDER BY start DESC LIMIT 1";
        let params = (workspace.as_bytes(), digest.as_bytes(), at(Position(offset)));
        let found = self.one(sql, params, |row| Ok((unsigned(row, 0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let Some((start, mut bytes)) = found else { return Ok(Vec::new()) };
        let skipped = usize::try_from(offset - start).unwrap_or(usize::MAX).min(bytes.len());
        bytes.drain(..skipped);
        Ok(bytes)
    }

    pub(super) fn drop_pieces(
        &mut self,
        workspace: WorkspaceId,
        but: Option<StateDigest>,
    ) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "DELETE FROM state_piece WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND digest IS NOT ?2";
        let but = but.map(|digest| *digest.as_bytes());
        tx.prepare_cached(sql)?.execute((workspace.as_bytes(), but))?;
        Ok(database::commit(tx)?)
    }

    pub(super) fn read_ids(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, DatabaseError> {
        let sql = "SELECT position, id, time FROM entry
                   WHERE log = (SELECT n FROM log WHERE workspace = ?1) AND position BETWEEN ?2 AND ?3
                   ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for Run { first, count } in runs {
            let last = Position(first.0.saturating_add(count - 1));
            let mut rows = statement.query((workspace.as_bytes(), at(*first), at(last)))?;
            while let Some(row) = rows.next()? {
                let id = EntryId::from_bytes(row.get(1)?);
                found.push((Position(unsigned(row, 0)?), id, log_time(row, 2)?));
            }
        }
        Ok(found)
    }

    pub(super) fn put_letting_go(
        &mut self,
        workspace: WorkspaceId,
        by: &LettingGo,
    ) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE log SET letting_go = ?2, floor = ?3, swept = 0 WHERE workspace = ?1";
        let params = (workspace.as_bytes(), encode(by), signed(by.floor().0)?);
        if tx.prepare_cached(sql)?.execute(params)? == 0 {
            return Err(NO_LOG);
        }
        Ok(database::commit(tx)?)
    }

    pub(super) fn sweep(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let log = log_of(&tx, workspace)?;
        let (gone, swept) = next_to_go(&tx, log, by)?;
        for position in gone {
            let sql = "DELETE FROM entry WHERE log = ?1 AND position = ?2";
            tx.prepare_cached(sql)?.execute((log, position))?;
        }
        let sql = "UPDATE log SET swept = ?2, content = max(content - ?3, 0), control = max(control - ?4, 0) WHERE n = ?1";
        let freed = (signed(swept.freed.content)?, signed(swept.freed.control)?);
        tx.prepare_cached(sql)?.execute((log, signed(swept.up_to.0)?, freed.0, freed.1))?;
        database::commit(tx)?;
        Ok(swept)
    }

    pub(super) fn read_unswept(&self) -> Result<Vec<WorkspaceId>, DatabaseError> {
        let sql = "SELECT workspace FROM log WHERE swept < floor";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map((), |row| row.get(0).map(WorkspaceId::from_bytes))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Positions of the next entries that go, few and small enough for one transaction, and how far that comes.
fn next_to_go(tx: &Transaction<'_>, log: i64, by: &LettingGo) -> Result<(Vec<i64>, Swept), StorageError> {
    let sql = "SELECT position, (SELECT lane FROM chain WHERE chain.n = entry.chain), length(header),
                      ifnull(length(body), 0)
               FROM entry WHERE log = ?1 AND position > ?2 AND position <= ?3 ORDER BY position";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query((log, at(by.swept), at(by.floor())))?;
    let (mut gone, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
    let mut swept = Swept { up_to: by.floor(), freed: Usage::default() };
    while let Some(row) = rows.next()? {
        let position = Position(unsigned(row, 0)?);
        looked_at += 1;
        let is_enough = gone.len() >= ENTRIES_AT_ONCE || bytes >= BYTES_AT_ONCE;
        if is_enough || looked_at > LOOKED_AT_ONCE {
            swept.up_to = Position(position.0 - 1);
            break;
        }
        if by.keeps(position) {
            continue;
        }
        let len =
            |index| Ok::<_, rusqlite::Error>(usize::try_from(unsigned(row, index)?).unwrap_or(usize::MAX));
        let (header, body) = (len(2)?, len(3)?);
        let lane = Lane::from_number(row.get(1)?).unwrap_or(Lane::Content);
        swept.freed.add_bytes(lane, stored_size(header, body));
        bytes += framed_size(header, body) as u64;
        gone.push(signed(position.0)?);
    }
    Ok((gone, swept))
}
