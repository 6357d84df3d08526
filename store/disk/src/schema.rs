//! The versions of a database, and the steps from one to the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::DatabaseError;
use crate::database::check_references;

/// What one program's databases are made of.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The mark in the file by which it is known as this program's.
    pub application_id: i64,
    /// The SQL that turns version `i` of the schema into version `i + 1`, for each `i` from 0. A released step is never
    /// edited.
    pub steps: &'static [&'static str],
}

impl Schema {
    /// Whether the database lacks a step, as a new one lacks all of them. Writes nothing.
    ///
    /// # Errors
    /// [`DatabaseError::NotOurs`] and [`DatabaseError::NewerVersion`].
    pub fn is_behind(&self, connection: &Connection) -> Result<bool, DatabaseError> {
        Ok(self.next_step(connection)?.is_some())
    }

    /// Does the steps that the database lacks, each in a transaction of its own, also while other processes do the same.
    /// Takes the write lock, so that whoever is not behind need not call it.
    ///
    /// # Errors
    /// [`DatabaseError::Damaged`] if a step left a reference that leads nowhere: that step is undone.
    pub fn migrate(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        // Rebuilding a table must not cascade; each step is checked as a whole instead.
        connection.pragma_update(None, "foreign_keys", false)?;
        let mut done = self.step(connection);
        while let Ok(true) = done {
            done = self.step(connection);
        }
        connection.pragma_update(None, "foreign_keys", true)?;
        done.map(drop)
    }

    /// Does the next step; `false` if there is none.
    fn step(&self, connection: &mut Connection) -> Result<bool, DatabaseError> {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again under the write lock: another process may have been faster.
        let Some((leads_to, step)) = self.next_step(&tx)? else {
            return Ok(false);
        };
        tx.execute_batch(step)?;
        check_references(&tx)?;
        tx.pragma_update(None, "application_id", self.application_id)?;
        tx.pragma_update(None, "user_version", leads_to)?;
        tx.commit()?;
        tracing::debug!(version = leads_to, "schema step done");
        Ok(true)
    }

    /// The first step that the database lacks, with the version it leads to.
    fn next_step(&self, connection: &Connection) -> Result<Option<(i64, &'static str)>, DatabaseError> {
        // One statement, so that another process's first step is seen whole or not at all.
        let sql = "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
                   FROM pragma_user_version, pragma_application_id";
        let (found, application, objects): (i64, i64, i64) =
            connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if application != self.application_id && (application, found, objects) != (0, 0, 0) {
            return Err(DatabaseError::NotOurs);
        }
        let mut known = 0;
        for (leads_to, step) in (1..).zip(self.steps.iter().copied()) {
            if leads_to > found {
                return Ok(Some((leads_to, step)));
            }
            known = leads_to;
        }
        if found > known { Err(DatabaseError::NewerVersion { found, known }) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "CREATE TABLE one (n INTEGER) STRICT; INSERT INTO one VALUES (1)";
    const TWO: &str = "CREATE TABLE two (n INTEGER) STRICT; INSERT INTO two SELECT n FROM one";

    fn schema(steps: &'static [&'static str]) -> Schema {
        Schema { application_id: 7, steps }
    }

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn setting(connection: &Connection, pragma: &str) -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    }

    fn tables(connection: &Connection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn an_older_database_gets_only_the_steps_it_lacks() {
        let mut connection = memory();
        assert!(schema(&[ONE]).is_behind(&connection).unwrap());
        schema(&[ONE]).migrate(&mut connection).unwrap();
        assert_eq!(setting(&connection, "user_version"), 1);
        assert!(!schema(&[ONE]).is_behind(&connection).unwrap());
        assert!(schema(&[ONE, TWO]).is_behind(&connection).unwrap());
        schema(&[ONE, TWO]).migrate(&mut connection).unwrap();
        assert_eq!(setting(&connection, "user_version"), 2);
        assert_eq!(setting(&connection, "application_id"), 7);
        assert_eq!(connection.query_row("SELECT sum(n) FROM two", (), |row| row.get(0)), Ok(1));
    }

    #[test]
    fn a_row_may_lose_its_parent_within_a_step_and_nowhere_else() {
        let mut connection = memory();
        let tables = "CREATE TABLE parent (n INTEGER PRIMARY KEY);
            CREATE TABLE child (n REFERENCES parent ON DELETE CASCADE);
            INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)";
        let rebuilt = "CREATE TABLE new (n INTEGER PRIMARY KEY); INSERT INTO new SELECT n FROM parent;
            DROP TABLE parent; ALTER TABLE new RENAME TO parent";
        let steps: &'static [&'static str] = Box::leak(Box::new([tables, rebuilt]));
        schema(steps).migrate(&mut connection).unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM child", (), |row| row.get(0)), Ok(1));
        assert!(connection.execute("INSERT INTO child VALUES (2)", ()).is_err());
        assert!(
            schema(&["CREATE TABLE broken (", "", "CREATE TABLE broken ("]).migrate(&mut connection).is_err()
        );
        assert!(connection.execute("INSERT INTO child VALUES (2)", ()).is_err());
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut connection = memory();
        let steps = schema(&["CREATE TABLE one (n) ", "CREATE TABLE two (n); CREATE TABLE two (n)"]);
        assert!(steps.migrate(&mut connection).is_err());
        assert_eq!(setting(&connection, "user_version"), 1);
        assert_eq!(tables(&connection), ["one"]);
    }

    #[test]
    fn a_step_that_leaves_a_dangling_reference_is_undone() {
        let mut connection = memory();
        let steps = schema(&[
            "CREATE TABLE parent (n INTEGER PRIMARY KEY);
             CREATE TABLE child (n REFERENCES parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)",
            "DELETE FROM parent",
        ]);
        assert!(matches!(steps.migrate(&mut connection), Err(DatabaseError::Damaged(_))));
        assert_eq!(setting(&connection, "user_version"), 1);
        assert_eq!(connection.query_row("SELECT count(*) FROM parent", (), |row| row.get(0)), Ok(1));
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let mut connection = memory();
        schema(&[ONE, TWO]).migrate(&mut connection).unwrap();
        let refused = schema(&[ONE]).migrate(&mut connection).unwrap_err();
        assert!(matches!(refused, DatabaseError::NewerVersion { found: 2, known: 1 }), "{refused}");
        assert_eq!(tables(&connection), ["one", "two"]);
    }

    #[test]
    fn another_programs_database_is_refused_and_left_alone() {
        for theirs in ["CREATE TABLE theirs (n)", "PRAGMA application_id = 42", "PRAGMA user_version = 1"] {
            let mut connection = memory();
            connection.execute_batch(theirs).unwrap();
            assert!(matches!(schema(&[ONE]).is_behind(&connection), Err(DatabaseError::NotOurs)), "{theirs}");
            assert!(
                matches!(schema(&[ONE]).migrate(&mut connection), Err(DatabaseError::NotOurs)),
                "{theirs}"
            );
            assert!(!tables(&connection).contains(&"one".to_owned()), "{theirs}");
        }
    }
}
