//! Pages, help and hints against the commands: each that they name exists, and README's everyday table has every one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use super::Arguments;

const README: &str = include_str!("../../../README.md");
const STATES: &str = include_str!("../../../docs/STATES.md");

/// Every command that does something, with the word of its group: `workspace create`.
fn commands() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for command in Arguments::command().get_subcommands() {
        if !command.has_subcommands() {
            all.insert(command.get_name().to_owned());
        }
        for verb in command.get_subcommands() {
            all.insert(format!("{} {}", command.get_name(), verb.get_name()));
        }
    }
    all
}

/// What stands between backticks in a text.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The commands that a row of a table names in its first cell: after `bowline chat new`, `list` is a verb of the same group.
fn named(cell: &str) -> BTreeSet<String> {
    let arguments = Arguments::command();
    let (mut all, mut groups, mut had_verb) = (BTreeSet::new(), Vec::<Command>::new(), true);
    for span in spans(cell).filter(|span| !span.starts_with("--") && !span.contains(" --")) {
        let words: Vec<&str> = span.trim_start_matches("bowline ").split_whitespace().collect();
        let of_group = |word: &str| groups.iter().all(|group| group.find_subcommand(word).is_some());
        match words.as_slice() {
            [verb] if !span.starts_with("bowline") && !groups.is_empty() && of_group(verb) => {
                all.extend(groups.iter().map(|group| format!("{} {verb}", group.get_name())));
                had_verb = true;
            }
            [first, rest @ ..] => {
                let command = arguments.find_subcommand(first).unwrap_or_else(|| panic!("{span}"));
                if had_verb {
                    groups.clear();
                }
                if command.has_subcommands() {
                    groups.push(command.clone());
                }
                had_verb = !command.has_subcommands() || !rest.is_empty();
                all.extend(had_verb.then(|| words.join(" ")));
            }
            [] => {}
        }
    }
    all
}

#[test]
fn the_everyday_table_has_every_command_and_no_other() {
    let (_, section) = README.split_once("\n## Everyday\n").unwrap();
    let rows =
        section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    let first = |row: &str| named(row.trim_matches('|').split('|').next().unwrap());
    assert_eq!(rows.flat_map(first).collect::<BTreeSet<_>>(), commands());
}

/// A command as a text names it, if that is none: `bowline chat sing`.
fn mistaken(span: &str) -> bool {
    let mut words = span.split_whitespace().skip(1).skip_while(|word| word.starts_with("--home"));
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let Some(first) = words.next().filter(is_word).filter(|word| !word.starts_with('-')) else {
        return false;
    };
    let arguments = Arguments::command();
    let Some(command) = arguments.find_subcommand(first) else {
        return first != "help";
    };
    let verb = words.next().filter(is_word).filter(|word| !word.starts_with('-'));
    verb.is_some_and(|verb| command.has_subcommands() && command.find_subcommand(verb).is_none())
}

fn check(place: &str, text: &str) {
    for span in spans(text).filter(|span| span.starts_with("bowline ")) {
        assert!(!mistaken(span), "{place}: there is no such command: {span}");
    }
}

#[test]
fn no_page_and_no_hint_names_a_command_that_does_not_exist() {
    fn check_all(folder: &Path) -> usize {
        let mut files = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files += check_all(&path);
            } else if path.file_name().is_some_and(|name| name != "pages.rs") {
                // Line by line: one backtick too few must not turn the rest of a file inside out.
                fs::read_to_string(&path).unwrap().lines().for_each(|line| {
                    check(&path.display().to_string(), line);
                });
                files += 1;
            }
        }
        files
    }
    README.lines().for_each(|line| check("README.md", line));
    STATES.lines().for_each(|line| check("docs/STATES.md", line));
    assert!(
        check_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) > 50,
        "the sources are where they were"
    );
    assert!(mistaken("bowline chat sing") && mistaken("bowline chant"));
    assert!(!mistaken("bowline chat show ID") && !mistaken("bowline share ID"));
}
