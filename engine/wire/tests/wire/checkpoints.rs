//! Which checkpoint of a log stands, what it takes off the log's sums, and that whoever begins from its state judges as everybody does.

use bowline_wire::checkpoint::{Checkpoint, Freed};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::MEMBER_WEIGHT;
use bowline_wire::log::{Checkpoints, Log, Placed, Refusal, Stood};
use bowline_wire::weight::{Weight, Written};

use crate::log_rules::{Cast, cast};
use crate::support::*;

pub(crate) fn digest(name: &str) -> StateDigest {
    StateDigest::from_bytes(seed(name))
}

/// What `author` says of the state at a place.
pub(crate) fn word(
    story: &Story,
    author: &Author,
    about: Position,
    (name, freed): (&str, &[Freed]),
) -> Entry {
    let header = story.draft(author, EntryType::Checkpoint);
    let said = Checkpoint { digest: digest(name), freed: freed.to_vec() };
    author.sign(Header { covers: about, ..header }, &said.to_body())
}

impl Story {
    /// Appends what `author` says of the state at a place.
    pub(crate) fn say(&mut self, author: &Author, about: Position, name: &str) -> Placed {
        let entry = word(self, author, about, (name, &[]));
        self.put(&entry)
    }

    fn stood(&self) -> Option<Stood> {
        self.log.checkpoints().stood()
    }
}

#[test]
fn a_checkpoint_stands_by_a_device_of_the_owner_and_one_of_another_user() {
    let Cast { mut story, ana, ben } = cast();
    let about = story.position();
    story.say(&ben, about, "state");
    assert_eq!(*story.log.checkpoints(), Checkpoints::default(), "nobody but the Owner opens a place");
    story.say(&ana, about, "state");
    assert_eq!(story.log.checkpoints().open(), Some((about, digest("state"))));
    story.say(&ana, about, "state");
    assert_eq!(story.stood(), None, "the Owner alone is not enough where there are others");
    story.say(&ben, about, "state");
    let stood = Stood { at: about, digest: digest("state"), since: story.position() };
    assert_eq!((story.stood(), story.log.checkpoints().open()), (Some(stood), None));
}

#[test]
fn where_no_other_user_has_a_device_another_one_of_the_owners_says_it_and_where_there_is_none_the_same_again()
{
    let (ana, laptop) = (Author::new("ana"), Author::new("ana's laptop"));
    let mut story = Story::begun_by(&ana);
    let about = story.position();
    story.say(&ana, about, "state");
    assert_eq!(story.stood(), None);
    story.say(&ana, about, "state");
    assert_eq!(story.stood().map(|stood| stood.at), Some(about), "the only device says it twice");

    story.linked(&ana, &laptop, false);
    let about = story.position();
    for _ in 0..2 {
        story.say(&ana, about, "state");
        assert_ne!(story.stood().map(|stood| stood.at), Some(about));
    }
    story.say(&laptop, about, "state");
    assert_eq!(story.stood().map(|stood| stood.at), Some(about));
}

#[test]
fn a_recovery_device_and_one_that_was_removed_say_nothing() {
    let Cast { mut story, ana, ben } = cast();
    let (phrase, phone) = (Author::new("ana's phrase"), Author::new("ana's phone"));
    story.linked(&ana, &phrase, true);
    story.linked(&ana, &phone, false);
    let about = story.position();
    story.say(&phrase, about, "state");
    assert_eq!(story.log.checkpoints().open(), None);
    story.say(&phone, about, "state");
    assert_eq!(story.log.checkpoints().open().map(|open| open.0), Some(about));
    // The opener is removed between the first word and the second.
    let mut removed = story.clone();
    removed.record(&ana, &removed.removal_of(&ana, &phone, vec![]));
    removed.say(&ben, about, "state");
    assert_eq!(removed.stood(), None);
    story.say(&ben, about, "state");
    let stood = story.stood();
    assert!(stood.is_some());
    story.record(&ana, &story.removal_of(&ana, &phone, vec![]));
    assert_eq!(story.stood(), stood, "what stands stays");
}

#[test]
fn another_digest_by_whoever_is_in_keeps_a_checkpoint_from_standing_until_it_is_taken_back_or_they_are_removed()
 {
    let Cast { mut story, ana, ben } = cast();
    let cleo = Author::new("cleo");
    story.invited(&ana, &cleo);
    let about = story.position();
    story.say(&ana, about, "state");
    story.say(&ben, about, "another state");
    story.say(&cleo, about, "state");
    assert_eq!(story.stood(), None);
    let mut taken_back = story.clone();
    taken_back.say(&ben, about, "state");
    assert!(taken_back.stood().is_some(), "the last word of each device is what it says");
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![]));
    assert_eq!(story.stood(), None, "a checkpoint comes to stand by a word about it");
    story.say(&cleo, about, "state");
    assert!(story.stood().is_some());
}

#[test]
fn two_states_of_one_place_with_half_of_the_devices_each_stand_neither_of_them() {
    let Cast { mut story, ana, ben } = cast();
    let (laptop, cleo) = (Author::new("ana's laptop"), Author::new("cleo"));
    story.linked(&ana, &laptop, false);
    story.invited(&ana, &cleo);
    let about = story.position();
    for (author, name) in [(&ana, "one"), (&laptop, "two"), (&ben, "one"), (&cleo, "two")] {
        story.say(author, about, name);
        assert_eq!(story.stood(), None);
    }
    // Another place is opened: what was said of the one before counts for it no more.
    let next = story.position();
    story.say(&laptop, next, "two");
    story.say(&ana, about, "one");
    assert_eq!(story.stood(), None, "nor does a word about it");
    story.say(&ben, about, "one");
    assert_eq!(story.stood().map(|stood| (stood.at, stood.digest)), Some((about, digest("one"))));
}

#[test]
fn the_next_place_is_not_before_the_one_where_the_last_checkpoint_came_to_stand() {
    let Cast { mut story, ana, ben } = cast();
    let about = story.position();
    story.say(&ana, about, "state");
    story.say(&ben, about, "state");
    let since = story.position();
    for early in [about, Position(since.0 - 1)] {
        story.say(&ana, early, "later state");
        assert_eq!(story.log.checkpoints().open(), None, "{early:?}");
    }
    story.say(&ana, since, "later state");
    assert_eq!(story.log.checkpoints().open(), Some((since, digest("later state"))));
}

#[test]
fn what_is_not_a_word_about_a_place_says_nothing_and_stands_on_the_log() {
    let Cast { mut story, ana, .. } = cast();
    let here = story.position();
    let body = Checkpoint { digest: digest("state"), freed: vec![] }.to_body();
    let header = Header { covers: here, ..story.draft(&ana, EntryType::Checkpoint) };
    story.put(&ana.sign(header, &body[..body.len() - 1]));
    let header = Header { covers: Position::START, ..story.draft(&ana, EntryType::Checkpoint) };
    story.put(&ana.sign(header, &body));
    story.put(&ana.sign(story.draft(&ana, EntryType::Witness), &body));
    assert_eq!(*story.log.checkpoints(), Checkpoints::default());
}

fn heavy(story: &Story, author: &Author, doc: u8, weight: u64) -> Entry {
    let header = story.draft(author, EntryType::Changes);
    let doc = WireDoc::from_bytes([doc; 16]);
    author.sign(Header { doc, weight: Weight::of(weight), ..header }, b"sealed")
}

#[test]
fn a_document_that_is_full_takes_more_once_a_checkpoint_stands_that_lets_some_of_it_go() {
    let Cast { mut story, ana, ben } = cast();
    let (doc, user) = (WireDoc::from_bytes([1; 16]), ben.user());
    story.put(&heavy(&story, &ben, 1, MEMBER_WEIGHT / 2));
    let about = story.position();
    story.put(&heavy(&story, &ben, 1, MEMBER_WEIGHT / 2));
    assert_eq!(story.refusal(&heavy(&story, &ben, 1, 1)), Refusal::DocumentFull);
    let freed = [Freed { doc, user, sum: MEMBER_WEIGHT / 2 }];
    let opening = word(&story, &ana, about, ("state", &freed));
    assert_eq!(story.put(&opening).freed, []);
    assert_eq!(story.refusal(&heavy(&story, &ben, 1, 1)), Refusal::DocumentFull, "it does not stand yet");
    // What whoever agrees says of sums is not asked.
    let other = [Freed { doc, user, sum: MEMBER_WEIGHT }];
    assert_eq!(story.put(&word(&story, &ben, about, ("state", &other))).freed, freed);
    assert_eq!(story.log.weights().of(doc, user), MEMBER_WEIGHT / 2);
    story.put(&heavy(&story, &ben, 1, MEMBER_WEIGHT / 2));
    assert_eq!(story.refusal(&heavy(&story, &ben, 1, 1)), Refusal::DocumentFull);
}

#[test]
fn a_checkpoint_takes_no_more_off_than_there_is() {
    let Cast { mut story, ana, ben } = cast();
    let doc = WireDoc::from_bytes([1; 16]);
    story.put(&heavy(&story, &ben, 1, 1024));
    story.put(&heavy(&story, &ana, 1, 1024));
    let about = story.position();
    let mut freed = [
        Freed { doc, user: ben.user(), sum: u64::MAX },
        Freed { doc, user: Author::new("nobody").user(), sum: 7 },
    ];
    freed.sort_by_key(|freed| freed.user);
    story.put(&word(&story, &ana, about, ("state", &freed)));
    story.say(&ben, about, "state");
    let left: Vec<Written> = story.log.weights().iter().filter(|it| it.doc == doc).collect();
    assert_eq!(left, [Written { doc, user: ana.user(), sum: 1024 }]);
}

#[test]
fn what_a_checkpoint_frees_is_named_once_ascending_and_is_more_than_nothing() {
    let row = |doc: u8, sum| Freed { doc: WireDoc::from_bytes([doc; 16]), user: UserId::ZERO, sum };
    let read = |freed: &[Freed]| {
        let body = Checkpoint { digest: digest("state"), freed: freed.to_vec() }.to_body();
        decode::<Checkpoint>(&body).map(|it| it.freed)
    };
    assert_eq!(read(&[row(1, 1), row(2, 1)]).unwrap(), [row(1, 1), row(2, 1)]);
    for wrong in [&[row(2, 1), row(1, 1)], &[row(1, 1), row(1, 1)], &[row(1, 1), row(2, 0)]] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}

/// A log with a checkpoint that stands, and two entries behind it.
fn with_checkpoint() -> (Cast, Position) {
    let Cast { mut story, ana, ben } = cast();
    for author in [&ana, &ben, &ana] {
        story.put(&story.content_by(author));
    }
    let about = story.position();
    story.say(&ana, about, "state");
    story.say(&ben, about, "state");
    (Cast { story, ana, ben }, about)
}

/// Content of `author` that names this head as seen.
fn content_that_saw(story: &Story, author: &Author, at: Position, hash: LogHash) -> Entry {
    let seen = story.sign_head(bowline_wire::head::Head { position: at, hash, ..story.log.head() });
    let header = story.draft(author, EntryType::Changes);
    author.sign(Header { seen: Some(seen.into()), held: at, ..header }, b"sealed")
}

#[test]
fn below_a_checkpoint_that_stands_a_head_that_somebody_saw_counts_by_its_signature() {
    let other = LogHash::from_bytes(seed("another story"));
    let Cast { mut story, ana, ben } = cast();
    let early = story.position();
    story.put(&story.content_by(&ana));
    let about = story.position();
    let stray = |story: &Story| content_that_saw(story, &ben, early, other);
    assert!(matches!(story.refusal(&stray(&story)), Refusal::Forked(_)));
    story.say(&ana, about, "state");
    assert!(matches!(story.refusal(&stray(&story)), Refusal::Forked(_)), "it does not stand yet");
    let cleo = Author::new("cleo");
    story.invited(&ana, &cleo);
    story.say(&cleo, about, "state");
    assert!(story.stood().is_some());
    assert!(story.check(&stray(&story)).is_ok());
    let forged = {
        let header = story.draft(&ben, EntryType::Changes);
        let seen = Signature::from_bytes([7; 64]);
        let seen = bowline_wire::head::Seen { signature: seen, ..stray(&story).header().seen.unwrap() };
        ben.sign(Header { seen: Some(seen), held: early, ..header }, b"sealed")
    };
    assert_eq!(story.refusal(&forged), Refusal::BadSeen);
    assert!(matches!(story.refusal(&content_that_saw(&story, &ben, about, other)), Refusal::Forked(_)));
}

#[test]
fn what_was_said_of_checkpoints_goes_on_after_a_restart() {
    let (Cast { mut story, ana, ben }, _) = with_checkpoint();
    let about = story.position();
    story.say(&ana, about, "next");
    let checkpoints: Checkpoints = decode(&encode(story.log.checkpoints())).unwrap();
    assert_eq!(checkpoints, *story.log.checkpoints());
    let log = &story.log;
    let tips = log.tips().map(|(chain, tip)| (*chain, *tip));
    let weights = log.weights().clone();
    story.log = Log::restore(log.head(), log.time(), log.roster().clone(), tips, weights, checkpoints);
    story.say(&ben, about, "next");
    assert_eq!(story.stood().map(|stood| stood.at), Some(about));
}

#[test]
fn a_word_about_a_place_that_a_restored_relay_has_lost_is_history_without_effect() {
    let Cast { mut story, ana, ben } = cast();
    let end = story.position();
    story.put(&story.content_by(&ben));
    let about = story.position();
    let lost = word(&story, &ana, about, ("state", &[]));
    let succession = crate::log_succession::succession_of(&[(&story, end, "second log")]);
    let mut after = story.continued_by(end, "second log", &succession);
    after.put(&after.content_by(&ben));
    after.put(&lost);
    assert_eq!(after.log.checkpoints().open(), None);
}
