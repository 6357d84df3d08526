//! The steps after which a log says by which others it came to be signed, and whether it lacks what its key has signed for.

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
