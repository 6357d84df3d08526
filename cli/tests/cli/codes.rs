//! Codes as people make and are given them: how long they are good for, as a square for a camera, and what is shown before a yes.

use bowline::Terminal;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{joined, ok, owner};

fn at_a_terminal(machine: &mut Machine, columns: usize) {
    machine.terminal = Terminal { stdin: true, stdout: true, stderr: true, columns: Some(columns) };
}

#[test]
fn at_a_terminal_a_code_is_a_square_too_and_stdout_has_the_line_alone() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    at_a_terminal(&mut laptop, 80);
    for line in ["device link", "workspace invite"] {
        let ran = laptop.run(line);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.starts_with("bowline1-") && ran.stdout.lines().count() == 1, "{}", ran.stdout);
        let square: Vec<&str> = ran.stderr.lines().filter(|line| line.contains('▀')).collect();
        assert!(square.len() > 25, "{}", ran.stderr);
        assert!(square.iter().all(|line| line.starts_with("\x1b[38;5;16;48;5;231m")), "dark on light");
        let code = ran.stdout.trim();
        for (line, ink) in [("--color never", false), ("--quiet", false), ("--json", false)] {
            let ran = laptop.run(&format!("{line} device link"));
            assert_eq!(ran.stderr.contains("\x1b[38"), ink, "{line}: {}", ran.stderr);
            assert_eq!(ran.stderr.contains('▀'), line == "--color never", "{line}: {}", ran.stderr);
        }
        let without = laptop.run(&format!("{line} --no-qr"));
        assert!(
            !without.stderr.contains('▀') && without.stdout.starts_with("bowline1-"),
            "{}",
            without.stderr
        );
        assert!(!ran.stderr.contains(code), "the secret stands on stdout alone");
    }
}

#[test]
fn a_terminal_that_is_too_narrow_is_said_and_no_terminal_gets_no_square() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let ran = laptop.run("device link");
    assert!(!ran.stderr.contains('▀'), "{}", ran.stderr);
    at_a_terminal(&mut laptop, 60);
    let ran = laptop.run("device link");
    assert!(!ran.stderr.contains('▀') && ran.stdout.starts_with("bowline1-"), "{}", ran.stderr);
    assert!(ran.stderr.contains("columns, and the terminal has 60"), "{}", ran.stderr);
}

#[test]
fn a_code_is_good_for_as_long_as_its_maker_says_up_to_what_its_kind_may() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    for (line, good, most) in [
        ("device link", "60m", "A link is good for at least a minute and at most 1 hour"),
        ("workspace invite", "30d", "An invite is good for at least a minute and at most 30 days"),
    ] {
        let ran = laptop.run(&format!("{line} --for {good}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let beyond = if good == "60m" { "61m" } else { "31d" };
        for wrong in [beyond, "0m"] {
            let ran = laptop.run(&format!("{line} --for {wrong}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{wrong}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("Error: {most}\n")), "{wrong}: {}", ran.stderr);
        }
        for nonsense in ["soon", "10", "m", "-1m", "+1m", "99999999999999999999d"] {
            let ran = laptop.run(&format!("{line} --for={nonsense}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{nonsense}: {}", ran.stderr);
        }
    }
    assert!(laptop.run("device link").stderr.contains("within 10 minutes: until "));
    assert!(laptop.run("workspace invite --for 36h").stderr.contains("within 36 hours: until "));
}

#[test]
fn before_a_yes_it_is_shown_what_the_record_says_and_nothing_is_written() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let made = laptop.run("--json device link");
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let (code, maker) = (made["code"].as_str().unwrap(), made["made_by"].as_str().unwrap());
    assert!(made["expires_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{made}");
    let spelled = format!("{} {} {} {}", &maker[..4], &maker[4..8], &maker[8..12], &maker[12..16]);
    let mut phone = Machine::new("phone").with_clock();
    ok(&mut phone, "init --user Ana");
    at_a_terminal(&mut phone, 80);
    let ran = phone.run_with("join", &format!("{code}\nn\n"));
    assert_eq!((ran.code, ran.stdout.as_str()), (8, ""), "{}", ran.stderr);
    for said in [
        "makes this machine a device of the person who made it",
        &format!("Made by:    device {spelled} of the owner"),
        "You may:    read and write everything, invite and remove people, as the owner",
        "Good until: ",
        "In it now:  1 person with 1 device",
        "Join? [y/N]",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    assert_eq!(ok(&mut phone, "workspace list"), "");
    assert_eq!(ok(&mut laptop, "device list").lines().count(), 2, "a heading and the laptop");
    assert!(ok(&mut laptop, "device links").lines().count() > 1, "the code is not used");
    let joined = phone.run_with("--json join - --yes", &format!("{code}\n"));
    let joined: serde_json::Value = serde_json::from_str(&joined.stdout).unwrap();
    assert_eq!((joined["kind"].as_str(), joined["role"].as_str()), (Some("link"), Some("owner")));
    assert_eq!(joined["made_by"].as_str(), Some(maker));
}

#[test]
fn a_relay_that_cannot_be_reached_leaves_a_newcomer_as_it_was() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    relay.stop();
    let mut late = Machine::new("desktop").with_clock();
    ok(&mut late, "init --user Ben");
    let ran = late.run_with("join - --yes", &code);
    assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was changed here, and the code is not used"), "{}", ran.stderr);
    assert_eq!(ok(&mut late, "workspace list"), "");
    relay.resume();
    assert_eq!(late.run_with("join - --yes", &code).code, 0);
}

#[test]
fn a_members_link_gives_what_a_member_may() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let mut bens = joined("desktop", "Ben", &ok(&mut laptop, "workspace invite"));
    let code = ok(&mut bens, "device link");
    let mut phone = Machine::new("phone").with_clock();
    ok(&mut phone, "init --user Ben");
    let ran = phone.run_with("join -", &code);
    assert_eq!(ran.code, 8, "nobody is there to ask: {}", ran.stderr);
    assert!(ran.stderr.contains(" of a member\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("only the owner invites and removes people"), "{}", ran.stderr);
    assert!(ran.stderr.contains("In it now:  2 people with 2 devices"), "{}", ran.stderr);
}
