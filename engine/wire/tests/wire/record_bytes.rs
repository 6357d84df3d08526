//! Bytes of roster records: what a Member may write of them, what counts, who is bound by it, and how the Owner allows more.

use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_RECORD_BYTES};
use bowline_wire::log::{Log, Refusal};
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Outcome, Roster, Void};

use crate::log_rules::{Cast, cast};
use crate::support::*;

const HALF: u64 = MAX_RECORD_BYTES / 2;

fn left(story: &Story, author: &Author) -> u64 {
    story.roster().record_bytes(&author.user()).left()
}

/// Has a Member write all but so many bytes.
fn spend_but(story: &mut Story, by: &Author, bytes: u64) {
    let rest = left(story, by) - bytes;
    story.spend(by, rest);
    assert_eq!(left(story, by), bytes);
}

fn more_for(author: &Author) -> Record {
    Record::Allow { user: author.user() }
}

fn leave(whole_user: bool, cut: &[&Entry]) -> Record {
    Record::Leave { whole_user, cut: cut.iter().map(|entry| cut_at(entry)).collect() }
}

#[test]
fn a_member_writes_so_many_bytes_of_records_and_not_one_more() {
    let Cast { mut story, ben, .. } = cast();
    assert_eq!(left(&story, &ben), MAX_RECORD_BYTES, "how somebody comes in counts for nobody");
    spend_but(&mut story, &ben, 100);
    assert_eq!(story.refusal(&story.bulk_by(&ben, 101)), Refusal::RecordsSpent);
    story.put(&story.bulk_by(&ben, 100));
    assert_eq!(story.refusal(&story.bulk_by(&ben, 3)), Refusal::RecordsSpent);
    story.put(&story.content_by(&ben));
    let witness = ben.sign(story.draft(&ben, EntryType::Witness), b"");
    assert!(story.check(&witness).is_ok(), "what is not a record is bounded elsewhere");
}

#[test]
fn applied_and_void_records_of_all_devices_of_a_person_count_for_the_person_and_a_join_for_nobody() {
    let Cast { mut story, ana, ben } = cast();
    let (phone, carl) = (Author::new("ben's phone"), Author::new("carl"));
    let link = Record::Link(Secret::new("t").ticket());
    let record_bytes = |record: &Record| record.to_body().len() as u64;
    assert_eq!(story.record(&ben, &link), APPLIED);
    assert_eq!(left(&story, &ben), MAX_RECORD_BYTES - record_bytes(&link));
    story.joined(&phone, &Secret::new("t"), false);
    assert_eq!(left(&story, &ben), MAX_RECORD_BYTES - record_bytes(&link));
    let void_one = more_for(&ben);
    assert_eq!(story.record(&phone, &void_one), void(Void::NotOwner));
    assert_eq!(left(&story, &ben), MAX_RECORD_BYTES - record_bytes(&link) - record_bytes(&void_one));
    spend_but(&mut story, &ben, 0);
    assert_eq!(story.refusal(&story.bulk_by(&phone, 3)), Refusal::RecordsSpent);
    story.invited(&ana, &carl);
    assert_eq!(left(&story, &carl), MAX_RECORD_BYTES, "nobody else pays for it");
    story.put(&story.bulk_by(&carl, MAX_BODY));
}

/// After a record that this version does not know nothing is judged any more, and everything is kept.
#[test]
fn what_comes_after_an_unknown_record_counts_as_well() {
    let Cast { mut story, ana, ben } = cast();
    assert_eq!(story.record(&ana, &Record::Unknown(99)), Outcome::Unknown(99));
    while left(&story, &ben) >= MAX_BODY as u64 {
        assert_eq!(story.put(&story.bulk_by(&ben, MAX_BODY)).roster, Some(void(Void::AfterUnknown)));
    }
    assert_eq!(story.refusal(&story.bulk_by(&ben, MAX_BODY)), Refusal::RecordsSpent);
    let rest = usize::try_from(left(&story, &ben)).unwrap();
    story.put(&story.bulk_by(&ben, rest));
    assert_eq!(story.refusal(&story.record_by(&ben, &leave(true, &[]))), Refusal::RecordsSpent, "it is void");
}

#[test]
fn the_owner_writes_without_bound_and_is_bound_as_a_member_by_what_is_written_as_one() {
    let Cast { mut story, ana, ben } = cast();
    let big = Record::Fill { epoch: EpochId::ZERO, sealed: vec![7; 131_000] };
    for _ in 0..=MAX_RECORD_BYTES / 131_000 {
        assert_eq!(story.record(&ana, &big), void(Void::NotNewest));
    }
    assert_eq!(left(&story, &ana), MAX_RECORD_BYTES);
    assert_eq!(story.record(&ana, &Record::HandOver { user: ben.user() }), APPLIED);
    assert_eq!(story.record(&ben, &Record::TakeOver), APPLIED);
    assert_eq!(left(&story, &ana), MAX_RECORD_BYTES, "what was written as the Owner is nobody's debt");
    spend_but(&mut story, &ana, 2);
    assert_eq!(story.refusal(&story.record_by(&ana, &story.complaint())), Refusal::RecordsSpent);
    let spent = left(&story, &ben);
    assert_eq!(story.record(&ben, &big), void(Void::NotNewest));
    assert_eq!(left(&story, &ben), spent, "the new Owner is bound by nothing");
}

#[test]
fn whoever_has_used_up_everything_goes_all_the_same() {
    let Cast { mut story, ben, .. } = cast();
    let phone = Author::new("ben's phone");
    story.linked(&ben, &phone, false);
    spend_but(&mut story, &ben, 0);
    let content = story.content_by(&ben);
    let mut whole = story.clone();
    assert_eq!(whole.record(&phone, &leave(true, &[&content])), APPLIED);
    assert!(whole.roster().user(&ben.user()).unwrap().removed);
    assert_eq!(story.record(&ben, &leave(false, &[])), APPLIED);
    assert_eq!(story.record(&phone, &leave(false, &[])), APPLIED);
}

/// A void one could be written again and again.
#[test]
fn a_leave_that_takes_nobody_out_is_no_way_to_write_more() {
    let Cast { mut story, ana, ben } = cast();
    let of_ana = story.content_by(&ana);
    let void_leave = leave(false, &[&of_ana]);
    assert_eq!(story.record(&ben, &void_leave), void(Void::ForeignCut));
    spend_but(&mut story, &ben, 0);
    assert_eq!(story.refusal(&story.record_by(&ben, &void_leave)), Refusal::RecordsSpent);
}

#[test]
fn the_owner_allows_as_much_again_to_a_member_who_has_half_left_or_less() {
    let Cast { mut story, ana, ben } = cast();
    let mut with_a_byte_more = story.clone();
    spend_but(&mut with_a_byte_more, &ben, HALF + 1);
    assert_eq!(with_a_byte_more.record(&ana, &more_for(&ben)), void(Void::NotSpent));
    spend_but(&mut story, &ben, HALF);
    assert_eq!(story.record(&ben, &more_for(&ben)), void(Void::NotOwner), "nobody allows themselves");
    let before = left(&story, &ben);
    assert_eq!(story.record(&ana, &more_for(&ben)), APPLIED);
    assert_eq!(left(&story, &ben), before + MAX_RECORD_BYTES);
    assert_eq!(story.record(&ana, &more_for(&ben)), void(Void::NotSpent), "one at a time");
    spend_but(&mut story, &ben, MAX_RECORD_BYTES);
    assert_eq!(story.record(&ana, &more_for(&ben)), APPLIED, "half of what is allowed by now");
    assert_eq!(story.roster().record_bytes(&ben.user()).allowed(), 3 * MAX_RECORD_BYTES);
    spend_but(&mut story, &ben, 0);
    assert_eq!(story.refusal(&story.bulk_by(&ben, 3)), Refusal::RecordsSpent);
}

#[test]
fn more_is_allowed_to_members_who_are_here_and_to_nobody_else() {
    let Cast { mut story, ana, ben } = cast();
    let carl = Author::new("carl");
    story.invited(&ana, &carl);
    story.spend(&carl, HALF);
    assert_eq!(story.record(&ana, &story.expulsion_of(&ana, carl.user(), vec![])), APPLIED);
    for nobody in [&carl, &ana, &Author::new("stranger")] {
        assert_eq!(story.record(&ana, &more_for(nobody)), void(Void::TargetNotActive));
    }
    assert_eq!(story.record(&ana, &more_for(&ben)), void(Void::NotSpent));
}

#[test]
fn a_run_up_to_a_cut_is_counted_as_a_whole() {
    for (last, refusal) in [(100, None), (101, Some(Refusal::RecordsSpent))] {
        let Cast { mut story, ana, ben } = cast();
        spend_but(&mut story, &ben, 200);
        let first = story.bulk_by(&ben, 100);
        let header = story.draft_after(&ben, &first, EntryType::Roster);
        let second = ben.sign(header, &bulk(last));
        let removal = story.expulsion_of(&ana, ben.user(), vec![cut_at(&second)]);
        assert_eq!(story.record(&ana, &removal), APPLIED);
        let run = [first, second];
        assert_eq!(story.check_run(&run).err(), refusal, "{last}");
        if refusal.is_none() {
            story.put_run(&run);
            assert_eq!(left(&story, &ben), 0);
        }
    }
}

#[test]
fn what_only_stands_on_the_log_counts_for_nobody() {
    let Cast { mut story, ben, .. } = cast();
    let entry = story.bulk_by(&ben, MAX_BODY);
    story.log.pass(entry.id(), story.time());
    assert_eq!(left(&story, &ben), MAX_RECORD_BYTES);
}

/// A device that starts, a relay that loads a workspace and a late joiner have nothing but the records.
#[test]
fn a_log_that_goes_on_from_its_stored_records_takes_exactly_what_it_would_have_taken() {
    let Cast { mut story, ana, ben } = cast();
    spend_but(&mut story, &ben, HALF);
    assert_eq!(story.record(&ana, &more_for(&ben)), APPLIED);
    spend_but(&mut story, &ben, 100);
    let before = story.roster().record_bytes(&ben.user());
    let roster = Roster::replay(story.workspace(), (1..).map(at).zip(&story.entries));
    assert_eq!(roster.record_bytes(&ben.user()), before);
    let tips: Vec<_> = story.log.tips().map(|(chain, tip)| (*chain, *tip)).collect();
    let (weights, checkpoints) = (story.log.weights().clone(), story.log.checkpoints().clone());
    story.log = Log::restore(story.log.head(), story.log.time(), roster, tips, weights, checkpoints);
    assert_eq!(story.refusal(&story.bulk_by(&ben, 101)), Refusal::RecordsSpent);
    story.put(&story.bulk_by(&ben, 100));
}

#[test]
fn who_is_near_the_bound_is_known_before_it_is_reached() {
    let Cast { mut story, ben, .. } = cast();
    spend_but(&mut story, &ben, MAX_RECORD_BYTES / 4);
    assert!(!story.roster().record_bytes(&ben.user()).are_scarce());
    story.spend(&ben, 3);
    assert!(story.roster().record_bytes(&ben.user()).are_scarce());
}
