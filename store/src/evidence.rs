//! `evidence`: proof of what a relay or a member did. Never deleted, not even with its workspace.

use bowline_wire::ids::{Millis, WorkspaceId};
use rusqlite::params;

use crate::column::{int, millis};
use crate::{Reader, StoreError, Tx};

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The engine's number for what it proves.
    pub kind: u8,
    /// The signed bytes that anyone can check.
    pub what: Vec<u8>,
    /// When this device first held it.
    pub at: Millis,
}

impl Reader<'_> {
    /// Every proof about a workspace, oldest first.
    pub fn evidence(&self, ws: WorkspaceId) -> Result<Vec<EvidenceRow>, StoreError> {
        let sql = "SELECT kind, what, at FROM evidence WHERE ws = ?1 ORDER BY n";
        self.all(sql, [ws.as_bytes()], |row| {
            Ok(EvidenceRow { kind: row.get(0)?, what: row.get(1)?, at: millis(row, 2)? })
        })
    }
}

impl Tx<'_> {
    /// Keeps a proof. Returns `true` if it is new: the same bytes of the same kind are kept once, with the first time.
    pub fn insert_evidence(
        &self,
        ws: WorkspaceId,
        kind: u8,
        what: &[u8],
        at: Millis,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO evidence (ws, kind, what, at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (ws, kind, what) DO NOTHING";
        Ok(self.change(sql, params![ws.as_bytes(), kind, what, int(at.0)?])? == 1)
    }

    /// Puts a proof that needs nothing else in the place of one that needed the log. Its time and its place among the others stay; if the
    /// same is kept already, both stay.
    pub fn complete_evidence(
        &self,
        ws: WorkspaceId,
        row: &EvidenceRow,
        kind: u8,
        what: &[u8],
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE OR IGNORE evidence SET kind = ?4, what = ?5 WHERE ws = ?1 AND kind = ?2 AND what = ?3";
        self.change(sql, params![ws.as_bytes(), row.kind, row.what, kind, what]).map(drop)
    }
}
