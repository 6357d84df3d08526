//! Who did what in a workspace, checked and exported; what two people compare; and since when everybody is in, by whose hand.

use bowline::Terminal;
use rusqlite::Connection;
use serde_json::Value;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, json, ok, owner};

/// Ana's laptop and Ben's desktop in one workspace, with a conversation into which both have written.
fn ana_and_ben(relay: &TestRelay) -> (Machine, Machine, String) {
    let mut laptop = owner(relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    let id = laptop.made("chat new --title Trip");
    for text in ["one", "two"] {
        ok(&mut laptop, &format!("chat say {id} '{text}'"));
        ok(&mut laptop, "sync");
    }
    ok(&mut bens, "sync");
    ok(&mut bens, &format!("chat say {id} 'three'"));
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    (laptop, bens, id)
}

/// The words of a field of every row.
fn each(rows: &Value, field: &str) -> Vec<String> {
    let word = |row: &Value| row[field].as_str().unwrap_or_default().to_owned();
    rows.as_array().unwrap().iter().map(word).collect()
}

#[test]
fn who_did_what_is_told_to_both_roles_and_stays_when_somebody_is_removed() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens, id) = ana_and_ben(&relay);
    let (anas_rows, bens_rows) = (json(&mut laptop, "audit"), json(&mut bens, "audit"));
    assert_eq!(
        each(&anas_rows, "entry"),
        each(&bens_rows, "entry"),
        "a member is told all that the owner is"
    );
    ok(&mut laptop, "workspace remove Ben --yes");
    ok(&mut laptop, "sync");
    let told = ok(&mut laptop, "audit --what shared,edited,joined,removed,created");
    let lines: Vec<&str> = told.lines().filter(|line| !line.contains("the names of people")).collect();
    let deeds =
        ["made the workspace", "came in with a code", "shared conversation \"Trip\"", "edited", "edited"];
    for (line, deed) in lines.iter().zip(deeds) {
        assert!(line.contains(deed), "{deed}: {told}");
    }
    assert!(lines[1].contains("  Ben (") && lines[1].contains(" by Ana ("), "{told}");
    assert!(lines.last().unwrap().contains(" removed Ben ("), "{told}");
    let by_ben = json(&mut laptop, "audit --who Ben --what edited");
    let trip = |row: &&Value| row["document"]["id"] == id.as_str();
    let edit = by_ben.as_array().unwrap().iter().find(trip).unwrap();
    assert_eq!((&edit["who"]["user_name"], &edit["standing"]), (&"Ben".into(), &"counts".into()));
    assert_eq!(edit["document"]["name"], "Trip");
    let keys = json(&mut laptop, "audit --what rekeyed");
    assert_eq!(each(&keys, "what"), ["removed"], "a removal carries new keys");
    assert_eq!(json(&mut laptop, "audit --since 2100-01-01"), Value::Array(Vec::new()));
    let nobody = laptop.run("audit --who Nobody");
    assert_eq!(nobody.code, 7, "{}", nobody.stderr);
    assert_eq!(laptop.run("audit --since yesterday").code, 2);
}

#[test]
fn edits_one_after_another_are_one_line_and_nothing_is_lost_of_them_for_programs() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Diary");
    for n in 0..4 {
        ok(&mut laptop, &format!("chat say {id} 'day {n}'"));
        ok(&mut laptop, "sync");
    }
    let told = ok(&mut laptop, "audit --what edited");
    let edited = json(&mut laptop, "audit --what edited");
    let of_diary = each(&edited, "entry").len();
    assert!(of_diary >= 3, "{edited}");
    let times = format!("edited conversation \"Diary\" ({}) 3 times until ", &id[..4]);
    assert_eq!(told.lines().filter(|line| line.contains(&times)).count(), 1, "{told}");
}

#[test]
fn an_audit_is_written_into_a_file_of_its_own_that_nobody_else_reads() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let path = laptop.path("audit.jsonl");
    let line = format!("audit --export {}", path.display());
    let ran = laptop.run(&line);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let written = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(rows), json(&mut laptop, "audit"));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = laptop.run(&line);
    assert!(again.code == 2 && again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
}

#[test]
fn a_log_that_was_altered_on_the_disk_is_named_with_its_place_and_ends_with_a_code_of_its_own() {
    let relay = TestRelay::start();
    let (mut laptop, ..) = ana_and_ben(&relay);
    let whole = json(&mut laptop, "audit verify");
    assert_eq!((&whole["verified"], &whole["from"]), (&true.into(), &1.into()));
    assert_eq!(whole["signed_by_relay"], whole["to"]);
    assert!(ok(&mut laptop, "audit verify").contains("Every signature and hash verifies"));
    let database = Connection::open(laptop.home("bowline.db")).unwrap();
    // A roster record: the workspace cannot be opened any more, and is looked at all the same.
    let damage = "UPDATE entry SET signature = zeroblob(64) WHERE pos = 2";
    assert_eq!(database.execute(damage, ()).unwrap(), 1);
    let ran = laptop.run("--json audit verify");
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(ran.stderr.contains("\"log_unverified\""), "{}", ran.stderr);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["faults"][0]["position"], 2);
    assert_eq!(answer["faults"][0]["what"], "signature");
    assert_eq!(answer["judged_to"], 1);
    let told = laptop.run("audit verify");
    assert!(told.stdout.contains("position 2: the entry is not as its author signed it"), "{}", told.stdout);
    let named = format!("audit verify --workspace {}", answer["workspace"].as_str().unwrap());
    assert_eq!(laptop.run(&named).code, 12, "named by its id as well");
}

#[test]
fn two_people_compare_words_and_are_told_when_the_roster_has_changed() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens, _) = ana_and_ben(&relay);
    let anas = json(&mut laptop, "workspace verify");
    let at = &anas["position"];
    let bens_words = json(&mut bens, &format!("workspace verify --at {at}"));
    assert_eq!((&anas["roster"], &anas["log"]), (&bens_words["roster"], &bens_words["log"]));
    assert_eq!(anas["verified"], Value::Null);
    let (roster, log) = (anas["roster"]["words"].as_str().unwrap(), anas["log"]["digits"].as_str().unwrap());
    let other = laptop.run(&format!("workspace verify --at {at} --heard '{log}'"));
    assert_eq!(other.code, 12, "{}", other.stderr);
    assert!(other.stderr.contains("another roster") && other.stderr.contains(&format!("--at {at}")));
    let wrong_log = laptop.run(&format!("workspace verify --at {at} --heard '{roster} {roster}'"));
    assert!(wrong_log.code == 12 && wrong_log.stderr.contains("another log"), "{}", wrong_log.stderr);
    let mistyped = laptop.run("workspace verify --heard 'abandon abandom'");
    assert!(mistyped.code == 2 && mistyped.stderr.contains("\"abandom\" is not one of the words"));
    assert_eq!(json(&mut laptop, "workspace verify")["verified"], Value::Null, "nothing wrong is remembered");

    ok(&mut laptop, &format!("workspace verify --at {at} --heard '{roster} {log}'"));
    let status = ok(&mut laptop, "status");
    assert!(status.contains("  Verified: just now at position "), "{status}");
    assert!(status.contains("the roster is the same; the log goes on from there"), "{status}");
    ok(&mut laptop, "workspace remove Ben --yes");
    ok(&mut laptop, "sync");
    let verified = &json(&mut laptop, "status")["workspaces"][0]["verified"];
    assert_eq!((&verified["roster"], &verified["went"]), (&"changed".into(), &1.into()));
    let status = ok(&mut laptop, "status");
    assert!(status.contains("since then 0 devices came in and 1 device went"), "{status}");
    assert!(status.contains("`bowline workspace verify` compares it once more"), "{status}");
}

#[test]
fn on_a_terminal_a_person_says_whether_the_words_are_the_same() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    laptop.terminal = Terminal { stdin: true, stdout: true, stderr: true, ..laptop.terminal };
    let no = laptop.run_with("workspace verify", "\n");
    assert!(no.stderr.contains("Does the other device show the same words? [y/N]"), "{}", no.stderr);
    assert_eq!(json(&mut laptop, "workspace verify")["verified"], Value::Null);
    assert_eq!(laptop.run_with("workspace verify", "y\n").code, 0);
    assert_eq!(json(&mut laptop, "workspace verify")["verified"]["roster"], "same");
    let beyond = laptop.run("workspace verify --at 99999");
    assert!(beyond.code == 7 && beyond.stderr.contains("not 99,999"), "{}", beyond.stderr);
}

#[test]
fn members_and_devices_show_since_when_they_are_in_and_by_whom() {
    let relay = TestRelay::start();
    let (mut laptop, ..) = ana_and_ben(&relay);
    let members = json(&mut laptop, "workspace members");
    let named = |rows: &Value, field: &str, name: &str| {
        rows.as_array().unwrap().iter().find(|row| row[field] == name).unwrap().clone()
    };
    let ben = named(&members, "name", "Ben");
    assert_eq!((&ben["let_in_by_name"], &ben["removed_at"]), (&"Ana".into(), &Value::Null));
    assert!(ben["since"].is_string());
    assert_eq!(named(&members, "name", "Ana")["let_in_by"], Value::Null, "Ana made the workspace");
    ok(&mut laptop, "workspace remove Ben --yes");
    ok(&mut laptop, "sync");
    assert_eq!(json(&mut laptop, "workspace members").as_array().unwrap().len(), 1);
    let gone = named(&json(&mut laptop, "workspace members --all"), "name", "Ben");
    assert_eq!((&gone["active"], &gone["removed_by_name"]), (&false.into(), &"Ana".into()));
    assert!(gone["removed_at"].is_string() && gone["since"] == ben["since"]);
    let device = named(&json(&mut laptop, "device list --all"), "user_name", "Ben");
    assert_eq!((&device["let_in_by_name"], &device["removed_by_name"]), (&"Ana".into(), &"Ana".into()));
    for list in ["workspace members --all", "device list --all"] {
        let shown = ok(&mut laptop, list);
        assert!(shown.contains("LET IN BY") && shown.contains("removed just now"), "{shown}");
    }
}
