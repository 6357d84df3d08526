//! On a terminal: questions, colours, and texts that would like to be commands.

use insta::assert_snapshot;

use crate::machine::Machine;

/// What no terminal should be given by somebody else's text: an escape, a C1 control, direction, a bell.
const HOSTILE: &str = "\u{1b}[2Jgone\u{9b}31m \u{202e}txt.exe\u{2069}\u{7}";

fn at_a_terminal(machine: &mut Machine) {
    machine.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..machine.terminal };
    machine.env.insert("NO_COLOR".to_owned(), "1".into());
    machine.env.insert("PAGER".to_owned(), "".into());
}

#[test]
fn a_question_is_answered_with_yes_or_taken_as_no() {
    for (answer, code) in [("\n", 8), ("n\n", 8), ("", 8), ("yes please\n", 8), ("y\n", 0), ("YES\n", 0)] {
        let mut machine = Machine::with_home();
        at_a_terminal(&mut machine);
        let ran = machine.run_with("reset", answer);
        assert_eq!(ran.code, code, "{answer:?}: {}", ran.stderr);
        assert_eq!(machine.home("bowline.db").exists(), code != 0);
    }
}

#[test]
fn a_question_says_what_is_about_to_happen() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    at_a_terminal(&mut machine);
    let ran = machine.run_with("reset", "no\n");
    assert_snapshot!(machine.told("reset", &ran));
}

#[test]
fn nothing_in_a_document_acts_on_the_terminal() {
    let mut machine = Machine::with_home();
    at_a_terminal(&mut machine);
    let id = machine.made(&format!("chat new --title '{HOSTILE}'"));
    assert_eq!(machine.run(&format!("chat say {id} '{HOSTILE}\nsecond line'")).code, 0);
    for line in ["chat list", "--json chat list", "status"]
        .map(str::to_owned)
        .into_iter()
        .chain(["chat show", "--json chat show", "chat export"].map(|command| format!("{command} {id}")))
    {
        let ran = machine.run(&line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        let printed = ran.stdout + &ran.stderr;
        let acting = printed.chars().find(|c| {
            (c.is_control() && *c != '\n' && *c != '\t')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(acting, None, "{line}: {printed}");
    }
    assert_snapshot!(machine.story(&["chat list", "chat show @1"]));
}

#[test]
fn an_error_repeats_what_was_typed_without_what_acts() {
    let mut machine = Machine::with_home();
    let ran = machine.run(&format!("chat show '{HOSTILE}'"));
    assert_eq!(ran.code, 7);
    assert_eq!(ran.stderr.chars().find(|c| c.is_control() && *c != '\n'), None, "{}", ran.stderr);
}

#[test]
fn into_a_file_an_export_is_byte_for_byte() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Raw");
    assert_eq!(machine.run(&format!("chat say {id} '{HOSTILE}'")).code, 0);
    let piped = machine.run(&format!("chat export {id}")).stdout;
    assert!(piped.contains("\u{9b}31m") && piped.contains('\u{202e}'), "{piped}");
}

#[test]
fn words_are_coloured_on_a_terminal_and_where_asked() {
    let mut machine = Machine::with_home();
    let colored =
        |machine: &mut Machine, line: &str| machine.run(line).stderr.starts_with("\x1b[1;31mError:\x1b[0m ");
    assert!(!colored(&mut machine, "chat show zzzz"));
    assert!(colored(&mut machine, "--color always chat show zzzz"));
    machine.terminal.stderr = true;
    assert!(colored(&mut machine, "chat show zzzz"));
    assert!(!colored(&mut machine, "--color never chat show zzzz"));
    machine.env.insert("NO_COLOR".to_owned(), "1".into());
    assert!(!colored(&mut machine, "chat show zzzz"));
    machine.env.insert("NO_COLOR".to_owned(), "".into());
    assert!(colored(&mut machine, "chat show zzzz"));
    machine.env.insert("TERM".to_owned(), "dumb".into());
    assert!(!colored(&mut machine, "chat show zzzz"));
}
