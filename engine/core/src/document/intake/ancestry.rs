//! The graph of changes of one document, and whether a change continues it.
//!
//! Everything asked here about a change depends on the change and its ancestors only, never on what else has arrived:
//! that is what makes the answer the same on every device.

use std::collections::{HashMap, HashSet};

use automerge::Automerge;

use super::change::Vetted;
use super::cursor::Cursor;
use super::hash::ChangeHash;
use super::head::Budget;
use super::incoming::Reason;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;

/// Index of a change in the history.
type Index = usize;

/// One change, without its operations.
#[derive(Clone)]
struct Node {
    hash: ChangeHash,
    seq: u64,
    start_op: u64,
    max_op: u64,
    deps: Vec<Index>,
}

/// All changes known of a document, ancestors before descendants.
#[derive(Clone, Default)]
pub(in crate::document) struct Ancestry {
    nodes: Vec<Node>,
    by_hash: HashMap<ChangeHash, Index>,
    by_actor: HashMap<ActorId, Vec<Index>>,
    ancestors: Ancestors,
}

impl Ancestry {
    /// The history of what this device has in its document already.
    pub(in crate::document) fn of(document: &Automerge) -> Self {
        let mut history = Self::default();
        for meta in document.get_changes_meta(&[]) {
            let Some(actor) = ActorId::from_slice(meta.actor.to_bytes()) else {
                continue;
            };
            let deps =
                meta.deps.iter().filter_map(|dep| history.index(&ChangeHash::from_bytes(dep.0))).collect();
            let hash = ChangeHash::from_bytes(meta.hash.0);
            let node = Node { hash, seq: meta.seq, start_op: meta.start_op, max_op: meta.max_op, deps };
            history.push(actor, node);
        }
        history
    }

    pub(in crate::document) fn contains(&self, hash: &ChangeHash) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Whether the actor has made a change with this number and another hash.
    pub(super) fn conflicts(&self, change: &Vetted) -> bool {
        self.of_actor(&change.actor).any(|node| node.seq == change.seq && node.hash != change.hash)
    }

    /// Adds a change whose dependencies are all here, if it continues them.
    pub(super) fn add(&mut self, change: &Vetted) -> Result<(), Reason> {
        let deps: Vec<Index> = change.deps.iter().filter_map(|dep| self.index(dep)).collect();
        self.check(change, &deps)?;
        let Vetted { hash, seq, start_op, max_op, .. } = *change;
        self.push(change.actor, Node { hash, seq, start_op, max_op, deps });
        Ok(())
    }

    /// The history with a change that this device has made; `None` if it cannot be read or does not continue the history.
    pub(in crate::document) fn with_own(mut self, kind: Kind, change: &[u8]) -> Option<Self> {
        let vetted = Vetted::take(kind, &mut Cursor::new(change), &mut Budget::of_one_entry()).ok()?;
        self.add(&vetted).is_ok().then_some(self)
    }

    fn push(&mut self, actor: ActorId, node: Node) {
        let index = self.nodes.len();
        self.by_hash.insert(node.hash, index);
        self.by_actor.entry(actor).or_default().push(index);
        self.nodes.push(node);
    }

    fn index(&self, hash: &ChangeHash) -> Option<Index> {
        self.by_hash.get(hash).copied()
    }

    fn of_actor(&self, actor: &ActorId) -> impl Iterator<Item = &Node> {
        self.indexes_of(actor).iter().filter_map(|index| self.nodes.get(*index))
    }

    fn indexes_of(&self, actor: &ActorId) -> &[Index] {
        self.by_actor.get(actor).map_or(&[], Vec::as_slice)
    }

    /// A change must
    /// * number its operations on from the highest it has seen, as every Automerge does: whoever skips ahead could use
    ///   up the counters for everybody;
    /// * be its actor's next after those it has seen;
    /// * refer only to operations it has seen: otherwise what it does would depend on what had arrived before it.
    fn check(&mut self, change: &Vetted, deps: &[Index]) -> Result<(), Reason> {
        let highest = deps.iter().filter_map(|dep| self.nodes.get(*dep)).map(|node| node.max_op).max();
        if change.start_op != highest.unwrap_or(0).saturating_add(1) {
            return Err(Reason::BrokenHistory("operations not numbered on"));
        }
        if self.is_plainly_next(change, deps) && change.refers_to.is_empty() {
            return Ok(());
        }
        let mut ancestors = std::mem::take(&mut self.ancestors);
        ancestors.become_those_above(deps, &self.nodes);
        let checked = self.check_against(change, &ancestors);
        self.ancestors = ancestors;
        checked
    }

    /// Whether a change is the usual case, for which no graph is walked: its actor's first change ever, or directly on top of
    /// its last.
    fn is_plainly_next(&self, change: &Vetted, deps: &[Index]) -> bool {
        let own = self.indexes_of(&change.actor);
        match own.last().and_then(|last| Some((last, self.nodes.get(*last)?))) {
            None => change.seq == 1,
            Some((last, node)) => {
                deps.contains(last)
                    && node.seq.saturating_add(1) == change.seq
                    && own.len() as u64 == node.seq
            }
        }
    }

    fn check_against(&self, change: &Vetted, ancestors: &Ancestors) -> Result<(), Reason> {
        let seen = |actor: &ActorId| {
            self.indexes_of(actor)
                .iter()
                .filter(|index| ancestors.contain(**index))
                .filter_map(|index| self.nodes.get(*index))
        };
        let last = seen(&change.actor).map(|node| node.seq).max().unwrap_or(0);
        if change.seq != last.saturating_add(1) {
            return Err(Reason::BrokenHistory("not its actor's next change"));
        }
        // References are in order: whoever removes a long text refers to as many operations as it has characters.
        for references in change.refers_to.chunk_by(|(one, _), (next, _)| one == next) {
            let actor = references.first().map_or(change.actor, |(actor, _)| *actor);
            let mut ranges: Vec<_> = seen(&actor).map(|node| (node.start_op, node.max_op)).collect();
            ranges.sort_unstable();
            let mut ranges = ranges.into_iter().peekable();
            for (_, counter) in references {
                while ranges.next_if(|(_, last)| last < counter).is_some() {}
                if ranges.peek().is_none_or(|(start, _)| start > counter) {
                    return Err(Reason::BrokenHistory("refers to an operation it has not seen"));
                }
            }
        }
        Ok(())
    }
}

/// The ancestors of one change at a time, the change included. Kept from one question to the next: a run of changes,
/// each on top of the last, then costs one step per change instead of a walk to the root.
#[derive(Clone, Default)]
struct Ancestors {
    /// Which changes are in the set: those marked with `round`.
    marks: Vec<u32>,
    round: u32,
    /// The changes whose ancestors these are.
    below: HashSet<Index>,
}

impl Ancestors {
    fn contain(&self, index: Index) -> bool {
        self.marks.get(index) == Some(&self.round)
    }

    fn become_those_above(&mut self, deps: &[Index], nodes: &[Node]) {
        self.marks.resize(nodes.len(), 0);
        let below = std::mem::replace(&mut self.below, deps.iter().copied().collect());
        // What is marked stays right if everything it was marked for is above `deps` as well.
        let reached = self.walk(deps, nodes, &below);
        if reached < below.len() || self.round == 0 {
            self.round = self.round.checked_add(1).unwrap_or_else(|| {
                self.marks.fill(0);
                1
            });
            self.walk(deps, nodes, &HashSet::new());
        }
    }

    /// Marks everything above `deps` that is not marked yet; answers how many of `wanted` it came across.
    fn walk(&mut self, deps: &[Index], nodes: &[Node], wanted: &HashSet<Index>) -> usize {
        let mut reached = HashSet::new();
        let mut todo = deps.to_vec();
        while let Some(index) = todo.pop() {
            if wanted.contains(&index) {
                reached.insert(index);
            }
            let Some(mark) = self.marks.get_mut(index) else {
                continue;
            };
            if *mark != self.round {
                *mark = self.round;
                todo.extend(nodes.get(index).map_or(&[][..], |node| &node.deps));
            }
        }
        reached.len()
    }
}
