//! Entries taken apart: the changes in each, and from where on each of them counts through it.

use std::collections::HashSet;
use std::sync::Arc;

use bowline_wire::ids::{EntryId, Position};

use super::ancestry::Ancestry;
use super::change::Vetted;
use super::consent::Consent;
use super::first::FirstChange;
use super::hash::ChangeHash;
use super::incoming::{Extent, Incoming, Reason, Refused, Source, weight_of};
use super::snapshot;
use crate::document::actor::{ActorId, Owner};
use crate::document::kind::Kind;
use crate::document::limits::CONTENT_MAX;

/// From where on a change counts: the earliest entry through which it does, or the latest place of what it builds on. An
/// earlier place is less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// The place of what is in every document, and of what a snapshot holds whose entries are gone.
    pub(super) const START: Self = Self(0);
    /// Behind everything that a log holds by the word of its own authors: what an old log holds by others' word.
    const HEARSAY: Self = Self(u64::MAX - 1);
    /// Behind everything: what has no position in the log yet.
    const NONE: Self = Self(u64::MAX);

    fn at(position: Option<Position>) -> Self {
        position.map_or(Self::NONE, |position| Self(position.0).min(Self::HEARSAY))
    }
}

/// A change in an entry.
pub(super) struct Held {
    pub(super) change: Arc<Vetted>,
    /// From where on the change may count through this entry; `None` if nobody who could has consented to that.
    pub(super) place: Option<Place>,
}

/// One entry whose bytes are sound.
pub(super) struct Opened {
    pub(super) entry: EntryId,
    pub(super) held: Vec<Held>,
    /// All of it that counts by whatever way counted before everything that it does not hold.
    pub(super) is_settled: bool,
    /// What of the entry would count from here on is refused, and why.
    pub(super) cut: Option<(Place, Reason)>,
}

impl Opened {
    fn open(kind: Kind, incoming: &Incoming<'_>) -> Result<Self, Reason> {
        let Incoming { entry, source, weight, bytes, .. } = *incoming;
        let changes = vetted(kind, source, bytes)?;
        let operations = changes.iter().map(|change| change.max_op.saturating_sub(change.start_op) + 1).sum();
        let heavy = weight_of(bytes.len(), operations);
        if heavy > weight.most() {
            return Err(Reason::Heavier(heavy));
        }
        let built_in = FirstChange::of(kind).hash();
        let whose = Whose::of(incoming);
        let held: Vec<Held> = changes
            .into_iter()
            .map(|change| {
                let place =
                    if change.hash == built_in { Some(Place::START) } else { whose.place(change.actor) };
                Held { change: Arc::new(change), place }
            })
            .collect();
        if let (Source::Changes, Some(foreign)) = (source, held.iter().find(|held| held.place.is_none())) {
            return Err(Reason::NotTheAuthors(foreign.change.actor));
        }
        let is_settled = matches!(incoming.consent, Consent::Standing(standing) if standing.is_alone());
        Ok(Self { entry, held, is_settled, cut: None })
    }

    /// Opens each entry by itself: one that is broken does not hold up the others.
    pub(super) fn open_all(kind: Kind, incoming: &[Incoming<'_>]) -> (Vec<Self>, Vec<Refused>) {
        let (mut opened, mut refused) = (Vec::new(), Vec::new());
        for one in incoming {
            match Self::open(kind, one) {
                Ok(entry) => opened.push(entry),
                Err(reason) => refused.push(Refused { entry: one.entry, reason, extent: Extent::Whole }),
            }
        }
        (opened, refused)
    }

    /// The changes that may count through this entry.
    pub(super) fn consented(&self) -> impl Iterator<Item = (&Arc<Vetted>, Place)> {
        self.held.iter().filter_map(|held| Some((&held.change, held.place?)))
    }

    /// Whether everything that may count through this entry is in a document.
    pub(super) fn is_within(&self, history: &Ancestry) -> bool {
        self.consented().all(|(change, _)| history.contains(&change.hash))
    }

    /// An actor in whose name the entry holds something that is in no document, because it has not consented.
    pub(super) fn speaks_for(&self, history: &Ancestry) -> Option<ActorId> {
        let mut foreign = self.held.iter().filter(|held| held.place.is_none());
        foreign.find(|held| !history.contains(&held.change.hash)).map(|held| held.change.actor)
    }

    /// Whether nothing of the entry can ever count, whatever else comes: all of it is faulty, or builds on what is in here.
    pub(super) fn is_dead(&self, is_faulty: impl Fn(&ChangeHash) -> bool, history: &Ancestry) -> bool {
        let mut dead: HashSet<ChangeHash> = HashSet::new();
        let changes = in_order(self.held.iter().map(|held| Arc::clone(&held.change)).collect());
        for change in &changes {
            if is_faulty(&change.hash) || change.deps.iter().any(|dep| dead.contains(dep)) {
                dead.insert(change.hash);
            }
        }
        let mut alive = changes.iter().filter(|change| !dead.contains(&change.hash));
        // The first change is in every document and belongs to nobody.
        !dead.is_empty() && alive.all(|change| change.deps.is_empty() && history.contains(&change.hash))
    }
}

/// Whose changes count through an entry, and from where on.
struct Whose<'a> {
    author: Owner,
    at: Place,
    consent: Consent<'a>,
}

impl<'a> Whose<'a> {
    fn of(incoming: &Incoming<'a>) -> Self {
        let Incoming { author, position, consent, .. } = *incoming;
        Self { author: Owner::of(author), at: Place::at(position), consent }
    }

    fn place(&self, actor: ActorId) -> Option<Place> {
        let own = (actor.owner() == self.author).then_some(self.at);
        let by_others = match self.consent {
            Consent::Author => None,
            Consent::Everybody => Some(self.at.max(Place::HEARSAY)),
            Consent::Standing(standing) => standing.since(actor.owner()).map(|since| Place::at(Some(since))),
        };
        own.into_iter().chain(by_others).min()
    }
}

/// All changes in what an entry holds, each checked.
fn vetted(kind: Kind, source: Source, bytes: &[u8]) -> Result<Vec<Vetted>, Reason> {
    if bytes.len() > CONTENT_MAX {
        return Err(Reason::TooLarge(bytes.len()));
    }
    match source {
        Source::Snapshot => snapshot::take_changes(kind, bytes),
        Source::Changes => Vetted::take_all(kind, bytes),
    }
}

/// The raw changes in what an entry holds, each by itself, and each behind what it builds on in there.
///
/// # Errors
/// Whatever refuses the entry on every device.
pub fn changes_in(kind: Kind, source: Source, bytes: &[u8]) -> Result<Vec<Box<[u8]>>, Reason> {
    let changes = vetted(kind, source, bytes)?.into_iter().map(Arc::new).collect();
    Ok(in_order(changes).iter().map(|change| change.bytes.clone()).collect())
}

/// The changes in what an entry holds, each with the actor under which it was made, ascending by hash.
///
/// # Errors
/// Whatever refuses the entry on every device.
pub fn changes_by_actor_in(
    kind: Kind,
    source: Source,
    bytes: &[u8],
) -> Result<Vec<(ChangeHash, ActorId)>, Reason> {
    let changes = vetted(kind, source, bytes)?;
    let mut changes: Vec<(ChangeHash, ActorId)> =
        changes.iter().map(|change| (change.hash, change.actor)).collect();
    changes.sort_unstable_by_key(|(hash, _)| *hash);
    Ok(changes)
}

/// The order in which changes are handed to Automerge: ancestors first, and the same on every device.
pub(super) fn in_order(mut changes: Vec<Arc<Vetted>>) -> Vec<Arc<Vetted>> {
    changes.sort_by_key(|change| (change.start_op, change.hash));
    changes
}
