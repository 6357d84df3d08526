//! `bowline workspace move`: the workspace's relay is at another address, or the workspace goes on at another relay.

use bowline_engine::device::{Looking, Token};
use bowline_engine::ids::{Millis, Position, WorkspaceId};
use bowline_engine::intent::Decision;
use bowline_engine::run::{Goal, LineStage, Looked};
use bowline_engine::transport::Address;
use bowline_engine::{Deed, Device, GoingOn, LinkState, Reason, ShownLog, SurveyFailed};
use clap::Args;

use super::going_on::look_once;
use crate::error::{CommandError, ErrorCode, survey_failed};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::secret_argument::{self, Asked};
use crate::syncing;
use crate::workspaces::{self, WorkspaceNames, relay_for_people};

const ADDRESS: Asked =
    Asked { what: "The address", prompts: "bowline workspace move", reads: "bowline workspace move -" };

/// Move a workspace to another relay, or say that its relay moved
///
/// For a relay that has another host, port, path or certificate and still has its data: each device of the workspace has to be told.
/// Everything that is queued stays queued, and documents stay where they are. A relay that shows another log of the workspace is refused.
///
/// At a relay that does not have the workspace the owner makes it there, after a question, with all that is known here: then every other
/// device follows by itself once it has heard of it from the relay before, or when this command names it the address. A relay that takes
/// new workspaces only with a token has it in its address. Codes that are open are closed: they lead to the relay before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace move wss://relay.example:8787#key=…
  bowline workspace move wss://relay.example:8787#key=…,token=…       the workspace goes to another relay
  bowline workspace move ADDRESS --relay-is-gone                      and the one before does not answer any more")]
pub(crate) struct Move {
    /// The relay's address now; `-` reads it from stdin
    address: Option<String>,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// The relay before is gone for good: do not wait for it. The other devices hear nothing from it, and have to be told the address
    #[arg(long)]
    relay_is_gone: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What became of looking at the other address.
enum Found {
    /// The relay that is known here, as far as anybody can tell: the address is stored, and the line will say more.
    ThisRelay,
    /// The workspace is there, as the Owner has said in its log, or has to be told there.
    Moved(Box<ShownLog>),
    /// The workspace is begun there, and no word of the Owner's says so yet.
    ToBeMoved(Box<ShownLog>),
}

impl Move {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let typed = secret_argument::read(invocation, self.address.as_deref(), ADDRESS)?;
        let (address, token) = typed.trim().parse::<Address>()?.into_parts();
        let token = || Token(token.as_ref().map(|token| token.as_str().to_owned()).unwrap_or_default());
        let address = address.to_text();
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let was_disconnected = here.device.is_disconnected(workspace)?;
        let is_moved = syncing::while_closed(invocation, &mut here, workspace, |invocation, here| {
            self.prepare(invocation, here, workspace, (&address, token(), was_disconnected))
        })?;
        let (name, place) = (workspaces::label(&here.device, workspace), relay_for_people(&address));
        let answer = serde_json::json!({
            "workspace": workspace.to_string(),
            "relay": address,
            "moved": is_moved,
        });
        if was_disconnected {
            invocation.say(format_args!(
                "Workspace {name} is on {place} from now on; `bowline workspace connect` connects it."
            ));
            return invocation.answer_in_json(&answer);
        }
        match connect(invocation, &mut here, workspace, is_moved) {
            // No record there names it yet, unless it made the workspace: what let it in comes with all the rest.
            Err(error) if is_moved && error.code == ErrorCode::NotAMember => {
                bring(invocation, &mut here, workspace, (&address, token()))?;
                connect(invocation, &mut here, workspace, is_moved)?;
            }
            connected => connected?,
        }
        let others = if is_moved {
            "Its other devices follow by themselves, or by `bowline workspace move` with its address"
        } else {
            "Tell its other devices"
        };
        invocation.say(format_args!(
            "Workspace {name} is on {place} from now on. {others}: `bowline workspace show` prints the address."
        ));
        invocation.answer_in_json(&answer)
    }

    /// Decides what the address means, and stores what follows from that. Whether the workspace goes on at another relay.
    fn prepare(
        &self,
        invocation: &mut Invocation<'_>,
        here: &mut Opened,
        workspace: WorkspaceId,
        (address, token, was_disconnected): (&str, Token, bool),
    ) -> Result<bool, CommandError> {
        let now = invocation.now();
        // Without a socket nobody can tell, and who is disconnected wants none.
        let found = if was_disconnected {
            Found::ThisRelay
        } else {
            self.look(invocation, here, workspace, (address, token))?
        };
        match found {
            Found::ThisRelay => {
                here.device.move_workspace(workspace, address, now)?;
                return Ok(false);
            }
            Found::Moved(shown) => {
                here.device.move_workspace(workspace, address, now)?;
                here.device.go_on_with(workspace, &shown, GoingOn::Repair, now)?;
            }
            Found::ToBeMoved(shown) => {
                decide(here, workspace, (address, &shown), now)?;
                if self.relay_is_gone {
                    here.device.move_workspace(workspace, address, now)?;
                    here.device.go_on_with(workspace, &shown, GoingOn::Repair, now)?;
                }
            }
        }
        Ok(true)
    }

    /// Looks at what the relay at the other address has of the workspace, and makes it there if that is to be.
    fn look(
        &self,
        invocation: &mut Invocation<'_>,
        here: &mut Opened,
        workspace: WorkspaceId,
        (address, token): (&str, Token),
    ) -> Result<Found, CommandError> {
        let status = here.device.status(workspace)?;
        let is_new = here.device.relay_address(workspace)? != address;
        if !is_new || status.signed.is_none() || status.membership.is_over() {
            return Ok(Found::ThisRelay);
        }
        let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
        let how = (workspace, &Looking::AsItIs, Some(address));
        let is_gone = match syncing::look(invocation, here, how, progress)? {
            Looked::Shown(shown) => {
                return shown_there(invocation, here, workspace, shown);
            }
            Looked::Stopped => return Err(syncing::interrupted()),
            Looked::Failed(SurveyFailed::Goodbye(Reason::NoWorkspace)) => true,
            Looked::Failed(SurveyFailed::Goodbye(Reason::NotAllowed)) => false,
            Looked::Failed(_) | Looked::NoLine(_) => return Ok(Found::ThisRelay),
        };
        let may = workspaces::check_may(&mut here.device, workspace, Deed::Move, invocation.now());
        match may {
            Ok(()) => {}
            Err(error) if is_gone => {
                let missing = "the relay at that address does not have this workspace".to_owned();
                return Err(CommandError { causes: vec![missing], ..error });
            }
            // What let this device in may still come back to the relay.
            Err(_) => return Ok(Found::ThisRelay),
        }
        if is_gone {
            let (before, place) =
                (relay_for_people(&here.device.relay_address(workspace)?), relay_for_people(address));
            let name = workspaces::label(&here.device, workspace);
            invocation.confirm(
                self.yes,
                &format!("Move workspace {name} from {before} to {place}, with all that is known here?"),
            )?;
        }
        match look_once(invocation, here, workspace, (&Looking::MadeAgain(token), Some(address)))? {
            Ok(shown) => shown_there(invocation, here, workspace, shown),
            Err(SurveyFailed::Goodbye(Reason::NotAllowed)) => Ok(Found::ThisRelay),
            Err(why) => Err(survey_failed(&why)),
        }
    }
}

/// Has the relay let this device bring all that is known here, by what the workspace was made there with.
fn bring(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (address, token): (&str, Token),
) -> Result<(), CommandError> {
    syncing::while_closed(invocation, here, workspace, |invocation, here| {
        let how = (&Looking::MadeAgain(token), Some(address));
        let shown = look_once(invocation, here, workspace, how)?.map_err(|why| survey_failed(&why))?;
        Ok(here.device.go_on_with(workspace, &shown, GoingOn::Repair, invocation.now())?)
    })
}

/// What a log means that a relay at another address has.
fn shown_there(
    invocation: &Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    shown: Box<ShownLog>,
) -> Result<Found, CommandError> {
    if shown.begun_again().is_none() || shown.cut().at > Position::START {
        return Ok(Found::ThisRelay);
    }
    if here.device.missing(workspace, &shown)?.is_moved_there {
        return Ok(Found::Moved(shown));
    }
    // Whoever may not say so waits for the owner's word; the line says what there is to do.
    let may = workspaces::check_may(&mut here.device, workspace, Deed::Move, invocation.now());
    Ok(if may.is_ok() { Found::ToBeMoved(shown) } else { Found::ThisRelay })
}

/// Stores the decision to move, unless that is decided or in force.
fn decide(
    here: &mut Opened,
    workspace: WorkspaceId,
    (address, shown): (&str, &ShownLog),
    now: Millis,
) -> Result<(), CommandError> {
    let Some(log) = shown.begun_again() else { return Ok(()) };
    let status = here.device.status(workspace)?;
    let is_in_force = status.moving.is_some_and(|to| to.log == log);
    let decisions = here.device.decisions(workspace)?;
    let is_decided = decisions.iter().any(|it| matches!(&it.decision, Decision::Move(to) if to.log == log));
    if is_in_force || is_decided {
        return Ok(());
    }
    let to = bowline_engine::Move {
        generation: status.moves,
        address: address.to_owned(),
        relay: shown.relay(),
        log,
    };
    Ok(here.device.decide(workspace, Decision::Move(to), now)?)
}

/// Waits until the relay has let this device in, and, if the workspace goes on there, has all that is known here.
fn connect(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    is_moved: bool,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut is_there = |device: &mut Device, _: Millis| {
        Ok(if is_moved { has_moved(device, workspace)? } else { is_up(device, workspace)? })
    };
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_there), progress)?;
    if let Some(error) = syncing::not_reached(&reached.finished, workspace) {
        let is_on_its_way = is_moved && here.device.outstanding(workspace)?.undecided > 0;
        return Err(error.hint(if is_on_its_way {
            "the move is decided, and the relay before has not heard of it: `bowline sync` goes on once it answers. If it is gone for good, \
             run this again with --relay-is-gone; `bowline workspace cancel` takes the move back"
        } else {
            "the workspace is to be found there from now on: if the address is wrong, run `bowline workspace move` with \
             another one. Nothing that is queued is lost"
        }));
    }
    if !here.device.wants_connection(workspace)? {
        return Err(CommandError::new(ErrorCode::NotAMember, "This device is not in the workspace any more"));
    }
    Ok(())
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

/// Whether the move is in force, and the relay has everything that is known here.
fn has_moved(device: &Device, workspace: WorkspaceId) -> Result<bool, bowline_engine::Error> {
    let status = device.status(workspace)?;
    Ok(is_up(device, workspace)?
        && status.moving.is_none()
        && status.sent_again == 0
        && status.undecided == 0)
}
