//! `chain`: where each author's chain stands.

use bowline_wire::ids::{ChainKey, WorkspaceId};
use rusqlite::params;

use crate::column::chain_key;
use crate::{Reader, StoreError, Tx};

impl Reader<'_> {
    /// Every chain of a workspace with its tip, as the engine encodes it, ordered by key.
    pub fn chains(&self, ws: WorkspaceId) -> Result<Vec<(ChainKey, Vec<u8>)>, StoreError> {
        let sql = "SELECT device, incarnation, lane, tip FROM chain WHERE ws = ?1
                   ORDER BY device, incarnation, lane";
        self.all(sql, [ws.as_bytes()], |row| Ok((chain_key(row, 0)?, row.get(3)?)))
    }
}

impl Tx<'_> {
    /// Notes where a chain stands.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such workspace.
    pub fn put_chain(&self, ws: WorkspaceId, chain: &ChainKey, tip: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO chain (ws, device, incarnation, lane, tip) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (ws, device, incarnation, lane) DO UPDATE SET tip = excluded.tip";
        let (device, incarnation) = (chain.device.as_bytes(), chain.incarnation.as_bytes());
        self.change(sql, params![ws.as_bytes(), device, incarnation, chain.lane.number(), tip]).map(drop)
    }
}
