//! Why an edit is not possible, in words.

use bowline_engine::document::EditError;

use super::code::ErrorCode;
use super::command::CommandError;
use super::hints::REPORT;
use crate::text::grouped;

impl From<EditError> for CommandError {
    fn from(error: EditError) -> Self {
        let refused = |why: &str| Self::new(ErrorCode::EditRefused, format!("This cannot be written: {why}"));
        match &error {
            EditError::TooLong { what, limit } => {
                refused(&format!("{what} is longer than {} bytes", grouped(*limit as u64)))
            }
            EditError::TooMany { what, limit } => {
                refused(&format!("there can be at most {} {what}", grouped(*limit as u64)))
            }
            EditError::NotALine(_) => refused("it is not a transcript line").because(&error),
            EditError::IdTaken => refused("its id is taken in this conversation"),
            EditError::NoEntry => refused("the entry that it is to follow is not in this conversation"),
            EditError::Time => refused("its time is beyond every calendar"),
            EditError::Permanent => refused("a document of this kind cannot be deleted or restored"),
            EditError::Full => refused("the document is full"),
            EditError::Automerge(_) => {
                Self::new(ErrorCode::Bug, "An edit was refused that should be possible")
                    .because(&error)
                    .hint(REPORT)
            }
        }
    }
}
