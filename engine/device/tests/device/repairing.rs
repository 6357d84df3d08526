//! A person goes on with a relay's log, and what it lacks and can hold is sent again as it was: everybody ends with one log.

use bowline_core::sync::GoingOn;
use bowline_device::{DocumentState, LineReason, Owed};
use bowline_wire::ids::EntryId;

use crate::accepting::assert_in_step;
use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, two};

fn ids(relay: &FakeRelay) -> Vec<EntryId> {
    relay.verified().map(|entry| entry.id()).collect()
}

#[test]
fn what_names_nothing_that_was_given_up_is_sent_again_as_it_was() {
    let (mut one, mut other, mut known) = two();
    let id = other.conversation("theirs");
    let back = known.rolled_back(known.len());
    other.say(id, "the first of its chain behind the parting");
    exchange(&mut one, &mut other, &mut known);
    let first = ids(&known)[usize::try_from(back.len()).unwrap()];
    let mut back = back;
    one.disconnect();
    one.connect(&back);
    one.disconnect();
    assert_eq!(one.status().caught, Some(LineReason::Rollback));
    let missing = one.missing(&mut back);
    assert!(missing.again > 0 && missing.again <= missing.entries);
    one.go_on(&mut back, GoingOn::Repair);
    assert!(back.holds(first), "verbatim, by somebody else's device");
    assert_in_step(&one, &back);
    assert_eq!(one.texts(id), ["the first of its chain behind the parting"]);
}

#[test]
fn no_entry_is_offered_that_names_a_head_of_the_branch_that_was_given_up() {
    let (mut one, mut other, mut known) = two();
    let back = known.rolled_back(known.len());
    let id = other.conversation("theirs");
    for text in ["a", "b", "c"] {
        other.say(id, text);
        exchange(&mut one, &mut other, &mut known);
        one.say(id, &text.to_uppercase());
        exchange(&mut one, &mut other, &mut known);
    }
    let mut back = back;
    one.disconnect();
    one.sent.clear();
    one.go_on(&mut back, GoingOn::Repair);
    let parting = known.len() - 6;
    for entry in one.appended() {
        let seen = entry.header().seen;
        let is_of_back =
            seen.is_none_or(|seen| seen.position.0 <= parting || back.hash_at(seen.position.0) == seen.hash);
        assert!(is_of_back, "an honest relay would take it for a loss of its own");
    }
    assert_in_step(&one, &back);
    let all = ["a", "A", "b", "B", "c", "C"];
    assert_eq!(one.texts(id).len(), all.len());
    other.disconnect();
    other.go_on(&mut back, GoingOn::Repair);
    exchange(&mut one, &mut other, &mut back);
    for rig in [&mut one, &mut other] {
        let mut texts = rig.texts(id);
        texts.sort();
        assert_eq!(texts, ["A", "B", "C", "a", "b", "c"]);
        assert_in_step(rig, &back);
        assert_eq!(rig.status().apart, 0);
    }
}

#[test]
fn what_a_successor_covers_comes_back_whole() {
    // A relay that was restored from one backup twice: what saw the first log beyond its end can stand in the second one.
    let (mut one, mut other, relay) = two();
    let (mut one_said, mut known) = (Vec::new(), relay.clone());
    let id = one.conversation("mine");
    for text in ["a", "b"] {
        one.say(id, text);
        exchange(&mut one, &mut other, &mut known);
        one_said.push(text.to_owned());
    }
    one.disconnect();
    other.disconnect();
    let mut first = known.restored(relay.len(), 21);
    one.sync(&mut first);
    one.disconnect();
    let mut second = known.restored(relay.len(), 22);
    one.sync(&mut second);
    assert_eq!(one.status().behind.unwrap().reason, LineReason::OtherSuccessor);
    one.disconnect();
    let missing = one.missing(&mut second);
    assert_eq!(missing.again, missing.entries);
    one.go_on(&mut second, GoingOn::Repair);
    assert_eq!(ids(&second), ids(&first));
    assert_in_step(&one, &second);
    // The other one has never seen the first one's successor, and is not asked.
    other.sync(&mut second);
    assert_in_step(&other, &second);
    assert_eq!(other.texts(id), one_said);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn one_device_accepts_and_another_repairs_and_both_end_equal() {
    for first_accepts in [true, false] {
        let (mut one, mut other, mut known) = two();
        let back = known.rolled_back(known.len());
        let (mine, theirs) = (one.conversation("mine"), other.conversation("theirs"));
        for text in ["a", "b"] {
            one.say(mine, text);
            other.say(theirs, text);
            exchange(&mut one, &mut other, &mut known);
        }
        let mut back = back;
        one.disconnect();
        other.disconnect();
        let (first, second) = if first_accepts {
            (GoingOn::Accept, GoingOn::Repair)
        } else {
            (GoingOn::Repair, GoingOn::Accept)
        };
        one.go_on(&mut back, first);
        other.go_on(&mut back, second);
        exchange(&mut one, &mut other, &mut back);
        for rig in [&mut one, &mut other] {
            assert_eq!(
                (rig.texts(mine), rig.texts(theirs)),
                (vec!["a".into(), "b".into()], vec!["a".into(), "b".into()])
            );
            assert_in_step(rig, &back);
            assert_eq!(rig.status().apart, 0);
        }
    }
}

#[test]
fn a_member_that_came_in_behind_the_parting_comes_back_with_what_is_sent_again() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut back = relay.rolled_back(relay.len());
    let mut member = Rig::new(5);
    member.join(&code);
    member.sync(&mut relay);
    member.sync(&mut relay);
    let id = member.conversation("by who came in");
    member.say(id, "here");
    member.talk(&mut relay);
    rig.sync(&mut relay);
    rig.disconnect();
    member.disconnect();
    assert_eq!(rig.missing(&mut back).not_in, [member.device.id()]);
    rig.go_on(&mut back, GoingOn::Repair);
    assert!(back.log().roster().is_active(&member.device.id()));
    assert_in_step(&rig, &back);
    member.go_on(&mut back, GoingOn::Repair);
    exchange(&mut rig, &mut member, &mut back);
    assert_eq!(rig.texts(id), ["here"]);
    assert_in_step(&member, &back);
}

#[test]
fn a_line_that_is_cut_at_any_answer_loses_nothing() {
    for answers in 0..14 {
        let (mut one, mut other, mut known) = two();
        let back = known.rolled_back(known.len());
        let id = one.conversation("shared");
        for text in ["a", "b"] {
            one.say(id, text);
            exchange(&mut one, &mut other, &mut known);
        }
        let mut back = back;
        one.disconnect();
        one.try_go_on(&mut back, GoingOn::Repair).unwrap();
        one.try_sync_until(&mut back, answers).unwrap();
        let mut one = one.reopened();
        one.sync(&mut back);
        assert_in_step(&one, &back);
        assert_eq!(one.texts(id), ["a", "b"]);
        assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

#[test]
fn a_removal_that_can_come_again_as_it_is_does() {
    let (mut one, mut owner, mut known) = Rig::member();
    let secret = owner.put_ticket(&mut known, false);
    let mallory = Author::join(7, &secret, &mut known);
    one.talk(&mut known);
    let mut back = known.rolled_back(known.len());
    let rekey = owner.put_removal(&mut known, &mallory, Vec::new());
    owner.accept(&known, &rekey);
    one.sync(&mut known);
    one.disconnect();
    one.go_on(&mut back, GoingOn::Repair);
    assert!(back.holds(known.entry(known.len()).id()), "in its author's name");
    assert!(!back.log().roster().is_active(&mallory.id()));
    let id = one.conversation("not for Mallory");
    one.talk(&mut back);
    assert_in_step(&one, &back);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn what_a_relay_withholds_of_this_device_s_own_stops_no_decision() {
    for how in [GoingOn::Accept, GoingOn::Repair] {
        let (mut rig, _, mut known) = Rig::member();
        let id = rig.conversation("kept");
        rig.say(id, "before");
        rig.talk(&mut known);
        let backup = known.len();
        // The database is put back to here, so that it knows its own words from the log alone.
        let mut put_back = rig.copied();
        for text in ["one", "two"] {
            rig.say(id, text);
            rig.talk(&mut known);
            known.withholds.insert(known.len());
        }
        put_back.sync(&mut known);
        assert_eq!(put_back.status().withheld.map(|withheld| withheld.entries), Some(2));
        put_back.say(id, "written since");
        put_back.talk(&mut known);
        put_back.disconnect();
        let mut back = known.rolled_back(backup);
        put_back.go_on(&mut back, how);
        assert_in_step(&put_back, &back);
        assert_eq!(put_back.texts(id), ["before", "written since"], "{how:?}");
        assert_eq!(put_back.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

#[test]
fn whoever_one_log_knows_and_the_other_does_not_is_shown_before_the_decision() {
    let (mut rig, mut owner, mut known) = Rig::member();
    let mut owner_there = owner.on_another_branch();
    let mut back = known.rolled_back(known.len());
    let secret = owner.put_ticket(&mut known, false);
    let mallory = Author::join(7, &secret, &mut known);
    owner.put_removal(&mut known, &mallory, Vec::new());
    rig.sync(&mut known);
    rig.disconnect();
    let secret = owner_there.put_ticket(&mut back, false);
    let stranger = Author::join(8, &secret, &mut back);
    let missing = rig.missing(&mut back);
    assert_eq!(missing.owed, []);
    assert_eq!(missing.removed_unknown, [Owed::Member(mallory.user())], "no code is named among them");
    assert_eq!((missing.not_in, missing.unknown_in), (vec![], vec![stranger.id()]));
}
