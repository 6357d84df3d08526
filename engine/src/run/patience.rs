//! How long a process that syncs waits for a relay that answers, and does not do what it is asked.

use std::collections::BTreeMap;

use bowline_wire::ids::{Millis, Position, WorkspaceId};

use crate::device::Outstanding;
use crate::{Device, Error};

/// Milliseconds without any change after which a relay that answers counts as one that does not do what it is asked. Twice
/// what the largest frame takes on the slowest line that is of use: less would give up lines that are only slow.
const STALLED: u64 = 60_000;

/// Milliseconds for which nothing can be sent before whoever waits for a decision is told so: what passes by itself passes
/// sooner, and a person does not wait longer without a word.
const HELD: u64 = 4_000;

/// What changes while a relay does what it is asked.
type Mark = ((Position, usize), Outstanding);

/// What a process that waits has seen of the workspaces it waits for.
#[derive(Debug, Default)]
pub(super) struct Patience {
    marks: BTreeMap<WorkspaceId, (Mark, Millis)>,
    held: Option<Millis>,
}

impl Patience {
    /// Whether nothing has changed in a workspace for so long that waiting is in vain, although its line is up.
    pub(super) fn is_over(
        &mut self,
        device: &Device,
        workspace: WorkspaceId,
        now: Millis,
    ) -> Result<bool, Error> {
        let mark = (device.progress(workspace)?, device.outstanding(workspace)?);
        let (seen, since) = self.marks.entry(workspace).or_insert((mark, now));
        if *seen != mark {
            (*seen, *since) = (mark, now);
        }
        Ok(now.since(*since) >= STALLED)
    }

    /// Notes that a workspace has no line at the moment.
    pub(super) fn forget(&mut self, workspace: WorkspaceId) {
        self.marks.remove(&workspace);
    }

    /// Notes whether nothing can be sent at the moment in the workspace in which something is waited for; true if that has been so
    /// for a while.
    pub(super) fn is_held(&mut self, holds: bool, now: Millis) -> bool {
        self.held = holds.then(|| self.held.unwrap_or(now));
        self.held.is_some_and(|since| now.since(since) >= HELD)
    }

    /// When there is something to decide, if nothing changes until then.
    pub(super) fn due(&self) -> Option<Millis> {
        let stalled = self.marks.values().map(|(_, since)| since.plus(STALLED));
        stalled.chain(self.held.map(|since| since.plus(HELD))).min()
    }
}
