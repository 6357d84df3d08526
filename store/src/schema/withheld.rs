//! The step that adds what is known of entries whose bodies a relay withholds.

/// `withheld.since`: when the entry came, in milliseconds since 1970 by this device's clock. `entry.state` 5: withheld.
pub(super) const VERSION_6: &str = "
CREATE TABLE withheld (
    entry INTEGER PRIMARY KEY REFERENCES entry (n) ON DELETE CASCADE,
    since INTEGER NOT NULL
) STRICT;
CREATE INDEX entry_withheld ON entry (ws, pos) WHERE state = 5;
CREATE INDEX entry_withheld_doc ON entry (ws, wire) WHERE state = 5;
";
