//! Rekeys: when one is due, who may make it, and whom it has to reach.

use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_ANSWERS, MAX_EPOCHS_OF_OTHERS};
use bowline_wire::roster::record::{Record, Rekey};
use bowline_wire::roster::{TicketStage, Void};

use crate::roster_rules::{ana, ana_and_ben, ben, fold};
use crate::support::*;

#[test]
fn a_member_begins_no_epoch_without_a_reason_and_the_owner_needs_none() {
    let story = ana_and_ben();
    assert_eq!(fold(&story, &ben(), &story.due_rekey("e")), void(Void::NotDue));
    assert!(!story.roster().may_rekey(&ben().id()));
    assert_eq!(fold(&story, &ana(), &story.due_rekey("e")), APPLIED);
    assert!(story.roster().may_rekey(&ana().id()));
}

/// Ana, Ben and Carl were here; Carl has left, and nobody has rekeyed yet.
fn due() -> Story {
    let mut story = ana_and_ben();
    let carl = Author::new("carl");
    story.invited(&ana(), &carl);
    assert_eq!(story.record(&carl, &Record::Leave { whole_user: true, cut: vec![] }), APPLIED);
    assert!(story.roster().is_rekey_due());
    story
}

#[test]
fn any_remaining_live_device_rekeys_when_one_is_due() {
    let mut story = due();
    let before = story.roster().epoch();
    assert_eq!(story.record(&ben(), &story.due_rekey("e")), APPLIED);
    assert!(!story.roster().is_rekey_due());
    assert_ne!(story.roster().epoch(), before);
    assert_eq!(story.roster().epochs().len(), 2);
    assert!(!story.roster().points().last().unwrap().rekey_due);
}

#[test]
fn a_rekey_reaches_exactly_active_devices_and_open_tickets() {
    let mut story = due();
    let secret = Secret::new("t");
    assert_eq!(story.record(&ana(), &Record::Invite(secret.ticket())), APPLIED);
    let right = story.roster().recipients();
    assert_eq!(right, [ana().hpke, ben().hpke, secret.hpke.clone()].into());
    let too_many = right.iter().cloned().chain([Author::new("carl").hpke]);
    for wrong in [rekey("e", right.iter().skip(1).cloned()), rekey("e", too_many), rekey("e", [])] {
        assert_eq!(fold(&story, &ana(), &Record::Rekey(wrong)), void(Void::WrongRecipients));
    }
    assert_eq!(fold(&story, &ana(), &Record::Rekey(rekey("e", right))), APPLIED);
}

#[test]
fn a_rekey_reaches_those_who_were_in_where_it_was_written_and_closes_what_was_opened_since() {
    let mut story = due();
    let (before, rekey) = (story.roster().hash(), story.due_rekey("e"));
    let (link, invite) = (Secret::new("t"), Secret::new("u"));
    story.record(&ana(), &Record::Link(link.ticket()));
    story.record(&ana(), &Record::Invite(invite.ticket()));
    let recipients = story.roster().recipients_of(&before, &rekey).unwrap();
    assert_eq!(recipients, [ana().hpke, ben().hpke].into());
    assert_eq!(story.late_record(&ben(), before, &rekey), APPLIED);
    for closed in [link, invite] {
        assert_eq!(story.roster().ticket(&closed.id()).unwrap().stage, TicketStage::Closed);
    }
    // Whatever comes after it, it was for these.
    story.record(&ben(), &Record::Leave { whole_user: true, cut: vec![] });
    assert_eq!(story.roster().recipients_of(&before, &rekey).unwrap(), recipients);
}

#[test]
fn whoever_has_come_in_since_outruns_a_members_rekey_and_not_the_owners() {
    let mut story = due();
    let (before, rekey) = (story.roster().hash(), story.due_rekey("e"));
    story.linked(&ben(), &Author::new("ben's phone"), false);
    let mut by_ben = story.clone();
    assert_eq!(by_ben.late_record(&ben(), before, &rekey), void(Void::Outrun));
    assert!(by_ben.roster().is_rekey_due());
    assert_eq!(story.late_record(&ana(), before, &rekey), APPLIED);
}

#[test]
fn nobody_gets_a_key_whose_code_was_used_or_closed_or_who_has_left_since() {
    let (secret, carl) = (Secret::new("t"), Author::new("another carl"));
    let mut story = due();
    story.record(&ana(), &Record::Invite(secret.ticket()));
    let (before, rekey) = (story.roster().hash(), story.due_rekey("e"));
    let outrun = |since: &dyn Fn(&mut Story)| {
        let mut story = story.clone();
        since(&mut story);
        assert_eq!(story.late_record(&ana(), before, &rekey), void(Void::Outrun));
        assert!(story.roster().is_rekey_due());
    };
    outrun(&|story| story.joined(&carl, &secret, false));
    outrun(&|story| assert_eq!(story.record(&ana(), &Record::CloseInvite(secret.id())), APPLIED));
    outrun(&|story| {
        assert_eq!(story.record(&ben(), &Record::Leave { whole_user: true, cut: vec![] }), APPLIED);
    });
    assert_eq!(story.clone().late_record(&ana(), before, &rekey), APPLIED);
}

#[test]
fn a_rekey_is_outrun_by_an_epoch_that_its_history_has_no_place_for() {
    let mut story = due();
    let (before, rekey) = (story.roster().hash(), story.due_rekey("e"));
    assert_eq!(story.record(&ben(), &story.due_rekey("ben's")), APPLIED);
    assert_eq!(story.late_record(&ana(), before, &rekey), void(Void::Outrun));
}

#[test]
fn a_commitment_that_was_copied_makes_another_epoch_and_voids_none() {
    let mut story = due();
    let Record::Rekey(anas) = story.due_rekey("ana's") else { unreachable!("that is what it makes") };
    // Ben has seen it on its way, and is first with nothing behind it.
    let copy = Rekey { history: vec![], ..rekey("ben's", story.roster().recipients()) };
    let copy = Rekey { commitment: anas.commitment, ..copy };
    assert_eq!(story.record(&ben(), &Record::Rekey(copy)), APPLIED);
    let copied = *story.roster().epochs().last().unwrap();
    assert_eq!(story.record(&ana(), &Record::Rekey(anas)), APPLIED);
    let newest = *story.roster().epochs().last().unwrap();
    assert_eq!(newest.commitment, copied.commitment);
    assert_ne!(newest.id, copied.id);
    assert_eq!(newest.id, EpochId::begun_by(story.entries.last().unwrap().id()));
}

/// Ana, Ben and Carl are here, and Ben has begun the epoch in force.
fn of_ben() -> (Story, Author) {
    let (mut story, carl) = (due(), Author::new("second carl"));
    assert_eq!(story.record(&ben(), &story.due_rekey("ben's")), APPLIED);
    story.invited(&ana(), &carl);
    (story, carl)
}

#[test]
fn after_a_complaint_another_user_begins_an_epoch_once() {
    let (mut story, carl) = of_ben();
    assert_eq!(fold(&story, &carl, &story.due_rekey("carl's")), void(Void::NotDue));
    assert_eq!(story.record(&carl, &story.complaint()), APPLIED);
    assert!(!story.roster().is_rekey_due(), "it stops nothing");
    assert_eq!(fold(&story, &ben(), &story.due_rekey("ben's again")), void(Void::NotDue));
    assert_eq!(story.record(&carl, &story.due_rekey("carl's")), APPLIED);
    for anybody in [&carl, &ben()] {
        assert_eq!(fold(&story, anybody, &story.due_rekey("one more")), void(Void::NotDue));
    }
}

#[test]
fn one_complaint_of_the_newest_epoch_is_enough_whoever_it_is_by() {
    let (mut story, carl) = of_ben();
    let of_before = Record::Complaint { epoch: story.roster().epochs()[0].id };
    assert_eq!(fold(&story, &carl, &of_before), void(Void::NotNewest));
    // Ben's own bars nobody: what Carl may do does not depend on who complained.
    assert_eq!(story.record(&ben(), &story.complaint()), APPLIED);
    for author in [&ana(), &ben(), &carl] {
        assert_eq!(fold(&story, author, &story.complaint()), void(Void::Complained));
    }
    assert_eq!(fold(&story, &carl, &story.due_rekey("carl's")), APPLIED);
}

#[test]
fn complaints_without_end_are_answered_sixteen_times_by_a_user_and_always_by_the_owner() {
    let (mut story, carl) = of_ben();
    let phone = Author::new("carl's phone");
    story.linked(&carl, &phone, false);
    for round in 0..MAX_ANSWERS {
        assert_eq!(story.record(&ben(), &story.complaint()), APPLIED);
        let by = if round % 2 == 0 { &carl } else { &phone };
        assert_eq!(story.record(by, &story.due_rekey(&format!("carl's {round}"))), APPLIED);
        assert_eq!(story.record(&ana(), &story.due_rekey(&format!("ana's {round}"))), APPLIED);
    }
    assert_eq!(story.record(&ben(), &story.complaint()), APPLIED);
    for spent in [&carl, &phone] {
        assert_eq!(fold(&story, spent, &story.due_rekey("one more")), void(Void::NotDue));
        assert!(!story.roster().may_rekey(&spent.id()));
    }
    assert_eq!(fold(&story, &ben(), &story.due_rekey("ben's")), APPLIED);
    assert_eq!(fold(&story, &ana(), &story.due_rekey("ana's")), APPLIED);
    // What is due is not counted.
    assert_eq!(story.record(&ben(), &Record::Leave { whole_user: true, cut: vec![] }), APPLIED);
    assert_eq!(fold(&story, &carl, &story.due_rekey("carl's")), APPLIED);
}

#[test]
fn after_a_code_was_closed_its_makers_user_begins_an_epoch_once() {
    let (mut story, carl) = of_ben();
    let (phone, link) = (Author::new("ben's phone"), Secret::new("a link"));
    story.linked(&ben(), &phone, false);
    assert_eq!(fold(&story, &ben(), &story.due_rekey("e")), void(Void::NotDue), "it was used");
    assert_eq!(story.record(&ben(), &Record::Link(link.ticket())), APPLIED);
    assert_eq!(fold(&story, &ben(), &story.due_rekey("e")), void(Void::NotDue), "it is open");
    assert_eq!(story.record(&ben(), &Record::CloseLink(link.id())), APPLIED);
    assert_eq!(fold(&story, &carl, &story.due_rekey("e")), void(Void::NotDue), "it was not Carl's");
    assert_eq!(story.record(&phone, &story.due_rekey("e")), APPLIED);
    assert_eq!(fold(&story, &ben(), &story.due_rekey("f")), void(Void::NotDue));
}

#[test]
fn a_recovery_phrase_does_not_complain() {
    let (mut story, _) = of_ben();
    let phrase = Author::new("phrase");
    story.linked(&ana(), &phrase, true);
    assert_eq!(fold(&story, &phrase, &story.complaint()), void(Void::Recovery));
    assert!(!story.roster().may_rekey(&phrase.id()));
}

#[test]
fn a_recovery_phrase_does_not_rekey() {
    let mut story = due();
    let phrase = Author::new("phrase");
    story.linked(&ana(), &phrase, true);
    assert_eq!(fold(&story, &phrase, &story.due_rekey("e")), void(Void::Recovery));
}

/// A member lets a device in and has it leave, time and again, and begins each epoch that is due with nothing in it.
#[test]
fn a_member_who_uses_up_the_epochs_keeps_nobody_from_going_on_once_the_owner_has_removed_them() {
    let [owner, mallory, ben] = ["owner", "mallory", "ben"].map(Author::new);
    let mut story = Story::begun_by(&owner);
    story.invited(&owner, &mallory);
    story.invited(&owner, &ben);
    let mut rounds = 0;
    let end = loop {
        let throwaway = Author::new(&format!("throwaway {rounds}"));
        story.linked(&mallory, &throwaway, false);
        story.record(&throwaway, &Record::Leave { whole_user: false, cut: vec![] });
        let empty =
            Rekey { history: vec![], ..rekey(&format!("empty {rounds}"), story.roster().recipients()) };
        let outcome = story.record(&mallory, &Record::Rekey(empty));
        if outcome != APPLIED {
            break outcome;
        }
        rounds += 1;
    };
    assert_eq!((end, rounds), (void(Void::Full), MAX_EPOCHS_OF_OTHERS));
    assert!(story.roster().is_rekey_due());
    assert_eq!(story.record(&owner, &story.expulsion_of(&owner, mallory.user(), vec![])), APPLIED);
    assert!(!story.roster().is_rekey_due());
    story.put(&story.content_by(&ben));
    let newcomer = Author::new("newcomer");
    story.invited(&owner, &newcomer);
    story.put(&story.content_by(&newcomer));
}
