//! `bowline workspace evidence`: what a workspace's relay was caught at, and a file that shows it to others.

use std::fmt::{self, Display};
use std::path::PathBuf;

use bowline_engine::device::{Caught, LineFailure};
use clap::Args;
use serde::Serialize;

use crate::command::evidence::{Shown, file_of, written};
use crate::error::{CommandError, ErrorCode, no_connection};
use crate::files;
use crate::invocation::Invocation;
use crate::time::moment;
use crate::workspaces;

/// Show what a workspace's relay was caught at, and write down what proves it
///
/// A relay that signs what cannot both be true convicts itself: this device keeps what it signed, and sends it nothing more. The
/// file holds no document, no name and no key, only signatures, positions and hashes; whoever gets it learns the ids of the workspace and of
/// its log, and of one device.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  bowline workspace evidence
  bowline workspace evidence --export evidence.json
  bowline evidence verify evidence.json     on any machine")]
pub(crate) struct Evidence {
    /// Write every proof that convinces others into this file
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    proofs: Vec<Proof>,
    exported: Option<String>,
}

#[derive(Serialize)]
struct Proof {
    /// What it shows, in words.
    shows: String,
    /// Since when this device has it, in milliseconds since 1970.
    at: u64,
    /// Whether it keeps this device from sending.
    counts: bool,
    /// What it proves to others; nothing if it convinces this device alone.
    proves: Option<Shown>,
}

impl Evidence {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let caught = here.device.caught(workspace)?;
        let provable: Vec<_> = caught.iter().filter_map(|it| it.evidence.as_ref()).collect();
        let provable: Vec<_> = provable.into_iter().filter_map(|it| Some((it, it.verify().ok()?))).collect();
        if let Some(path) = &self.export {
            if provable.is_empty() {
                return Err(CommandError::new(
                    ErrorCode::NotEvidence,
                    "There is nothing that would prove anything to others",
                ));
            }
            files::write_new(path, file_of(&provable).as_bytes())?;
            invocation.say(format_args!("{}", written(path)));
        }
        let exported = self.export.map(|path| path.display().to_string());
        invocation.answer(&Answer { proofs: caught.iter().map(Proof::from).collect(), exported })
    }
}

impl From<&Caught> for Proof {
    fn from(caught: &Caught) -> Self {
        let proven = caught.evidence.as_ref().and_then(|it| Some(Shown::new(it, &it.verify().ok()?)));
        Self {
            shows: no_connection(&LineFailure::plain(caught.shows)),
            at: caught.at.0,
            counts: caught.counts,
            proves: proven,
        }
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.proofs.is_empty() {
            return writeln!(f, "This workspace's relay was caught at nothing.");
        }
        for proof in &self.proofs {
            let since = moment(bowline_engine::ids::Millis(proof.at));
            let counts = if proof.counts { "" } else { " It was set aside since." };
            writeln!(f, "{since}: {}.{counts}", proof.shows)?;
            match &proof.proves {
                Some(proven) => writeln!(f, "  {proven}")?,
                None => writeln!(f, "  This convinces this device alone.")?,
            }
        }
        Ok(())
    }
}
