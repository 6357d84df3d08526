//! The demo: three devices of two people and a relay, in one process and one temporary folder. It runs the commands that
//! people run, and checks afterwards what Bowline promises.
//!
//! A step is told as it is taken, by [`run`]; what came of it is the [`Report`]. Tests pass an [`Onlooker`] that spoils
//! something between two steps, to see that a check notices.

mod checks;
mod evidence;
mod machine;
mod relay;
mod report;
mod sample;
mod scene;
mod script;
mod search;
mod stored;
mod story;
mod wire;

pub use checks::{Check, Promise};
pub use evidence::Has;
pub use machine::Machine;
pub use report::Report;
pub use scene::{Onlooker, Scene, Step, Whether};
pub use stored::{Kept, Stored};
pub use wire::{Heard, Wire};

use crate::error::{CommandError, ErrorCode};
use crate::host::Host;
use story::Story;

/// How the demo is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The folder stays when it is over.
    pub keep: bool,
    /// Each step is told on stdout.
    pub tells: bool,
}

/// Runs the demo. `Err` if it could not be brought to its end; whether every check holds is in the report.
pub fn run(host: &mut Host, options: Options, onlooker: &mut dyn Onlooker) -> Result<Report, CommandError> {
    let folder = tempfile::Builder::new().prefix("bowline-demo-").tempdir();
    let folder = folder.map_err(|error| {
        CommandError::new(ErrorCode::FileFailed, "There is no room for temporary files").because(&error)
    })?;
    let told = Story::begin(host, folder.path(), options.tells).and_then(|story| story.tell(onlooker));
    let kept = options.keep.then(|| folder.keep());
    let mut report = match told {
        Ok(report) => report,
        Err(error) => {
            return Err(match &kept {
                Some(folder) => error.hint(format!("everything is in {}", crate::text::show_path(folder))),
                None => error,
            });
        }
    };
    report.folder = kept;
    Ok(report)
}
