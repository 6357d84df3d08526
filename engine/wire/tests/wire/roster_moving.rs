//! Moves to another relay: by whom, of two at once which one, and what becomes of open codes.

use bowline_wire::roster::record::Record;
use bowline_wire::roster::{TicketStage, Void};

use crate::roster_removal::{Cast, cast, outcome};
use crate::support::*;

#[test]
fn the_last_move_says_where_the_workspace_is() {
    let Cast { mut story, laptop, phone, .. } = cast();
    assert!(story.roster().moves().is_empty());
    let moves = [move_to(0, "first"), move_to(1, "second")];
    for (by, to) in [&laptop, &phone].into_iter().zip(&moves) {
        assert_eq!(story.record(by, &Record::Move(to.clone())), APPLIED);
    }
    assert_eq!(story.roster().moves(), moves);
}

#[test]
fn only_a_live_device_of_the_owner_moves() {
    let Cast { mut story, laptop, ben, .. } = cast();
    let phrase = Author::new("ana's phrase");
    story.linked(&laptop, &phrase, true);
    let to = Record::Move(move_to(0, "elsewhere"));
    assert_eq!(outcome(&story, &ben, &to), void(Void::NotOwner));
    assert_eq!(outcome(&story, &phrase, &to), void(Void::Recovery));
    assert_eq!(outcome(&story, &laptop, &to), APPLIED);
    story.record(&laptop, &Record::HandOver { user: ben.user() });
    story.record(&ben, &Record::TakeOver);
    assert_eq!(outcome(&story, &laptop, &to), void(Void::NotOwner));
    assert_eq!(outcome(&story, &ben, &to), APPLIED);
}

#[test]
fn of_two_moves_that_did_not_know_of_one_another_the_first_counts() {
    let Cast { mut story, laptop, phone, .. } = cast();
    let before = story.roster().hash();
    let (one, other) = (move_to(0, "one"), move_to(0, "other"));
    assert_eq!(story.record(&laptop, &Record::Move(one.clone())), APPLIED);
    assert_eq!(story.clone().late_record(&phone, before, &Record::Move(other.clone())), void(Void::Outrun));
    assert_eq!(outcome(&story, &phone, &Record::Move(other)), void(Void::Outrun), "whatever roster it names");
    assert_eq!(story.roster().moves(), [one]);
}

#[test]
fn nobody_moves_back_to_a_log_that_was_left() {
    let Cast { mut story, laptop, .. } = cast();
    story.record(&laptop, &Record::Move(move_to(0, "one")));
    assert_eq!(outcome(&story, &laptop, &Record::Move(move_to(1, "one"))), void(Void::KeyReused));
}

#[test]
fn a_move_need_not_build_on_the_head() {
    let Cast { mut story, laptop, tablet, .. } = cast();
    let before = story.roster().hash();
    story.record(&tablet, &Record::Link(Secret::new("t").ticket()));
    assert_eq!(story.late_record(&laptop, before, &Record::Move(move_to(0, "elsewhere"))), APPLIED);
}

#[test]
fn open_codes_are_closed_for_they_name_the_relay_that_the_workspace_leaves() {
    let Cast { mut story, laptop, ben, tablet, .. } = cast();
    let (invite, link) = (Secret::new("an invite"), Secret::new("a link"));
    story.record(&laptop, &Record::Invite(invite.ticket()));
    story.record(&ben, &Record::Link(link.ticket()));
    assert_eq!(story.record(&laptop, &Record::Move(move_to(0, "elsewhere"))), APPLIED);
    for secret in [&invite, &link] {
        assert_eq!(story.roster().ticket(&secret.id()).unwrap().stage, TicketStage::Closed);
    }
    assert!(story.roster().may_rekey(&tablet.id()), "somebody may have seen the code");
    assert_eq!(outcome(&story, &ben, &Record::Link(Secret::new("another").ticket())), APPLIED);
}
