//! The step after which `entry.reason` is a number: it reads the sentences that earlier versions stored there.

/// `entry.reason`: of a refused entry the relay's reason as it has it on the wire, of a quarantined one the engine's
/// number, which this step knows for each sentence that was ever stored. `entry.detail`: what the number leaves open.
/// Number 0: a sentence that is not in the list; it is kept whole as the detail.
///
/// A sentence with something of its own in it is listed as what comes `before` that and what comes `after`.
pub(super) const VERSION_4: &str = "
CREATE TABLE entry_with_number (
    n           INTEGER PRIMARY KEY,
    ws          BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    pos         INTEGER,
    id          BLOB NOT NULL,
    device      BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    lane        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    wire        BLOB,
    doc         INTEGER REFERENCES doc (n) ON DELETE SET NULL,
    state       INTEGER NOT NULL,
    applied     INTEGER NOT NULL,
    log_hash    BLOB,
    reason      INTEGER,
    detail      TEXT,
    signature   BLOB NOT NULL,
    header      BLOB NOT NULL,
    UNIQUE (ws, id),
    CHECK ((pos IS NULL) = (log_hash IS NULL)),
    CHECK (state <> 0 OR pos IS NULL),
    CHECK (state <> 1 OR pos IS NOT NULL),
    CHECK ((state IN (2, 3)) = (reason IS NOT NULL)),
    CHECK (detail IS NULL OR reason IS NOT NULL)
) STRICT;

INSERT INTO entry_with_number (n, ws, pos, id, device, incarnation, lane, seq, type, wire, doc, state, applied, log_hash,
                               reason, detail, signature, header)
SELECT n, ws, pos, id, device, incarnation, lane, seq, type, wire, doc, state, applied, log_hash,
       iif(reason IS NULL, NULL, 0), reason, signature, header
FROM entry ORDER BY n;

WITH said (number, before, after) AS (VALUES
    (1, 'there is no key here for its epoch', NULL),
    (2, 'its body is not here', NULL),
    (3, 'it is the last part of something of which an earlier part is not here', NULL),
    (4, 'the parts up to it do not belong together: ', ''),
    (5, 'it holds another document than its header says', NULL),
    (6, 'its payload cannot be read: ', ''),
    (7, 'the entry''s author sealed it wrongly', NULL),
    (8, 'the entry''s author sealed something unreadable: ', ''),
    (9, 'the keys are of another workspace', NULL),
    (10, 'entries in the control lane are not sealed', NULL),
    (20, 'it belongs to another workspace', NULL),
    (21, 'its roster record cannot be read: ', ''),
    (22, 'it is a roster record without a body', NULL),
    (23, 'its predecessor is missing', NULL),
    (24, 'number ', ' of its chain is another entry'),
    (25, 'its author is not active', NULL),
    (26, 'its author was removed, and the run up to the cut is not whole', NULL),
    (27, 'the join is void: ', ''),
    (28, 'it is not this workspace''s beginning', NULL),
    (29, 'its roster is not known here yet', NULL),
    (30, 'its roster is older than its chain or than what it has seen', NULL),
    (31, 'at its roster nobody was to seal content before a rekey', NULL),
    (32, 'its epoch is not the one in force at its roster', NULL),
    (33, 'what it says to have seen or to hold goes back or is not of this log', NULL),
    (34, 'it has seen a signed head that is not in this log', NULL),
    (40, '', ' bytes are too many for one entry'),
    (41, 'too many ', ''),
    (42, 'malformed: ', ''),
    (43, 'a checksum does not hold', NULL),
    (44, 'compressed inside', NULL),
    (45, 'uses ', ', which no document does'),
    (46, 'holds a change by ', ', who is not the entry''s author'),
    (47, 'holds a change with no history', NULL),
    (48, 'forges the first change', NULL),
    (49, 'belongs to a document of kind ', ''),
    (50, 'changes or removes a transcript entry', NULL),
    (50, 'changes or removes what is only ever added', NULL),
    (51, 'does not continue its history: ', ''),
    (52, 'refused by Automerge', NULL),
    (53, 'does not survive being stored', NULL),
    (54, 'makes Automerge panic', NULL),
    (60, 'it says to be another kind of document than this one is', NULL),
    (61, 'it can no longer be opened', NULL),
    (62, 'this program ended three times while applying it', NULL)
)
UPDATE entry_with_number
SET reason = said.number, detail = substr(detail, length(before) + 1, length(detail) - length(before) - length(after))
FROM said WHERE state = 2 AND detail GLOB before || coalesce('*' || after, '');

WITH said (number, name) AS (VALUES
    (1, 'Quota'), (2, 'ChainGap'), (3, 'RosterUnknown'), (4, 'Rate'), (5, 'RunIncomplete'), (6, 'SeqTaken'),
    (7, 'NotActive'), (8, 'JoinVoid'), (9, 'RosterStale'), (10, 'WrongEpoch'), (11, 'BadSeen'), (12, 'Malformed'),
    (13, 'Storage'), (32, 'NoWorkspace'), (33, 'NotAllowed'), (34, 'BadToken'), (35, 'BadProof'), (36, 'OutOfPlace'),
    (37, 'Version'), (38, 'Removed'), (39, 'Shutdown'), (40, 'TicketUsed'), (41, 'TicketClosed'), (42, 'TicketExpired')
)
UPDATE entry_with_number SET reason = said.number, detail = NULL
FROM said WHERE state = 3 AND detail = 'the relay refused it for good: ' || name;

UPDATE entry_with_number
SET reason = CAST(substr(detail, length('the relay refused it for good: Unknown(') + 1) AS INTEGER), detail = NULL
WHERE state = 3 AND detail GLOB 'the relay refused it for good: Unknown([0-9]*)';

DROP TABLE entry;
ALTER TABLE entry_with_number RENAME TO entry;
CREATE UNIQUE INDEX entry_pos ON entry (ws, pos) WHERE pos IS NOT NULL;
CREATE INDEX entry_chain ON entry (ws, device, incarnation, lane, seq);
CREATE INDEX entry_doc ON entry (doc, pos) WHERE doc IS NOT NULL;
CREATE INDEX entry_unapplied ON entry (doc, pos) WHERE state = 1 AND lane = 1 AND applied = 0;
CREATE INDEX entry_control ON entry (ws, type, pos) WHERE state = 1 AND lane = 0;
CREATE INDEX entry_not_on_log ON entry (ws, state, lane) WHERE state <> 1;
";

#[cfg(test)]
mod tests {
    use bowline_disk::Schema;
    use rusqlite::{Connection, params};

    use super::super::{SCHEMA, STEPS, prepare};

    /// Quarantined and refused.
    const STATES: [u8; 2] = [2, 3];

    /// A database before this step, with one entry for each state and sentence.
    fn told(rows: &[(u8, &str)]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = Schema { steps: &STEPS[..3], ..SCHEMA };
        before.migrate(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO workspace (id, incarnation, state, created_at, relay) VALUES (x'01', x'', 1, 1, '')",
                (),
            )
            .unwrap();
        let sql = "INSERT INTO entry (ws, pos, id, device, incarnation, lane, seq, type, state, applied, log_hash, reason,
                                      signature, header)
                   VALUES (x'01', ?1, ?2, x'', x'', 1, ?1, 1, ?3, 0, x'07', ?4, x'08', x'09')";
        for (pos, (state, sentence)) in (1_i64..).zip(rows) {
            connection.execute(sql, params![pos, pos.to_be_bytes(), state, sentence]).unwrap();
        }
        connection.execute_batch("INSERT INTO body SELECT n, x'0a' FROM entry").unwrap();
        connection
    }

    /// Reasons and details of every entry.
    fn read(connection: &Connection) -> Vec<(u32, Option<String>)> {
        let mut statement = connection.prepare("SELECT reason, detail FROM entry ORDER BY pos").unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn detail(number: u32, detail: &str) -> (u32, Option<String>) {
        (number, Some(detail.to_owned()))
    }

    #[test]
    fn a_sentence_becomes_its_number_and_keeps_what_was_its_own() {
        let mut connection = told(&[
            (2, "there is no key here for its epoch"),
            (2, "number 17 of its chain is another entry"),
            (2, "4194305 bytes are too many for one entry"),
            (2, "too many bytes in keys"),
            (2, "changes or removes a transcript entry"),
            (2, "the entry's author sealed something unreadable: the payload's codec 9 is unknown"),
            (2, "holds a change by ActorId(a1…b2), who is not the entry's author"),
            (3, "the relay refused it for good: SeqTaken"),
            (3, "the relay refused it for good: Unknown(4711)"),
        ]);
        prepare(&mut connection).unwrap();
        let expected = [
            (1, None),
            detail(24, "17"),
            detail(40, "4194305"),
            detail(41, "bytes in keys"),
            (50, None),
            detail(8, "the payload's codec 9 is unknown"),
            detail(46, "ActorId(a1…b2)"),
            (6, None),
            (4711, None),
        ];
        assert_eq!(read(&connection), expected);
    }

    #[test]
    fn a_sentence_that_nobody_knows_is_kept_whole() {
        let sentences = ["there is no key here", "there is no key here for its epoch!", "", "Quota"];
        let rows: Vec<_> =
            STATES.iter().flat_map(|state| sentences.map(|sentence| (*state, sentence))).collect();
        let mut connection = told(&rows);
        prepare(&mut connection).unwrap();
        let expected: Vec<_> = rows.iter().map(|(_, sentence)| detail(0, sentence)).collect();
        assert_eq!(read(&connection), expected);
    }

    #[test]
    fn a_refusal_is_not_taken_for_a_quarantine_nor_the_other_way_round() {
        let mut connection =
            told(&[(3, "its body is not here"), (2, "the relay refused it for good: Quota")]);
        prepare(&mut connection).unwrap();
        let expected = [detail(0, "its body is not here"), detail(0, "the relay refused it for good: Quota")];
        assert_eq!(read(&connection), expected);
    }

    #[test]
    fn everything_else_of_an_entry_stays_with_its_body_and_its_indexes() {
        let mut connection = told(&[(2, "its body is not here"), (3, "the relay refused it for good: Rate")]);
        let all = "SELECT n, ws, pos, id, device, incarnation, lane, seq, type, wire, doc, state, applied, log_hash, \
                   signature, header, (SELECT bytes FROM body WHERE entry = n) FROM entry ORDER BY n";
        let values = |connection: &Connection| {
            let mut statement = connection.prepare(all).unwrap();
            let rows = statement.query_map((), |row| {
                (0..17)
                    .map(|column| row.get::<_, rusqlite::types::Value>(column))
                    .collect::<Result<Vec<_>, _>>()
            });
            rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        let indexes = |connection: &Connection| {
            let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entry' ORDER BY name";
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
            rows.unwrap().collect::<Result<Vec<(String, Option<String>)>, _>>().unwrap()
        };
        let (values_before, indexes_before) = (values(&connection), indexes(&connection));
        prepare(&mut connection).unwrap();
        assert_eq!(values(&connection), values_before);
        let indexes_after = indexes(&connection);
        assert!(indexes_before.iter().all(|index| indexes_after.contains(index)), "{indexes_after:?}");
        assert!(indexes_before.len() > 6);
        connection.execute_batch("DELETE FROM entry WHERE pos = 1").unwrap();
        let bodies = connection.query_row("SELECT count(*) FROM body", (), |row| row.get(0));
        assert_eq!(bodies, Ok(1), "the reference from body leads here");
    }
}
