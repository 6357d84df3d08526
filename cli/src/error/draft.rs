//! What is said of a workspace of another version: one sentence, and the way on.

use bowline_engine::device::OtherDraft;

use super::{CommandError, ErrorCode};

/// Why nothing can be done in a workspace of another version but read it.
pub(crate) fn other_draft(other: OtherDraft) -> CommandError {
    match other {
        OtherDraft::Earlier => CommandError::new(
            ErrorCode::WorkspaceOld,
            "An earlier version made this workspace, and with this one it is only read",
        )
        .hint(way_on(other, None)),
        OtherDraft::Later => CommandError::new(
            ErrorCode::UpdateNeeded,
            "A later version made this workspace, and with this one it is only read",
        )
        .hint(way_on(other, None)),
    }
}

/// What a person can do about it. `name` is the workspace's, where there is a device to ask for it.
pub(crate) fn way_on(other: OtherDraft, name: Option<&str>) -> String {
    match other {
        OtherDraft::Earlier => {
            let forget = name.map_or_else(
                || "`bowline workspace forget`".to_owned(),
                |name| format!("`bowline workspace forget {name}`"),
            );
            format!(
                "{forget} keeps every document on this device; then `bowline workspace create`, or `bowline join` with a code of the \
                 new workspace, and `bowline share --all` puts them in (memories by their names)"
            )
        }
        OtherDraft::Later => "update this program; everything here can be read meanwhile".to_owned(),
    }
}
