//! Which draft of the protocol a workspace's log is of, beside the one that this version writes.

use std::cmp::Ordering;

use bowline_wire::draft::DRAFT;

/// Which other draft a workspace's log is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherDraft {
    /// An earlier version made the workspace, and nobody can go on with it.
    Earlier,
    /// A later version made the workspace: this program has to be updated.
    Later,
}

impl OtherDraft {
    /// Compares a workspace's draft with this version's; `None` if they are one.
    pub(crate) fn of(draft: u16) -> Option<Self> {
        match draft.cmp(&DRAFT) {
            Ordering::Less => Some(Self::Earlier),
            Ordering::Equal => None,
            Ordering::Greater => Some(Self::Later),
        }
    }
}
