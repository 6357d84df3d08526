//! One raw change, read by us before Automerge sees it: framing, bounds, who made it and on top of what.

use std::collections::HashSet;
use std::fmt;

use automerge::Change;

use super::Kind;
use super::actor::ActorId;
use super::cursor::{Chunk, ChunkType, Column, ColumnList, Cursor, malformed};
use super::first::FirstChange;
use super::guard::guarded;
use super::incoming::Reason;
use super::limits::{CHANGES_MAX, CONTENT_MAX, OP_COUNTER_MAX, OPS_MAX, REFERENCES_MAX};
use super::operations::{self, Operations};

/// A change: SHA-256 over its type, length and body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeHash([u8; 32]);

impl ChangeHash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes bytes as they are; a hash proves nothing by itself.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as heads and dependencies hold them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn to_automerge(self) -> automerge::ChangeHash {
        automerge::ChangeHash(self.0)
    }
}

impl fmt::Debug for ChangeHash {
    /// The first four bytes are enough to tell changes apart in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeHash(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// An operation: the actor that made it and its counter.
pub(super) type OpId = (ActorId, u64);

/// A change that is sound in itself. Whether it continues a history is for [`super::history`] to say.
pub(super) struct Vetted {
    pub(super) hash: ChangeHash,
    pub(super) actor: ActorId,
    pub(super) seq: u64,
    pub(super) start_op: u64,
    pub(super) max_op: u64,
    pub(super) deps: Vec<ChangeHash>,
    /// Operations of other changes that this one overwrites or writes into, each once and in order; the first change's
    /// left out.
    pub(super) refers_to: Vec<OpId>,
    /// The raw change. Automerge's own form of it is six times as large: it is made when it is needed.
    pub(super) bytes: Box<[u8]>,
}

/// What is left of an entry's limits.
pub(super) struct Budget {
    changes: usize,
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

impl Vetted {
    /// Takes one change off `input`.
    pub(super) fn take(kind: Kind, input: &mut Cursor<'_>, budget: &mut Budget) -> Result<Self, Reason> {
        budget.changes = budget.changes.checked_sub(1).ok_or(Reason::TooMany("changes"))?;
        let chunk = Chunk::take(input)?;
        if chunk.kind != ChunkType::Change {
            return Err(malformed("a document among changes"));
        }
        let (head, columns) = Head::take(chunk.body)?;
        let hash = ChangeHash(chunk.hash);
        head.check_first_change(kind, hash)?;
        let is_first = hash == FirstChange::of(kind).hash();
        let operations = Operations { kind, is_first, head: &head, columns: &columns };
        let (count, refers_to) = operations.check(budget)?;
        let max_op = head.start_op.saturating_add(count - 1);
        if max_op > OP_COUNTER_MAX {
            return Err(Reason::BrokenHistory("operation counter beyond its limit"));
        }
        let Head { actor, seq, start_op, deps, .. } = head;
        Ok(Self { hash, actor, seq, start_op, max_op, deps, refers_to, bytes: chunk.bytes.into() })
    }

    /// Takes all changes of an entry, each read by Automerge as well: what it cannot read condemns its own entry only.
    pub(super) fn take_all(kind: Kind, bytes: &[u8]) -> Result<Vec<Self>, Reason> {
        let mut input = Cursor::new(bytes);
        let mut budget = Budget::of_one_entry();
        let mut changes = Vec::new();
        while !input.is_empty() {
            let vetted = Self::take(kind, &mut input, &mut budget)?;
            guarded(|| vetted.to_automerge())??;
            changes.push(vetted);
        }
        Ok(changes)
    }

    pub(super) fn to_automerge(&self) -> Result<Change, Reason> {
        let change = Change::try_from(&*self.bytes).map_err(|_| Reason::Rejected)?;
        if change.hash() == self.hash.to_automerge() { Ok(change) } else { Err(Reason::Unfaithful) }
    }
}

/// How many operations a raw change has, which an entry may hold [`OPS_MAX`] of; `None` for bytes that are no change.
pub fn operation_count(change: &[u8]) -> Option<u64> {
    let chunk = Chunk::take(&mut Cursor::new(change)).ok().filter(|chunk| chunk.kind == ChunkType::Change)?;
    let (_, columns) = Head::take(chunk.body).ok()?;
    operations::count(&columns).ok()
}

/// The hash of a raw change; `None` for bytes that are no change.
pub fn change_hash(change: &[u8]) -> Option<ChangeHash> {
    let chunk = Chunk::take(&mut Cursor::new(change)).ok().filter(|chunk| chunk.kind == ChunkType::Change)?;
    Some(ChangeHash(chunk.hash))
}

/// What stands before a change's columns.
pub(super) struct Head {
    deps: Vec<ChangeHash>,
    pub(super) actor: ActorId,
    seq: u64,
    pub(super) start_op: u64,
    others: Vec<ActorId>,
}

impl Head {
    fn take(mut body: Cursor<'_>) -> Result<(Self, Vec<Column<'_>>), Reason> {
        let body = &mut body;
        let dep_count = body.length()?;
        if dep_count > body.len() / ChangeHash::LEN {
            return Err(malformed("dependencies"));
        }
        let deps =
            (0..dep_count).map(|_| Ok(ChangeHash(body.array()?))).collect::<Result<Vec<_>, Reason>>()?;
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
    fn check_first_change(&self, kind: Kind, hash: ChangeHash) -> Result<(), Reason> {
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
