//! The step after which a workspace says which draft of the protocol its log is written in.

/// `workspace.draft`: 0 for a workspace that came here before this step.
pub(super) const VERSION_6: &str = "
ALTER TABLE workspace ADD COLUMN draft INTEGER NOT NULL DEFAULT 0;
";
