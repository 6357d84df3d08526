//! How the Owner gives up content that never comes: when that counts, what it covers, and that the log goes on as before.

use bowline_wire::codec::DecodeError;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::header::EntryType;
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_GIVEN_UP};
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Lost, Record};
use bowline_wire::roster::{Roster, Void};
use bowline_wire::successor::Succession;
use ed25519_dalek::SigningKey;

use crate::log_rules::{Cast, cast};
use crate::samples::relay_identity;
use crate::support::*;

fn newest(story: &Story) -> EpochId {
    story.roster().epoch().unwrap()
}

fn covers(story: &Story, entry: &Entry) -> bool {
    story.roster().given_up().covers(entry.id(), entry.header())
}

fn nowhere(byte: u8) -> EntryId {
    EntryId::from_bytes([byte; EntryId::LEN])
}

/// An entry as whoever has lost its body gives it.
fn bare(entry: &Entry) -> Entry {
    let signed = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
    signed.verify(entry.header().workspace).unwrap()
}

#[test]
fn epochs_are_given_up_only_while_somebody_has_complained_and_single_entries_at_any_time() {
    let Cast { mut story, ana, ben } = cast();
    let (first, content) = (newest(&story), story.content_by(&ben));
    assert_eq!(story.record(&ana, &lost(&[], &[content.id()])), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[])), void(Void::NoComplaint));
    assert_eq!(story.record(&ana, &lost(&[first], &[nowhere(1)])), void(Void::NoComplaint));
    let roster = story.roster();
    assert!(!roster.given_up().has_epoch(&first), "a void one gives up nothing");
    assert!(!roster.given_up().covers(nowhere(1), content.header()), "nor a part of it");
    let complaint = story.complaint();
    assert_eq!(story.record(&ben, &complaint), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[nowhere(1)])), APPLIED);
    assert!(story.roster().given_up().has_epoch(&first));
    assert!(story.roster().given_up().covers(nowhere(1), content.header()));
}

/// A Complaint says that the newest key or an earlier one is missing.
#[test]
fn a_complaint_of_the_newest_epoch_lets_an_earlier_one_be_given_up() {
    let Cast { mut story, ana, ben } = cast();
    let first = newest(&story);
    assert_eq!(story.record(&ana, &story.due_rekey("second")), APPLIED);
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[])), APPLIED);
    assert!(!story.roster().is_rekey_due(), "what is sealed from now on counts");
    story.put(&story.content_by(&ben));
}

#[test]
fn an_epoch_that_there_is_not_is_not_given_up_in_advance() {
    let Cast { mut story, ana, ben } = cast();
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    for epoch in [EpochId::ZERO, EpochId::from_bytes([0xff; EpochId::LEN])] {
        let of_it = lost(&[newest(&story), epoch], &[nowhere(1)]);
        assert_eq!(story.record(&ana, &of_it), void(Void::NoEpoch));
    }
    assert!(story.roster().given_up().is_empty());
}

#[test]
fn what_names_nothing_new_is_void_and_the_new_beside_the_old_is_taken() {
    let Cast { mut story, ana, ben } = cast();
    let first = newest(&story);
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[nowhere(1), nowhere(2)])), APPLIED);
    for again in [lost(&[first], &[]), lost(&[], &[nowhere(2)]), lost(&[first], &[nowhere(1), nowhere(2)])] {
        assert_eq!(story.record(&ana, &again), void(Void::GivenUp));
    }
    assert_eq!(story.record(&ana, &lost(&[first], &[nowhere(2), nowhere(3)])), APPLIED);
}

#[test]
fn nobody_gives_up_others_content_but_a_live_device_of_the_owner() {
    let Cast { mut story, ana, ben } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&ana, &phrase, true);
    let record = lost(&[], &[story.content_by(&ben).id()]);
    assert_eq!(story.record(&ben, &record), void(Void::NotOwner));
    assert_eq!(story.record(&phrase, &record), void(Void::Recovery));
    assert_eq!(story.record(&ana, &Record::HandOver { user: ben.user() }), APPLIED);
    assert_eq!(story.record(&ben, &Record::TakeOver), APPLIED);
    assert_eq!(story.record(&ana, &record), void(Void::NotOwner), "the former Owner is a Member");
    assert!(story.roster().given_up().is_empty());
    assert_eq!(story.record(&ben, &record), APPLIED);
}

/// Otherwise everybody would go on sealing what counts nowhere.
#[test]
fn whoever_gives_up_the_newest_epoch_makes_a_rekey_due_and_that_works() {
    let Cast { mut story, ana, ben } = cast();
    let (first, before) = (newest(&story), story.roster().hash());
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[])), APPLIED);
    assert!(story.roster().is_rekey_due());
    assert_eq!(story.refusal(&story.content_by(&ben)), Refusal::RekeyDue);
    let late = story.content_on(&ben, before);
    story.put(&late);
    assert!(covers(&story, &late), "it was on its way, and counts nowhere");
    assert!(story.roster().may_rekey(&ben.id()), "whoever is there begins the next epoch");
    assert_eq!(story.record(&ben, &story.due_rekey("second")), APPLIED);
    assert!(!story.roster().is_rekey_due());
    let content = story.content_by(&ben);
    story.put(&content);
    assert!(!covers(&story, &content));
    assert_eq!(story.record(&ana, &lost(&[], &[nowhere(1)])), APPLIED);
    assert!(!story.roster().is_rekey_due(), "that an earlier epoch is given up makes none due again");
}

/// Each way round, and neither leaves anybody without an epoch to seal in.
#[test]
fn a_rekey_that_crosses_a_lost_on_its_way_is_good_and_the_next_epoch_is_not_given_up() {
    let Cast { mut story, ana, ben } = cast();
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    let (first, before) = (newest(&story), story.roster().hash());
    let (rekey, given_up) = (story.due_rekey("second"), lost(&[first], &[]));
    let mut rekey_last = story.clone();
    assert_eq!(rekey_last.record(&ana, &given_up), APPLIED);
    assert_eq!(rekey_last.late_record(&ben, before, &rekey), APPLIED);
    assert!(!rekey_last.roster().is_rekey_due());
    assert!(!covers(&rekey_last, &rekey_last.content_by(&ben)));
    let mut lost_last = story;
    // The epoch is another user's than Ben's, who may answer.
    assert_eq!(lost_last.record(&ben, &rekey), APPLIED);
    assert_eq!(lost_last.late_record(&ana, before, &given_up), void(Void::NoComplaint), "it was answered");
    assert!(!lost_last.roster().is_rekey_due());
}

#[test]
fn what_is_given_up_counts_nowhere_whenever_it_comes_and_the_log_takes_it_as_before() {
    let Cast { mut story, ana, ben } = cast();
    let [first, second] = {
        let first = story.content_by(&ben);
        let second = ben.sign(story.draft_after(&ben, &first, EntryType::Changes), b"sealed later");
        [first, second]
    };
    let mut without = story.clone();
    assert_eq!(without.record(&ana, &lost(&[], &[nowhere(1)])), APPLIED);
    story.put(&first);
    assert_eq!(story.record(&ana, &lost(&[], &[first.id(), second.id()])), APPLIED);
    without.put(&first);
    for story in [&mut story, &mut without] {
        assert_eq!(story.put(&second).roster, None);
        let third = story.content_by(&ben);
        assert_eq!((third.header().seq, third.header().prev), (second.header().seq + 1, second.id()));
        story.put(&third);
        assert!(!covers(story, &third), "what comes behind it in its chain counts");
    }
    assert!(covers(&story, &first) && covers(&story, &second));
    assert!(!covers(&without, &first) && !covers(&without, &second));
    assert_eq!(story.log.weights(), without.log.weights(), "what it weighs it goes on weighing");
}

#[test]
fn its_body_does_not_matter_to_the_log() {
    let Cast { mut story, ana, ben } = cast();
    let entry = story.content_by(&ben);
    assert_eq!(story.record(&ana, &lost(&[], &[entry.id()])), APPLIED);
    let (mut with, mut without) = (story.clone(), story);
    with.put(&entry);
    without.put(&bare(&entry));
    assert_eq!(with.log.head(), without.log.head());
    assert!(covers(&without, &bare(&entry)));
}

/// Who struck a record from the log could take a removal back.
#[test]
fn an_entry_of_the_control_lane_is_never_given_up() {
    let Cast { mut story, ana, ben } = cast();
    let complaint = story.record_by(&ben, &story.complaint());
    let witness = ben.sign(story.draft_after(&ben, &complaint, EntryType::Witness), b"seen");
    assert_eq!(story.record(&ana, &lost(&[], &[complaint.id(), witness.id()])), APPLIED);
    assert_eq!(story.put(&complaint).roster, Some(APPLIED));
    story.put(&witness);
    for entry in [&complaint, &witness] {
        assert!(!covers(&story, entry));
    }
    assert_eq!(story.refusal(&bare(&story.record_by(&ben, &story.complaint()))), Refusal::NoRecord);
}

#[test]
fn of_an_epoch_all_content_is_given_up_and_of_others_none() {
    let Cast { mut story, ana, ben } = cast();
    let of_first = story.content_by(&ben);
    story.put(&of_first);
    let (first, old) = (newest(&story), story.roster().hash());
    assert_eq!(story.record(&ana, &story.due_rekey("second")), APPLIED);
    let of_second = story.content_by(&ana);
    story.put(&of_second);
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[first], &[])), APPLIED);
    let late = story.content_on(&ben, old);
    story.put(&late);
    assert!(covers(&story, &of_first) && covers(&story, &late));
    assert!(!covers(&story, &of_second) && !covers(&story, &story.content_by(&ana)));
}

/// A relay that was put back has other entries at the positions of before.
#[test]
fn a_lost_that_is_sent_again_into_a_continued_log_gives_up_the_same_entries() {
    let Cast { mut story, ana, ben } = cast();
    let back_to = story.position();
    let (gone, stays) = (story.content_by(&ben), story.content_by(&ana));
    for entry in [&gone, &stays] {
        story.put(entry);
    }
    let given_up = story.record_by(&ana, &lost(&[], &[gone.id()]));
    assert_eq!(story.put(&given_up).roster, Some(APPLIED));
    let said = [story.said_successor(back_to, &SigningKey::from_bytes(&seed("new log")), &relay_identity())];
    let relay = relay_identity().verifying_key().to_bytes();
    let succession = Succession::verify(story.workspace(), &relay, &said).unwrap();
    let mut continued = story.continued_by(back_to, "new log", &succession);
    for entry in [&stays, &gone] {
        continued.put(entry);
    }
    assert!(!covers(&continued, &gone));
    assert_eq!(continued.put(&given_up).roster, Some(APPLIED));
    assert!(covers(&continued, &gone) && !covers(&continued, &stays));
    assert_eq!(continued.roster().given_up(), story.roster().given_up());
}

/// A device that starts, a relay that loads a workspace and a late joiner have nothing but the records.
#[test]
fn the_records_alone_say_what_is_given_up() {
    let Cast { mut story, ana, ben } = cast();
    assert_eq!(story.record(&ben, &story.complaint()), APPLIED);
    assert_eq!(story.record(&ana, &lost(&[newest(&story)], &[nowhere(1)])), APPLIED);
    let replayed = Roster::replay(story.workspace(), (1..).map(at).zip(&story.entries));
    assert_eq!(replayed.given_up(), story.roster().given_up());
    assert!(replayed.is_rekey_due());
}

#[test]
fn epochs_and_entries_are_named_ascending_each_once_and_at_least_one() {
    let epochs = [1, 2, 3].map(|id| EpochId::from_bytes([id; EpochId::LEN]));
    let entries = [1, 2, 3].map(nowhere);
    let read = |epochs: &[EpochId], entries: &[EntryId]| {
        let record = Record::Lost(Lost { epochs: epochs.to_vec(), entries: entries.to_vec() });
        Record::parse(&record.to_body()).err()
    };
    let order = Some(DecodeError::Rule("what is given up is named once, ascending"));
    assert_eq!(read(&epochs, &entries), None);
    assert_eq!((read(&epochs[..1], &[]), read(&[], &entries[..1])), (None, None));
    assert_eq!(read(&[epochs[0], epochs[2], epochs[1]], &entries), order);
    assert_eq!(read(&[epochs[0], epochs[0]], &[]), order);
    assert_eq!(read(&epochs, &[entries[1], entries[0]]), order);
    assert_eq!(read(&[], &[entries[2], entries[2]]), order);
    assert_eq!(read(&[], &[]), Some(DecodeError::Rule("something is given up")));
}

#[test]
fn so_many_are_named_at_once_and_not_one_more_and_they_fit_a_body() {
    let numbered = |count: usize| (0..u32::try_from(count).unwrap()).map(u32::to_be_bytes);
    let of = |epochs: usize, entries: usize| {
        let epochs = numbered(epochs).map(|id| EpochId::from_bytes([id; 4].concat().try_into().unwrap()));
        let entries = numbered(entries).map(|id| EntryId::from_bytes([id; 8].concat().try_into().unwrap()));
        Record::Lost(Lost { epochs: epochs.collect(), entries: entries.collect() }).to_body()
    };
    let most = of(MAX_GIVEN_UP, MAX_GIVEN_UP);
    assert!(most.len() <= MAX_BODY && Record::parse(&most).is_ok());
    let too_large = |what| Err(DecodeError::TooLarge { what, limit: MAX_GIVEN_UP });
    assert_eq!(Record::parse(&of(MAX_GIVEN_UP + 1, 1)), too_large("epochs"));
    assert_eq!(Record::parse(&of(1, MAX_GIVEN_UP + 1)), too_large("entries"));
}
