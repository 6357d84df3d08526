//! Entries taken apart: their changes as one set, put in an order in which each continues the history before it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use bowline_wire::ids::{DeviceId, EntryId, Position};

use super::ancestry::Ancestry;
use super::change::Vetted;
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::{Cause, Incoming, Lost, Reason, Refused, Source, weight_of};
use super::snapshot;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;
use crate::document::limits::CONTENT_MAX;

/// One entry whose bytes are sound.
pub(super) struct Opened {
    pub(super) entry: EntryId,
    position: Option<Position>,
    author: DeviceId,
    pub(super) changes: Vec<Arc<Vetted>>,
}

impl Opened {
    fn open(kind: Kind, incoming: &Incoming<'_>) -> Result<Self, Reason> {
        let Incoming { entry, position, author, source, weight, bytes } = *incoming;
        if bytes.len() > CONTENT_MAX {
            return Err(Reason::TooLarge(bytes.len()));
        }
        let changes = match source {
            Source::Snapshot => snapshot::take_changes(kind, bytes)?,
            Source::Changes | Source::Adopted => Vetted::take_all(kind, bytes)?,
        };
        let operations = changes.iter().map(|change| change.max_op.saturating_sub(change.start_op) + 1).sum();
        let heavy = weight_of(bytes.len(), operations);
        if heavy > weight.most() {
            return Err(Reason::Heavier(heavy));
        }
        let built_in = FirstChange::of(kind).hash();
        let foreign = |change: &&Vetted| change.hash != built_in && !change.actor.belongs_to(author);
        if let (Source::Changes, Some(change)) = (source, changes.iter().find(foreign)) {
            return Err(Reason::NotTheAuthors(change.actor));
        }
        Ok(Self { entry, position, author, changes: changes.into_iter().map(Arc::new).collect() })
    }

    /// Opens each entry by itself: one that is broken does not hold up the others.
    pub(super) fn open_all(kind: Kind, incoming: &[Incoming<'_>]) -> (Vec<Self>, Vec<Refused>) {
        let (mut opened, mut refused) = (Vec::new(), Vec::new());
        for one in incoming {
            match Self::open(kind, one) {
                Ok(entry) => opened.push(entry),
                Err(reason) => refused.push(Refused { entry: one.entry, reason }),
            }
        }
        (opened, refused)
    }

    pub(super) fn is_within(&self, history: &Ancestry) -> bool {
        self.changes.iter().all(|change| history.contains(&change.hash))
    }
}

/// Moves the entries that hold a faulty change from `entries` to `refused`.
pub(super) fn refuse(
    faults: &HashMap<ChangeHash, Reason>,
    entries: &mut Vec<Opened>,
    refused: &mut Vec<Refused>,
) {
    entries.retain(|opened| {
        let fault = opened.changes.iter().find_map(|change| faults.get(&change.hash));
        refused.extend(fault.map(|reason| Refused { entry: opened.entry, reason: reason.clone() }));
        fault.is_none()
    });
}

/// From where on a change counts: the earliest entry that holds it, or the latest place of what it builds on. An earlier
/// place is less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// No entry signed by the device of its actor holds it, or what it builds on: it gives way to whatever that device
    /// says.
    is_hearsay: bool,
    /// Position in the log; behind all of them if it has none yet.
    position: u64,
}

impl Place {
    /// The place of what is in every document.
    const START: Self = Self { is_hearsay: false, position: 0 };
}

/// A change and the place of the earliest entry that holds it.
struct Member {
    change: Arc<Vetted>,
    place: Place,
}

/// The changes of several entries as a set.
pub(super) struct Pool {
    members: HashMap<ChangeHash, Member>,
}

/// What became of a pool next to a history.
pub(super) struct Settled {
    /// Changes whose ancestors are all here, ancestors first.
    pub(super) complete: Vec<Arc<Vetted>>,
    /// Changes whose ancestors are all here and which do not continue them.
    pub(super) faults: HashMap<ChangeHash, Reason>,
}

impl Pool {
    pub(super) fn of(entries: &[Opened]) -> Self {
        let mut members: HashMap<ChangeHash, Member> = HashMap::new();
        for opened in entries {
            for change in &opened.changes {
                let place = Place {
                    is_hearsay: !change.actor.belongs_to(opened.author),
                    position: opened.position.map_or(u64::MAX, |position| position.0),
                };
                let member = members.entry(change.hash);
                let member = member.or_insert_with(|| Member { change: Arc::clone(change), place });
                member.place = member.place.min(place);
            }
        }
        Self { members }
    }

    /// Whether an actor has two changes with one number, in here or between here and the history.
    pub(super) fn conflicts_with(&self, history: &Ancestry) -> bool {
        let mut numbers = HashSet::new();
        let mut twice = |change: &Vetted| !numbers.insert((change.actor, change.seq));
        self.members.values().any(|member| twice(&member.change) || history.conflicts(&member.change))
    }

    /// Adds to `history` what continues it.
    ///
    /// Goes on along a branch as long as it can: [`Ancestry`] answers fastest about a change on top of the last.
    pub(super) fn settle(&self, history: &mut Ancestry) -> Settled {
        let mut missing: HashMap<ChangeHash, usize> = HashMap::new();
        let mut dependents: HashMap<ChangeHash, Vec<&Arc<Vetted>>> = HashMap::new();
        let mut ready: Vec<&Arc<Vetted>> = Vec::new();
        for (hash, Member { change, .. }) in &self.members {
            if history.contains(hash) {
                continue;
            }
            let absent = change.deps.iter().filter(|dep| !history.contains(dep));
            let mut count = 0;
            for dep in absent {
                dependents.entry(*dep).or_default().push(change);
                count += 1;
            }
            if count == 0 {
                ready.push(change);
            } else {
                missing.insert(*hash, count);
            }
        }
        let mut settled = Settled { complete: Vec::new(), faults: HashMap::new() };
        while let Some(change) = ready.pop() {
            if let Err(reason) = history.add(change) {
                settled.faults.insert(change.hash, reason);
                continue;
            }
            settled.complete.push(Arc::clone(change));
            for dependent in dependents.remove(&change.hash).unwrap_or_default() {
                if let Some(count) = missing.get_mut(&dependent.hash) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(dependent);
                    }
                }
            }
        }
        settled
    }

    /// Takes out of `complete`, ancestors first, what may not stay: of two changes with one number the one that counts later,
    /// and whatever builds on it. Places decide, and hashes between changes with one place; so what counts at a place of
    /// the log counts whatever comes behind that.
    pub(super) fn resolve(&self, complete: Vec<Arc<Vetted>>) -> (Vec<Arc<Vetted>>, Vec<Lost>) {
        let mut taken: HashSet<(ActorId, u64)> = HashSet::new();
        let mut lost: HashMap<ChangeHash, Cause> = HashMap::new();
        for change in self.by_place(&complete) {
            let cause = if change.deps.iter().any(|dep| lost.contains_key(dep)) {
                Cause::Dependent
            } else if taken.insert((change.actor, change.seq)) {
                continue;
            } else {
                Cause::Conflict
            };
            lost.insert(change.hash, cause);
        }
        let (gone, stay): (Vec<_>, Vec<_>) =
            complete.into_iter().partition(|change| lost.contains_key(&change.hash));
        let report = |change: Arc<Vetted>| {
            let cause = *lost.get(&change.hash)?;
            let bytes = change.bytes.to_vec();
            Some(Lost { hash: change.hash, actor: change.actor, cause, bytes })
        };
        (stay, in_order(gone).into_iter().filter_map(report).collect())
    }

    /// The changes in the order in which they began to count, each behind what it builds on.
    fn by_place<'c>(&self, complete: &'c [Arc<Vetted>]) -> Vec<&'c Vetted> {
        let by_hash: HashMap<ChangeHash, &Vetted> =
            complete.iter().map(|change| (change.hash, &**change)).collect();
        let mut places: HashMap<ChangeHash, Place> = HashMap::new();
        let mut missing: HashMap<ChangeHash, usize> = HashMap::new();
        let mut dependents: HashMap<ChangeHash, Vec<ChangeHash>> = HashMap::new();
        let mut ready = BinaryHeap::new();
        for change in complete {
            let own = self.members.get(&change.hash).map_or(Place::START, |member| member.place);
            let of_deps = change.deps.iter().filter_map(|dep| places.get(dep)).max();
            let place = of_deps.map_or(own, |dep| own.max(*dep));
            places.insert(change.hash, place);
            let here: Vec<_> = change.deps.iter().filter(|dep| by_hash.contains_key(dep)).collect();
            if here.is_empty() {
                ready.push(Reverse((place, change.hash)));
            }
            missing.insert(change.hash, here.len());
            for dep in here {
                dependents.entry(*dep).or_default().push(change.hash);
            }
        }
        let mut ordered = Vec::with_capacity(complete.len());
        while let Some(Reverse((_, hash))) = ready.pop() {
            ordered.extend(by_hash.get(&hash).copied());
            for dependent in dependents.remove(&hash).unwrap_or_default() {
                let Some(count) = missing.get_mut(&dependent) else { continue };
                *count -= 1;
                if *count == 0
                    && let Some(place) = places.get(&dependent)
                {
                    ready.push(Reverse((*place, dependent)));
                }
            }
        }
        ordered
    }
}

/// The order in which changes are handed to Automerge: ancestors first, and the same on every device.
pub(super) fn in_order(mut changes: Vec<Arc<Vetted>>) -> Vec<Arc<Vetted>> {
    changes.sort_by_key(|change| (change.start_op, change.hash));
    changes
}
