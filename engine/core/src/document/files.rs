//! Files in a document: texts under their paths, edited together character by character. Agents, skills and memories have
//! them.

mod path;
mod plan;
mod splice;
mod stored;

use std::fmt;

pub use path::{FilePath, NotAPath};

pub(super) use plan::Plan;
pub(super) use stored::Files;

/// Name of the map of marks on texts that were removed.
pub(super) const REMOVED: &str = "removed";

/// A file that is a text.
#[derive(Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Where it is; no two files of a document have one path.
    pub path: FilePath,
    /// What is in it.
    pub text: String,
    /// Two devices began a file at this path at the same time with different texts. One of them has the path, and this is
    /// the other, under a name of its own, until somebody removes one of the two.
    pub conflicts_with: Option<FilePath>,
}

impl fmt::Debug for TextFile {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextFile({} bytes)", self.text.len())
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(digit.into(), 16));
        }
        hex
    })
}
