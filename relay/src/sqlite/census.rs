//! What an operator may ask of the database and do to it: counting, and deleting a workspace.

use bowline_wire::ids::{Millis, WorkspaceId};
use rusqlite::TransactionBehavior;

use super::{DatabaseError, Sqlite, unsigned};
use crate::storage::Usage;

/// What one workspace has here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceStats {
    /// Which.
    pub workspace: WorkspaceId,
    /// Devices that have written to it, removed ones included.
    pub devices: u64,
    /// Entries in the content lane.
    pub content_entries: u64,
    /// Entries in the control lane.
    pub control_entries: u64,
    /// Bytes of its entries.
    pub usage: Usage,
    /// When it was made here.
    pub created: Millis,
    /// When something was last appended.
    pub appended: Millis,
}

/// What deleting a workspace removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Entries.
    pub entries: u64,
    /// Bytes by which the database file became smaller.
    pub freed: u64,
    /// Somebody was reading the database all the while, so what was deleted is still in its files until everybody has
    /// closed them.
    pub is_read_elsewhere: bool,
}

impl Sqlite {
    /// Every workspace, the one most recently appended to first. Reads an index entry of every entry.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceStats>, DatabaseError> {
        let sql = "SELECT workspace, content, control, created_at, appended_at,
                          (SELECT count(DISTINCT device) FROM chain WHERE chain.log = log.n),
                          (SELECT count(*) FROM entry JOIN chain ON entry.chain = chain.n
                           WHERE chain.log = log.n AND lane = 1),
                          (SELECT count(*) FROM entry JOIN chain ON entry.chain = chain.n
                           WHERE chain.log = log.n AND lane = 0)
                   FROM log ORDER BY appended_at DESC, n";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map((), |row| {
            Ok(WorkspaceStats {
                workspace: WorkspaceId::from_bytes(row.get(0)?),
                usage: Usage { content: unsigned(row, 1)?, control: unsigned(row, 2)? },
                created: Millis(unsigned(row, 3)?),
                appended: Millis(unsigned(row, 4)?),
                devices: unsigned(row, 5)?,
                content_entries: unsigned(row, 6)?,
                control_entries: unsigned(row, 7)?,
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
    /// there it is as gone as a deleted file.
    pub fn delete(&mut self, workspace: WorkspaceId) -> Result<Option<Deleted>, DatabaseError> {
        let before = self.file_bytes()?;
        let Some(entries) = self.erase(workspace)? else { return Ok(None) };
        // The zeros go to the file before it is cut: pages that are cut off are not written any more.
        let mut is_read_elsewhere = !self.empty_journal()?;
        // Frees one page for every step.
        let mut vacuum = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut steps = vacuum.query(())?;
        while steps.next()?.is_some() {}
        drop(steps);
        drop(vacuum);
        is_read_elsewhere |= !self.empty_journal()?;
        let freed = before.saturating_sub(self.file_bytes()?);
        Ok(Some(Deleted { entries, freed, is_read_elsewhere }))
    }

    /// Puts zeros in the place of a workspace, as far as the write-ahead log; gives how many entries it had.
    pub(super) fn erase(&mut self, workspace: WorkspaceId) -> Result<Option<u64>, DatabaseError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let log = "(SELECT n FROM log WHERE workspace = ?1)";
        let entries = tx.execute(&format!("DELETE FROM entry WHERE log = {log}"), [workspace.as_bytes()])?;
        tx.execute(&format!("DELETE FROM chain WHERE log = {log}"), [workspace.as_bytes()])?;
        let logs = tx.execute("DELETE FROM log WHERE workspace = ?1", [workspace.as_bytes()])?;
        tx.commit()?;
        Ok((logs > 0).then(|| u64::try_from(entries).unwrap_or(u64::MAX)))
    }

    /// Moves all of the write-ahead log into the database file and cuts it to nothing; `false` if somebody is reading it.
    pub(super) fn empty_journal(&self) -> Result<bool, DatabaseError> {
        let blocked: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(blocked == 0)
    }
}
