//! What of a document stays: its snapshot that stands in for the rest, what each user has signed, and what has to go on being there.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::ids::{Position, UserId, WireDoc};
use bowline_wire::log::SignedWord;

use crate::consent::{Answer, Facts, Holding, People, Said, SnapshotHeader, Stands, Told};

/// A snapshot of which it is not known at the place of the state whether it holds what its header says, and for whom it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody has judged the snapshot at {0} by what stands on the log up to the place")]
pub struct NotJudged(pub Position);

/// What is kept of a document at a place, and was said of it.
#[derive(Clone, Debug)]
pub struct Kept {
    doc: WireDoc,
    /// The snapshot that the state before names.
    pub(super) named: Option<Position>,
    /// What users have signed by the state before.
    pub(super) signed: Vec<(UserId, SignedWord)>,
    pub(super) snapshots: Vec<SnapshotHeader>,
    pub(super) said: Vec<Said>,
    /// What its payloads are, ascending by where they stand.
    pub(super) content: Vec<Content>,
}

/// A payload of the document.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Where it stands; of one in parts, where the last one does.
    pub(super) position: Position,
    /// Whose it is.
    pub(super) user: UserId,
    /// Whether a snapshot may stand in for it: what a version has no rule for stays.
    pub(super) is_coverable: bool,
    /// The entries that carry it, by their numbers in the list.
    pub(super) entries: Vec<usize>,
}

/// What comes of a document at a place.
pub(super) struct Settled {
    /// The snapshot that stands in for what goes.
    pub(super) named: Option<Position>,
    /// What each user has signed.
    pub(super) words: BTreeMap<UserId, SignedWord>,
    /// The entries that go, by their numbers in the list.
    pub(super) goes: Vec<usize>,
    /// The snapshots that stay and say what they hold.
    pub(super) snapshots: Vec<Position>,
}

/// The snapshot that stands in for what goes.
#[derive(Clone, Copy)]
struct Named<'s> {
    position: Position,
    stands: &'s Stands,
}

impl Kept {
    pub(super) fn new(doc: WireDoc) -> Self {
        let (named, signed, snapshots, said, content) = Default::default();
        Self { doc, named, signed, snapshots, said, content }
    }

    /// The document.
    pub fn doc(&self) -> WireDoc {
        self.doc
    }

    /// The snapshots that say what they hold, all of which have to be judged, ascending.
    pub fn snapshots(&self) -> &[SnapshotHeader] {
        &self.snapshots
    }

    /// By what its snapshots are to be judged: `entries` are what counts in its other content entries, of which those need not be named in
    /// which nothing does. What they name that is not kept is left out.
    pub fn facts<'f>(&'f self, people: &'f People, entries: &'f [Holding]) -> Facts<'f> {
        let is_kept =
            |it: &&Holding| self.content.binary_search_by_key(&it.position, |at| at.position).is_ok();
        let entries = entries.iter().filter(is_kept).collect();
        let writers = self.content.iter().map(|it| it.user).collect();
        let Self { snapshots, said, signed, .. } = self;
        Facts::new(Told { people, snapshots, said, signed, writers, entries })
    }

    /// What comes of it at a place.
    pub(super) fn settle(
        &self,
        people: &People,
        judged: &BTreeMap<Position, Answer>,
        at: Position,
    ) -> Result<Settled, NotJudged> {
        let facts = self.facts(people, &[]);
        let mut stands: BTreeMap<Position, &Stands> = BTreeMap::new();
        for snapshot in &self.snapshots {
            match judged.get(&snapshot.position) {
                Some(Answer::Stands(how)) if how.is_settled_by(at) => {
                    stands.insert(snapshot.position, how);
                }
                Some(Answer::NotAsDeclared) => {}
                _ => return Err(NotJudged(snapshot.position)),
            }
        }
        let nobody = Stands::default();
        let named = self.newest(people, &facts, &stands, at).or_else(|| self.named_before(&stands, &nobody));
        let mut words: BTreeMap<UserId, SignedWord> = facts.newest_words().collect();
        for (named, user) in
            named.iter().flat_map(|named| named.stands.users().map(move |user| (named, user)))
        {
            words.extend(named.stands.word(user).map(|word| (user, word)));
        }
        let goes =
            |it: &&Content| named.is_some_and(|named| named.lets_go(it, stands.get(&it.position).copied()));
        let is_disputed = named.is_some_and(|named| !facts.disputed_by(named.position, at).is_empty());
        let gone: Vec<&Content> = self.content.iter().filter(|_| !is_disputed).filter(goes).collect();
        let places: BTreeSet<Position> = gone.iter().map(|it| it.position).collect();
        let all = self.snapshots.iter().map(|snapshot| snapshot.position);
        Ok(Settled {
            named: named.map(|named| named.position),
            words,
            goes: gone.into_iter().flat_map(|it| it.entries.iter().copied()).collect(),
            snapshots: all.filter(|position| !places.contains(position)).collect(),
        })
    }

    /// The snapshot of most, and of these the newest, of more than the one that the state before names which nobody disputes, and that stands for
    /// its author's user and for everybody of whom that state has a word: for all of them that one may be alone in holding what they have said,
    /// though it need not stand for them by what is left.
    fn newest<'s>(
        &self,
        people: &People,
        facts: &Facts<'_>,
        stands: &BTreeMap<Position, &'s Stands>,
        at: Position,
    ) -> Option<Named<'s>> {
        let is_it = |snapshot: &&SnapshotHeader| {
            let position = snapshot.position;
            stands.get(&position).is_some_and(|how| {
                let is_for = |user: UserId| how.for_user(user).is_some();
                people.user(snapshot.author).is_some_and(is_for)
                    && self.signed.iter().all(|(user, _)| is_for(*user))
                    && facts.disputed_by(position, at).is_empty()
            })
        };
        let reach = |snapshot: &SnapshotHeader| (snapshot.covers, snapshot.position);
        let before = self.snapshots.iter().find(|it| Some(it.position) == self.named).map(reach);
        let more = self.snapshots.iter().filter(|it| before.is_none_or(|before| before < reach(it)));
        let position = more.filter(is_it).max_by_key(|it| reach(it))?.position;
        stands.get(&position).map(|stands| Named { position, stands })
    }

    /// The snapshot that the state before names, if it is still there: it may have been given up.
    fn named_before<'s>(
        &self,
        stands: &BTreeMap<Position, &'s Stands>,
        nobody: &'s Stands,
    ) -> Option<Named<'s>> {
        let is_there = |at: &Position| self.snapshots.iter().any(|snapshot| snapshot.position == *at);
        let position = self.named.filter(is_there)?;
        Some(Named { position, stands: stands.get(&position).copied().unwrap_or(nobody) })
    }
}

impl Named<'_> {
    /// Whether a payload is in what its user has signed, for which this snapshot stands; if that is a snapshot which stands for somebody, for them
    /// as well.
    fn lets_go(&self, it: &Content, stands: Option<&Stands>) -> bool {
        it.is_coverable
            && it.position != self.position
            && self.stands.is_signed(it.user, it.position)
            && stands.is_none_or(|stands| self.stands.is_for_all_of(stands))
    }
}
