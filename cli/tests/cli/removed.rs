//! What people read about somebody who is removed, and about what those go on writing.

use rusqlite::Connection;
use serde_json::json;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{ana_and_ben, json, ok, until};

#[test]
fn somebody_who_is_connected_hears_of_their_removal_at_once() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens, id) = ana_and_ben(&relay);
    let (mut beside, stop) = bens.beside();
    let watching = std::thread::spawn(move || beside.run("sync --watch"));
    until(|| bens.run("status").stdout.contains("  Connected since "));
    ok(&mut laptop, "workspace remove Ben --yes");
    // It has nothing to send, and no other reason to ask the relay anything.
    let told = "this device was removed, or has left";
    until(|| bens.run("status").stdout.contains("  Not connected: this device was removed by laptop ("));
    stop.send(true).unwrap();
    let watched = watching.join().unwrap();
    assert!(watched.stderr.contains(told), "{}", watched.stderr);
    assert!(ok(&mut bens, &format!("chat show {id}")).contains("And bread"));
}

/// Leaves what Ben wrote last as it is where a relay has let somebody write who was removed. No relay of ours does.
fn put_bens_entry_aside(laptop: &Machine) {
    /// The number of [`bowline_engine::device::QuarantineReason::NotActive`].
    const NOT_ACTIVE: u16 = 25;
    let database = Connection::open(laptop.home("bowline.db")).unwrap();
    let changed = database.execute(
        "UPDATE entry SET state = 2, reason = ?1 WHERE n = (SELECT max(n) FROM entry WHERE lane = 1)",
        [NOT_ACTIVE],
    );
    assert_eq!(changed.unwrap(), 1);
}

#[test]
fn what_somebody_writes_who_was_removed_is_named_in_status_and_can_be_read() {
    let relay = TestRelay::start();
    let (mut laptop, _, _) = ana_and_ben(&relay);
    let none = laptop.run("workspace put-aside");
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert_eq!(none.stderr, "Nothing was put aside in this workspace.\n");
    assert_eq!(json(&mut laptop, "workspace put-aside"), json!([]));
    ok(&mut laptop, "workspace remove Ben --yes");
    put_bens_entry_aside(&laptop);

    let status = ok(&mut laptop, "status");
    let why = "its author is not in the workspace";
    assert!(status.contains("  Put aside: 1 entry\n"), "{status}");
    assert!(status.contains(" by desktop ("), "{status}");
    assert!(status.contains("`bowline workspace put-aside ID` shows what one of them says"), "{status}");
    let listed = ok(&mut laptop, "workspace put-aside");
    assert!(listed.contains(" by desktop (") && listed.contains("  In chat Groceries\n"), "{listed}");
    assert!(!listed.contains("And bread"), "{listed}");
    let rows = json(&mut laptop, "workspace put-aside");
    let [row] = rows.as_array().unwrap().as_slice() else { panic!("{rows}") };
    assert_eq!(row["document"]["kind"], "chat");
    assert_eq!(row["document"]["says"], json!(["user: And bread"]));
    assert_eq!(row["why"].as_str().unwrap(), why);
    let prefix = &row["entry"].as_str().unwrap()[..6];
    let read = ok(&mut laptop, &format!("workspace put-aside {prefix}"));
    assert!(read.contains("    user: And bread\n"), "{read}");
    let unknown = laptop.run("workspace put-aside ffffffffffff");
    assert_eq!(unknown.code, 7, "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("There is no entry that was put aside \"ffffffffffff\""),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_owner_is_reminded_of_a_recovery_phrase_and_a_member_is_not() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens, _) = ana_and_ben(&relay);
    let reminder = "  Recovery phrase: none.";
    assert!(ok(&mut laptop, "status").contains(reminder));
    assert!(!ok(&mut bens, "status").contains("Recovery phrase"));
    for machine in [&mut laptop, &mut bens] {
        assert_eq!(json(machine, "status")["workspaces"][0]["recovery_phrase"], json!(false));
    }
    ok(&mut laptop, "recovery create --yes");
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, "status").contains(reminder));
}
