//! Circles of files that import one another (see [`imports`]): no file of such a circle can be read before the others.
//!
//! `cargo test --workspace --test tidy circles -- --nocapture` prints each with the items that tie it together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::RUST;
use crate::imports::{Imports, imports};
use crate::modules::{Reached, targets};

/// How many circles there may be. The one that is left: `bowline demo` runs the command line, which has `demo` among its
/// commands.
const CIRCLES: usize = 1;

/// How many circles there may be among files of which none lies below the other.
///
/// Where `serve.rs` runs `serve/line.rs`, which in turn knows a type of `serve.rs`, a reader at least knows where to begin.
/// Here there is no beginning.
const CIRCLES_WITHOUT_A_PARENT: usize = 0;

#[test]
fn there_are_not_more_circles_of_files_than_there_were() {
    let imports = all_imports(&RUST);
    assert!(imports.len() > 100, "{} files import anything: this rule watches nothing", imports.len());
    let (count, shown) = report("circles of files that import one another", &imports);
    println!("{shown}");
    assert!(count <= CIRCLES, "\nRule: at most {CIRCLES} of these circles\n{shown}");
}

#[test]
fn there_are_not_more_circles_of_files_without_a_parent_among_them_than_there_were() {
    let imports = without_children(&all_imports(&RUST));
    let (count, shown) =
        report("circles that stay without what a file imports from files below it", &imports);
    println!("{shown}");
    assert_eq!(
        count, CIRCLES_WITHOUT_A_PARENT,
        "\nRule: {CIRCLES_WITHOUT_A_PARENT} of these circles\n{shown}"
    );
}

#[test]
fn what_a_parent_takes_from_its_own_children_is_left_out_when_asked() {
    let imports = graph(&["a.rs a/b.rs One", "a/b.rs a.rs Two", "a.rs c.rs Three", "c.rs a.rs Four"]);
    assert_eq!(circles(&imports), [BTreeSet::from(["a.rs", "a/b.rs", "c.rs"].map(String::from))]);
    assert_eq!(circles(&without_children(&imports)), [BTreeSet::from(["a.rs", "c.rs"].map(String::from))]);
}

#[test]
fn a_circle_is_shown_with_its_shortest_way_round_and_what_ties_it() {
    let imports = graph(&["a b One", "b c Two", "b c Three", "c a Four", "c b Five", "d a Six", "e e Seven"]);
    let circles = circles(&imports);
    assert_eq!(circles, [BTreeSet::from(["a", "b", "c"].map(String::from))]);
    let shown = show(&circles[0], &imports);
    assert!(shown.contains("b → c → b"), "{shown}");
    assert!(shown.contains("b → c: Three, Two"), "{shown}");
    assert!(!shown.contains("Six"), "{shown}");
}

#[test]
fn files_in_a_row_are_not_a_circle() {
    assert_eq!(circles(&graph(&["a b One", "a c Two", "b c Three", "d a Four"])).len(), 0);
}

/// What the shipped files of every target import.
fn all_imports(files: &BTreeMap<String, String>) -> Imports {
    let mut all = Imports::new();
    for (root, _) in targets().into_iter().filter(|(_, how)| *how == Reached::Shipped) {
        for (user, definers) in imports(files, &root) {
            let known = all.entry(user).or_default();
            for (definer, names) in definers {
                known.entry(definer).or_default().extend(names);
            }
        }
    }
    all
}

/// How many circles there are, and all of them for people.
fn report(what: &str, imports: &Imports) -> (usize, String) {
    let circles = circles(imports);
    let shown: String = circles.iter().map(|files| show(files, imports)).collect();
    (circles.len(), format!("\n== {} {what}\n{shown}", circles.len()))
}

/// The imports but for those that a file has from files below it, as `a.rs` from `a/b.rs`.
fn without_children(imports: &Imports) -> Imports {
    let mut kept = imports.clone();
    for (user, definers) in &mut kept {
        let below = format!("{}/", user.trim_end_matches(".rs"));
        definers.retain(|definer, _| !definer.starts_with(&below));
    }
    kept
}

/// The largest sets of files in which each can be reached from each, the big ones first.
fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<_, _> = imports.keys().map(|file| (file, reachable(file, imports))).collect();
    let mut found = BTreeSet::new();
    for (file, reached) in &reach {
        let back = |other: &&String| reach.get(other).is_some_and(|theirs| theirs.contains(*file));
        let circle: BTreeSet<_> = reached.iter().filter(back).cloned().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    let mut found = Vec::from_iter(found);
    found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    found
}

/// Every file that `file` imports from, directly or through others; itself only if it is in a circle.
fn reachable(file: &str, imports: &Imports) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![file];
    while let Some(at) = open.pop() {
        for next in imports.get(at).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

/// A circle for people: how many files, the shortest way round, and every import between two of its files.
fn show(circle: &BTreeSet<String>, imports: &Imports) -> String {
    let inside = |file: &String| -> Vec<(&String, &BTreeSet<String>)> {
        let all = imports.get(file).into_iter().flatten();
        all.filter(|(to, _)| circle.contains(*to) && *to != file).collect()
    };
    let round = circle.iter().filter_map(|file| way_back(file, circle, imports)).min_by_key(Vec::len);
    let mut text = format!("\n{} files: {}\n", circle.len(), round.unwrap_or_default().join(" → "));
    for file in circle {
        for (to, names) in inside(file) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            writeln!(text, "    {file} → {to}: {}", names.join(", "))
                .expect("a String takes what is written");
        }
    }
    text
}

/// The shortest way from a file through others of its circle back to it.
fn way_back(start: &str, circle: &BTreeSet<String>, imports: &Imports) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start.to_owned()]]);
    while let Some(way) = ways.pop_front() {
        for next in imports.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if circle.contains(next) && seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// Imports from `"user definer name"` lines.
fn graph(lines: &[&str]) -> Imports {
    let mut all = Imports::new();
    for line in lines {
        let parts: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let definers = all.entry(parts[0].clone()).or_default();
        definers.entry(parts[1].clone()).or_default().insert(parts[2].clone());
    }
    all
}
