//! Writes docs/FILES.md, the list of all source files with the first sentence of each, and checks that it is up to date.

use std::collections::BTreeMap;
use std::fmt::Write;

use cargo_metadata::Metadata;

use crate::{METADATA, RUST, assert_names, hold, read, relative, root};

/// Where the page is.
const PAGE: &str = "docs/FILES.md";

/// Set to anything, it makes the test write the page.
const WRITE: &str = "BOWLINE_WRITE_PAGES";

/// What to run when the page is stale.
const COMMAND: &str = "BOWLINE_WRITE_PAGES=1 cargo test --workspace --test tidy files_page";

/// Words that only make sense after another sentence, or that hide who does something.
const DANGLING: &[&str] = &["It ", "So ", "And ", "What it "];

/// A crate for the page: its name, its folder with a `/` at the end, and what its manifest says it is.
struct Crate {
    name: String,
    folder: String,
    description: String,
}

#[test]
fn the_page_of_files_says_what_the_files_say() {
    let page = page(&crates(&METADATA), &RUST);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(root().join(PAGE), &page).expect("the page can be written");
    }
    let known = root().join(PAGE).exists().then(|| read(PAGE)).flatten().unwrap_or_default();
    let stale = differences(&known, &page);
    hold(&format!("{PAGE} lists every file; write it anew with\n  {COMMAND}"), &stale);
}

#[test]
fn every_file_begins_with_a_sentence_that_stands_alone() {
    let broken: Vec<_> = RUST.iter().filter_map(|(path, text)| unfinished(path, text)).collect();
    hold("a file begins with a whole sentence, which does not begin with It, So, And or What it", &broken);
}

#[test]
fn a_page_groups_files_by_crate_and_folder() {
    let named = |name: &str, folder: &str| Crate {
        name: name.to_owned(),
        folder: folder.to_owned(),
        description: format!("About {name}"),
    };
    let crates = [named("inner", "a/inner/"), named("outer", "a/")];
    let files = [
        ("a/src/lib.rs", "//! Outer things. More of it."),
        ("a/src/deep/x.rs", "//! Deep in [`Outer`]."),
        ("a/inner/src/lib.rs", "//! Inner things, which are\n//! told in two lines.\n//!\n//! Not this."),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
    let page = page(&crates, &files);
    let (_, listed) = page.split_once("\n## ").expect("a crate");
    assert_eq!(
        listed,
        concat!(
            "inner\n\nAbout inner.\n\n",
            "`a/inner/src/`\n\n- [lib.rs](../a/inner/src/lib.rs): Inner things, which are told in two lines.\n\n",
            "## outer\n\nAbout outer.\n\n",
            "`a/src/`\n\n- [lib.rs](../a/src/lib.rs): Outer things.\n\n",
            "`a/src/deep/`\n\n- [x.rs](../a/src/deep/x.rs): Deep in `Outer`.\n",
        )
    );
}

#[test]
fn a_stale_line_of_the_page_is_named() {
    assert_names(&differences("- a\n- b\n", "- a\n- b\n- c\n"), &["is missing", "- c"]);
    assert_names(&differences("- a\n- b\n", "- a\n"), &["should go", "- b"]);
    assert_names(&differences("- b\n- a\n", "- a\n- b\n"), &["another order"]);
}

#[test]
fn a_first_sentence_that_is_unfinished_or_dangles_is_named() {
    for text in [
        "//! Rows of the table and\n//!\n//! more.",
        "//! It is a table.",
        "//! What it does.",
        "//! Rows",
        "use std::fmt;",
    ] {
        let found: Vec<_> = unfinished("store/src/a.rs", text).into_iter().collect();
        assert_names(&found, &["store/src/a.rs"]);
    }
    for text in [
        "//! Rows of the table.",
        "//! Rows of the table, on\n//! two lines.",
        "//! Rows of the table. And what\n//! they are for.",
        "//! Items: e.g. rows.",
    ] {
        assert_eq!(unfinished("store/src/a.rs", text), None);
    }
}

/// The crates of the workspace, in its order.
fn crates(metadata: &Metadata) -> Vec<Crate> {
    let packages = metadata.workspace_members.iter().map(|id| &metadata[id]);
    let one = |package: &cargo_metadata::Package| Crate {
        name: package.name.to_string(),
        folder: package
            .manifest_path
            .parent()
            .map(|folder| relative(folder.as_std_path()))
            .unwrap_or_default()
            + "/",
        description: package.description.clone().unwrap_or_default(),
    };
    packages.map(one).collect()
}

/// The whole page.
fn page(crates: &[Crate], files: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "# Files\n\n\
         Every Rust file of the project, with the first sentence of its `//!` lines. A test holds this page to the files;\n\
         `{COMMAND}` writes it anew.\n\
         [ARCHITECTURE.md](ARCHITECTURE.md) says how the crates work together, and where to change what.\n"
    );
    for one in crates {
        write!(text, "\n## {}\n\n{}.\n", one.name, one.description.trim_end_matches('.'))
            .expect("a String takes all");
        let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (path, source) in files.iter().filter(|(path, _)| is_in(one, path, crates)) {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            folders.entry(folder).or_default().push((name, source));
        }
        for (folder, its_files) in folders {
            write!(text, "\n`{folder}/`\n\n").expect("a String takes all");
            for (name, source) in its_files {
                writeln!(text, "- [{name}](../{folder}/{name}): {}", first_sentence(source))
                    .expect("a String takes all");
            }
        }
    }
    text
}

/// Whether a file belongs to a crate and not to another one whose folder lies in it.
fn is_in(one: &Crate, path: &str, crates: &[Crate]) -> bool {
    let holds = |other: &&Crate| path.starts_with(&other.folder);
    let nearest = crates.iter().filter(holds).max_by_key(|other| other.folder.len());
    nearest.is_some_and(|nearest| nearest.folder == one.folder)
}

/// The first sentence of a file's `//!` lines, which may take more than one line; links are shown as code.
fn first_sentence(source: &str) -> String {
    let paragraph = first_paragraph(source);
    let sentence = end_of_sentence(&paragraph).map_or(paragraph.as_str(), |end| &paragraph[..end]);
    sentence.replace("[`", "`").replace("`]", "`")
}

/// A file's first `//!` lines, up to an empty one, on one line.
fn first_paragraph(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//! ")).map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}

/// Where the first sentence of a text ends: behind a full stop with a capital or the end behind it.
fn end_of_sentence(text: &str) -> Option<usize> {
    let stops = text.match_indices('.').map(|(at, _)| at + 1);
    stops.into_iter().find(|&end| {
        let mut rest = text[end..].chars();
        match rest.next() {
            None => true,
            Some(' ') => rest.next().is_some_and(|next| next.is_uppercase() || "`[".contains(next)),
            Some(_) => false,
        }
    })
}

/// Says so if a file does not begin with a whole sentence, or begins as only a second sentence may.
fn unfinished(path: &str, text: &str) -> Option<String> {
    let paragraph = first_paragraph(text);
    let dangles = DANGLING.iter().any(|word| paragraph.starts_with(word));
    let whole = end_of_sentence(&paragraph).is_some();
    (dangles || !whole).then(|| format!("{path}: begins with {paragraph:?}"))
}

/// Lines that the page lacks or should not have.
fn differences(known: &str, wanted: &str) -> Vec<String> {
    let missing = wanted.lines().filter(|line| !known.lines().any(|other| other == *line));
    let gone = known.lines().filter(|line| !wanted.lines().any(|other| other == *line));
    let mut found: Vec<_> = missing.map(|line| format!("is missing: {line}")).collect();
    found.extend(gone.map(|line| format!("should go: {line}")));
    if found.is_empty() && known != wanted {
        found.push(format!("{PAGE} has its lines in another order"));
    }
    found
}
