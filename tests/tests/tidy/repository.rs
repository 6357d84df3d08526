//! What lies in the repository: an agreed top level, dependencies that say what they are for, no path of a machine.

use std::path::Path;

use crate::{FILES, assert_names, hold, read, root};

/// The feature that lets a test make the code wrong.
const PLANTED: &str = "planted-bugs";

/// The names at the top level, beside LICENSE files and names with a leading dot.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "engine",
    "store",
    "transport",
    "relay",
    "cli",
    "tests",
    "docs",
];

#[test]
fn the_top_level_holds_only_the_agreed_names() {
    hold("the top level of the repository is closed", &unagreed(&FILES));
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = read("Cargo.toml").expect("the workspace manifest is text");
    assert!(manifest.contains(DEPENDENCIES), "Cargo.toml has no {DEPENDENCIES}: this rule watches nothing");
    hold(
        "every dependency from outside has a comment on its line saying what it is for",
        &unexplained(&manifest),
    );
}

#[test]
fn no_file_names_a_folder_of_this_machine() {
    let forms = machine_paths(root());
    let texts = FILES.iter().filter_map(|path| Some((path, read(path)?)));
    let broken: Vec<_> = texts.flat_map(|(path, text)| naming(path, &text, &forms)).collect();
    hold("no file holds an absolute path of the machine it was written on", &broken);
}

#[test]
fn only_the_tests_plant_bugs() {
    let manifests = FILES.iter().filter(|path| path.ends_with("Cargo.toml") && *path != "tests/Cargo.toml");
    let texts: Vec<_> = manifests.filter_map(|path| Some((path.clone(), read(path)?))).collect();
    assert!(
        texts.iter().any(|(_, text)| text.contains(PLANTED)),
        "no crate has bugs to plant: this rule watches nothing"
    );
    hold("the feature planted-bugs is declared anywhere and asked for by the tests alone", &planting(&texts));
    let workspace = read("Cargo.toml").expect("the workspace manifest is text");
    let built = workspace.lines().find(|line| line.starts_with("default-members")).unwrap_or("");
    assert!(
        !built.is_empty() && !built.contains("tests"),
        "a build of the workspace would unify the tests' features"
    );
}

#[test]
fn a_crate_that_asks_for_planted_bugs_is_named() {
    let asks = "[dependencies]\nbowline-store = { workspace = true, features = [\"planted-bugs\"] }\n";
    let declares = "[features]\nplanted-bugs = []\n";
    let texts = [
        ("cli/Cargo.toml".to_owned(), asks.to_owned()),
        ("store/Cargo.toml".to_owned(), declares.to_owned()),
    ];
    assert_names(&planting(&texts), &["cli/Cargo.toml:2"]);
}

#[test]
fn a_new_folder_at_the_top_is_named_once() {
    let files =
        ["scripts/a.sh", "scripts/b.sh", ".ci/run", "LICENSE-MIT", "engine/wire/src/lib.rs", "README.md"];
    assert_names(&unagreed(&files.map(String::from)), &["scripts"]);
}

#[test]
fn a_dependency_without_a_reason_is_named() {
    let manifest = concat!(
        "[package]\nname = \"x\"\n[workspace.dependencies]\n",
        "# A heading is not a reason.\n",
        "bowline-wire = { path = \"engine/wire\" }\n",
        "hex = \"0.4\" # test vectors\n",
        "odd = { version = \"1\", features = [\n    \"a#b\",\n] } # spread over lines\n",
        "sha2 = \"0.11#not-a-comment\"\n",
        "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
    );
    assert_names(&unexplained(manifest), &["sha2"]);
}

#[test]
fn a_dependency_in_a_table_of_its_own_is_named() {
    let manifest = "[workspace.dependencies]\n[workspace.dependencies.hex]\nversion = \"0.4\"\n";
    assert_names(&unexplained(manifest), &["[workspace.dependencies.hex]"]);
}

#[test]
fn a_file_that_names_the_checkouts_folder_is_named_with_the_line() {
    let forms = machine_paths(Path::new("/builds/ana/bowline"));
    assert_names(&naming("docs/A.md", "Run it.\nSee `/builds/ana/notes.md`.\n", &forms), &["docs/A.md:2"]);
    assert!(naming("docs/A.md", "target/builds/ana/x and $HOME/builds/ana/y\n", &forms).is_empty());
}

#[test]
fn a_checkout_in_the_common_temporary_folder_forbids_only_itself() {
    let temporary = std::env::temp_dir();
    for common in [temporary.parent(), Some(temporary.as_path())].into_iter().flatten() {
        let checkout = common.join("clone");
        let forms = machine_paths(&checkout);
        let beside = common.join("other.txt");
        assert!(naming("docs/A.md", &beside.to_string_lossy(), &forms).is_empty());
        let inside = checkout.join("Cargo.toml");
        assert_names(&naming("docs/A.md", &inside.to_string_lossy(), &forms), &["docs/A.md:1"]);
    }
}

/// Lines of manifests that turn the feature on, rather than declare it empty.
fn planting(manifests: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in manifests {
        for (number, line) in (1..).zip(text.lines()) {
            if line.contains(PLANTED)
                && line.trim() != "planted-bugs = []"
                && !line.trim_start().starts_with('#')
            {
                found.push(format!("{path}:{number} turns on {PLANTED}"));
            }
        }
    }
    found
}

/// Names at the top level that nobody agreed on.
fn unagreed(files: &[String]) -> Vec<String> {
    let mut names: Vec<_> = files.iter().filter_map(|path| path.split('/').next()).collect();
    names.dedup();
    names.retain(|name| !(name.starts_with('.') || name.starts_with("LICENSE-") || TOP_LEVEL.contains(name)));
    names.into_iter().map(String::from).collect()
}

/// The section in which dependencies are gathered.
const DEPENDENCIES: &str = "[workspace.dependencies]";

/// Dependencies of the workspace, ours aside, without a comment after their value.
fn unexplained(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut inside, mut entry, mut reason) = (false, String::new(), false);
    for line in manifest.lines().map(str::trim) {
        if entry.is_empty() && line.starts_with('[') {
            inside = line == DEPENDENCIES;
            if line.starts_with("[workspace.dependencies.") {
                found.push(format!("Cargo.toml: {line} stands apart; one line with a comment, please"));
            }
            continue;
        }
        if !inside || (entry.is_empty() && (line.is_empty() || line.starts_with('#'))) {
            continue;
        }
        let (value, comment) = split_comment(line);
        entry.push_str(value);
        reason |= !comment.trim().is_empty();
        // An entry goes on over lines until its brackets are closed.
        let count = |wanted: [char; 2]| entry.matches(wanted).count();
        if count(['{', '[']) == count(['}', ']']) {
            if !reason && !entry.contains("path =") {
                found.push(format!("Cargo.toml: {}", entry.trim()));
            }
            entry.clear();
            reason = false;
        }
    }
    found
}

/// A line before and after the `#` that starts its comment.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted => return (&line[..at], &line[at + 1..]),
            _ => {}
        }
    }
    (line, "")
}

/// Prefixes that only this machine would understand: the folder the checkout lies in, or only the checkout itself where
/// that folder is one every machine has.
fn machine_paths(checkout: &Path) -> Vec<String> {
    // Under `tests/run.sh` the folder for temporary files is one that it has made in the machine's.
    let temporary = std::env::temp_dir();
    let common = [temporary.parent().map(Path::to_path_buf), Some(temporary), Some("/".into())];
    let parent =
        checkout.parent().map(Path::to_path_buf).filter(|parent| !common.contains(&Some(parent.clone())));
    let folder = parent.as_deref().unwrap_or(checkout);
    vec![format!("{}/", folder.display()), checkout.display().to_string()]
}

/// Lines of a file in which an absolute path begins with one of `forms`.
fn naming(path: &str, text: &str, forms: &[String]) -> Vec<String> {
    // Behind one of these the form is the tail of some other path, a variable's for instance.
    let goes_on = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "_-./~*)}>".contains(c));
    let names = |line: &str| {
        forms.iter().any(|form| line.match_indices(form.as_str()).any(|(at, _)| !goes_on(&line[..at])))
    };
    let numbered = text.lines().enumerate().filter(|(_, line)| names(line));
    numbered.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())).collect()
}
