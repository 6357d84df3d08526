//! A workspace goes over to somebody else, and people leave: what they are asked, told and shown.

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, json, laptop_and_phone, ok, owner};

/// Ana's laptop, who owns the workspace, and Ben's desktop.
fn ana_and_ben(relay: &TestRelay) -> (Machine, Machine) {
    let mut laptop = owner(relay);
    let code = ok(&mut laptop, "workspace invite");
    let mut bens = joined("desktop", "Ben", &code);
    ok(&mut bens, "sync");
    ok(&mut laptop, "sync");
    (laptop, bens)
}

fn member(machine: &mut Machine, name: &str) -> serde_json::Value {
    let members = json(machine, "workspace members");
    members.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
}

#[test]
fn a_workspace_is_offered_seen_by_both_and_taken_over() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens) = ana_and_ben(&relay);
    let stays = laptop.run("workspace leave --yes");
    assert_eq!(stays.code, 6, "{}", stays.stderr);
    assert!(stays.stderr.contains("Error: The owner cannot leave the workspace\n"), "{}", stays.stderr);
    assert!(stays.stderr.contains("`bowline workspace hand-over PERSON`"), "{}", stays.stderr);
    assert_eq!(laptop.run("workspace hand-over Ben").code, 8, "it asks");
    let offered = laptop.run("workspace hand-over Ben --yes");
    assert_eq!(offered.code, 0, "{}", offered.stderr);
    assert!(offered.stderr.contains("Offered the ownership to Ben ("), "{}", offered.stderr);
    assert!(ok(&mut laptop, "workspace members").contains("member, offered owner"));
    assert!(ok(&mut laptop, "status").contains("hand-over --take-back` takes that back"));
    let offer = &json(&mut laptop, "status")["workspaces"][0]["offer"];
    assert_eq!(
        (&offer["user_name"], &offer["you"], &offer["by_you"]),
        (&"Ben".into(), &false.into(), &true.into())
    );

    ok(&mut bens, "sync");
    let status = ok(&mut bens, "status");
    assert!(status.contains("Offered to you: the ownership; `bowline workspace take-over`"), "{status}");
    assert_eq!(bens.run("workspace take-over").code, 8, "it asks");
    ok(&mut bens, "workspace take-over --yes");
    let roles = |machine: &mut Machine| {
        (member(machine, "Ana")["role"].clone(), member(machine, "Ben")["role"].clone())
    };
    assert_eq!(roles(&mut bens), ("member".into(), "owner".into()));
    ok(&mut laptop, "sync");
    assert_eq!(roles(&mut laptop), ("member".into(), "owner".into()));
    assert!(!ok(&mut laptop, "status").contains("Offered"));
    let refused = laptop.run("workspace invite");
    assert!(refused.stderr.contains("Only the owner can invite\nHint: ask Ben ("), "{}", refused.stderr);
    ok(&mut bens, "workspace invite");
    let audit = ok(&mut bens, "audit");
    assert!(
        audit.contains("offered the ownership to Ben (") && audit.contains("took the ownership over"),
        "{audit}"
    );
}

#[test]
fn an_offer_is_taken_back_and_nobody_else_takes_it() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens) = ana_and_ben(&relay);
    for (machine, line) in
        [(&mut bens, "workspace take-over --yes"), (&mut laptop, "workspace hand-over --take-back")]
    {
        let ran = machine.run(&format!("--json {line}"));
        assert_eq!(ran.code, 6, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(r#""code":"not_offered""#), "{line}: {}", ran.stderr);
    }
    let refused = bens.run("workspace hand-over Ana --yes");
    assert!(
        refused.stderr.contains("Only the owner can hand the workspace over\nHint: ask Ana ("),
        "{}",
        refused.stderr
    );
    let own = laptop.run("workspace hand-over Ana --yes");
    assert_eq!(own.code, 2, "{}", own.stderr);
    ok(&mut laptop, "workspace hand-over Ben --yes");
    let back = laptop.run("workspace hand-over --take-back");
    assert!(back.stderr.contains("you stay the owner"), "{}", back.stderr);
    ok(&mut bens, "sync");
    assert_eq!(bens.run("workspace take-over --yes").code, 6);
    assert_eq!(member(&mut bens, "Ben")["offered"], false);
    assert!(ok(&mut laptop, "audit").contains("took the offer of ownership back"));
}

#[test]
fn an_offer_that_no_relay_has_heard_of_is_named_and_cancelled() {
    let mut relay = TestRelay::start();
    let (mut laptop, _bens) = ana_and_ben(&relay);
    relay.stop();
    let decided = laptop.run("workspace hand-over Ben --yes");
    assert_eq!(decided.code, 5, "{}", decided.stderr);
    assert!(
        decided.stderr.contains("to Ben (") && decided.stderr.contains("`bowline workspace cancel`"),
        "{}",
        decided.stderr
    );
    let status = ok(&mut laptop, "status");
    assert!(status.contains(": offering the ownership to Ben ("), "{status}");
    ok(&mut laptop, "workspace cancel 1");
}

#[test]
fn a_member_leaves_with_the_last_device_and_others_see_it() {
    let relay = TestRelay::start();
    let (mut laptop, mut bens) = ana_and_ben(&relay);
    let id = bens.made("chat new --title Diary");
    ok(&mut bens, &format!("chat say {id} 'Dear diary'"));
    let asked = bens.run("workspace leave");
    assert_eq!(asked.code, 8, "{}", asked.stderr);
    assert!(asked.stderr.contains("This is your last device in it"), "{}", asked.stderr);
    let left = bens.run("workspace leave --yes");
    assert_eq!(left.code, 0, "{}", left.stderr);
    assert!(left.stderr.contains("You have left workspace "), "{}", left.stderr);
    assert!(ok(&mut bens, &format!("chat show {id}")).contains("Dear diary"));
    assert!(ok(&mut bens, "status").contains("this device has left the workspace"));
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, "workspace members").contains("Ben"));
    assert!(ok(&mut laptop, "workspace members --all").contains("Ben"));
}

#[test]
fn the_owners_phone_leaves_and_the_laptop_stays() {
    let relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    assert_eq!(phone.run("workspace leave --all-devices --yes").code, 6, "nobody would be left to own it");
    let left = json(&mut phone, "workspace leave --yes");
    assert_eq!(left["left"], "device");
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, "device list").contains("phone"));
    let alone = laptop.run("workspace leave --yes");
    assert!(alone.stderr.contains("`bowline workspace forget` takes it off this device"), "{}", alone.stderr);
}

#[test]
fn who_has_just_joined_elsewhere_is_not_known_before_a_sync_and_the_error_says_so() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    let _bens = joined("desktop", "Ben", &code);
    for line in [
        "workspace hand-over Ben --yes",
        "workspace remove Ben --yes",
        "device revoke desktop --yes",
        "audit --who Ben",
    ] {
        let ran = laptop.run(line);
        assert_eq!(ran.code, 7, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("is here after `bowline sync`"), "{line}: {}", ran.stderr);
    }
    ok(&mut laptop, "sync");
    ok(&mut laptop, "workspace hand-over Ben --yes");
}
