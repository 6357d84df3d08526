//! The step that adds what a log needs that is begun from the state of a checkpoint.

/// `kept`: entries that stay below a checkpoint, on their way in: none of them counts before the log is begun. `begun`: the state from which
/// the log was begun. From this step on `entry.log_hash` is empty where the log's hash at the entry's place is not known, and `entry.state`
/// has a 6: let go.
pub(super) const VERSION_9: &str = "
CREATE TABLE kept (
    n     INTEGER PRIMARY KEY,
    ws    BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    pos   INTEGER NOT NULL,
    time  INTEGER NOT NULL,
    entry BLOB NOT NULL,
    UNIQUE (ws, pos)
) STRICT;

CREATE TABLE begun (
    n     INTEGER PRIMARY KEY,
    ws    BLOB NOT NULL UNIQUE REFERENCES workspace (id) ON DELETE CASCADE,
    state BLOB NOT NULL
) STRICT;
";
