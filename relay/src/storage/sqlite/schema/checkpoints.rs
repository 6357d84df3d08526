//! The steps after which a log has what its entries say of checkpoints, and lets entries go by the states of those that stand.

/// `log.checkpoints`: which one stands and which one may, as the log has it; nothing while none was spoken of.
pub(super) const VERSION_10: &str = "
ALTER TABLE log ADD COLUMN checkpoints BLOB;
";

/// `log.letting_go`: the checkpoint by whose state entries are let go, and what that names as live. `log.floor`: its place. `log.swept`: up to
/// where what goes is gone. `state_piece.start`: how many of the state's bytes are before these.
pub(super) const VERSION_11: &str = "
ALTER TABLE log ADD COLUMN letting_go BLOB;
ALTER TABLE log ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN swept INTEGER NOT NULL DEFAULT 0;

CREATE TABLE state_piece (
    n      INTEGER PRIMARY KEY,
    log    INTEGER NOT NULL REFERENCES log (n),
    digest BLOB NOT NULL,
    start  INTEGER NOT NULL,
    bytes  BLOB NOT NULL,
    UNIQUE (log, digest, start)
) STRICT;
CREATE INDEX log_unswept ON log (n) WHERE swept < floor;
";
