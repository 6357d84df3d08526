//! From the Owner's decision to give content up to its record: what comes before that is not given up, and keys are complained of first.

use bowline_core::sync::NotReady;
use bowline_device::intent::Decision;
use bowline_device::{Lacks, NotHere, Notice, QuarantineReason};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DeviceId, DocId, EntryId, EpochId, Position};
use bowline_wire::limits::MAX_BODIES_PER_FRAME;
use bowline_wire::roster::Deed;
use bowline_wire::roster::record::{Lost, Record};

use crate::author::Author;
use crate::handing_on;
use crate::relay::FakeRelay;
use crate::rig::{Rig, linked, newcomer, owner_and_member};

const DOC: DocId = DocId::from_bytes([0xd0; 16]);

/// The Owner's device, to which the relay gives so many of a member's messages without their bodies.
fn owner_lacking(count: usize) -> (Rig, Author, FakeRelay, Vec<EntryId>) {
    let (mut rig, mut ben, mut relay) = owner_and_member();
    let mut gone = Vec::new();
    for n in 1..=count {
        gone.push(ben.put_message(&mut relay, DOC, &n.to_string()).id());
        relay.withholds.insert(relay.len());
    }
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(not_here(&rig), gone);
    (rig, ben, relay, gone)
}

/// What lacks its body or key on the device.
fn not_here(rig: &Rig) -> Vec<EntryId> {
    rig.device.not_here(rig.workspace()).unwrap().into_iter().flat_map(|it| it.entries).collect()
}

/// The person gives up all that is shown.
fn give_up_all(rig: &mut Rig) {
    let workspace = rig.workspace();
    for lost in NotHere::to_give_up(&rig.device.not_here(workspace).unwrap()) {
        rig.device.decide(workspace, Decision::GiveUp(lost), rig.now).unwrap();
    }
}

fn given_up(rig: &Rig) -> Vec<EntryId> {
    let aside = rig.status().quarantined.into_iter();
    aside.filter(|it| it.reason == QuarantineReason::GivenUp).map(|it| it.entry).collect()
}

/// The records on the log after a place.
fn records_after(relay: &FakeRelay, after: u64) -> Vec<&'static str> {
    handing_on::records_after(relay, Position(after))
}

fn pass(rig: &mut Rig, relay: &mut FakeRelay, millis: u64) {
    rig.now = rig.now.plus(millis);
    rig.device.handle_timeout(rig.now).unwrap();
    rig.talk(relay);
}

fn assert_decided(rig: &Rig) {
    assert_eq!(rig.status().undecided, 0);
    let void = rig.notices.iter().find(|it| matches!(it, Notice::DecisionVoid { .. }));
    assert_eq!(void, None);
}

#[test]
fn what_comes_while_the_decision_waits_is_not_given_up() {
    let (mut rig, _, mut relay, gone) = owner_lacking(3);
    rig.disconnect();
    give_up_all(&mut rig);
    relay.withholds.remove(&(relay.len() - 1));
    rig.sync(&mut relay);
    assert_eq!((given_up(&rig), rig.texts(DOC)), (vec![], vec!["2".to_owned()]), "more may come");
    pass(&mut rig, &mut relay, 1_000);
    assert_eq!(given_up(&rig), [gone[0], gone[2]]);
    assert_eq!((rig.texts(DOC), not_here(&rig)), (vec!["2".to_owned()], vec![]));
    assert_decided(&rig);
}

#[test]
fn if_everything_comes_nothing_is_given_up_and_the_person_is_told() {
    let (mut rig, _, mut relay, _) = owner_lacking(2);
    rig.disconnect();
    give_up_all(&mut rig);
    relay.withholds.clear();
    let before = relay.len();
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), [""; 0]);
    assert_eq!(rig.texts(DOC), ["1", "2"]);
    assert_decided(&rig);
    assert!(rig.notices.contains(&Notice::NothingToGiveUp(rig.workspace())));
}

/// The relay may have been given it since it was asked last.
#[test]
fn on_a_line_that_is_up_the_relay_is_asked_once_more_before_the_record() {
    let (mut rig, _, mut relay, gone) = owner_lacking(2);
    pass(&mut rig, &mut relay, 4_000);
    relay.withholds.remove(&relay.len());
    let before = relay.len();
    give_up_all(&mut rig);
    rig.talk(&mut relay);
    pass(&mut rig, &mut relay, 1_000);
    assert_eq!(given_up(&rig), [gone[0]]);
    assert_eq!(records_after(&relay, before), ["Lost"]);
    assert_eq!(rig.texts(DOC), ["2"]);
    assert_decided(&rig);
}

#[test]
fn the_answer_to_a_question_that_is_on_its_way_is_waited_for() {
    let (mut rig, _ben, mut relay, gone) = owner_lacking(1);
    let mut questions = Vec::new();
    while !matches!(questions[..], [Frame::Fetch { .. }]) {
        rig.now = rig.now.plus(500);
        rig.device.handle_timeout(rig.now).unwrap();
        questions = rig.take_sent();
    }
    // By now the relay has it.
    relay.withholds.clear();
    give_up_all(&mut rig);
    rig.now = rig.now.plus(200);
    rig.device.handle_timeout(rig.now).unwrap();
    assert_eq!(rig.take_sent(), []);
    for answer in questions.into_iter().flat_map(|it| relay.answer(it)).collect::<Vec<_>>() {
        rig.receive(&answer);
    }
    pass(&mut rig, &mut relay, 1_000);
    assert!(!relay.log().roster().given_up().covers(gone[0], relay.verified().last().unwrap().header()));
    assert_eq!((given_up(&rig), not_here(&rig)), (vec![], vec![]));
    assert_decided(&rig);
}

#[test]
fn a_relay_that_does_not_say_what_it_has_delays_the_record_by_five_seconds() {
    let (mut rig, _, mut relay, gone) = owner_lacking(1);
    pass(&mut rig, &mut relay, 2_000);
    give_up_all(&mut rig);
    for wait in [0, 4_999, 1] {
        assert_eq!(given_up(&rig), []);
        rig.now = rig.now.plus(wait);
        rig.device.handle_timeout(rig.now).unwrap();
        let mut sent = rig.take_sent();
        while !sent.is_empty() {
            sent.retain(|frame| !matches!(frame, Frame::Fetch { .. }));
            for answer in sent.into_iter().flat_map(|frame| relay.answer(frame)).collect::<Vec<_>>() {
                rig.receive(&answer);
            }
            sent = rig.take_sent();
        }
    }
    assert_eq!(given_up(&rig), gone);
    assert_decided(&rig);
}

/// What is behind the first question may be what the relay has again.
#[test]
fn everything_is_asked_for_before_any_of_it_is_given_up() {
    let count = MAX_BODIES_PER_FRAME + 2;
    let (mut rig, _, mut relay, gone) = owner_lacking(count);
    rig.disconnect();
    give_up_all(&mut rig);
    relay.withholds.remove(&relay.len());
    rig.sync(&mut relay);
    assert_eq!(given_up(&rig), [], "the last has not been asked for");
    pass(&mut rig, &mut relay, 1_000);
    assert_eq!(rig.texts(DOC), [count.to_string()]);
    for _ in 0..2 {
        assert_eq!(given_up(&rig), [], "something came, and so everything is asked for again");
        pass(&mut rig, &mut relay, 1_000);
    }
    assert_eq!(given_up(&rig), gone[..count - 1]);
    assert_eq!(rig.texts(DOC), [count.to_string()]);
    assert_decided(&rig);
}

#[test]
fn what_another_device_of_the_owners_has_given_up_is_not_given_up_twice() {
    let (mut rig, _, mut relay, gone) = owner_lacking(1);
    let mut own = linked(&mut rig, &mut relay, 8);
    rig.disconnect();
    give_up_all(&mut rig);
    let before = relay.len();
    own.put_record(&mut relay, &Record::Lost(Lost { epochs: vec![], entries: gone.clone() }));
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Lost"]);
    assert_eq!((given_up(&rig), rig.status().undecided), (gone, 0));
}

/// As long as the question stands, things come and others begin to wait.
#[test]
fn of_what_is_not_here_later_only_what_was_shown_is_given_up() {
    let (mut rig, mut ben, mut relay, gone) = owner_lacking(2);
    let workspace = rig.workspace();
    let shown = rig.device.not_here(workspace).unwrap();
    relay.withholds.remove(&relay.len());
    ben.put_message(&mut relay, DOC, "not shown");
    relay.withholds.insert(relay.len());
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!((not_here(&rig).len(), rig.texts(DOC)), (2, vec!["2".to_owned()]));
    let [still] = NotHere::still(&shown, rig.device.not_here(workspace).unwrap()).try_into().unwrap();
    assert_eq!(still.entries, gone[..1]);
    let other = NotHere { epochs: [EpochId::from_bytes([1; 16])].into(), ..still.clone() };
    assert_eq!(NotHere::still(&shown, vec![other]), [still]);
    assert_eq!(NotHere::still(&[], rig.device.not_here(workspace).unwrap()), []);
}

/// Who is in when an epoch is lost to the Owner's device, which has begun the next one by itself.
struct Middle {
    rig: Rig,
    /// Has the key.
    member: Rig,
    mallory: Author,
    relay: FakeRelay,
    epoch: EpochId,
    unreadable: EntryId,
}

/// Somebody leaves, and mallory begins the epoch that is due without its key for the Owner's device.
fn middle() -> Middle {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let mut member = newcomer(&mut rig, &mut relay, 9);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut mallory = Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    let code = rig.invited(&mut relay);
    let mut leaver = Author::join(6, &code.secret, &mut relay);
    mallory.put_message(&mut relay, DOC, "stays");
    rig.sync(&mut relay);
    member.sync(&mut relay);
    rig.disconnect();
    member.disconnect();
    leaver.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = mallory.rekey(&recipients);
    let own = relay.log().roster().device(&rig.device.id()).unwrap().hpke.clone();
    let at = recipients.iter().position(|it| *it == own).unwrap();
    rekey.wraps[at].ciphertext.reverse();
    mallory.put_record(&mut relay, &Record::Rekey(rekey.clone()));
    mallory.accept(&relay, &rekey);
    let epoch = relay.log().roster().epoch().unwrap();
    let unreadable = mallory.put_message(&mut relay, DOC, "the key of this is gone").id();
    let before = relay.len();
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Rekey"]);
    assert!(!relay.log().roster().has_complaint());
    assert_eq!(rig.status().waiting_for, None);
    rig.notices.clear();
    Middle { rig, member, mallory, relay, epoch, unreadable }
}

#[test]
fn an_epoch_that_is_over_is_given_up_after_a_complaint_of_the_owners_own() {
    let Middle { mut rig, mut relay, epoch, unreadable, .. } = middle();
    let shown = rig.device.not_here(rig.workspace()).unwrap();
    let lacking: Vec<_> = shown.iter().map(|it| (it.lacks, it.entries.clone(), it.epochs.clone())).collect();
    assert_eq!(lacking, [(Lacks::Key, vec![unreadable], [epoch].into())]);
    let before = relay.len();
    give_up_all(&mut rig);
    rig.talk(&mut relay);
    assert_eq!(records_after(&relay, before), ["Complaint", "Lost"]);
    assert_eq!((given_up(&rig), not_here(&rig)), (vec![unreadable], vec![]));
    assert_eq!((rig.texts(DOC), rig.status().waiting_for), (vec!["stays".to_owned()], None));
    assert_decided(&rig);
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Complaint", "Lost"]);
}

#[test]
fn a_complaint_of_somebody_elses_is_enough() {
    let Middle { mut rig, mut mallory, mut relay, epoch, .. } = middle();
    rig.disconnect();
    give_up_all(&mut rig);
    let before = relay.len();
    let newest = relay.log().roster().epoch().unwrap();
    mallory.put_record(&mut relay, &Record::Complaint { epoch: newest });
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Complaint", "Lost"]);
    assert!(relay.log().roster().given_up().has_epoch(&epoch));
    assert_decided(&rig);
}

/// The rekey would answer the complaint.
#[test]
fn an_epoch_is_given_up_before_this_devices_own_rekey_if_a_complaint_stands() {
    for complains in [true, false] {
        let Middle { mut rig, member, mut mallory, mut relay, epoch, .. } = middle();
        rig.disconnect();
        give_up_all(&mut rig);
        drop(member);
        let newest = relay.log().roster().epoch().unwrap();
        if complains {
            mallory.put_record(&mut relay, &Record::Complaint { epoch: newest });
        }
        mallory.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
        let before = relay.len();
        rig.sync(&mut relay);
        let expected: &[_] = if complains { &["Lost", "Rekey"] } else { &["Rekey", "Complaint", "Lost"] };
        assert_eq!(records_after(&relay, before), expected);
        assert!(relay.log().roster().given_up().has_epoch(&epoch));
        assert_eq!(rig.status().waiting_for, None::<NotReady>);
        assert_decided(&rig);
    }
}

#[test]
fn a_rekey_that_is_faster_than_the_record_is_complained_of_anew() {
    let Middle { mut rig, mut relay, epoch, .. } = middle();
    let mut own = linked(&mut rig, &mut relay, 8);
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let rekey = own.rekey(&recipients);
    let before = relay.len();
    give_up_all(&mut rig);
    let mut is_put = false;
    loop {
        let sent = rig.take_sent();
        if sent.is_empty() {
            break;
        }
        for frame in sent {
            if records_after(&relay, before) == ["Complaint"] && !is_put {
                own.put_record(&mut relay, &Record::Rekey(rekey.clone()));
                is_put = true;
            }
            for answer in relay.answer(frame) {
                rig.receive(&answer);
            }
        }
    }
    rig.disconnect();
    rig.sync(&mut relay);
    let records = records_after(&relay, before);
    assert_eq!(records, ["Complaint", "Rekey", "Lost", "Complaint", "Lost"]);
    assert!(relay.log().roster().given_up().has_epoch(&epoch));
    assert_decided(&rig);
}

#[test]
fn a_key_that_comes_while_the_decision_waits_is_used_and_its_epoch_stays() {
    let Middle { mut rig, mut member, mut relay, epoch, .. } = middle();
    rig.disconnect();
    give_up_all(&mut rig);
    let before = relay.len();
    member.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Fill"]);
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), ["Fill"], "nobody complains");
    assert!(!relay.log().roster().given_up().has_epoch(&epoch));
    assert_eq!((rig.texts(DOC).len(), given_up(&rig), rig.status().undecided), (2, vec![], 0));
}

/// Whoever came later may have been given it by whoever holds it.
#[test]
fn of_a_key_everybody_else_who_is_in_may_be_the_holder() {
    let Middle { mut rig, member, mallory, mut relay, .. } = middle();
    let late = newcomer(&mut rig, &mut relay, 10);
    let workspace = rig.workspace();
    let holders = |rig: &Rig| -> Vec<DeviceId> {
        let [it] = rig.device.not_here(workspace).unwrap().try_into().unwrap();
        it.holders.into_iter().collect()
    };
    let sorted = |mut ids: Vec<DeviceId>| {
        ids.sort();
        ids
    };
    rig.sync(&mut relay);
    let all = vec![member.device.id(), mallory.id(), late.device.id()];
    assert_eq!(holders(&rig), sorted(all));
    rig.device.remove_member(workspace, mallory.user(), rig.now).unwrap();
    rig.talk(&mut relay);
    assert_eq!(holders(&rig), sorted(vec![member.device.id(), late.device.id()]));
}

#[test]
fn a_member_is_shown_what_lacks_a_key_and_complains_of_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    owner.put_message(&mut relay, DOC, "stays");
    rig.sync(&mut relay);
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let own = relay.log().roster().device(&rig.device.id()).unwrap().hpke.clone();
    let at = recipients.iter().position(|it| *it == own).unwrap();
    let mut rekey = owner.rekey(&recipients);
    rekey.wraps[at].ciphertext.reverse();
    owner.put_record(&mut relay, &Record::Rekey(rekey.clone()));
    owner.accept(&relay, &rekey);
    let unreadable = owner.put_message(&mut relay, DOC, "the key of this is gone").id();
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(not_here(&rig), [unreadable]);
    let (workspace, now, before) = (rig.workspace(), rig.now, relay.len());
    let [it] = NotHere::to_give_up(&rig.device.not_here(workspace).unwrap()).try_into().unwrap();
    let told = rig.device.decide(workspace, Decision::GiveUp(it), now);
    assert!(matches!(told, Err(bowline_device::Error::NotPermitted(Deed::GiveUp))), "{told:?}");
    rig.sync(&mut relay);
    assert_eq!(records_after(&relay, before), [""; 0]);
}
