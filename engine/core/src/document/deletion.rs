//! Whether a document is in the trash.

use bowline_wire::ids::Millis;

/// Whether a document is in the trash.
///
/// Deleting says what the document was like. If more comes to light that whoever deleted it had not seen, written at the
/// same time elsewhere or later, the document is back in view and says why: the work in it may not vanish for 30 days and
/// then for good because of a click made without knowing of it. Of concurrent deletions the one that had seen most counts;
/// a deletion concurrent with a restoration stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Not deleted.
    None,
    /// Out of view since then, restorable.
    Deleted(Millis),
    /// Deleted then, and in view: there is more in it than the deletion knew.
    EditedAfter(Millis),
}
