//! Which changes of a document were made without knowing of which others.

use std::collections::{BTreeSet, HashMap, HashSet};

use automerge::{Automerge, ChangeMetadata, ObjId};

use crate::document::actor::ActorId;
use crate::document::intake::hash::ChangeHash;

/// Devices that are named as the others: nobody reads more names, and a member can write under any number of them.
const OTHERS_MAX: usize = 64;

/// A change of a document, without its operations.
struct Node {
    hash: ChangeHash,
    actor: Option<ActorId>,
    operations: (u64, u64),
    /// Indexes of the changes that it builds on directly, which are lower than its own.
    deps: Vec<usize>,
}

/// All changes of a document, each after those that it builds on.
pub(super) struct Graph {
    nodes: Vec<Node>,
    by_hash: HashMap<ChangeHash, usize>,
}

/// What this device and others wrote without knowing of one another.
pub(super) struct Both {
    /// The newest changes that both had seen.
    pub(super) base: Vec<ChangeHash>,
    /// The newest of this device's.
    pub(super) mine: Vec<ChangeHash>,
    /// The newest of the others'.
    pub(super) theirs: Vec<ChangeHash>,
    /// Operations by whom, from the first to the last of a change, in order: somebody may have made any number of changes.
    ours_by: Vec<(ActorId, (u64, u64))>,
    theirs_by: Vec<(ActorId, (u64, u64))>,
}

impl Both {
    /// Under whom the others wrote, one for each device.
    pub(super) fn others(&self) -> Vec<ActorId> {
        let mut actors: Vec<ActorId> = self.theirs_by.iter().map(|(actor, _)| *actor).collect();
        actors.dedup_by(|one, other| one.is_same_device(*other));
        actors.truncate(OTHERS_MAX);
        actors
    }

    /// Whether an operation is of this device's changes.
    pub(super) fn is_mine(&self, operation: &ObjId) -> bool {
        is_of(&self.ours_by, operation)
    }

    /// Whether an operation is of the others' changes.
    pub(super) fn is_theirs(&self, operation: &ObjId) -> bool {
        is_of(&self.theirs_by, operation)
    }
}

fn is_of(changes: &[(ActorId, (u64, u64))], operation: &ObjId) -> bool {
    let ObjId::Id(counter, actor, _) = operation else { return false };
    let Some(actor) = ActorId::from_slice(actor.to_bytes()) else { return false };
    let after = changes.partition_point(|(by, (first, _))| (by, first) <= (&actor, counter));
    let found = after.checked_sub(1).and_then(|at| changes.get(at));
    found.is_some_and(|(by, (_, last))| *by == actor && counter <= last)
}

/// Whether one of the changes `since` these heads is by others and perhaps not made on top of all of them. The changes are in an
/// order in which each comes after those that it builds on.
pub(super) fn has_unaware(
    heads: &[ChangeHash],
    since: &[ChangeMetadata<'_>],
    is_others: impl Fn(&[u8]) -> bool,
) -> bool {
    let heads: Vec<_> = heads.iter().map(|head| head.to_automerge()).collect();
    let mut aware = HashSet::new();
    let mut has_unaware = false;
    for change in since {
        if heads.iter().all(|head| change.deps.contains(head))
            || change.deps.iter().any(|dep| aware.contains(dep))
        {
            aware.insert(change.hash);
        } else {
            has_unaware |= is_others(change.actor.to_bytes());
        }
    }
    has_unaware
}

impl Graph {
    pub(super) fn of(document: &Automerge) -> Self {
        let mut graph = Self { nodes: Vec::new(), by_hash: HashMap::new() };
        for meta in document.get_changes_meta(&[]) {
            let known = |dep: &automerge::ChangeHash| graph.index(&ChangeHash::from_bytes(dep.0));
            let node = Node {
                hash: ChangeHash::from_bytes(meta.hash.0),
                actor: ActorId::from_slice(meta.actor.to_bytes()),
                operations: (meta.start_op, meta.max_op),
                deps: meta.deps.iter().filter_map(known).collect(),
            };
            graph.by_hash.insert(node.hash, graph.nodes.len());
            graph.nodes.push(node);
        }
        graph
    }

    fn index(&self, hash: &ChangeHash) -> Option<usize> {
        self.by_hash.get(hash).copied()
    }

    /// What has come since the document had the heads `before` from others who had not seen all that this device had written by
    /// then, and that; `None` if there is no such thing.
    pub(super) fn both(&self, before: &[ChangeHash], is_own: &impl Fn(&ActorId) -> bool) -> Option<Both> {
        let known = self.closure(before.iter().filter_map(|head| self.index(head)).collect());
        let own = |index: usize| {
            self.nodes.get(index).and_then(|node| node.actor).is_some_and(|actor| is_own(&actor))
        };
        // This device's changes stand one after the other, so how many of them a change has seen says which.
        let (mut count, mut seen) = (0_usize, Vec::with_capacity(self.nodes.len()));
        for (index, node) in self.nodes.iter().enumerate() {
            let of_deps = node.deps.iter().filter_map(|dep| seen.get(*dep).copied()).max().unwrap_or(0);
            let is_ours = known.contains(&index) && own(index);
            count += usize::from(is_ours);
            seen.push(if is_ours { count } else { of_deps });
        }
        let others = |index: &usize| !known.contains(index) && !own(*index);
        let unaware = |index: &usize| seen.get(*index).is_some_and(|seen| *seen < count);
        let theirs: Vec<usize> = (0..self.nodes.len()).filter(others).filter(unaware).collect();
        let least = theirs.iter().filter_map(|index| seen.get(*index)).min()?;
        let is_mine = |index: &usize| {
            known.contains(index) && own(*index) && seen.get(*index).is_some_and(|number| number > least)
        };
        let mine: Vec<usize> = (0..self.nodes.len()).filter(is_mine).collect();
        let all_mine = self.closure(mine.clone());
        let all_theirs = self.closure(theirs.clone());
        let common: Vec<usize> = all_mine.intersection(&all_theirs).copied().collect();
        let by = |indexes: &[usize]| {
            let nodes = indexes.iter().filter_map(|index| self.nodes.get(*index));
            let mut by: Vec<_> = nodes.filter_map(|node| Some((node.actor?, node.operations))).collect();
            by.sort_unstable();
            by
        };
        Some(Both {
            base: self.heads(&common),
            ours_by: by(&mine),
            theirs_by: by(&theirs),
            mine: self.heads(&mine),
            theirs: self.heads(&theirs),
        })
    }

    /// These changes and all that they build on.
    fn closure(&self, of: Vec<usize>) -> BTreeSet<usize> {
        let (mut todo, mut found) = (of, BTreeSet::new());
        while let Some(index) = todo.pop() {
            if found.insert(index) {
                todo.extend(self.nodes.get(index).map_or(&[][..], |node| &node.deps));
            }
        }
        found
    }

    /// Those of these changes on which no other of them builds.
    fn heads(&self, of: &[usize]) -> Vec<ChangeHash> {
        let below = of.iter().filter_map(|index| self.nodes.get(*index)).flat_map(|node| node.deps.clone());
        let below = self.closure(below.collect());
        let heads = of.iter().filter(|index| !below.contains(index));
        heads.filter_map(|index| self.nodes.get(*index)).map(|node| node.hash).collect()
    }
}
