//! A home from the first command to the last: init, status, reset.

use insta::assert_snapshot;

use crate::machine::{Machine, write};

#[test]
fn the_first_command_makes_a_home_named_after_person_and_machine() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&["init", "status"]));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look_into_a_home() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::with_home();
    for (name, mode) in [("", 0o700), ("bowline.db", 0o600), ("device.key", 0o600)] {
        let about = std::fs::metadata(machine.home(name)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_second_init_changes_nothing_but_the_names_it_is_given() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&[
        "init --user Ana --device couch",
        "init",
        "init --device desk",
        "init --user 'Ana B.'",
        "--json init",
    ]));
}

#[test]
fn a_command_without_a_home_says_how_to_make_one() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&["status", "chat list", "reset --yes"]));
}

#[test]
fn another_home_is_named_by_option_or_environment_and_the_option_wins() {
    let mut machine = Machine::with_home();
    machine.env.insert("BOWLINE_HOME".to_owned(), machine.path("second").into());
    assert_snapshot!(machine.story(&[
        "init --user Second",
        "status",
        "--home ~/third init --user Third",
        "status --home ~/.bowline",
        "status",
    ]));
}

#[test]
fn without_any_home_folder_it_asks_where() {
    let mut machine = Machine::new("laptop");
    machine.env.clear();
    assert_snapshot!(machine.story(&["status"]));
}

#[test]
fn reset_says_what_would_be_lost_and_needs_a_yes() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    machine.made("chat new --title Holidays");
    assert_snapshot!(machine.story(&["reset", "status", "reset --yes", "status"]));
    assert!(!machine.home("").exists());
}

#[test]
fn reset_leaves_alone_what_is_not_bowlines() {
    let mut machine = Machine::with_home();
    write(&machine.home("notes.txt"), "mine");
    assert_eq!(machine.run("reset --yes").code, 0);
    assert_eq!(std::fs::read_to_string(machine.home("notes.txt")).unwrap(), "mine");
    assert!(!machine.home("device.key").exists());
}

#[test]
fn a_home_can_be_made_again_after_a_reset_and_is_another_device() {
    let mut machine = Machine::with_home();
    let device = |machine: &mut Machine| {
        let status: serde_json::Value = serde_json::from_str(&machine.run("--json status").stdout).unwrap();
        status["device"].as_str().unwrap().to_owned()
    };
    let before = device(&mut machine);
    assert_eq!(machine.run("reset --yes").code, 0);
    assert_eq!(machine.run("init").code, 0);
    assert_ne!(before, device(&mut machine));
}

#[test]
fn status_says_the_same_to_programs() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&["--json status"]));
}
