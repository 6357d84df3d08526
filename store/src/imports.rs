//! `import` and `import_line`: what was taken over from another application, so that the next time only what is new is.

use bowline_wire::ids::DocId;
use rusqlite::params;

use crate::column::{id, int, number};
use crate::{Reader, StoreError, Tx};

/// A line as it is remembered: the beginning of its hash.
pub type LineHash = [u8; 8];

/// What is remembered of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// The document that was made of it, wherever that is by now.
    pub doc: DocId,
    /// What the engine keeps with it, as the engine encodes it.
    pub value: Vec<u8>,
}

impl Reader<'_> {
    /// What is remembered of a source.
    pub fn import(&self, source: &str) -> Result<Option<ImportRow>, StoreError> {
        self.one("SELECT doc, value FROM import WHERE source = ?1", [source], |row| {
            Ok(ImportRow { doc: id(row, 0, DocId::from_bytes)?, value: row.get(1)? })
        })
    }

    /// Whether a document was made of a source that is remembered.
    pub fn is_imported(&self, doc: DocId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM import WHERE doc = ?1 LIMIT 1";
        Ok(self.one(sql, [doc.as_bytes()], |row| row.get::<_, i64>(0))?.is_some())
    }

    /// The remembered lines that begin at the stretch with line `at` in it, and the number of the first of them: as many as
    /// were noted together. `None` beyond the end.
    pub fn import_lines(&self, source: &str, at: u64) -> Result<Option<(u64, Vec<LineHash>)>, StoreError> {
        let sql = "SELECT first, hashes FROM import_line WHERE source = ?1 AND first <= ?2
                   ORDER BY first DESC LIMIT 1";
        let found =
            self.one(sql, params![source, int(at)?], |row| Ok((number(row, 0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let lines = found.map(|(first, bytes)| (first, bytes.as_chunks::<8>().0.to_vec()));
        Ok(lines.filter(|(first, lines)| at - first < lines.len() as u64))
    }
}

impl Tx<'_> {
    /// Remembers which document a source is, and a value, in place of what was there. Its lines stay.
    pub fn put_import(&self, source: &str, doc: DocId, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO import (source, doc, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (source) DO UPDATE SET doc = excluded.doc, value = excluded.value";
        self.change(sql, params![source, doc.as_bytes(), value]).map(drop)
    }

    /// Remembers of every source that was one document that it is another. What else is remembered of it stays.
    pub fn move_imports(&self, from: DocId, to: DocId) -> Result<(), StoreError> {
        let sql = "UPDATE import SET doc = ?2 WHERE doc = ?1";
        self.change(sql, params![from.as_bytes(), to.as_bytes()]).map(drop)
    }

    /// Remembers lines of a source from number `first` on, in place of all that were remembered from there on.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if nothing else is remembered of the source.
    pub fn put_import_lines(&self, source: &str, first: u64, lines: &[LineHash]) -> Result<(), StoreError> {
        if let Some((begins, found)) = self.import_lines(source, first)? {
            let kept = usize::try_from(first - begins).map_err(|_| StoreError::NumberTooLarge)?;
            let kept = found.get(..kept).unwrap_or_default();
            let sql = "UPDATE import_line SET hashes = ?3 WHERE source = ?1 AND first = ?2";
            self.change(sql, params![source, int(begins)?, kept.concat()])?;
        }
        self.change(
            "DELETE FROM import_line WHERE source = ?1 AND first >= ?2",
            params![source, int(first)?],
        )?;
        if lines.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO import_line (source, first, hashes) VALUES (?1, ?2, ?3)";
        self.change(sql, params![source, int(first)?, lines.concat()]).map(drop)
    }

    /// Forgets a source with its lines, if it is remembered.
    pub fn delete_import(&self, source: &str) -> Result<(), StoreError> {
        self.change("DELETE FROM import WHERE source = ?1", [source]).map(drop)
    }
}
