//! A piece of what somebody wrote in an entry.

/// Something that an entry writes, as far as it is words: numbers, marks and what it removes are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line of a transcript, as it was written.
    Line(String),
    /// A file is made under this path; what follows may be its text.
    File(String),
    /// Words that are put into a text, in the order of writing.
    Text(String),
    /// A field is set.
    Field {
        /// The field's name.
        key: String,
        /// What it is set to.
        value: String,
    },
}
