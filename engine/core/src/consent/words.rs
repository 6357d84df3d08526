//! Who has consented to what of a document, and which snapshots they have confirmed.

use std::collections::BTreeMap;

use bowline_wire::confirm::Word;
use bowline_wire::ids::{Position, SnapshotDigest, UserId};
use bowline_wire::limits::MAX_WORDS_ASKED;
use bowline_wire::log::SignedWord;

use super::people::People;
use super::told::{Said, SnapshotHeader};

/// What a user has said about everything up to one place: each digest, with where it was said first and last.
pub(super) type About = BTreeMap<SnapshotDigest, (Position, Position)>;

/// The words of all users about a document.
#[derive(Default)]
pub(super) struct Words {
    /// Those of each user, by up to where they are about everything.
    given: BTreeMap<UserId, BTreeMap<Position, About>>,
    /// Up to where each user has said something by the state.
    known: BTreeMap<UserId, Position>,
    /// Rows that say of a snapshot that it holds what counts: whose, and where.
    confirmed: BTreeMap<Position, Vec<(UserId, Position)>>,
}

impl Words {
    pub(super) fn new(
        people: &People,
        snapshots: &BTreeMap<Position, &SnapshotHeader>,
        said: &[Said],
        signed: &[(UserId, SignedWord)],
    ) -> Self {
        let mut words = Self::default();
        for (user, word) in signed {
            words.known.insert(*user, word.covers);
            words.add(*user, *word);
        }
        for snapshot in snapshots.values() {
            if let Some(user) = people.user(snapshot.author).filter(|_| speaks_by_making(people, snapshot)) {
                let SnapshotHeader { digests, covers, position, .. } = **snapshot;
                words.add(user, SignedWord { digest: digests.own, covers, said: position });
            }
        }
        for said in said {
            let Some(snapshot) = snapshots.get(&said.row.snapshot) else { continue };
            let Some(user) = people.user(said.author).filter(|_| is_heard(people, said, snapshot)) else {
                continue;
            };
            if said.row.dispute().is_none() {
                words.confirmed.entry(snapshot.position).or_default().push((user, said.position));
            }
            if let Word::Confirms(Some(digest)) = said.row.word {
                words.add(user, SignedWord { digest, covers: snapshot.covers, said: said.position });
            }
        }
        words
    }

    /// Takes a word, if it is not about less than what a state says of its user: entries between the two may be gone, and what was in them would
    /// not be missed.
    fn add(&mut self, user: UserId, word: SignedWord) {
        if self.known.get(&user).is_some_and(|known| word.covers < *known) {
            return;
        }
        let about = self.given.entry(user).or_default().entry(word.covers).or_default();
        let (first, last) = about.entry(word.digest).or_insert((word.said, word.said));
        (*first, *last) = (word.said.min(*first), word.said.max(*last));
    }

    /// Everybody who has given a word.
    pub(super) fn users(&self) -> impl Iterator<Item = UserId> {
        self.given.keys().copied()
    }

    /// Those of a user that are asked of a snapshot which covers so much, from those that are about most on: at [`MAX_WORDS_ASKED`] places, and at
    /// the lowest, where the one of a state is.
    pub(super) fn of(&self, user: UserId, covers: Position) -> impl Iterator<Item = (Position, &About)> {
        let of_user = || self.given.get(&user).into_iter().flat_map(move |words| words.range(..=covers));
        let lowest = of_user().rev().nth(MAX_WORDS_ASKED).and(of_user().next());
        let asked = of_user().rev().take(MAX_WORDS_ASKED).chain(lowest);
        asked.map(|(covers, about)| (*covers, about))
    }

    /// The word of each user that was said last; of those in one entry the one that is about most.
    pub(super) fn newest(&self) -> impl Iterator<Item = (UserId, SignedWord)> {
        let word = |(covers, (digest, (_, said))): (Position, (&SnapshotDigest, &(_, Position)))| {
            SignedWord { digest: *digest, covers, said: *said }
        };
        let newest = move |words: &BTreeMap<Position, About>| {
            let all = words.iter().flat_map(|(covers, about)| about.iter().map(|it| (*covers, it)));
            all.map(word).max_by_key(|word| (word.said, word.covers, word.digest))
        };
        self.given.iter().filter_map(move |(user, words)| Some((*user, newest(words)?)))
    }

    /// Who has said in a row that a snapshot holds what counts, and where.
    pub(super) fn confirmations(&self, snapshot: Position) -> impl Iterator<Item = (UserId, Position)> {
        self.confirmed.get(&snapshot).into_iter().flatten().copied()
    }
}

/// Whether its author's user speaks by making a snapshot. A user who is alone does not: nobody has looked at it yet.
pub(super) fn speaks_by_making(people: &People, snapshot: &SnapshotHeader) -> bool {
    people.users_at(snapshot.position) > 1
}

/// Whether a row counts as what its author's user says. Of a user who is alone somebody else than the snapshot's author has to look at it:
/// another device, if there is one.
fn is_heard(people: &People, said: &Said, snapshot: &SnapshotHeader) -> bool {
    snapshot.position < said.position
        && (said.author != snapshot.author
            || people.users_at(said.position) > 1
            || people.is_only_device(said.author, said.position))
}
