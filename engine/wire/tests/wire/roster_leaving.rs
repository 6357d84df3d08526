//! Leaving, and what a recovery phrase is spared, whoever holds a device it is meant against.

use bowline_wire::limits::RECOVERY_SETTLES;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{TicketStage, Void};

use crate::roster_removal::{Cast, active, cast, ids, leave, outcome};
use crate::support::*;

#[test]
fn the_owner_keeps_a_live_device() {
    let laptop = Author::new("laptop");
    let mut story = Story::begun_by(&laptop);
    let phrase = Author::new("phrase");
    story.linked(&laptop, &phrase, true);
    let removal = story.removal_of(&phrase, &laptop, vec![]);
    assert_eq!(outcome(&story, &phrase, &removal), void(Void::LastOwnerDevice));
    for whole_user in [false, true] {
        assert_eq!(outcome(&story, &laptop, &leave(whole_user)), void(Void::LastOwnerDevice));
    }
    let phone = Author::new("phone");
    story.linked(&phrase, &phone, false);
    assert_eq!(outcome(&story, &laptop, &leave(true)), void(Void::LastOwnerDevice));
    assert_eq!(outcome(&story, &laptop, &leave(false)), APPLIED);
    assert_eq!(outcome(&story, &phone, &story.removal_of(&phone, &laptop, vec![])), APPLIED);
}

#[test]
fn a_phrase_removes_a_stolen_device_but_cannot_rekey() {
    let Cast { mut story, laptop, phone, .. } = cast();
    let phrase = Author::new("phrase");
    story.linked(&laptop, &phrase, true);
    let removal = story.removal_of(&phrase, &phone, vec![]);
    assert_eq!(story.record(&phrase, &removal), applied_without_epoch(Void::Recovery));
    assert!(!story.roster().is_active(&phone.id()));
    assert!(story.roster().is_rekey_due());
    assert_eq!(story.record(&laptop, &story.due_rekey("e")), APPLIED);
}

#[test]
fn a_phrase_goes_only_by_its_own_signature_or_with_its_member() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let phrase = Author::new("ben's phrase");
    story.linked(&tablet, &phrase, true);
    story.clock = story.clock.plus(RECOVERY_SETTLES);
    for by in [&laptop, &ben] {
        let removal = story.removal_of(by, &phrase, vec![]);
        assert_eq!(outcome(&story, by, &removal), void(Void::Recovery));
    }
    assert_eq!(outcome(&story, &phrase, &leave(false)), APPLIED);
    assert_eq!(story.record(&laptop, &story.expulsion_of(&laptop, ben.user(), vec![])), APPLIED);
    assert!(!story.roster().is_active(&phrase.id()));
}

#[test]
fn who_leaves_with_the_last_device_is_gone_whatever_the_flag_says() {
    for whole_user in [false, true] {
        let Cast { mut story, ben, tablet, .. } = cast();
        assert_eq!(story.record(&ben, &leave(false)), APPLIED);
        assert!(!story.roster().user(&ben.user()).unwrap().removed);
        assert_eq!(story.record(&tablet, &leave(whole_user)), APPLIED);
        assert!(story.roster().user(&ben.user()).unwrap().removed);
    }
}

/// A thief with somebody's last device would else end their membership, which the phrase is to bring back.
#[test]
fn a_phrase_that_has_settled_keeps_its_user_in_when_the_last_device_leaves() {
    for whole_user in [false, true] {
        let Cast { mut story, ben, tablet, .. } = cast();
        let phrase = Author::new("ben's phrase");
        story.linked(&ben, &phrase, true);
        story.clock = story.clock.plus(RECOVERY_SETTLES);
        assert_eq!(story.record(&ben, &leave(false)), APPLIED);
        assert_eq!(story.record(&tablet, &leave(whole_user)), APPLIED);
        assert!(story.roster().is_active(&phrase.id()));
        assert!(!story.roster().user(&ben.user()).unwrap().removed);
        let next = Author::new("ben's next laptop");
        story.linked(&phrase, &next, false);
        assert!(story.roster().is_active(&next.id()));
    }
}

#[test]
fn who_gives_a_phrase_up_while_a_device_stays_is_still_there() {
    let Cast { mut story, ben, tablet, .. } = cast();
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    assert_eq!(story.record(&phrase, &leave(false)), APPLIED);
    assert!(story.roster().is_active(&ben.id()) && story.roster().is_active(&tablet.id()));
    assert!(!story.roster().user(&ben.user()).unwrap().removed);
}

#[test]
fn a_thief_cannot_shut_the_phrase_out_by_naming_an_old_roster() {
    let Cast { mut story, ben, tablet, .. } = cast();
    let old = story.roster().hash();
    let removal = story.removal_of(&tablet, &ben, vec![]);
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    story.clock = story.clock.plus(RECOVERY_SETTLES);
    assert_eq!(story.late_record(&tablet, old, &removal), applied_without_epoch(Void::Outrun));
    assert!(!story.roster().is_active(&ben.id()));
    assert!(story.roster().is_active(&phrase.id()));
}

#[test]
fn leaving_makes_a_rekey_due_and_brings_none() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    assert_eq!(story.record(&tablet, &leave(false)), APPLIED);
    assert!(!story.roster().is_active(&tablet.id()));
    assert!(story.roster().is_active(&ben.id()));
    assert!(!story.roster().user(&ben.user()).unwrap().removed);
    assert!(story.roster().is_rekey_due());
    assert!(story.roster().points().last().unwrap().rekey_due);
    assert_eq!(story.record(&laptop, &story.due_rekey("e")), APPLIED);
}

#[test]
fn leaving_for_the_whole_user_ends_all_their_devices_and_their_name() {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    assert_eq!(story.record(&tablet, &leave(true)), APPLIED);
    assert_eq!(active(&story), ids(&[&laptop, &phone]));
    assert!(story.roster().user(&ben.user()).unwrap().removed);
}

#[test]
fn a_phrase_that_leaves_for_the_whole_user_goes_along() {
    let Cast { mut story, laptop, phone, ben, .. } = cast();
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    assert_eq!(story.record(&phrase, &leave(true)), APPLIED);
    assert_eq!(active(&story), ids(&[&laptop, &phone]));
    assert!(story.roster().user(&ben.user()).unwrap().removed);
}

#[test]
fn leaving_closes_every_ticket_the_leaver_made() {
    let Cast { mut story, tablet, .. } = cast();
    let link = Secret::new("t");
    story.record(&tablet, &Record::Link(link.ticket()));
    story.record(&tablet, &leave(false));
    assert_eq!(story.roster().ticket(&link.id()).unwrap().stage, TicketStage::Closed);
}
