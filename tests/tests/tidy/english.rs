//! Holds comments and messages to the rules of style in CONTRIBUTING.md that a machine can check.

use crate::modules::{Reached, reached, targets};
use crate::text::line;
use crate::{RUST, assert_names, hold};

/// Folders that are not held to these rules yet, and this file, which quotes what breaks them. The list only gets shorter.
const NOT_YET: &[&str] = &["tests/tests/tidy/english.rs"];

/// Verbs before which "no" denies a noun.
const VERBS: &[&str] = &["is", "are", "was", "were", "be", "been"];

/// Words after "no" with which it is plain English: "is no longer", "are no more than".
const PLAIN: &[&str] = &["longer", "more", "matter"];

/// How a line of documentation begins that only makes sense after the one above it.
const DANGLING: &[&str] = &[
    "It ",
    "It, ",
    "Its ",
    "So ",
    "And ",
    "But ",
    "Nor ",
    "Of ",
    "The same, ",
    "The same for ",
    "The same but ",
];

#[test]
fn what_is_not_something_is_said_to_be_not_a_something() {
    let broken: Vec<_> = held().flat_map(|(path, text)| saying_is_no(path, text)).collect();
    hold("comments and messages say \"is not a\", not \"is no\"", &broken);
}

#[test]
fn every_item_is_documented_by_a_line_that_stands_alone() {
    let ways = reached(&RUST, &targets());
    let shipped = held().filter(|(path, _)| ways.get(*path) == Some(&Reached::Shipped));
    let broken: Vec<_> = shipped.flat_map(|(path, text)| dangling(path, text)).collect();
    hold(
        &format!("documentation names its subject: no {DANGLING:?} at its beginning, and more than one word"),
        &broken,
    );
}

#[test]
fn only_folders_that_are_there_are_left_out() {
    let is_gone = |folder: &&&str| !RUST.keys().any(|path| path.starts_with(**folder));
    let gone: Vec<_> = NOT_YET.iter().filter(is_gone).collect();
    assert!(gone.is_empty(), "{gone:?} can go from NOT_YET");
}

#[test]
fn a_thing_that_is_no_thing_is_named_with_its_line() {
    let text = "//! Rows.\n/// What is no\n/// row at all.\n";
    assert_names(&saying_is_no("store/src/a.rs", text), &["store/src/a.rs:2", "is no row"]);
    assert_names(
        &saying_is_no("store/src/a.rs", "f(\"{0} is no folder\")"),
        &["store/src/a.rs:1", "is no folder"],
    );
    for fine in
        ["There is no row.", "is no longer there", "are no more than two", "this is now", "it is: no row"]
    {
        assert_eq!(saying_is_no("store/src/a.rs", fine), [""; 0], "{fine}");
    }
}

#[test]
fn a_line_that_goes_on_with_the_one_above_is_named() {
    for dangles in
        ["/// It is gone.", "    /// Its key.", "/// The same for bytes.", "/// Why.", "//! So it is."]
    {
        let text = format!("/// Some rows.\nenum A {{\n{dangles}\nB }}\n");
        assert_names(&dangling("store/src/a.rs", &text), &["store/src/a.rs:3", dangles.trim()]);
    }
    for fine in [
        "/// Rows of it.\n/// It is a second line.",
        "/// Some italics.",
        "/// `SHA-256(header)`.",
        "// It is a comment.",
        "/// Offers one.",
    ] {
        assert_eq!(dangling("store/src/a.rs", fine), [""; 0], "{fine}");
    }
}

/// The files that are held to the rules.
fn held() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = RUST.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    files.filter(|(path, _)| !NOT_YET.iter().any(|folder| path.starts_with(folder)))
}

/// First lines of documentation that do not stand alone.
fn dangling(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_first = true;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let said = line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! "));
        if let (Some(said), true) = (said, is_first) {
            let dangles = DANGLING.iter().any(|beginning| said.starts_with(beginning));
            let is_one_word =
                said.strip_suffix('.').is_some_and(|word| word.chars().all(char::is_alphabetic));
            if dangles || is_one_word {
                found.push(format!("{path}:{number}: {line}"));
            }
        }
        is_first = !(line.starts_with("///") || line.starts_with("//!"));
    }
    found
}

/// Places at which something is said to be "no something". "There is no row" is plain English.
fn saying_is_no(path: &str, text: &str) -> Vec<String> {
    let words: Vec<(usize, &str)> = words(text);
    let mut found = Vec::new();
    for four in words.windows(4) {
        let [(_, before), (at, verb), (_, no), (_, noun)] = four else { continue };
        let denies = VERBS.contains(verb) && *no == "no" && !PLAIN.contains(noun);
        if denies && !before.trim_matches('\'').eq_ignore_ascii_case("there") {
            found.push(format!("{path}:{}: {before} {verb} no {noun}", line(text, *at)));
        }
    }
    found
}

/// The words of a text with their offsets. What stands between two words other than blanks and the beginnings of comment
/// lines is a word as well, so that a sentence's end keeps words apart.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = vec![(0, "")];
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
        let length = match first {
            c if is_word(c) => text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at),
            c => c.len_utf8(),
        };
        let word = &text[at..at + length];
        let comment = word == "/" || word == "!" && text[..at].ends_with('/');
        if !(first.is_whitespace() || comment) {
            found.push((at, word));
        }
        at += length;
    }
    found
}
