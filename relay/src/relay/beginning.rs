//! A workspace of which this relay has lost everything, the log's key included: made again by a device that has its log, it goes on under
//! another key from the very beginning, and whoever holds the log brings it back.

use bowline_wire::frame::{Create, Party, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogId, Position, WorkspaceId};
use bowline_wire::successor::{SaidSuccessor, Succession};

use super::Relay;
use crate::config::BROUGHT_BACK_WITHIN;
use crate::keys::LogKey;
use crate::session::Greeting;
use crate::storage::{Admission, Storage, roster};
use crate::workspace::Denial;

impl<S: Storage> Relay<S> {
    /// Says that the log of the shown head begins again under `key`, and the logs before it with it. Whether they were ever this relay's
    /// nobody here can know: the entries that are brought name heads of them, and devices follow none but theirs.
    pub(super) fn begin_again(
        &self,
        workspace: WorkspaceId,
        (before, shown): (&[SeenHead], &SeenHead),
        key: &LogKey,
    ) -> Result<Vec<SaidSuccessor>, Denial> {
        let unsigned = |_| Denial::new(Reason::BadProof, "the head does not verify");
        let mut logs = Vec::with_capacity(before.len() + 2);
        for head in before.iter().chain([shown]) {
            logs.push(head.verify(workspace).map_err(unsigned)?.value().log);
        }
        logs.push(key.id());
        let begins = |pair: &[LogId]| match pair {
            [old, new] => self.identity.sign_beginning(workspace, *old, *new).map_err(unsigned),
            _ => Err(Denial::new(Reason::Storage, "a log without one before it")),
        };
        logs.windows(2).map(begins).collect()
    }

    /// Whether a device that is in no record may bring back what a log had before it was begun again. It has been let in before, as a
    /// head of the log shows, which nobody else has seen; or it might have begun the log itself.
    pub(super) fn may_bring_back(
        &mut self,
        greeting: &Greeting,
        found: &Admission,
        create: Option<&Create>,
        shown: Option<SeenHead>,
    ) -> Result<bool, Denial> {
        let workspace = greeting.workspace;
        let (Party::Device(_), Some(shown)) = (greeting.party, shown) else { return Ok(false) };
        if shown.verify(workspace).is_err() {
            return Ok(false);
        }
        // Two look-ups, and nothing is loaded for a stranger.
        let Some(stored) = self.storage.log(workspace)? else { return Ok(false) };
        let succession = Succession::stored(workspace, &stored.successors).unwrap_or_default();
        let Some(goes_on) = succession.begun_again().map(|it| it.new) else { return Ok(false) };
        let mut lost = succession.successors().take_while(|it| it.old != goes_on).map(|it| it.old);
        let began = roster::time_of(&self.storage, workspace, Position::START.next())?.unwrap_or_default();
        if self.clock.since(began.millis()) > BROUGHT_BACK_WITHIN {
            return Ok(false);
        }
        match create {
            _ if shown.log == found.log => Ok(true),
            Some(create) if lost.any(|log| log == shown.log) => {
                self.may_register(&create.token).map(|()| true)
            }
            _ => Ok(false),
        }
    }
}
