//! Help: what every command says about itself.

use insta::assert_snapshot;

use crate::machine::Machine;

#[test]
fn help_lists_every_command_and_the_exit_codes() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&["--help"]));
}

#[test]
fn no_command_at_all_is_misuse_and_shows_the_commands() {
    let mut machine = Machine::new("laptop");
    let ran = machine.run("");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("Usage: bowline"), "{}", ran.stderr);
}

#[test]
fn help_of_a_command_has_examples_and_goes_to_stdout() {
    let mut machine = Machine::new("laptop");
    assert_snapshot!(machine.story(&[
        "help workspace",
        "chat say --help",
        "help join",
        "import openclaw --help",
        "export openclaw --help",
        "demo --help",
    ]));
}

#[test]
fn help_is_as_wide_as_the_terminal_and_no_wider_than_is_easy_to_read() {
    let mut machine = Machine::new("laptop");
    let mut help = |columns: usize| {
        machine.terminal.columns = Some(columns);
        let help = machine.run("help import openclaw").stdout;
        let words: Vec<String> = help.split_whitespace().map(str::to_owned).collect();
        // An example is not broken: it is there to be copied.
        let prose = help.split("Examples:").next().unwrap();
        (prose.lines().map(|line| line.chars().count()).max().unwrap(), words, help)
    };
    let (narrow, usual, wide) = (help(60), help(100), help(300));
    assert!(narrow.0 <= 60 && (61..=100).contains(&usual.0), "{}\n{}", narrow.2, usual.2);
    assert_eq!(narrow.1, usual.1, "no word is lost");
    assert_eq!(usual.2, wide.2);
}

#[test]
fn no_line_of_help_is_wider_than_a_terminal() {
    let mut machine = Machine::new("laptop");
    for line in [
        "--help",
        "init --help",
        "status --help",
        "share --help",
        "keep-local --help",
        "join --help",
        "sync --help",
        "reset --help",
        "chat --help",
        "agent --help",
        "workspace --help",
        "device --help",
        "workspace create --help",
        "workspace forget --help",
        "device link --help",
        "agent edit --help",
        "chat show --help",
        "skill --help",
        "skill show --help",
        "memory --help",
        "memory export --help",
        "import --help",
        "import openclaw --help",
        "import jsonl --help",
        "export openclaw --help",
        "demo --help",
    ] {
        let ran = machine.run(line);
        assert_eq!(ran.code, 0, "{line}");
        let wide = ran.stdout.lines().find(|line| line.chars().count() > 120);
        assert_eq!(wide, None, "{line}");
    }
}
