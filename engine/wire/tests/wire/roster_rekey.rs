//! Rekeys: when one is due, who may make it, and whom it has to reach.

use bowline_wire::header::EntryType;
use bowline_wire::ids::*;
use bowline_wire::roster::Void;
use bowline_wire::roster::record::{Record, Rekey};

use crate::roster_rules::{ana, ana_and_ben, ben, fold};
use crate::support::*;

#[test]
fn a_rekey_is_void_unless_one_is_due() {
    let story = ana_and_ben();
    assert_eq!(fold(&story, &ana(), &story.due_rekey("e")), void(Void::NotDue));
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
    assert_eq!(story.roster().commitments().len(), 2);
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
    let swapped = [ana().hpke, ben().hpke, Author::new("carl").hpke];
    for wrong in
        [rekey("e", right.iter().skip(1).cloned()), rekey("e", too_many), rekey("e", swapped), rekey("e", [])]
    {
        assert_eq!(fold(&story, &ana(), &Record::Rekey(wrong)), void(Void::WrongRecipients));
    }
    let mut twice = rekey("e", right.clone());
    twice.wraps.push(wrap(ana().hpke));
    let header = story.draft(&ana(), EntryType::Roster);
    let outcome = story.roster().clone().apply(Position(9), EntryId::ZERO, &header, &Record::Rekey(twice));
    assert_eq!(outcome, void(Void::WrongRecipients));
    assert_eq!(fold(&story, &ana(), &Record::Rekey(rekey("e", right))), APPLIED);
}

#[test]
fn a_rekey_builds_on_the_head_in_force() {
    let mut story = due();
    let before = story.roster().hash();
    story.record(&ana(), &Record::Link(Secret::new("t").ticket()));
    let rekey = story.due_rekey("e");
    assert_eq!(story.late_record(&ana(), before, &rekey), void(Void::NotOnHead));
    assert_eq!(story.record(&ana(), &rekey), APPLIED);
}

#[test]
fn an_epoch_never_comes_back() {
    let story = due();
    let old = story.roster().commitments()[0];
    let same_epoch_id: [u8; 32] = std::array::from_fn(|i| old.as_bytes()[i] ^ u8::from(i == 31));
    for commitment in [old, Commitment::from_bytes(same_epoch_id)] {
        let rekey = Rekey { commitment, ..rekey("e", story.roster().recipients()) };
        assert_eq!(fold(&story, &ana(), &Record::Rekey(rekey)), void(Void::KeyReused));
    }
}

#[test]
fn a_recovery_phrase_does_not_rekey() {
    let mut story = due();
    let phrase = Author::new("phrase");
    story.linked(&ana(), &phrase, true);
    assert_eq!(fold(&story, &phrase, &story.due_rekey("e")), void(Void::Recovery));
}
