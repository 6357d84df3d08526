//! Follows `mod` declarations from every target, so that a source file nobody compiles is found.

use std::collections::BTreeMap;
use std::path::Path;

use crate::text::{code, word_length};
use crate::{METADATA, RUST, assert_names, hold, relative};

/// What a file under a target is reached by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reached {
    /// Compiled into what is shipped.
    Shipped,
    /// Only through `#[cfg(test)]`, or from a test or bench target.
    InTests,
}

#[test]
fn every_source_file_is_reached_by_a_mod_declaration() {
    let forgotten = forgotten(&RUST, &reached(&RUST, &targets()));
    hold("every .rs file is a target or reached by a mod declaration, so its tests run", &forgotten);
}

#[test]
fn a_test_file_without_a_mod_declaration_is_named() {
    let files = tree(&[
        ("store/src/lib.rs", "//! Store.\nmod rows;\n// mod lost;\n#[cfg(test)]\nmod tests;"),
        ("store/src/rows.rs", "mod deep { mod down; }"),
        ("store/src/rows/deep/down.rs", ""),
        ("store/src/tests.rs", "mod helpers;"),
        ("store/src/tests/helpers/mod.rs", ""),
        ("store/src/rows/tests.rs", "#[test] fn never_runs() {}"),
    ]);
    let reached = reached(&files, &roots(&["store/src/lib.rs"]));
    assert_names(&forgotten(&files, &reached), &["store/src/rows/tests.rs"]);
    assert_eq!(reached["store/src/rows/deep/down.rs"], Reached::Shipped);
    assert_eq!(reached["store/src/tests/helpers/mod.rs"], Reached::InTests);
}

#[test]
fn a_test_target_reaches_its_folder_by_path_attributes_too() {
    let files = tree(&[
        ("tests/tests/world.rs", "#[path = \"world/faults.rs\"]\nmod faults;"),
        ("tests/tests/world/faults.rs", "mod beside;"),
        ("tests/tests/world/beside.rs", ""),
        ("tests/tests/world/lost.rs", ""),
    ]);
    let reached = reached(&files, &roots(&["tests/tests/world.rs"]));
    assert_names(&forgotten(&files, &reached), &["tests/tests/world/lost.rs"]);
}

/// The first file of every target, and whether the target is shipped.
pub(crate) fn targets() -> BTreeMap<String, Reached> {
    let mut found = BTreeMap::new();
    for target in METADATA.workspace_packages().iter().flat_map(|package| &package.targets) {
        let shipped = !(target.is_test() || target.is_bench());
        let how = if shipped { Reached::Shipped } else { Reached::InTests };
        found.insert(relative(target.src_path.as_std_path()), how);
    }
    found
}

/// Every file that `mod` declarations lead to from `roots`, and how.
pub(crate) fn reached(
    files: &BTreeMap<String, String>,
    roots: &BTreeMap<String, Reached>,
) -> BTreeMap<String, Reached> {
    let mut found = BTreeMap::new();
    let mut open: Vec<_> =
        roots.iter().map(|(path, how)| (path.clone(), folder(path).to_owned(), *how)).collect();
    while let Some((path, owned, how)) = open.pop() {
        let Some(text) = files.get(&path) else { continue };
        // Shipped wins over test-only, and each file is read once per way it is reached.
        match found.get(&path) {
            Some(Reached::Shipped) => continue,
            Some(known) if *known == how => continue,
            _ => found.insert(path.clone(), how),
        };
        for declaration in declarations(text) {
            let how = if declaration.test_only { Reached::InTests } else { how };
            let choices = declaration.choices(folder(&path), &owned);
            let next = choices.into_iter().find(|(choice, _)| files.contains_key(choice));
            open.extend(next.map(|(choice, owned)| (choice, owned, how)));
        }
    }
    found
}

/// The shipped modules of the crate whose first file is `root`: each one's path from the root, and its file.
pub(crate) fn shipped_modules(files: &BTreeMap<String, String>, root: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), root.to_owned(), folder(root).to_owned())];
    while let Some((place, path, owned)) = open.pop() {
        let Some(text) = files.get(&path) else { continue };
        for declaration in declarations(text).into_iter().filter(|declaration| !declaration.test_only) {
            let choices = declaration.choices(folder(&path), &owned);
            let next = choices.into_iter().find(|(choice, _)| files.contains_key(choice));
            let below = [place.clone(), declaration.inside, vec![declaration.name]].concat();
            open.extend(next.map(|(choice, owned)| (below, choice, owned)));
        }
        found.push((place, path));
    }
    found
}

fn forgotten(files: &BTreeMap<String, String>, reached: &BTreeMap<String, Reached>) -> Vec<String> {
    files.keys().filter(|path| !reached.contains_key(*path)).cloned().collect()
}

/// One `mod name;`.
struct Declaration {
    name: String,
    /// The inline modules around it.
    inside: Vec<String>,
    /// The value of its `#[path]` attribute.
    path: Option<String>,
    test_only: bool,
}

impl Declaration {
    /// The files it may stand for, each with the folder in which that file's own modules lie. `here` is the folder of
    /// the declaring file, `owned` the folder of its modules.
    fn choices(&self, here: &str, owned: &str) -> Vec<(String, String)> {
        let within = self.inside.iter().fold(owned.to_owned(), |folder, name| join(&folder, name));
        if let Some(path) = &self.path {
            let base = if self.inside.is_empty() { here } else { &within };
            let file = join(base, path);
            let beside = folder(&file).to_owned();
            return vec![(file, beside)];
        }
        let own = join(&within, &self.name);
        vec![(format!("{own}.rs"), own.clone()), (format!("{own}/mod.rs"), own)]
    }
}

/// The `mod` declarations of one file that stand for other files.
fn declarations(text: &str) -> Vec<Declaration> {
    let code = code(text);
    let mut found = Vec::new();
    // Open braces, with the inline module each belongs to and whether that is test-only.
    let mut blocks: Vec<Option<(String, bool)>> = Vec::new();
    // Attributes since the last item ended, as they stand in `text`, since `code` has lost their strings.
    let mut attributes: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        if rest.starts_with("#[") {
            let end = at + attribute_length(rest);
            attributes.push(&text[at..end]);
            at = end;
            continue;
        }
        if let Some((name, length)) = module(rest) {
            let test_only =
                attributes.contains(&"#[cfg(test)]") || blocks.iter().flatten().any(|(_, test)| *test);
            at += length;
            if code[at..].starts_with('{') {
                blocks.push(Some((name.to_owned(), test_only)));
            } else {
                found.push(Declaration {
                    name: name.to_owned(),
                    inside: blocks.iter().flatten().map(|(name, _)| name.clone()).collect(),
                    path: attributes.iter().find_map(|attribute| path_value(attribute)),
                    test_only,
                });
            }
            attributes.clear();
            at += 1;
            continue;
        }
        match rest.as_bytes()[0] {
            b'{' => blocks.push(None),
            b'}' => drop(blocks.pop()),
            b';' | b',' => {}
            _ => {
                at += word_length(rest.as_bytes()).max(rest.chars().next().map_or(1, char::len_utf8));
                continue;
            }
        }
        attributes.clear();
        at += 1;
    }
    found
}

/// The name in a `mod name` at the start of `rest`, and the length up to the `;` or `{` after it.
fn module(rest: &str) -> Option<(&str, usize)> {
    let after = rest.strip_prefix("mod").filter(|after| after.starts_with(char::is_whitespace))?;
    let name_on = after.trim_start();
    let name = &name_on[..word_length(name_on.as_bytes())];
    let tail = name_on[name.len()..].trim_start();
    let ends = !name.is_empty() && tail.starts_with([';', '{']);
    ends.then(|| (name, rest.len() - tail.len()))
}

/// Length of the attribute at the start of `rest`.
fn attribute_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return at + 1,
            b']' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}

/// The string in `#[path = "…"]`.
fn path_value(attribute: &str) -> Option<String> {
    let value = attribute.strip_prefix("#[path")?.trim_start().strip_prefix('=')?;
    Some(value.trim_end_matches(']').trim().trim_matches('"').to_owned())
}

/// Everything before the last `/`.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `path` seen from `folder`, with `.` and `..` resolved.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in Path::new(path).iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn roots(paths: &[&str]) -> BTreeMap<String, Reached> {
    paths.iter().map(|path| ((*path).to_owned(), Reached::Shipped)).collect()
}
