//! Negative golden vectors under `vectors/1/broken/`: each rule of the page broken alone, with the verdict that every
//! implementation has to come to. Written anew as those of `vectors.rs`, and judged here by this code.

mod continued;
mod crowds;
mod frames;
mod giving_up;
mod headers;
mod heads;
mod judged;
mod keys;
mod limits;
mod logs;
mod ownership;
mod phrases;
mod races;
mod raw;
mod records;
mod rosters;
mod signatures;
mod tale;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use bowline_wire::codec::{DecodeError, decode};
use bowline_wire::entry::{EntryError, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Signature, WorkspaceId};
use bowline_wire::roster::record::Record;
use bowline_wire::signed::{VerifyError, verify_signature};
use serde_json::{Value, json};

const FILES: [&str; 10] = [
    "continued",
    "crowds",
    "entries",
    "frames",
    "heads",
    "limits",
    "logs",
    "records",
    "rosters",
    "signatures",
];

/// Those of them that are logs.
const LOGS: [&str; 4] = ["continued", "crowds", "logs", "rosters"];

/// Rules of form by the names that the page gives them, with what this code says when one is broken.
const RULES: [(&str, &str); 23] = [
    ("CapabilityOrder", "capabilities ascend without repetition"),
    ("ContentSeen", "content has seen a head"),
    ("CoversSeen", "covers do not pass seen"),
    ("CutOrder", "a cut names each chain once, ascending"),
    ("CutSeq", "a cut's seq counts from 1"),
    ("EpochLane", "epoch is zeros exactly in the control lane"),
    ("HeldSeen", "held does not pass seen"),
    ("LostEmpty", "something is given up"),
    ("LostOrder", "what is given up is named once, ascending"),
    ("PartCount", "too many parts"),
    ("PartIndex", "part index is below its count"),
    ("PartLane", "only content is in parts"),
    ("PartSeq", "seq counts the parts before it"),
    ("PositionOrder", "positions ascend without repetition"),
    ("WorkspaceOrder", "workspaces ascend without repetition"),
    ("PrevZeros", "prev is zeros exactly for seq 1"),
    ("SaltLane", "salt is zeros in the control lane"),
    ("StateBounds", "a state has bytes, a piece is some of them, and none is too long"),
    ("SeqFromOne", "seq counts from 1"),
    ("TimeLimit", "a log's time is below 2^48"),
    ("TypeLane", "type belongs to the other lane"),
    ("WeightPlace", "weight is in the last part of content and nowhere else"),
    ("VersionOrder", "versions ascend without repetition"),
];

/// Names of which this code has no sentence of their own, or more than one.
const COARSE: [&str; 7] = ["Body", "Canonical", "Limit", "Number", "Shape", "Signature", "UnusedField"];

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/1/broken").join(format!("{file}.json"))
}

fn read(file: &str) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(path(file)).unwrap()).unwrap()
}

fn written(file: &str) -> Value {
    match file {
        "continued" => continued::vectors(),
        "crowds" => crowds::vectors(),
        "entries" => headers::vectors(),
        "frames" => frames::vectors(),
        "heads" => heads::vectors(),
        "limits" => limits::vectors(),
        "logs" => logs::vectors(),
        "records" => records::vectors(),
        "rosters" => rosters::vectors(),
        "signatures" => signatures::vectors(),
        other => unreachable!("no such file: {other}"),
    }
}

/// A vector: what is wrong with it, which rule that breaks, and what follows.
fn vector(name: &str, rule: &str, verdict: &str, fields: Value) -> Value {
    let mut vector = json!({ "name": name, "rule": rule, "verdict": verdict });
    vector.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    vector
}

fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field].as_str().unwrap_or_else(|| panic!("no {field} in {vector}"))
}

fn unhex(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(vector, field)).unwrap()
}

fn fixed<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    unhex(vector, field).try_into().unwrap()
}

/// Whether an error is what breaking this rule looks like here.
fn is_rule(rule: &str, error: &DecodeError) -> bool {
    match error {
        // Whether another number of fields is met while reading or when comparing is this code's own affair.
        DecodeError::Malformed { .. } | DecodeError::NotCanonical => ["Canonical", "Shape"].contains(&rule),
        DecodeError::TooLarge { .. } | DecodeError::Rule("body is too long") => rule == "Limit",
        DecodeError::UnknownNumber { .. } => rule == "Number",
        DecodeError::Rule("a field that this type does not use is not zeros") => rule == "UnusedField",
        DecodeError::Rule(said) => RULES.contains(&(rule, said)),
    }
}

fn assert_rule(vector: &Value, error: &DecodeError) {
    assert!(is_rule(text(vector, "rule"), error), "{}: {error:?}", text(vector, "name"));
    assert!(["malformed", "BadRecord"].contains(&text(vector, "verdict")));
}

#[test]
fn what_is_written_now_is_what_was_written_before() {
    for file in FILES {
        let now = written(file);
        if std::env::var_os("BOWLINE_BLESS").is_some() {
            fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            fs::write(path(file), serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
        }
        assert_eq!(Value::from(read(file)), now, "vectors/1/broken/{file}.json");
    }
    let on_disk = fs::read_dir(path("entries").parent().unwrap()).unwrap().count();
    assert_eq!(on_disk, FILES.len(), "a file that no test reads");
}

#[test]
fn names_are_given_once() {
    for file in FILES {
        let vectors = read(file);
        let names: BTreeSet<_> = vectors.iter().map(|vector| text(vector, "name")).collect();
        assert_eq!(names.len(), vectors.len(), "{file}");
    }
}

#[test]
fn every_rule_of_form_is_broken_by_a_vector() {
    let files = ["entries", "frames", "heads", "records"];
    let vectors: Vec<_> = files.iter().flat_map(|file| read(file)).collect();
    let broken: BTreeSet<_> = vectors.iter().map(|vector| text(vector, "rule")).collect();
    let named: BTreeSet<_> = RULES.iter().map(|(name, _)| *name).chain(COARSE).collect();
    assert_eq!(broken, named);
}

#[test]
fn a_broken_entry_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("entries") {
        let (name, rule) = (text(&vector, "name"), text(&vector, "rule"));
        let workspace = WorkspaceId::from_bytes(fixed(&vector, "workspace"));
        let entry: Result<SignedEntry, _> = decode(&unhex(&vector, "entry"));
        match entry.map(|entry| entry.verify(workspace)) {
            Err(error) | Ok(Err(EntryError::Header(VerifyError::Decode(error)))) => {
                assert_rule(&vector, &error);
            }
            Ok(Err(EntryError::Header(VerifyError::BadSignature))) => assert_eq!(rule, "Signature", "{name}"),
            Ok(Err(EntryError::BodyMismatch)) => assert_eq!(rule, "Body", "{name}"),
            Ok(Ok(_)) => panic!("{name}: it was read"),
        }
    }
}

#[test]
fn a_broken_record_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("records") {
        let error = Record::parse(&unhex(&vector, "body")).expect_err(text(&vector, "name"));
        assert_rule(&vector, &error);
    }
}

#[test]
fn a_broken_frame_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("frames") {
        let error = decode::<Frame>(&unhex(&vector, "frame")).expect_err(text(&vector, "name"));
        assert_rule(&vector, &error);
    }
}

#[test]
fn a_frame_at_a_limit_is_read_and_one_beyond_is_refused_for_that() {
    for vector in read("limits") {
        let (name, read) = (text(&vector, "name"), decode::<Frame>(&limits::bytes_of(&vector["frame"])));
        assert_eq!(read.is_ok(), text(&vector, "verdict") == "read", "{name}: {read:?}");
        if let Err(error) = read {
            assert_rule(&vector, &error);
        }
    }
}

#[test]
fn a_broken_head_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("heads") {
        let workspace = WorkspaceId::from_bytes(fixed(&vector, "workspace"));
        match decode::<SeenHead>(&unhex(&vector, "seen")) {
            Err(error) => assert_rule(&vector, &error),
            Ok(seen) => {
                let name = text(&vector, "name");
                assert_eq!(seen.verify(workspace), Err(VerifyError::BadSignature), "{name}");
                assert_eq!(text(&vector, "rule"), "Signature", "{name}");
            }
        }
    }
}

#[test]
fn a_signature_that_a_laxer_predicate_takes_is_refused() {
    for vector in read("signatures") {
        let (key, signature) =
            (fixed(&vector, "public_key"), Signature::from_bytes(fixed(&vector, "signature")));
        let domain = text(&vector, "domain").as_bytes();
        let verified = verify_signature(&key, domain, &unhex(&vector, "message"), &signature);
        assert_eq!(verified, Err(VerifyError::BadSignature), "{}", text(&vector, "name"));
        assert_eq!(text(&vector, "verdict"), "malformed");
    }
}

#[test]
fn every_log_comes_to_what_its_vector_says() {
    for vector in LOGS.iter().flat_map(|file| read(file)) {
        judged::assert_log(&vector);
    }
}

#[test]
fn every_refusal_and_every_void_reason_has_a_vector() {
    let vectors: Vec<_> = LOGS.iter().flat_map(|file| read(file)).collect();
    let steps =
        |vector: &Value| ["entries", "next"].map(|list| vector[list].as_array().unwrap().clone()).concat();
    let all: Vec<_> = vectors.iter().flat_map(steps).collect();
    let rules: BTreeSet<_> = all.iter().filter_map(|step| step["rule"].as_str()).collect();
    let missing: Vec<_> = judged::RULES.into_iter().filter(|rule| !rules.contains(rule)).collect();
    assert_eq!(missing, judged::WITHOUT_A_VECTOR);
}
