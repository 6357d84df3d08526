//! Words that never come: what the owner and a member are told, and what becomes of them once they are given up.

use rusqlite::Connection;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, json, ok, owner};

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The relay's disk has lost what is in the newest entry of a document.
fn lose_newest(relay: &mut TestRelay) {
    relay.stop();
    let database = Connection::open(relay.database()).unwrap();
    let sql = "UPDATE entry SET body = NULL WHERE position = (
                   SELECT max(position) FROM entry JOIN chain ON chain.n = entry.chain WHERE lane = 1)";
    assert_eq!(database.execute(sql, ()).unwrap(), 1);
    drop(database);
    relay.resume();
}

/// What `status` says on a machine a while from now.
fn status_after(machine: &mut Machine, millis: u64) -> String {
    let now = machine.now;
    machine.now = now.plus(millis);
    let status = ok(machine, "status");
    machine.now = now;
    status
}

#[test]
fn what_never_comes_is_shown_given_up_by_the_owner_and_said_again_by_who_has_it() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    let nothing = laptop.run("workspace give-up");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("there is nothing to give up"), "{}", nothing.stderr);

    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    ok(&mut bens, "sync");
    bens.knows(&mut laptop);
    ok(&mut bens, &format!("chat say {id} 'Buy milk'"));
    ok(&mut bens, "sync");
    lose_newest(&mut relay);
    assert_eq!(laptop.run("sync").code, 10, "the relay holds something back");
    assert!(!status_after(&mut laptop, 0).contains("give-up"), "that has just begun");
    let status = status_after(&mut laptop, DAY + 1_000);
    assert!(status.contains("`bowline workspace give-up` shows whose words they are"), "{status}");

    relay.stop();
    let refused = bens.run("workspace give-up --yes");
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    let said = "Only the owner can give up what never comes\nHint: ask Ana (";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    relay.resume();

    let asked = laptop.run("workspace give-up");
    assert_eq!(asked.code, 8, "{}", asked.stderr);
    for said in
        ["conversation \"Groceries\"", ": 1 entry by Ben (", "; the relay does not give it; may still be on "]
    {
        assert!(asked.stderr.contains(said), "{said}: {}", asked.stderr);
    }
    assert!(asked.stderr.contains("let them sync first"), "{}", asked.stderr);
    assert_eq!(json(&mut laptop, "status")["workspaces"][0]["withheld"]["entries"], 1, "nothing was changed");

    let given_up = json(&mut laptop, "workspace give-up --yes");
    let row = &given_up["given_up"][0];
    assert_eq!((&row["document"]["name"], &row["user_name"]), (&"Groceries".into(), &"Ben".into()));
    assert_eq!((&row["entries"], &row["lacks"]), (&1.into(), &"body".into()));
    assert_eq!(row["may_still_be_on"].as_array().unwrap().len(), 1);
    let status = &json(&mut laptop, "status")["workspaces"][0];
    assert_eq!(status["withheld"], serde_json::Value::Null);
    assert!(status["quarantined"][0]["why"].as_str().unwrap().starts_with("the owner gave it up"));
    let audit = ok(&mut laptop, "audit");
    assert!(audit.contains(" gave up 1 entry of Ben ("), "{audit}");
    assert_eq!(json(&mut laptop, "workspace give-up")["given_up"], serde_json::json!([]));

    let told = bens.run("sync");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains(
            "the owner gave up 1 entry, which counts nowhere any more; what of that is yours is sent again"
        ),
        "{}",
        told.stderr
    );
    ok(&mut laptop, "sync");
    for machine in [&mut laptop, &mut bens] {
        let shown = ok(machine, &format!("chat show {id}"));
        assert_eq!(shown.matches("Buy milk").count(), 1, "{shown}");
    }
}

/// The person decides while the relay is away, and somebody who has the words is back before.
#[test]
fn what_is_decided_without_a_relay_waits_and_what_comes_before_its_record_is_not_given_up() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut laptop, "sync");
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    ok(&mut bens, "sync");
    ok(&mut bens, &format!("chat say {id} 'Buy milk'"));
    ok(&mut bens, "sync");
    lose_newest(&mut relay);
    assert_eq!(laptop.run("sync").code, 10);
    relay.stop();
    let waits = laptop.run("workspace give-up --yes");
    assert_ne!(waits.code, 0, "{}", waits.stderr);
    let said = "Giving up 1 entry is decided, and not yet in force";
    assert!(waits.stderr.contains(said) && !waits.stderr.contains("Gave up"), "{}", waits.stderr);
    relay.resume();
    ok(&mut bens, "sync");
    let synced = laptop.run("sync");
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let said = "what was to be given up has come: nothing was given up";
    assert!(synced.stderr.contains(said), "{}", synced.stderr);
    let status = &json(&mut laptop, "status")["workspaces"][0];
    assert_eq!((&status["withheld"], &status["undecided"]), (&serde_json::Value::Null, &0.into()));
    let shown = ok(&mut laptop, &format!("chat show {id}"));
    assert!(shown.contains("Buy milk"), "{shown}");
}
