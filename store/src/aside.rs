//! `aside`: what is only here of documents, beside what their workspaces have of them.

use bowline_wire::ids::{DocId, WireDoc, WorkspaceId};
use rusqlite::{Row, params};

use crate::column::int;
use crate::{DocN, Reader, StoreError, Tx};

/// How much of a document is only here, beside what its workspace has of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlyHere {
    /// Nothing is beside what the workspace has.
    #[default]
    Nothing,
    /// There is something, and it was not compared with what the workspace has yet.
    Uncounted,
    /// That many things a person would count, as entries or files.
    Parts(u64),
}

impl OnlyHere {
    /// Whether there is anything beside what the workspace has.
    pub fn is_some(self) -> bool {
        self != Self::Nothing
    }

    pub(crate) fn to_column(self) -> Result<i64, StoreError> {
        match self {
            Self::Nothing => Ok(0),
            Self::Uncounted => Ok(-1),
            Self::Parts(parts) => int(parts),
        }
    }

    pub(crate) fn from_column(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        let number: i64 = row.get(index)?;
        Ok(match u64::try_from(number) {
            Ok(0) => Self::Nothing,
            Ok(parts) => Self::Parts(parts),
            Err(_) => Self::Uncounted,
        })
    }
}

impl Reader<'_> {
    /// The documents of which something is only here that was not compared yet with what their workspaces have.
    pub fn docs_uncounted(&self) -> Result<Vec<DocN>, StoreError> {
        self.all("SELECT n FROM doc WHERE only_here = -1 ORDER BY n", [], |row| row.get(0))
    }

    /// The saved form of what is only here of a document, beside what its workspace has; `None` if nothing was saved.
    pub fn aside(&self, doc: DocN) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT bytes FROM aside WHERE doc = ?1", [doc], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Puts a local document where a workspace's log has one, under the id it has there: all there is of it so far is only here
    /// from now on, beside what the workspace has.
    ///
    /// # Errors
    /// As of [`Tx::set_doc_workspace`].
    pub fn set_aside(
        &self,
        n: DocN,
        (ws, log_id): (WorkspaceId, DocId),
        wire: Option<WireDoc>,
    ) -> Result<(), StoreError> {
        self.set_doc_workspace(n, Some(ws), wire)?;
        let sql = "UPDATE doc SET log_id = nullif(?2, id) WHERE n = ?1";
        self.change(sql, params![n, log_id.as_bytes()])?;
        self.change("INSERT INTO aside (doc, bytes) SELECT doc, bytes FROM base WHERE doc = ?1", [n])?;
        self.change("DELETE FROM base WHERE doc = ?1", [n])?;
        self.change("UPDATE change SET aside = 1 WHERE doc = ?1", [n])?;
        self.change("UPDATE doc SET only_here = -1, rev = rev + 1 WHERE n = ?1", [n]).map(drop)
    }

    /// Makes what is only here of a document all there is of another one, which was inserted for that.
    pub fn move_aside(&self, n: DocN, to: DocN) -> Result<(), StoreError> {
        self.change("INSERT INTO base (doc, bytes) SELECT ?2, bytes FROM aside WHERE doc = ?1", (n, to))?;
        self.change(
            "UPDATE change SET doc = ?2, ws = NULL, aside = 0 WHERE doc = ?1 AND aside = 1",
            (n, to),
        )?;
        self.clear_aside(n)?;
        self.change("UPDATE doc SET rev = rev + 1 WHERE n = ?1", [n]).map(drop)
    }

    /// Forgets what is only here of a document, because it is elsewhere by now.
    pub fn clear_aside(&self, n: DocN) -> Result<(), StoreError> {
        self.change("DELETE FROM aside WHERE doc = ?1", [n])?;
        self.change("DELETE FROM change WHERE doc = ?1 AND aside = 1", [n])?;
        self.change("UPDATE doc SET only_here = 0 WHERE n = ?1", [n]).map(drop)
    }
}
