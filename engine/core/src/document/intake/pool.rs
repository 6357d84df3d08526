//! The changes of several entries as one set, put in an order in which each continues the history before it, and in the
//! order in which they began to count.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use super::ancestry::Ancestry;
use super::change::Vetted;
use super::hash::ChangeHash;
use super::incoming::{Cause, Lost, Reason};
use super::opened::{Opened, Place, in_order};
use crate::document::actor::ActorId;

/// Number of an entry among those the pool is of.
type EntryIndex = usize;

/// A change, and the entries through which it may count.
struct Member {
    change: Arc<Vetted>,
    through: Vec<Way>,
}

/// A way to count.
struct Way {
    entry: EntryIndex,
    place: Place,
    /// Nothing counts through the entry from here on.
    cut: Option<Place>,
}

impl Member {
    /// From where on the change counts, given the latest place of what it builds on, and through which entry.
    fn place_after(&self, deps: Place) -> Option<(Place, EntryIndex)> {
        let ways = self.through.iter().map(|way| (way.place.max(deps), way));
        let open = ways.filter(|(place, way)| way.cut.is_none_or(|cut| *place < cut));
        open.map(|(place, way)| (place, way.entry)).min()
    }
}

/// The changes of several entries as a set.
pub(super) struct Pool {
    members: HashMap<ChangeHash, Member>,
}

/// What became of a pool next to a history.
pub(super) struct Settled {
    /// Changes that count or would, if they are not lost: their ancestors are all here. Ancestors first.
    pub(super) complete: Vec<Arc<Vetted>>,
    /// Changes whose ancestors are all here and which do not continue them.
    pub(super) faults: HashMap<ChangeHash, Reason>,
    /// From where on each of both counts, and through which entry.
    places: HashMap<ChangeHash, (Place, EntryIndex)>,
}

impl Settled {
    /// From where on a change of the pool counts; the start for what is in the history already.
    pub(super) fn place(&self, change: &ChangeHash) -> Place {
        self.places.get(change).map_or(Place::START, |(place, _)| *place)
    }
}

impl Pool {
    pub(super) fn of(entries: &[Opened]) -> Self {
        let mut members: HashMap<ChangeHash, Member> = HashMap::new();
        for (entry, opened) in entries.iter().enumerate() {
            let cut = opened.cut.as_ref().map(|(place, _)| *place);
            for (change, place) in opened.consented() {
                let member = members.entry(change.hash);
                let member =
                    member.or_insert_with(|| Member { change: Arc::clone(change), through: Vec::new() });
                member.through.push(Way { entry, place, cut });
            }
        }
        for (entry, opened) in entries.iter().enumerate().filter(|(_, opened)| opened.is_settled) {
            let cut = opened.cut.as_ref().map(|(place, _)| *place);
            for held in &opened.held {
                if let Some(member) = members.get_mut(&held.change.hash) {
                    member.through.push(Way { entry, place: Place::START, cut });
                }
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
        let mut dependents: HashMap<ChangeHash, Vec<&Member>> = HashMap::new();
        let mut ready: Vec<&Member> = Vec::new();
        for (hash, member) in &self.members {
            if history.contains(hash) {
                continue;
            }
            let absent = member.change.deps.iter().filter(|dep| !history.contains(dep));
            let mut count = 0;
            for dep in absent {
                dependents.entry(*dep).or_default().push(member);
                count += 1;
            }
            if count == 0 {
                ready.push(member);
            } else {
                missing.insert(*hash, count);
            }
        }
        let mut settled = Settled { complete: Vec::new(), faults: HashMap::new(), places: HashMap::new() };
        while let Some(member) = ready.pop() {
            let change = &member.change;
            let deps = change.deps.iter().map(|dep| settled.place(dep)).max().unwrap_or(Place::START);
            let Some(way) = member.place_after(deps) else {
                continue; // every entry that holds it was cut before
            };
            settled.places.insert(change.hash, way);
            if let Err(reason) = history.add(change) {
                settled.faults.insert(change.hash, reason);
                continue;
            }
            settled.complete.push(Arc::clone(change));
            for dependent in dependents.remove(&change.hash).unwrap_or_default() {
                if let Some(count) = missing.get_mut(&dependent.change.hash) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(dependent);
                    }
                }
            }
        }
        settled
    }

    /// Cuts the entries that hold a faulty change, each where the first such would count.
    ///
    /// A cut may take away what another fault builds on: then that one waits, or counts from a later place, and its entry
    /// is not cut yet. Where the earliest fault would count nothing changes any more, so each round gets further.
    pub(super) fn cut(&self, settled: &Settled, entries: &mut [Opened]) {
        let mut first: HashMap<EntryIndex, (Place, ChangeHash)> = HashMap::new();
        for hash in settled.faults.keys() {
            let Some(member) = self.members.get(hash) else { continue };
            let place = settled.place(hash);
            for way in member.through.iter().filter(|way| way.cut.is_none_or(|cut| place < cut)) {
                let found = (place, *hash);
                first.entry(way.entry).and_modify(|it| *it = found.min(*it)).or_insert(found);
            }
        }
        let earliest = first.values().map(|(place, _)| *place).min();
        let shaky = shaky(settled, &first);
        for (entry, (place, hash)) in first {
            let is_sure = Some(place) == earliest || self.rests_on_nothing_shaky(&hash, entry, &shaky);
            if let (true, Some(opened), Some(reason)) =
                (is_sure, entries.get_mut(entry), settled.faults.get(&hash))
            {
                opened.cut = Some((place, reason.clone()));
            }
        }
    }

    fn rests_on_nothing_shaky(
        &self,
        fault: &ChangeHash,
        entry: EntryIndex,
        shaky: &HashMap<ChangeHash, Option<EntryIndex>>,
    ) -> bool {
        let deps = self.members.get(fault).map_or(&[][..], |member| &member.change.deps);
        deps.iter().all(|dep| shaky.get(dep).is_none_or(|by| *by == Some(entry)))
    }

    /// Changes that are in entries without a cut, and build on what counts no more because its entries are cut, or are `gone`: they
    /// would wait for ever.
    pub(super) fn stranded(&self, history: &Ancestry, gone: &HashSet<ChangeHash>) -> Vec<Lost> {
        let mut dependents: HashMap<ChangeHash, Vec<&Member>> = HashMap::new();
        let is_nowhere = |hash: &&ChangeHash| !history.contains(hash) && !self.members.contains_key(hash);
        let mut gone: Vec<ChangeHash> = gone.iter().filter(is_nowhere).copied().collect();
        for (hash, member) in self.members.iter().filter(|(hash, _)| !history.contains(hash)) {
            member.change.deps.iter().for_each(|dep| dependents.entry(*dep).or_default().push(member));
            if member.through.iter().all(|way| way.cut.is_some()) {
                gone.push(*hash);
            }
        }
        let mut stranded: HashMap<ChangeHash, &Member> = HashMap::new();
        while let Some(hash) = gone.pop() {
            for dependent in dependents.remove(&hash).unwrap_or_default() {
                if stranded.insert(dependent.change.hash, dependent).is_none() {
                    gone.push(dependent.change.hash);
                }
            }
        }
        let is_free = |member: &&Member| member.through.iter().any(|way| way.cut.is_none());
        let stranded = stranded.into_values().filter(is_free).map(|member| Arc::clone(&member.change));
        in_order(stranded.collect()).iter().map(|change| lost(change, Cause::Dependent)).collect()
    }

    /// Takes out of `complete`, ancestors first, what may not stay: of two changes with one number the one that counts later,
    /// and whatever builds on it. Places decide, and hashes between changes with one place; so what counts at a place of
    /// the log counts whatever comes behind that.
    pub(super) fn resolve(settled: &Settled) -> (Vec<Arc<Vetted>>, Vec<Lost>) {
        let mut taken: HashSet<(ActorId, u64)> = HashSet::new();
        let mut lost: HashMap<ChangeHash, Cause> = HashMap::new();
        for change in by_place(settled) {
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
            settled.complete.iter().cloned().partition(|change| lost.contains_key(&change.hash));
        let report = |change: &Arc<Vetted>| Some(self::lost(change, *lost.get(&change.hash)?));
        (stay, in_order(gone).iter().filter_map(report).collect())
    }
}

/// Changes that may not count, or not so early, once the entries with faults are cut; each with the entry if it is only one.
fn shaky(
    settled: &Settled,
    first: &HashMap<EntryIndex, (Place, ChangeHash)>,
) -> HashMap<ChangeHash, Option<EntryIndex>> {
    let mut shaky: HashMap<ChangeHash, Option<EntryIndex>> = HashMap::new();
    for change in &settled.complete {
        let (place, entry) = settled.places.get(&change.hash).copied().unwrap_or((Place::START, 0));
        let own = first.get(&entry).filter(|(cut, _)| place >= *cut).map(|_| Some(entry));
        let from_deps = change.deps.iter().filter_map(|dep| shaky.get(dep).copied());
        let all = from_deps.chain(own).reduce(|one, other| if one == other { one } else { None });
        if let Some(all) = all {
            shaky.insert(change.hash, all);
        }
    }
    shaky
}

fn lost(change: &Vetted, cause: Cause) -> Lost {
    Lost { hash: change.hash, actor: change.actor, cause, bytes: change.bytes.to_vec() }
}

/// The changes in the order in which they began to count, each behind what it builds on.
fn by_place(settled: &Settled) -> Vec<&Vetted> {
    let by_hash: HashMap<ChangeHash, &Vetted> =
        settled.complete.iter().map(|change| (change.hash, &**change)).collect();
    let mut missing: HashMap<ChangeHash, usize> = HashMap::new();
    let mut dependents: HashMap<ChangeHash, Vec<ChangeHash>> = HashMap::new();
    let mut ready = BinaryHeap::new();
    for change in &settled.complete {
        let here: Vec<_> = change.deps.iter().filter(|dep| by_hash.contains_key(dep)).collect();
        if here.is_empty() {
            ready.push(Reverse((settled.place(&change.hash), change.hash)));
        }
        missing.insert(change.hash, here.len());
        for dep in here {
            dependents.entry(*dep).or_default().push(change.hash);
        }
    }
    let mut ordered = Vec::with_capacity(settled.complete.len());
    while let Some(Reverse((_, hash))) = ready.pop() {
        ordered.extend(by_hash.get(&hash).copied());
        for dependent in dependents.remove(&hash).unwrap_or_default() {
            let Some(count) = missing.get_mut(&dependent) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.push(Reverse((settled.place(&dependent), dependent)));
            }
        }
    }
    ordered
}
