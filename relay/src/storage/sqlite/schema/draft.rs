//! The step after which a log says which draft of the protocol it is written in.

/// `log.draft`: 0 for a log that was made before this step.
pub(super) const VERSION_3: &str = "
ALTER TABLE log ADD COLUMN draft INTEGER NOT NULL DEFAULT 0;
";
