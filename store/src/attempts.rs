//! `attempt`: entries whose application was begun and not yet seen to end, so that one that crashes the process is
//! found.
//!
//! Begin, in a transaction of its own; apply; finish, with the result. After a start, [`Tx::count_crashes`] turns what
//! was in flight into suspects, to be tried one at a time: only a crash with a single entry in flight counts against it.

use rusqlite::Row;

use crate::{DocN, EntryN, Reader, StoreError, Tx};

/// An entry whose application was begun and did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The entry.
    pub entry: EntryN,
    /// Whether its application is under way: nobody has said yet that it ended, or that the process did.
    pub in_flight: bool,
    /// How many times the process died with this entry alone in flight, since it last succeeded.
    pub crashes: u32,
}

impl Reader<'_> {
    /// Every attempt that did not end, in the order of the entries.
    pub fn attempts(&self) -> Result<Vec<Attempt>, StoreError> {
        self.all("SELECT entry, in_flight, crashes FROM attempt ORDER BY entry", (), decode)
    }

    /// Every attempt at an entry of this document that did not end, in the order of the entries.
    pub fn attempts_at(&self, doc: DocN) -> Result<Vec<Attempt>, StoreError> {
        let sql = "SELECT entry, in_flight, crashes FROM attempt JOIN entry ON n = entry WHERE doc = ?1 ORDER BY entry";
        self.all(sql, [doc], decode)
    }
}

fn decode(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt { entry: row.get(0)?, in_flight: row.get(1)?, crashes: row.get(2)? })
}

impl Tx<'_> {
    /// Marks entries as being applied. What is known about earlier crashes stays.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if one does not exist.
    pub fn begin_attempt(&self, entries: &[EntryN]) -> Result<(), StoreError> {
        let sql = "INSERT INTO attempt (entry, in_flight, crashes) VALUES (?1, TRUE, 0)
                   ON CONFLICT (entry) DO UPDATE SET in_flight = TRUE";
        entries.iter().try_for_each(|entry| self.change(sql, [entry]).map(drop))
    }

    /// Forgets the attempts at these entries: the process survived them, so they are not suspects any more.
    pub fn finish_attempt(&self, entries: &[EntryN]) -> Result<(), StoreError> {
        let sql = "DELETE FROM attempt WHERE entry = ?1";
        entries.iter().try_for_each(|entry| self.change(sql, [entry]).map(drop))
    }

    /// Makes every entry that is marked as in flight a suspect: it was so when the process died. To be called once after a
    /// start, before anything is applied. Nothing is in flight afterwards.
    pub fn count_crashes(&self) -> Result<(), StoreError> {
        let sql = "SELECT count(*) FROM attempt WHERE in_flight";
        let alone = self.one(sql, (), |row| row.get(0))? == Some(1);
        let sql = "UPDATE attempt SET in_flight = FALSE, crashes = crashes + ?1 WHERE in_flight";
        self.change(sql, [alone]).map(drop)
    }
}
