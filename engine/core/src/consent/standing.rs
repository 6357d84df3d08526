//! What was said of a document's snapshots, and for whom they stand by it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::confirm::{Row, Word};
use bowline_wire::header::Digests;
use bowline_wire::ids::{DeviceId, Position, SnapshotDigest, UserId};

use super::people::People;
use crate::document::{ActorId, ChangeHash, Standing};

/// A snapshot on the log, as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Where it stands; of one in parts, where the last one does.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// The snapshot stands in for everything of its document up to here, by the log as it went on (`Placed::covers`).
    pub covers: Position,
    /// What its author says it holds.
    pub digests: Digests,
}

/// A row of a confirm on the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where the confirm stands.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// What it says.
    pub row: Row,
}

/// A content entry of the document that is on the log with its body: whose it is, and what its own device says in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Where it stands; of one in parts, where the last one does.
    pub position: Position,
    /// Whose it is.
    pub author: DeviceId,
    /// The changes in it that its author's device made.
    pub changes: Vec<ChangeHash>,
}

/// The digest of changes, in order of their hashes, by the document key.
pub type Digest<'d> = &'d dyn Fn(&[ChangeHash]) -> SnapshotDigest;

/// What the log says of a document's snapshots. Everything that is a function of it is one of these alone.
#[derive(Clone, Copy)]
pub struct Facts<'f> {
    /// Who was in the workspace when.
    pub people: &'f People,
    /// The snapshots of the document that say what they hold.
    pub snapshots: &'f [SnapshotHeader],
    /// What was said of them.
    pub said: &'f [Said],
    /// The entries of the document that are still there.
    pub entries: &'f [Holding],
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
    /// Up to where what the user wrote is in a set that was signed for.
    signed: Position,
}

impl StandsFor {
    fn and(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), signed: self.signed.max(other.signed) }
    }
}

impl Stands {
    /// Since when it stands for a user; `None` if it does not.
    pub fn for_user(&self, user: UserId) -> Option<Position> {
        self.users.get(&user).map(|stands| stands.since)
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

/// A user's consent to a set of changes.
struct Consented {
    digest: SnapshotDigest,
    /// The word is about everything up to here.
    covers: Position,
    /// Where it was said.
    position: Position,
}

impl Facts<'_> {
    /// For whom a snapshot stands that holds these changes.
    pub fn stands(
        &self,
        snapshot: &SnapshotHeader,
        holds: &[(ChangeHash, ActorId)],
        digest: Digest<'_>,
    ) -> Answer {
        let all: BTreeSet<ChangeHash> = holds.iter().map(|(hash, _)| *hash).collect();
        let by_user = self.by_user(holds);
        let own = self.people.user(snapshot.author).and_then(|user| by_user.get(&user));
        let is_as_declared = of(digest, &all) == snapshot.digests.all
            && of(digest, own.unwrap_or(&BTreeSet::new())) == snapshot.digests.own;
        if !is_as_declared {
            return Answer::NotAsDeclared;
        }
        let mut stands = Stands::default();
        for (user, changes) in &by_user {
            let by_others =
                self.people.gone(*user).and_then(|gone| self.for_who_is_gone(snapshot, *user, gone));
            let by_others = by_others.map(|since| StandsFor { since, signed: snapshot.covers });
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
        let mut last: BTreeMap<DeviceId, &Said> = BTreeMap::new();
        for said in self.said.iter().filter(|said| said.row.snapshot == snapshot) {
            let newest = last.entry(said.author).or_insert(said);
            if newest.position < said.position {
                *newest = said;
            }
        }
        let disputes = last.into_iter().filter(|(_, said)| said.row.dispute().is_some());
        disputes.map(|(device, _)| device).filter(|device| self.people.is_in(*device, now)).collect()
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
        let is_signed = stands.users.get(&user).is_some_and(|how| position <= how.signed);
        is_signed && self.disputed_by(snapshot.position, now).is_empty()
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
        let words = self.words(user).into_iter().filter(|word| word.covers <= snapshot.covers);
        let complete = words.filter_map(|word| {
            let since: BTreeSet<ChangeHash> = self.entries_of(user, word.covers, snapshot.covers).collect();
            let signed: BTreeSet<ChangeHash> = changes.difference(&since).copied().collect();
            let is_all = since.is_subset(changes) && of(digest, &signed) == word.digest;
            is_all.then(|| StandsFor { since: word.position.max(snapshot.position), signed: word.covers })
        });
        complete.reduce(StandsFor::and)
    }

    /// What a user's devices have said in entries behind one position, up to another.
    fn entries_of(&self, user: UserId, after: Position, to: Position) -> impl Iterator<Item = ChangeHash> {
        let is_theirs = move |entry: &&Holding| self.people.user(entry.author) == Some(user);
        let found = self.entries.iter().filter(is_theirs);
        found
            .filter(move |entry| after < entry.position && entry.position <= to)
            .flat_map(|it| it.changes.iter().copied())
    }

    /// Since when a snapshot stands for somebody who went: the Owner and one other user have confirmed it, if there is one.
    fn for_who_is_gone(&self, snapshot: &SnapshotHeader, user: UserId, gone: Position) -> Option<Position> {
        // Whose word it is was settled when it was said: a hand-over later takes nothing back.
        let as_owner = |owner: UserId| {
            let said = self.confirmations(snapshot, owner).filter(|at| self.people.is_owner(owner, *at));
            said.min().map(|at| (at, owner))
        };
        let owners = self.people.owners().into_iter().filter(|owner| *owner != user);
        let (by_owner, owner) = owners.filter_map(as_owner).min()?;
        let by_owner = by_owner.max(gone);
        let is_other = |other: &UserId| *other != owner && *other != user;
        if !self.people.users_at(by_owner).iter().any(is_other) {
            return Some(by_owner);
        }
        let others = self.people.users().into_iter().filter(is_other);
        let by_other = others.filter_map(|other| self.confirmed_by(snapshot, other)).min()?;
        Some(by_owner.max(by_other))
    }

    /// Where a user has first said that a snapshot holds what counts.
    fn confirmed_by(&self, snapshot: &SnapshotHeader, user: UserId) -> Option<Position> {
        self.confirmations(snapshot, user).min()
    }

    /// Wherever a user has said that a snapshot holds what counts.
    fn confirmations(&self, snapshot: &SnapshotHeader, user: UserId) -> impl Iterator<Item = Position> {
        let by_making = self.speaks_by_making(snapshot, user).then_some(snapshot.position);
        let rows =
            self.rows_of(user).filter(move |(said, of)| *of == snapshot && said.row.dispute().is_none());
        by_making.into_iter().chain(rows.map(|(said, _)| said.position))
    }

    /// All words of a user.
    fn words(&self, user: UserId) -> Vec<Consented> {
        let made = self.snapshots.iter().filter(|snapshot| self.speaks_by_making(snapshot, user));
        let made = made.map(|snapshot| Consented {
            digest: snapshot.digests.own,
            covers: snapshot.covers,
            position: snapshot.position,
        });
        let rows = self.rows_of(user).filter_map(|(said, snapshot)| match said.row.word {
            Word::Confirms(Some(digest)) => {
                Some(Consented { digest, covers: snapshot.covers, position: said.position })
            }
            Word::Confirms(None) | Word::Disputes(_) => None,
        });
        made.chain(rows).collect()
    }

    /// Whether a user speaks by making a snapshot. A user who is alone does not: nobody has looked at it yet.
    fn speaks_by_making(&self, snapshot: &SnapshotHeader, user: UserId) -> bool {
        self.people.user(snapshot.author) == Some(user) && self.people.users_at(snapshot.position).len() > 1
    }

    /// Rows by a user's devices, each with the snapshot it is about. Of a user who is alone somebody else than the snapshot's author
    /// has to look at it: another device, if there is one.
    fn rows_of(&self, user: UserId) -> impl Iterator<Item = (&Said, &SnapshotHeader)> {
        let is_theirs = move |said: &&Said| self.people.user(said.author) == Some(user);
        let found = self.said.iter().filter(is_theirs).filter_map(|said| {
            let is_it = |snapshot: &&SnapshotHeader| snapshot.position == said.row.snapshot;
            let snapshot = self.snapshots.iter().find(is_it)?;
            (snapshot.position < said.position).then_some((said, snapshot))
        });
        found.filter(move |(said, snapshot)| {
            said.author != snapshot.author
                || self.people.users_at(said.position).len() > 1
                || self.people.is_only_device(said.author, said.position)
        })
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
