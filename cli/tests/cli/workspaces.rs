//! Workspaces as far as they go without a relay: choosing, sharing, keeping, disconnecting, forgetting, codes.

use bowline_engine::ids::WorkspaceId;
use bowline_engine::{Device, Home};
use insta::assert_snapshot;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use unicode_width::UnicodeWidthStr;

use crate::machine::Machine;

/// An address at which nothing answers: port 9 discards, where anybody listens there at all.
const RELAY: &str = "wss://127.0.0.1:9/#key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Does something with the device itself.
fn device<T>(machine: &Machine, seed: u64, step: impl FnOnce(&mut Device) -> T) -> T {
    let home = Home::open(&machine.home("")).unwrap();
    let mut open = home.device(Box::new(ChaCha20Rng::seed_from_u64(seed))).unwrap();
    step(&mut open.device)
}

/// A machine with a workspace of which no relay has heard yet.
fn machine_with_workspace() -> (Machine, WorkspaceId) {
    let machine = Machine::with_home();
    let now = machine.now;
    let workspace = device(&machine, 7, |device| device.create_workspace(RELAY, "token", now).unwrap());
    (machine, workspace)
}

#[test]
fn new_conversations_are_queued_where_the_workspace_in_use_is() {
    let (mut machine, _) = machine_with_workspace();
    let id = machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&["chat say @1 'Buy milk'", "chat list", "workspace list", "status"]));
    assert_eq!(id.len(), 32);
}

#[test]
fn without_a_workspace_in_use_new_conversations_stay_here() {
    let (mut machine, workspace) = machine_with_workspace();
    machine.made("chat new --title Shared");
    let id = workspace.to_string();
    assert_eq!(machine.run("workspace use --none").code, 0);
    machine.made("chat new --title Mine");
    assert_eq!(machine.run(&format!("workspace use {}", &id[..6])).code, 0);
    machine.made("chat new --title 'Shared too'");
    assert_snapshot!(machine.story(&["chat list", "status"]));
}

/// A machine with two workspaces, the second in use, and in each a conversation with much to say in a list.
fn machine_with_two_workspaces() -> Machine {
    let mut machine = Machine::with_home();
    let now = machine.now;
    for (seed, name) in [(7, "Family and friends of the family"), (8, "Allotment")] {
        device(&machine, seed, |device| {
            let workspace = device.create_workspace(RELAY, "token", now).unwrap();
            device.name_workspace(workspace, name, now).unwrap();
        });
        let id = machine.made("chat new --title 'What we said of the compost, the apples and the wasps'");
        for line in ["chat say ID hello", "chat pin ID", "chat label ID garden autumn 'to be read aloud'"] {
            assert_eq!(machine.run(&line.replace("ID", &id)).code, 0);
        }
    }
    machine
}

#[test]
fn lists_fit_a_terminal_and_say_in_which_of_several_workspaces_something_is() {
    let mut machine = machine_with_two_workspaces();
    let widest = |text: &str| text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default();
    for list in ["chat list", "workspace list", "workspace members", "device list"] {
        let shown = machine.run(list).stdout;
        assert!(widest(&shown) <= 80, "{list}\n{shown}");
    }
    let shown = machine.run("chat list").stdout;
    assert!(shown.contains("  Allotment  ") && shown.contains("  Family a"), "{shown}");
    machine.terminal = bowline::Terminal { stdout: true, columns: Some(200), ..machine.terminal };
    let shown = machine.run("chat list").stdout;
    assert!(shown.contains("apples and the wasps  pinned, #autumn, #garden, #to be read aloud\n"), "{shown}");
}

#[test]
fn sentences_call_a_workspace_by_its_name() {
    let mut machine = machine_with_two_workspaces();
    machine.made("chat new --local --title Bees");
    assert_snapshot!(machine.story(&[
        "share Bees -w allotment",
        "workspace use 'family and friends of the family'",
        "workspace disconnect Allotment",
        "workspace invite -w Allotment",
        "workspace connect Allotment",
        "workspace forget Allotment",
        "workspace forget Alotment --yes",
        "workspace forget Allotment --yes",
    ]));
}

#[test]
fn what_was_here_before_is_shared_one_by_one_or_all_after_a_yes() {
    let mut machine = Machine::with_home();
    for title in ["Groceries", "Holidays", "Diary", "Secrets"] {
        machine.made(&format!("chat new --title {title}"));
    }
    let now = machine.now;
    device(&machine, 7, |device| device.create_workspace(RELAY, "token", now).unwrap());
    assert_snapshot!(machine.story(&[
        "share @1",
        "share @1",
        "keep-local @4",
        "share --all",
        "share --all --yes",
        "share --all --yes",
        "chat list",
    ]));
}

#[test]
fn what_has_not_left_this_device_can_be_taken_back() {
    let (mut machine, _) = machine_with_workspace();
    machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&["chat list", "keep-local @1", "chat list", "share --all --yes"]));
}

#[test]
fn a_disconnected_workspace_queues_and_says_so() {
    let (mut machine, _) = machine_with_workspace();
    machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&[
        "workspace disconnect",
        "chat say @1 'Buy milk'",
        "sync",
        "workspace invite",
        "workspace list",
        "status",
        "workspace connect",
        "status",
    ]));
}

#[test]
fn a_forgotten_workspace_leaves_its_documents_here() {
    let (mut machine, workspace) = machine_with_workspace();
    machine.made("chat new --title Groceries");
    assert_eq!(machine.run("chat say @1 hello").code, 7);
    let id = workspace.to_string();
    let ran = machine.run(&format!("workspace forget {}", &id[..8]));
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert_snapshot!(machine.story(&[
        &format!("workspace forget {} --yes", &id[..8]),
        "chat list",
        "workspace list",
        "status"
    ]));
}

#[test]
fn a_relay_that_does_not_answer_is_told_from_one_that_refuses_and_nothing_is_half_made() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    let told = machine.story(&[&format!("workspace create --relay {RELAY}"), "workspace list", "chat list"]);
    assert!(told.contains("! Error: The relay cannot be reached\n"), "{told}");
    assert!(told.contains("[exit 5]"), "{told}");
    assert!(told.contains("! Hint: no workspace was made"), "{told}");
    assert!(told.contains("only here  Groceries"), "{told}");
}

#[test]
fn names_that_cannot_be_found_are_told() {
    let mut machine = Machine::with_home();
    let ran = machine.run("workspace create --relay wss://relay.invalid");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("Error: The relay's name was not found\n"), "{}", ran.stderr);
}

#[test]
fn a_sync_without_a_relay_loses_nothing_and_says_what_is_wrong() {
    let (mut machine, _) = machine_with_workspace();
    machine.made("chat new --title Groceries");
    let ran = machine.run("sync");
    assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("Error: The relay cannot be reached\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("what is queued stays queued"), "{}", ran.stderr);
    assert!(machine.run("chat list").stdout.contains("queued"));
}

#[test]
fn only_one_process_deletes_or_syncs_a_home_at_a_time() {
    let (mut machine, _) = machine_with_workspace();
    let home = Home::open(&machine.home("")).unwrap();
    let lock = home.try_sync_lock().unwrap().unwrap();
    let told = machine.story(&["reset --yes"]);
    drop(lock);
    assert_snapshot!(told);
}
