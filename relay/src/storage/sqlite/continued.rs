//! Logs that go on under another key after a restore, and logs that are known to have lost entries.

use bowline_disk::{DatabaseError, database};
use bowline_wire::codec::{decode, encode};
use bowline_wire::draft::DRAFT;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogHash, Millis, Position, WorkspaceId};
use bowline_wire::successor::SaidSuccessor;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::Sqlite;
use super::columns::{signed, unsigned};
use super::committing::put_tip;
use crate::storage::{Continued, NO_LOG, NewLog, StorageError};

const SUCCESSORS: &str = "SELECT said FROM successor
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) ORDER BY n";

const CONTINUED_AT: &str = "SELECT ended FROM successor
    WHERE log = (SELECT n FROM log WHERE workspace = ?1) ORDER BY n DESC LIMIT 1";

/// Logs of another draft are not asked about: nobody is served them, and `restore` leaves them as they are.
pub(super) const IS_LACKING: &str =
    "SELECT EXISTS (SELECT 1 FROM log WHERE lacks IS NOT NULL AND draft = ?1)";

impl Sqlite {
    pub(super) fn read_successors(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<SaidSuccessor>, DatabaseError> {
        let unreadable = || DatabaseError::Damaged("a successor of a log cannot be read back".to_owned());
        let mut statement = self.connection.prepare_cached(SUCCESSORS)?;
        let mut rows = statement.query([workspace.as_bytes()])?;
        let mut said = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            said.push(decode(bytes).map_err(|_| unreadable())?);
        }
        Ok(said)
    }

    pub(super) fn read_continued_at(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<Position>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(CONTINUED_AT)?;
        Ok(statement.query_row([workspace.as_bytes()], |row| Ok(Position(unsigned(row, 0)?))).optional()?)
    }

    /// Makes a log without entries, with what says which lost log it begins again.
    pub(super) fn make_log(
        tx: &Transaction<'_>,
        workspace: WorkspaceId,
        made: &NewLog,
        now: Millis,
    ) -> Result<i64, StorageError> {
        let NewLog { secret, draft, begins_again } = made;
        let sql = "INSERT INTO log (workspace, secret, position, hash, content, control, created_at, appended_at, draft,
                                    has_parties)
                   VALUES (?1, ?2, 0, ?3, 0, 0, ?4, ?4, ?5, 1)";
        let hash = LogHash::ZERO;
        let params = (workspace.as_bytes(), secret.as_bytes(), hash.as_bytes(), signed(now.0)?, draft);
        let log = tx.prepare_cached(sql)?.insert(params)?;
        begins_again.iter().try_for_each(|successor| put_successor(tx, log, successor))?;
        Ok(log)
    }

    pub(super) fn continue_all(&mut self, logs: &[Continued]) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for continued in logs {
            continue_log(&tx, continued)?;
        }
        Ok(database::commit(tx)?)
    }

    pub(super) fn put_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "UPDATE log SET lacks = ?2 WHERE workspace = ?1";
        if tx.execute(sql, (workspace.as_bytes(), encode(head)))? == 0 {
            return Err(NO_LOG);
        }
        Ok(database::commit(tx)?)
    }

    pub(super) fn is_lacking(&self) -> Result<bool, DatabaseError> {
        Ok(self.connection.prepare_cached(IS_LACKING)?.query_row([DRAFT], |row| row.get(0))?)
    }
}

fn continue_log(tx: &Transaction<'_>, continued: &Continued) -> Result<(), StorageError> {
    let Continued { workspace, secret, successors, tips } = continued;
    let sql = "UPDATE log SET secret = ?2, lacks = NULL WHERE workspace = ?1 RETURNING n";
    let params = (workspace.as_bytes(), secret.as_bytes());
    let log: i64 = tx.query_row(sql, params, |row| row.get(0)).optional()?.ok_or(NO_LOG)?;
    successors.iter().try_for_each(|successor| put_successor(tx, log, successor))?;
    tips.iter().try_for_each(|(chain, tip)| put_tip(tx, log, chain, tip))
}

/// Adds a successor to those of a log, which goes on under another key behind what it has now.
fn put_successor(tx: &Transaction<'_>, log: i64, successor: &SaidSuccessor) -> Result<(), StorageError> {
    let sql = "INSERT INTO successor (log, n, said, ended)
               VALUES (?1, (SELECT count(*) FROM successor WHERE log = ?1), ?2,
                       (SELECT position FROM log WHERE n = ?1))";
    tx.execute(sql, (log, encode(successor)))?;
    Ok(())
}
