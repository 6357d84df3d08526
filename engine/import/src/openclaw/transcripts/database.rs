//! Generation B: an agent's SQLite database, read while OpenClaw may be writing into it.
//!
//! It is opened read-only where it lies. A copy of the file without its write-ahead log, or opening it as immutable, would
//! lose the latest lines. Tables and columns are asked for, since OpenClaw changes its schema every week or two.

mod lines;
mod open;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use crate::openclaw::home::index::{About, about_entry};
pub(crate) use lines::{Archive, StoredLines, archived, cold, packed_file};
pub(crate) use open::{Columns, has_transcripts, is_made_to_read, open, reason, table};

/// Bytes of `entry_json` that are looked at.
const ENTRY_MAX: i64 = 4 << 20;

/// The database of an agent, in generation B: the name of the file.
pub(crate) const DATABASE: &str = "openclaw-agent.sqlite";

/// One transcript of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// OpenClaw's session id.
    pub(crate) id: String,
    pub(crate) about: About,
    pub(crate) place: Place,
    /// Bytes of the transcript's lines, as far as that is known.
    pub(crate) bytes: u64,
}

/// Where the lines of a transcript are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In rows of the database.
    Rows,
    /// Packed, in the database or in a file beside it.
    Cold(Archive),
    /// Packed because the session was begun anew.
    Reset(Archive),
    /// Nowhere, since nothing has been said yet.
    Nowhere,
}

/// What a database holds that is of interest here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcripts {
    pub(crate) sessions: Vec<Stored>,
    /// Transcripts that were deleted in OpenClaw and are kept there for a while.
    pub(crate) deleted: u64,
}

/// All transcripts, by session id; those that a session had before it was begun anew count as archived.
pub(crate) fn transcripts(connection: &Connection) -> rusqlite::Result<Transcripts> {
    let transaction = connection.unchecked_transaction()?;
    let found = {
        let connection = &*transaction;
        let current = nodes(connection)?;
        let windows = windows(connection)?;
        let rows = row_sizes(connection)?;
        let cold = archives(connection, "session_transcript_cold_archives")?;
        let (reset, deleted) = archives(connection, "session_transcript_archives")?
            .into_iter()
            .partition::<Vec<_>, _>(|archive| archive.reason.as_deref() == Some("reset"));
        Found { current, windows, rows, cold, reset, deleted: deleted.len() as u64 }
    };
    transaction.finish()?;
    Ok(found.into_transcripts())
}

/// What the tables say, before it is put together.
struct Found {
    /// What is known of each session, by its current id.
    current: BTreeMap<String, About>,
    /// The key of each session, by session id.
    windows: BTreeMap<String, String>,
    rows: BTreeMap<String, u64>,
    cold: Vec<Archive>,
    reset: Vec<Archive>,
    deleted: u64,
}

impl Found {
    fn into_transcripts(self) -> Transcripts {
        let mut ids: BTreeSet<String> = self.current.keys().chain(self.windows.keys()).cloned().collect();
        ids.extend(self.rows.keys().cloned());
        ids.extend(self.cold.iter().map(|archive| archive.session_id.clone()));
        let by_key: BTreeMap<&str, &About> =
            self.current.values().map(|about| (about.key.as_str(), about)).collect();
        let earlier = |key: &str| {
            let about = by_key.get(key).map(|about| (*about).clone()).unwrap_or_default();
            About { key: key.to_owned(), pinned: false, archived: true, ..about }
        };
        let mut sessions = Vec::new();
        for id in ids {
            let key = self.windows.get(&id).map(String::as_str).unwrap_or_default();
            let about = self.current.get(&id).cloned().unwrap_or_else(|| earlier(key));
            // A cold archive is what counts, whatever rows are left.
            let cold = self.cold.iter().find(|archive| archive.session_id == id);
            let (place, bytes) = match (cold, self.rows.get(&id)) {
                (Some(archive), _) => (Place::Cold(archive.clone()), archive.bytes),
                (None, Some(bytes)) => (Place::Rows, *bytes),
                (None, None) => (Place::Nowhere, 0),
            };
            sessions.push(Stored { id, about, place, bytes });
        }
        for archive in self.reset {
            // This is what the session was before it was begun anew, whatever it is now.
            let id = archive.session_id.clone();
            sessions.retain(|known: &Stored| known.id != id || known.place != Place::Nowhere);
            let (about, bytes) = (earlier(&archive.key), archive.bytes);
            sessions.push(Stored { id, about, place: Place::Reset(archive), bytes });
        }
        Transcripts { sessions, deleted: self.deleted }
    }
}

/// The logical sessions, by the id of the transcript each is in now.
fn nodes(connection: &Connection) -> rusqlite::Result<BTreeMap<String, About>> {
    let columns = table(connection, "session_nodes")?;
    if !columns.has(&["session_key", "current_session_id"]) {
        return Ok(BTreeMap::new());
    }
    let entry = format!("CASE WHEN octet_length(entry_json) <= {ENTRY_MAX} THEN entry_json END");
    let sql = format!(
        "SELECT session_key, current_session_id, {}, {}, {}, {}, {} FROM session_nodes",
        if columns.contains("entry_json") { &entry } else { "NULL" },
        columns.or_null("label"),
        columns.or_null("display_name"),
        columns.or_null("pinned_at"),
        columns.or_null("archived_at"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut nodes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (Some(key), Some(id)) = (text(row, 0)?, text(row, 1)?) else { continue };
        let said = text(row, 2)?.and_then(|entry| about_entry(&key, &entry)).unwrap_or_default();
        let about = About {
            label: text(row, 3)?.or(said.label),
            display_name: text(row, 4)?.or(said.display_name),
            pinned: row.get_ref(5)? != rusqlite::types::ValueRef::Null || said.pinned,
            archived: row.get_ref(6)? != rusqlite::types::ValueRef::Null || said.archived,
            key,
        };
        nodes.insert(id, about);
    }
    Ok(nodes)
}

/// All transcripts that sessions ever had, with the key of the session.
fn windows(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    if !table(connection, "session_windows")?.has(&["session_id", "session_key"]) {
        return Ok(BTreeMap::new());
    }
    let mut statement = connection.prepare("SELECT session_id, session_key FROM session_windows")?;
    let mut rows = statement.query([])?;
    let mut windows = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let (Some(id), Some(key)) = (text(row, 0)?, text(row, 1)?) {
            windows.insert(id, key);
        }
    }
    Ok(windows)
}

/// The transcripts that have rows, and about how many bytes.
fn row_sizes(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let columns = table(connection, "transcript_events")?;
    if !has_transcripts(connection)? {
        return Ok(BTreeMap::new());
    }
    let packed = columns.or_null("event_utf8_bytes");
    let plain = columns.or_null("event_json");
    let sql = format!(
        "SELECT session_id, SUM(COALESCE({packed}, octet_length({plain}), 0) + 1) FROM transcript_events GROUP BY session_id"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut sizes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Some(id) = text(row, 0)? {
            sizes.insert(id, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0));
        }
    }
    Ok(sizes)
}

/// The rows of one of the two tables of archives, without what is in them.
fn archives(connection: &Connection, name: &'static str) -> rusqlite::Result<Vec<Archive>> {
    let columns = table(connection, name)?;
    if !columns.has(&["session_id", "archive_name", "archive_sha256"]) {
        return Ok(Vec::new());
    }
    let blob = if columns.contains("archive_blob") { "length(archive_blob)" } else { "NULL" };
    let sql = format!(
        "SELECT rowid, session_id, archive_name, archive_sha256, {}, {}, {}, {}, {}, {blob} FROM {name} ORDER BY session_id, rowid",
        columns.or_null("session_key"),
        columns.or_null("reason"),
        columns.or_null("encoding"),
        columns.or_null("event_count"),
        columns.or_null("raw_bytes"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![])?;
    let mut archives = Vec::new();
    while let Some(row) = rows.next()? {
        let number = |at| row.get::<_, Option<i64>>(at).map(|n| n.and_then(|n| u64::try_from(n).ok()));
        let (Some(session_id), Some(name_of_it), Some(sha256)) =
            (text(row, 1)?, text(row, 2)?, text(row, 3)?)
        else {
            continue;
        };
        let in_database = number(9)?;
        archives.push(Archive {
            table: name,
            rowid: row.get(0)?,
            session_id,
            name: name_of_it,
            sha256,
            key: text(row, 4)?.unwrap_or_default(),
            reason: text(row, 5)?,
            is_zstd: text(row, 6)?.is_none_or(|encoding| encoding == "zstd"),
            events: number(7)?,
            bytes: number(8)?.or(in_database).unwrap_or(0),
            in_database,
        });
    }
    Ok(archives)
}

/// A column's text, or its bytes if they are text; `None` for anything else.
fn text(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(at)?.as_bytes().ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()))
}
