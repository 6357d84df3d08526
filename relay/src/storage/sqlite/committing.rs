//! One log's share of a commit, in the transaction of all of it.

use bowline_wire::codec::encode;
use bowline_wire::ids::{ChainKey, Millis, Position};
use bowline_wire::log::ChainTip;
use bowline_wire::weight::Written;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction};

use super::Sqlite;
use super::columns::{signed, unsigned};
use crate::storage::{LogCommit, NO_LOG, Row, StorageError, Usage};

impl Sqlite {
    /// Stores one log's share of a commit.
    pub(super) fn store(tx: &Transaction<'_>, commit: &LogCommit, now: Millis) -> Result<(), StorageError> {
        let (log, position, mut usage) = find_or_make(tx, commit, now)?;
        for (chain, tip) in &commit.tips {
            put_tip(tx, log, chain, tip)?;
        }
        for Written { doc, user, sum } in &commit.weights {
            let sql = "INSERT INTO weight (log, wire, user, sum) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (log, wire, user) DO UPDATE SET sum = excluded.sum";
            tx.prepare_cached(sql)?.execute((log, doc.as_bytes(), user.as_bytes(), signed(*sum)?))?;
        }
        for said in &commit.holdings {
            let sql = "INSERT INTO holding (log, device, said) VALUES (?1, ?2, ?3)
                       ON CONFLICT (log, device) DO UPDATE SET said = excluded.said";
            tx.prepare_cached(sql)?.execute((log, said.device.as_bytes(), encode(said)))?;
        }
        if let Some(checkpoints) = &commit.checkpoints {
            let sql = "UPDATE log SET checkpoints = ?2 WHERE n = ?1";
            tx.prepare_cached(sql)?.execute((log, encode(checkpoints)))?;
        }
        Self::put_parties(tx, log, &commit.parties)?;
        let mut expected = position;
        for row in &commit.rows {
            expected = expected.next();
            if row.position != expected {
                return Err(StorageError::Misuse("the rows do not continue the log"));
            }
            usage.add(&row.entry);
            insert(tx, log, row)?;
        }
        if let Some(last) = commit.rows.last() {
            let sql =
                "UPDATE log SET position = ?2, hash = ?3, content = ?4, control = ?5, appended_at = ?6, time = ?7
                       WHERE n = ?1";
            let usage = (signed(usage.content)?, signed(usage.control)?);
            let (position, time) = (signed(last.position.0)?, signed(last.time.millis().0)?);
            let params = (log, position, last.hash.as_bytes(), usage.0, usage.1, signed(now.0)?, time);
            tx.prepare_cached(sql)?.execute(params)?;
        }
        Ok(())
    }
}

/// Stores the tip of a chain, in place of the one before.
pub(super) fn put_tip(
    tx: &Transaction<'_>,
    log: i64,
    chain: &ChainKey,
    tip: &ChainTip,
) -> Result<(), StorageError> {
    let sql = "INSERT INTO chain (log, device, incarnation, lane, tip) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (log, device, incarnation, lane) DO UPDATE SET tip = excluded.tip";
    let (device, incarnation) = (chain.device.as_bytes(), chain.incarnation.as_bytes());
    tx.prepare_cached(sql)?.execute((log, device, incarnation, chain.lane.number(), encode(tip)))?;
    Ok(())
}

/// Finds the log that a commit is for, or makes it: its row, its position, and what its entries take.
fn find_or_make(
    tx: &Transaction<'_>,
    commit: &LogCommit,
    now: Millis,
) -> Result<(i64, Position, Usage), StorageError> {
    let sql = "SELECT n, position, content, control FROM log WHERE workspace = ?1";
    let read = |row: &SqlRow<'_>| {
        let usage = Usage { content: unsigned(row, 2)?, control: unsigned(row, 3)? };
        Ok((row.get(0)?, Position(unsigned(row, 1)?), usage))
    };
    let found = tx.prepare_cached(sql)?.query_row([commit.workspace.as_bytes()], read).optional()?;
    match (found, &commit.create) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(StorageError::Misuse("the log is there already")),
        (None, None) => Err(NO_LOG),
        (None, Some(_)) if commit.rows.is_empty() => Err(StorageError::Misuse("a log begins with an entry")),
        (None, Some(made)) => {
            let log = Sqlite::make_log(tx, commit.workspace, made, now)?;
            Ok((log, Position::START, Usage::default()))
        }
    }
}

fn insert(tx: &Transaction<'_>, log: i64, row: &Row) -> Result<(), StorageError> {
    let header = row.entry.header();
    let chain = header.chain();
    let sql = "SELECT n FROM chain WHERE log = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4";
    let params = (log, chain.device.as_bytes(), chain.incarnation.as_bytes(), chain.lane.number());
    let chain: Option<i64> = tx.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?;
    let chain = chain.ok_or(StorageError::Misuse("the tip of a row's chain is missing"))?;
    let sql = "INSERT INTO entry (log, position, type, chain, seq, hash, id, signature, header, body, time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let signed_header = row.entry.signed_header();
    tx.prepare_cached(sql)?.execute((
        log,
        signed(row.position.0)?,
        header.entry_type.number(),
        chain,
        signed(header.seq)?,
        row.hash.as_bytes(),
        row.entry.id().as_bytes(),
        signed_header.signature().as_bytes(),
        signed_header.bytes(),
        row.entry.body(),
        signed(row.time.millis().0)?,
    ))?;
    Ok(())
}
