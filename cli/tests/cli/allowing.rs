//! Who may write more about people and keys: what the Owner and a member are told, as far as nobody is running out.

use crate::relay::TestRelay;
use crate::shared::{joined, ok, owner};

#[test]
fn more_is_for_the_owner_to_allow_and_for_members_who_are_running_out() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    let enough = laptop.run("workspace allow Ben");
    assert_eq!(enough.code, 2, "{}", enough.stderr);
    assert!(
        enough.stderr.contains("may still write more than half of what members may"),
        "{}",
        enough.stderr
    );
    let own = laptop.run("workspace allow Ana");
    assert!(own.stderr.contains("You are the owner, who may write without bound"), "{}", own.stderr);
    let refused = bens.run("workspace allow Ben");
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    let said = "Only the owner can allow somebody more\nHint: ask Ana (";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    let members: serde_json::Value =
        serde_json::from_str(&ok(&mut bens, "--json workspace members")).unwrap();
    let records = |name: &str| {
        members.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["records"].clone()
    };
    assert_eq!(records("Ana"), serde_json::Value::Null, "the owner is bound by nothing");
    assert_eq!(records("Ben"), serde_json::json!({ "written": 0, "allowed": 4_194_304, "scarce": false }));
    let status: serde_json::Value = serde_json::from_str(&ok(&mut laptop, "--json status")).unwrap();
    assert_eq!(status["workspaces"][0]["records_scarce"], serde_json::json!([]));
    ok(&mut bens, "device link");
    ok(&mut laptop, "sync");
    let members: serde_json::Value =
        serde_json::from_str(&ok(&mut laptop, "--json workspace members")).unwrap();
    let bens_row = members.as_array().unwrap().iter().find(|row| row["name"] == "Ben").unwrap();
    assert!(bens_row["records"]["written"].as_u64().unwrap() > 0, "a link is counted");
}
