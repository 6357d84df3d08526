//! Two machines and a relay: what people do together.

use insta::assert_snapshot;

use crate::machine::{Machine, sample_home, write};
use crate::relay::TestRelay;

/// Ana's machine with a workspace on the relay.
pub(crate) fn owner(relay: &TestRelay) -> Machine {
    let mut machine = Machine::new("laptop").with_clock();
    ok(&mut machine, "init --user Ana");
    ok(&mut machine, &format!("workspace create --relay {}", relay.address()));
    machine
}

/// Runs what has to go well.
pub(crate) fn ok(machine: &mut Machine, line: &str) -> String {
    let ran = machine.run(line);
    assert_eq!(ran.code, 0, "{line}\n{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// The answer of a command that has to go well, as JSON.
pub(crate) fn json(machine: &mut Machine, line: &str) -> serde_json::Value {
    serde_json::from_str(&ok(machine, &format!("--json {line}"))).unwrap()
}

/// Another machine, let in by a code.
pub(crate) fn joined(name: &str, user: &str, code: &str) -> Machine {
    let mut machine = Machine::new(name).with_clock();
    ok(&mut machine, &format!("init --user {user}"));
    ok(&mut machine, &format!("join {} --yes", code.trim()));
    machine
}

/// The laptop of the workspace's owner and their phone, both with everything that the other has.
pub(crate) fn laptop_and_phone(relay: &TestRelay) -> (Machine, Machine) {
    let mut laptop = owner(relay);
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    (laptop, phone)
}

/// What depends on the moment and the port is made stable, and left out how connecting went.
fn steady(told: &str, relay: &TestRelay) -> String {
    let told = told.replace(&format!("127.0.0.1:{}", relay.port()), "RELAY");
    let told = with_steady_record(&told);
    let is_milestone = |line: &&str| line.ends_with(": connecting") || line.ends_with(": connected");
    let lines =
        told.lines().filter(|line| !is_milestone(line)).map(|line| match line.split_once(": position ") {
            Some((before, _)) => format!("{before}: position N"),
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// What the record of a code says, without the device's id and the time.
fn with_steady_record(told: &str) -> String {
    let steady = |line: &str| {
        let maker = "device ".len() + "1234 1234 1234 1234".len();
        match (line.split_once("Made by:    "), line.split_once("Good until: ")) {
            (Some((before, made)), _) => format!("{before}Made by:    device ID{}", &made[maker..]),
            (_, Some((before, _))) => format!("{before}Good until: TIME"),
            _ => line.to_owned(),
        }
    };
    told.lines().map(steady).collect::<Vec<_>>().join("\n")
}

#[test]
fn another_device_of_ones_own_comes_in_by_a_link() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
    assert_eq!(ok(&mut phone, "sync"), "synced: everything is on the relay\n");
    assert!(ok(&mut phone, &format!("chat show {id}")).contains("\n  Buy milk\n"));

    ok(&mut phone, &format!("chat say {id} 'And bread' --role assistant"));
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    assert_eq!(ok(&mut laptop, &format!("chat export {id}")), ok(&mut phone, &format!("chat export {id}")));
    ok(&mut phone, "sync");
    let told = laptop.story(&["device list", "workspace members", "workspace list", "status", "chat list"]);
    assert_snapshot!(steady(&told, &relay));
}

#[test]
fn another_person_comes_in_by_an_invite_and_shares_nothing_by_it() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = Machine::new("desktop").with_clock();
    ok(&mut bens, "init --user Ben");
    bens.made("chat new --title Diary");
    bens.knows(&mut laptop);
    let asked = bens.run(&format!("join {code}"));
    assert_eq!(asked.code, 8, "{}", asked.stderr);
    assert_snapshot!(steady(&bens.told("join CODE", &asked), &relay));
    let told = bens.run(&format!("join {code} --yes"));
    assert_snapshot!(steady(&bens.told("join CODE --yes", &told), &relay));
    assert!(ok(&mut bens, "status").contains("Only on this device: 1 conversation\n"));
}

#[test]
fn existing_conversations_are_shared_only_after_a_yes() {
    let relay = TestRelay::start();
    for (answer, kept) in [("y\n", false), ("\n", true)] {
        let mut machine = Machine::new("laptop").with_clock();
        ok(&mut machine, "init --user Ana");
        for n in 0..3 {
            machine.made(&format!("chat new --title 'No {n}'"));
        }
        machine.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..machine.terminal };
        let ran = machine.run_with(&format!("workspace create --relay {}", relay.address()), answer);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("Share 3 existing conversations? [y/N]"), "{}", ran.stderr);
        assert_eq!(ok(&mut machine, "status").contains("Only on this device: 3 conversations\n"), kept);
    }
}

#[test]
fn with_nobody_to_ask_nothing_is_shared_and_it_says_how_to() {
    let relay = TestRelay::start();
    let mut laptop = Machine::new("laptop").with_clock();
    ok(&mut laptop, "init --user Ana");
    laptop.made("chat new --title Groceries");
    let ran = laptop.run(&format!("workspace create --relay {}", relay.address()));
    assert_snapshot!(steady(&laptop.told("workspace create --relay ADDRESS", &ran), &relay));

    let code = ok(&mut laptop, "device link");
    let mut phone = Machine::new("phone").with_clock();
    ok(&mut phone, "init --user Ana");
    phone.knows(&mut laptop);
    phone.made("chat new --title Holidays");
    let ran = phone.run(&format!("join {code} --yes"));
    assert_snapshot!(steady(&phone.told("join CODE --yes", &ran), &relay));
}

#[test]
fn a_running_sync_takes_what_other_commands_write() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    let (mut beside, stop) = laptop.beside();
    let watching = std::thread::spawn(move || beside.run("sync --watch"));
    until(|| laptop.run("status").stdout.contains("  Connected since "));

    let said = laptop.run(&format!("chat say {id} 'Buy milk'"));
    assert_eq!(laptop.told("", &said), "$ bowline \n! on its way: process PID is syncing\n");
    until(|| laptop.run("status").stdout.contains("  Queued: nothing\n"));
    ok(&mut phone, "sync");
    assert!(ok(&mut phone, &format!("chat show {id}")).contains("Buy milk"));

    // What a person waits for, the other process does.
    assert!(ok(&mut laptop, "sync").starts_with("synced: "));
    assert!(ok(&mut laptop, "workspace invite").starts_with("bowline1-"));
    assert_eq!(laptop.run("reset --yes").code, 9);

    ok(&mut laptop, "workspace disconnect");
    assert!(ok(&mut laptop, "status").contains("Not connected: you disconnected it"));
    ok(&mut laptop, "workspace connect");
    until(|| laptop.run("status").stdout.contains("  Connected since "));

    stop.send(true).unwrap();
    let watched = watching.join().unwrap();
    assert_eq!((watched.code, watched.stdout.as_str()), (0, ""), "{}", watched.stderr);
    let log = std::fs::read_to_string(laptop.home("log/bowline.log")).unwrap();
    for (event, text) in [
        ("begins to sync", &log),
        ("connected", &log),
        ("stops syncing", &log),
        ("connected", &watched.stderr),
    ] {
        assert!(text.contains(event), "{event}: {text}");
    }
    for secret in ["Buy milk", "Groceries", code.trim()] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_relay_that_comes_back_is_found_again() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    let (mut beside, stop) = laptop.beside();
    let watching = std::thread::spawn(move || beside.run("sync --watch"));
    until(|| laptop.run("status").stdout.contains("  Connected since "));
    relay.stop();
    until(|| laptop.run("status").stdout.contains("  Not connected since "));
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    assert!(ok(&mut laptop, "status").contains("  Queued: 1 document"));
    relay.resume();
    until(|| laptop.run("status").stdout.contains("  Queued: nothing\n"));
    stop.send(true).unwrap();
    assert_eq!(watching.join().unwrap().code, 0);
}

#[test]
fn a_removed_member_is_told_so_and_keeps_what_was_there() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut laptop, "sync");
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    assert_eq!(laptop.run("workspace remove Ben").code, 8);
    assert_eq!(laptop.run("workspace remove Ana --yes").code, 2);
    let removed = laptop.run("workspace remove Ben --yes");
    assert_eq!(removed.code, 0, "{}", removed.stderr);
    assert!(removed.stderr.contains("Removed Ben ("), "{}", removed.stderr);
    assert!(!ok(&mut laptop, "workspace members").contains("Ben"));

    let refused = bens.run("sync");
    assert_eq!(refused.code, 6, "{}\n{}", refused.stdout, refused.stderr);
    assert!(
        refused.stderr.contains("Error: The relay refused: this device was removed from the workspace\n")
    );
    assert!(
        refused
            .stderr
            .contains("\nHint: ask somebody in the workspace for a code: `bowline workspace rejoin`"),
        "{}",
        refused.stderr
    );
    assert!(ok(&mut bens, &format!("chat show {id}")).contains("Buy milk"));
}

#[test]
fn a_lost_device_is_revoked_by_its_name() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    assert_eq!(laptop.run("device revoke laptop --yes").code, 2);
    ok(&mut laptop, "device revoke phone --yes");
    assert!(!ok(&mut laptop, "device list").contains("phone"));
    assert!(ok(&mut laptop, "device list --all").contains("removed"));
    assert_eq!(phone.run("sync").code, 6);
}

/// Waits until something is so; a minute is far more than anything here takes.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 60, "it did not come to be");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The ids of everything of a kind, in order.
fn ids(machine: &mut Machine, kind: &str) -> Vec<String> {
    let list: serde_json::Value = serde_json::from_str(&ok(machine, &format!("--json {kind} list"))).unwrap();
    let mut ids: Vec<String> =
        list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn one_home_of_openclaw_on_two_machines_makes_one_of_each_and_it_is_said() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let mut desktop = joined("desktop", "Ana", &code);
    for machine in [&mut laptop, &mut desktop] {
        ok(machine, "sync");
        sample_home(&machine.path(".openclaw"));
        machine.run("import openclaw");
        ok(machine, "share --all --yes");
    }
    // Each has shared its own before it saw the other one's.
    ok(&mut laptop, "sync");
    let synced = desktop.run("sync").stderr;
    assert_eq!(synced.matches("1 agent that was imported here joined the one").count(), 2, "{synced}");
    assert_eq!(synced.matches("1 skill that was imported here joined the one").count(), 1, "{synced}");
    ok(&mut laptop, "sync");
    for (kind, count) in [("agent", 2), ("skill", 1)] {
        assert_eq!(ids(&mut desktop, kind), ids(&mut laptop, kind), "{kind}");
        assert_eq!(ids(&mut desktop, kind).len(), count, "{kind}");
    }
    // What only its id shares meets its twin when it is shared.
    let (theirs, own) = (ids(&mut laptop, "memory").join(" "), ids(&mut desktop, "memory").join(" "));
    for (machine, text) in [(&mut laptop, "green"), (&mut desktop, "black")] {
        write(&machine.path("tea.md"), text);
        ok(machine, "memory edit Fennel --from ~/tea.md");
    }
    ok(&mut laptop, &format!("share {theirs} --yes"));
    ok(&mut laptop, "sync");
    ok(&mut desktop, "sync");
    let told = ok(&mut desktop, &format!("share {own} --yes"));
    assert!(told.starts_with("2 memories joined those that Ana's laptop shared into workspace "), "{told}");
    assert_eq!(told.matches("  1 part of memory ").count(), 1, "what differs is said: {told}");
    assert_eq!(ids(&mut desktop, "memory").join(" "), theirs);
    let again: serde_json::Value =
        serde_json::from_str(&desktop.run("--json import openclaw").stdout).unwrap();
    for kind in ["agent", "skill", "memory"] {
        assert_eq!(again["counts"][kind]["new"], serde_json::Value::Null, "{kind}");
    }
}

#[test]
fn two_agents_are_merged_by_hand_after_a_yes() {
    let mut machine = Machine::with_home();
    write(&machine.path("one/SOUL.md"), "You are kind.\n");
    write(&machine.path("two/SOUL.md"), "You are brief.\n");
    write(&machine.path("two/tea.md"), "Green.\n");
    machine.made("agent new Cook --from ~/one");
    machine.made("agent new Chef --from ~/two");
    assert_snapshot!(machine.story(&[
        "agent merge Cook Chef",
        "agent merge Cook Chef --yes",
        "agent list",
        "agent list --trash",
        "agent merge Cook Chef --yes",
        "agent merge Cook cook",
        "agent new Cook",
        "agent list",
        "skill merge Cook Chef",
    ]));
}

/// Ana's laptop, who owns the workspace, and Ben's desktop, with a conversation that both have.
pub(crate) fn ana_and_ben(relay: &TestRelay) -> (Machine, Machine, String) {
    let mut laptop = owner(relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    ok(&mut bens, &format!("chat say {id} 'And bread'"));
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    (laptop, bens, id)
}
