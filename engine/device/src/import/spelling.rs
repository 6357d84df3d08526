//! Names that are spelled with the same letters in different bytes: é as one character, or as an e with an accent behind it,
//! which is what a name becomes on its way through some file systems and programs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::FilePath;
use unicode_normalization::UnicodeNormalization;

use super::items::Item;

/// A name in its composed spelling (Unicode's NFC), the same however the name came.
pub fn composed(name: &str) -> Cow<'_, str> {
    if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// Gives each file the spelling that its path has here already, among the paths that are `known`. Where two files of the
/// source differ in nothing but spelling, both stay what they are.
pub(super) fn spelled_as_here<T>(
    source: BTreeMap<Item, T>,
    known: impl Iterator<Item = FilePath>,
) -> BTreeMap<Item, T> {
    let known: BTreeSet<FilePath> = known.filter(|path| !path.as_str().is_ascii()).collect();
    let mut free: BTreeMap<String, Vec<FilePath>> = BTreeMap::new();
    for path in &known {
        if !source.contains_key(&Item::File(path.clone())) {
            free.entry(composed(path.as_str()).into_owned()).or_default().push(path.clone());
        }
    }
    if free.is_empty() {
        return source;
    }
    let mut spell = |item: Item| match &item {
        Item::File(path) if !known.contains(path) => {
            free.get_mut(&*composed(path.as_str())).and_then(Vec::pop).map_or(item, Item::File)
        }
        _ => item,
    };
    source.into_iter().map(|(item, held)| (spell(item), held)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSED: &str = "Ge\u{00fc}bt.md";
    const APART: &str = "Geu\u{0308}bt.md";

    fn spelled(source: &[&str], known: &[&str]) -> Vec<String> {
        let path = |text: &&str| FilePath::parse(text).unwrap();
        let source = source.iter().map(|text| (Item::File(path(text)), ())).collect();
        let spelled = spelled_as_here(source, known.iter().map(path));
        spelled.into_keys().map(|item| item.name().trim_start_matches("file/").to_owned()).collect()
    }

    #[test]
    fn a_name_that_comes_back_in_other_bytes_is_the_same() {
        assert_eq!(composed(APART), COMPOSED);
        assert_eq!(composed("plain.md"), "plain.md");
        assert_eq!(spelled(&[APART], &[COMPOSED]), [COMPOSED]);
        assert_eq!(spelled(&[COMPOSED], &[APART]), [APART]);
        assert_eq!(spelled(&[APART], &[]), [APART]);
        assert_eq!(spelled(&[APART], &[COMPOSED, APART]), [APART]);
        assert_eq!(spelled(&["A.md"], &["a.md"]), ["A.md"], "capitals are another name");
    }

    #[test]
    fn two_names_that_differ_in_spelling_alone_both_stay() {
        for known in [&[][..], &[COMPOSED], &[APART], &[COMPOSED, APART]] {
            assert_eq!(spelled(&[APART, COMPOSED], known), [APART, COMPOSED], "{known:?}");
        }
    }
}
