//! How a device came out of a workspace, what waits for a relay's answer, and what a person can do about either, in words.

use bowline_engine::device::{LineReason, Membership, OtherDraft, WorkspaceStatus};
use bowline_engine::ids::{DeviceId, WorkspaceId};
use bowline_engine::intent::Decision;
use bowline_engine::{CodeKind, Device};

use crate::documents::workspace_prefix;
use crate::error::{relay_says, way_on};
use crate::time::moment;
use crate::workspaces::{Called, way_back};

/// How this device came out of the workspace; `None` while it is in or on its way.
pub(super) fn because(membership: &Membership, this: DeviceId, called: &Called) -> Option<String> {
    match membership {
        Membership::Creating | Membership::Joining | Membership::Member => None,
        Membership::OtherDraft(OtherDraft::Earlier) => {
            Some("an earlier version made this workspace, and with this one it is only read".to_owned())
        }
        Membership::OtherDraft(OtherDraft::Later) => {
            Some("a later version made this workspace, and with this one it is only read".to_owned())
        }
        Membership::NotLetIn => Some("the code did not let this device in".to_owned()),
        Membership::Removed(removal) => {
            let how = match removal.by {
                Some(by) if by == this => "this device has left the workspace".to_owned(),
                Some(by) => format!("this device was removed by {}", called.device(by)),
                None => "this device was removed, or has left".to_owned(),
            };
            Some(match removal.since {
                Some(since) => format!("{how}; known here since {}", moment(since)),
                None => how,
            })
        }
        Membership::TurnedAway(said) => {
            Some(format!("the relay says since {}: {}", moment(said.since), relay_says(said.reason)))
        }
    }
}

/// What a person can do, if something has to be done.
pub(super) fn way(status: &WorkspaceStatus, device: &Device, workspace: WorkspaceId) -> Option<String> {
    let name = workspace_prefix(device, workspace);
    if let Membership::OtherDraft(other) = status.membership {
        return Some(way_on(other, Some(&name)));
    }
    if status.membership.is_over() {
        return Some(way_back(&status.membership));
    }
    if matches!(status.membership, Membership::TurnedAway(_)) {
        return Some(format!(
            "ask the relay's operator; if it is at another address, `bowline workspace move ADDRESS`. If the workspace is gone, \
             `bowline workspace forget {name}` keeps its documents here, and `bowline share --all` puts them into a new one"
        ));
    }
    if let (true, Some(behind)) = (status.evidence.is_empty(), status.behind) {
        let keeps = format!(
            "if that is how it stays, `bowline workspace forget {name}` keeps every document on this device, and \
             `bowline share --all` puts them into a new workspace"
        );
        return Some(match behind.reason {
            LineReason::OtherLog => format!(
                "nothing is sent there and nothing here is lost: look whether the address is right, and if the relay has moved, \
                 `bowline workspace move ADDRESS`; {keeps}"
            ),
            LineReason::TimeAhead => format!(
                "nothing is sent there and nothing here is lost: if this device's clock is wrong, set it. If it is right, the relay's was                  ahead when it took what is on the log: tell its operator, and `bowline sync --accept-time` goes on all the same; {keeps}"
            ),
            _ => format!(
                "nothing is sent there and nothing here is lost: tell the relay's operator, who has to run `bowline-relay \
                 restore`. Then this device goes on by itself; {keeps}"
            ),
        });
    }
    (!status.evidence.is_empty()).then(|| {
        format!(
            "nothing here is lost: tell the relay's operator. `bowline workspace forget \
             {name}` keeps every document on this device; `bowline share --all` then puts them into a new workspace, or into \
             this one after `bowline join` with a new code"
        )
    })
}

/// What was decided.
pub(super) fn decided(decision: &Decision, called: &Called) -> String {
    match decision {
        Decision::Open { kind: CodeKind::Invite, .. } => "a new invite".to_owned(),
        Decision::Open { kind: CodeKind::Link, .. } => "a new link for a device".to_owned(),
        Decision::Close(CodeKind::Invite, _) => "closing an invite".to_owned(),
        Decision::Close(CodeKind::Link, _) => "closing a link".to_owned(),
        Decision::RemoveDevice(device) => format!("removing {}", called.device(*device)),
        Decision::RemoveMember(user) => format!("removing {} with all devices", called.user(*user)),
        Decision::Leave { whole_user: true } => "leaving with all devices".to_owned(),
        Decision::Leave { whole_user: false } => "leaving with this device".to_owned(),
    }
}
