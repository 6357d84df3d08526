//! Ownership: offered by the Owner, taken over by the Member it is offered to, and by nobody else; and what it takes from the former Owner.

use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Offer, Role, TicketStage, Void};

use crate::roster_removal::{Cast, cast, leave, outcome};
use crate::support::*;

fn offer_to(user: UserId) -> Record {
    Record::HandOver { user }
}

fn role(story: &Story, author: &Author) -> Role {
    story.roster().user(&author.user()).unwrap().role
}

/// The cast, with ownership offered to Ben by Ana's laptop.
fn offered() -> Cast {
    let mut cast = cast();
    assert_eq!(cast.story.record(&cast.laptop, &offer_to(cast.ben.user())), APPLIED);
    cast
}

/// Ownership has gone over to Ben.
fn handed_over() -> Cast {
    let mut cast = offered();
    assert_eq!(cast.story.record(&cast.tablet, &Record::TakeOver), APPLIED);
    cast
}

#[test]
fn an_offer_changes_nothing_until_it_is_taken_over() {
    let Cast { mut story, laptop, ben, tablet, .. } = offered();
    assert_eq!(story.roster().offer(), Some(Offer { to: ben.user(), by: laptop.id() }));
    assert_eq!((role(&story, &laptop), role(&story, &ben)), (Role::Owner, Role::Member));
    assert_eq!(story.record(&tablet, &Record::TakeOver), APPLIED);
    assert_eq!((role(&story, &laptop), role(&story, &ben)), (Role::Member, Role::Owner));
    assert_eq!(story.roster().offer(), None, "it is used up");
    let whose: Vec<_> = story.roster().ownerships().iter().map(|it| it.user).collect();
    assert_eq!(whose, [laptop.user(), ben.user()]);
}

#[test]
fn nobody_else_takes_it_over_and_nothing_is_taken_over_that_is_not_on_offer() {
    let Cast { story, phone, ben, .. } = cast();
    assert_eq!(outcome(&story, &ben, &Record::TakeOver), void(Void::NotOffered));
    let Cast { mut story, laptop, .. } = offered();
    let carl = Author::new("carl");
    story.invited(&laptop, &carl);
    assert_eq!(outcome(&story, &carl, &Record::TakeOver), void(Void::NotOffered));
    assert_eq!(outcome(&story, &phone, &Record::TakeOver), void(Void::NotOffered), "the Owner's own");
    assert_eq!(outcome(&story, &ben, &Record::TakeOver), APPLIED);
    let Cast { story, ben, .. } = handed_over();
    assert_eq!(outcome(&story, &ben, &Record::TakeOver), void(Void::NotOffered), "once");
}

#[test]
fn it_is_offered_to_a_member_who_has_a_live_device_and_to_nobody_else() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let stranger = Author::new("stranger");
    assert_eq!(outcome(&story, &laptop, &offer_to(stranger.user())), void(Void::TargetNotActive));
    assert_eq!(outcome(&story, &ben, &offer_to(ben.user())), void(Void::NotOwner));
    assert_eq!(outcome(&story, &laptop, &offer_to(ben.user())), APPLIED);
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    for device in [&ben, &tablet] {
        assert_eq!(story.record(&laptop, &story.removal_of(&laptop, device, vec![])), APPLIED);
    }
    assert_eq!(
        outcome(&story, &laptop, &offer_to(ben.user())),
        void(Void::TargetNotActive),
        "a phrase alone"
    );
    let expulsion = story.expulsion_of(&laptop, ben.user(), vec![]);
    assert_eq!(story.record(&laptop, &expulsion), APPLIED);
    assert_eq!(outcome(&story, &laptop, &offer_to(ben.user())), void(Void::TargetNotActive));
}

#[test]
fn a_phrase_neither_offers_nor_takes_over() {
    let Cast { mut story, laptop, ben, .. } = offered();
    let phrases = [Author::new("ana's phrase"), Author::new("ben's phrase")];
    for (by, phrase) in [&laptop, &ben].into_iter().zip(&phrases) {
        story.linked(by, phrase, true);
    }
    assert_eq!(outcome(&story, &phrases[0], &offer_to(ben.user())), void(Void::Recovery));
    assert_eq!(outcome(&story, &phrases[1], &Record::TakeOver), void(Void::Recovery));
}

#[test]
fn one_offer_is_open_at_a_time_and_who_takes_over_has_seen_that_one() {
    let Cast { mut story, laptop, phone, ben, tablet } = offered();
    let carl = Author::new("carl");
    story.invited(&laptop, &carl);
    let seen = story.roster().hash();
    assert_eq!(story.record(&phone, &offer_to(carl.user())), APPLIED);
    assert_eq!(story.clone().late_record(&tablet, seen, &Record::TakeOver), void(Void::NotOnHead));
    assert_eq!(outcome(&story, &ben, &Record::TakeOver), void(Void::NotOffered), "the second took its place");
    assert_eq!(outcome(&story, &carl, &Record::TakeOver), APPLIED);
}

#[test]
fn the_owner_takes_an_offer_back_by_offering_to_themselves() {
    let Cast { story, laptop, .. } = cast();
    let back = offer_to(laptop.user());
    assert_eq!(outcome(&story, &laptop, &back), void(Void::NotOffered), "there is none");
    let Cast { mut story, laptop, phone, tablet, .. } = offered();
    let seen = story.roster().hash();
    assert_eq!(story.record(&phone, &back), APPLIED);
    assert_eq!(story.roster().offer(), None);
    assert_eq!(role(&story, &laptop), Role::Owner);
    assert_eq!(outcome(&story, &tablet, &Record::TakeOver), void(Void::NotOffered));
    assert_eq!(story.clone().late_record(&tablet, seen, &Record::TakeOver), void(Void::NotOnHead));
}

#[test]
fn an_offer_ends_with_the_device_that_made_it() {
    let Cast { mut story, laptop, phone, tablet, .. } = offered();
    assert_eq!(story.record(&phone, &story.removal_of(&phone, &laptop, vec![])), APPLIED);
    assert_eq!(story.roster().offer(), None, "a stolen laptop gives nothing away any more");
    assert_eq!(outcome(&story, &tablet, &Record::TakeOver), void(Void::NotOffered));
    let Cast { mut story, phone, .. } = offered();
    assert_eq!(story.record(&phone, &leave(false)), APPLIED);
    assert!(story.roster().offer().is_some(), "not with another one");
    let Cast { mut story, laptop, .. } = offered();
    assert_eq!(story.record(&laptop, &leave(false)), APPLIED);
    assert_eq!(story.roster().offer(), None);
}

#[test]
fn an_offer_ends_with_the_last_live_device_of_the_one_it_is_for() {
    let Cast { story, laptop, ben, tablet, .. } = offered();
    let mut removed = story.clone();
    assert_eq!(removed.record(&laptop, &story.expulsion_of(&laptop, ben.user(), vec![])), APPLIED);
    assert_eq!(removed.roster().offer(), None);
    let mut left = story.clone();
    assert_eq!(left.record(&ben, &leave(true)), APPLIED);
    assert_eq!(left.roster().offer(), None);
    let mut one_by_one = story;
    assert_eq!(one_by_one.record(&ben, &leave(false)), APPLIED);
    assert!(one_by_one.roster().offer().is_some());
    let removal = one_by_one.removal_of(&laptop, &tablet, vec![]);
    assert_eq!(one_by_one.record(&laptop, &removal), APPLIED);
    assert_eq!(one_by_one.roster().offer(), None);
}

#[test]
fn of_a_removal_and_a_take_over_at_once_the_first_counts() {
    let Cast { story, laptop, ben, tablet, .. } = offered();
    let (seen, removal) = (story.roster().hash(), story.expulsion_of(&laptop, ben.user(), vec![]));
    let mut removed = story.clone();
    assert_eq!(removed.record(&laptop, &removal), APPLIED);
    assert_eq!(removed.roster().role(&tablet.id()), None);
    let mut taken = story;
    assert_eq!(taken.record(&tablet, &Record::TakeOver), APPLIED);
    assert_eq!(taken.late_record(&laptop, seen, &removal), void(Void::NotOwner));
    assert!(taken.roster().is_active(&ben.id()));
}

#[test]
fn the_former_owner_is_a_member_like_any_and_may_leave_or_be_removed() {
    let Cast { mut story, laptop, phone, ben, tablet } = handed_over();
    for record in [
        Record::Invite(Secret::new("t").ticket()),
        offer_to(ben.user()),
        story.removal_of(&laptop, &tablet, vec![]),
        story.expulsion_of(&laptop, ben.user(), vec![]),
        Record::Unknown(99),
    ] {
        let why =
            if matches!(record, Record::RemoveDevice { .. }) { Void::NotOwnUser } else { Void::NotOwner };
        assert_eq!(outcome(&story, &laptop, &record), void(why), "{record:?}");
    }
    assert_eq!(outcome(&story, &ben, &leave(true)), void(Void::LastOwnerDevice), "the Owner stays");
    let expulsion = story.expulsion_of(&tablet, laptop.user(), vec![]);
    assert_eq!(outcome(&story, &tablet, &expulsion), APPLIED);
    assert_eq!(story.record(&phone, &leave(true)), APPLIED);
    assert!(story.roster().user(&laptop.user()).unwrap().removed);
    assert_eq!(role(&story, &ben), Role::Owner);
}

#[test]
fn open_invites_of_the_former_owner_are_closed_and_links_stay() {
    let Cast { mut story, laptop, tablet, .. } = offered();
    let [invite, link, bens] = ["an invite", "a link", "ben's link"].map(Secret::new);
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&laptop, &Record::Link(link.ticket()));
    story.record(&tablet, &Record::Link(bens.ticket()));
    assert_eq!(story.record(&tablet, &Record::TakeOver), APPLIED);
    let stage = |secret: &Secret| story.roster().ticket(&secret.id()).unwrap().stage;
    assert_eq!(
        [&invite, &link, &bens].map(stage),
        [TicketStage::Closed, TicketStage::Open, TicketStage::Open]
    );
    assert!(!story.roster().recipients().contains(&invite.hpke), "no later epoch is wrapped to it");
    assert!(story.roster().may_rekey(&laptop.id()), "somebody may have seen the code");
    assert_eq!(outcome(&story, &tablet, &Record::Invite(Secret::new("ben's").ticket())), APPLIED);
}

#[test]
fn who_owns_it_begins_epochs_without_a_reason_and_who_did_needs_one() {
    let Cast { story, laptop, ben, .. } = handed_over();
    assert!(story.roster().may_rekey(&ben.id()));
    assert!(!story.roster().may_rekey(&laptop.id()));
    assert_eq!(outcome(&story, &laptop, &story.due_rekey("e")), void(Void::NotDue));
    assert_eq!(outcome(&story, &ben, &story.due_rekey("e")), APPLIED);
}

/// Which records a relay turns away: who wrote as the Owner, before a hand-over had come to them, is not refused for it.
#[test]
fn what_is_forbidden_was_never_permitted_to_its_author() {
    let Cast { mut story, laptop, ben, tablet, .. } = offered();
    let invite = Record::Invite(Secret::new("t").ticket());
    let before = story.roster().hash();
    let forbidden = |story: &Story, author: &Author, roster: RosterHash, record: &Record| {
        let header = Header { roster, ..story.draft(author, EntryType::Roster) };
        story.roster().is_forbidden(&header, record, story.time())
    };
    assert!(forbidden(&story, &ben, before, &invite));
    assert!(!forbidden(&story, &laptop, before, &invite));
    story.record(&tablet, &Record::TakeOver);
    let after = story.roster().hash();
    assert!(!forbidden(&story, &laptop, before, &invite), "it was the Owner's when it was written");
    assert!(forbidden(&story, &laptop, after, &invite), "it knew better");
    assert!(!forbidden(&story, &ben, before, &invite), "it is the Owner's now");
    assert!(!forbidden(&story, &ben, after, &invite));
    assert!(forbidden(&story, &ben, after, &Record::TakeOver), "the Owner has nothing to take over");
    assert!(!forbidden(&story, &laptop, RosterHash::ZERO, &leave(false)));
    assert!(forbidden(&story, &laptop, RosterHash::from_bytes([9; 32]), &invite), "of no known roster");
}
