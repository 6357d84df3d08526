//! Entries of logs that are older than protocol 1: read as they were, and accepted nowhere.

use std::fs;
use std::path::PathBuf;

use bowline_wire::before;
use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::entry::{EntryError, SignedEntry};
use bowline_wire::ids::{Lane, LogTime, Position, Signature, WorkspaceId};
use bowline_wire::roster::record::Record;
use bowline_wire::signed::VerifyError;
use bowline_wire::weight::Weight;
use serde_json::Value;

use crate::samples::{ana, story};
use crate::support::at;

/// The tip of a content chain, as the version before stored it.
const OLD_TIP: &str = concat!(
    "850158206e36d921d1d3799cb97ec03a22f2063cc2ba967d7c57eafc46dba76234780c858458205ecbe14a21cec4b2a8",
    "935069dc839194a80c6680f42dbdc83fc5a7503d4b9fb00358209e0df08d29bd5d2dd90a98793695b927cdbdbe8a6bc8",
    "faa6052e47e812c28c7b5840626388289f991321dde2dc0b22e6b53a07eb973b5d4c2cea0497a4f76027c0da6d4875ec",
    "ce5bf708cd29c7f9cd2c2f6ab85b188f2fe15f21c4be05357f7915000302",
);

/// What the version before wrote.
fn vectors() -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/before/entries.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn unhex(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

fn signature(vector: &Value) -> Signature {
    Signature::from_slice(&unhex(vector, "signature")).unwrap()
}

#[test]
fn entries_of_before_are_read_with_their_ids_and_what_their_seals_bind() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 13);
    for vector in vectors {
        let (header, body) = (unhex(&vector, "header"), unhex(&vector, "body"));
        assert!(before::is_of_before(&header));
        let entry = before::entry(header, signature(&vector), Some(body)).unwrap();
        assert_eq!(entry.id().to_string(), vector["entry_id"]);
        assert_eq!(entry.additional_data(), unhex(&vector, "additional_data"));
        assert_eq!(entry.header().weight, Weight::MAX, "nothing was declared");
    }
}

#[test]
fn the_end_of_a_chain_of_before_is_read() {
    let stored = hex::decode(OLD_TIP).unwrap();
    let tip = before::tip(&stored).unwrap();
    assert_eq!((tip.seq, tip.held, tip.roster, tip.since), (1, Position(3), 2, LogTime::START));
    assert_eq!(tip.seen.map(|seen| seen.position), Some(Position(3)));
    let now = story().log.tip(&ana().chain(Lane::Control)).copied().unwrap();
    assert_eq!(before::tip(&encode(&now)), None, "and one of now is none");
}

#[test]
fn an_entry_of_before_that_was_altered_is_refused() {
    for vector in vectors() {
        let (header, body) = (unhex(&vector, "header"), unhex(&vector, "body"));
        for at in [0, 5, 60, header.len() - 1] {
            let mut altered = header.clone();
            altered[at] ^= 1;
            assert!(before::entry(altered, signature(&vector), Some(body.clone())).is_err(), "byte {at}");
        }
        let other = before::entry(header.clone(), Signature::ZERO, Some(body));
        assert_eq!(other, Err(EntryError::Header(VerifyError::BadSignature)));
        let swapped = before::entry(header, signature(&vector), Some(b"another body".to_vec()));
        assert_eq!(swapped, Err(EntryError::BodyMismatch));
    }
}

#[test]
fn no_log_takes_an_entry_of_before() {
    let unknown = DecodeError::UnknownNumber { what: "header version", number: 1 };
    for vector in vectors() {
        let signed: SignedEntry = decode(&unhex(&vector, "entry")).unwrap();
        let refused = signed.verify(story().workspace());
        assert_eq!(refused, Err(EntryError::Header(VerifyError::Decode(unknown))));
    }
}

#[test]
fn what_is_written_now_is_not_of_before() {
    for (name, entry) in crate::samples::entries() {
        assert!(!before::is_of_before(entry.signed_header().bytes()), "{name}");
        let (bytes, signature) = (entry.signed_header().bytes().to_vec(), *entry.signed_header().signature());
        assert!(before::entry(bytes, signature, None).is_err(), "{name}");
    }
    assert!(!before::is_of_before(b""));
}

fn of_before(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/before").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn records_from_before_there_were_suites_are_read_and_are_none_of_now() {
    let records = of_before("records.json");
    for vector in records.as_array().unwrap() {
        let (name, body) = (vector["name"].as_str().unwrap(), unhex(vector, "body"));
        let record = before::record(&body).unwrap();
        assert!(format!("{record:?}").starts_with(name), "{name}: {record:?}");
        let is_same = ["CloseInvite", "CloseLink", "Join", "Leave"].contains(&name);
        assert_eq!(Record::parse(&body).is_ok(), is_same, "{name}");
        assert!(before::record(&[&body[..], &[0]].concat()).is_err(), "{name} and a byte");
    }
}

#[test]
fn records_of_draft_two_are_read() {
    let records = of_before("records-2.json");
    assert_eq!(records.as_array().unwrap().len(), 10);
    for vector in records.as_array().unwrap() {
        let (name, body) = (vector["name"].as_str().unwrap(), unhex(vector, "body"));
        let record = before::record(&body).unwrap();
        assert!(format!("{record:?}").starts_with(name), "{name}: {record:?}");
        assert!(before::record(&[&body[..], &[0]].concat()).is_err(), "{name} and a byte");
    }
}

#[test]
fn who_was_in_a_workspace_of_an_earlier_draft_is_found() {
    ["chains.json", "chains-2.json"].into_iter().for_each(who_was_in_is_found);
}

fn who_was_in_is_found(file: &str) {
    let chains = of_before(file);
    let workspace = WorkspaceId::from_slice(&unhex(&chains, "workspace")).unwrap();
    let entries: Vec<_> = chains["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| {
            let signed: SignedEntry = decode(&unhex(vector, "entry")).unwrap();
            signed.verify(workspace).unwrap()
        })
        .collect();
    let placed = (1..).map(at).zip(&entries);
    let roster = before::roster(workspace, placed);
    let hashes: Vec<_> = roster.points().iter().map(|point| point.hash.to_string()).collect();
    let expected = chains["roster"].as_array().unwrap().iter();
    assert!(hashes.iter().eq(expected.map(|point| point["roster_hash"].as_str().unwrap())), "{hashes:?}");
    assert_eq!(roster.devices().count(), 2);
}
