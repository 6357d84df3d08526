//! Holds the pages under docs/, README.md and CONTRIBUTING.md against the repository: what they name has to be there.
//!
//! Decision records are left out: they speak of the code as it was when they were written. So is docs/FILES.md, which another
//! test (`tests/tests/tidy/files_page.rs`) holds to the sources.

#![allow(clippy::expect_used, reason = "tests may fail loudly, in their own functions too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Endings by which a name with a slash in it is meant as a file of this repository.
const ENDINGS: [&str; 7] = ["rs", "md", "sh", "toml", "json", "hex", "yml"];

/// What stands for a number nobody has drawn yet, as in `docs/decisions/NNNN-title.md`.
const PLACEHOLDER: &str = "NNNN";

/// The page that is written from the sources.
const GENERATED: &str = "docs/FILES.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages, by their path from the root.
fn pages() -> Vec<(String, String)> {
    let listed = fs::read_dir(root().join("docs")).expect("docs/ can be listed");
    let names = listed.map(|entry| entry.expect("docs/ can be listed").file_name());
    let mut paths: Vec<String> = names
        .filter_map(|name| Some(format!("docs/{}", name.to_str()?)))
        .filter(|path| ending(path) == "md" && path != GENERATED)
        .collect();
    paths.extend(["README.md", "CONTRIBUTING.md"].map(str::to_owned));
    paths.sort();
    let text = |path: &String| fs::read_to_string(root().join(path)).expect("a page is text");
    paths.iter().map(|path| (path.clone(), text(path))).collect()
}

#[test]
fn every_path_that_a_page_names_exists() {
    let exists = |path: &str| root().join(path).exists();
    let broken: Vec<String> =
        pages().iter().flat_map(|(page, text)| missing_paths(page, text, exists)).collect();
    assert!(broken.is_empty(), "\nThese are not there:\n  {}\n", broken.join("\n  "));
}

#[test]
fn every_function_and_type_that_a_page_names_is_somewhere_in_the_sources() {
    let words = words_of_sources();
    let broken: Vec<String> = pages()
        .iter()
        .filter(|(page, _)| page.starts_with("docs/"))
        .flat_map(|(page, text)| missing_names(page, text, &words))
        .collect();
    assert!(broken.is_empty(), "\nNo source says:\n  {}\n", broken.join("\n  "));
}

#[test]
fn every_invariant_says_what_checks_it() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the page is text");
    let (stated, unchecked) = invariants_without_a_test(&text);
    assert!(stated >= 5, "only {stated} invariants: this rule watches nothing");
    assert!(unchecked.is_empty(), "\nNo test is named for:\n  {}\n", unchecked.join("\n  "));
}

#[test]
fn a_path_that_is_gone_is_named_with_its_page_and_line() {
    let exists = |path: &str| path == "engine/wire/src/log.rs" || path == "docs/../README.md";
    let page = "Fine: `engine/wire/src/log.rs`, [here](../README.md), [there](https://example.org/a.md).\n\
                ```text\nnot looked at: `gone/in/fence.rs`\n```\n\
                Gone: `engine/wire/src/lag.rs` and [this](GONE.md#part).\n\
                No paths: `entries/1`, `docs/decisions/NNNN-title.md`, `and/or maybe`.\n";
    let found = missing_paths("docs/A.md", page, exists);
    assert_eq!(found, ["docs/A.md:5: engine/wire/src/lag.rs", "docs/A.md:5: docs/GONE.md"]);
}

#[test]
fn a_function_that_is_gone_is_named_with_its_page_and_line() {
    let words = ["Device", "say", "send_outbox"].map(str::to_owned).into();
    let page =
        "`Device::say` calls `send_outbox`.\nOnce it was `Device::tell` or `tell_it`; `word` is anything.\n";
    let found = missing_names("docs/A.md", page, &words);
    assert_eq!(found, ["docs/A.md:2: Device::tell", "docs/A.md:2: tell_it"]);
}

#[test]
fn an_invariant_without_a_test_is_named() {
    let page = "Architecture Invariant: the sky is blue.\nStill.\n\nArchitecture Invariant: checked by\n`tests/tests/tidy.rs`.\n";
    let (stated, unchecked) = invariants_without_a_test(page);
    assert_eq!((stated, unchecked.len()), (2, 1));
    assert!(unchecked.iter().all(|paragraph| paragraph.contains("the sky")));
}

/// Names in backticks that mean a file or folder of the repository, and links, that lead nowhere.
fn missing_paths(page: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let named = in_backticks(line).filter(|name| is_path(name)).map(str::to_owned);
        let linked = links(line).map(|link| match folder {
            "" => link.to_owned(),
            folder => format!("{folder}/{link}"),
        });
        let gone = named.chain(linked).filter(|path| !exists(path));
        found.extend(gone.map(|path| format!("{page}:{number}: {path}")));
    }
    found
}

/// Names like `Device::say` or `send_outbox` of which some part is a word in no source.
fn missing_names(page: &str, text: &str, words: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let names = in_backticks(line).filter(|name| is_name(name));
        let gone = names.filter(|name| !name.split("::").all(|part| words.contains(part)));
        found.extend(gone.map(|name| format!("{page}:{number}: {name}")));
    }
    found
}

/// How many invariants a page states, and the paragraphs of those that name no test.
fn invariants_without_a_test(text: &str) -> (usize, Vec<String>) {
    let stated: Vec<&str> =
        text.split("\n\n").filter(|paragraph| paragraph.starts_with("Architecture Invariant:")).collect();
    let names_a_test = |paragraph: &&&str| {
        let mut named = paragraph.lines().flat_map(in_backticks);
        named.any(|name| is_path(name) && (name.contains("tests") || name.contains("conformance")))
    };
    let unchecked = stated.iter().filter(|paragraph| !names_a_test(paragraph));
    (stated.len(), unchecked.map(|paragraph| (*paragraph).to_owned()).collect())
}

/// Lines outside fences, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn in_backticks(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Where the links of a line lead, other sites and places within a page aside.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains("://"))
}

/// A name with a slash that ends like a file, or begins like a folder of ours and goes on with one.
fn is_path(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let is_file = ENDINGS.contains(&ending(name));
    let is_folder = name.ends_with('/') || name.starts_with("engine/");
    plain && name.contains('/') && (is_file || is_folder) && !name.contains(PLACEHOLDER)
}

/// What stands after the last dot of a name.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// An identifier that is not an everyday word: with `::` or an underscore in it.
fn is_name(name: &str) -> bool {
    let is_identifier =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (name.contains("::") || name.contains('_')) && name.split("::").all(is_identifier)
}

/// Every identifier in every Rust source.
fn words_of_sources() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if ending(name) == "rs" && path != root().join("tests/tests/docs.rs") {
                let text = fs::read_to_string(&path).expect("Rust sources are UTF-8");
                let split = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                words.extend(split.filter(|word| !word.is_empty()).map(str::to_owned));
            }
        }
    }
    words
}
