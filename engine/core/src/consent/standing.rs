//! What was said of a document's snapshots, and for whom they stand by it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::ids::{DeviceId, Position, SnapshotDigest, UserId};
use bowline_wire::log::SignedWord;

use super::people::People;
use super::told::{Holding, Said, SnapshotHeader, Told};
use super::words::{Words, speaks_by_making};
use crate::document::{ActorId, ChangeHash, Standing};

/// The digest of changes, in order of their hashes, by the document key.
pub type Digest<'d> = &'d dyn Fn(&[ChangeHash]) -> SnapshotDigest;

/// What the log says of a document's snapshots, by what is asked of it.
pub struct Facts<'f> {
    people: &'f People,
    words: Words,
    writers: BTreeSet<UserId>,
    /// The entries of each user, ascending.
    entries: BTreeMap<UserId, Vec<&'f Holding>>,
    /// The last row of each device about each snapshot.
    last: BTreeMap<(Position, DeviceId), &'f Said>,
}

/// Whether a snapshot is what its author says, for whoever has opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The snapshot holds other changes than its header says, and stands for nobody.
    NotAsDeclared,
    /// The snapshot stands for these users.
    Stands(Stands),
}

/// For whom a snapshot stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    users: BTreeMap<UserId, StandsFor>,
}

/// How a snapshot stands for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StandsFor {
    /// Where the consent was complete.
    since: Position,
    /// The word by which it does, of several the one that is about most.
    word: SignedWord,
}

impl StandsFor {
    fn and(self, other: Self) -> Self {
        let reach = |it: &Self| (it.word.covers, it.word.said);
        let word = if reach(&other) > reach(&self) { other.word } else { self.word };
        Self { since: self.since.min(other.since), word }
    }
}

impl Stands {
    /// Since when it stands for a user; `None` if it does not.
    pub fn for_user(&self, user: UserId) -> Option<Position> {
        self.users.get(&user).map(|stands| stands.since)
    }

    /// For whom it stands.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        self.users.keys().copied()
    }

    /// The word by which it stands for a user. For somebody who is gone others may have given it: then it is about all that the snapshot covers.
    pub fn word(&self, user: UserId) -> Option<SignedWord> {
        self.users.get(&user).map(|stands| stands.word)
    }

    /// Whether a user has signed for what they wrote up to a position by the word by which it stands for them.
    pub fn is_signed(&self, user: UserId, position: Position) -> bool {
        self.word(user).is_some_and(|word| position <= word.covers)
    }

    /// Whether it stands for everybody for whom another one does.
    pub fn is_for_all_of(&self, other: &Self) -> bool {
        other.users.keys().all(|user| self.users.contains_key(user))
    }

    /// Whether all of that is so by what was said up to a place.
    pub fn is_settled_by(&self, at: Position) -> bool {
        self.users.values().all(|how| how.since <= at && how.word.said <= at)
    }

    /// For whom it did at a place: who has gone since then, and for whom others speak by that, is not among them.
    #[must_use]
    pub fn as_of(mut self, at: Position) -> Self {
        self.users.retain(|_, how| how.since <= at);
        self
    }

    /// What of it counts for whom, for a document. If what it covers is gone, by a checkpoint that stands, it says what counted of
    /// that.
    pub fn to_standing(&self, people: &People, covered_is_gone: bool) -> Standing {
        let mut standing =
            if covered_is_gone { Standing::alone() } else { Standing::beside_what_it_covers() };
        for (user, StandsFor { since, .. }) in &self.users {
            people.devices_of(*user).for_each(|device| standing.add(device, *since));
        }
        standing
    }
}

impl<'f> Facts<'f> {
    /// What follows from what the log says.
    pub fn new(told: Told<'f>) -> Self {
        let Told { people, snapshots, said, .. } = told;
        let snapshots: BTreeMap<Position, &SnapshotHeader> =
            snapshots.iter().map(|snapshot| (snapshot.position, snapshot)).collect();
        let mut last: BTreeMap<(Position, DeviceId), &Said> = BTreeMap::new();
        for said in said {
            let newest = last.entry((said.row.snapshot, said.author)).or_insert(said);
            if newest.position < said.position {
                *newest = said;
            }
        }
        let mut entries: BTreeMap<UserId, Vec<&Holding>> = BTreeMap::new();
        for entry in told.entries.into_iter().filter(|it| !snapshots.contains_key(&it.position)) {
            if let Some(user) = people.user(entry.author) {
                entries.entry(user).or_default().push(entry);
            }
        }
        for of_user in entries.values_mut() {
            of_user.sort_by_key(|entry| entry.position);
        }
        let words = Words::new(people, &snapshots, said, told.signed);
        Self { people, words, writers: told.writers, entries, last }
    }

    /// For whom a snapshot stands that holds these changes.
    pub fn stands(
        &self,
        snapshot: &SnapshotHeader,
        holds: &[(ChangeHash, ActorId)],
        digest: Digest<'_>,
    ) -> Answer {
        let all: BTreeSet<ChangeHash> = holds.iter().map(|(hash, _)| *hash).collect();
        let mut by_user = self.by_user(holds);
        // Whoever has nothing in it may have said so, and what they wrote that counts nowhere goes by that.
        let author = self.people.user(snapshot.author);
        for user in self.words.users().chain(self.writers.iter().copied()) {
            by_user.entry(user).or_default();
        }
        let own = author.and_then(|user| by_user.get(&user));
        let is_as_declared = of(digest, &all) == snapshot.digests.all
            && of(digest, own.unwrap_or(&BTreeSet::new())) == snapshot.digests.own;
        if !is_as_declared {
            return Answer::NotAsDeclared;
        }
        let mut stands = Stands::default();
        for (user, changes) in &by_user {
            let gone = self.people.gone(*user);
            let by_others = gone.and_then(|gone| self.for_who_is_gone(snapshot, *user, gone)).map(|since| {
                let word = SignedWord { digest: of(digest, changes), covers: snapshot.covers, said: since };
                StandsFor { since, word }
            });
            let all = self.by_own_word(snapshot, *user, changes, digest).into_iter().chain(by_others);
            if let Some(how) = all.reduce(StandsFor::and) {
                stands.users.insert(*user, how);
            }
        }
        Answer::Stands(stands)
    }

    /// The devices that dispute a snapshot: of each its last row about it says so, and it is still in the workspace. While there is
    /// one, nothing is erased by the snapshot. Needs no key.
    pub fn disputed_by(&self, snapshot: Position, now: Position) -> BTreeSet<DeviceId> {
        let [first, last] = [0, u8::MAX].map(|byte| (snapshot, DeviceId::from_bytes([byte; 32])));
        let disputes = self.last.range(first..=last).filter(|(_, said)| said.row.dispute().is_some());
        disputes.map(|((_, device), _)| *device).filter(|device| self.people.is_in(*device, now)).collect()
    }

    /// The newest word of each user who has given one.
    pub fn newest_words(&self) -> impl Iterator<Item = (UserId, SignedWord)> {
        self.words.newest()
    }

    /// Whether an entry of a user at `position` may go because of a snapshot that stands for them: the user has signed for what is
    /// in it, and nobody disputes the snapshot. What they have not signed for stays, though the snapshot stands.
    pub fn may_go(
        &self,
        snapshot: &SnapshotHeader,
        stands: &Stands,
        user: UserId,
        position: Position,
        now: Position,
    ) -> bool {
        stands.is_signed(user, position) && self.disputed_by(snapshot.position, now).is_empty()
    }

    /// Since when a user's own word makes a snapshot stand: the changes of theirs in it are exactly those of a word and those of
    /// their entries behind what that covers and up to what the snapshot does.
    fn by_own_word(
        &self,
        snapshot: &SnapshotHeader,
        user: UserId,
        changes: &BTreeSet<ChangeHash>,
        digest: Digest<'_>,
    ) -> Option<StandsFor> {
        let mut complete: Option<StandsFor> = None;
        let (mut signed, mut upto) = (changes.clone(), snapshot.covers);
        let mut by_key: Option<SnapshotDigest> = None;
        for (covers, about) in self.words.of(user, snapshot.covers) {
            for change in self.entries_of(user, covers, upto) {
                // What is missing here is missing behind every lower place, too.
                if !changes.contains(&change) {
                    return complete;
                }
                if signed.remove(&change) {
                    by_key = None;
                }
            }
            upto = covers;
            let digest = *by_key.get_or_insert_with(|| of(digest, &signed));
            if let Some((first, last)) = about.get(&digest) {
                let word = SignedWord { digest, covers, said: *last };
                let how = StandsFor { since: snapshot.position.max(*first), word };
                complete = Some(complete.map_or(how, |before| before.and(how)));
            }
        }
        complete
    }

    /// What a user's devices have said in entries behind one position, up to another.
    fn entries_of(&self, user: UserId, after: Position, to: Position) -> impl Iterator<Item = ChangeHash> {
        let all = self.entries.get(&user).map_or(&[][..], Vec::as_slice);
        let first = all.partition_point(|entry| entry.position <= after);
        let found = all.get(first..).unwrap_or_default().iter().take_while(move |entry| entry.position <= to);
        found.flat_map(|it| it.changes.iter().copied())
    }

    /// Since when a snapshot stands for somebody who went: the Owner and one other user have confirmed it, if there is one.
    fn for_who_is_gone(&self, snapshot: &SnapshotHeader, user: UserId, gone: Position) -> Option<Position> {
        // Whose word it is was settled when it was said: a hand-over later takes nothing back.
        let as_owner = |owner: UserId| {
            let said = self
                .confirmations(snapshot)
                .filter(|(by, at)| *by == owner && self.people.is_owner(owner, *at));
            said.map(|(_, at)| at).min().map(|at| (at, owner))
        };
        let owners = self.people.owners().into_iter().filter(|owner| *owner != user);
        let (by_owner, owner) = owners.filter_map(as_owner).min()?;
        let by_owner = by_owner.max(gone);
        if !self.people.has_others((owner, user), by_owner) {
            return Some(by_owner);
        }
        let by_others = self.confirmations(snapshot).filter(|(by, _)| *by != owner && *by != user);
        by_others.map(|(_, at)| by_owner.max(at)).min()
    }

    /// Wherever a user has said that a snapshot holds what counts.
    fn confirmations(&self, snapshot: &SnapshotHeader) -> impl Iterator<Item = (UserId, Position)> {
        let author = self.people.user(snapshot.author);
        let by_making = author.filter(|_| speaks_by_making(self.people, snapshot));
        let by_making = by_making.map(|user| (user, snapshot.position));
        by_making.into_iter().chain(self.words.confirmations(snapshot.position))
    }

    /// Changes by whose device made them; those by nobody who was ever here are nobody's.
    fn by_user(&self, holds: &[(ChangeHash, ActorId)]) -> BTreeMap<UserId, BTreeSet<ChangeHash>> {
        let mut by_user: BTreeMap<UserId, BTreeSet<ChangeHash>> = BTreeMap::new();
        let mut whose: BTreeMap<ActorId, Option<UserId>> = BTreeMap::new();
        for (hash, actor) in holds {
            let user = whose.entry(*actor).or_insert_with(|| self.people.user_of(*actor));
            if let Some(user) = user {
                by_user.entry(*user).or_default().insert(*hash);
            }
        }
        by_user
    }
}

fn of(digest: Digest<'_>, changes: &BTreeSet<ChangeHash>) -> SnapshotDigest {
    let sorted: Vec<ChangeHash> = changes.iter().copied().collect();
    digest(&sorted)
}
