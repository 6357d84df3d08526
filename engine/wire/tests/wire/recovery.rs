//! Recovery phrases: how one comes in, that there is one for each user, what replaces it, and for how long others remove it.

use bowline_wire::limits::RECOVERY_SETTLES;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{TicketStage, Void};

use crate::roster_removal::{Cast, active, cast, leave, outcome};
use crate::support::*;

/// What becomes of a Join by a ticket.
fn join_outcome(story: &Story, newcomer: &Author, secret: &Secret, recovery: bool) -> Result<(), Void> {
    let join = story.join_by(newcomer, &story.entrance(secret, newcomer, recovery));
    match story.check(&join) {
        Ok(_) => Ok(()),
        Err(Refusal::JoinVoid(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

fn link(secret: &Secret, recovery: bool) -> Record {
    Record::Link(Ticket { recovery, ..secret.ticket() })
}

#[test]
fn a_join_is_of_a_phrase_exactly_if_its_ticket_says_so() {
    let Cast { mut story, ben, .. } = cast();
    let carl = Author::new("carl");
    for recovery in [false, true] {
        let secret = Secret::new(&format!("link {recovery}"));
        assert_eq!(story.record(&ben, &link(&secret, recovery)), APPLIED);
        assert_eq!(join_outcome(&story, &carl, &secret, recovery), Ok(()));
        assert_eq!(join_outcome(&story, &carl, &secret, !recovery), Err(Void::Recovery));
    }
}

#[test]
fn an_invite_is_for_no_phrase() {
    let Cast { story, laptop, .. } = cast();
    let invite = Record::Invite(Secret::new("t").for_phrase());
    assert_eq!(outcome(&story, &laptop, &invite), void(Void::Recovery));
}

#[test]
fn while_a_phrase_is_active_nobody_else_opens_the_way_for_another_one_of_that_user() {
    let Cast { mut story, laptop, phone, ben, tablet } = cast();
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    let next = link(&Secret::new("next"), true);
    for by in [&ben, &tablet] {
        assert_eq!(outcome(&story, by, &next), void(Void::Recovery));
    }
    // Other people's phrases are their own affair, and so are links for devices.
    for by in [&laptop, &phone, &phrase] {
        assert_eq!(outcome(&story, by, &next), APPLIED);
    }
    assert_eq!(outcome(&story, &ben, &link(&Secret::new("a device"), false)), APPLIED);
}

#[test]
fn of_two_links_for_phrases_that_were_open_at_once_one_brings_one() {
    let Cast { mut story, ben, tablet, .. } = cast();
    let [first, second] = ["first", "second"].map(Secret::new);
    assert_eq!(story.record(&ben, &link(&first, true)), APPLIED);
    assert_eq!(story.record(&tablet, &link(&second, true)), APPLIED);
    let (phrase, implant) = (Author::new("ben's phrase"), Author::new("another phrase"));
    story.joined(&phrase, &first, true);
    assert_eq!(join_outcome(&story, &implant, &second, true), Err(Void::Recovery));
    assert_eq!(story.roster().recovery_of(ben.user()), Some(phrase.id()));
}

#[test]
fn a_successor_takes_the_place_of_the_phrase_that_let_it_in_and_makes_a_rekey_due() {
    let Cast { mut story, laptop, ben, .. } = cast();
    let (phrase, next) = (Author::new("ben's phrase"), Author::new("ben's next phrase"));
    story.linked(&ben, &phrase, true);
    let other = Secret::new("a link of the phrase's");
    assert_eq!(story.record(&phrase, &link(&other, false)), APPLIED);
    let before = active(&story);
    story.linked(&phrase, &next, true);
    let mut after = before;
    after.remove(&phrase.id());
    after.insert(next.id());
    assert_eq!(active(&story), after);
    assert_eq!(story.roster().recovery_of(ben.user()), Some(next.id()));
    assert_eq!(story.roster().ticket(&other.id()).unwrap().stage, TicketStage::Closed);
    assert!(
        story.roster().is_rekey_due(),
        "whoever knows the words that were given up is to read nothing more"
    );
    assert!(!story.roster().recipients().contains(&phrase.hpke));
    assert_eq!(story.record(&laptop, &story.due_rekey("e")), APPLIED);
}

#[test]
fn a_phrase_is_removed_like_any_device_to_the_millisecond_before_it_has_settled() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    let joined = story.roster().device(&phrase.id()).unwrap().joined.millis();
    let removals = |story: &Story| {
        [&ben, &tablet, &laptop].map(|by| outcome(story, by, &story.removal_of(by, &phrase, vec![])))
    };
    assert_eq!(removals(&story), [APPLIED; 3]);
    story.clock = joined.plus(RECOVERY_SETTLES - 1);
    assert_eq!(removals(&story), [APPLIED; 3]);
    story.clock = joined.plus(RECOVERY_SETTLES);
    assert_eq!(removals(&story), [void(Void::Recovery); 3]);
    assert_eq!(outcome(&story, &phrase, &leave(false)), APPLIED);
    assert_eq!(outcome(&story, &laptop, &story.expulsion_of(&laptop, ben.user(), vec![])), APPLIED);
}

#[test]
fn a_successor_has_a_time_of_its_own_to_settle_in() {
    let Cast { mut story, ben, .. } = cast();
    let (phrase, next) = (Author::new("ben's phrase"), Author::new("whoever found the sheet"));
    story.linked(&ben, &phrase, true);
    story.clock = story.clock.plus(2 * RECOVERY_SETTLES);
    story.linked(&phrase, &next, true);
    assert_eq!(outcome(&story, &ben, &story.removal_of(&ben, &next, vec![])), APPLIED);
}

/// A thief with a live device lets a phrase of their own in, and a device by that.
fn implanted() -> (Story, Author, Author, [Author; 2]) {
    let Cast { mut story, ben, tablet, .. } = cast();
    let (implant, foothold) = (Author::new("the thief's phrase"), Author::new("the thief's laptop"));
    story.linked(&tablet, &implant, true);
    story.linked(&implant, &foothold, false);
    (story, ben, tablet, [implant, foothold])
}

#[test]
fn a_thiefs_phrase_goes_with_the_device_that_let_it_in_by_whichever_roster_the_removal_names() {
    let Cast { story: before, .. } = cast();
    let (mut story, ben, stolen, implants) = implanted();
    let removal = story.removal_of(&ben, &stolen, vec![]);
    story.late_record(&ben, before.roster().hash(), &removal);
    for gone in implants.iter().chain([&stolen]) {
        assert!(!story.roster().is_active(&gone.id()));
    }
    assert!(story.roster().is_active(&ben.id()));
}

#[test]
fn a_thiefs_phrase_that_came_before_the_roster_of_the_removal_is_removed_by_itself_for_a_week() {
    let (mut story, ben, stolen, [implant, foothold]) = implanted();
    assert_eq!(story.record(&ben, &story.removal_of(&ben, &stolen, vec![])), APPLIED);
    assert!(story.roster().is_active(&implant.id()));
    assert_eq!(story.record(&ben, &story.removal_of(&ben, &implant, vec![])), APPLIED);
    assert_eq!(story.record(&ben, &story.removal_of(&ben, &foothold, vec![])), APPLIED);
    // And the way is free for the person's own.
    story.linked(&ben, &Author::new("ben's phrase"), true);
}

#[test]
fn a_thief_neither_removes_a_settled_phrase_nor_strikes_it_nor_puts_another_in_its_place() {
    let Cast { mut story, laptop, ben, tablet: stolen, .. } = cast();
    let before = story.roster().hash();
    let phrase = Author::new("ben's phrase");
    story.linked(&ben, &phrase, true);
    story.clock = story.clock.plus(RECOVERY_SETTLES);
    assert_eq!(outcome(&story, &stolen, &story.removal_of(&stolen, &phrase, vec![])), void(Void::Recovery));
    assert_eq!(outcome(&story, &stolen, &link(&Secret::new("implant"), true)), void(Void::Recovery));
    let removal = story.removal_of(&stolen, &ben, vec![]);
    story.late_record(&stolen, before, &removal);
    assert!(!story.roster().is_active(&ben.id()) && story.roster().is_active(&phrase.id()));
    story.record(&stolen, &leave(true));
    assert!(story.roster().is_active(&phrase.id()));
    // Whoever has the phrase comes back, and the thief is out.
    let next = Author::new("ben's next laptop");
    story.linked(&phrase, &next, false);
    assert!(story.roster().is_rekey_due());
    assert_eq!(story.record(&laptop, &story.due_rekey("e")), APPLIED);
}
