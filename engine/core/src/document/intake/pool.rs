//! Entries taken apart: their changes as one set, put in an order in which each continues the history before it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bowline_wire::ids::{DeviceId, EntryId};

use super::ancestry::Ancestry;
use super::change::Vetted;
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::{Cause, Incoming, Lost, Reason, Refused, Source};
use super::snapshot;
use crate::document::actor::ActorId;
use crate::document::kind::Kind;
use crate::document::limits::CONTENT_MAX;

/// One entry whose bytes are sound.
pub(super) struct Opened {
    pub(super) entry: EntryId,
    author: DeviceId,
    pub(super) changes: Vec<Arc<Vetted>>,
}

impl Opened {
    fn open(kind: Kind, incoming: &Incoming<'_>) -> Result<Self, Reason> {
        let Incoming { entry, author, source, bytes } = *incoming;
        if bytes.len() > CONTENT_MAX {
            return Err(Reason::TooLarge(bytes.len()));
        }
        let changes = match source {
            Source::Snapshot => snapshot::take_changes(kind, bytes)?,
            Source::Changes | Source::Adopted => Vetted::take_all(kind, bytes)?,
        };
        let built_in = FirstChange::of(kind).hash();
        let foreign = |change: &&Vetted| change.hash != built_in && !change.actor.belongs_to(author);
        if let (Source::Changes, Some(change)) = (source, changes.iter().find(foreign)) {
            return Err(Reason::NotTheAuthors(change.actor));
        }
        Ok(Self { entry, author, changes: changes.into_iter().map(Arc::new).collect() })
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

/// A change and whether an entry signed by its actor's own device holds it.
struct Member {
    change: Arc<Vetted>,
    own: bool,
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
                let member = members.entry(change.hash);
                let member = member.or_insert_with(|| Member { change: Arc::clone(change), own: false });
                member.own |= change.actor.belongs_to(opened.author);
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

    /// Takes out of `complete` what may not stay: of two changes with one number all but the first in (own device's
    /// entry, hash), and whatever builds on those. A function of the set, since every change in it competes, even one
    /// that will itself be left out for what it builds on.
    pub(super) fn resolve(&self, complete: Vec<Arc<Vetted>>) -> (Vec<Arc<Vetted>>, Vec<Lost>) {
        let rank =
            |change: &Vetted| (!self.members.get(&change.hash).is_some_and(|member| member.own), change.hash);
        let mut winners: HashMap<(ActorId, u64), &Vetted> = HashMap::new();
        for change in &complete {
            let winner = winners.entry((change.actor, change.seq)).or_insert(change);
            if rank(change) < rank(winner) {
                *winner = change;
            }
        }
        let won: HashSet<ChangeHash> = winners.values().map(|change| change.hash).collect();
        let mut lost: HashMap<ChangeHash, Cause> = HashMap::new();
        for change in &complete {
            if !won.contains(&change.hash) {
                lost.insert(change.hash, Cause::Conflict);
            } else if change.deps.iter().any(|dep| lost.contains_key(dep)) {
                lost.insert(change.hash, Cause::Dependent);
            }
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
}

/// The order in which changes are handed to Automerge: ancestors first, and the same on every device.
pub(super) fn in_order(mut changes: Vec<Arc<Vetted>>) -> Vec<Arc<Vetted>> {
    changes.sort_by_key(|change| (change.start_op, change.hash));
    changes
}
