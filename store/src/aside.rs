//! `aside`: what is only here of documents, beside what their workspaces have of them.

use bowline_wire::ids::{DocId, WireDoc, WorkspaceId};
use rusqlite::params;

use crate::{DocN, Reader, StoreError, Tx};

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

    /// Puts all there is of a local document beside another one, which a workspace's log knows by the local one's id and of which
    /// nothing is only here. That one has the id here from then on, and the local one is gone.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`]; [`StoreError::AlreadyThere`] if the id is another document's, or something is only here.
    pub fn join_aside(&self, local: DocN, there: DocN) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO aside (doc, bytes) SELECT ?2, bytes FROM base WHERE doc = ?1",
            (local, there),
        )?;
        let sql =
            "UPDATE change SET doc = ?2, ws = (SELECT ws FROM doc WHERE n = ?2), entry = NULL, aside = 1
                   WHERE doc = ?1";
        self.change(sql, (local, there))?;
        self.delete_doc(local)?;
        let sql = "UPDATE doc SET id = coalesce(log_id, id), log_id = NULL, only_here = -1, rev = rev + 1 WHERE n = ?1";
        self.change_one("document", sql, [there])
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

    /// Notes that something is only here of a document which was not compared yet with what its workspace has.
    pub fn set_uncounted(&self, n: DocN) -> Result<(), StoreError> {
        self.change("UPDATE doc SET only_here = -1 WHERE n = ?1", [n]).map(drop)
    }

    /// Forgets what is only here of a document, because it is elsewhere by now.
    pub fn clear_aside(&self, n: DocN) -> Result<(), StoreError> {
        self.change("DELETE FROM aside WHERE doc = ?1", [n])?;
        self.change("DELETE FROM change WHERE doc = ?1 AND aside = 1", [n])?;
        self.change("UPDATE doc SET only_here = 0 WHERE n = ?1", [n]).map(drop)
    }
}
