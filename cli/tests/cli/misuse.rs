//! What people get wrong, and what they are told.

use insta::assert_snapshot;

use crate::machine::Machine;

#[test]
fn an_unknown_command_is_misuse_with_a_suggestion() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&[
        "chats list",
        "chat shwo x",
        "chat say",
        "chat list -n many",
        "restore x",
        "workspace use",
        "export openclaw"
    ]));
}

#[test]
fn an_unknown_id_is_not_found() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&[
        "chat show zzzz",
        "chat say 00000000000000000000000000000000 hello",
        "chat export ''",
        "agent show zzzz",
        "share zzzz",
        "workspace use zzzz",
    ]));
}

#[test]
fn an_ambiguous_id_lists_what_it_could_be() {
    let mut machine = Machine::with_home();
    // Of 17 ids two begin with the same of 16 digits.
    let ids: Vec<String> = (0..17).map(|n| machine.made(&format!("chat new --title 'No {n}'"))).collect();
    let first = |digit: char| ids.iter().filter(move |id| id.starts_with(digit));
    let digit = "0123456789abcdef".chars().find(|digit| first(*digit).count() > 1).unwrap();
    let ran = machine.run(&format!("chat show {digit}"));
    assert_eq!(ran.code, 7);
    let n = first(digit).count();
    assert!(
        ran.stderr.starts_with(&format!("Error: \"{digit}\" could be {n} conversations\n")),
        "{}",
        ran.stderr
    );
    for id in first(digit).take(8) {
        let title = format!("No {}", ids.iter().position(|other| other == id).unwrap());
        let listed = ran
            .stderr
            .lines()
            .find(|line| line.ends_with(&title))
            .unwrap_or_else(|| panic!("{title}: {}", ran.stderr));
        assert!(id.starts_with(listed.split_whitespace().next().unwrap()), "{listed}");
    }
}

#[test]
fn every_prefix_that_a_list_shows_names_one_conversation() {
    let mut machine = Machine::with_home();
    for n in 0..40 {
        machine.made(&format!("chat new --title 'No {n}'"));
    }
    let listed = machine.run("chat list").stdout;
    for row in listed.lines().skip(1) {
        let prefix = row.split_whitespace().next().unwrap();
        assert!(prefix.len() >= 4);
        let shown = machine.run(&format!("chat show {prefix}"));
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert!(row.ends_with(shown.stdout.lines().next().unwrap()), "{row}: {}", shown.stdout);
    }
}

#[test]
fn a_bad_code_says_what_is_wrong_with_it() {
    let mut machine = Machine::with_home();
    assert_snapshot!(machine.story(&[
        "join hello",
        "join bowline2-AAAA",
        "join bowline1-AAAA",
        "join bowline1-!!!!",
        "join",
    ]));
}

#[test]
fn a_bad_relay_address_says_what_is_wrong_with_it() {
    let mut machine = Machine::with_home();
    assert_snapshot!(machine.story(&[
        "workspace create",
        "workspace create --relay relay.example",
        "workspace create --relay ws://relay.example",
        "workspace create --relay wss://relay.example:0",
        "workspace create --relay wss://relay.example#key=short",
    ]));
}

#[test]
fn commands_about_a_workspace_say_that_there_is_none() {
    let mut machine = Machine::with_home();
    assert_snapshot!(machine.story(&[
        "sync",
        "workspace list",
        "workspace members",
        "workspace invite",
        "workspace disconnect",
        "device list",
        "device link",
        "device revoke phone",
        "share --all",
    ]));
}

#[test]
fn a_text_too_long_for_one_message_is_refused_and_nothing_is_written() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Long");
    let ran = machine.run_with(&format!("chat say {id} -"), &"x".repeat(5 << 20));
    assert_snapshot!(machine.told("chat say @1 -", &ran));
    assert!(machine.run("chat list").stdout.contains("  0  "));
}
