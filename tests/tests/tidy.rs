//! Rules of the project that no compiler checks: who may use whom, what may be said where, what lies about unused.
//!
//! Each rule is a function over plain values (an edge list, a file's text), so that beside the test that holds the
//! repository to it stands one that plants a violation and sees it named. A broken rule is printed as a sentence,
//! with every place that breaks it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, in their own functions too"
)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/device.rs"]
mod device;
#[path = "tidy/english.rs"]
mod english;
#[path = "tidy/files_page.rs"]
mod files_page;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/layering.rs"]
mod layering;
#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/repository.rs"]
mod repository;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/text.rs"]
mod text;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use bowline_cast::leash;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// The workspace as cargo sees it: every feature, the packages this host builds.
///
/// Filtered by platform because cargo would otherwise fetch crates that no test here compiles.
static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let version = run(leash::command("rustc").arg("-vV"));
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc -vV names its host");
    let options = ["--locked", "--filter-platform", host].map(String::from);
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(options)
        .exec()
        .expect("cargo metadata describes the workspace")
});

/// Every path git tracks or would add, relative to the root, with `/` between the parts.
///
/// Files not yet added count, so that a rule is broken before the commit and not after it.
static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let listed = run(leash::command("git")
        // A checkout owned by another user (a container's volume) is still this checkout.
        .args(["-c", "safe.directory=*", "-C", METADATA.workspace_root.as_str()])
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]));
    let files = listed.split_terminator('\0').map(String::from);
    files.filter(|path| root().join(path).exists()).collect()
});

/// The text of every Rust file, by path.
static RUST: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let rust = FILES.iter().filter(|path| Path::new(path).extension().is_some_and(|ending| ending == "rs"));
    rust.map(|path| (path.clone(), read(path).expect("Rust sources are UTF-8"))).collect()
});

fn root() -> &'static Path {
    METADATA.workspace_root.as_std_path()
}

/// The text of a listed file; `None` when it is not text.
fn read(path: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(path)).expect("a listed file can be read");
    String::from_utf8(bytes).ok()
}

/// `path` relative to the root, written as in [`FILES`].
fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("the workspace lies inside its root");
    inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What a command printed; it has to succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("rustc and git can be run");
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("file names and versions are UTF-8")
}

/// Fails with the rule and everything that breaks it.
#[track_caller]
fn hold(rule: &str, broken_by: &[String]) {
    assert!(broken_by.is_empty(), "\nRule: {rule}\nBroken by:\n  {}\n", broken_by.join("\n  "));
}

/// A planted violation is reported exactly once, and the report names what a reader needs to find it.
#[track_caller]
fn assert_names(broken_by: &[String], expected: &[&str]) {
    assert_eq!(broken_by.len(), 1, "one violation was planted, reported: {broken_by:?}");
    for part in expected {
        assert!(broken_by[0].contains(part), "{:?} does not name {part:?}", broken_by[0]);
    }
}
