//! How much of a document is only here, as the column `doc.only_here` has it.

use rusqlite::Row;

use crate::StoreError;
use crate::column::int;

/// How much of a document is only here, beside what its workspace has of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlyHere {
    /// Nothing is beside what the workspace has.
    #[default]
    Nothing,
    /// There is something, and it was not compared with what the workspace has yet.
    Uncounted,
    /// That many things a person would count, as entries or files.
    Parts(u64),
}

impl OnlyHere {
    /// Whether there is anything beside what the workspace has.
    pub fn is_some(self) -> bool {
        self != Self::Nothing
    }

    pub(crate) fn to_column(self) -> Result<i64, StoreError> {
        match self {
            Self::Nothing => Ok(0),
            Self::Uncounted => Ok(-1),
            Self::Parts(parts) => int(parts),
        }
    }

    pub(crate) fn from_column(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        let number: i64 = row.get(index)?;
        Ok(match u64::try_from(number) {
            Ok(0) => Self::Nothing,
            Ok(parts) => Self::Parts(parts),
            Err(_) => Self::Uncounted,
        })
    }
}
