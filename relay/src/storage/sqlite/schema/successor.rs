//! The steps after which a log says by which others it came to be signed and since where, and whether it lacks what its key has signed for.

/// `successor.n`: their order, from 0. `log.lacks`: a head that the log's key has signed, of which the log lacks entries.
pub(super) const VERSION_5: &str = "
ALTER TABLE log ADD COLUMN lacks BLOB;

CREATE TABLE successor (
    log  INTEGER NOT NULL REFERENCES log (n),
    n    INTEGER NOT NULL,
    said BLOB NOT NULL,
    PRIMARY KEY (log, n)
) STRICT, WITHOUT ROWID;
";

/// Whether a log lacks anything is one look-up, however many logs there are: anybody may ask for it on `/readyz`.
pub(super) const VERSION_6: &str = "
CREATE INDEX log_lacking ON log (n) WHERE lacks IS NOT NULL;
";

/// `successor.ended`: the last position that the log had when it was continued. Of logs that were continued before this step nobody
/// knows, so it is where they are now.
pub(super) const VERSION_8: &str = "
ALTER TABLE successor ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
UPDATE successor SET ended = (SELECT position FROM log WHERE log.n = successor.log);
";
