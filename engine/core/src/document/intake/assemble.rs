//! From accepted entries to a document: all at once, or added to one that is there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bowline_wire::ids::EntryId;

use super::ancestry::Ancestry;
use super::apply::extended;
use super::change::Vetted;
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::{Extent, Incoming, Lost, Reason, Refused};
use super::opened::{Opened, in_order};
use super::pool::{Pool, Settled};
use crate::document::kind::Kind;
use crate::document::loaded::Document;

/// A document made of nothing but accepted entries.
#[derive(Debug)]
pub struct Assembled {
    /// The document.
    pub document: Document,
    /// Entries left out, wholly or in part, each with the reason, in no particular order.
    pub refused: Vec<Refused>,
    /// Entries that are accepted and not wholly in the document: they wait for changes they build on, or hold changes
    /// that lost. Hand them to every later [`Document::apply`] again.
    pub unsettled: Vec<EntryId>,
    /// Changes left out although their entries are accepted, in the order in which to commit one's own again.
    pub lost: Vec<Lost>,
}

/// What [`Document::apply`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Whether the document has other heads than before.
    pub changed: bool,
    /// Entries left out, as in [`Assembled`].
    pub refused: Vec<Refused>,
    /// Accepted entries that are not wholly in the document, as in [`Assembled`]: hand them to every later call again.
    pub unsettled: Vec<EntryId>,
}

/// The entries contradict what is in the document, and which of them count cannot be told without all of them: call
/// [`Document::assemble`] with every accepted entry and every local change. The document is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document has to be assembled anew from all its entries")]
pub struct NeedsRebuild;

impl Document {
    /// Makes the document that a set of accepted entries says, this device's own unsealed changes among them
    /// ([`Incoming::local`]). Neither the order in which they are given nor anything but them matters.
    ///
    /// A change counts from the earliest entry through which it does, or from what it builds on if that came later. If one
    /// actor made two changes with one number, the one that counted first stays; what has no place yet goes last. The other,
    /// and what builds on it, is reported as lost. If a change does not continue what it builds on, its entry is cut there:
    /// what of it counted before stays, and the rest is refused.
    pub fn assemble(kind: Kind, incoming: &[Incoming<'_>]) -> Assembled {
        Self::assemble_without(kind, incoming, &[])
    }

    /// As [`Document::assemble`], beside entries that were accepted once and are not any more, nor to come again: what was built on what
    /// their authors said in them does not wait for that, and is reported as lost.
    pub fn assemble_without(kind: Kind, incoming: &[Incoming<'_>], gone: &[Incoming<'_>]) -> Assembled {
        let (gone, _) = Opened::open_all(kind, gone);
        let gone: HashSet<ChangeHash> =
            gone.iter().flat_map(Opened::consented).map(|(change, _)| change.hash).collect();
        let (mut entries, mut refused) = Opened::open_all(kind, incoming);
        let mut faults = HashMap::new();
        let first = FirstChange::of(kind).document();
        loop {
            let pool = Pool::of(&entries);
            let mut settled = pool.settle(&mut Ancestry::of(&first));
            let mut made = None;
            if settled.faults.is_empty() {
                let (stay, lost) = Pool::resolve(&settled);
                let stay = in_order(stay);
                match extended(&first, stay.iter().map(Arc::as_ref)) {
                    Ok(automerge) => made = Some((automerge, lost)),
                    Err(_) => settled.faults = first_fault(&first, &stay),
                }
                // Whatever Automerge may say when it is asked once more: this comes to an end.
                if made.is_none() && settled.faults.is_empty() {
                    made = Some((first.clone(), Vec::new()));
                }
            }
            pool.cut(&settled, &mut entries);
            faults.extend(settled.faults);
            if let Some((automerge, mut lost)) = made {
                let mut document = Self::from_parts(kind, automerge);
                let history = document.take_history();
                refused.extend(refused_of(&entries, &faults, &history));
                lost.extend(pool.stranded(&history, &gone));
                let unsettled = unsettled(&entries, &history);
                document.keep_history(history);
                return Assembled { document, refused: by_entry(refused, incoming), unsettled, lost };
            }
        }
    }

    /// Adds entries to the document: new ones, and those that earlier calls left unsettled. Give it what there is in
    /// one call; Automerge takes a batch for the price of a few single changes.
    ///
    /// The result is what [`Document::assemble`] would make of all entries so far, or [`NeedsRebuild`].
    pub fn apply(&mut self, incoming: &[Incoming<'_>]) -> Result<Applied, NeedsRebuild> {
        let (mut entries, mut refused) = Opened::open_all(self.kind(), incoming);
        loop {
            let mut history = self.take_history();
            let pool = Pool::of(&entries);
            if pool.conflicts_with(&history) {
                return Err(NeedsRebuild);
            }
            let Settled { complete, faults, .. } = pool.settle(&mut history);
            if faults.is_empty() {
                let fresh = in_order(complete);
                let changed = !fresh.is_empty();
                if changed {
                    let next = extended(self.automerge(), fresh.iter().map(Arc::as_ref));
                    self.replace(next.map_err(|_| NeedsRebuild)?);
                }
                refused.extend(refused_of(&entries, &faults, &history));
                let unsettled = unsettled(&entries, &history);
                self.keep_history(history);
                return Ok(Applied { changed, refused: by_entry(refused, incoming), unsettled });
            }
            let before = entries.len();
            let (dead, alive): (Vec<_>, Vec<_>) = entries
                .into_iter()
                .partition(|opened| opened.is_dead(|change| faults.contains_key(change), &history));
            refused.extend(dead.iter().filter_map(|opened| refusal(opened, &faults, Extent::Whole)));
            entries = alive;
            let is_faulty = |opened: &Opened| opened.consented().any(|(it, _)| faults.contains_key(&it.hash));
            if entries.len() == before || entries.iter().any(is_faulty) {
                // From where on they are cut, only the places of all changes tell.
                return Err(NeedsRebuild);
            }
        }
    }
}

/// Entries of which something is left out, and how much.
fn refused_of(entries: &[Opened], faults: &HashMap<ChangeHash, Reason>, history: &Ancestry) -> Vec<Refused> {
    let of = |opened: &Opened| {
        if opened.cut.is_some() {
            let is_dead = opened.is_dead(|change| faults.contains_key(change), history);
            return refusal(opened, faults, if is_dead { Extent::Whole } else { Extent::Part });
        }
        let reason = Reason::NotConsented(opened.speaks_for(history)?);
        Some(Refused { entry: opened.entry, reason, extent: Extent::Part })
    };
    entries.iter().filter_map(of).collect()
}

/// The refusal of an entry with faulty changes.
fn refusal(opened: &Opened, faults: &HashMap<ChangeHash, Reason>, extent: Extent) -> Option<Refused> {
    let found = || opened.consented().find_map(|(change, _)| faults.get(&change.hash).cloned());
    let reason = opened.cut.as_ref().map(|(_, reason)| reason.clone()).or_else(found)?;
    Some(Refused { entry: opened.entry, reason, extent })
}

/// What was refused, once for each entry. An entry that was handed in as several is refused as a whole only if all of them are.
fn by_entry(refused: Vec<Refused>, incoming: &[Incoming<'_>]) -> Vec<Refused> {
    let mut parts: HashMap<EntryId, usize> = HashMap::new();
    for one in incoming {
        *parts.entry(one.entry).or_default() += 1;
    }
    let is_whole = |refused: &&Refused| refused.extent == Extent::Whole;
    let mut whole: HashMap<EntryId, usize> = HashMap::new();
    for one in refused.iter().filter(is_whole) {
        *whole.entry(one.entry).or_default() += 1;
    }
    let mut told = HashSet::new();
    let once = refused.into_iter().filter(|one| told.insert(one.entry));
    let all_of_it = |entry: &EntryId| whole.get(entry) >= parts.get(entry);
    once.map(|one| Refused { extent: if all_of_it(&one.entry) { one.extent } else { Extent::Part }, ..one })
        .collect()
}

/// Entries that are not wholly in a document and may come to be.
fn unsettled(entries: &[Opened], history: &Ancestry) -> Vec<EntryId> {
    let waits = |opened: &&Opened| opened.cut.is_none() && !opened.is_within(history);
    let mut told = HashSet::new();
    entries.iter().filter(waits).map(|opened| opened.entry).filter(|entry| told.insert(*entry)).collect()
}

/// Finds the first change in order that Automerge does not take, by halving. Whether it takes one depends on the
/// change and its ancestors alone, so it is the same one everywhere.
fn first_fault(first: &automerge::Automerge, changes: &[Arc<Vetted>]) -> HashMap<ChangeHash, Reason> {
    let attempt = |count: usize| extended(first, changes.iter().take(count).map(Arc::as_ref)).err();
    let (mut good, mut bad) = (0, changes.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if attempt(middle).is_none() {
            good = middle;
        } else {
            bad = middle;
        }
    }
    let fault = changes.get(good).zip(attempt(bad));
    fault.map(|(change, reason)| (change.hash, reason)).into_iter().collect()
}
