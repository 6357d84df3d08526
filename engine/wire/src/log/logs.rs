//! The logs that signed a workspace's log one after the other, and which of them signed a head that an entry names.

use crate::head::{Seen, SeenHead};
use crate::ids::{LogId, Position, WorkspaceId};
use crate::successor::Succession;

/// Every log by which a workspace's log was signed: those that were continued, first one first, and the one that signs now.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    /// Each log that was continued, with the place up to which it holds. These never go down.
    earlier: Vec<(LogId, Position)>,
    now: LogId,
}

/// A head that an entry names, and which log it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed {
    /// The head with its log.
    pub(super) head: SeenHead,
    /// The number of its log, from 0. A later log's heads are never less than an earlier one's.
    pub(super) log: u64,
    /// Where the head is in the log as it went on: the place where its own log was continued, if it is beyond.
    pub(super) place: Position,
}

impl Signed {
    /// Whether it names what was lost when its log was continued.
    pub(super) fn is_lost(&self) -> bool {
        self.place < self.head.position
    }

    /// What whoever names it knew of the log as it went on.
    pub(super) fn knew(&self) -> Knew {
        Knew { end: self.is_lost().then_some(self.place) }
    }
}

/// What the author of an entry knew of the log as it went on: all that they name, or no more than up to the place where what they had seen ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knew {
    /// Where the log that they had seen was continued, if they had seen more of it.
    end: Option<Position>,
}

impl Knew {
    /// Nothing that the author names was lost.
    pub(super) fn everything() -> Self {
        Self { end: None }
    }

    /// Where a position that the author names is in the log as it went on: what stands there behind the place where their log was continued is
    /// something else than what they mean.
    pub fn place_of(self, position: Position) -> Position {
        self.end.map_or(position, |end| end.min(position))
    }

    /// Whether what the author means by a position stands there.
    pub fn is_of(self, position: Position) -> bool {
        self.place_of(position) == position
    }
}

impl Logs {
    pub(super) fn new(now: LogId) -> Self {
        Self { earlier: Vec::new(), now }
    }

    pub(super) fn of(now: LogId, succession: &Succession) -> Self {
        let ended = |it: &crate::successor::Successor| (it.old, it.position);
        Self { earlier: succession.successors().map(ended).collect(), now: succession.last().unwrap_or(now) }
    }

    /// The log that signs now.
    pub(super) fn now(&self) -> LogId {
        self.now
    }

    /// The log that signed first.
    pub(super) fn first(&self) -> LogId {
        self.id(0)
    }

    /// How many logs were continued before the entry after `position` was appended. What was said of later ones could not be known
    /// then, so whoever takes the log in later does not ask it either.
    fn continued_by(&self, position: Position) -> usize {
        self.earlier.partition_point(|(_, end)| *end <= position)
    }

    fn id(&self, index: usize) -> LogId {
        self.earlier.get(index).map_or(self.now, |(log, _)| *log)
    }

    /// Where a log ends, if it was continued before the entry after `here` was appended.
    fn end(&self, index: usize, here: Position) -> Option<Position> {
        self.earlier.get(index).map(|(_, end)| *end).filter(|end| *end <= here)
    }

    fn signed(&self, index: usize, seen: Seen, here: Position) -> Signed {
        let place = self.end(index, here).map_or(seen.position, |end| end.min(seen.position));
        Signed { head: seen.of(self.id(index)), log: index as u64, place }
    }

    /// Which log's head an entry after `here` names; `None` if none of them has signed it. `before` is the head that the last entry of
    /// its chain names, with the number of its log: its signature was checked then.
    ///
    /// As long as no log was continued there is one that it can be of, and the signature is for the caller to check.
    pub(super) fn find(
        &self,
        workspace: WorkspaceId,
        seen: Seen,
        before: Option<(u64, Seen)>,
        here: Position,
    ) -> Option<Signed> {
        let continued = self.continued_by(here);
        if continued == 0 {
            return Some(self.signed(0, seen, here));
        }
        if let Some((log, _)) = before.filter(|(_, before)| *before == seen) {
            return Some(self.signed(usize::try_from(log).ok()?, seen, here));
        }
        // The log that held where the head is comes first: nearly all heads are of it.
        let likely = self.earlier.partition_point(|(_, end)| *end < seen.position).min(continued);
        let others = (0..=continued).rev().filter(|index| *index != likely);
        let is_by = |index: &usize| seen.of(self.id(*index)).verify(workspace).is_ok();
        std::iter::once(likely).chain(others).find(is_by).map(|index| self.signed(index, seen, here))
    }

    /// Whether the signature under a head that [`Self::find`] gave is still to be checked.
    pub(super) fn is_unchecked(&self, here: Position) -> bool {
        self.continued_by(here) == 0
    }
}
