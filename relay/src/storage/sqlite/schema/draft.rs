//! The step after which a log says which draft of the protocol it is written in, and has times and weights.

/// `log.draft`: 0 for a log that was made before this step. `log.time`, `entry.time`: milliseconds, by the log; nothing in logs
/// of draft 0, which have none. `weight.sum`: what a user has written of a document, as the log counts it.
pub(super) const VERSION_4: &str = "
ALTER TABLE log ADD COLUMN draft INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN time INTEGER;
ALTER TABLE entry ADD COLUMN time INTEGER;

CREATE TABLE weight (
    log  INTEGER NOT NULL REFERENCES log (n),
    wire BLOB NOT NULL,
    user BLOB NOT NULL,
    sum  INTEGER NOT NULL,
    PRIMARY KEY (log, wire, user)
) STRICT, WITHOUT ROWID;
";
