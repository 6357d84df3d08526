//! What happens when two devices write roster records without knowing of one another. Position decides.

use bowline_wire::log::Refusal;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Outcome, TicketStage, Void};

use crate::support::*;

fn ana_with_two_devices() -> (Story, Author, Author) {
    let (laptop, phone) = (Author::new("ana's laptop"), Author::new("ana's phone"));
    let mut story = Story::begun_by(&laptop);
    story.linked(&laptop, &phone, false);
    (story, laptop, phone)
}

#[test]
fn of_two_invites_made_at_once_the_second_is_void() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let head = story.roster().hash();
    let (first, second) = (Secret::new("t"), Secret::new("u"));
    assert_eq!(story.late_record(&laptop, head, &Record::Invite(first.ticket())), APPLIED);
    assert_eq!(story.late_record(&phone, head, &Record::Invite(second.ticket())), void(Void::NotOnHead));
    assert!(story.roster().ticket(&second.id()).is_none());
    assert_eq!(story.roster().points().len(), 4);
}

#[test]
fn of_two_rekeys_made_at_once_the_second_is_void() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let ben = Author::new("ben");
    story.invited(&laptop, &ben);
    story.record(&ben, &Record::Leave { whole_user: true, cut: vec![] });
    let head = story.roster().hash();
    let (first, second) = (story.due_rekey("first"), story.due_rekey("second"));
    assert_eq!(story.late_record(&laptop, head, &first), APPLIED);
    let epoch = story.roster().epoch();
    assert_eq!(story.late_record(&phone, head, &second), void(Void::Outrun));
    assert_eq!(story.roster().epoch(), epoch);
}

#[test]
fn a_removal_that_meets_a_new_code_keeps_its_rekey_and_closes_the_code() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let (ben, link) = (Author::new("ben"), Secret::new("t"));
    story.invited(&laptop, &ben);
    let head = story.roster().hash();
    let removal = story.expulsion_of(&laptop, ben.user(), vec![]);
    story.record(&phone, &Record::Link(link.ticket()));
    assert_eq!(story.late_record(&laptop, head, &removal), APPLIED);
    assert!(!story.roster().is_rekey_due());
    assert_eq!(story.roster().ticket(&link.id()).unwrap().stage, TicketStage::Closed);
    let join = story.join_by(&Author::new("late"), &story.entrance(&link, &Author::new("late"), false));
    assert_eq!(story.refusal(&join), Refusal::JoinVoid(Void::TicketNotOpen));
}

#[test]
fn a_removal_that_meets_somebody_s_leaving_loses_its_rekey_only() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let (ben, carl) = (Author::new("ben"), Author::new("carl"));
    story.invited(&laptop, &ben);
    story.invited(&laptop, &carl);
    let head = story.roster().hash();
    let removal = story.expulsion_of(&laptop, ben.user(), vec![]);
    story.record(&carl, &Record::Leave { whole_user: true, cut: vec![] });
    assert_eq!(story.late_record(&laptop, head, &removal), applied_without_epoch(Void::Outrun));
    assert!(!story.roster().is_active(&ben.id()));
    assert!(story.roster().is_rekey_due());
    assert_eq!(story.record(&phone, &story.due_rekey("e")), APPLIED);
}

#[test]
fn a_rekey_that_meets_a_removal_is_void_and_stays_due() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let (ben, carl) = (Author::new("ben"), Author::new("carl"));
    story.invited(&laptop, &ben);
    story.invited(&laptop, &carl);
    story.record(&carl, &Record::Leave { whole_user: true, cut: vec![] });
    let (head, rekey) = (story.roster().hash(), story.due_rekey("e"));
    let removal = Record::RemoveMember {
        user: ben.user(),
        cut: vec![],
        rekey: crate::support::rekey("short", [laptop.hpke.clone()]),
    };
    assert_eq!(story.record(&laptop, &removal), applied_without_epoch(Void::WrongRecipients));
    assert_eq!(story.late_record(&phone, head, &rekey), void(Void::Outrun));
    assert!(story.roster().is_rekey_due());
}

#[test]
fn two_devices_that_remove_one_another_do_not_both_go() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let head = story.roster().hash();
    let by_phone = story.record_on(&phone, head, &story.removal_of(&phone, &laptop, vec![]));
    let by_laptop = story.removal_of(&laptop, &phone, vec![]);
    assert_eq!(story.record(&laptop, &by_laptop), APPLIED);
    assert_eq!(story.refusal(&by_phone), Refusal::NotActive);
    assert!(story.roster().is_active(&laptop.id()));
}

#[test]
fn the_same_removal_by_two_devices_applies_once() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let ben = Author::new("ben");
    story.invited(&laptop, &ben);
    let head = story.roster().hash();
    let removal = story.expulsion_of(&laptop, ben.user(), vec![]);
    assert_eq!(story.record(&laptop, &removal), APPLIED);
    assert_eq!(story.late_record(&phone, head, &removal), void(Void::TargetNotActive));
}

#[test]
fn a_member_cannot_dodge_removal_by_removing_one_of_their_devices_first() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let (ben, tablet) = (Author::new("ben"), Author::new("ben's tablet"));
    story.invited(&laptop, &ben);
    story.linked(&ben, &tablet, false);
    let sealed = story.content_by(&tablet);
    let head = story.roster().hash();
    let removal = story.expulsion_of(&laptop, ben.user(), vec![cut_at(&sealed)]);
    story.record(&tablet, &Record::Leave { whole_user: false, cut: vec![] });
    assert_eq!(story.late_record(&laptop, head, &removal), APPLIED);
    assert!(!story.roster().is_active(&ben.id()));
    assert!(story.roster().user(&ben.user()).unwrap().removed);
}

#[test]
fn a_device_linked_behind_the_removers_back_goes_along() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let [ben, hidden, deeper] = ["ben", "ben's hidden", "ben's deeper"].map(Author::new);
    story.invited(&laptop, &ben);
    let head = story.roster().hash();
    let removal = story.removal_of(&laptop, &ben, vec![]);
    story.linked(&ben, &hidden, false);
    story.linked(&hidden, &deeper, false);
    let open = Secret::new("hidden's next");
    story.record(&hidden, &Record::Link(open.ticket()));
    assert_eq!(story.late_record(&laptop, head, &removal), APPLIED);
    for device in [&ben, &hidden, &deeper] {
        assert!(!story.roster().is_active(&device.id()));
    }
    assert_eq!(story.roster().ticket(&open.id()).unwrap().stage, TicketStage::Closed);
}

#[test]
fn a_device_that_somebody_else_linked_in_the_meantime_stays() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let (ben, tablet) = (Author::new("ben"), Author::new("ana's tablet"));
    story.invited(&laptop, &ben);
    let head = story.roster().hash();
    let removal = story.removal_of(&laptop, &ben, vec![]);
    story.linked(&phone, &tablet, false);
    story.late_record(&laptop, head, &removal);
    assert!(!story.roster().is_active(&ben.id()));
    assert!(story.roster().is_active(&tablet.id()));
}

/// A relay that holds the removal back lets in whoever it likes before it.
#[test]
fn a_device_that_came_in_before_the_removal_by_a_link_that_the_remover_knew_goes_along() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let [ben, tablet, foot, carl] =
        ["ben", "ben's tablet", "ben's foot in the door", "carl"].map(Author::new);
    story.invited(&laptop, &ben);
    story.linked(&ben, &tablet, false);
    let [link, deeper] = ["known link", "known link of the tablet's"].map(Secret::new);
    story.record(&ben, &Record::Link(link.ticket()));
    story.record(&tablet, &Record::Link(deeper.ticket()));
    let invite = Secret::new("known invite");
    story.record(&phone, &Record::Invite(invite.ticket()));
    let head = story.roster().hash();
    let removals = [&ben, &phone].map(|device| story.removal_of(&laptop, device, vec![]));
    story.joined(&foot, &link, false);
    story.joined(&Author::new("tablet's own"), &deeper, false);
    story.joined(&carl, &invite, false);
    let [of_ben, of_phone] = removals.map(|removal| {
        let mut story = story.clone();
        assert!(matches!(story.late_record(&laptop, head, &removal), Outcome::Applied { .. }));
        story
    });
    let is_in = |story: &Story, name: &str| story.roster().is_active(&Author::new(name).id());
    for (story, gone) in [(of_ben, ["ben", "ben's foot in the door"]), (of_phone, ["ana's phone", "carl"])] {
        for name in ["ben", "ben's tablet", "ben's foot in the door", "tablet's own", "carl", "ana's phone"] {
            assert_eq!(is_in(&story, name), !gone.contains(&name), "{name}");
        }
    }
}

#[test]
fn a_removal_does_not_reach_its_own_author_through_a_link() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let third = Author::new("ana's third");
    story.linked(&laptop, &third, false);
    // The third device names a roster from before its own link was made, which the log would not let it.
    let before_link = story.roster().points()[2].hash;
    let removal = story.removal_of(&third, &laptop, vec![]);
    let mut header = story.record_by(&third, &removal).header().clone();
    header.roster = before_link;
    let entry = third.sign(header, &removal.to_body());
    assert_eq!(story.refusal(&entry), Refusal::RosterStale);
    let outcome = story.roster().clone().apply_entry(at(9), &entry);
    assert_eq!(outcome, Some(void(Void::SelfRemoval)));
}

#[test]
fn a_cascade_does_not_take_the_owners_last_live_device() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let phrase = Author::new("phrase");
    story.linked(&laptop, &phrase, true);
    let head = story.roster().hash();
    let removal = story.removal_of(&phrase, &phone, vec![]);
    let next = Author::new("ana's next");
    story.linked(&phone, &next, false);
    story.record(&laptop, &Record::Leave { whole_user: false, cut: vec![] });
    assert_eq!(story.late_record(&phrase, head, &removal), void(Void::LastOwnerDevice));
    assert!(story.roster().is_active(&phone.id()) && story.roster().is_active(&next.id()));
}

#[test]
fn a_join_that_meets_the_close_of_its_ticket_is_refused() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let (secret, ben) = (Secret::new("t"), Author::new("ben"));
    story.record(&laptop, &Record::Invite(secret.ticket()));
    let join = story.join_by(&ben, &story.entrance(&secret, &ben, false));
    story.record(&laptop, &Record::CloseInvite(secret.id()));
    assert_eq!(story.refusal(&join), Refusal::JoinVoid(Void::TicketNotOpen));
}

#[test]
fn a_join_by_a_ticket_of_a_removed_device_is_refused() {
    let (mut story, laptop, phone) = ana_with_two_devices();
    let (secret, ben) = (Secret::new("t"), Author::new("ben"));
    story.record(&phone, &Record::Invite(secret.ticket()));
    let join = story.join_by(&ben, &story.entrance(&secret, &ben, false));
    story.record(&laptop, &story.removal_of(&laptop, &phone, vec![]));
    assert_eq!(story.refusal(&join), Refusal::JoinVoid(Void::TicketNotOpen));
}

#[test]
fn a_close_that_meets_the_join_is_void() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let (secret, ben) = (Secret::new("t"), Author::new("ben"));
    story.record(&laptop, &Record::Invite(secret.ticket()));
    let head = story.roster().hash();
    story.joined(&ben, &secret, false);
    let close = Record::CloseInvite(secret.id());
    assert_eq!(story.late_record(&laptop, head, &close), void(Void::TicketNotOpen));
    assert!(story.roster().is_active(&ben.id()));
}

#[test]
fn a_removed_device_cannot_stop_the_others_with_an_unknown_record() {
    let (mut story, laptop, _) = ana_with_two_devices();
    let ben = Author::new("ben");
    story.invited(&laptop, &ben);
    let run = [story.record_by(&ben, &Record::Unknown(99))];
    story.record(&laptop, &story.expulsion_of(&laptop, ben.user(), vec![cut_at(&run[0])]));
    let placed = story.put_run(&run);
    assert_eq!(placed[0].roster, Some(void(Void::AuthorNotActive)));
    assert_eq!(story.roster().unknown_record(), None);
}
