//! What keeps a log bounded that nobody can open: its time, lives of databases, and the weights that payloads declare.

use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{LIFE_INTERVAL, MAX_DOCUMENT_WEIGHT, MAX_LIVES, MEMBER_WEIGHT};
use bowline_wire::log::{Log, Refusal};
use bowline_wire::weight::{Weight, Weights};

use crate::log_rules::{Cast, cast};
use crate::support::*;

fn life(n: usize) -> Incarnation {
    Incarnation::from_bytes((n as u64 + 1).to_be_bytes())
}

/// The first content entry of `author` in a new life.
fn reborn(story: &Story, author: &Author, n: usize) -> bowline_wire::entry::Entry {
    let header = story.draft(author, EntryType::Changes);
    let (seq, prev) = (1, EntryId::ZERO);
    author.sign(Header { incarnation: life(n), seq, prev, held: Position::START, ..header }, b"sealed")
}

/// Content of this weight for a document.
fn heavy(story: &Story, author: &Author, doc: u8, weight: u64) -> bowline_wire::entry::Entry {
    let header = story.draft(author, EntryType::Changes);
    let doc = WireDoc::from_bytes([doc; 16]);
    author.sign(Header { doc, weight: Weight::of(weight), ..header }, b"sealed")
}

#[test]
fn the_time_of_a_log_follows_the_relays_clock_and_never_goes_back() {
    let Cast { mut story, ana, .. } = cast();
    let began = story.log.time();
    story.clock = began.millis().plus(5_000);
    assert_eq!(story.put(&story.content_by(&ana)).time.millis(), began.millis().plus(5_000));
    // The clock jumps back: the log stands still, and goes on once the clock is past it.
    story.clock = Millis(1);
    assert_eq!(story.put(&story.content_by(&ana)).time.millis(), began.millis().plus(5_000));
    story.clock = Millis(u64::MAX);
    assert_eq!(story.put(&story.content_by(&ana)).time, LogTime::LAST);
}

#[test]
fn the_hash_of_a_log_is_over_its_times() {
    let Cast { story, .. } = cast();
    let (head, entry) = (story.log.head(), story.entries[0].id());
    let hash_at = |millis| {
        let mut log = Log::new(head.workspace, head.log);
        log.pass(entry, LogTime::new(millis).unwrap()).hash
    };
    assert_ne!(hash_at(1), hash_at(2));
}

#[test]
fn a_device_has_so_many_lives_and_then_one_a_day() {
    let Cast { mut story, ben, .. } = cast();
    // Its first life is the one in which it joined.
    for n in 1..MAX_LIVES {
        story.put(&reborn(&story, &ben, n));
    }
    assert_eq!(story.refusal(&reborn(&story, &ben, 1000)), Refusal::LivesSpent);
    story.clock = story.clock.plus(LIFE_INTERVAL - 1);
    assert_eq!(story.refusal(&reborn(&story, &ben, 1000)), Refusal::LivesSpent);
    story.clock = story.clock.plus(1);
    story.put(&reborn(&story, &ben, 1000));
    assert_eq!(story.refusal(&reborn(&story, &ben, 1001)), Refusal::LivesSpent, "a day later again");
    story.clock = story.clock.plus(LIFE_INTERVAL);
    story.put(&reborn(&story, &ben, 1001));
}

#[test]
fn whoever_has_no_lives_left_goes_on_in_the_ones_there_are() {
    let Cast { mut story, ana, ben } = cast();
    for n in 1..MAX_LIVES {
        story.put(&reborn(&story, &ben, n));
    }
    story.put(&story.content_by(&ben));
    let control = story.draft(&ben, EntryType::Witness);
    let in_known_life = Header { incarnation: life(5), seq: 1, prev: EntryId::ZERO, ..control };
    assert!(story.check(&ben.sign(in_known_life, b"")).is_ok(), "the other chain of a life that counts");
    story.put(&reborn(&story, &ana, 7));
}

#[test]
fn classes_hold_what_they_say() {
    for (weight, most) in [(0, 2), (1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (1 << 40, 1 << 40)] {
        assert_eq!(Weight::of(weight).most(), most, "{weight}");
    }
    assert_eq!((Weight::of(u64::MAX), Weight::NONE.most()), (Weight::MAX, 0));
}

#[test]
fn a_member_writes_a_quarter_of_a_document_and_the_owner_all_of_it() {
    let Cast { mut story, ana, ben } = cast();
    let half = MEMBER_WEIGHT / 2;
    story.put(&heavy(&story, &ben, 1, half));
    story.put(&heavy(&story, &ben, 1, half));
    assert_eq!(story.refusal(&heavy(&story, &ben, 1, 1)), Refusal::DocumentFull);
    story.put(&heavy(&story, &ben, 2, half));
    // The Owner may write what is left of both.
    assert_eq!(story.refusal(&heavy(&story, &ana, 1, MAX_DOCUMENT_WEIGHT)), Refusal::DocumentFull);
    story.put(&heavy(&story, &ana, 1, MAX_DOCUMENT_WEIGHT / 2));
    story.put(&heavy(&story, &ana, 1, MEMBER_WEIGHT));
    assert_eq!(story.refusal(&heavy(&story, &ana, 1, 1)), Refusal::DocumentFull);
    story.put(&heavy(&story, &ana, 2, MAX_DOCUMENT_WEIGHT / 2));
}

#[test]
fn all_devices_of_a_person_share_what_the_person_may_write() {
    let Cast { mut story, ben, .. } = cast();
    let phone = Author::new("ben's phone");
    story.linked(&ben, &phone, false);
    story.put(&heavy(&story, &ben, 1, MEMBER_WEIGHT));
    assert_eq!(story.refusal(&heavy(&story, &phone, 1, 1)), Refusal::DocumentFull);
}

#[test]
fn what_was_refused_and_what_only_stands_in_the_log_weighs_nothing() {
    let Cast { mut story, ben, .. } = cast();
    let entry = heavy(&story, &ben, 1, MEMBER_WEIGHT);
    let before: Vec<_> = story.log.weights().iter().collect();
    assert!(story.check(&entry).is_ok());
    story.log.pass(entry.id(), story.time());
    let after: Vec<_> = story.log.weights().iter().collect();
    assert_eq!(after, before);
    assert_eq!(Weights::restore(before), *story.log.weights());
}

#[test]
fn a_run_up_to_a_cut_is_weighed_as_a_whole() {
    let Cast { mut story, ana, ben } = cast();
    let first = heavy(&story, &ben, 1, MEMBER_WEIGHT);
    let header = story.draft_after(&ben, &first, EntryType::Changes);
    let doc = first.header().doc;
    let second = ben.sign(Header { doc, weight: Weight::of(1), ..header }, b"sealed");
    let cut = vec![cut_at(&second)];
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), cut));
    let run = [first, second];
    assert_eq!(story.check_run(&run).unwrap_err(), Refusal::DocumentFull);
}
