//! What follows from an edit for whoever sends it.

use bowline_store::DocN;
use bowline_wire::ids::WorkspaceId;

/// A document that was written into: what there is to send of it now.
#[must_use]
pub(crate) struct Edited {
    /// Where it is; `None` for this device only.
    pub(crate) workspace: Option<WorkspaceId>,
    /// The document's row; `None` if it has just begun.
    pub(crate) row: Option<DocN>,
}

/// Where something that a person wrote is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// On this device only, like its document.
    OnlyHere,
    /// On this device only, though its document is in this workspace: a person keeps it here.
    Kept(WorkspaceId),
    /// In this workspace, as soon as it can be sent.
    Into(WorkspaceId),
}
