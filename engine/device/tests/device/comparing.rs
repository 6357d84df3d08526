//! What two people compare, and what a device remembers of it.

use bowline_device::{Comparable, Since};
use bowline_wire::ids::Position;

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, two};

fn shown(rig: &Rig, at: Option<u64>) -> Option<Comparable> {
    rig.device.stored_log(rig.workspace()).comparable(at.map(Position)).unwrap()
}

/// The owner's device with what was compared, roster and log.
fn compared() -> (Rig, Author, FakeRelay) {
    let (mut rig, owner, relay) = Rig::member();
    let now = shown(&rig, None).unwrap();
    let (workspace, at) = (rig.workspace(), rig.now);
    rig.device.remember_compared(workspace, &now, true, at).unwrap();
    (rig, owner, relay)
}

fn since(rig: &Rig) -> Since {
    rig.device.stored_log(rig.workspace()).compared().unwrap().unwrap().roster
}

fn log_holds(rig: &Rig) -> Option<bool> {
    rig.device.stored_log(rig.workspace()).compared().unwrap().unwrap().log
}

#[test]
fn two_devices_at_different_heads_compare_the_roster_and_a_position_that_both_have() {
    let (mut one, mut other, mut relay) = two();
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.conversation("written meanwhile");
    other.sync(&mut relay);
    let (ours, theirs) = (shown(&one, None).unwrap(), shown(&other, None).unwrap());
    assert!(ours.position < theirs.position && ours.log != theirs.log);
    assert_eq!(ours.roster, theirs.roster);
    assert_eq!(shown(&other, Some(ours.position.0)), Some(ours));
    assert_eq!(shown(&one, Some(theirs.position.0)), None, "this device does not have that position");
    assert_eq!(shown(&one, Some(0)), None);
}

#[test]
fn at_an_earlier_position_the_roster_is_the_one_that_was_there() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let before = shown(&rig, None).unwrap();
    Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    let now = shown(&rig, None).unwrap();
    assert_eq!((now.people, now.devices), (before.people + 1, before.devices + 1));
    assert_ne!(now.roster, before.roster);
    assert_eq!(shown(&rig, Some(before.position.0)), Some(before));
}

#[test]
fn what_was_compared_is_remembered_and_says_what_has_changed_since() {
    let (rig, mut owner, mut relay) = compared();
    let mut rig = rig.reopened();
    assert_eq!((since(&rig), log_holds(&rig)), (Since::Same, Some(true)));
    rig.conversation("what is written does not change the roster");
    rig.sync(&mut relay);
    assert_eq!(since(&rig), Since::Same);
    let bens = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    assert_eq!(since(&rig), Since::Changed { records: 2, came: 1, went: 0 });
    owner.put_removal(&mut relay, &bens, Vec::new());
    rig.sync(&mut relay);
    assert_eq!(since(&rig), Since::Changed { records: 3, came: 1, went: 1 });
    assert_eq!(log_holds(&rig), Some(true), "the log goes on from where it was compared");
}

#[test]
fn a_roster_that_was_compared_and_is_not_in_the_log_any_more_is_told_of() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let before = relay.len();
    owner.put_ticket(&mut relay, false);
    rig.sync(&mut relay);
    let (workspace, at, now) = (rig.workspace(), rig.now, shown(&rig, None).unwrap());
    rig.device.remember_compared(workspace, &now, true, at).unwrap();
    rig.disconnect();
    let mut relay = relay.restored(before, 21);
    rig.connect(&relay);
    assert_eq!((since(&rig), log_holds(&rig)), (Since::Gone, Some(false)));
    rig.sync(&mut relay);
    assert_eq!(since(&rig), Since::Same, "what was sent again is the same roster");
}

#[test]
fn of_the_log_nothing_is_remembered_where_only_the_roster_was_compared() {
    let (mut rig, _, _) = Rig::member();
    let (workspace, at, now) = (rig.workspace(), rig.now, shown(&rig, None).unwrap());
    assert!(rig.device.stored_log(workspace).compared().unwrap().is_none());
    rig.device.remember_compared(workspace, &now, false, at).unwrap();
    let compared = rig.device.stored_log(workspace).compared().unwrap().unwrap();
    assert_eq!((compared.log, compared.at, compared.position), (None, at, now.position));
}
