//! A relay whose database has lost texts, or whose disk has altered them, gets them back from a device that has them.

use bowline_tests::processes::{Home, Relay, Tls};
use serde_json::Value;

/// What the workspace's relay holds back of what others wrote, as `status` has it, and how much was put aside.
fn held_back(home: &Home) -> (Value, usize) {
    let status: Value = serde_json::from_str(&home.run(["--json", "status"]).answer()).unwrap();
    let workspace = &status["workspaces"][0];
    (workspace["withheld"]["entries"].clone(), workspace["quarantined"].as_array().unwrap().len())
}

#[test]
fn what_a_relay_has_lost_comes_back_from_the_other_device() {
    let mut relay = Relay::start(Tls::Off);
    let (laptop, desktop) = crate::two_devices(&relay);
    let chat = crate::shared_conversation(&laptop, &desktop);
    let mut said = Vec::new();
    for (text, damage) in [("lost", "NULL"), ("rotten", "zeroblob(length(body))")] {
        laptop.run(["chat", "say", &chat, text]).answer();
        laptop.run(["sync"]).answer();
        relay.kill();
        relay.change_newest_content(&format!("body = {damage}"));
        relay.restart();

        let ran = desktop.run(["sync"]);
        assert_eq!(ran.status.code(), Some(10), "{ran:?}");
        assert!(ran.stderr.contains("The relay holds back 1 entry that others wrote"), "{}", ran.stderr);
        assert_eq!(held_back(&desktop), (1.into(), 0));
        assert_eq!(desktop.messages(&chat), said, "what is here is shown");
        let shown = desktop.run(["chat", "show", &chat]);
        assert!(shown.stderr.contains("the relay holds back 1 entry of it"), "{}", shown.stderr);
        let list = desktop.run(["chat", "list"]).answer();
        assert!(list.contains("1 held back"), "{list}");

        laptop.run(["sync"]).answer();
        desktop.run(["sync"]).answer();
        said.push(text.to_owned());
        assert_eq!(desktop.messages(&chat), said);
        assert_eq!(held_back(&desktop), (Value::Null, 0));
    }
    // Whoever comes later gets everything from the relay.
    let tablet = Home::init("Ana", "tablet");
    let code = laptop.run(["device", "link"]).answer();
    tablet.run(["join", code.trim(), "--yes"]).answer();
    tablet.run(["sync"]).answer();
    assert_eq!(tablet.messages(&chat), said);
}
