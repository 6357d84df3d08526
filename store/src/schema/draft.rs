//! The step after which a workspace says which draft of the protocol it is in, and has the times and weights of its log.

/// `workspace.draft`: 0 for a workspace that was made before this step. `entry.time`, `workspace.log_time`: milliseconds, by the
/// log; nothing for logs of draft 0, which have none. `weight.sum`: what a user has written of a document, as the log counts it.
pub(super) const VERSION_7: &str = "
ALTER TABLE workspace ADD COLUMN draft INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN log_time INTEGER;
ALTER TABLE entry ADD COLUMN time INTEGER;

CREATE TABLE weight (
    ws   BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    wire BLOB NOT NULL,
    user BLOB NOT NULL,
    sum  INTEGER NOT NULL,
    PRIMARY KEY (ws, wire, user)
) STRICT, WITHOUT ROWID;
";
