//! What a relay was caught at, shown, written down, and checked where there is no home.

use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{ok, owner};

/// The golden vectors of evidence, each with its name, its bytes and what is to come of it.
fn vectors() -> Vec<(String, Vec<u8>, Value)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/wire/vectors/1/evidence.json");
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let read = |vector: &Value| {
        let bytes = HEXLOWER.decode(vector["evidence"].as_str().unwrap().as_bytes()).unwrap();
        (vector["name"].as_str().unwrap().to_owned(), bytes, vector["verdict"].clone())
    };
    vectors.iter().map(read).collect()
}

/// A file with one proof, as somebody else may send it.
fn file(machine: &Machine, evidence: &[u8]) -> PathBuf {
    let proof = json!({ "what": "?", "workspace": "?", "proof": BASE64.encode(evidence) });
    let path = machine.path("evidence.json");
    std::fs::write(&path, json!({ "bowline_evidence": 1, "proofs": [proof] }).to_string()).unwrap();
    path
}

#[test]
fn evidence_is_checked_on_a_machine_without_a_home() {
    let mut machine = Machine::new("elsewhere");
    for (name, bytes, verdict) in vectors() {
        let path = file(&machine, &bytes);
        let ran = machine.run(&format!("--json evidence verify {}", path.display()));
        if verdict.is_object() {
            assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
            let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
            for field in ["workspace", "log", "signed", "against"] {
                assert_eq!(shown["proofs"][0][field], verdict[field], "{name}");
            }
        } else {
            assert_ne!(ran.code, 0, "{name}");
            assert!(ran.stderr.contains("not_evidence") && ran.stderr.contains("proves nothing"), "{name}");
        }
    }
    assert!(!machine.home("bowline.db").exists(), "nothing was made for it");
}

#[test]
fn what_is_no_evidence_is_said_to_be_none() {
    let mut machine = Machine::new("elsewhere");
    let path = machine.path("evidence.json");
    for text in
        ["", "{}", "[1]", "{\"bowline_evidence\":2,\"proofs\":[]}", "{\"bowline_evidence\":1,\"proofs\":[]}"]
    {
        std::fs::write(&path, text).unwrap();
        let ran = machine.run(&format!("evidence verify {}", path.display()));
        assert!(ran.code != 0 && ran.stderr.contains("does not hold evidence"), "{text}: {}", ran.stderr);
    }
}

#[test]
fn what_a_relay_was_caught_at_is_shown_written_down_and_checked() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let nothing = ok(&mut laptop, "workspace evidence");
    assert_eq!(nothing, "This workspace's relay was caught at nothing.\n");
    let path = laptop.path("shown.json");
    let refused = laptop.run(&format!("workspace evidence --export {}", path.display()));
    assert!(refused.code != 0 && !path.exists(), "{}", refused.stderr);
    let database = Connection::open(laptop.home("bowline.db")).unwrap();
    let plant = "INSERT INTO evidence (ws, kind, at, what) SELECT id, ?1, 1, ?2 FROM workspace";
    for (name, kind) in [("two heads apart", 5), ("less than was shown", 6)] {
        let (_, bytes, _) = vectors().into_iter().find(|(known, _, _)| known == name).unwrap();
        database.execute(plant, (kind, bytes)).unwrap();
    }
    database.execute(plant, (4, Vec::<u8>::new())).unwrap();
    let shown = ok(&mut laptop, "workspace evidence");
    assert!(shown.contains("two different histories") && shown.contains("in answer"), "{shown}");
    assert!(shown.contains("convinces this device alone"), "{shown}");
    ok(&mut laptop, &format!("workspace evidence --export {}", path.display()));
    let again = laptop.run(&format!("workspace evidence --export {}", path.display()));
    assert!(again.stderr.contains("already"), "nothing is overwritten: {}", again.stderr);
    let mut elsewhere = Machine::new("elsewhere");
    let checked = ok(&mut elsewhere, &format!("evidence verify {}", path.display()));
    assert_eq!(
        checked.lines().filter(|line| line.starts_with("Whoever holds the key")).count(),
        2,
        "{checked}"
    );
}
