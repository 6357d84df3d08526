//! `Device` is a shell: its verbs stand in a few files, and what they do is done by the parts it is made of.

use std::collections::BTreeMap;

use crate::text::{code, places, shipped};
use crate::{RUST, hold};

/// Where `Device` lives.
const FOLDER: &str = "engine/device/src/";

/// Files that may have verbs of `Device`: opening it, documents, workspaces.
const FILES: usize = 3;

#[test]
fn the_verbs_of_a_device_stand_in_three_files() {
    let files = implementing(&RUST);
    assert!(!files.is_empty(), "no file has `impl Device`: this rule watches nothing");
    let broken = if files.len() > FILES { files } else { Vec::new() };
    hold(
        "`impl Device` stands in no more than three files; everything else belongs to a part of it",
        &broken,
    );
}

#[test]
fn a_fourth_file_with_verbs_of_a_device_is_counted_and_tests_and_traits_are_not() {
    let text = |text: &str| text.to_owned();
    let files = BTreeMap::from([
        (text("engine/device/src/lib.rs"), text("//! Device.\nimpl Device {\n}\nimpl Device {\n}")),
        (text("engine/device/src/a.rs"), text("//! A.\nimpl crate::Device {\n}")),
        (text("engine/device/src/b.rs"), text("//! B.\nimpl<T> Verbs for Device {\n}\n// impl Device {")),
        (text("engine/device/src/c.rs"), text("//! C.\n#[cfg(test)]\nmod tests {\nimpl Device {}\n}")),
        (text("engine/wire/src/roster.rs"), text("//! Another device.\nimpl Device {\n}")),
    ]);
    assert_eq!(implementing(&files), ["engine/device/src/a.rs", "engine/device/src/lib.rs"]);
}

/// The files of the crate that have an inherent `impl` of `Device`.
fn implementing(files: &BTreeMap<String, String>) -> Vec<String> {
    let implements = |text: &str| {
        let code = shipped(&code(text));
        places(&code, "Device").any(|at| {
            let before = code[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            before.trim_end().ends_with("impl") && code[at..].starts_with("Device {")
        })
    };
    let ours = files.iter().filter(|(path, _)| path.starts_with(FOLDER));
    ours.filter(|(_, text)| implements(text)).map(|(path, _)| path.clone()).collect()
}
