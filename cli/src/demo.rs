//! The demo: three devices of two people and a relay, in one process and one temporary folder. It runs the commands that
//! people run, and checks afterwards what Bowline promises.
//!
//! A step is told as it is taken, by [`run`]; what came of it is the [`Report`]. Tests pass an [`Onlooker`] that spoils
//! something between two steps, to see that a check notices.

mod checks;
mod evidence;
mod machine;
mod relay;
mod sample;
mod search;
mod stored;
mod story;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

pub use checks::{Check, Promise};
pub use evidence::Has;
pub use machine::Machine;
pub use stored::{Kept, Stored};
pub use wire::{Heard, Wire};

use crate::error::{CommandError, Kind};
use crate::host::Host;
use crate::text::count;
use story::Story;

/// What the demo does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The laptop imports the sample home.
    Adopt,
    /// It makes a workspace and shares what is not personal.
    Share,
    /// The desktop comes in by a link.
    Link,
    /// Another person's notebook comes in by an invite.
    Invite,
    /// All three are disconnected.
    Disconnect,
    /// The laptop edits a prompt and continues a conversation.
    EditOnLaptop,
    /// The desktop does the same, with the same documents.
    EditOnDesktop,
    /// All three try to sync.
    StayOffline,
    /// All three are connected again, and sync.
    Reconnect,
    /// What they have is put side by side.
    Compare,
    /// The desktop is revoked.
    Revoke,
    /// The laptop writes more, and everybody syncs.
    WriteMore,
    /// Everything is searched that the relay or a device has kept.
    Search,
}

/// What is there while the demo runs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The machines: laptop, desktop, notebook.
    pub machines: [Machine; 3],
    /// The relay's folder.
    pub relay: PathBuf,
    /// Its address, without the token.
    pub address: String,
    /// The relay's end of all connections.
    pub wire: Arc<Wire>,
    /// The conversation that is continued: its id, once there is one.
    pub chat: String,
    /// The agent whose prompt is edited, likewise.
    pub agent: String,
}

/// Whether a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whether {
    /// It is.
    Taken,
    /// It is left out.
    LeftOut,
}

/// Who is asked before each step.
pub trait Onlooker {
    /// Whether this step is taken. May do anything to the scene.
    fn before(&mut self, step: Step, scene: &Scene) -> Whether;
}

/// Does nothing.
impl Onlooker for () {
    fn before(&mut self, _: Step, _: &Scene) -> Whether {
        Whether::Taken
    }
}

/// How the demo is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The folder stays when it is over.
    pub keep: bool,
    /// Each step is told on stdout.
    pub tells: bool,
}

/// What came of it.
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
            broken => Err(CommandError::new(Kind::Demo, format!("{} did not hold", count(broken, "check")))
                .hint("this is a bug: please report it with what is above")),
        }
    }
}

/// Runs the demo. `Err` if it could not be brought to its end; whether every check holds is in the report.
pub fn run(host: &mut Host, options: Options, onlooker: &mut dyn Onlooker) -> Result<Report, CommandError> {
    let folder = tempfile::Builder::new().prefix("bowline-demo-").tempdir();
    let folder = folder.map_err(|error| {
        CommandError::new(Kind::Environment, "There is no room for temporary files").because(&error)
    })?;
    let told = Story::begin(host, folder.path(), options.tells).and_then(|story| story.tell(onlooker));
    let kept = options.keep.then(|| folder.keep());
    let mut report = match told {
        Ok(report) => report,
        Err(error) => {
            return Err(match &kept {
                Some(folder) => error.hint(format!("everything is in {}", crate::files::show(folder))),
                None => error,
            });
        }
    };
    report.folder = kept;
    Ok(report)
}
