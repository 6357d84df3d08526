//! `bowline sync`: sends what is queued and brings what others wrote.

use std::fmt;
use std::time::Duration;

use bowline_engine::Device;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::{Goal, Standing};
use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, ErrorCode, Kind, other_draft};
use crate::invocation::Invocation;
use crate::logging::WatchLog;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::text::count;
use crate::workspaces::{WorkspaceNames, label};

/// How long a process that watches waits after its disk or database failed: somebody has to make room, and notices a
/// minute less than a message that came.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Send what is queued and bring what others wrote
///
/// Ends once everything is on the relay and everything of the relay's is here. With --watch it goes on until it is
/// stopped, connects again whenever the connection is lost, and takes what other commands write.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline sync\n  bowline sync --watch")]
pub(crate) struct Sync {
    /// Go on until stopped
    #[arg(long)]
    watch: bool,
    /// Go on with a log whose time is more than a day ahead of this device's clock
    #[arg(long)]
    accept_time: bool,
}

#[derive(Serialize)]
struct Synced {
    workspaces: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    workspace: String,
    #[serde(skip)]
    label: String,
    synced: bool,
    queued: usize,
    on_its_way: usize,
    undecided: usize,
    /// Why it is not, as the word of an error.
    code: Option<&'static str>,
    message: Option<String>,
}

impl Sync {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        if self.accept_time {
            accept_times(&mut here.device, invocation.now())?;
        }
        if self.watch {
            return watch(invocation, &mut here);
        }
        let wanted = wanted(&here.device)?;
        let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
        let reached = syncing::reach(invocation, &mut here, Goal::Synced, progress)?;
        if reached.finished.stopped {
            return Err(syncing::interrupted());
        }
        let mut rows = Vec::new();
        let mut failed = Vec::new();
        for workspace in &wanted {
            let standing = reached.finished.workspaces.get(workspace);
            let why = standing.and_then(syncing::standing_error);
            rows.push(row(&here.device, *workspace, (standing, why.as_ref()))?);
            failed.extend(why.map(|why| (label(&here.device, *workspace), why)));
        }
        let synced = rows.iter().filter(|row| row.synced).count();
        match outcome(invocation, failed, (synced, wanted.len())) {
            Some(error) => {
                if synced > 0 || invocation.is_json() {
                    invocation.answer(&Synced { workspaces: rows })?;
                }
                Err(error)
            }
            None => invocation.answer(&Synced { workspaces: rows }),
        }
    }
}

/// Lets through the time of every log that is too far ahead for a connection.
fn accept_times(device: &mut Device, now: Millis) -> Result<(), CommandError> {
    for workspace in device.workspaces().collect::<Vec<_>>() {
        if device.wants_connection(workspace)? {
            device.accept_time(workspace, now)?;
        }
    }
    Ok(())
}

/// Those that are to be connected; an error that says what to do if there are none.
fn wanted(device: &Device) -> Result<Vec<WorkspaceId>, CommandError> {
    let mut wanted = Vec::new();
    for workspace in device.workspaces() {
        if device.wants_connection(workspace)? {
            wanted.push(workspace);
        }
    }
    if !wanted.is_empty() {
        return Ok(wanted);
    }
    let drafts = device.workspaces().map(|workspace| device.other_draft(workspace));
    if let Some(other) = drafts.reduce(Option::and).flatten() {
        return Err(other_draft(other)); // all of them are of another version
    }
    Err(match device.workspaces().next() {
        None => CommandError::new(
            ErrorCode::NoWorkspace,
            "This device is in no workspace: there is nothing to sync with",
        )
        .hint("`bowline workspace create --relay ADDRESS` makes one; `bowline join CODE` joins another's"),
        Some(_) => CommandError::new(ErrorCode::NothingToSync, "No workspace is to be connected").hint(
            "`bowline status` says why; `bowline workspace connect` connects one that was disconnected",
        ),
    })
}

/// Goes on until it is stopped.
fn watch(invocation: &mut Invocation<'_>, here: &mut Opened) -> Result<(), CommandError> {
    let log = WatchLog::start(invocation, &here.home);
    tracing::dispatcher::with_default(&log.dispatch, || {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "begins to sync");
        if let Err(nothing) = wanted(&here.device) {
            tracing::warn!(why = %nothing, "there is nothing to connect; waits until there is");
        }
        let done = watch_on(invocation, here);
        match &done {
            Ok(()) => tracing::info!("stops syncing, as it was told to"),
            Err(error) => tracing::error!(%error, causes = ?error.causes, "stops syncing"),
        }
        done
    })
}

/// Syncs until it is stopped. What may pass, as a full disk does, is logged, and it tries again after a pause.
fn watch_on(invocation: &mut Invocation<'_>, here: &mut Opened) -> Result<(), CommandError> {
    loop {
        let progress = Progress::logged(WorkspaceNames::load(&here.device));
        let Err(mut error) = syncing::reach(invocation, here, Goal::Forever, progress) else {
            return Ok(());
        };
        loop {
            if error.kind() != Kind::Environment {
                return Err(error);
            }
            tracing::error!(%error, causes = ?error.causes, "syncing is interrupted and tried again");
            if syncing::pause(invocation, TRY_AGAIN)? {
                return Ok(());
            }
            // What the device believed to have stored may not be there: it starts from the database.
            match invocation.open() {
                Ok(opened) => {
                    *here = opened;
                    break;
                }
                Err(why) => error = why,
            }
        }
    }
}

fn row(
    device: &Device,
    workspace: WorkspaceId,
    (standing, why): (Option<&Standing>, Option<&CommandError>),
) -> Result<Row, CommandError> {
    let outstanding = device.outstanding(workspace)?;
    Ok(Row {
        workspace: workspace.to_string(),
        label: label(device, workspace),
        synced: matches!(standing, Some(Standing::Synced)),
        queued: outstanding.queued,
        on_its_way: outstanding.offered,
        undecided: outstanding.undecided,
        code: why.map(|why| why.code.word()),
        message: why.map(|why| why.message.clone()),
    })
}

/// The error of the command, or `None` if all is well. Which workspace is not in step, and why, is told of each: by the error if no
/// workspace is, and before it otherwise.
fn outcome(
    invocation: &mut Invocation<'_>,
    mut failed: Vec<(String, CommandError)>,
    (synced, of): (usize, usize),
) -> Option<CommandError> {
    if of > 1 {
        for (name, error) in &mut failed {
            error.message = format!("Workspace {name}: {}", error.message);
        }
    }
    if synced == 0 {
        let last = failed.pop();
        tell(invocation, &failed);
        return last.map(|(_, error)| error);
    }
    tell(invocation, &failed);
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!("{synced} of {of} workspaces synced; not synced: {}", names.join(", "));
    (!failed.is_empty()).then(|| CommandError::new(ErrorCode::SyncIncomplete, message))
}

fn tell(invocation: &mut Invocation<'_>, errors: &[(String, CommandError)]) {
    for (_, error) in errors {
        invocation.error(error);
    }
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.workspaces.as_slice() {
            [row] if row.synced => writeln!(f, "synced: everything is on the relay"),
            rows => rows.iter().try_for_each(|row| {
                if row.synced {
                    writeln!(f, "workspace {}: synced: everything is on the relay", row.label)
                } else {
                    write!(f, "workspace {}: not synced", row.label)?;
                    match (row.queued.max(row.on_its_way), row.undecided) {
                        (0, 0) => writeln!(f),
                        (0, n) => writeln!(f, ": {} not yet in force", count(n, "decision")),
                        (n, _) => writeln!(f, ": {} queued", count(n, "document")),
                    }
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_workspace_that_is_not_synced_is_told_what_waits_and_never_that_nothing_does() {
        let row = |queued, undecided| Row {
            workspace: String::new(),
            label: "Family (3fa9)".to_owned(),
            synced: false,
            queued,
            on_its_way: 0,
            undecided,
            code: None,
            message: None,
        };
        let told = |queued, undecided| Synced { workspaces: vec![row(queued, undecided)] }.to_string();
        assert_eq!(told(0, 0), "workspace Family (3fa9): not synced\n");
        assert_eq!(told(2, 0), "workspace Family (3fa9): not synced: 2 documents queued\n");
        assert_eq!(told(0, 1), "workspace Family (3fa9): not synced: 1 decision not yet in force\n");
    }
}
