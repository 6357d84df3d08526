//! Looking for known texts in bytes: the demo's own, which nobody else may have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use crate::error::CommandError;

/// Bytes of a text at least: shorter ones are found by chance in a megabyte of sealed bytes, though rarely.
const SHORTEST: usize = 6;

/// Bytes by which a text is found first.
const BEGINNING: usize = SHORTEST;

/// Texts to look for, in lower case: a text is recognized however it is spelled.
pub(super) struct Texts {
    by_beginning: HashMap<[u8; BEGINNING], Vec<String>>,
}

impl Texts {
    /// Those of them that are long enough not to be there by chance.
    pub(super) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut by_beginning: HashMap<_, Vec<String>> = HashMap::new();
        let texts: BTreeSet<String> = texts.into_iter().map(|text| text.to_ascii_lowercase()).collect();
        for text in texts {
            if let Some(beginning) = text.as_bytes().first_chunk() {
                by_beginning.entry(*beginning).or_default().push(text);
            }
        }
        Self { by_beginning }
    }

    /// The texts that are in these bytes.
    pub(super) fn found_in(&self, bytes: &[u8]) -> BTreeSet<String> {
        let bytes = bytes.to_ascii_lowercase();
        let mut found = BTreeSet::new();
        for (at, beginning) in bytes.windows(BEGINNING).enumerate() {
            let Some(texts) = beginning.first_chunk().and_then(|it| self.by_beginning.get(it)) else {
                continue;
            };
            let rest = bytes.get(at..).unwrap_or_default();
            found.extend(texts.iter().filter(|text| rest.starts_with(text.as_bytes())).cloned());
        }
        found
    }
}

/// Pieces of a text that somebody wrote and no program did: each on one line of it, without what JSON puts around.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    /// Bytes: longer than any key that formats share with others.
    const LONG: usize = 12;
    text.split(['\n', '"', '\\']).map(str::trim).filter(|piece| piece.len() >= LONG)
}

/// Every file below a folder, by its path from there.
pub(super) fn files_in(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![String::new()];
    while let Some(inside) = folders.pop() {
        let at = folder.join(&inside);
        let unread = |error| CommandError::file("Reading", &at, &error);
        for entry in fs::read_dir(&at).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            if entry.file_type().map_err(unread)?.is_dir() {
                folders.push(path);
                continue;
            }
            match fs::read(entry.path()) {
                Ok(bytes) => drop(files.insert(path, bytes)),
                // Side files of a database come and go while it is open.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(CommandError::file("Reading", &entry.path(), &error)),
            }
        }
    }
    Ok(files)
}

/// Every byte of every file below a folder, with the files' names.
pub(super) fn everything_in(folder: &Path) -> Result<Vec<u8>, CommandError> {
    let mut all = Vec::new();
    for (path, bytes) in files_in(folder)? {
        all.extend(path.into_bytes());
        all.push(b'\n');
        all.extend(bytes);
        all.push(b'\n');
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Texts {
        Texts::new(all.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn a_text_is_found_wherever_it_stands_and_however_it_is_spelled() {
        let texts = texts(&["boathouse", "boathook", "Solveig", "notebook"]);
        let bytes = b"\x00\xffthe BoatHouse\x01solveigtable";
        let found: Vec<String> = texts.found_in(bytes).into_iter().collect();
        assert_eq!(found, ["boathouse", "solveig"]);
    }

    #[test]
    fn what_could_be_there_by_chance_is_not_looked_for() {
        assert!(texts(&["altos", ""]).found_in(b"altos").is_empty());
    }

    #[test]
    fn pieces_are_what_people_wrote() {
        let line = r#"{"type":"message","content":"It trips the fuse.\nAfter ten minutes \u00e5."}"#;
        let found: Vec<&str> = pieces(line).collect();
        assert_eq!(found, ["It trips the fuse.", "nAfter ten minutes"]);
    }

    #[test]
    fn names_of_files_are_looked_at_like_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rehearsals")).unwrap();
        fs::write(folder.path().join("rehearsals/set-list.md"), "Vem kan segla").unwrap();
        let bytes = everything_in(folder.path()).unwrap();
        let found = texts(&["rehearsals", "set-list.md", "vem kan"]).found_in(&bytes);
        assert_eq!(found.len(), 3);
    }
}
