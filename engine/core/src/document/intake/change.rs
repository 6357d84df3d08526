//! One raw change, read by us before Automerge sees it: framing, bounds, who made it and on top of what.

use automerge::Change;

use super::cursor::{Chunk, ChunkType, Cursor, malformed};
use super::first::FirstChange;
use super::guard::guarded;
use super::hash::{ChangeHash, OpId};
use super::head::{Budget, Head};
use super::incoming::Reason;
use super::operations::{self, Operations};
use super::piece::Piece;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;
use crate::document::limits::OP_COUNTER_MAX;

/// A change that is sound in itself. Whether it continues a history is for [`super::ancestry`] to say.
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

impl Vetted {
    /// Takes one change off `input`.
    pub(super) fn take(kind: Kind, input: &mut Cursor<'_>, budget: &mut Budget) -> Result<Self, Reason> {
        budget.changes = budget.changes.checked_sub(1).ok_or(Reason::TooMany("changes"))?;
        let chunk = Chunk::take(input)?;
        if chunk.kind != ChunkType::Change {
            return Err(malformed("a document among changes"));
        }
        let (head, columns) = Head::take(chunk.body)?;
        let hash = ChangeHash::from_bytes(chunk.hash);
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

    /// What it writes, as far as it is words.
    pub(super) fn words(&self, kind: Kind) -> Result<Vec<Piece>, Reason> {
        let chunk = Chunk::take(&mut Cursor::new(&self.bytes))?;
        let (head, columns) = Head::take(chunk.body)?;
        let is_first = self.hash == FirstChange::of(kind).hash();
        if is_first {
            return Ok(Vec::new()); // what every document of the kind has
        }
        Operations { kind, is_first, head: &head, columns: &columns }.words()
    }

    pub(super) fn to_automerge(&self) -> Result<Change, Reason> {
        let change = Change::try_from(&*self.bytes).map_err(|_| Reason::Rejected)?;
        if change.hash() == self.hash.to_automerge() { Ok(change) } else { Err(Reason::Unfaithful) }
    }
}

/// How many operations a raw change has, which an entry may hold [`OPS_MAX`](crate::document::limits::OPS_MAX) of; `None`
/// for bytes that are not a change.
pub fn operation_count(change: &[u8]) -> Option<u64> {
    let chunk = Chunk::take(&mut Cursor::new(change)).ok().filter(|chunk| chunk.kind == ChunkType::Change)?;
    let (_, columns) = Head::take(chunk.body).ok()?;
    operations::count(&columns).ok()
}

/// Under which actor a raw change was made; `None` for bytes that are not a change.
pub fn change_actor(change: &[u8]) -> Option<ActorId> {
    let chunk = Chunk::take(&mut Cursor::new(change)).ok().filter(|chunk| chunk.kind == ChunkType::Change)?;
    Some(Head::take(chunk.body).ok()?.0.actor)
}

/// The hash of a raw change; `None` for bytes that are not a change.
pub fn change_hash(change: &[u8]) -> Option<ChangeHash> {
    let chunk = Chunk::take(&mut Cursor::new(change)).ok().filter(|chunk| chunk.kind == ChunkType::Change)?;
    Some(ChangeHash::from_bytes(chunk.hash))
}
