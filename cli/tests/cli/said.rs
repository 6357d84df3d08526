//! What is said is true: of conversations with nothing in them, of names that differ, of addresses in several spellings.

use crate::machine::{Machine, write};
use crate::relay::TestRelay;
use crate::shared::{joined, ok, owner};

#[test]
fn a_conversation_with_nothing_in_it_is_shared_with_the_others_and_has_a_date() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    laptop.made("chat new --local");
    laptop.made("chat new --local --title Groceries");
    assert!(ok(&mut laptop, "share --all --yes").starts_with("Shared 2 conversations into workspace "));
    ok(&mut laptop, "sync");
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    for machine in [&mut laptop, &mut phone] {
        let listed = ok(machine, "chat list");
        assert_eq!(listed.lines().count(), 3, "{listed}");
        assert!(listed.contains("(untitled)") && !listed.contains("only here"), "{listed}");
        assert!(!listed.contains("1970"), "{listed}");
    }
}

#[test]
fn a_person_is_called_in_status_as_in_its_list_of_devices() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Anna-Maria", &code);
    let status = ok(&mut phone, "status");
    assert!(status.starts_with("Ana's phone, home "), "{status}");
    assert!(!status.contains("Anna-Maria"), "{status}");
}

#[test]
fn an_address_is_taken_with_and_without_a_slash_and_told_in_one_spelling() {
    let relay = TestRelay::start();
    let mut machine = Machine::with_home().with_clock();
    let address = relay.address();
    let (before, key) = address.split_once('#').unwrap();
    let spelled = format!("{}/#{key}", before.trim_end_matches('/'));
    let told = |machine: &mut Machine, typed: &str| {
        ok(machine, &format!("workspace create --relay {typed}"));
        let shown = ok(machine, "workspace show");
        shown.lines().find_map(|line| line.strip_prefix("Relay: ")).unwrap().to_owned()
    };
    assert_eq!(told(&mut machine, &address), told(&mut machine, &spelled));
}

#[test]
fn documents_are_shared_and_kept_by_their_names_and_what_is_personal_only_after_a_yes() {
    let relay = TestRelay::start();
    let mut machine = owner(&relay);
    machine.made("chat new --local --title 'Trip to Brest'");
    ok(&mut machine, "share 'trip to brest'");
    assert!(ok(&mut machine, "keep-local 'TRIP TO BREST'").contains("on this device"));
    write(&machine.path("home/workspace/USER.md"), "Ana, 41.\n");
    write(&machine.path("home/workspace/AGENTS.md"), "You cook.\n");
    write(&machine.path("home/openclaw.json"), "{}\n");
    ok(&mut machine, "import openclaw ~/home");
    let memories: serde_json::Value = serde_json::from_str(&ok(&mut machine, "--json memory list")).unwrap();
    let memory = memories[0]["id"].as_str().unwrap();
    let ran = machine.run(&format!("share {memory}"));
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert!(ran.stderr.contains("what an agent knows about its person"), "{}", ran.stderr);
}
