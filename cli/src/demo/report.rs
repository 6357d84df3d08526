//! What came of the demo.

use std::path::PathBuf;

use serde::Serialize;

use super::checks::Check;
use super::evidence::Has;
use super::stored::Stored;
use crate::error::{CommandError, ErrorCode};
use crate::text::count;

/// What came of a demo.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What each device had once all were in step.
    pub devices: Vec<Has>,
    /// What the relay had stored by then.
    pub relay: Stored,
    /// What was promised, and whether it holds.
    pub checks: Vec<Check>,
    /// The folder, if it was to be kept.
    pub folder: Option<PathBuf>,
}

impl Report {
    /// An error unless every check holds.
    pub fn verdict(&self) -> Result<(), CommandError> {
        match self.checks.iter().filter(|check| !check.holds).count() {
            0 if !self.checks.is_empty() => Ok(()),
            broken => Err(CommandError::new(
                ErrorCode::DemoFailed,
                format!("{} did not hold", count(broken, "check")),
            )
            .hint("this is a bug: please report it with what is above")),
        }
    }
}
