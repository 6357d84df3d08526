//! `meta`: what the device knows about itself, by name.

use crate::{Reader, StoreError, Tx};

impl Reader<'_> {
    /// The value under `key`.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    }

    /// A number that changes when another connection, of this or another process, has committed to the database; commits
    /// of this one leave it as it is.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        let version = self.one("PRAGMA data_version", (), |row| row.get(0))?;
        Ok(version.unwrap_or_default())
    }
}

impl Tx<'_> {
    /// Puts `value` under `key`, in place of what was there.
    pub fn put_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.change(sql, (key, value)).map(drop)
    }

    /// Removes what is under `key`, if anything.
    pub fn delete_meta(&self, key: &str) -> Result<(), StoreError> {
        self.change("DELETE FROM meta WHERE key = ?1", [key]).map(drop)
    }
}
