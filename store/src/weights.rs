//! `weight`: what each user has written of each document of a workspace, as its log counts it.

use bowline_wire::ids::{UserId, WireDoc, WorkspaceId};
use bowline_wire::weight::Written;
use rusqlite::params;

use crate::column::{id, int, number};
use crate::{Reader, StoreError, Tx};

impl Reader<'_> {
    /// Every sum of a workspace, ordered by document and user.
    pub fn weights(&self, ws: WorkspaceId) -> Result<Vec<Written>, StoreError> {
        let sql = "SELECT wire, user, sum FROM weight WHERE ws = ?1 ORDER BY wire, user";
        self.all(sql, [ws.as_bytes()], |row| {
            let (doc, user) = (id(row, 0, WireDoc::from_bytes)?, id(row, 1, UserId::from_bytes)?);
            Ok(Written { doc, user, sum: number(row, 2)? })
        })
    }
}

impl Tx<'_> {
    /// Notes what a user has written of a document.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such workspace.
    pub fn put_weight(&self, ws: WorkspaceId, written: &Written) -> Result<(), StoreError> {
        let sql = "INSERT INTO weight (ws, wire, user, sum) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (ws, wire, user) DO UPDATE SET sum = excluded.sum";
        let (doc, user) = (written.doc.as_bytes(), written.user.as_bytes());
        self.change(sql, params![ws.as_bytes(), doc, user, int(written.sum)?]).map(drop)
    }
}
