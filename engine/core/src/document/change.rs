//! One raw change, read by us before Automerge sees it: framing, bounds, the operations its kind allows, and every
//! operation it refers to.

use std::collections::HashSet;
use std::fmt;

use automerge::Change;

use super::Kind;
use super::actor::ActorId;
use super::columns::{Extent, Rows};
use super::cursor::{Chunk, ChunkType, Column, ColumnList, Cursor, column, malformed};
use super::first::FirstChange;
use super::guard::guarded;
use super::incoming::Reason;
use super::limits::{CHANGES_MAX, CONTENT_MAX, OP_COUNTER_MAX, OPS_MAX, REFERENCES_MAX};

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
    /// Operations of other changes that this one overwrites or writes into, each once; the first change's left out.
    pub(super) refers_to: Vec<OpId>,
    /// The raw change. Automerge's own form of it is six times as large: it is made when it is needed.
    pub(super) bytes: Box<[u8]>,
}

/// What is left of an entry's limits.
pub(super) struct Budget {
    changes: usize,
    ops: u64,
    references: u64,
    text: u64,
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

    fn spend(left: &mut u64, amount: u64, what: &'static str) -> Result<(), Reason> {
        *left = left.checked_sub(amount).ok_or(Reason::TooMany(what))?;
        Ok(())
    }
}

/// Column specifications in a change: id in the high bits, type in the low three.
mod spec {
    pub(super) const OBJ_ACTOR: u32 = 0x01;
    pub(super) const OBJ_COUNTER: u32 = 0x02;
    pub(super) const KEY: u32 = 0x15;
    pub(super) const ACTION: u32 = 0x42;
    pub(super) const VALUE_META: u32 = 0x56;
    pub(super) const VALUE: u32 = 0x57;
    pub(super) const PRED_COUNT: u32 = 0x70;
    pub(super) const PRED_ACTOR: u32 = 0x71;
    pub(super) const PRED_COUNTER: u32 = 0x73;
    /// Columns that only lists, text and marks fill: element keys, insert, expand, mark names.
    pub(super) const SEQUENCES: [u32; 5] = [0x11, 0x13, 0x34, 0x94, 0xa5];
    pub(super) const MAPS: [u32; 9] =
        [OBJ_ACTOR, OBJ_COUNTER, KEY, ACTION, VALUE_META, VALUE, PRED_COUNT, PRED_ACTOR, PRED_COUNTER];
}

/// Automerge's numbers for the operations that maps have.
mod action {
    pub(super) const MAKE_MAP: u64 = 0;
    pub(super) const SET: u64 = 1;
    pub(super) const DELETE: u64 = 3;
}

/// A counter value: concurrent increments merge, which no field of ours wants.
const COUNTER: u64 = 8;

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
        let operations = Operations { kind, head: &head, columns: &columns };
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

/// What stands before a change's columns.
struct Head {
    deps: Vec<ChangeHash>,
    actor: ActorId,
    seq: u64,
    start_op: u64,
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
    fn actor(&self, index: u64) -> Result<ActorId, Reason> {
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

/// The operations of one change.
struct Operations<'a> {
    kind: Kind,
    head: &'a Head,
    columns: &'a [Column<'a>],
}

/// One operation's row, as far as it is checked.
struct Row {
    object: Option<OpId>,
    action: u64,
    value_meta: u64,
    pred_count: u64,
}

impl Operations<'_> {
    /// How many there are, at least one, and what they refer to outside this change.
    fn check(&self, budget: &mut Budget) -> Result<(u64, Vec<OpId>), Reason> {
        let count = self.measure(budget)?;
        let mut rows = RowReader::new(self.columns);
        let mut references = Vec::new();
        for own in self.head.start_op..self.head.start_op.saturating_add(count) {
            let row = rows.next(self.head)?;
            self.check_row(&row)?;
            if let Some(object) = row.object {
                self.refer(object, own, &mut references)?;
            }
            for _ in 0..row.pred_count {
                let overwritten = rows.next_pred(self.head)?;
                self.refer(overwritten, own, &mut references)?;
            }
        }
        rows.end()?;
        references.sort_unstable();
        references.dedup();
        Ok((count, references))
    }

    /// Bounds everything before a single row is read.
    fn measure(&self, budget: &mut Budget) -> Result<u64, Reason> {
        for column in self.columns {
            let extent = Extent::of(column)?;
            if spec::SEQUENCES.contains(&column.spec) {
                if extent.values > 0 {
                    return Err(Reason::UnknownOperation("lists and text"));
                }
            } else if !spec::MAPS.contains(&column.spec) {
                return Err(Reason::UnknownOperation("column"));
            }
            if extent.rows > (OPS_MAX + REFERENCES_MAX) as u64 {
                return Err(Reason::TooMany("rows"));
            }
        }
        let extent = |spec| Extent::of(&Column { spec, bytes: column(self.columns, spec) });
        let count = extent(spec::ACTION)?.rows;
        if count == 0 {
            return Err(malformed("no operations"));
        }
        Budget::spend(&mut budget.ops, count, "operations")?;
        Budget::spend(&mut budget.references, extent(spec::PRED_COUNT)?.sum, "references")?;
        Budget::spend(&mut budget.text, extent(spec::KEY)?.sum, "bytes in keys")?;
        if extent(spec::VALUE_META)?.sum != extent(spec::VALUE)?.sum {
            return Err(malformed("value lengths"));
        }
        Ok(count)
    }

    fn check_row(&self, row: &Row) -> Result<(), Reason> {
        let is_set = match row.action {
            action::SET => true,
            action::MAKE_MAP | action::DELETE => false,
            _ => return Err(Reason::UnknownOperation("action")),
        };
        if row.value_meta & 15 == COUNTER {
            return Err(Reason::UnknownOperation("counter"));
        }
        // Nothing removes a message from under another's eyes: a transcript only grows.
        let entries = FirstChange::of(self.kind).append_only();
        if entries.is_some() && row.object == entries && !(is_set && row.pred_count == 0) {
            return Err(Reason::AppendOnly);
        }
        Ok(())
    }

    /// Notes a reference made by the operation with counter `own`.
    fn refer(&self, to: OpId, own: u64, references: &mut Vec<OpId>) -> Result<(), Reason> {
        let (actor, counter) = to;
        if counter == 0 || counter >= own {
            return Err(Reason::BrokenHistory("refers to a later operation"));
        }
        let within = actor == self.head.actor && counter >= self.head.start_op;
        if !within && !FirstChange::of(self.kind).contains(to) {
            references.push(to);
        }
        Ok(())
    }
}

/// Reads the checked columns row by row.
struct RowReader<'a> {
    obj_actor: Rows<'a, u64>,
    obj_counter: Rows<'a, u64>,
    key: Rows<'a, &'a str>,
    action: Rows<'a, u64>,
    value_meta: Rows<'a, u64>,
    pred_count: Rows<'a, u64>,
    pred_actor: Rows<'a, u64>,
    pred_counter: Rows<'a, i64>,
    last_pred: i64,
}

impl<'a> RowReader<'a> {
    fn new(columns: &[Column<'a>]) -> Self {
        Self {
            obj_actor: Rows::new(column(columns, spec::OBJ_ACTOR)),
            obj_counter: Rows::new(column(columns, spec::OBJ_COUNTER)),
            key: Rows::new(column(columns, spec::KEY)),
            action: Rows::new(column(columns, spec::ACTION)),
            value_meta: Rows::new(column(columns, spec::VALUE_META)),
            pred_count: Rows::new(column(columns, spec::PRED_COUNT)),
            pred_actor: Rows::new(column(columns, spec::PRED_ACTOR)),
            pred_counter: Rows::new(column(columns, spec::PRED_COUNTER)),
            last_pred: 0,
        }
    }

    fn next(&mut self, head: &Head) -> Result<Row, Reason> {
        let object = match (self.obj_actor.next()?, self.obj_counter.next()?) {
            (None, None) => None,
            (Some(actor), Some(counter)) => Some((head.actor(actor)?, counter)),
            _ => return Err(malformed("object")),
        };
        if self.key.next()?.is_none() {
            return Err(malformed("key"));
        }
        Ok(Row {
            object,
            action: self.action.next()?.ok_or(malformed("action"))?,
            value_meta: self.value_meta.next()?.ok_or(malformed("value"))?,
            pred_count: self.pred_count.next()?.ok_or(malformed("predecessors"))?,
        })
    }

    fn next_pred(&mut self, head: &Head) -> Result<OpId, Reason> {
        let (Some(actor), Some(delta)) = (self.pred_actor.next()?, self.pred_counter.next()?) else {
            return Err(malformed("predecessor"));
        };
        self.last_pred = self.last_pred.checked_add(delta).ok_or(malformed("predecessor"))?;
        let counter = u64::try_from(self.last_pred).map_err(|_| malformed("predecessor"))?;
        Ok((head.actor(actor)?, counter))
    }

    /// No column may go on after the last operation.
    fn end(&self) -> Result<(), Reason> {
        let done = self.obj_actor.is_done()
            && self.obj_counter.is_done()
            && self.key.is_done()
            && self.action.is_done()
            && self.value_meta.is_done()
            && self.pred_count.is_done()
            && self.pred_actor.is_done()
            && self.pred_counter.is_done();
        if done { Ok(()) } else { Err(malformed("rows left over")) }
    }
}
