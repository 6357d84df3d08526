//! `intent`: what a person decided about a workspace that its log does not show yet.

use std::fmt;

use bowline_wire::ids::{Millis, WorkspaceId};
use rusqlite::params;
use zeroize::Zeroizing;

use crate::column::{int, millis, row_number};
use crate::{Reader, StoreError, Tx};

row_number! {
    /// A row of `intent`.
    IntentN
}

/// One decision: an invite, a link, a removal.
#[derive(Clone, PartialEq, Eq)]
pub struct IntentRow {
    /// The decision's row.
    pub n: IntentN,
    /// The engine's number for what was decided.
    pub kind: u8,
    /// The engine's encoding of the decision. May hold an invite's secret, so it is wiped when dropped.
    pub value: Zeroizing<Vec<u8>>,
    /// When it was decided.
    pub created_at: Millis,
}

impl fmt::Debug for IntentRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("IntentRow");
        shown.field("n", &self.n).field("kind", &self.kind).field("created_at", &self.created_at);
        shown.finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// Everything decided about a workspace, in the order in which it was.
    pub fn intents(&self, ws: WorkspaceId) -> Result<Vec<IntentRow>, StoreError> {
        let sql = "SELECT n, kind, value, created_at FROM intent WHERE ws = ?1 ORDER BY n";
        self.all(sql, [ws.as_bytes()], |row| {
            Ok(IntentRow {
                n: row.get(0)?,
                kind: row.get(1)?,
                value: Zeroizing::new(row.get(2)?),
                created_at: millis(row, 3)?,
            })
        })
    }
}

impl Tx<'_> {
    /// Notes a decision.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such workspace.
    pub fn insert_intent(
        &self,
        ws: WorkspaceId,
        kind: u8,
        value: &[u8],
        created_at: Millis,
    ) -> Result<IntentN, StoreError> {
        let sql = "INSERT INTO intent (ws, kind, value, created_at) VALUES (?1, ?2, ?3, ?4)";
        self.insert(sql, params![ws.as_bytes(), kind, value, int(created_at.0)?]).map(IntentN)
    }

    /// Replaces what was noted.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn update_intent(&self, n: IntentN, value: &[u8]) -> Result<(), StoreError> {
        self.change_one("intent", "UPDATE intent SET value = ?2 WHERE n = ?1", (n, value))
    }

    /// Forgets a decision: the log has it now, or the person changed their mind.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn delete_intent(&self, n: IntentN) -> Result<(), StoreError> {
        self.change_one("intent", "DELETE FROM intent WHERE n = ?1", [n])
    }
}
