//! Documents of which a workspace has a part, and this device the rest: what is said of them, and that nothing leaves unasked.

use crate::machine::{Machine, write};
use crate::relay::TestRelay;
use crate::shared::{ok, owner};

const SHARED: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-31T09:05:00.250Z","cwd":"/home/ana"}
{"type":"message","id":"00000001","message":{"role":"user","content":"Buy milk"}}
"#;

const ONLY_HERE: &str = r#"{"type":"message","id":"00000002","message":{"role":"user","content":"Nobody else has this"}}
"#;

fn import(machine: &mut Machine, session: &str) {
    let file = machine.path("session.jsonl");
    write(&file, session);
    ok(machine, &format!("import jsonl {}", file.display()));
}

/// What the laptop has shared and the phone has more of, and its id.
fn both(relay: &TestRelay) -> (Machine, Machine, String) {
    let mut laptop = owner(relay);
    import(&mut laptop, SHARED);
    ok(&mut laptop, "share --all --yes");
    let code = ok(&mut laptop, "device link");
    let mut phone = Machine::new("phone").with_clock();
    ok(&mut phone, "init --user Ana");
    import(&mut phone, &format!("{SHARED}{ONLY_HERE}"));
    let joined = phone.run(&format!("join {} --yes", code.trim()));
    assert_eq!(joined.code, 0, "{}", joined.stderr);
    ok(&mut laptop, "sync");
    ok(&mut phone, "sync");
    let list: serde_json::Value = serde_json::from_str(&ok(&mut phone, "--json chat list")).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let id = list[0]["id"].as_str().unwrap().to_owned();
    (laptop, phone, id)
}

#[test]
fn status_and_reset_count_what_only_this_device_has_of_documents_in_workspaces() {
    let relay = TestRelay::start();
    let (_, mut phone, _) = both(&relay);
    assert!(ok(&mut phone, "chat list").contains("1 only here"));
    let status = ok(&mut phone, "status");
    assert!(status.contains("Only on this device: parts of 1 document in workspaces\n"), "{status}");
    let asked = phone.run("reset");
    assert!(
        asked.stderr.contains("parts of 1 document in workspaces that were not shared"),
        "{}",
        asked.stderr
    );
}

#[test]
fn coming_back_into_a_workspace_shares_nothing_that_was_not_shared() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone, id) = both(&relay);
    ok(&mut laptop, "device revoke phone --yes");
    assert_eq!(phone.run("sync").code, 6);
    let code = ok(&mut laptop, "device link");
    let back = phone.run_with("workspace rejoin - --yes", &code);
    assert!(back.code == 0, "{}\n{}", back.stdout, back.stderr);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, &format!("chat show {id}")).contains("Nobody else has this"));
    assert!(ok(&mut phone, &format!("chat show {id}")).contains("Nobody else has this"));
    assert!(ok(&mut phone, "chat list").contains("1 only here"));
    ok(&mut phone, &format!("share {id}"));
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    assert!(ok(&mut laptop, &format!("chat show {id}")).contains("Nobody else has this"));
}
