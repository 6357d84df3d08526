//! The way out of a workspace that an earlier version made: two homes of one are read, forget it, and go on in a new one with all
//! that was in them. How they were made stands in `engine/tests/fixtures/README.md`.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{ok, owner};

/// What the homes' common conversation has in it, but for what never reached the other device.
const COMMON: [&str; 10] = [
    "Ana says 1",
    "Ben says 1",
    "Ana says 2",
    "Ben says 2",
    "Ana says 3",
    "Ben says 3",
    "Ana says 4",
    "Ben says 4",
    "Ben says 5",
    "Ben says 6",
];

/// A machine with the home that an earlier version left to somebody.
fn left_to(who: &str) -> Machine {
    let machine = Machine::new(who).with_clock();
    let left = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/home-5").join(who);
    fs::create_dir(machine.home("")).unwrap();
    close(&machine.home(""), 0o700);
    for name in ["bowline.db", "device.key"] {
        fs::copy(left.join(name), machine.home(name)).unwrap();
        close(&machine.home(name), 0o600);
    }
    machine
}

#[cfg(unix)]
fn close(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn close(_: &Path, _: u32) {}

/// The messages of a conversation, sorted: nobody asks for an order between what two wrote apart.
fn messages(machine: &mut Machine, conversation: &str) -> Vec<String> {
    let shown = ok(machine, &format!("--json chat show {conversation}"));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let entries = shown["entries"].as_array().unwrap().iter();
    let mut texts: Vec<String> =
        entries.map(|entry| entry["text"].as_str().unwrap_or_default().to_owned()).collect();
    texts.sort();
    texts
}

fn sorted(texts: &[&[&str]]) -> Vec<String> {
    let mut all: Vec<String> = texts.concat().into_iter().map(str::to_owned).collect();
    all.sort();
    all
}

#[test]
fn an_old_workspace_is_read_and_whatever_needs_its_log_says_the_one_sentence() {
    let mut ana = left_to("ana");
    assert_eq!(
        messages(&mut ana, "Trip"),
        sorted(&[&COMMON, &["Ana was not answered", "Ana has not sent this"]])
    );
    let status = ok(&mut ana, "status");
    let told = "  Not connected: an earlier version made this workspace, and with this one it is only read\n";
    assert!(status.contains(told) && status.contains("`bowline share --all`"), "{status}");
    assert!(status.contains("nothing is queued\n") && status.contains("desktop (cf4a) of Ben"), "{status}");
    assert!(ok(&mut ana, "workspace list").contains(" (old)\n"));
    for line in [
        "sync",
        "workspace invite",
        "workspace invites",
        "device link",
        "device links",
        "workspace members",
        "device list",
        "share Trip",
        "workspace use Home",
        "workspace connect",
        "workspace rename Other",
        "device revoke desktop --yes",
        "workspace remove Ben --yes",
        "workspace move wss://127.0.0.1:1",
    ] {
        let ran = ana.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (6, ""), "{line}: {}", ran.stderr);
        let told = "Error: An earlier version made this workspace, and with this one it is only read\nHint: ";
        assert!(
            ran.stderr.starts_with(told) && ran.stderr.contains("workspace forget"),
            "{line}: {}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 2, "{line}: {}", ran.stderr);
    }
    let said = ana.run("chat say Trip 'After the update'");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("the workspace is of another version, so nothing is sent"),
        "{}",
        said.stderr
    );
    let shown = ok(&mut ana, "chat show Trip");
    assert!(shown.contains("stays here\n2 entries only here\n"), "{shown}");
    let new = ana.run("chat new --title Elsewhere");
    assert_eq!(new.code, 0, "{}", new.stderr);
    assert!(
        ok(&mut ana, "chat list").lines().any(|it| it.contains("only here") && it.ends_with("Elsewhere"))
    );
}

#[test]
fn everything_comes_into_a_new_workspace_from_both_devices_of_an_old_one() {
    let relay = TestRelay::start();
    let (mut ana, mut ben) = (left_to("ana"), left_to("ben"));
    let forgot = ana.run("workspace forget Home --yes");
    assert_eq!(forgot.code, 0, "{}", forgot.stderr);
    assert!(!forgot.stderr.contains("others will never see"), "{}", forgot.stderr);
    ok(&mut ana, &format!("workspace create --name New --relay {}", relay.address()));
    ok(&mut ana, "share --all --yes");
    let memories = ok(&mut ana, "memory list");
    let memory = memories.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    ok(&mut ana, &format!("share {memory} --yes"));
    ok(&mut ana, "sync");
    let code = ok(&mut ana, "workspace invite");
    ok(&mut ben, "workspace forget Home --yes");
    ok(&mut ben, &format!("join {} --yes", code.trim()));
    ok(&mut ben, "share --all --yes");
    assert_eq!(ok(&mut ben, "sync"), "synced: everything is on the relay\n");
    assert_eq!(ok(&mut ana, "sync"), "synced: everything is on the relay\n");
    assert_eq!(ok(&mut ben, "sync"), "synced: everything is on the relay\n");

    let (anas, bens) = (
        ["Ana was not answered", "Ana has not sent this"],
        ["Ben was not answered", "Ben has not sent this"],
    );
    for machine in [&mut ana, &mut ben] {
        assert_eq!(messages(machine, "Trip"), sorted(&[&COMMON, &anas, &bens]));
        assert_eq!(messages(machine, "'Never sent'"), ["not even once"]);
        assert_eq!(messages(machine, "'Only here'"), ["in no workspace"]);
        assert_eq!(ok(machine, "agent show helper --file AGENTS.md"), "The agent writes tests.\n");
        assert!(ok(machine, "skill show brew --file SKILL.md").ends_with("Boil water.\n"));
        assert_eq!(ok(machine, &format!("memory show {memory} --file USER.md")), "Ana likes tea.\n");
    }
    // What a person kept here stays kept.
    assert_eq!(messages(&mut ana, "Kept"), ["for Ana alone", "for both"]);
    assert_eq!(messages(&mut ben, "Kept"), ["for both"]);
    let trash = ok(&mut ana, "chat list --trash");
    assert!(trash.contains("Thrown away"), "{trash}");
}

#[test]
fn a_code_of_an_old_workspace_and_its_members_are_told_so_by_the_relay() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    relay.stop();
    let database = Connection::open(relay.database()).unwrap();
    database.execute("UPDATE log SET draft = 0", ()).unwrap();
    drop(database);
    relay.resume();
    let mut late = Machine::new("desktop").with_clock();
    ok(&mut late, "init --user Ben");
    let ran = late.run(&format!("join {} --yes", code.trim()));
    assert_eq!((ran.code, ran.stdout.as_str()), (6, ""), "{}", ran.stderr);
    let told = "Error: An earlier version made the workspace of this code, and nobody can go on with it\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(ok(&mut late, "workspace list"), "", "nothing of the workspace stays");
    let ran = laptop.run("sync");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("The relay refused: an earlier version made this workspace"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("`bowline share --all`"), "{}", ran.stderr);
}
