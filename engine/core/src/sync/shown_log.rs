//! A relay's log beside the one that is known here: where the two part, and what of ours can stand in it. It changes nothing before a
//! person has decided to go on with it.

use std::collections::BTreeSet;

use bowline_wire::entry::Entry;
use bowline_wire::head::{Head, Seen, SeenHead};
use bowline_wire::header::Header;
use bowline_wire::ids::{ChainKey, EntryId, LogHash, Moment, Position, WorkspaceId};
use bowline_wire::roster::Roster;
use bowline_wire::successor::{Succession, Successor};

/// How a person goes on with a relay's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingOn {
    /// With the log as it is: nothing that it lacks is sent again.
    Accept,
    /// What the log lacks and can hold is sent again in the old order.
    Repair,
}

/// Where a log is cut, and what it goes on as.
#[derive(Clone, Debug)]
pub struct Cut {
    /// By which the log came to be signed by its key.
    pub succession: Succession,
    /// Up to where everything stays as it is here.
    pub at: Position,
    /// The log hash there.
    pub hash: LogHash,
    /// The relay's head.
    pub head: SeenHead,
}

/// A relay's log as a survey has found it, verified up to its signed head.
#[derive(Clone, Debug)]
pub struct ShownLog {
    pub(super) workspace: WorkspaceId,
    /// What was known here then.
    pub(super) here: Head,
    /// The last place at which both logs are the same.
    pub(super) parting: Position,
    pub(super) cut: Cut,
    /// The entries behind the parting.
    pub(super) has: BTreeSet<EntryId>,
    /// Those of them that are roster records, with their places.
    pub(super) records: Vec<(Moment, Entry)>,
}

/// What becomes of an entry that stands behind the place where a log is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The log has it as well, if at another place.
    Comes,
    /// The log lacks it, and may take it as it is.
    Again,
    /// The log lacks it, and is not offered it.
    Lost,
}

impl ShownLog {
    /// Where our log is cut, and what it goes on as.
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// What was known here when the relay was asked.
    pub fn here(&self) -> &Head {
        &self.here
    }

    /// The last place at which both logs are the same.
    pub fn parting(&self) -> Position {
        self.parting
    }

    /// How many entries the relay's log has behind the place where the two part.
    pub fn others(&self) -> usize {
        self.has.len()
    }

    /// Whether all that is known here is in the relay's log, and continued by the same logs as is known here.
    pub fn continues(&self, known: &Succession) -> bool {
        self.cut.at == self.here.position && self.cut.succession == *known
    }

    /// Who is in the workspace at the relay's head, by the roster at the place where the two logs part. The cut may be below that: two
    /// ways in which a log goes on may hold the same entries for a while.
    pub fn roster(&self, at_parting: Roster) -> Roster {
        let mut roster = at_parting;
        for (at, entry) in &self.records {
            roster.apply_entry(*at, entry);
        }
        roster
    }

    /// Begins to sort the entries of our log that stand behind the cut.
    pub fn sort(&self, how: GoingOn) -> Sorting<'_> {
        Sorting { log: self, how, ended: BTreeSet::new() }
    }

    /// Whether an entry of this log may name a head: one that is in it, or beyond the end of a log that it continues. One that its own
    /// key has signed for another branch would have an honest relay believe that it had lost something.
    fn may_name(&self, seen: Option<Seen>) -> bool {
        let Some(seen) = seen else {
            return true;
        };
        let is_by = |log| seen.of(log).verify(self.workspace).is_ok();
        if is_by(self.cut.head.log) {
            return seen.position <= self.parting;
        }
        let end = self.cut.succession.successors().find(|it| is_by(it.old)).map(|it| it.position);
        end.is_some_and(|end| seen.position <= self.parting || seen.position > end)
    }
}

/// Sorts the entries of our log that stand behind a cut, in the old order.
#[derive(Debug)]
pub struct Sorting<'l> {
    log: &'l ShownLog,
    how: GoingOn,
    /// Chains of which something is lost: nothing follows that.
    ended: BTreeSet<ChainKey>,
}

impl Sorting<'_> {
    /// What becomes of the next entry, which stood at this position.
    pub fn fate(&mut self, position: Position, id: EntryId, header: &Header) -> Fate {
        if position <= self.log.parting || self.log.has.contains(&id) {
            return Fate::Comes;
        }
        let may_come = self.how == GoingOn::Repair
            && !self.ended.contains(&header.chain())
            && self.log.may_name(header.seen);
        if may_come {
            return Fate::Again;
        }
        self.ended.insert(header.chain());
        Fate::Lost
    }
}

/// The place up to which two ways in which a log was continued agree; `None` if they are the same.
pub(super) fn agree_up_to(ours: &Succession, theirs: &Succession) -> Option<Position> {
    let (mut ours, mut theirs) = (ours.successors(), theirs.successors());
    loop {
        let place = |it: Option<&Successor>| it.map(|it| it.position);
        match (ours.next(), theirs.next()) {
            (None, None) => return None,
            (one, other) if one == other => {}
            (one, other) => return place(one).into_iter().chain(place(other)).min(),
        }
    }
}
