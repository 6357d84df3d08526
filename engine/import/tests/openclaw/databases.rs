//! Conversations of generation B: transcripts in a database that OpenClaw may be writing into.

use std::fs;

use bowline_device::Device;
use bowline_import::{Outcome, What};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, params};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::desk::{Desk, Home, header, id, message, transcript};

const DATABASE: &str = "agents/main/agent/openclaw-agent.sqlite";

/// An agent's database with the columns that are read, as it is while OpenClaw runs.
fn database(home: &Home) -> Connection {
    let path = home.at(DATABASE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT,
                label TEXT, display_name TEXT, pinned_at INTEGER, archived_at INTEGER);
             CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT);
             CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER,
                event_zstd BLOB, event_utf8_bytes INTEGER, PRIMARY KEY (session_id, seq));
             CREATE TABLE transcript_rewrite_watermarks (session_id TEXT PRIMARY KEY, generation TEXT);
             CREATE TABLE session_transcript_archives (session_id TEXT, generation TEXT, session_key TEXT, reason TEXT,
                encoding TEXT, archive_blob BLOB, archive_sha256 TEXT, archive_name TEXT);
             CREATE TABLE session_transcript_cold_archives (session_id TEXT PRIMARY KEY, generation TEXT, archive_name TEXT,
                archive_sha256 TEXT, event_count INTEGER, raw_bytes INTEGER, archive_bytes INTEGER, storage TEXT,
                archive_blob BLOB);",
        )
        .unwrap();
    connection
}

fn node(connection: &Connection, key: &str, session: &str, label: Option<&str>) {
    let sql = "INSERT INTO session_nodes (session_key, current_session_id, entry_json, label) VALUES (?1, ?2, '{}', ?3)";
    connection.execute(sql, params![key, session, label]).unwrap();
    window(connection, key, session);
}

fn window(connection: &Connection, key: &str, session: &str) {
    connection.execute("INSERT INTO session_windows VALUES (?1, ?2)", [session, key]).unwrap();
}

fn rows(connection: &Connection, session: &str, text: &str) {
    let sql = "INSERT OR REPLACE INTO transcript_events (session_id, seq, event_json) VALUES (?1, ?2, ?3)";
    for (seq, line) in text.lines().enumerate() {
        connection.execute(sql, params![session, number(seq), line]).unwrap();
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[test]
fn rows_are_read_while_openclaw_has_the_database_open_and_none_is_missed() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:main", &id(1), Some("Garden"));
    rows(&writer, &id(1), &transcript(&id(1), 1200));
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 1200);
    assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 1200).into_bytes());
    desk.titled("Garden");
    // Still only in the write-ahead log, which nobody has folded into the database.
    rows(&writer, &id(1), &transcript(&id(1), 1201));
    let transaction = writer.unchecked_transaction().unwrap();
    rows(&transaction, &id(1), &transcript(&id(1), 1202));
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 1, "what is not committed is not there");
    transaction.commit().unwrap();
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.present), (1, 1201));
}

#[test]
fn packed_rows_are_unpacked_and_damaged_ones_are_said() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:main", &id(1), None);
    rows(&writer, &id(1), &header(&id(1)));
    let sql = "INSERT INTO transcript_events (session_id, seq, event_zstd, event_utf8_bytes) VALUES (?1, ?2, ?3, ?4)";
    let line = message(0).trim_end().to_owned();
    let frame = zstd::encode_all(line.as_bytes(), 3).unwrap();
    writer.execute(sql, params![id(1), 1, frame, number(line.len())]).unwrap();
    writer.execute(sql, params![id(1), 2, b"no frame", 5]).unwrap();
    writer.execute(sql, params![id(1), 3, frame, 7]).unwrap();
    let bomb = zstd::encode_all(&vec![b'x'; 64 << 20][..], 3).unwrap();
    writer.execute(sql, params![id(1), 4, bomb, 64_i64 << 20]).unwrap();
    writer.execute(sql, params![id(1), 5, bomb, 1000]).unwrap();
    writer.execute(sql, params![id(1), 6, Option::<Vec<u8>>::None, 1]).unwrap();
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.too_long, desk.report.entries.left), (1, 1, 4));
    let file = desk.file(&id(1));
    assert_eq!(file.bytes, format!("{}{}", header(&id(1)), message(0)).into_bytes());
    let missing: Vec<_> = file.missing.iter().map(|missing| (missing.line, missing.bytes)).collect();
    assert_eq!(missing, [(3, None), (4, None), (5, Some(64 << 20)), (6, None), (7, None)]);
    // One of them is mended.
    let line = message(1).trim_end().to_owned();
    let sql = "UPDATE transcript_events SET event_json = ?1, event_zstd = NULL WHERE seq = 2";
    assert_eq!(writer.execute(sql, [line]).unwrap(), 1);
    desk.import(&home.path());
    let file = desk.file(&id(1));
    assert_eq!(file.bytes, format!("{}{}{}", header(&id(1)), message(0), message(1)).into_bytes());
    assert_eq!(
        file.missing.iter().map(|missing| missing.bytes).collect::<Vec<_>>(),
        [None, Some(64 << 20), None, None]
    );
}

#[test]
fn a_database_with_fewer_tables_and_columns_is_read_as_far_as_it_goes() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let path = home.at(DATABASE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    let sql = "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT);
               CREATE TABLE session_nodes (session_key TEXT, current_session_id TEXT, entry_json TEXT);";
    connection.execute_batch(sql).unwrap();
    let entry = json!({"sessionId": id(1), "label": "From the entry", "archivedAt": 5}).to_string();
    connection
        .execute("INSERT INTO session_nodes VALUES ('agent:main:main', ?1, ?2)", [id(1), entry])
        .unwrap();
    let sql = "INSERT INTO transcript_events VALUES (?1, ?2, ?3)";
    for (seq, line) in transcript(&id(1), 2).lines().enumerate() {
        connection.execute(sql, params![id(1), number(seq), line]).unwrap();
    }
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 2, "{:#?}", desk.items);
    desk.titled("From the entry");
}

#[test]
fn what_is_no_database_of_openclaws_is_said_and_the_rest_comes_in() {
    let empty = |sql: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        fs::read(path).unwrap()
    };
    let view = "CREATE TABLE real (session_id, seq, event_json); CREATE VIEW transcript_events AS SELECT * FROM real;";
    let mut torn = empty(
        "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT); CREATE INDEX i ON transcript_events (seq);",
    );
    torn.truncate(4096 + 100);
    for (content, outcome) in [
        (b"this is a text, and as long as a page ".repeat(200), Outcome::Failed),
        (torn, Outcome::Failed),
        (empty("CREATE TABLE other (a)"), Outcome::Skipped),
        (empty(view), Outcome::Skipped),
        (Vec::new(), Outcome::Skipped),
    ] {
        let (home, mut desk) = (Home::new(), Desk::new());
        home.write(DATABASE, content);
        home.write(&format!("agents/two/sessions/{}.jsonl", id(1)), transcript(&id(1), 1));
        desk.import(&home.path());
        let said: Vec<_> = desk.items.iter().filter(|item| item.path == DATABASE).collect();
        assert_eq!((said.len(), said[0].outcome), (1, outcome), "{said:?}");
        assert!(said[0].why.is_some());
        assert_eq!(desk.report.entries.new, 1);
    }
}

#[test]
fn earlier_windows_are_conversations_of_their_own_and_archives_are_what_their_session_was_before() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:main", &id(1), Some("Garden"));
    window(&writer, "agent:main:main", &id(2));
    rows(&writer, &id(1), &transcript(&id(1), 1));
    rows(&writer, &id(2), &transcript(&id(2), 2));
    let archive = |session: &str, reason: &str, encoding: &str, bytes: &[u8]| {
        let sql =
            "INSERT INTO session_transcript_archives VALUES (?1, 'g', 'agent:main:main', ?2, ?3, ?4, ?5, ?6)";
        let name = format!("{session}.jsonl.{reason}.1");
        writer.execute(sql, params![session, reason, encoding, bytes, hex(bytes), name]).unwrap();
    };
    archive(&id(3), "reset", "identity", transcript(&id(3), 3).trim_end().as_bytes());
    archive(&id(4), "reset", "zstd", &zstd::encode_all(transcript(&id(4), 4).as_bytes(), 3).unwrap());
    archive(&id(5), "deleted", "identity", transcript(&id(5), 5).as_bytes());
    // One is of a session that has gone on in rows, one of a session that has in a file.
    archive(&id(1), "reset", "identity", transcript("one", 6).as_bytes());
    archive(&id(6), "reset", "identity", transcript("six", 7).as_bytes());
    home.session(&format!("{}.jsonl", id(6)), transcript(&id(6), 8));
    // OpenClaw has put one of them beside its sessions as well.
    home.session(&format!("{}.jsonl.reset.1", id(3)), transcript(&id(3), 3));
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 5, "{:#?}", desk.items);
    // The header of what came after is an entry between the two.
    assert_eq!(desk.report.entries.new, (6 + 1 + 1) + 2 + 3 + 4 + (7 + 1 + 8));
    let parts = [(1, "one", 6, 1), (6, "six", 7, 8)];
    for (n, before, was, is) in parts {
        assert_eq!(desk.file(&id(n)).bytes, (transcript(before, was) + &transcript(&id(n), is)).into_bytes());
    }
    let (garden, now) = (Device::session_doc("openclaw", &id(1)), desk.now());
    let garden = desk.device.show(garden, now).unwrap();
    assert_eq!(garden.title.as_deref(), Some("Garden"));
    assert_eq!(desk.file(&id(3)).bytes, transcript(&id(3), 3).trim_end().as_bytes());
    let deleted =
        desk.items.iter().find(|item| item.why.as_deref().is_some_and(|why| why.contains("deleted")));
    assert_eq!(deleted.unwrap().outcome, Outcome::Skipped);
}

/// A cold archive of a transcript, as OpenClaw packs it.
fn cold(session: &str, text: &str) -> (Vec<u8>, i64) {
    let mut records = vec![json!({"kind": "header", "version": 1, "sessionId": session, "generation": "g"})];
    for (seq, line) in text.lines().enumerate() {
        records.push(json!({"kind": "event", "row": {"seq": seq, "event_json": line, "created_at": 1}}));
        records.push(json!({"kind": "fts", "row": {"text": "words", "message_id": null, "role": null, "timestamp": 1}}));
    }
    let lines: Vec<_> = records.iter().map(serde_json::Value::to_string).collect();
    (zstd::encode_all(lines.join("\n").as_bytes(), 3).unwrap(), number(text.lines().count()))
}

fn put_cold(
    connection: &Connection,
    session: &str,
    bytes: &[u8],
    count: i64,
    sha256: &str,
    in_database: bool,
) -> String {
    let name = format!("{}.jsonl.zst", hex(bytes));
    let sql = "INSERT INTO session_transcript_cold_archives VALUES (?1, 'g', ?2, ?3, ?4, 0, ?5, ?6, ?7)";
    let (storage, blob) = if in_database { ("sqlite", Some(bytes)) } else { ("file", None) };
    connection
        .execute(sql, params![session, name, sha256, count, number(bytes.len()), storage, blob])
        .unwrap();
    name
}

#[test]
fn a_transcript_in_cold_storage_counts_and_is_verified() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    for n in 1..=5 {
        node(&writer, &format!("agent:main:{n}"), &id(n), None);
    }
    let put = |n: u8, sha256: Option<&str>, count: i64, in_database: bool| {
        let (bytes, _) = cold(&id(n), &transcript(&id(n), n.into()));
        let name = put_cold(&writer, &id(n), &bytes, count, sha256.unwrap_or(&hex(&bytes)), in_database);
        (bytes, name)
    };
    let (bytes, name) = put(1, None, 2, false);
    home.session(&format!("cold/{name}"), bytes);
    put(2, None, 3, true);
    // Rows that are left over do not count.
    rows(&writer, &id(2), &header(&id(2)));
    put(3, Some(&"0".repeat(64)), 4, true);
    put(4, None, 99, true);
    put(5, None, 6, false);
    desk.import(&home.path());
    assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 1).into_bytes());
    assert_eq!(desk.file(&id(2)).bytes, transcript(&id(2), 2).into_bytes());
    let failed: Vec<_> = desk
        .items
        .iter()
        .filter(|item| item.outcome == Outcome::Failed)
        .map(|item| item.at.clone().unwrap())
        .collect();
    assert_eq!(failed, [id(3), id(4), id(5)]);
    assert!(
        desk.items.iter().any(|item| item.why.as_deref().is_some_and(|why| why.contains("sessions/cold/")))
    );
}

#[test]
fn a_name_in_the_database_leads_nowhere_else() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:1", &id(1), None);
    let (bytes, count) = cold(&id(1), &transcript(&id(1), 1));
    fs::write(home.outer().join("outside"), &bytes).unwrap();
    home.session("cold/x", "");
    let sql = "INSERT INTO session_transcript_cold_archives VALUES (?1, 'g', ?2, ?3, ?4, 0, 0, 'file', NULL)";
    writer.execute(sql, params![id(1), "../../../../../outside", hex(&bytes), count]).unwrap();
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 0);
    assert_eq!(desk.report.count(What::Conversation, Outcome::Failed), 1);
}

#[test]
fn a_session_in_rows_and_in_a_file_is_one_conversation_with_the_lines_of_both() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:main", &id(1), Some("Garden"));
    rows(&writer, &id(1), &transcript(&id(1), 3));
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 4));
    desk.import(&home.path());
    assert_eq!((desk.report.count(What::Conversation, Outcome::New), desk.report.entries.new), (1, 4));
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!(desk.state(), before);
    assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 4).into_bytes());
}

#[test]
fn nothing_of_a_database_is_changed_by_reading_it() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    node(&writer, "agent:main:main", &id(1), None);
    rows(&writer, &id(1), &transcript(&id(1), 3));
    drop(writer);
    let before = fs::read(home.at(DATABASE)).unwrap();
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 3);
    assert!(fs::read(home.at(DATABASE)).unwrap() == before);
    let beside = fs::metadata(home.at(&format!("{DATABASE}-wal"))).map_or(0, |about| about.len());
    assert_eq!(beside, 0);
}

#[test]
fn what_an_agent_signs_in_with_is_listed_by_table() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let writer = database(&home);
    writer
        .execute_batch(
            "CREATE TABLE auth_profile_store (a); INSERT INTO auth_profile_store VALUES ('FAKE-1');",
        )
        .unwrap();
    desk.import(&home.path());
    let listed = desk.items.iter().find(|item| item.what == What::Secret).unwrap();
    assert_eq!((listed.path.as_str(), listed.at.as_deref()), (DATABASE, Some("auth_profile_store")));
    assert!(!format!("{:?}", desk.items).contains("FAKE"));
}
