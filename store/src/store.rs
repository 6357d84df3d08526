//! The database itself: opening, reading, the one way to write, copying.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use bowline_disk::database;
use rusqlite::{Connection, OptionalExtension, Params, Row, TransactionBehavior};

use crate::{StoreError, schema};

/// One device's database, open for reading and for one writer at a time.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    #[cfg(feature = "planted-bugs")]
    cursor_before_batch: bool,
}

/// Reads, outside a transaction or inside one. Outside, each call sees the latest commit of any process, so two calls
/// may see different ones; what must fit together is read inside [`Store::transaction`].
#[derive(Clone, Copy, Debug)]
pub struct Reader<'c> {
    connection: &'c Connection,
}

/// A transaction under way: everything a [`Reader`] has, and all that changes anything.
#[derive(Debug)]
pub struct Tx<'c> {
    reader: Reader<'c>,
    #[cfg(feature = "planted-bugs")]
    pub(crate) cursor_before_batch: bool,
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl Store {
    /// How long a writer waits for another process's transaction.
    pub const BUSY_TIMEOUT: Duration = database::BUSY_TIMEOUT;

    /// Opens the database at `path`, creating it (0600) and its folder (0700) if they are not there, and bringing an
    /// older one up to date. Permissions of what exists are left as they are.
    ///
    /// # Errors
    /// [`DatabaseError::NewerVersion`](crate::DatabaseError::NewerVersion) and [`DatabaseError::NotOurs`](crate::DatabaseError::NotOurs) leave the file untouched; otherwise the
    /// environment's.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::from_connection(database::open(path)?)
    }

    /// A database that lives as long as this value, or as the connection taken out of it.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::from_connection(Connection::open_in_memory()?)
    }

    /// Takes over a connection, whatever state it was left in: an open transaction is rolled back. Hooks stay.
    pub fn from_connection(mut connection: Connection) -> Result<Self, StoreError> {
        schema::prepare(&mut connection)?;
        #[cfg(feature = "statements")]
        crate::statements::watch(&mut connection)?;
        Ok(Self {
            connection,
            #[cfg(feature = "planted-bugs")]
            cursor_before_batch: false,
        })
    }

    /// The connection, for whoever wants to open it again or drop it.
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// The connection, to look. Writing through it goes around every rule of this crate.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to install hooks.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Reads outside a transaction.
    pub fn read(&self) -> Reader<'_> {
        Reader { connection: &self.connection }
    }

    /// Runs `steps` in a transaction that holds the write lock from its beginning, and commits if they succeed. When
    /// this returns `Ok`, everything is on the disk.
    ///
    /// # Errors
    /// The steps' own, or the commit's. Either way nothing has changed.
    pub fn transaction<T, E: From<StoreError>>(
        &mut self,
        steps: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let tx = Tx {
            reader: Reader { connection: &transaction },
            #[cfg(feature = "planted-bugs")]
            cursor_before_batch: self.cursor_before_batch,
        };
        let done = steps(&tx)?;
        database::commit(transaction).map_err(StoreError::from)?;
        Ok(done)
    }

    /// Copies the whole database over what `to` holds, as one consistent picture, while other processes may write.
    ///
    /// # Errors
    /// [`DatabaseError::Busy`](crate::DatabaseError::Busy) if a writer does not let go of either database; otherwise the environment's.
    pub fn copy_to(&self, to: &mut Connection) -> Result<(), StoreError> {
        Ok(database::copy(&self.connection, to)?)
    }

    /// Reads every page and checks every index and reference. Takes time in proportion to the file.
    ///
    /// # Errors
    /// [`DatabaseError::Damaged`](crate::DatabaseError::Damaged) with the first thing found.
    pub fn integrity_check(&self) -> Result<(), StoreError> {
        Ok(database::check_integrity(&self.connection)?)
    }

    /// Plants a bug: [`Tx::set_cursor`] commits, with whatever its transaction did before it, and the rest follows in
    /// a transaction of its own. A crash in between loses entries that the cursor says are there.
    #[cfg(feature = "planted-bugs")]
    pub fn plant_cursor_before_batch(&mut self, on: bool) {
        self.cursor_before_batch = on;
    }
}

impl Reader<'_> {
    pub(crate) fn one<T>(
        self,
        sql: &str,
        params: impl Params,
        decode: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, decode).optional()?)
    }

    pub(crate) fn all<T>(
        self,
        sql: &str,
        params: impl Params,
        decode: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.while_true(sql, params, decode, |_| true)
    }

    /// The first rows, as long as `keep` says so.
    pub(crate) fn while_true<T>(
        self,
        sql: &str,
        params: impl Params,
        decode: fn(&Row<'_>) -> rusqlite::Result<T>,
        mut keep: impl FnMut(&T) -> bool,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, decode)?;
        Ok(rows.take_while(|row| row.as_ref().map_or(true, &mut keep)).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
impl Reader<'_> {
    /// What SQLite would do for a query with these parameters, in one line.
    pub(crate) fn plan(self, sql: &str, params: impl Params) -> String {
        let mut statement = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.query_map(params, |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    /// How often SQLite makes a plan anew for a query when other parameters come.
    pub(crate) fn plans_anew(self, sql: &str, count: usize) -> i32 {
        let mut statement = self.connection.prepare(sql).unwrap();
        for value in 0..3 {
            statement.query(rusqlite::params_from_iter(vec![value; count])).unwrap().next().unwrap();
        }
        statement.get_status(rusqlite::StatementStatus::RePrepare)
    }
}

impl Tx<'_> {
    /// Runs a statement and tells how many rows it touched.
    pub(crate) fn change(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.reader.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs an INSERT and tells the number of the new row.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, StoreError> {
        Ok(self.reader.connection.prepare_cached(sql)?.insert(params)?)
    }

    /// Runs a statement that must touch the one row it names.
    pub(crate) fn change_one(
        &self,
        row: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<(), StoreError> {
        match self.change(sql, params)? {
            0 => Err(StoreError::NoSuchRow(row)),
            _ => Ok(()),
        }
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn commit_what_there_is(&self) -> Result<(), StoreError> {
        Ok(self.reader.connection.execute_batch("COMMIT; BEGIN IMMEDIATE")?)
    }
}
