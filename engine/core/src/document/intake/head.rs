//! What stands before the operations of a raw change, and how much one entry may hold.

use std::collections::HashSet;

use super::cursor::{Column, ColumnList, Cursor, malformed};
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::Reason;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;
use crate::document::limits::{CHANGES_MAX, CONTENT_MAX, OP_COUNTER_MAX, OPS_MAX, REFERENCES_MAX};

/// What is left of an entry's limits.
pub(super) struct Budget {
    pub(super) changes: usize,
    pub(super) ops: u64,
    pub(super) references: u64,
    pub(super) text: u64,
}

impl Budget {
    pub(super) const fn of_one_entry() -> Self {
        Self {
            changes: CHANGES_MAX,
            ops: OPS_MAX as u64,
            references: REFERENCES_MAX as u64,
            text: CONTENT_MAX as u64,
        }
    }

    pub(super) fn spend(left: &mut u64, amount: u64, what: &'static str) -> Result<(), Reason> {
        *left = left.checked_sub(amount).ok_or(Reason::TooMany(what))?;
        Ok(())
    }
}

/// What stands before a change's columns.
pub(super) struct Head {
    pub(super) deps: Vec<ChangeHash>,
    pub(super) actor: ActorId,
    pub(super) seq: u64,
    pub(super) start_op: u64,
    others: Vec<ActorId>,
}

impl Head {
    pub(super) fn take(mut body: Cursor<'_>) -> Result<(Self, Vec<Column<'_>>), Reason> {
        let body = &mut body;
        let dep_count = body.length()?;
        if dep_count > body.len() / ChangeHash::LEN {
            return Err(malformed("dependencies"));
        }
        let deps = (0..dep_count)
            .map(|_| Ok(ChangeHash::from_bytes(body.array()?)))
            .collect::<Result<Vec<_>, Reason>>()?;
        if deps.iter().collect::<HashSet<_>>().len() < deps.len() {
            return Err(malformed("dependency listed twice"));
        }
        let actor = take_actor(body)?;
        let seq = body.unsigned()?;
        let start_op = body.unsigned()?;
        if !(1..=OP_COUNTER_MAX).contains(&seq) || !(1..=OP_COUNTER_MAX).contains(&start_op) {
            return Err(Reason::BrokenHistory("number beyond its limit"));
        }
        body.signed()?; // author time: a claim, for display
        if !body.prefixed()?.is_empty() {
            return Err(Reason::Unused("commit messages"));
        }
        let other_count = body.length()?;
        if other_count > body.len() / ActorId::LEN {
            return Err(malformed("actors"));
        }
        let others = (0..other_count).map(|_| take_actor(body)).collect::<Result<_, _>>()?;
        let columns = ColumnList::take(body)?.fill(body)?;
        if !body.is_empty() {
            return Err(Reason::Unused("author footers"));
        }
        Ok((Self { deps, actor, seq, start_op, others }, columns))
    }

    /// Only a built-in first change hangs on nothing, and its actor makes nothing else.
    pub(super) fn check_first_change(&self, kind: Kind, hash: ChangeHash) -> Result<(), Reason> {
        match self.actor.as_built_in() {
            None if self.deps.is_empty() => Err(Reason::NoFirstChange),
            None => Ok(()),
            Some(_) if hash == FirstChange::of(kind).hash() => Ok(()),
            Some((number, schema)) => Err(match Kind::from_number(number) {
                Some(other) if other.schema() == schema && other == kind => Reason::ForgedFirstChange,
                Some(other) if other.schema() == schema => Reason::WrongKind(number),
                _ => Reason::UnknownSchema { kind: number, schema },
            }),
        }
    }

    /// Actor 0 is the change's own, then come the others as listed.
    pub(super) fn actor(&self, index: u64) -> Result<ActorId, Reason> {
        match usize::try_from(index).ok().map(|index| index.checked_sub(1)) {
            Some(None) => Ok(self.actor),
            Some(Some(other)) => self.others.get(other).copied().ok_or(malformed("actor index")),
            None => Err(malformed("actor index")),
        }
    }
}

fn take_actor(body: &mut Cursor<'_>) -> Result<ActorId, Reason> {
    ActorId::from_slice(body.prefixed()?).ok_or(malformed("actor"))
}
