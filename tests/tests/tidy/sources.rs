//! What sources may say: no clock, chance or path in the pure crates, no printing in libraries, a head line, no bulk.

use std::collections::BTreeMap;

use crate::modules::{self, Reached};
use crate::text::{code, line, places, shipped, word_length};
use crate::{RUST, assert_names, hold};

/// Crates in which time and randomness are arguments and nothing is read or written.
const PURE: &[&str] = &["engine/wire/src/", "engine/crypto/src/", "engine/core/src/"];

/// Sources of chance and of time, and printing.
const IMPURE: &[&str] =
    &["SystemTime", "Instant::now", "thread_rng", "OsRng", "SysRng", "getrandom", "println!", "eprintln!"];

/// Modules of the standard library that reach outside the process.
const OUTSIDE: &[&str] = &["fs", "path", "env", "net"];

/// Ways to write to the terminal.
const PRINTING: &[&str] = &["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout", "io::stderr"];

/// Where printing is somebody's job: the command lines, the crate of tests, whose reports people read, and examples.
const MAY_PRINT: &[&str] = &["cli/", "relay/src/command/", "engine/examples/", "tests/"];

/// Lines beyond which a file has to say why it is one file.
const LONG: usize = 500;

/// How a long file says it.
const LONG_BECAUSE: &str = "//! Longer than 500 lines because ";

#[test]
fn pure_crates_read_no_clock_no_chance_and_no_path() {
    let mut broken = Vec::new();
    for (path, text) in shipped_under(PURE) {
        broken.extend(saying(path, text, IMPURE));
        broken.extend(reaching_outside(path, text));
    }
    hold(
        "in wire, crypto and core time and randomness are arguments, and nothing is read or written",
        &broken,
    );
}

#[test]
fn only_the_command_line_prints() {
    let libraries = shipped_under(&[""]);
    let silent =
        libraries.iter().filter(|(path, _)| !MAY_PRINT.iter().any(|folder| path.starts_with(folder)));
    let broken: Vec<_> = silent.flat_map(|(path, text)| saying(path, text, PRINTING)).collect();
    hold("libraries do not print; they send tracing events without content or keys", &broken);
}

#[test]
fn every_file_begins_by_saying_what_lives_there() {
    let broken: Vec<_> = RUST.iter().filter_map(|(path, text)| without_head(path, text)).collect();
    hold("the first line of a .rs file is a `//!` sentence on what lives there", &broken);
}

#[test]
fn long_files_say_why_they_are_long() {
    let broken: Vec<_> = RUST.iter().filter_map(|(path, text)| unexplained_length(path, text)).collect();
    hold("a file beyond 500 lines says why in a head line `//! Longer than 500 lines because …`", &broken);
}

#[test]
fn a_core_that_reads_the_clock_is_named_with_the_line() {
    let text = "//! Sync.\n// SystemTime is not for us.\nconst NAME: &str = \"OsRng\";\nlet now = SystemTime::now();\n";
    assert_names(
        &saying("engine/core/src/sync.rs", text, IMPURE),
        &["engine/core/src/sync.rs:4", "SystemTime"],
    );
}

#[test]
fn a_core_that_imports_a_path_is_named_however_it_is_written() {
    for text in
        ["use std::path::Path;", "use std::{fmt, path::{Path, PathBuf}};", "let p: std::path::PathBuf;"]
    {
        assert_names(
            &reaching_outside("engine/core/src/a.rs", text),
            &["engine/core/src/a.rs:1", "std::path"],
        );
    }
    assert!(reaching_outside("engine/core/src/a.rs", "use std::{fmt, io}; // not std::fs\n").is_empty());
}

#[test]
fn a_library_that_prints_is_named_and_its_tests_are_not() {
    let text = "//! Store.\nfn f() { println!(\"hello\"); }\n#[cfg(test)]\nmod tests { fn g() { println!(\"fine\"); } }";
    assert_names(&saying("store/src/lib.rs", text, PRINTING), &["store/src/lib.rs:2", "println!"]);
}

#[test]
fn a_file_without_a_head_line_is_named() {
    for text in ["use std::fmt;\n", "\n//! Late.\n", "//!\n", ""] {
        let found: Vec<_> = without_head("store/src/a.rs", text).into_iter().collect();
        assert_names(&found, &["store/src/a.rs"]);
    }
    assert_eq!(without_head("store/src/a.rs", "//! Rows of the entry table.\n"), None);
}

#[test]
fn a_long_file_without_a_reason_is_named() {
    let long = format!("//! Rows.\n{}", "// line\n".repeat(LONG));
    let found: Vec<_> = unexplained_length("store/src/a.rs", &long).into_iter().collect();
    assert_names(&found, &["store/src/a.rs", "501"]);
    let explained =
        long.replacen("//! Rows.", "//! Rows.\n//! Longer than 500 lines because it is a table.", 1);
    assert_eq!(unexplained_length("store/src/a.rs", &explained), None);
    let short = "// line\n".repeat(LONG);
    assert_eq!(unexplained_length("store/src/a.rs", &short), None);
    let too_late = format!("{long}//! Longer than 500 lines because I say so at the end.\n");
    assert!(unexplained_length("store/src/a.rs", &too_late).is_some());
}

/// Files under one of `folders` that are compiled into what is shipped.
fn shipped_under(folders: &[&str]) -> Vec<(&'static str, &'static str)> {
    let reached = modules::reached(&RUST, &modules::targets());
    let wanted = |path: &str| folders.iter().any(|folder| path.starts_with(folder));
    let files: &'static BTreeMap<String, String> = &RUST;
    let shipped = files.iter().filter(|(path, _)| reached.get(*path) == Some(&Reached::Shipped));
    shipped.filter(|(path, _)| wanted(path)).map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

/// Each use of one of `words` in the shipped code of a file.
fn saying(path: &str, text: &str, words: &[&str]) -> Vec<String> {
    let code = shipped(&code(text));
    let found = words.iter().flat_map(|word| places(&code, word).map(move |at| (at, word)));
    found.map(|(at, word)| format!("{path}:{}: {word}", line(&code, at))).collect()
}

/// Each use of a module of `std` that reaches outside the process, also inside `use std::{…}`.
fn reaching_outside(path: &str, text: &str) -> Vec<String> {
    const STD: &str = "std::";
    let code = shipped(&code(text));
    let mut found = Vec::new();
    for at in places(&code, STD) {
        let names = first_names(&code[at + STD.len()..]);
        let outside = names.into_iter().filter(|name| OUTSIDE.contains(name));
        found.extend(outside.map(|name| format!("{path}:{}: std::{name}", line(&code, at))));
    }
    found
}

/// The name a path goes on with, or every one a `{…}` group goes on with.
fn first_names(rest: &str) -> Vec<&str> {
    let name = |part: &str| word_length(part.as_bytes());
    let Some(group) = rest.strip_prefix('{') else {
        return vec![&rest[..name(rest)]];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 1_usize, 0);
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 1 => {}
            _ => continue,
        }
        if depth == 0 || byte == b',' {
            let part = group[start..at].trim_start();
            names.push(&part[..name(part)]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn without_head(path: &str, text: &str) -> Option<String> {
    let first = text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|sentence| !sentence.trim().is_empty());
    (!says).then(|| format!("{path}: begins with {first:?}"))
}

fn unexplained_length(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let explained =
        text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.starts_with(LONG_BECAUSE));
    (lines > LONG && !explained).then(|| format!("{path}: {lines} lines"))
}
