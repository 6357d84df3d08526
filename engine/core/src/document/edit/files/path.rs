//! Paths of files: safe to write under a folder, whoever chose them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::limits::{COMPONENT_MAX, PATH_MAX};

/// Where a file is among the files of its document, as `AGENTS.md` or `memory/2026-01-31.md`: relative, with `/` between
/// components, never leading out of the folder it is put in, the same file on every system. At most [`PATH_MAX`] bytes,
/// each component at most [`COMPONENT_MAX`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

impl TryFrom<String> for FilePath {
    type Error = NotAPath;

    fn try_from(text: String) -> Result<Self, NotAPath> {
        Self::parse(&text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

/// Why a text is not the path of a file. The fault is with whoever chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// The path is longer than its limit.
    #[error("a path may have {PATH_MAX} bytes, and each part of it {COMPONENT_MAX}")]
    TooLong,
    /// The path is absolute, ends in `/`, has `//` in it, or is empty.
    #[error("a path is relative and names a file: no / at its beginning or end, and no two in a row")]
    Empty,
    /// `.` or `..` as a component, or one that ends in a dot or space, which Windows would cut off.
    #[error("no part of a path may be . or .. or end in a dot or a space")]
    Dots,
    /// A character that is not the same, or not visible, everywhere.
    #[error("a path may hold no \\, no : and no control or direction characters")]
    Character,
}

impl FilePath {
    /// Takes a path as a person or a document gives it. Nothing is rewritten: what is not in its one form is refused, so
    /// that no two paths are the same file.
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        if text.len() > PATH_MAX {
            return Err(NotAPath::TooLong);
        }
        if text.chars().any(is_unsafe) {
            return Err(NotAPath::Character);
        }
        for component in text.split('/') {
            match component {
                "" => return Err(NotAPath::Empty),
                _ if component.len() > COMPONENT_MAX => return Err(NotAPath::TooLong),
                _ if component.ends_with(['.', ' ']) => return Err(NotAPath::Dots),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path with `mark` before its extension, as `AGENTS.conflict-0badcafe.md`; `None` if that is too long, or no path.
    pub fn marked(&self, mark: &str) -> Option<Self> {
        let name = self.0.rfind('/').map_or(0, |slash| slash + 1);
        // A dot at the beginning of a name is not an extension.
        let dot =
            self.0.get(name..)?.rfind('.').filter(|dot| *dot > 0).map_or(self.0.len(), |dot| name + dot);
        let (stem, extension) = self.0.split_at_checked(dot)?;
        Self::parse(&format!("{stem}.{mark}{extension}")).ok()
    }
}

/// `\` and `:` separate on Windows; what turns the direction of writing shows another name than it is.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\\' | ':' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FilePath {
    /// Names of files are content, which never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilePath(…)")
    }
}

impl std::str::FromStr for FilePath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_every_system_takes_for_a_file_below_here() {
        for path in ["AGENTS.md", "memory/2026-01-31.md", ".env", "a b/ü.txt", "日本/語", "...a", "a..b"]
        {
            assert_eq!(FilePath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder_or_to_another_name() {
        for (path, why) in [
            ("", NotAPath::Empty),
            ("/etc/passwd", NotAPath::Empty),
            ("a//b", NotAPath::Empty),
            ("a/", NotAPath::Empty),
            ("..", NotAPath::Dots),
            ("../a", NotAPath::Dots),
            ("a/../b", NotAPath::Dots),
            ("a/.. /b", NotAPath::Dots),
            ("./a", NotAPath::Dots),
            ("a.", NotAPath::Dots),
            ("..\\a", NotAPath::Character),
            ("C:a", NotAPath::Character),
            ("a\nb", NotAPath::Character),
            ("a\u{0}", NotAPath::Character),
            ("a\u{85}", NotAPath::Character),
            ("a\u{202e}dm.exe", NotAPath::Character),
        ] {
            assert_eq!(FilePath::parse(path), Err(why), "{path:?}");
        }
    }

    #[test]
    fn a_path_and_each_of_its_components_have_a_limit() {
        assert!(FilePath::parse(&"a".repeat(COMPONENT_MAX)).is_ok());
        assert_eq!(FilePath::parse(&"a".repeat(COMPONENT_MAX + 1)), Err(NotAPath::TooLong));
        let long = "a/".repeat(PATH_MAX / 2 - 1);
        assert!(FilePath::parse(&format!("{long}aa")).is_ok());
        assert_eq!(FilePath::parse(&format!("{long}aaa")), Err(NotAPath::TooLong));
    }

    #[test]
    fn a_mark_goes_before_the_extension() {
        let marked = |path: &str| FilePath::parse(path).unwrap().marked("x").map(|path| path.0);
        assert_eq!(marked("a.b/AGENTS.old.md").as_deref(), Some("a.b/AGENTS.old.x.md"));
        assert_eq!(marked("a.b/LICENSE").as_deref(), Some("a.b/LICENSE.x"));
        assert_eq!(marked("a/.env").as_deref(), Some("a/.env.x"));
        assert_eq!(marked(&"a".repeat(COMPONENT_MAX)), None);
    }
}
