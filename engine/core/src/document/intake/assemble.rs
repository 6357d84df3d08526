//! From accepted entries to a document: all at once, or added to one that is there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bowline_wire::ids::EntryId;

use super::ancestry::Ancestry;
use super::apply::extended;
use super::change::Vetted;
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::{Incoming, Lost, Reason, Refused};
use super::pool::{Opened, Pool, in_order, refuse};
use crate::document::kind::Kind;
use crate::document::loaded::Document;

/// A document made of nothing but accepted entries.
#[derive(Debug)]
pub struct Assembled {
    /// The document.
    pub document: Document,
    /// Entries left out as a whole, each with the reason, in no particular order.
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
    /// Entries left out as a whole, as in [`Assembled`].
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
    /// If one actor made two changes with one number, the one that counted first stays: a change counts from the earliest
    /// entry that holds it, or from what it builds on if that came later. An entry signed by the actor's own device goes
    /// before any other, and what has no place yet goes last. The other, and what builds on it, is reported as lost.
    pub fn assemble(kind: Kind, incoming: &[Incoming<'_>]) -> Assembled {
        let (mut entries, mut refused) = Opened::open_all(kind, incoming);
        loop {
            let pool = Pool::of(&entries);
            let first = FirstChange::of(kind).document();
            let settled = pool.settle(&mut Ancestry::of(&first));
            if !settled.faults.is_empty() {
                refuse(&settled.faults, &mut entries, &mut refused);
                continue;
            }
            let (stay, lost) = pool.resolve(settled.complete);
            let stay = in_order(stay);
            let (automerge, faults) = match extended(&first, stay.iter().map(Arc::as_ref)) {
                Ok(automerge) => (automerge, HashMap::new()),
                Err(_) => (first.clone(), first_fault(&first, &stay)),
            };
            if !faults.is_empty() {
                refuse(&faults, &mut entries, &mut refused);
                continue;
            }
            let mut document = Self::from_parts(kind, automerge);
            let history = document.take_history();
            let unsettled = unsettled(&entries, &history);
            document.keep_history(history);
            return Assembled { document, refused, unsettled, lost };
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
            let known: HashSet<ChangeHash> = known_changes(&entries, &history, self.kind());
            let settled = pool.settle(&mut history);
            if settled.faults.is_empty() {
                let fresh = in_order(settled.complete);
                let changed = !fresh.is_empty();
                if changed {
                    let next = extended(self.automerge(), fresh.iter().map(Arc::as_ref));
                    self.replace(next.map_err(|_| NeedsRebuild)?);
                }
                let unsettled = unsettled(&entries, &history);
                self.keep_history(history);
                return Ok(Applied { changed, refused, unsettled });
            }
            let faulty =
                |opened: &&Opened| opened.changes.iter().any(|it| settled.faults.contains_key(&it.hash));
            let shared = |opened: &Opened| opened.changes.iter().any(|it| known.contains(&it.hash));
            if entries.iter().filter(faulty).any(shared) {
                // What the entry brought in earlier has to leave the document again.
                return Err(NeedsRebuild);
            }
            refuse(&settled.faults, &mut entries, &mut refused);
        }
    }
}

/// Changes of these entries that are in the document already; the first change, which is in every document, aside.
fn known_changes(entries: &[Opened], history: &Ancestry, kind: Kind) -> HashSet<ChangeHash> {
    let first = FirstChange::of(kind).hash();
    let hashes = entries.iter().flat_map(|opened| &opened.changes).map(|change| change.hash);
    hashes.filter(|hash| *hash != first && history.contains(hash)).collect()
}

fn unsettled(entries: &[Opened], history: &Ancestry) -> Vec<EntryId> {
    entries.iter().filter(|opened| !opened.is_within(history)).map(|opened| opened.entry).collect()
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
