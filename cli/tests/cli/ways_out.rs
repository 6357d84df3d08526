//! Every state has a way out: removed devices, relays that moved or have no room, codes, decisions, names, and a reset.

use bowline_engine::transport::Caps;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, laptop_and_phone, ok, owner};

#[test]
fn reset_says_what_nobody_can_read_any_more() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let alone = laptop.run("reset");
    assert_eq!(alone.code, 8, "{}", alone.stderr);
    assert!(alone.stderr.contains("Warning: nobody can read this any more:\n"), "{}", alone.stderr);
    assert!(alone.stderr.contains("\n  all of workspace "), "{}", alone.stderr);
    assert!(alone.stderr.contains("this is the only device in it"), "{}", alone.stderr);
    assert!(alone.stderr.contains("unreadable for ever?"), "{}", alone.stderr);

    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    let told = bens.run("reset").stderr;
    assert!(told.contains("Warning: you cannot read this any more:\n  workspace "), "{told}");
    assert!(told.contains("this is your only device in it. Others keep it\n"), "{told}");

    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    let told = phone.run("reset").stderr;
    assert!(
        told.contains("Everything in this home is on a relay, and other devices of yours can read it."),
        "{told}"
    );

    let mut empty = Machine::with_home();
    let told = empty.run("reset").stderr;
    assert!(told.contains("There is nothing in this home but its key."), "{told}");
}

#[test]
fn a_relay_at_another_address_is_found_again_with_all_that_is_queued() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    let before = relay.public();
    relay.move_to_another_port();
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    assert_eq!(laptop.run("sync").code, 5);
    let wrong = laptop.run(&format!("workspace move {before}"));
    assert_eq!(wrong.code, 5, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("run `bowline workspace move` with another one"), "{}", wrong.stderr);
    let other = TestRelay::start();
    let stranger = laptop.run(&format!("workspace move {}", other.public()));
    assert_eq!(stranger.code, 8, "it would move there, and asks: {}", stranger.stderr);
    let there = relay.public();
    ok(&mut laptop, &format!("workspace move {there}"));
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
    assert!(ok(&mut laptop, "chat list").contains("on relay"));
    assert!(ok(&mut laptop, "workspace show").contains(&format!("Relay: {there}\n")));
}

#[test]
fn a_removed_device_promises_nothing_and_comes_back_with_all_it_has() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    ok(&mut laptop, "device revoke phone --yes");
    assert_eq!(phone.run("sync").code, 6);
    ok(&mut phone, "workspace disconnect");
    let status = ok(&mut phone, "status");
    assert!(status.contains("  Not connected: the relay says since "), "{status}");
    assert!(status.contains("this device was removed from the workspace"), "{status}");
    assert!(status.contains("`bowline workspace rejoin`"), "{status}");
    for line in ["workspace connect", "device link", "workspace invite", "device revoke laptop --yes"] {
        let ran = phone.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (6, ""), "{line}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("this device is not in the workspace any more"),
            "{line}: {}",
            ran.stderr
        );
    }
    let own = phone.made("chat new --title 'Written while out'");
    let said = phone.run(&format!("chat say {own} 'Nobody has this'"));
    assert!(said.stderr.contains("kept on this device"), "{}", said.stderr);
    assert!(!said.stderr.contains("queued") && !said.stderr.contains("on its way"), "{}", said.stderr);
    let status = ok(&mut phone, "status");
    assert!(status.contains("nothing is queued\n") && !status.contains("decision"), "{status}");
    assert!(ok(&mut phone, "chat list").contains("stays here"));

    let code = ok(&mut laptop, "device link");
    let back = phone.run_with("workspace rejoin - --yes", &code);
    assert!(back.code == 0, "{}\n{}", back.stdout, back.stderr);
    assert!(back.stdout.starts_with("Joined workspace "), "{}", back.stdout);
    ok(&mut laptop, "sync");
    assert!(ok(&mut laptop, &format!("chat show {own}")).contains("Nobody has this"));
    ok(&mut phone, &format!("chat say {id} 'And bread'"));
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    assert!(ok(&mut laptop, &format!("chat show {id}")).contains("And bread"));
    let status = ok(&mut phone, "status");
    assert!(status.contains(": this device\n") && !status.contains("Refused"), "{status}");
}

#[test]
fn a_fresh_code_lets_a_removed_device_in_after_it_has_forgotten_the_workspace() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    ok(&mut phone, "sync");
    ok(&mut laptop, "sync");
    ok(&mut laptop, "device revoke phone --yes");
    let workspace =
        serde_json::from_str::<serde_json::Value>(&ok(&mut phone, "--json workspace list")).unwrap();
    let id = workspace[0]["id"].as_str().unwrap().to_owned();
    ok(&mut phone, &format!("workspace forget {id} --yes"));
    let code = ok(&mut laptop, "device link");
    let back = phone.run_with("join - --yes", &code);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert!(back.stderr.contains("it comes back under a new key"), "{}", back.stderr);
    assert!(ok(&mut phone, "sync").starts_with("synced"));
}

#[test]
fn an_ordinary_forget_and_join_leaves_nothing_refused() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let mut phone = joined("phone", "Ana", &code);
    let workspace =
        serde_json::from_str::<serde_json::Value>(&ok(&mut phone, "--json workspace list")).unwrap();
    let id = workspace[0]["id"].as_str().unwrap().to_owned();
    ok(&mut phone, &format!("workspace forget {id} --yes"));
    let code = ok(&mut laptop, "device link");
    assert_eq!(phone.run_with("join - --yes", &code).code, 0);
    let own = phone.made("chat new --title Again");
    ok(&mut phone, &format!("chat say {own} hello"));
    ok(&mut phone, "sync");
    let status = ok(&mut phone, "status");
    assert!(!status.contains("Refused"), "{status}");
}

#[test]
fn a_full_relay_is_told_in_status_with_the_reason_and_since_when() {
    let relay =
        TestRelay::start_with(Caps { connections: 8, per_address: 8 }, |config| config.content_quota = 1024);
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    let long: String =
        (0..4000_u32).map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
    assert_eq!(laptop.run_with(&format!("chat say {id} -"), &long).code, 0);
    assert_eq!(laptop.run("sync").code, 6);
    let status = ok(&mut laptop, "status");
    assert!(
        status.contains("  Not sent because: the workspace's storage there is full (since 20"),
        "{status}"
    );
    assert!(!status.contains("last in step"), "{status}");
    let json: serde_json::Value = serde_json::from_str(&ok(&mut laptop, "--json status")).unwrap();
    assert_eq!(json["workspaces"][0]["not_sent_because"], "the workspace's storage there is full");
}

#[test]
fn open_codes_are_listed_and_closed() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    assert_eq!(ok(&mut laptop, "device links"), "");
    let code = ok(&mut laptop, "device link");
    ok(&mut laptop, "workspace invite");
    for (list, close) in
        [("device links", "device links close"), ("workspace invites", "workspace invites close")]
    {
        let shown = ok(&mut laptop, list);
        assert!(shown.contains("laptop (") && shown.contains("just now"), "{shown}");
        let rows: serde_json::Value =
            serde_json::from_str(&ok(&mut laptop, &format!("--json {list}"))).unwrap();
        let id = rows[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
        let closed = laptop.run(&format!("{close} {}", &id[..8]));
        assert_eq!(closed.code, 0, "{}", closed.stderr);
        assert_eq!(ok(&mut laptop, list), "");
        assert_eq!(laptop.run(&format!("{close} {}", &id[..8])).code, 7);
    }
    let mut late = Machine::new("phone").with_clock();
    ok(&mut late, "init --user Ana");
    let ran = late.run_with("join - --yes", &code);
    assert!(ran.stderr.contains("This code was closed by whoever made it"), "{}", ran.stderr);
}

#[test]
fn who_may_not_invite_or_remove_is_told_so_at_once_without_a_relay() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    relay.stop();
    for (line, says) in [
        ("workspace invite", "Only the owner can invite\nHint: ask Ana ("),
        ("workspace remove Ana --yes", "Only the owner can remove people\nHint: ask Ana ("),
        ("device revoke laptop --yes", "Only the owner can remove other people's devices\nHint: ask Ana ("),
    ] {
        let ran = bens.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (6, ""), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("Error: {says}")), "{line}: {}", ran.stderr);
    }
    assert!(!ok(&mut bens, "status").contains("Not yet in force"));
}

#[test]
fn a_decision_that_nobody_answers_is_named_and_can_be_cancelled() {
    let mut relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    relay.stop();
    assert_eq!(laptop.run("device revoke phone --yes").code, 5);
    let status = ok(&mut laptop, "status");
    let line =
        status.lines().find(|line| line.contains(": removing phone (")).unwrap_or_else(|| panic!("{status}"));
    let number = line.trim().split(':').next().unwrap().to_owned();
    ok(&mut laptop, &format!("workspace cancel {number}"));
    assert_eq!(laptop.run(&format!("workspace cancel {number}")).code, 7);
    assert!(!ok(&mut laptop, "status").contains("Not yet in force"));
    relay.resume();
    ok(&mut laptop, "sync");
    assert!(ok(&mut laptop, "device list").contains("phone"));
}

#[test]
fn a_code_is_asked_for_or_read_and_on_the_command_line_it_is_taken_with_a_warning() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let newcomer = |name: &str| {
        let mut machine = Machine::new(name).with_clock();
        ok(&mut machine, "init --user Ana");
        machine
    };
    let warning = "Warning: The code stood on the command line";
    let code = ok(&mut laptop, "device link");
    let mut piped = newcomer("piped");
    let ran = piped.run_with("join - --yes", &code);
    assert!(ran.code == 0 && !ran.stderr.contains(warning), "{}", ran.stderr);

    let code = ok(&mut laptop, "device link");
    let mut typed = newcomer("typed");
    let ran = typed.run(&format!("join {} --yes", code.trim()));
    assert!(ran.code == 0 && ran.stderr.contains(warning), "{}", ran.stderr);

    let code = ok(&mut laptop, "device link");
    let mut asked = newcomer("asked");
    let nobody = asked.run("join");
    assert_eq!(nobody.code, 2, "{}", nobody.stderr);
    assert!(nobody.stderr.contains("`bowline join - --yes` reads it from stdin"), "{}", nobody.stderr);
    asked.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..asked.terminal };
    let ran = asked.run_with("join", &format!("{}\ny\n", code.trim()));
    assert!(
        ran.code == 0 && ran.stderr.starts_with("The code: ") && !ran.stderr.contains(warning),
        "{}",
        ran.stderr
    );

    let mut other = newcomer("other");
    let ran = other.run_with("workspace create --relay -", &relay.address());
    assert!(ran.code == 0 && !ran.stderr.contains("Warning"), "{}", ran.stderr);
}

#[test]
fn devices_and_workspaces_are_renamed_for_everybody_and_found_by_name() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    ok(&mut laptop, "workspace rename Home");
    ok(&mut laptop, "device rename couch");
    ok(&mut laptop, "sync");
    let code = ok(&mut laptop, "device link");
    // What this person is called elsewhere does not stand beside what the workspace calls them.
    let mut phone = joined("phone", "Annie", &code);
    ok(&mut phone, "sync");
    assert!(ok(&mut phone, "workspace list").contains("  Home  "));
    let status = ok(&mut phone, "status");
    assert!(status.contains("Workspace Home (") && status.contains("couch ("), "{status}");
    assert!(status.starts_with("Ana's phone, home ") && !status.contains("Annie"), "{status}");
    ok(&mut phone, "workspace use Home");
    assert_eq!(phone.run("workspace use Work").code, 7);
    assert_eq!(phone.run("workspace rename ''").code, 2);
    let name = phone.run("workspace create --name Work --relay wss://relay.invalid");
    assert_eq!(name.code, 5, "{}", name.stderr);
}

#[test]
fn a_sync_that_has_nothing_to_connect_says_so_and_waits() {
    let (mut machine, stop) = Machine::new("laptop").that_stops();
    ok(&mut machine, "init --user Ana");
    stop.send(true).unwrap();
    let watched = machine.run("sync --watch");
    assert_eq!(watched.code, 0, "{}", watched.stderr);
    assert!(watched.stderr.contains("there is nothing to connect"), "{}", watched.stderr);
}
