//! Who may come in: a row for each device and ticket of a log, so that a stranger costs one look-up.

use bowline_disk::{DatabaseError, database};
use bowline_wire::draft::DRAFT;
use bowline_wire::frame::Party;
use bowline_wire::ids::{DeviceId, WorkspaceId};
use bowline_wire::roster::Roster;
use rusqlite::{Row as SqlRow, Transaction, TransactionBehavior};

use super::Sqlite;
use super::census::DELETING;
use super::columns::unsigned;
use crate::keys::{LogKey, LogSecret};
use crate::storage::{Admission, Standing, StorageError, roster};

pub(super) const ADMISSION: &str = "SELECT secret, draft, lacks IS NOT NULL, has_parties, standing, expires
    FROM log LEFT JOIN party ON party.log = log.n AND kind = ?2 AND party.key = ?3
    WHERE workspace = ?1";

pub(super) const RECOVERED_BY: &str = "SELECT workspace FROM party JOIN log ON log.n = party.log
    WHERE party.key = ?1 AND kind = 0 AND standing = 5 AND workspace <> ?2 ORDER BY workspace LIMIT ?3";

impl Sqlite {
    pub(super) fn read_recovered(
        &self,
        device: &DeviceId,
        limit: usize,
    ) -> Result<Vec<WorkspaceId>, DatabaseError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(RECOVERED_BY)?;
        let read = |row: &SqlRow<'_>| row.get(0).map(WorkspaceId::from_bytes);
        let found = statement.query_map((device.as_bytes(), DELETING.as_bytes(), limit), read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    pub(super) fn read_admission(
        &self,
        workspace: WorkspaceId,
        party: &Party,
    ) -> Result<Option<Admission>, StorageError> {
        let found = self.one(ADMISSION, (workspace.as_bytes(), kind(party), party.key()), |row| {
            let log = LogKey::from(&LogSecret::from_bytes(row.get(0)?)).id();
            let (draft, is_lost, standing) = (row.get(1)?, row.get(2)?, standing(row)?);
            Ok((row.get::<_, bool>(3)?, Admission { log, draft, is_lost, standing }))
        })?;
        match found {
            // Nobody goes on with a log of another draft, so who is in it does not matter.
            Some((false, Admission { draft: DRAFT, .. })) => Err(if self.unreadable.contains(&workspace) {
                StorageError::Corrupt("a log's roster cannot be read, so nobody is let in".to_owned())
            } else {
                let why = "who is in a log could not be stored; start the relay again when there is room";
                StorageError::Unavailable(why.to_owned())
            }),
            found => Ok(found.map(|(_, admission)| admission)),
        }
    }

    pub(super) fn put_parties(
        tx: &Transaction<'_>,
        log: i64,
        parties: &[(Party, Standing)],
    ) -> Result<(), DatabaseError> {
        let sql = "INSERT INTO party (log, kind, key, standing, expires) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (log, kind, key) DO UPDATE SET standing = excluded.standing, expires = excluded.expires";
        for (party, standing) in parties {
            let (number, expires) = columns(*standing);
            tx.prepare_cached(sql)?.execute((log, kind(party), party.key(), number, expires))?;
        }
        Ok(())
    }

    /// Finds out who is in the logs that are older than this table, each in a transaction of its own. A log of which that cannot be
    /// said lets nobody in; the others are served. The first failure to store or to read is given back once all were tried.
    pub(super) fn complete_parties(&mut self) -> Result<(), StorageError> {
        let sql = "SELECT n, workspace FROM log WHERE NOT has_parties AND draft = ?1 AND workspace <> ?2";
        let mut statement = self.connection.prepare(sql)?;
        let read = |row: &SqlRow<'_>| Ok((row.get(0)?, WorkspaceId::from_bytes(row.get(1)?)));
        let logs: Vec<(i64, WorkspaceId)> =
            statement.query_map((DRAFT, DELETING.as_bytes()), read)?.collect::<Result<_, _>>()?;
        drop(statement);
        let mut done = Ok(());
        for (log, workspace) in logs {
            let completed = match roster::fold(self, workspace) {
                Ok(folded) => self.complete(log, workspace, &folded).map_err(StorageError::from),
                Err(error) => Err(error),
            };
            match completed {
                Err(StorageError::Corrupt(error)) => {
                    tracing::error!(?workspace, %error, "a log's roster cannot be read");
                    self.unreadable.insert(workspace);
                }
                completed => done = done.and(completed),
            }
        }
        done
    }

    fn complete(&mut self, log: i64, workspace: WorkspaceId, folded: &Roster) -> Result<(), DatabaseError> {
        let parties = roster::changed(&Roster::new(workspace), folded);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Self::put_parties(&tx, log, &parties)?;
        tx.execute("UPDATE log SET has_parties = 1 WHERE n = ?1", [log])?;
        Ok(database::commit(tx)?)
    }
}

#[cfg(test)]
impl Sqlite {
    /// Forgets who is in each log, as if it were older than the table, and finds it out again.
    pub(crate) fn forget_parties(&mut self) {
        self.connection.execute_batch("DELETE FROM party; UPDATE log SET has_parties = 0").unwrap();
        self.complete_parties().unwrap();
    }
}

fn kind(party: &Party) -> u8 {
    match party {
        Party::Device(_) => 0,
        Party::Ticket(_) => 1,
    }
}

/// `party.standing` of a recovery device; `schema/parties.rs` has an index of those.
const RECOVERY: u8 = 5;

/// The columns `standing` and `expires`. No clock gets to the largest number that fits.
fn columns(standing: Standing) -> (u8, Option<i64>) {
    match standing {
        Standing::Active => (0, None),
        Standing::Removed => (1, None),
        Standing::Open { expires } => (2, Some(i64::try_from(expires).unwrap_or(i64::MAX))),
        Standing::Used => (3, None),
        Standing::Closed => (4, None),
        Standing::Recovery => (RECOVERY, None),
    }
}

fn standing(row: &SqlRow<'_>) -> rusqlite::Result<Option<Standing>> {
    const STANDING: usize = 4;
    const EXPIRES: usize = 5;
    let Some(number) = row.get::<_, Option<i64>>(STANDING)? else { return Ok(None) };
    Ok(Some(match number {
        0 => Standing::Active,
        1 => Standing::Removed,
        2 => Standing::Open { expires: unsigned(row, EXPIRES)? },
        3 => Standing::Used,
        4 => Standing::Closed,
        number if number == i64::from(RECOVERY) => Standing::Recovery,
        _ => return Err(rusqlite::Error::IntegralValueOutOfRange(STANDING, number)),
    }))
}

#[cfg(test)]
mod tests {
    use bowline_wire::ids::Millis;
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::storage::{LogCommit, Storage};
    use crate::testing::author::Author;
    use crate::testing::rng;
    use crate::workspace::Workspace;

    #[test]
    fn whether_somebody_may_come_in_is_known_without_looking_at_anybody_else() {
        let sqlite = Sqlite::in_memory().unwrap();
        let mut plan = sqlite.connection.prepare(&format!("EXPLAIN QUERY PLAN {ADMISSION}")).unwrap();
        let steps = plan.query_map([0, 0, 0], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        for index in ["sqlite_autoindex_log_1 (workspace=?)", "PRIMARY KEY (log=? AND kind=? AND key=?)"] {
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        }
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
    }

    #[test]
    fn where_a_recovery_device_is_is_known_without_looking_at_anybody_else() {
        let sqlite = Sqlite::in_memory().unwrap();
        let mut plan = sqlite.connection.prepare(&format!("EXPLAIN QUERY PLAN {RECOVERED_BY}")).unwrap();
        let steps = plan.query_map([0, 0, 0], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        assert!(steps.iter().any(|step| step.contains("INDEX party_recovery (key=?)")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
    }

    /// A log of one device that makes its workspace.
    fn begun(number: u8) -> (WorkspaceId, Party, LogCommit) {
        let mut author = Author::new(number);
        let (workspace, genesis) = author.genesis(number);
        let mut created =
            Workspace::create(workspace, (LogKey::generate(&mut rng(1)), Vec::new()), genesis, Millis(1))
                .unwrap();
        (workspace, author.party(), created.take_staged().0)
    }

    #[test]
    fn who_is_in_logs_of_before_is_found_out_when_the_database_is_opened() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("relay.db");
        let ((one, first, begins_one), (two, second, begins_two)) = (begun(1), begun(2));
        Sqlite::open(&path).unwrap().commit(&[begins_one, begins_two]).unwrap();
        let old = "DROP TABLE party; ALTER TABLE log DROP COLUMN has_parties; ALTER TABLE successor DROP COLUMN ended; ALTER TABLE log DROP COLUMN checkpoints;
                   DROP INDEX log_unswept; ALTER TABLE log DROP COLUMN letting_go; ALTER TABLE log DROP COLUMN floor; ALTER TABLE log DROP COLUMN swept;
                   DROP TABLE state_piece;
                   PRAGMA user_version = 6;
                   UPDATE entry SET signature = zeroblob(64) WHERE log = (SELECT max(n) FROM log)";
        Connection::open(&path).unwrap().execute_batch(old).unwrap();
        for _ in 0..2 {
            let sqlite = Sqlite::open(&path).unwrap();
            let standing = |party| sqlite.admission(one, party).unwrap().unwrap().standing;
            assert_eq!((standing(&first), standing(&second)), (Some(Standing::Active), None));
            // Of a log that is damaged that cannot be said; the relay serves the others.
            let damaged = sqlite.admission(two, &second);
            assert!(matches!(damaged, Err(StorageError::Corrupt(_))), "{damaged:?}");
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_keeps_no_database_from_opening() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("relay.db");
        let (workspace, party, begins) = begun(1);
        Sqlite::open(&path).unwrap().commit(&[begins]).unwrap();
        // In place of a full disk: what such a log's rows are not taken by.
        let full = "DELETE FROM party; UPDATE log SET has_parties = 0;
                    CREATE TRIGGER full BEFORE INSERT ON party BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
        Connection::open(&path).unwrap().execute_batch(full).unwrap();
        let admitted = Sqlite::open(&path).unwrap().admission(workspace, &party);
        assert!(matches!(admitted, Err(StorageError::Unavailable(_))), "{admitted:?}");
        Connection::open(&path).unwrap().execute_batch("DROP TRIGGER full").unwrap();
        let admitted = Sqlite::open(&path).unwrap().admission(workspace, &party).unwrap().unwrap();
        assert_eq!(admitted.standing, Some(Standing::Active));
    }
}
