//! The step after which a document's id has one row on a device: what a workspace has of it, and what is only here.

/// `doc.log_id`: the id that the workspace's log knows it by, if another workspace's document had that id first here.
/// `doc.kept`: nothing written into it here is to leave. `doc.only_here`: how many things a person would count are in `aside`
/// or in rows of `change` with `aside`; -1 if they were not counted, 0 if there is nothing.
/// `aside`: the saved form of what is only here, beside `base`, which is what the workspace has.
///
/// Before this step a local copy and a workspace's document of one id were two rows. The copy becomes what is only here of the
/// first workspace's; a copy of another kind gets an id of its own, and so do those of further workspaces, each with what is known
/// of it. `keep-local` was about local copies, and is about nothing that is in a workspace alone.
pub(super) const VERSION_5: &str = "
ALTER TABLE doc ADD COLUMN log_id BLOB;
ALTER TABLE doc ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE doc ADD COLUMN only_here INTEGER NOT NULL DEFAULT 0;
ALTER TABLE change ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;

CREATE TABLE aside (
    doc   INTEGER PRIMARY KEY REFERENCES doc (n) ON DELETE CASCADE,
    bytes BLOB NOT NULL
) STRICT;

CREATE TEMP TABLE copy AS
SELECT local.n AS local, min(there.n) AS there, there.ws AS ws
FROM doc AS local JOIN doc AS there ON there.id = local.id AND there.ws IS NOT NULL AND there.kind = local.kind
WHERE local.ws IS NULL GROUP BY local.n;

INSERT INTO aside (doc, bytes) SELECT copy.there, base.bytes FROM copy JOIN base ON base.doc = copy.local;
UPDATE change SET doc = copy.there, ws = copy.ws, entry = NULL, aside = 1 FROM copy WHERE change.doc = copy.local;
UPDATE doc SET only_here = -1, rev = rev + 1 WHERE n IN (SELECT there FROM copy);
DELETE FROM base WHERE doc IN (SELECT local FROM copy);
DELETE FROM doc WHERE n IN (SELECT local FROM copy);

UPDATE doc SET kept = 1
WHERE 'keep-local/' || lower(hex(id)) IN (SELECT key FROM meta) AND (ws IS NULL OR n IN (SELECT there FROM copy));
DELETE FROM meta WHERE key LIKE 'keep-local/%';
DROP TABLE copy;

CREATE TEMP TABLE anew AS
SELECT n, ws, id AS old, randomblob(16) AS new FROM doc
WHERE EXISTS (SELECT 1 FROM doc AS first WHERE first.id = doc.id AND first.ws IS NOT NULL
                  AND (doc.ws IS NULL OR first.n < doc.n));
UPDATE doc SET log_id = iif(doc.ws IS NULL, NULL, doc.id), id = anew.new FROM anew WHERE anew.n = doc.n;
UPDATE import SET doc = anew.new FROM anew WHERE anew.old = import.doc AND anew.ws IS NULL;
UPDATE meta SET key = 'shared-from-here/' || lower(hex(anew.new)) || '/' || lower(hex(anew.ws)) FROM anew
WHERE meta.key = 'shared-from-here/' || lower(hex(anew.old)) || '/' || lower(hex(anew.ws));
DROP TABLE anew;

DROP INDEX doc_id;
CREATE UNIQUE INDEX doc_id ON doc (id);
CREATE UNIQUE INDEX doc_in_log ON doc (ws, coalesce(log_id, id)) WHERE ws IS NOT NULL;
CREATE INDEX doc_uncounted ON doc (n) WHERE only_here = -1;
DROP INDEX change_unsealed;
CREATE INDEX change_unsealed ON change (ws, doc, entry) WHERE entry IS NULL AND aside = 0;
";

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::schema::{STEPS, prepare};

    /// A database as the version before this step left it.
    fn before() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        for (version, step) in STEPS.iter().take(4).enumerate() {
            connection.execute_batch(step).unwrap();
            connection.pragma_update(None, "user_version", i64::try_from(version).unwrap() + 1).unwrap();
        }
        connection.pragma_update(None, "application_id", super::super::APPLICATION_ID).unwrap();
        connection.set_prepared_statement_cache_capacity(0);
        connection
            .execute_batch(
                "INSERT INTO workspace (id, incarnation, state, created_at, relay) VALUES
                     (x'01', x'00', 1, 0, ''), (x'02', x'00', 1, 0, '');
                 INSERT INTO doc (n, ws, id, rev, state, kind, updated_at, count, created_at, title, preview, heads) VALUES
                     (1, NULL, x'aa', 1, 0, 1, 0, 0, 0, 'copy', '', x''),
                     (2, x'01', x'aa', 1, 1, 1, 0, 0, 0, 'there', '', x''),
                     (3, x'02', x'aa', 1, 1, 1, 0, 0, 0, 'elsewhere', '', x''),
                     (4, NULL, x'bb', 1, 0, 1, 0, 0, 0, 'of another kind', '', x''),
                     (5, x'01', x'bb', 1, 1, 2, 0, 0, 0, 'agent', '', x''),
                     (6, NULL, x'cc', 1, 0, 1, 0, 0, 0, 'kept', '', x''),
                     (7, x'01', x'dd', 1, 1, 1, 0, 0, 0, 'shared again', '', x'');
                 INSERT INTO base VALUES (1, x'ba5e'), (2, x'0123');
                 INSERT INTO change (n, doc, ws, bytes) VALUES (1, 1, NULL, x'01'), (2, 2, x'01', x'02');
                 INSERT INTO import VALUES ('a file', x'bb', x''), ('another', x'aa', x'');
                 INSERT INTO meta VALUES ('keep-local/cc', x''), ('keep-local/aa', x''), ('keep-local/dd', x''),
                     ('shared-from-here/aa/02', x''), ('shared-from-here/aa/01', x'')",
            )
            .unwrap();
        prepare(&mut connection).unwrap();
        connection
    }

    fn all<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Vec<T> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn two_rows_of_one_id_become_one_with_the_local_copy_aside() {
        let connection = before();
        let titles: Vec<String> = all(&connection, "SELECT title FROM doc ORDER BY n");
        assert_eq!(titles, ["there", "elsewhere", "of another kind", "agent", "kept", "shared again"]);
        let ids: Vec<i64> = all(&connection, "SELECT count(DISTINCT id) FROM doc");
        assert_eq!(ids, [6]);
        let there =
            "SELECT doc || ' ' || hex(bytes) || ' ' || aside || ' ' || hex(ws) FROM change ORDER BY n";
        assert_eq!(all::<String>(&connection, there), ["2 01 1 01", "2 02 0 01"]);
        assert_eq!(all::<String>(&connection, "SELECT doc || ' ' || hex(bytes) FROM aside"), ["2 BA5E"]);
        assert_eq!(all::<String>(&connection, "SELECT doc || ' ' || hex(bytes) FROM base"), ["2 0123"]);
        assert_eq!(all::<i64>(&connection, "SELECT only_here FROM doc ORDER BY n"), [-1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn ids_that_are_taken_change_here_and_are_remembered_as_the_log_knows_them() {
        let connection = before();
        let known = "SELECT hex(log_id) || iif(length(id) = 16, ' new', '') FROM doc ORDER BY n";
        assert_eq!(all::<String>(&connection, known), ["", "AA new", " new", "", "", ""]);
        assert_eq!(all::<i64>(&connection, "SELECT kept FROM doc ORDER BY n"), [1, 0, 0, 0, 1, 0]);
        let elsewhere =
            "SELECT 'shared-from-here/' || lower(hex(id)) || '/02' FROM doc WHERE title = 'elsewhere'";
        let notes = [vec!["shared-from-here/aa/01".to_owned()], all(&connection, elsewhere)].concat();
        assert_eq!(all::<String>(&connection, "SELECT key FROM meta ORDER BY length(key)"), notes);
    }

    #[test]
    fn an_import_goes_on_in_the_document_that_it_made_under_its_new_id() {
        let connection = before();
        let made = "SELECT doc.title FROM import JOIN doc ON doc.id = import.doc ORDER BY source";
        assert_eq!(all::<String>(&connection, made), ["of another kind", "there"]);
    }
}
