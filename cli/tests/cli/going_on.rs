//! A person goes on with a relay that was caught, or that has another log than before: with commands, against the real relay.

use rusqlite::Connection;
use serde_json::Value;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, laptop_and_phone, ok, owner};

/// A laptop that knows more than its relay, which was put back, has taken in what the phone wrote, and forgets that it has lost something.
fn older_log() -> (TestRelay, Machine, Machine, [String; 2]) {
    let mut relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let older = relay.copy();
    let lost = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {lost} 'Buy milk'"));
    ok(&mut laptop, "sync");
    relay.put_back(&older);
    let new = phone.made("chat new --title Errands");
    ok(&mut phone, "sync");
    let told = laptop.run("--json workspace accept --yes");
    assert!(!told.stderr.contains("relay_lost_log"), "nobody has shown it what it lacks: {}", told.stderr);
    (relay, laptop, phone, [lost, new])
}

fn assert_both_have_both(laptop: &mut Machine, phone: &mut Machine, [lost, new]: &[String; 2]) {
    for _ in 0..2 {
        ok(laptop, "sync");
        ok(phone, "sync");
    }
    for machine in [laptop, phone] {
        assert!(ok(machine, &format!("chat show {lost}")).contains("Buy milk"));
        assert!(ok(machine, &format!("chat show {new}")).contains("Errands"));
        assert!(!ok(machine, "status").contains("misbehaves"));
    }
}

#[test]
fn a_person_accepts_an_older_log_and_everything_written_since_is_there() {
    let (_relay, mut laptop, mut phone, ids) = older_log();
    let told = ok(&mut laptop, "workspace evidence");
    assert!(told.contains("two different histories") && told.contains("set aside"), "{told}");
    assert_both_have_both(&mut laptop, &mut phone, &ids);
}

#[test]
fn what_is_missing_is_shown_before_anything_changes() {
    let mut relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    let older = relay.copy();
    let lost = laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    relay.put_back(&older);
    let told = ok(&mut laptop, "workspace accept --dry-run");
    assert!(told.contains("It lacks") && told.contains("Groceries"), "{told}");
    let told = laptop.run("workspace repair");
    assert_eq!(told.code, 8, "{}", told.stderr);
    assert!(told.stderr.contains("Groceries") && told.stderr.contains("needs a yes"), "{}", told.stderr);
    let shown: Value = serde_json::from_str(&ok(&mut laptop, "--json workspace repair --dry-run")).unwrap();
    assert_eq!((shown["done"].as_bool(), shown["missing"].as_u64()), (Some(false), Some(1)), "{shown}");
    assert_eq!(shown["documents"][0]["id"], lost.as_str());
    assert!(!ok(&mut laptop, "workspace show").contains("isconnected"), "it is connected as before");
    let shown: Value = serde_json::from_str(&ok(&mut laptop, "--json workspace repair --yes")).unwrap();
    assert_eq!(
        (shown["done"].as_bool(), shown["can_be_sent_again"].as_u64()),
        (Some(true), Some(1)),
        "{shown}"
    );
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
}

#[test]
fn whoever_came_in_by_the_relay_s_log_alone_is_named_before_the_yes() {
    let mut relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let older = relay.copy();
    laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    relay.put_back(&older);
    let code = ok(&mut phone, "device link");
    let _tablet = joined("tablet", "Ana", &code);
    let shown: Value = serde_json::from_str(&ok(&mut laptop, "--json workspace accept --dry-run")).unwrap();
    assert_eq!(shown["unknown_in"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown["removed_unknown"].as_u64(), Some(0), "{shown}");
    let told = ok(&mut laptop, "workspace accept --dry-run");
    assert!(told.contains("In by that log, and unknown here: "), "{told}");
}

#[test]
fn once_the_good_relay_is_back_what_was_held_against_it_stops_nothing() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    laptop.made("chat new --title Groceries");
    let database = Connection::open(laptop.home("bowline.db")).unwrap();
    let plant = "INSERT INTO evidence (ws, kind, at, what) SELECT id, 4, 1, x'' FROM workspace";
    database.execute(plant, ()).unwrap();
    drop(database);
    assert_eq!(laptop.run("sync").code, 6);
    let told = ok(&mut laptop, "status");
    assert!(told.contains("bowline workspace accept"), "{told}");
    let told = laptop.run("workspace accept --yes");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("It lacks nothing of what is known here."), "{}", told.stderr);
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
    assert!(ok(&mut laptop, "chat list").contains("on relay"));
    assert!(ok(&mut laptop, "workspace evidence").contains("set aside"));
}

#[test]
fn a_relay_that_waits_to_be_restored_is_not_gone_on_with() {
    let mut relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    let older = relay.copy();
    laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    relay.put_back(&older);
    assert!(laptop.run("sync").stderr.contains("waits to be restored"));
    let told = laptop.run("--json workspace accept --yes");
    assert!(told.stderr.contains("relay_lost_log") && told.stderr.contains("restore"), "{}", told.stderr);
    // Its operator has no way to restore it, and makes it forget.
    relay.stop();
    Connection::open(relay.database()).unwrap().execute("UPDATE log SET lacks = NULL", ()).unwrap();
    relay.resume();
    ok(&mut laptop, "workspace accept --yes");
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
}

#[test]
fn whoever_joined_what_was_lost_by_a_code_that_was_closed_since_is_shown_the_way_back_in() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let older = relay.copy();
    let mut phone = joined("phone", "Ana", &code);
    let id = phone.made("chat new --title Errands");
    ok(&mut phone, "sync");
    // Nobody else has heard of the phone, and the code is closed on the log that goes on.
    relay.put_back(&older);
    let open: Value = serde_json::from_str(&ok(&mut laptop, "--json device links")).unwrap();
    ok(&mut laptop, &format!("device links close {}", open[0]["id"].as_str().unwrap()));
    ok(&mut laptop, "sync");
    relay.restore();
    ok(&mut laptop, "sync");

    let told = phone.run("sync");
    assert_eq!(told.code, 6, "{}", told.stderr);
    assert!(told.stderr.contains("this device may not use the workspace"), "{}", told.stderr);
    for words in ["restored from a backup", "`bowline workspace rejoin`"] {
        assert!(told.stderr.contains(words), "{}", told.stderr);
    }
    assert!(ok(&mut phone, "status").contains("`bowline workspace rejoin`"));
    assert!(!ok(&mut phone, "workspace evidence").contains("histories"), "nothing contradicts");
    let code = ok(&mut laptop, "device link");
    let back = phone.run_with("workspace rejoin - --yes", &code);
    assert_eq!(back.code, 0, "{}\n{}", back.stdout, back.stderr);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    assert!(ok(&mut laptop, &format!("chat show {id}")).contains("Errands"));
}

#[test]
fn another_relay_at_the_address_is_refused_in_words() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    relay.stop();
    let told = laptop.run("workspace accept --yes");
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert!(!ok(&mut laptop, "workspace show").contains("isconnected"));
}
