//! For whom a snapshot stands, by what the log says.

use bowline_core::consent::{Answer, Facts, Holding, Member, People, Said, SnapshotHeader, Stands, Told};
use bowline_core::document::{ActorId, ChangeHash, Document, Kind, Source};
use bowline_wire::confirm::{Row, Word};
use bowline_wire::hash::sha256;
use bowline_wire::header::Digests;
use bowline_wire::ids::{DeviceId, Position, SnapshotDigest, UserId};
use bowline_wire::log::SignedWord;

use crate::support::{Author, Sealed, assemble, device, shown};

pub(crate) const OWNER: u8 = 1;
pub(crate) const BEN: u8 = 2;
pub(crate) const CARL: u8 = 3;
/// What the snapshot of most tests covers, where it stands, and where the log is now.
pub(crate) const COVERS: u64 = 10;
pub(crate) const AT: u64 = 12;
const NOW: Position = Position(100);

pub(crate) fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

pub(crate) fn change(number: u8) -> ChangeHash {
    ChangeHash::from_bytes([number; 32])
}

pub(crate) fn digest(sorted: &[ChangeHash]) -> SnapshotDigest {
    let parts: Vec<&[u8]> = sorted.iter().map(|hash| &hash.as_bytes()[..]).collect();
    SnapshotDigest::from_bytes(sha256(&parts))
}

/// A workspace and what its log says of one document. The first device of user n is device n.
#[derive(Clone, Default)]
pub(crate) struct Log {
    devices: Vec<(DeviceId, Member)>,
    owners: Vec<(Position, UserId)>,
    /// Changes of the snapshot, and whose device made each.
    pub(crate) holds: Vec<(ChangeHash, u8)>,
    pub(crate) snapshots: Vec<SnapshotHeader>,
    said: Vec<Said>,
    pub(crate) signed: Vec<(UserId, SignedWord)>,
    pub(crate) entries: Vec<Holding>,
}

impl Log {
    pub(crate) fn of(users: &[u8]) -> Self {
        let mut log = Self { owners: vec![(Position(1), user(OWNER))], ..Self::default() };
        for number in users {
            log.joins(*number, *number);
        }
        log
    }

    fn joins(&mut self, number: u8, of: u8) {
        let member = Member { user: user(of), recovery: false, joined: Position(1), left: None };
        self.devices.push((device(number), member));
    }

    fn joins_at(&mut self, number: u8, of: u8, at: u64) {
        self.joins(number, of);
        self.devices.last_mut().unwrap().1.joined = Position(at);
    }

    pub(crate) fn leaves(&mut self, number: u8, at: u64) -> &mut Self {
        let found = self.devices.iter_mut().find(|(id, _)| *id == device(number));
        found.unwrap().1.left = Some(Position(at));
        self
    }

    fn people(&self) -> People {
        People::new(self.owners.clone(), self.devices.iter().copied())
    }

    /// A change of a device's in an entry of its own, and in the snapshot.
    pub(crate) fn says(&mut self, number: u8, hash: u8, at: u64) -> &mut Self {
        self.entries.push(Holding {
            position: Position(at),
            author: device(number),
            changes: vec![change(hash)],
        });
        self.holds.push((change(hash), number));
        self
    }

    pub(crate) fn own_digest(&self, of: u8) -> SnapshotDigest {
        let people = self.people();
        let is_theirs = |number: u8| people.user(device(number)) == Some(user(of));
        let mut theirs: Vec<_> =
            self.holds.iter().filter(|(_, by)| is_theirs(*by)).map(|(hash, _)| *hash).collect();
        theirs.sort_unstable();
        digest(&theirs)
    }

    pub(crate) fn snapshot_by(&mut self, author: u8) -> &mut Self {
        self.snapshot_at(author, COVERS, AT)
    }

    pub(crate) fn snapshot_at(&mut self, author: u8, covers: u64, at: u64) -> &mut Self {
        let mut all: Vec<_> = self.holds.iter().map(|(hash, _)| *hash).collect();
        all.sort_unstable();
        let of = self.devices.iter().find(|(id, _)| *id == device(author)).unwrap().1.user;
        let digests = Digests { all: digest(&all), own: self.own_digest(of.as_bytes()[0]) };
        let (covers, position) = (Position(covers), Position(at));
        self.snapshots.push(SnapshotHeader { position, author: device(author), covers, digests });
        self
    }

    pub(crate) fn row(&mut self, author: u8, at: u64, word: Word) -> &mut Self {
        let row = Row { snapshot: self.snapshots.last().unwrap().position, word };
        self.said.push(Said { position: Position(at), author: device(author), row });
        self
    }

    /// A device says that the last snapshot holds of its user's what it does.
    pub(crate) fn confirms(&mut self, author: u8, of: u8, at: u64) -> &mut Self {
        let own = self.own_digest(of);
        self.row(author, at, Word::Confirms(Some(own)))
    }

    fn answer(&self) -> Answer {
        self.answer_by(&digest)
    }

    pub(crate) fn answer_by(&self, digest: &dyn Fn(&[ChangeHash]) -> SnapshotDigest) -> Answer {
        let holds: Vec<_> =
            self.holds.iter().map(|(hash, by)| (*hash, ActorId::for_device(device(*by), [0; 8]))).collect();
        let people = self.people();
        self.facts(&people).stands(self.snapshots.last().unwrap(), &holds, digest)
    }

    fn facts<'f>(&'f self, people: &'f People) -> Facts<'f> {
        let Self { snapshots, said, signed, entries, .. } = self;
        let authors = snapshots.iter().map(|it| it.author).chain(entries.iter().map(|it| it.author));
        let writers = authors.filter_map(|author| people.user(author)).collect();
        Facts::new(Told { people, snapshots, said, signed, writers, entries: entries.iter().collect() })
    }

    pub(crate) fn stands(&self) -> Stands {
        let Answer::Stands(stands) = self.answer() else { panic!("not as declared") };
        stands
    }

    /// Since when the last snapshot stands for each of these.
    pub(crate) fn since(&self, users: &[u8]) -> Vec<Option<u64>> {
        users.iter().map(|number| self.stands().for_user(user(*number)).map(|at| at.0)).collect()
    }

    pub(crate) fn may_go(&self, of: u8, at: u64) -> bool {
        let people = self.people();
        self.facts(&people).may_go(
            self.snapshots.last().unwrap(),
            &self.stands(),
            user(of),
            Position(at),
            NOW,
        )
    }

    fn disputed(&self) -> usize {
        let people = self.people();
        self.facts(&people).disputed_by(self.snapshots.last().unwrap().position, NOW).len()
    }
}

/// The Owner, Ben and Carl have each said something.
pub(crate) fn three() -> Log {
    let mut log = Log::of(&[OWNER, BEN, CARL]);
    log.says(OWNER, 1, 4).says(BEN, 2, 5).says(CARL, 3, 6);
    log
}

#[test]
fn a_snapshot_stands_for_its_authors_user_and_for_those_who_confirm_it() {
    let mut log = three();
    log.snapshot_by(BEN);
    assert_eq!(log.since(&[OWNER, BEN, CARL]), [None, Some(AT), None]);
    log.confirms(CARL, CARL, 20);
    assert_eq!(log.since(&[OWNER, BEN, CARL]), [None, Some(AT), Some(20)]);
}

#[test]
fn another_device_of_a_user_speaks_for_all_of_that_users() {
    let mut log = three();
    log.joins(20, BEN);
    log.says(20, 4, 7).snapshot_by(OWNER).confirms(20, BEN, 15);
    assert_eq!(log.since(&[OWNER, BEN, CARL]), [Some(AT), Some(15), None]);
}

#[test]
fn a_snapshot_that_holds_something_else_than_its_header_says_stands_for_nobody() {
    for broken in [0, 1] {
        let mut log = three();
        log.snapshot_by(BEN).confirms(CARL, CARL, 20);
        let digests = &mut log.snapshots[0].digests;
        *[&mut digests.all, &mut digests.own][broken] = SnapshotDigest::from_bytes([9; 32]);
        assert_eq!(log.answer(), Answer::NotAsDeclared);
    }
}

#[test]
fn a_confirm_with_another_digest_or_none_is_nobodys_word_for_their_changes() {
    for word in [Word::Confirms(Some(SnapshotDigest::from_bytes([9; 32]))), Word::Confirms(None)] {
        let mut log = three();
        log.snapshot_by(BEN).row(CARL, 20, word);
        assert_eq!(log.since(&[CARL]), [None]);
    }
    let mut log = three();
    let own = log.own_digest(CARL);
    log.snapshot_by(BEN).row(CARL, 20, Word::Disputes(own));
    assert_eq!(log.since(&[CARL]), [None], "nor is a dispute");
}

#[test]
fn somebodys_word_is_about_their_own_changes_and_nobody_elses() {
    let mut log = three();
    let carls = log.own_digest(CARL);
    log.snapshot_by(BEN).row(OWNER, 20, Word::Confirms(Some(carls)));
    assert_eq!(log.since(&[OWNER, CARL]), [None, None]);
}

mod a_word_carries_over {
    use super::*;

    /// Carl has confirmed an older snapshot and is away; Ben has said more since.
    fn older() -> Log {
        let mut log = three();
        log.snapshot_by(OWNER).confirms(CARL, CARL, 14);
        log
    }

    #[test]
    fn for_whoever_has_said_nothing_since() {
        let mut log = older();
        log.says(BEN, 4, 16).snapshot_at(BEN, 18, 19);
        assert_eq!(log.since(&[OWNER, BEN, CARL]), [Some(19), Some(19), Some(19)]);
    }

    #[test]
    fn with_what_is_in_their_own_entries_since_which_stay() {
        let mut log = older();
        log.says(CARL, 4, 16).snapshot_at(BEN, 18, 19);
        assert_eq!(log.since(&[CARL]), [Some(19)]);
        assert!(log.may_go(CARL, 6), "what carl has signed for goes");
        assert!(!log.may_go(CARL, 16), "and what is in no word of carl's stays");
        log.confirms(CARL, CARL, 25);
        assert!(log.may_go(CARL, 16));
    }

    #[test]
    fn and_not_to_something_that_is_in_no_entry_of_theirs() {
        let mut log = older();
        log.holds.push((change(66), CARL));
        log.snapshot_at(BEN, 18, 19);
        assert_eq!(log.since(&[CARL, BEN]), [None, Some(19)], "made up under carl's actor");
    }

    #[test]
    fn and_not_if_something_of_theirs_is_left_out() {
        let mut log = older();
        log.says(CARL, 4, 16);
        log.holds.retain(|(hash, _)| *hash != change(4));
        log.snapshot_at(BEN, 18, 19);
        assert_eq!(log.since(&[CARL]), [None]);
        log.holds.retain(|(hash, _)| *hash != change(3));
        log.snapshot_at(BEN, 15, 20);
        assert_eq!(log.since(&[CARL]), [None]);
    }

    #[test]
    fn to_what_covers_more_only() {
        let mut log = three();
        log.snapshot_at(OWNER, 18, 19).confirms(CARL, CARL, 21);
        log.snapshot_at(BEN, 9, 22);
        assert_eq!(log.since(&[CARL]), [None]);
    }

    #[test]
    fn the_same_when_what_it_covers_is_gone() {
        let mut log = older();
        log.says(CARL, 4, 16).says(BEN, 5, 17).snapshot_at(BEN, 18, 19);
        let before = log.since(&[OWNER, BEN, CARL]);
        let gone: Vec<_> = log
            .entries
            .iter()
            .filter(|it| !log.may_go(it.author.as_bytes()[0], it.position.0))
            .cloned()
            .collect();
        log.entries = gone;
        assert_eq!(log.entries.len(), 1, "carl's last");
        assert_eq!(log.since(&[OWNER, BEN, CARL]), before);
    }
}

mod whoever_is_alone {
    use super::*;

    /// One user with so many devices.
    fn one_user(devices: u8) -> Log {
        let mut log = Log::of(&[OWNER]);
        (1..devices).for_each(|number| log.joins(10 + number, OWNER));
        log.says(OWNER, 1, 4).snapshot_by(OWNER);
        log
    }

    #[test]
    fn confirms_with_another_live_device() {
        let mut log = one_user(2);
        assert_eq!(log.since(&[OWNER]), [None], "nobody has looked at it");
        log.confirms(OWNER, OWNER, 14);
        assert_eq!(log.since(&[OWNER]), [None], "nor has anybody but who made it");
        log.confirms(11, OWNER, 15);
        assert_eq!(log.since(&[OWNER]), [Some(15)]);
    }

    #[test]
    fn confirms_with_the_only_device_there_is() {
        let mut log = one_user(1);
        assert_eq!(log.since(&[OWNER]), [None]);
        log.confirms(OWNER, OWNER, 14);
        assert_eq!(log.since(&[OWNER]), [Some(14)]);
        let mut log = one_user(2);
        log.devices[1].1.recovery = true;
        assert_eq!(
            log.confirms(OWNER, OWNER, 14).since(&[OWNER]),
            [Some(14)],
            "a phrase on paper looks at nothing"
        );
        let mut log = one_user(2);
        log.leaves(11, 13);
        assert_eq!(log.confirms(OWNER, OWNER, 14).since(&[OWNER]), [Some(14)]);
    }

    #[test]
    fn is_judged_by_who_was_there_then() {
        let mut log = one_user(2);
        log.joins_at(BEN, BEN, 13);
        assert_eq!(log.since(&[OWNER]), [None], "whoever comes later changes nothing of it");
        log.confirms(OWNER, OWNER, 20);
        assert_eq!(log.since(&[OWNER]), [Some(20)], "with somebody there who can object");
        let mut log = one_user(1);
        log.confirms(OWNER, OWNER, 14);
        log.joins_at(11, OWNER, 15);
        assert_eq!(log.since(&[OWNER]), [Some(14)], "what counted goes on counting");
    }
}

mod somebody_removed {
    use super::*;

    #[test]
    fn is_spoken_for_by_the_owner_and_another_user() {
        let mut log = three();
        log.snapshot_by(OWNER).leaves(CARL, 30);
        assert_eq!(log.since(&[CARL]), [None]);
        log.row(BEN, 20, Word::Confirms(None));
        assert_eq!(log.since(&[CARL]), [Some(30)], "from where both have spoken and carl is gone");
        assert!(log.may_go(CARL, 6));
        let mut log = three();
        log.snapshot_by(BEN).leaves(CARL, 30);
        assert_eq!(log.since(&[CARL]), [None], "ben alone does not");
        log.row(OWNER, 40, Word::Confirms(None));
        assert_eq!(log.since(&[CARL]), [Some(40)]);
    }

    #[test]
    fn is_not_spoken_for_while_they_are_there() {
        let mut log = three();
        log.joins(30, CARL);
        log.snapshot_by(OWNER).row(BEN, 20, Word::Confirms(None)).leaves(CARL, 30);
        assert_eq!(log.since(&[CARL]), [None], "another device of theirs can speak");
    }

    #[test]
    fn is_spoken_for_by_the_owner_alone_if_nobody_else_is_there() {
        let mut log = Log::of(&[OWNER, CARL]);
        log.says(OWNER, 1, 4).says(CARL, 3, 6).snapshot_by(OWNER);
        assert_eq!(log.since(&[CARL]), [None]);
        log.leaves(CARL, 30);
        assert_eq!(log.since(&[CARL]), [Some(30)]);
        log.joins_at(BEN, BEN, 40);
        assert_eq!(log.since(&[CARL]), [Some(30)], "what counted goes on counting");
    }
}

/// What counted keeps counting, whoever is the Owner now.
mod somebody_removed_by_an_owner_who_handed_over {
    use super::*;

    fn handed_over_at(at: u64) -> Log {
        let mut log = three();
        log.owners.push((Position(at), user(BEN)));
        log.joins(4, 4);
        log.snapshot_by(OWNER).leaves(CARL, 30);
        log
    }

    #[test]
    fn is_spoken_for_by_whoever_was_the_owner_when_they_spoke() {
        let mut log = handed_over_at(50);
        log.row(4, 20, Word::Confirms(None));
        assert_eq!(log.since(&[CARL]), [Some(30)], "the owner of then, and one other");
    }

    #[test]
    fn is_not_spoken_for_by_who_was_the_owner_before() {
        let mut log = handed_over_at(AT - 1);
        log.row(4, 20, Word::Confirms(None));
        assert_eq!(log.since(&[CARL]), [None], "two members");
        log.row(BEN, 40, Word::Confirms(None));
        assert_eq!(log.since(&[CARL]), [Some(40)], "the owner of now, and the one before as another");
    }
}

mod disputes {
    use super::*;

    const OTHER: Word = Word::Disputes(SnapshotDigest::from_bytes([9; 32]));

    #[test]
    fn nothing_goes_while_one_stands_and_what_counts_goes_on_counting() {
        let mut log = three();
        log.snapshot_by(BEN);
        assert!(log.may_go(BEN, 5));
        log.row(CARL, 20, OTHER);
        assert_eq!((log.disputed(), log.may_go(BEN, 5)), (1, false));
        assert_eq!(log.since(&[BEN]), [Some(AT)]);
    }

    #[test]
    fn one_ends_when_its_device_says_otherwise_or_goes_and_by_nobody_else() {
        let mut log = three();
        log.joins(30, CARL);
        log.snapshot_by(BEN).row(CARL, 20, OTHER).confirms(30, CARL, 21).row(OWNER, 22, Word::Confirms(None));
        assert_eq!(log.disputed(), 1);
        let mut taken_back = log.clone();
        assert_eq!(taken_back.confirms(CARL, CARL, 25).disputed(), 0);
        assert_eq!(log.leaves(CARL, 30).disputed(), 0, "one removal for each who disputes everything");
    }

    #[test]
    fn one_is_about_its_snapshot_and_not_about_the_next() {
        let mut log = three();
        log.snapshot_by(BEN).row(CARL, 20, OTHER).snapshot_at(BEN, 22, 23);
        assert!(log.may_go(BEN, 5));
    }
}

#[test]
fn nothing_goes_beyond_what_the_snapshot_covers_or_of_whom_it_does_not_stand_for() {
    let mut log = three();
    log.snapshot_by(BEN);
    assert!(log.may_go(BEN, COVERS) && !log.may_go(BEN, COVERS + 1));
    assert!(!log.may_go(OWNER, 4));
}

/// From a log to a document: whoever was there, and whoever comes when what could go is gone, show the same.
#[test]
fn a_late_joiner_shows_what_everybody_else_does() {
    let (mut owner, mut ben) = (Author::conversation(OWNER), Author::conversation(BEN));
    let first = owner.say("from the owner").seal(4);
    ben.receive(std::slice::from_ref(&first)).say("from ben");
    let second = ben.seal(5);
    let all = [first, second.clone()];
    let there = assemble(Kind::Conversation, &all).document;
    let snapshot = Sealed::new(12, OWNER, Source::Snapshot, there.save());
    let mut log = Log::of(&[OWNER, BEN]);
    for (number, author) in [(OWNER, &owner), (BEN, &ben)] {
        let changes = author.document.changes_beyond(&Document::create(Kind::Conversation));
        let own: Vec<_> =
            changes.into_iter().filter(|it| log.holds.iter().all(|(had, _)| had != it)).collect();
        for hash in own {
            log.holds.push((hash, number));
        }
    }
    log.snapshot_by(OWNER).confirms(BEN, BEN, 14);
    let standing = log.stands().to_standing(&log.people(), true);
    let snapshot = Sealed { standing: Some(standing), ..snapshot };
    let late = assemble(Kind::Conversation, std::slice::from_ref(&snapshot));
    assert_eq!((shown(&late.document), late.refused), (shown(&there), vec![]));
    let [present, half] = [&all[..], &[second]]
        .map(|kept| assemble(Kind::Conversation, &[kept, std::slice::from_ref(&snapshot)].concat()));
    assert_eq!(shown(&present.document), shown(&there));
    assert_eq!(shown(&half.document), shown(&there));
}
