//! A person goes on with a relay's log as it is: what it lacks is shown before, nothing of this device is lost, and nobody who was removed
//! comes back to read.

use bowline_core::sync::{Fate, GoingOn, NotReady};
use bowline_device::{DocumentState, Error, LineReason, Look, Looking, Membership, Missing, Owed};
use bowline_store::EntryState;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{DocId, LogHash, Position};
use bowline_wire::roster::TicketStage;
use bowline_wire::roster::record::Record;

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, exchange, two};

/// The device is where the relay is, with nothing on its way and nothing against it.
pub(crate) fn assert_in_step(rig: &Rig, relay: &FakeRelay) {
    let status = rig.status();
    assert_eq!(status.signed, Some(relay.head()));
    assert_eq!((status.sent_again, status.offered, status.queued), (0, 0, 0));
    assert_eq!(status.waiting_for, None);
    assert!(status.evidence.is_empty() && status.behind.is_none(), "{:?}", status.behind);
}

/// A member who is alone in writing, with a conversation, and a relay that was put back and written on since.
fn caught() -> (Rig, Author, FakeRelay, FakeRelay, DocId) {
    let (mut rig, mut owner, mut known) = Rig::member();
    let id = rig.conversation("kept");
    rig.say(id, "before");
    rig.talk(&mut known);
    let mut back = known.rolled_back(known.len());
    rig.say(id, "lost");
    rig.talk(&mut known);
    rig.say(id, "lost as well");
    rig.talk(&mut known);
    rig.disconnect();
    let other = DocId::from_bytes([4; 16]);
    owner.put_message(&mut back, other, "another story");
    rig.connect(&back);
    rig.disconnect();
    for number in 0..4 {
        owner.put_message(&mut back, other, &number.to_string());
    }
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
    rig.sent.clear();
    (rig, owner, known, back, id)
}

#[test]
fn who_came_in_before_two_ways_of_going_on_part_is_in_by_both() {
    let (mut rig, _, mut before) = Rig::member();
    rig.sync(&mut before);
    rig.disconnect();
    // From below where the device joined, and with the same entries behind that.
    let mut relay = before.continued(1, before.len(), 21);
    rig.sync(&mut relay);
    rig.disconnect();
    let missing = rig.missing(&mut before);
    assert_eq!((missing.parting, missing.entries), (Position(before.len()), 0));
    assert_eq!((missing.not_in, missing.unknown_in), (Vec::new(), Vec::new()));
}

#[test]
fn what_is_missing_is_shown_and_nothing_changes_by_that() {
    let (mut rig, _, known, mut back, id) = caught();
    let before = rig.status();
    let own = rig.device.id();
    let missing = rig.missing(&mut back);
    assert_eq!(missing.parting, Position(known.len() - 2));
    assert_eq!((missing.entries, missing.others), (2, 5));
    assert_eq!(missing.by.into_iter().collect::<Vec<_>>(), [(own, 2)]);
    assert_eq!(missing.documents.into_iter().collect::<Vec<_>>(), [id]);
    assert!(missing.owed.is_empty() && missing.not_in.is_empty());
    let after = rig.status();
    assert_eq!((after.signed, after.evidence, after.sent_again), (before.signed, before.evidence, 0));
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well"]);
    assert!(rig.sent.iter().all(|frame| !matches!(frame, Frame::Append { .. })));
}

#[test]
fn own_work_that_lost_its_place_is_sealed_anew_and_the_relay_is_believed_again() {
    let (mut rig, _, _, mut back, id) = caught();
    rig.say(id, "written since");
    rig.try_go_on(&mut back, GoingOn::Accept).unwrap();
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well", "written since"], "before anything came");
    rig.sync(&mut back);
    assert_in_step(&rig, &back);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let mut rig = rig.reopened();
    rig.sync(&mut back);
    assert_in_step(&rig, &back);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well", "written since"]);
    let chains = back.verified().filter(|entry| entry.header().device == rig.device.id());
    let lives: std::collections::BTreeSet<_> = chains.map(|entry| entry.header().incarnation).collect();
    assert_eq!(lives.len(), 2, "a number that was used is not used for something else");
}

#[test]
fn evidence_stays_whole_and_stops_nothing() {
    let (mut rig, _, _, mut back, _) = caught();
    let provable = |rig: &Rig| {
        let caught = rig.device.caught(rig.workspace()).unwrap();
        caught
            .iter()
            .map(|it| (it.counts, it.evidence.as_ref().map(|it| it.verify().is_ok())))
            .collect::<Vec<_>>()
    };
    assert_eq!(provable(&rig), [(true, Some(true))]);
    rig.go_on(&mut back, GoingOn::Accept);
    assert_eq!(provable(&rig), [(false, Some(true))], "without the log that showed it");
    let mut rig = rig.reopened();
    assert_eq!(provable(&rig), [(false, Some(true))]);
    rig.sync(&mut back);
    // The next contradiction is another one.
    let forged = back.sign(back.len(), LogHash::from_bytes([0xee; 32]));
    rig.receive(&Frame::Head(forged));
    assert_eq!(provable(&rig).last(), Some(&(true, Some(true))));
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
}

#[test]
fn once_the_good_log_is_back_everything_goes_on_as_if_nothing_had_been() {
    let (mut rig, _, mut known, _, id) = caught();
    rig.say(id, "written since");
    let len = known.len();
    let missing = rig.missing(&mut known);
    assert_eq!((missing.entries, missing.others), (0, 0));
    rig.go_on(&mut known, GoingOn::Accept);
    assert_in_step(&rig, &known);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well", "written since"]);
    assert_eq!(known.len(), len + 1, "nothing twice");
}

#[test]
fn a_relay_that_only_lost_its_end_is_gone_on_with_from_there() {
    let (mut rig, _, mut known) = Rig::member();
    let id = rig.conversation("kept");
    for text in ["a", "b", "c"] {
        rig.say(id, text);
        rig.talk(&mut known);
    }
    rig.disconnect();
    let mut back = known.rolled_back(known.len() - 2);
    rig.connect(&back);
    rig.disconnect();
    assert_eq!(rig.status().caught, Some(LineReason::Rollback));
    assert_eq!(rig.missing(&mut back).entries, 2);
    rig.go_on(&mut back, GoingOn::Accept);
    assert_in_step(&rig, &back);
    assert_eq!(rig.texts(id), ["a", "b", "c"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

/// Two members with a conversation of both, and a relay that was put back behind both of them.
fn two_caught() -> (Rig, Rig, FakeRelay, FakeRelay, DocId) {
    let (mut one, mut other, mut known) = two();
    let id = one.conversation("of both");
    one.say(id, "before");
    exchange(&mut one, &mut other, &mut known);
    let back = known.rolled_back(known.len());
    one.say(id, "mine");
    exchange(&mut one, &mut other, &mut known);
    other.say(id, "theirs");
    exchange(&mut one, &mut other, &mut known);
    one.disconnect();
    other.disconnect();
    for rig in [&mut one, &mut other] {
        rig.connect(&back);
        rig.disconnect();
        assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
    }
    (one, other, known, back, id)
}

#[test]
fn what_others_said_stays_in_sight_until_they_say_it_again() {
    for restarts in [false, true] {
        let (mut one, mut other, _, mut back, id) = two_caught();
        one.go_on(&mut back, GoingOn::Accept);
        if restarts {
            one = one.reopened();
            one.sync(&mut back);
        }
        assert_eq!(one.texts(id), ["before", "mine", "theirs"]);
        assert_eq!(one.status().apart, 1);
        assert_eq!(one.device.document_state(id).unwrap(), DocumentState::Doubted);
        assert_in_step(&one, &back);
        other.go_on(&mut back, GoingOn::Accept);
        exchange(&mut one, &mut other, &mut back);
        for rig in [&mut one, &mut other] {
            assert_eq!(rig.texts(id), ["before", "mine", "theirs"]);
            assert_eq!(rig.status().apart, 0);
            assert!(matches!(
                rig.device.document_state(id).unwrap(),
                DocumentState::OnRelay | DocumentState::OnDevices(_)
            ));
            assert_in_step(rig, &back);
        }
        let mut late = Rig::new(9);
        let workspace = one.workspace();
        let key = one.device.link_device(workspace, one.now).unwrap();
        one.sync(&mut back);
        late.join(&one.device.code(workspace, key).unwrap().unwrap());
        for _ in 0..3 {
            late.sync(&mut back);
            exchange(&mut one, &mut other, &mut back);
        }
        assert_eq!(late.texts(id), ["before", "mine", "theirs"], "who comes late sees the same");
        one.say(id, "goes on");
        exchange(&mut one, &mut other, &mut back);
        assert_eq!(other.texts(id), ["before", "mine", "theirs", "goes on"]);
    }
}

#[test]
fn a_device_that_has_not_decided_sends_nothing() {
    let (mut one, mut other, _, mut back, id) = two_caught();
    one.go_on(&mut back, GoingOn::Accept);
    let len = back.len();
    other.sent.clear();
    other.say(id, "waits");
    other.sync(&mut back);
    assert_eq!(back.len(), len);
    assert!(other.appended().is_empty());
    assert_eq!(other.status().waiting_for, Some(NotReady::Distrusted));
}

/// A workspace whose maker has removed a member in what the relay does not have any more, with another member beside.
fn removal_lost() -> (Rig, Author, Author, FakeRelay, DocId) {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let mut members = Vec::new();
    for seed in [7, 8] {
        let code = rig.invited(&mut relay);
        members.push(Author::join(seed, &code.secret, &mut relay));
        rig.sync(&mut relay);
    }
    let (stays, removed) = (members.pop().unwrap(), members.pop().unwrap());
    let backup = relay.len();
    rig.device.remove_member(rig.workspace(), removed.user(), rig.now).unwrap();
    rig.talk(&mut relay);
    let id = rig.conversation("under the new key");
    rig.say(id, "not for them");
    rig.talk(&mut relay);
    rig.disconnect();
    let back = relay.rolled_back(backup);
    rig.connect(&back);
    rig.disconnect();
    (rig, stays, removed, back, id)
}

#[test]
fn a_removal_is_made_again_before_anything_is_sealed_to_who_was_removed() {
    for how in [GoingOn::Accept, GoingOn::Repair] {
        let (mut rig, _, removed, mut back, id) = removal_lost();
        let Missing { owed, .. } = rig.missing(&mut back);
        assert_eq!(owed, [Owed::Member(removed.user())]);
        let before = back.len();
        rig.go_on(&mut back, how);
        let new: Vec<_> = back.verified().skip(usize::try_from(before).unwrap()).collect();
        let is_removal = |entry: &bowline_wire::entry::Entry| {
            entry.body().is_some_and(|body| matches!(Record::parse(body), Ok(Record::RemoveMember { .. })))
        };
        assert!(is_removal(&new[0]), "nothing goes before it: {new:?}");
        assert!(!back.log().roster().is_active(&removed.id()));
        assert_in_step(&rig, &back);
        assert_eq!(rig.texts(id), ["not for them"], "sealed under a key that is lost, and read by it");
        let mut rig = rig.reopened();
        assert_eq!(rig.texts(id), ["not for them"]);
        rig.say(id, "goes on");
        rig.sync(&mut back);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

#[test]
fn who_may_not_remove_seals_nothing_until_somebody_has_who_may() {
    for how in [GoingOn::Accept, GoingOn::Repair] {
        let (mut one, mut owner, mut known) = Rig::member();
        let secret = owner.put_ticket(&mut known, false);
        let mallory = Author::join(7, &secret, &mut known);
        one.talk(&mut known);
        let mut owner_there = owner.on_another_branch();
        let mut back = known.rolled_back(known.len());
        // So that the removal names a head that is given up, and nobody can bring it back as it is.
        owner.put_message(&mut known, DocId::from_bytes([4; 16]), "lost");
        let rekey = owner.put_removal(&mut known, &mallory, Vec::new());
        owner.accept(&known, &rekey);
        one.sync(&mut known);
        one.disconnect();
        one.connect(&back);
        one.disconnect();
        assert_eq!(one.missing(&mut back).owed, [Owed::Member(mallory.user())]);
        one.go_on(&mut back, how);
        let id = one.conversation("not for Mallory");
        let len = back.len();
        for _ in 0..2 {
            one.sync(&mut back);
            assert_eq!(one.status().waiting_for, Some(NotReady::RemovalPending));
            assert_eq!(back.len(), len, "nothing is sealed");
            one = one.reopened();
        }
        let rekey = owner_there.put_removal(&mut back, &mallory, Vec::new());
        owner_there.accept(&back, &rekey);
        one.sync(&mut back);
        assert_in_step(&one, &back);
        assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

#[test]
fn codes_that_let_nobody_in_are_closed_again() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let closed = rig.device.invite(workspace, now).unwrap();
    let used = rig.device.link_device(workspace, now).unwrap();
    rig.talk(&mut relay);
    let backup = relay.len();
    let code = rig.device.code(workspace, used).unwrap().unwrap();
    let linked = Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    rig.device.close_code(workspace, bowline_device::CodeKind::Invite, closed, now).unwrap();
    rig.talk(&mut relay);
    rig.disconnect();
    let mut back = relay.rolled_back(backup);
    rig.connect(&back);
    rig.disconnect();
    let missing = rig.missing(&mut back);
    assert_eq!(missing.owed.len(), 2);
    assert_eq!(missing.not_in, [linked.id()]);
    rig.go_on(&mut back, GoingOn::Accept);
    for ticket in [closed, used] {
        assert_eq!(back.log().roster().ticket(&ticket).unwrap().stage, TicketStage::Closed);
    }
    assert_in_step(&rig, &back);
}

#[test]
fn a_log_that_another_successor_continues_is_gone_on_with() {
    let (mut rig, _, relay) = Rig::member();
    rig.disconnect();
    let mut one = relay.restored(relay.len(), 21);
    let mut other = relay.restored(relay.len(), 22);
    rig.sync(&mut one);
    let id = rig.conversation("written in between");
    rig.say(id, "kept");
    rig.talk(&mut one);
    rig.disconnect();
    rig.sync(&mut other);
    assert_eq!(rig.status().behind.unwrap().reason, LineReason::OtherSuccessor);
    rig.disconnect();
    rig.go_on(&mut other, GoingOn::Accept);
    assert_in_step(&rig, &other);
    let mut rig = rig.reopened();
    rig.sync(&mut other);
    assert_in_step(&rig, &other);
    assert_eq!(rig.texts(id), ["kept"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_log_that_contradicts_its_own_successor_is_gone_on_with() {
    let (mut rig, _, _, back, id) = caught();
    // The operator runs `restore` on what was written on since, so that the successor stands where ours is another entry.
    let mut restored = back.restored(back.len(), 21);
    rig.sync(&mut restored);
    rig.disconnect();
    rig.go_on(&mut restored, GoingOn::Accept);
    assert_in_step(&rig, &restored);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well"]);
}

#[test]
fn a_relay_that_shows_one_log_to_the_person_and_another_one_then_is_caught_again() {
    let (mut rig, mut owner, known, mut back, id) = caught();
    let mut elsewhere = known.rolled_back(known.len() - 2);
    rig.try_go_on(&mut back, GoingOn::Accept).unwrap();
    let mut rig = rig.reopened();
    for number in 0..9 {
        owner.on_another_branch().put_message(
            &mut elsewhere,
            DocId::from_bytes([number; 16]),
            "a third story",
        );
    }
    rig.sync(&mut elsewhere);
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
    assert_eq!(rig.status().evidence.len(), 1);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well"]);
    owner.put_message(&mut back, DocId::from_bytes([4; 16]), "the log goes on");
    rig.disconnect();
    rig.go_on(&mut back, GoingOn::Accept);
    assert_in_step(&rig, &back);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well"]);
}

#[test]
fn a_decision_is_about_what_was_known_when_it_was_shown() {
    let (mut rig, _, mut known, mut back, id) = caught();
    let shown = rig.look(&mut back);
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.go_on(&mut known, GoingOn::Accept);
    rig.say(id, "more");
    rig.talk(&mut known);
    assert!(matches!(rig.device.missing(workspace, &shown), Err(Error::LogMoved(_))));
    let late = rig.device.go_on_with(workspace, &shown, GoingOn::Accept, now);
    assert!(matches!(late, Err(Error::LogMoved(_))), "{late:?}");
}

#[test]
fn what_this_device_had_offered_is_written_anew() {
    let (mut rig, _, known, mut back, id) = caught();
    let mut good = known.clone();
    rig.go_on(&mut good, GoingOn::Accept);
    rig.say(id, "offered");
    rig.take_sent();
    assert_eq!(rig.status().offered, 1);
    rig.disconnect();
    rig.go_on(&mut back, GoingOn::Accept);
    assert_in_step(&rig, &back);
    assert_eq!(rig.texts(id), ["before", "lost", "lost as well", "offered"]);
    let read = rig.device.store().read();
    assert!(read.entries_in_state(rig.workspace(), EntryState::Offered).unwrap().is_empty());
}

#[test]
fn a_log_that_lacks_this_device_leads_to_a_new_code() {
    let (mut rig, _, known) = Rig::member();
    rig.disconnect();
    let mut back = known.rolled_back(1);
    let Look::Failed(why) = rig.try_look(&mut back) else { panic!() };
    assert_eq!(why, bowline_core::sync::SurveyFailed::Goodbye(Reason::NotAllowed));
    let Membership::TurnedAway(said) = rig.status().membership else { panic!() };
    assert_eq!(said.reason, Reason::NotAllowed);
}

#[test]
fn who_has_not_reached_the_point_of_the_code_has_nothing_to_go_on_from() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &secret));
    let begun = rig.device.survey(rig.workspace(), (None, &Looking::AsItIs), rig.now);
    assert!(matches!(begun, Err(Error::NothingToGoOnFrom(_))));
}

#[test]
fn a_crash_at_any_commit_loses_nothing_and_decides_nothing_by_halves() {
    for how in [GoingOn::Accept, GoingOn::Repair] {
        let mut nth = 1;
        loop {
            let (mut one, mut other, _, mut back, id) = two_caught();
            one.commits.refuse(nth);
            let decided = one.try_go_on(&mut back, how);
            let failed = decided.is_err() || one.try_sync(&mut back).is_err();
            let is_over = !one.commits.is_spent();
            one.commits.refuse(0);
            if failed {
                one = one.reopened();
                assert_eq!(one.texts(id), ["before", "mine", "theirs"], "{how:?}, commit {nth}");
            }
            if decided.is_err() {
                assert_eq!(one.status().waiting_for, Some(NotReady::Distrusted));
                one.try_go_on(&mut back, how).unwrap();
            }
            one.sync(&mut back);
            other.go_on(&mut back, how);
            exchange(&mut one, &mut other, &mut back);
            for rig in [&mut one, &mut other] {
                assert_in_step(rig, &back);
                assert_eq!(rig.texts(id), ["before", "mine", "theirs"], "{how:?}, commit {nth}");
            }
            if is_over {
                break;
            }
            nth += 1;
        }
        assert!(nth > 2, "the decision, and a stretch of the log: {nth}");
    }
}

#[test]
fn nothing_is_sorted_as_lost_that_the_log_has() {
    let (mut rig, _, known, mut back, _) = caught();
    // Somebody has brought the first of what is missing.
    let lost = known.entry(known.len() - 1);
    back.put(lost.to_signed());
    let shown = rig.look(&mut back);
    let mut sorting = shown.sort(GoingOn::Accept);
    assert_eq!(sorting.fate(Position(known.len() - 1), lost.id(), lost.header()), Fate::Comes);
    rig.go_on(&mut back, GoingOn::Accept);
    assert_in_step(&rig, &back);
}
