//! A database in memory that is opened again and again.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use rusqlite::Connection;

use super::super::Sqlite;

/// One connection that is handed on: reopening a database in memory.
#[derive(Debug)]
pub(super) struct Reopened {
    kept: Rc<RefCell<Option<Connection>>>,
    sqlite: Option<Sqlite>,
}

impl Reopened {
    pub(super) fn open(kept: &Rc<RefCell<Option<Connection>>>) -> Self {
        let connection = kept.borrow_mut().take().expect("one at a time");
        Self { kept: Rc::clone(kept), sqlite: Some(Sqlite::from_connection(connection).unwrap()) }
    }
}

impl Drop for Reopened {
    fn drop(&mut self) {
        *self.kept.borrow_mut() = self.sqlite.take().map(|sqlite| sqlite.connection);
    }
}

impl Deref for Reopened {
    type Target = Sqlite;

    fn deref(&self) -> &Sqlite {
        self.sqlite.as_ref().unwrap()
    }
}

impl DerefMut for Reopened {
    fn deref_mut(&mut self) -> &mut Sqlite {
        self.sqlite.as_mut().unwrap()
    }
}
