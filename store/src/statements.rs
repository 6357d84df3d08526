//! What SQLite runs, heard through its trace hook, for tests that count statements and the rows they give.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::StoreError;

thread_local! {
    /// What ran on this thread since [`recorded`] began; `None` outside of it.
    static RAN: RefCell<Option<Vec<Statement>>> = const { RefCell::new(None) };
}

/// A statement that SQLite has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The statement's text, with `?1` where values were bound.
    pub sql: String,
    /// How many rows the statement gave.
    pub rows: usize,
}

/// Does something, and gives every statement that stores opened meanwhile on this thread have run on it.
pub fn recorded<T>(something: impl FnOnce() -> T) -> (T, Vec<Statement>) {
    RAN.set(Some(Vec::new()));
    let done = something();
    (done, RAN.take().unwrap_or_default())
}

/// Has this connection's statements recorded, if somebody wants them.
pub(crate) fn watch(connection: &mut Connection) -> Result<(), StoreError> {
    if RAN.with_borrow(Option::is_some) {
        let events = TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_ROW;
        connection.trace_v2(events, Some(note))?;
    }
    Ok(())
}

fn note(event: TraceEvent<'_>) {
    RAN.with_borrow_mut(|ran| {
        let Some(ran) = ran else { return };
        match event {
            TraceEvent::Stmt(statement, _) => {
                ran.push(Statement { sql: statement.sql().into_owned(), rows: 0 });
            }
            TraceEvent::Row(statement) => {
                let sql = statement.sql();
                if let Some(statement) = ran.iter_mut().rev().find(|it| it.sql == sql) {
                    statement.rows += 1;
                }
            }
            _ => {}
        }
    });
}
