//! `bowline workspace move`: the workspace's relay is at another address.

use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::{Goal, LineStage};
use bowline_engine::transport::Address;
use bowline_engine::{Device, LinkState};
use clap::Args;

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::progress::Progress;
use crate::secret_argument::{self, Asked};
use crate::syncing;
use crate::workspaces::{self, WorkspaceNames, relay_for_people};

const ADDRESS: Asked =
    Asked { what: "The address", prompts: "bowline workspace move", reads: "bowline workspace move -" };

/// Say that a workspace's relay is at another address
///
/// For a relay that has another host, port, path or certificate and still has its data. Everything that is queued stays
/// queued, and documents stay where they are. A relay that shows another log of the workspace is refused. Each device of the
/// workspace has to be told; codes that were made before lead to the old address.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bowline workspace move wss://relay.example:8787#key=…")]
pub(crate) struct Move {
    /// The relay's address now; `-` reads it from stdin
    address: Option<String>,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Move {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let typed = secret_argument::read(invocation, self.address.as_deref(), ADDRESS)?;
        // A token would only be of use for making workspaces.
        let (address, _) = typed.trim().parse::<Address>()?.into_parts();
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let was_disconnected = here.device.is_disconnected(workspace)?;
        here.device.set_connected(workspace, false)?;
        syncing::wait_until_closed(&here.home, &here.device, workspace)?;
        here.device.move_workspace(workspace, &address.to_text(), invocation.now())?;
        let (name, place) =
            (workspaces::label(&here.device, workspace), relay_for_people(&address.to_text()));
        let answer = serde_json::json!({ "workspace": workspace.to_string(), "relay": address.to_text() });
        if was_disconnected {
            invocation.say(format_args!(
                "Workspace {name} is on {place} from now on; `bowline workspace connect` connects it."
            ));
            return invocation.answer_in_json(&answer);
        }
        here.device.set_connected(workspace, true)?;
        here.wake();
        let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
        let mut is_up = |device: &mut Device, _: Millis| is_up(device, workspace);
        let reached = syncing::reach(invocation, &mut here, Goal::Until(workspace, &mut is_up), progress)?;
        if let Some(error) = syncing::not_reached(&reached.finished, workspace) {
            return Err(error.hint(
                "the workspace is to be found there from now on: if the address is wrong, run `bowline workspace move` with \
                 another one. Nothing that is queued is lost",
            ));
        }
        if !here.device.wants_connection(workspace)? {
            return Err(CommandError::new(
                ErrorCode::NotAMember,
                "This device is not in the workspace any more",
            ));
        }
        invocation.say(format_args!(
            "Workspace {name} is on {place} from now on. Tell its other devices: `bowline workspace show` prints the address."
        ));
        invocation.answer_in_json(&answer)
    }
}

/// Whether the relay has let this device in, on a line of this process or of the one that syncs.
fn is_up(device: &Device, workspace: WorkspaceId) -> Result<bool, bowline_engine::Error> {
    if matches!(device.link_state(workspace)?, LinkState::CatchingUp { .. } | LinkState::Live) {
        return Ok(true);
    }
    let report = device.sync_report()?;
    let line = report.as_ref().and_then(|report| report.line(workspace));
    Ok(line.is_some_and(|line| matches!(line.stage, LineStage::CatchingUp | LineStage::Live)))
}
