//! Who may use whom: the picture in docs/ARCHITECTURE.md, held against the graph cargo resolved.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata};

use crate::{METADATA, assert_names, hold};

/// Each crate of the workspace and the workspace crates it may name under `[dependencies]`.
const PICTURE: &[(&str, &[&str])] = &[
    ("bowline-wire", &[]),
    ("bowline-crypto", &["bowline-wire"]),
    ("bowline-core", &["bowline-crypto", "bowline-wire"]),
    ("bowline-disk", &[]),
    ("bowline-store", &["bowline-disk", "bowline-wire"]),
    ("bowline-transport", &["bowline-wire"]),
    ("bowline-device", &["bowline-core", "bowline-crypto", "bowline-store", "bowline-wire"]),
    ("bowline-import", &["bowline-core", "bowline-device", "bowline-wire"]),
    (
        "bowline-engine",
        &[
            "bowline-core",
            "bowline-crypto",
            "bowline-device",
            "bowline-disk",
            "bowline-store",
            "bowline-transport",
            "bowline-wire",
        ],
    ),
    ("bowline-relay", &["bowline-disk", "bowline-transport", "bowline-wire"]),
    ("bowline", &["bowline-engine", "bowline-import", "bowline-relay"]),
    ("bowline-cast", &[]),
    (
        "bowline-tests",
        &[
            "bowline",
            "bowline-cast",
            "bowline-core",
            "bowline-crypto",
            "bowline-disk",
            "bowline-engine",
            "bowline-import",
            "bowline-relay",
            "bowline-store",
            "bowline-transport",
            "bowline-wire",
        ],
    ),
];

/// Crates at the top: everything below them has to build and make sense without them.
const TOP: &[&str] = &["bowline", "bowline-tests"];

/// The relay and the database never see content, so nothing that could read it is linked into them.
const BLIND: (&[&str], &[&str]) =
    (&["bowline-relay", "bowline-store"], &["automerge", "bowline-core", "bowline-crypto"]);

/// The deterministic crates do no I/O, so nothing that does is linked into them.
const PURE: (&[&str], &[&str]) = (
    &["bowline-wire", "bowline-crypto", "bowline-core"],
    &["tokio", "rusqlite", "tungstenite", "tokio-tungstenite", "iroh"],
);

/// The device is synchronous and reads no file of another program, so nothing that serves either is linked into it.
const DEVICE: (&[&str], &[&str]) = (&["bowline-device"], &["tokio", "cap-std", "json5", "notify"]);

/// A dependency between two packages, by name.
type Edge = (String, String);

#[test]
fn each_crate_uses_only_the_crates_below_it() {
    let uses = declared(&METADATA, |kind| kind == DependencyKind::Normal);
    hold("a crate uses only the workspace crates the picture gives it", &outside(PICTURE, &members(), &uses));
}

#[test]
fn nothing_depends_on_the_command_line_or_the_tests() {
    let mut uses = declared(&METADATA, |_| true);
    // The tests run the command line, and a second one that seals nothing.
    uses.retain(|(user, used)| (user.as_str(), used.as_str()) != ("bowline-tests", "bowline"));
    hold("nothing depends on cli or tests but the tests on cli", &depending_on(TOP, &uses));
}

#[test]
fn relay_and_store_cannot_reach_anything_that_reads_content() {
    let (from, to) = BLIND;
    hold(
        "relay and store reach neither automerge nor crypto nor core",
        &reaching(from, to, &linked(&METADATA)),
    );
}

#[test]
fn pure_crates_reach_no_runtime_database_or_network() {
    let (from, to) = PURE;
    hold(
        "wire, crypto and core reach no runtime, database or network",
        &reaching(from, to, &linked(&METADATA)),
    );
}

#[test]
fn the_device_reaches_no_runtime_and_no_reader_of_other_programs_files() {
    let (from, to) = DEVICE;
    hold(
        "the device reaches neither tokio nor cap-std, json5 or notify",
        &reaching(from, to, &linked(&METADATA)),
    );
}

#[test]
fn a_device_that_reaches_tokio_is_named() {
    let (from, to) = DEVICE;
    let graph = edges(&["bowline-device bowline-transport", "bowline-transport tokio"]);
    assert_names(&reaching(from, to, &graph), &["bowline-device → bowline-transport → tokio"]);
}

#[test]
fn a_store_that_uses_crypto_is_named() {
    let found = outside(PICTURE, &named_in_picture(), &edges(&["bowline-store bowline-crypto"]));
    assert_names(&found, &["bowline-store", "bowline-crypto"]);
    let allowed = edges(&["bowline-store bowline-wire", "bowline bowline-engine"]);
    assert!(outside(PICTURE, &named_in_picture(), &allowed).is_empty());
}

#[test]
fn a_crate_missing_from_the_picture_or_only_in_it_is_named() {
    let mut crates = named_in_picture();
    crates.push("bowline-gui".to_owned());
    assert_names(&outside(PICTURE, &crates, &[]), &["bowline-gui"]);
    crates.retain(|name| name != "bowline-gui" && name != "bowline-relay");
    assert_names(&outside(PICTURE, &crates, &[]), &["bowline-relay"]);
}

#[test]
fn an_engine_that_depends_on_the_tests_is_named() {
    let found = depending_on(TOP, &edges(&["bowline-engine bowline-tests", "bowline-engine bowline-core"]));
    assert_names(&found, &["bowline-engine", "bowline-tests"]);
}

#[test]
fn a_relay_that_reaches_automerge_through_another_crate_is_named_with_the_way() {
    let graph = edges(&["bowline-relay fancy-index", "fancy-index automerge", "bowline-store rusqlite"]);
    let (from, to) = BLIND;
    assert_names(&reaching(from, to, &graph), &["bowline-relay → fancy-index → automerge"]);
}

#[test]
fn a_rule_about_a_crate_that_is_gone_is_named() {
    let graph = edges(&["bowline-wire sha2", "bowline-crypto hkdf"]);
    let (from, to) = PURE;
    assert_names(&reaching(from, to, &graph), &["bowline-core", "no such crate"]);
}

/// Workspace crates outside the picture, crates of the picture outside the workspace, and uses it does not give.
fn outside(picture: &[(&str, &[&str])], crates: &[String], uses: &[Edge]) -> Vec<String> {
    let rows: BTreeMap<_, _> = picture.iter().copied().collect();
    let unknown = crates
        .iter()
        .filter(|name| !rows.contains_key(name.as_str()))
        .map(|name| format!("{name} is a crate of the workspace, but not in the picture"));
    let gone = rows
        .keys()
        .filter(|name| !crates.iter().any(|known| known == *name))
        .map(|name| format!("{name} is in the picture, but not a crate of the workspace"));
    let upward = uses
        .iter()
        .filter(|(_, to)| rows.contains_key(to.as_str()))
        .filter(|(from, to)| rows.get(from.as_str()).is_some_and(|below| !below.contains(&to.as_str())))
        .map(|(from, to)| format!("{from}'s Cargo.toml uses {to}"));
    unknown.chain(gone).chain(upward).collect()
}

/// Uses of a crate that nobody may use.
fn depending_on(top: &[&str], uses: &[Edge]) -> Vec<String> {
    let wrong = uses.iter().filter(|(_, to)| top.contains(&to.as_str()));
    wrong.map(|(from, to)| format!("{from}'s Cargo.toml uses {to}")).collect()
}

/// The shortest way from each crate in `from` to each in `to`, where there is one.
fn reaching(from: &[&str], to: &[&str], graph: &[Edge]) -> Vec<String> {
    let mut found = Vec::new();
    for start in from {
        if !graph.iter().any(|(node, _)| node == start) {
            found
                .push(format!("{start}: no such crate, or it depends on nothing; this rule watches nothing"));
        }
        found.extend(to.iter().filter_map(|end| way(start, end, graph)).map(|steps| steps.join(" → ")));
    }
    found
}

/// Breadth first, so the shortest chain of dependencies between two packages.
fn way<'a>(start: &'a str, end: &str, graph: &'a [Edge]) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([start]);
    let mut ways = VecDeque::from([vec![start]]);
    while let Some(steps) = ways.pop_front() {
        let here = *steps.last()?;
        if here == end {
            return Some(steps);
        }
        for (_, next) in graph.iter().filter(|(node, _)| node == here) {
            if seen.insert(next) {
                ways.push_back([steps.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

/// The names of the workspace's crates.
fn members() -> Vec<String> {
    METADATA.workspace_packages().iter().map(|package| package.name.to_string()).collect()
}

/// What the workspace's crates name in their Cargo.toml, optional or for another platform as well.
fn declared(metadata: &Metadata, wanted: impl Fn(DependencyKind) -> bool) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        let named = package.dependencies.iter().filter(|dependency| wanted(dependency.kind));
        edges.extend(named.map(|dependency| (package.name.to_string(), dependency.name.clone())));
    }
    edges
}

/// What is linked into what or runs while it is built: the resolved graph without tests' dependencies, and the
/// names in our own Cargo.toml files, so that another platform's section hides nothing.
fn linked(metadata: &Metadata) -> Vec<Edge> {
    let name = |id| metadata[id].name.to_string();
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves the graph");
    let mut edges = declared(metadata, |kind| kind != DependencyKind::Development);
    for node in &resolve.nodes {
        let kept = node
            .deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|info| info.kind != DependencyKind::Development));
        edges.extend(kept.map(|dep| (name(&node.id), name(&dep.pkg))));
    }
    edges
}

fn named_in_picture() -> Vec<String> {
    PICTURE.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Edges from `"from to"` lines.
fn edges(lines: &[&str]) -> Vec<Edge> {
    let pairs = lines.iter().filter_map(|line| line.split_once(' '));
    pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
}
