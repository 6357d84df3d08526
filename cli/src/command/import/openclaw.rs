//! `bowline import openclaw`: adopts what OpenClaw has on this machine.

use std::path::PathBuf;

use bowline_engine::device::{DryRun, ImportTarget};
use bowline_import::openclaw::{self, NotFound, Options, StateDir};
use clap::Args;

use super::lock::lock;
use super::shown::{Mode, Shown, queued};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::show_path;

/// Import what OpenClaw has on this machine
///
/// Brings in sessions as conversations, line by line as they are; workspaces as agents with their files; skills; and what
/// agents know about you, which stays on this device even when you share the rest. Secrets are never imported: each is named,
/// so that you can set it again where you need it. OpenClaw may go on running, and its files are only read. Run it again
/// later for what is new since. It ends with 10 if something could not be read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline import openclaw
  bowline import openclaw /media/old-laptop/.openclaw
  bowline import openclaw --dry-run      see what it would come to
  bowline import openclaw --verbose      name everything that is left out, and why")]
pub(crate) struct Openclaw {
    /// OpenClaw's state directory [default: found as OpenClaw does: `$OPENCLAW_STATE_DIR`, `~/.openclaw`]
    dir: Option<PathBuf>,
    /// Also read workspaces that its settings name outside of DIR
    ///
    /// Without DIR they are read anyway; with it, they may be something else on this machine.
    #[arg(long, requires = "dir")]
    outside: bool,
    /// Show what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Openclaw {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let found = if let Some(dir) = &self.dir {
            StateDir::at(dir)
        } else {
            let home = (invocation.host.env)("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
            StateDir::find(&*invocation.host.env, home.as_deref())
        };
        let state = found.map_err(not_found)?;
        let mut here = invocation.open()?;
        let clock = std::sync::Arc::clone(&invocation.host.clock);
        let options = Options { outside: self.outside };
        let import = |target: &mut dyn ImportTarget, shown: &mut Shown<'_, '_>| {
            let report = openclaw::import(target, &state, &options, &*clock, &mut |event| shown.show(event));
            shown.stopped_or(report)
        };
        if self.dry_run {
            let mut shown = Shown::begin(invocation, show_path(state.path()), Mode::DryRun);
            let report = import(&mut DryRun::of(&here.device), &mut shown)?;
            return shown.end_dry_run(report);
        }
        let _lock = lock(&here)?;
        let waiting = queued(&here)?;
        let mut shown = Shown::begin(invocation, show_path(state.path()), Mode::Import);
        let report = import(&mut here.device, &mut shown)?;
        here.wake();
        shown.end(&here, &waiting, report)
    }
}

fn not_found(error: NotFound) -> CommandError {
    match error {
        NotFound::Nowhere(looked) => {
            let looked: Vec<String> = looked.iter().map(|path| show_path(path)).collect();
            CommandError::new(ErrorCode::NoOpenclaw, "There is no OpenClaw state directory on this machine").hint(
                format!(
                    "looked for {}; say where it is: `bowline import openclaw DIR`, or set OPENCLAW_STATE_DIR",
                    looked.join(", ")
                ),
            )
        }
        NotFound::NoFolder(path) => {
            CommandError::new(ErrorCode::NoOpenclaw, format!("{} is not a folder", show_path(&path)))
                .hint("say where OpenClaw's state directory is: `bowline import openclaw DIR`")
        }
        NotFound::NotOpenClaws(path) => {
            let message = format!("{} is not a state directory of OpenClaw", show_path(&path));
            CommandError::new(ErrorCode::NoOpenclaw, message).hint(
                "it has neither openclaw.json nor agents/ in it; for single files there is `bowline import jsonl FILE`",
            )
        }
        NotFound::NoHome => {
            CommandError::new(ErrorCode::NoOpenclaw, "It is not known where this user's home is")
                .hint("say where OpenClaw's state directory is: `bowline import openclaw DIR`")
        }
    }
}
