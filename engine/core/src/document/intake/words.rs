//! What somebody wrote in an entry, for a person to look at who decides what to do with it. Nothing of it comes into a document.

use super::change::Vetted;
use super::incoming::{Reason, Source};
use super::piece::Piece;
use super::snapshot;
use crate::document::kind::Kind;

/// What is written in an entry of a document of this kind, in the order of its changes. Whether any of it counts is not asked.
///
/// # Errors
/// If the bytes break a rule that every entry has to keep.
pub fn words_in(kind: Kind, source: Source, bytes: &[u8]) -> Result<Vec<Piece>, Reason> {
    let changes = match source {
        Source::Snapshot => snapshot::take_changes(kind, bytes)?,
        Source::Changes => Vetted::take_all(kind, bytes)?,
    };
    let words = changes.iter().map(|change| change.words(kind)).collect::<Result<Vec<_>, _>>()?;
    Ok(words.into_iter().flatten().collect())
}
