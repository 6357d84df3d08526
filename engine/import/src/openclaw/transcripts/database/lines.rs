//! The lines of one transcript in a database: from its rows, a page at a time, or from what it was packed into.

use std::collections::VecDeque;
use std::io::{self, BufReader, Cursor, Read};

use bowline_core::document::limits::LINE_MAX;
use bowline_device::LeftLine;
use bowline_wire::hash::sha256;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Deserialize;

use super::open::{has_transcripts, reason, table};
use crate::tree::Tree;
use crate::{Lines, Piece, Source, SourceError, hex};

/// Bytes of lines read in one transaction, so that it is short and memory bounded.
const PAGE_BYTES: usize = 4 << 20;

/// Rows read in one transaction.
const PAGE_ROWS: usize = 512;

/// Bytes of one record of a cold archive: the longest line as a JSON string, every byte of it escaped.
const RECORD_MAX: usize = 6 * LINE_MAX + 1024;

/// Bytes that an archive may unpack to; OpenClaw's own bound is 64 MiB.
const UNPACKED_MAX: u64 = 1 << 30;

/// The largest window of a zstd frame that is accepted: 32 MiB of memory, four times what its usual levels use.
const WINDOW_LOG_MAX: u32 = 25;

/// Bytes of a database in memory for each page and blob that SQLite hands out; also of an archive in the database.
pub(crate) const ARCHIVE_MAX: u64 = 66 << 20;

/// A transcript that was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) table: &'static str,
    pub(crate) rowid: i64,
    pub(crate) session_id: String,
    /// The archive's file name.
    pub(crate) name: String,
    /// SHA-256, in hex, of the file as it is.
    pub(crate) sha256: String,
    pub(crate) key: String,
    pub(crate) reason: Option<String>,
    pub(crate) is_zstd: bool,
    /// How many lines are in it, if that is said.
    pub(crate) events: Option<u64>,
    /// Bytes of its lines.
    pub(crate) bytes: u64,
    /// Bytes of it in the database, if it is there.
    pub(crate) in_database: Option<u64>,
}

/// The rows of one transcript.
pub(crate) struct StoredLines<'a> {
    connection: &'a Connection,
    session: String,
    sql: String,
    has_watermarks: bool,
    generation: Option<String>,
    /// The last row that was read.
    after: i64,
    page: VecDeque<Held>,
    /// The line that was handed out.
    line: Vec<u8>,
    is_begun: bool,
    is_done: bool,
}

/// What a row holds.
enum Held {
    Line(Vec<u8>),
    TooLong(u64),
    Unreadable(&'static str),
}

impl<'a> StoredLines<'a> {
    pub(crate) fn new(connection: &'a Connection, session: &str) -> Result<Self, SourceError> {
        let broken = |error: rusqlite::Error| SourceError::Broken(reason(&error));
        let columns = table(connection, "transcript_events").map_err(broken)?;
        let watermarks = table(connection, "transcript_rewrite_watermarks").map_err(broken)?;
        if !has_transcripts(connection).map_err(broken)? {
            return Err(SourceError::Broken("its transcripts are gone from the database".to_owned()));
        }
        // A value that is too long is measured and not read.
        let bounded = |name: &'static str, length: &str| {
            let name = columns.or_null(name);
            format!("{length}({name}), CASE WHEN {length}({name}) <= {LINE_MAX} THEN {name} END")
        };
        let sql = format!(
            "SELECT seq, {}, {}, {} FROM transcript_events WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT {PAGE_ROWS}",
            bounded("event_json", "octet_length"),
            bounded("event_zstd", "length"),
            columns.or_null("event_utf8_bytes"),
        );
        Ok(Self {
            connection,
            session: session.to_owned(),
            sql,
            has_watermarks: watermarks.has(&["session_id", "generation"]),
            generation: None,
            after: i64::MIN,
            page: VecDeque::new(),
            line: Vec::new(),
            is_begun: false,
            is_done: false,
        })
    }

    /// Reads the next page, in one transaction with the question whether the transcript is still the same one.
    fn read_page(&mut self) -> Result<(), SourceError> {
        let broken = |error: rusqlite::Error| SourceError::Broken(reason(&error));
        let transaction = self.connection.unchecked_transaction().map_err(broken)?;
        if self.has_watermarks {
            let sql =
                "SELECT CAST(generation AS TEXT) FROM transcript_rewrite_watermarks WHERE session_id = ?1";
            let found: Option<String> = self
                .connection
                .query_row(sql, [&self.session], |row| row.get(0))
                .optional()
                .map_err(broken)?
                .flatten();
            if self.is_begun && found != self.generation {
                return Err(SourceError::Rewritten);
            }
            self.generation = found;
        }
        self.is_begun = true;
        let mut statement = self.connection.prepare_cached(&self.sql).map_err(broken)?;
        let mut rows = statement.query((&self.session, self.after)).map_err(broken)?;
        let (mut bytes, mut count) = (0, 0);
        while bytes < PAGE_BYTES {
            let Some(row) = rows.next().map_err(broken)? else {
                self.is_done = count < PAGE_ROWS;
                break;
            };
            self.after = row.get(0).map_err(broken)?;
            let line = line_of(row).map_err(broken)?;
            bytes += if let Held::Line(line) = &line { line.len() } else { 0 };
            count += 1;
            self.page.push_back(line);
        }
        drop(rows);
        drop(statement);
        transaction.finish().map_err(broken)
    }
}

impl Source for StoredLines<'_> {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        while self.page.is_empty() && !self.is_done {
            self.read_page()?;
        }
        Ok(match self.page.pop_front() {
            None => None,
            // Its bytes were not read, so that there is nothing to hash.
            Some(Held::TooLong(bytes)) => Some(Piece::TooLong(LeftLine { bytes: Some(bytes), digest: None })),
            Some(Held::Unreadable(why)) => Some(Piece::Unreadable(why)),
            Some(Held::Line(line)) => {
                self.line = line;
                Some(Piece::Line(&self.line))
            }
        })
    }
}

/// The line in a row: as text, or packed.
fn line_of(row: &Row<'_>) -> rusqlite::Result<Held> {
    let length =
        |at| row.get::<_, Option<i64>>(at).map(|length| length.and_then(|length| u64::try_from(length).ok()));
    let (plain, packed) = (length(1)?, length(3)?);
    let too_long = [plain, packed].into_iter().flatten().find(|bytes| *bytes > LINE_MAX as u64);
    if let Some(bytes) = too_long {
        return Ok(Held::TooLong(bytes));
    }
    let line = match (row.get_ref(2)?, row.get_ref(4)?) {
        (ValueRef::Text(text), _) => text.to_vec(),
        (_, ValueRef::Blob(frame)) => match length(5)? {
            Some(bytes) if bytes > LINE_MAX as u64 => return Ok(Held::TooLong(bytes)),
            bytes => match unpack(frame, bytes) {
                Ok(line) => line,
                Err(why) => return Ok(Held::Unreadable(why)),
            },
        },
        _ => return Ok(Held::Unreadable("the row holds no line")),
    };
    Ok(Held::Line(on_one_line(line)))
}

/// A packed line, which says how long it is.
fn unpack(frame: &[u8], bytes: Option<u64>) -> Result<Vec<u8>, &'static str> {
    const DAMAGED: &str = "the row is packed and damaged";
    let mut line = Vec::new();
    let mut unpacked = unpacked(frame).map_err(|_| DAMAGED)?.take(LINE_MAX as u64 + 1);
    unpacked.read_to_end(&mut line).map_err(|_| DAMAGED)?;
    match bytes {
        Some(bytes) if bytes != line.len() as u64 => Err("the row is packed and is not as long as it says"),
        _ => Ok(line),
    }
}

fn unpacked<R: Read>(frame: R) -> io::Result<zstd::Decoder<'static, BufReader<R>>> {
    let mut decoder = zstd::Decoder::new(frame)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Something with a limit, beyond which it is an error and not the end: nobody shall take a part for the whole.
struct Limited<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

fn unpacked_archive(frame: impl Read + 'static) -> Result<Box<dyn Read>, SourceError> {
    let source = unpacked(frame).map_err(|_| damaged())?;
    Ok(Box::new(Limited { source, left: UNPACKED_MAX }))
}

/// Why an archive cannot be read on.
fn failed(error: &io::Error) -> SourceError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        let why = format!("its archive has more than {UNPACKED_MAX} bytes: those up to there were imported");
        return SourceError::Broken(why);
    }
    damaged()
}

/// Line ends can be in JSON only between its parts, where a space means the same; a line cannot hold them.
fn on_one_line(mut line: Vec<u8>) -> Vec<u8> {
    for byte in &mut line {
        if *byte == b'\n' {
            *byte = b' ';
        }
    }
    line
}

/// Lines from bytes that are unpacked as they are read.
type Unpacked = Lines<BufReader<Box<dyn Read>>>;

/// The lines of a transcript that was packed when its session was begun anew: a transcript file.
pub(crate) fn archived(connection: &Connection, archive: &Archive) -> Result<Box<dyn Source>, SourceError> {
    let bytes = verified(archive, blob(connection, archive)?)?;
    let bytes = Cursor::new(bytes);
    packed_file(bytes, archive.is_zstd)
}

/// The lines of a transcript file, packed or not.
pub(crate) fn packed_file(bytes: impl Read + 'static, is_zstd: bool) -> Result<Box<dyn Source>, SourceError> {
    let source: Box<dyn Read> = if is_zstd { unpacked_archive(bytes)? } else { Box::new(bytes) };
    Ok(Box::new(PackedFile(Lines::new(BufReader::new(source)))))
}

struct PackedFile(Unpacked);

impl Source for PackedFile {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        self.0.next().map_err(|error| failed(&error))
    }

    fn ends_with_newline(&self) -> bool {
        self.0.ends_with_newline()
    }
}

/// The lines of a transcript in cold storage: records, of which one sort holds lines.
pub(crate) fn cold(
    connection: &Connection,
    sessions: Option<&Tree>,
    archive: &Archive,
) -> Result<Box<dyn Source>, SourceError> {
    let bytes = if archive.in_database.is_some() {
        blob(connection, archive)?
    } else {
        let missing = |why: String| {
            SourceError::Broken(format!("its lines are in sessions/cold/{}, and {why}", archive.name))
        };
        let folder = sessions.ok_or_else(|| missing("that folder is not there".to_owned()))?;
        let cold = folder.enter("cold").map_err(|refused| missing(refused.to_string()))?;
        cold.read(&archive.name, ARCHIVE_MAX).map_err(|refused| missing(refused.to_string()))?
    };
    let bytes = verified(archive, bytes)?;
    Ok(Box::new(Cold {
        records: Lines::up_to(BufReader::new(unpacked_archive(Cursor::new(bytes))?), RECORD_MAX),
        session: archive.session_id.clone(),
        expected: archive.events,
        found: 0,
        line: Vec::new(),
    }))
}

struct Cold {
    records: Unpacked,
    session: String,
    expected: Option<u64>,
    found: u64,
    line: Vec<u8>,
}

/// A record of a cold archive; other sorts are derived from the lines.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Record {
    Header {
        #[serde(rename = "sessionId")]
        session: String,
    },
    Event {
        row: Event,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Event {
    event_json: String,
}

impl Source for Cold {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        loop {
            let record = match self.records.next().map_err(|error| failed(&error))? {
                None if self.expected.is_none_or(|expected| expected == self.found) => return Ok(None),
                None | Some(Piece::Unreadable(_)) => return Err(damaged()),
                Some(Piece::Line(record)) => record,
                // What was counted and hashed is the record, which has more in it than the line.
                Some(Piece::TooLong(_)) => {
                    self.found += 1;
                    return Ok(Some(Piece::TooLong(LeftLine::default())));
                }
            };
            match serde_json::from_slice(record) {
                Ok(Record::Header { session }) if session == self.session => {}
                Ok(Record::Event { row }) => {
                    self.found += 1;
                    self.line = on_one_line(row.event_json.into_bytes());
                    return Ok(Some(Piece::Line(&self.line)));
                }
                Ok(Record::Other) => {}
                Ok(Record::Header { .. }) | Err(_) => return Err(damaged()),
            }
        }
    }
}

/// An archive that lies in the database.
fn blob(connection: &Connection, archive: &Archive) -> Result<Vec<u8>, SourceError> {
    match archive.in_database {
        Some(bytes) if bytes <= ARCHIVE_MAX => {}
        Some(_) => return Err(SourceError::Broken("its archive is too large to be read".to_owned())),
        None => return Err(damaged()),
    }
    let sql = format!("SELECT archive_blob FROM {} WHERE rowid = ?1", archive.table);
    let found = connection.query_row(&sql, [archive.rowid], |row| {
        Ok(row.get_ref(0)?.as_bytes().map(<[u8]>::to_vec).unwrap_or_default())
    });
    found.map_err(|error| SourceError::Broken(reason(&error)))
}

/// The archive, if it is what was stored.
fn verified(archive: &Archive, bytes: Vec<u8>) -> Result<Vec<u8>, SourceError> {
    if hex(&sha256(&[&bytes])) == archive.sha256.to_lowercase() { Ok(bytes) } else { Err(damaged()) }
}

fn damaged() -> SourceError {
    SourceError::Broken("its archive is damaged: take it from a backup of OpenClaw's".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(lines: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT);
                 CREATE TABLE transcript_rewrite_watermarks (session_id TEXT, generation TEXT);
                 INSERT INTO transcript_rewrite_watermarks VALUES ('s', 'first');",
            )
            .unwrap();
        for seq in 0..lines {
            let sql = "INSERT INTO transcript_events VALUES ('s', ?1, ?2)";
            connection.execute(sql, (i64::try_from(seq).unwrap(), format!("line {seq}"))).unwrap();
        }
        connection
    }

    #[test]
    fn what_goes_on_beyond_its_limit_is_an_error_and_no_end() {
        let read = |left| {
            let mut content = Vec::new();
            let source = io::repeat(7).take(100);
            Limited { source, left }.read_to_end(&mut content).map_err(|error| failed(&error))
        };
        assert_eq!(read(100), Ok(100));
        let SourceError::Broken(why) = read(99).unwrap_err() else { panic!() };
        assert!(why.contains("more than 1073741824 bytes"), "{why}");
    }

    fn read(source: &mut StoredLines<'_>, count: usize) -> Result<Vec<String>, SourceError> {
        let mut lines = Vec::new();
        while lines.len() < count {
            match source.next()? {
                Some(Piece::Line(line)) => lines.push(String::from_utf8(line.to_vec()).unwrap()),
                Some(piece) => panic!("{piece:?}"),
                None => break,
            }
        }
        Ok(lines)
    }

    #[test]
    fn rows_come_page_by_page_in_order_whatever_their_number() {
        for count in [0, 1, PAGE_ROWS - 1, PAGE_ROWS, PAGE_ROWS + 1, 2 * PAGE_ROWS] {
            let connection = database(count);
            let lines = read(&mut StoredLines::new(&connection, "s").unwrap(), usize::MAX).unwrap();
            let expected: Vec<_> = (0..count).map(|n| format!("line {n}")).collect();
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn a_transcript_that_is_rewritten_between_two_pages_is_begun_again() {
        let connection = database(PAGE_ROWS + 1);
        let mut source = StoredLines::new(&connection, "s").unwrap();
        assert_eq!(read(&mut source, PAGE_ROWS).unwrap().len(), PAGE_ROWS);
        connection.execute("UPDATE transcript_rewrite_watermarks SET generation = 'second'", []).unwrap();
        assert_eq!(read(&mut source, 1), Err(SourceError::Rewritten));
    }

    #[test]
    fn no_transaction_stays_open_between_two_pages() {
        let connection = database(PAGE_ROWS + 1);
        let mut source = StoredLines::new(&connection, "s").unwrap();
        read(&mut source, 1).unwrap();
        assert!(connection.is_autocommit());
    }

    #[test]
    fn line_ends_between_the_parts_of_a_line_become_spaces() {
        assert_eq!(on_one_line(b"{\n\"a\": 1\r\n}".to_vec()), b"{ \"a\": 1\r }");
    }
}
