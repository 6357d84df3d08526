//! What an operator may ask of the database and do to it: counting, and deleting a workspace.

use bowline_disk::DatabaseError;
use bowline_wire::ids::{Millis, WorkspaceId};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::Sqlite;
use super::columns::unsigned;
use crate::storage::Usage;

/// The id of a log that is being deleted. No workspace has it: an id is a hash.
pub(super) const DELETING: WorkspaceId = WorkspaceId::ZERO;

/// Bytes of entries that are deleted in one transaction. As many zeros go to the write-ahead log, and on a full disk, where
/// workspaces are deleted, it can hardly grow.
pub(super) const BYTES_AT_ONCE: u64 = 4 * 1024 * 1024;

/// Entries that are deleted in one transaction: each may be on a page of its own in every index.
pub(super) const ENTRIES_AT_ONCE: usize = 1024;

/// Pages of 4 KiB given back in one transaction: as many others are moved to their places, and go to the write-ahead log.
const PAGES_AT_ONCE: i64 = 1024;

/// What one workspace has here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceStats {
    /// The workspace's id.
    pub workspace: WorkspaceId,
    /// How many devices have written to it, removed ones included.
    pub devices: u64,
    /// How many entries the content lane has.
    pub content_entries: u64,
    /// How many entries the control lane has.
    pub control_entries: u64,
    /// Bytes that its entries take.
    pub usage: Usage,
    /// The draft of the protocol that its log is written in; 0 if it was made before drafts were counted.
    pub draft: u16,
    /// When it was made here.
    pub created: Millis,
    /// When something was last appended.
    pub appended: Millis,
}

/// What deleting a workspace removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many entries were deleted.
    pub entries: u64,
    /// Bytes by which the database file became smaller.
    pub freed: u64,
    /// Whether somebody was reading the database all the while: what was deleted is then still in its files until
    /// everybody has closed them.
    pub is_read_elsewhere: bool,
}

impl Sqlite {
    /// Every workspace, the one most recently appended to first. Reads an index entry of every entry.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceStats>, DatabaseError> {
        // A database that no relay of this version has opened for serving yet has logs of draft 0 alone.
        let has_drafts = "SELECT count(*) > 0 FROM pragma_table_info('log') WHERE name = 'draft'";
        let draft = if self.connection.query_row(has_drafts, (), |row| row.get(0))? { "draft" } else { "0" };
        let sql = format!(
            "SELECT workspace, content, control, created_at, appended_at,
                          (SELECT count(DISTINCT device) FROM chain WHERE chain.log = log.n),
                          (SELECT count(*) FROM entry JOIN chain ON entry.chain = chain.n
                           WHERE chain.log = log.n AND lane = 1),
                          (SELECT count(*) FROM entry JOIN chain ON entry.chain = chain.n
                           WHERE chain.log = log.n AND lane = 0),
                   {draft}
                   FROM log WHERE workspace <> ?1 ORDER BY appended_at DESC, n"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([DELETING.as_bytes()], |row| {
            Ok(WorkspaceStats {
                workspace: WorkspaceId::from_bytes(row.get(0)?),
                usage: Usage { content: unsigned(row, 1)?, control: unsigned(row, 2)? },
                created: Millis(unsigned(row, 3)?),
                appended: Millis(unsigned(row, 4)?),
                devices: unsigned(row, 5)?,
                content_entries: unsigned(row, 6)?,
                control_entries: unsigned(row, 7)?,
                draft: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Bytes of the database file, without what is still in the write-ahead log.
    pub fn file_bytes(&self) -> Result<u64, DatabaseError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        Ok(self.connection.query_row(sql, (), |row| unsigned(row, 0))?)
    }

    /// Deletes a workspace's log with its signing key and gives the space back; `None` if there is no such workspace.
    /// In the database file what was deleted is overwritten with zeros; its write-ahead log is cut to nothing, so that
    /// there it is as gone as a deleted file. Needs little room, since it is for full disks. What is begun and not
    /// finished is gone for everybody, and finished when the database is opened for writing.
    pub fn delete(&mut self, workspace: WorkspaceId) -> Result<Option<Deleted>, DatabaseError> {
        self.finish_deleting()?;
        let before = self.file_bytes()?;
        if !self.begin_deleting(workspace)? {
            return Ok(None);
        }
        let (entries, is_read_elsewhere) = self.finish_deleting()?;
        let freed = before.saturating_sub(self.file_bytes()?);
        Ok(Some(Deleted { entries, freed, is_read_elsewhere }))
    }

    /// Takes a workspace's log away from everybody. Returns `false` if there is no such workspace.
    pub(super) fn begin_deleting(&mut self, workspace: WorkspaceId) -> Result<bool, DatabaseError> {
        let sql = "UPDATE log SET workspace = ?2, secret = zeroblob(32) WHERE workspace = ?1";
        Ok(self.connection.execute(sql, (workspace.as_bytes(), DELETING.as_bytes()))? > 0)
    }

    /// Deletes what [`Sqlite::begin_deleting`] took away and gives its space back. Returns how many entries that were, and
    /// whether they are still in files that somebody reads.
    pub(super) fn finish_deleting(&mut self) -> Result<(u64, bool), DatabaseError> {
        let (mut entries, mut is_any) = (0, false);
        while let Some(some) = self.delete_some()? {
            is_any = true;
            entries += some;
        }
        if !is_any {
            return Ok((0, false));
        }
        // The zeros go to the file before it is cut: pages that are cut off are not written any more.
        let mut is_read_elsewhere = !self.empty_journal()?;
        self.give_back()?;
        is_read_elsewhere |= !self.empty_journal()?;
        Ok((entries, is_read_elsewhere))
    }

    /// Overwrites some entries of the log that is being deleted, and the log with the last of them. Returns how many entries
    /// that were; `None` if no log is being deleted. First entries go first, so that a log never lacks its last one while it is there.
    pub(super) fn delete_some(&mut self) -> Result<Option<u64>, DatabaseError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT n, position FROM log WHERE workspace = ?1";
        let found =
            tx.query_row(sql, [DELETING.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((log, end)): Option<(i64, i64)> = found else { return Ok(None) };
        let last = last_of_some(&tx, log)?.unwrap_or(end);
        let entries = tx.execute("DELETE FROM entry WHERE log = ?1 AND position <= ?2", (log, last))?;
        if last >= end {
            tx.execute("DELETE FROM party WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM state_piece WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM successor WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM weight WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM holding WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM chain WHERE log = ?1", [log])?;
            tx.execute("DELETE FROM log WHERE n = ?1", [log])?;
        }
        tx.commit()?;
        Ok(Some(u64::try_from(entries).unwrap_or(u64::MAX)))
    }

    /// Gives free pages back to the file system.
    fn give_back(&self) -> Result<(), DatabaseError> {
        while self.give_pages_back()? {}
        Ok(())
    }

    /// Gives some free pages back to the file system. Returns whether there are more that it takes.
    pub(super) fn give_pages_back(&self) -> Result<bool, DatabaseError> {
        let before = self.free_pages()?;
        let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
        let mut steps = vacuum.query(())?;
        // Frees one page for every step.
        while steps.next()?.is_some() {}
        let left = self.free_pages()?;
        Ok(left > 0 && left < before)
    }

    /// How many pages of the file hold nothing.
    pub(super) fn free_pages(&self) -> Result<u64, DatabaseError> {
        Ok(self.connection.query_row("PRAGMA freelist_count", (), |row| unsigned(row, 0))?)
    }

    /// Moves what nobody reads any more of the write-ahead log into the database file, which becomes shorter by it. Waits for nobody: a
    /// backup may read for minutes, and everybody else is served by the same thread.
    pub(super) fn shorten_file(&self) -> Result<(), DatabaseError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?)
    }

    /// Moves all of the write-ahead log into the database file and cuts it to nothing. Returns `false` if that is not
    /// possible because somebody is reading it.
    pub(super) fn empty_journal(&self) -> Result<bool, DatabaseError> {
        let blocked: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(blocked == 0)
    }
}

/// The position up to which a log's entries are few and small enough to be deleted at once; `None` if it has none.
fn last_of_some(tx: &Transaction<'_>, log: i64) -> Result<Option<i64>, DatabaseError> {
    let sql = "SELECT position, length(header) + ifnull(length(body), 0) FROM entry
               WHERE log = ?1 ORDER BY position LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query((log, i64::try_from(ENTRIES_AT_ONCE).unwrap_or(i64::MAX)))?;
    let (mut last, mut bytes) = (None, 0);
    while bytes < BYTES_AT_ONCE
        && let Some(row) = rows.next()?
    {
        last = Some(row.get(0)?);
        bytes += unsigned(row, 1)?;
    }
    Ok(last)
}
