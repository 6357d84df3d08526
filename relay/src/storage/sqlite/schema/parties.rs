//! The steps after which who may come in, and where somebody's recovery phrase is, are one look-up.

/// `party.kind`: 0 a device, 1 an invite or link. `party.standing`, `party.expires`: `storage/sqlite/parties.rs`.
/// `log.has_parties`: whether all of a log's are in the table; those of logs from before this step are put in when the database is
/// opened for serving.
pub(super) const VERSION_7: &str = "
ALTER TABLE log ADD COLUMN has_parties INTEGER NOT NULL DEFAULT 0;

CREATE TABLE party (
    log      INTEGER NOT NULL REFERENCES log (n),
    kind     INTEGER NOT NULL,
    key      BLOB NOT NULL,
    standing INTEGER NOT NULL,
    expires  INTEGER,
    PRIMARY KEY (log, kind, key)
) STRICT, WITHOUT ROWID;
";

/// Where a recovery device is: it says its id and knows no workspace. There are none in logs from before this step, since no program
/// made one.
pub(super) const VERSION_9: &str = "
CREATE INDEX party_recovery ON party (key) WHERE kind = 0 AND standing = 5;
";
