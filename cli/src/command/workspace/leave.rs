//! `bowline workspace leave`: this device goes, or the person with all devices, and the others are told.

use bowline_engine::Role;
use bowline_engine::device::WorkspaceStatus;
use bowline_engine::ids::{DeviceId, UserId};
use clap::Args;

use crate::command::removal::{self, Said};
use crate::error::{CommandError, ErrorCode, HAND_OVER_FIRST};
use crate::invocation::Invocation;
use crate::text::count;
use crate::workspaces;

/// Leave a workspace
///
/// This device goes, or with --all-devices every device of yours. What is on it stays on it; what is written from then on cannot be read
/// there. With your last device you have left: only a new invite brings you back, as somebody new.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace leave
  bowline workspace leave Home --all-devices")]
pub(crate) struct Leave {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
    /// With all your devices
    #[arg(long)]
    all_devices: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Who goes.
struct Going {
    is_owner: bool,
    /// How many devices the person has in the workspace.
    devices: usize,
    /// Whether anybody else is in it.
    has_others: bool,
    /// Whether a recovery phrase of this person's is in, which stays once it has been in for a week.
    has_phrase: bool,
}

impl Leave {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        let this = here.device.id_in(workspace);
        let going = Going::of(&here.device.status(workspace)?, this, here.device.own_user(workspace)?);
        let is_last = self.all_devices || going.devices < 2;
        let is_gone = is_last && !going.has_phrase;
        if is_last && going.is_owner {
            return Err(owner_stays(going.has_others));
        }
        let name = workspaces::label(&here.device, workspace);
        let outstanding = here.device.outstanding(workspace)?;
        if outstanding.queued > 0 {
            let n = count(outstanding.queued, "document");
            invocation.warn(format_args!("others will never see what is queued for workspace {name}: {n}"));
        }
        let question = match (is_last, going.devices) {
            (false, _) => format!("Take this device out of workspace {name}?"),
            (true, 0 | 1) => format!("Leave workspace {name}? This is your last device in it"),
            (true, devices) => format!("Leave workspace {name} with all your {devices} devices?"),
        };
        invocation.confirm(self.yes, &question)?;
        here.device.leave(workspace, self.all_devices, invocation.now())?;
        here.wake();
        let who = match (is_gone, self.all_devices) {
            (true, _) => "You have",
            (false, true) => "Your devices have",
            (false, false) => "This device has",
        };
        let phrase = if is_last && going.has_phrase {
            " A recovery phrase of yours that has been in for a week stays in: it brings you back, and who has it reads on."
        } else {
            ""
        };
        let said = Said::stopping(
            format!("{who} left workspace {name}. What is here stays here.{phrase}"),
            format!("Leaving workspace {name}"),
        );
        removal::carry_out(invocation, &mut here, workspace, &said)?;
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "left": match (is_gone, self.all_devices) {
                (true, _) => "user",
                (false, true) => "devices",
                (false, false) => "device",
            },
        }))
    }
}

impl Going {
    fn of(status: &WorkspaceStatus, this: DeviceId, own: UserId) -> Self {
        let active = || status.members.iter().filter(|member| member.active);
        Self {
            is_owner: active().any(|it| it.device == this && it.role == Some(Role::Owner)),
            devices: active().filter(|it| it.user == own && !it.recovery).count(),
            has_phrase: active().any(|it| it.user == own && it.recovery),
            has_others: active().any(|it| it.user != own),
        }
    }
}

/// The Owner cannot leave: nobody could invite or remove people any more.
fn owner_stays(has_others: bool) -> CommandError {
    let error = CommandError::new(ErrorCode::LastOwnerDevice, "The owner cannot leave the workspace");
    if has_others {
        error.hint(HAND_OVER_FIRST)
    } else {
        error.hint("nobody else is in it: `bowline workspace forget` takes it off this device")
    }
}
