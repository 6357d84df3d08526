//! `bowline workspace rejoin`: comes back into a workspace from which this device was removed.

use bowline_engine::CodeKind;
use bowline_engine::ids::DocId;
use clap::Args;

use crate::command::join::{CameIn, answer, bring_what_is_there, come_in, read_code, show};
use crate::documents::{self, KINDS};
use crate::error::{CommandError, ErrorCode, join_failed};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::secret_argument::Asked;
use crate::syncing;
use crate::text::count;

const CODE: Asked = Asked {
    what: "The code",
    prompts: "bowline workspace rejoin",
    reads: "bowline workspace rejoin - --yes",
};

/// Come back into a workspace from which this device was removed
///
/// A key that was removed never comes back, so this device draws a new one, for this workspace only. Everything that is on
/// this device stays, and what was written here meanwhile goes to the others.
#[derive(Args, Debug)]
pub(crate) struct Rejoin {
    /// A new code for the workspace; `-` reads it from stdin [default: asks]
    code: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Rejoin {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut code = read_code(invocation, self.code.as_deref(), CODE)?;
        let mut here = invocation.open()?;
        let workspace = code.workspace;
        let is_known = here.device.workspaces().any(|known| known == workspace);
        if is_known && !here.device.membership(workspace)?.is_over() {
            return Err(bowline_engine::Error::AlreadyThere.into());
        }
        if let Some(other) = here.device.other_draft(workspace) {
            return Err(bowline_engine::Error::OtherDraft(workspace, other).into());
        }
        let shown = show(invocation, &mut here, &mut code)?;
        invocation.confirm(self.yes, "Come back under a new key?")?;
        let theirs = documents_of(&here, workspace)?;
        if is_known {
            here.device.set_connected(workspace, false)?;
            syncing::wait_until_closed(&here.home, &here.device, workspace)?;
        }
        here.device.rejoin(&code, invocation.now())?;
        match come_in(invocation, &mut here, workspace) {
            Ok(CameIn::Member) => {}
            Ok(CameIn::KeySpent) => return Err(join_failed(&bowline_engine::JoinFailed::KeySpent)),
            Err(error) if theirs.is_empty() => return Err(error),
            Err(error) => {
                return Err(error.hint("its documents are on this device, in no workspace: once you are in, `bowline share ID` puts them back"));
            }
        }
        answer(invocation, &here, &code, &shown)?;
        here.wake();
        bring_what_is_there(invocation, &mut here, workspace)?;
        put_back(invocation, &mut here, workspace, &theirs)?;
        if code.kind == CodeKind::Link {
            bring_what_is_there(invocation, &mut here, workspace)
        } else {
            Ok(())
        }
    }
}

/// The documents that this device has of a workspace, but for those that a person keeps here and those of which something was
/// only here: that stays until it is shared.
fn documents_of(
    here: &Opened,
    workspace: bowline_engine::ids::WorkspaceId,
) -> Result<Vec<DocId>, CommandError> {
    let mut ids = Vec::new();
    for kind in KINDS.iter().copied() {
        let rows = documents::listed(&here.device, kind, false)?;
        ids.extend(
            rows.into_iter()
                .filter(|row| row.workspace == Some(workspace) && !row.kept && !row.only_here.is_some())
                .map(|row| row.id),
        );
    }
    Ok(ids)
}

/// Puts what was of the workspace back into it; says what has to be put back by hand.
fn put_back(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: bowline_engine::ids::WorkspaceId,
    theirs: &[DocId],
) -> Result<(), CommandError> {
    let now = invocation.now();
    let mut left = Vec::new();
    for id in theirs {
        match here.device.share(*id, workspace, now) {
            Ok(_) | Err(bowline_engine::Error::NoDocument(_)) => {}
            Err(error) => {
                let error = CommandError::from(error);
                invocation.warn(format_args!("{id}: {}", error.message));
                left.push(*id);
            }
        }
    }
    if left.is_empty() {
        return syncing::after_change(invocation, here, workspace);
    }
    let first: Vec<String> = left.iter().take(8).map(ToString::to_string).collect();
    Err(CommandError::new(
        ErrorCode::RejoinIncomplete,
        format!("{} stayed on this device only", count(left.len(), "document")),
    )
    .hint(format!("`bowline share ID` puts them in: {}", first.join(" "))))
}
