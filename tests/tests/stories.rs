//! Short histories told in words: what people rely on, one at a time.
#![allow(clippy::expect_used, reason = "a test fails loudly")]

use bowline_engine::CodeKind;
use bowline_engine::device::DocumentState;
use bowline_tests::world::{Fault, World};
use bowline_wire::ids::{DocId, Position};

/// Ana has a laptop and a desktop, Ben a device of his own, and everyone has the conversation "plans".
fn founded() -> (World, DocId) {
    let mut world = World::new(1, None);
    world.found();
    let plans = world.last_conversation().expect("a conversation");
    (world, plans)
}

fn settled(mut world: World) -> World {
    world.settle();
    assert_eq!(world.failure(), None);
    world
}

#[test]
fn two_devices_write_offline_and_both_show_everything_once_they_meet() {
    let (mut world, plans) = founded();
    world.device("laptop").cut();
    world.device("desktop").cut();
    world.device("laptop").say(plans, "from the train");
    world.device("desktop").say(plans, "from the desk");
    assert_eq!(world.device("laptop").shows(plans), ["from the train"]);
    assert_eq!(world.device("laptop").state_of(plans), Some(DocumentState::Queued));
    let mut world = settled(world);
    let (laptop, desktop) = (world.device("laptop").shows(plans), world.device("desktop").shows(plans));
    assert_eq!(laptop, desktop);
    assert!(laptop.contains(&"from the train".to_owned()) && laptop.contains(&"from the desk".to_owned()));
}

#[test]
fn a_conversation_is_first_queued_then_on_the_relay_then_on_other_devices() {
    let (mut world, plans) = founded();
    world.device("laptop").cut();
    world.device("laptop").say(plans, "hello");
    assert_eq!(world.device("laptop").state_of(plans), Some(DocumentState::Queued));
    let mut world = settled(world);
    assert_eq!(world.device("laptop").state_of(plans), Some(DocumentState::OnRelay));
    // Whatever another device writes next says what it had seen.
    world.device("desktop").create("something else");
    let mut world = settled(world);
    assert_eq!(world.device("laptop").state_of(plans), Some(DocumentState::OnDevices(1)));
}

#[test]
fn what_was_said_before_the_power_went_is_there_after() {
    let (mut world, plans) = founded();
    world.device("laptop").cut();
    world.device("laptop").say(plans, "remember this");
    world.device("laptop").crash();
    assert_eq!(world.device("laptop").shows(plans), ["remember this"]);
    let mut world = settled(world);
    assert_eq!(world.device("ben").shows(plans), ["remember this"]);
}

#[test]
fn a_relay_that_loses_power_while_storing_loses_nothing_it_acknowledged() {
    let (mut world, plans) = founded();
    for (number, stored) in [(1, false), (2, true)] {
        world.crash_relay_at_commit(0, stored);
        world.device("laptop").say(plans, &format!("message {number}"));
        world.advance(5_000);
    }
    let mut world = settled(world);
    assert_eq!(world.device("ben").shows(plans), ["message 1", "message 2"]);
}

#[test]
fn what_is_too_large_for_one_entry_comes_whole_however_often_it_is_interrupted() {
    let (mut world, plans) = founded();
    let mut noise: u64 = 1;
    let mut letter = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'#' + u8::try_from((noise >> 33) % 57).unwrap_or(0))
    };
    let large: String = (0..4_000_000).map(|_| letter()).collect();
    world.device("laptop").cut();
    world.device("laptop").say(plans, &large);
    world.device("laptop").heal();
    for _ in 0..4 {
        world.advance(25);
        world.device("laptop").crash();
        world.crash_relay();
        assert!(world.device("ben").shows(plans).is_empty(), "all or nothing");
        world.advance(25);
        world.device("ben").crash();
    }
    let mut world = settled(world);
    for device in ["laptop", "desktop", "ben"] {
        assert!(world.device(device).shows(plans) == [large.clone()], "{device}");
        assert_eq!(world.device(device).status().expect("a status").incomplete, 0, "{device}");
    }
}

#[test]
fn a_removed_member_gets_nothing_that_was_said_after() {
    let (mut world, plans) = founded();
    let ben = world.device("ben").id();
    world.device("laptop").say(plans, "before");
    world.advance(2_000);
    world.device("laptop").remove_member_of(ben);
    assert_eq!(world.device("laptop").status().expect("a status").undecided, 1, "not yet in force");
    world.device("laptop").say(plans, "after");
    let mut world = settled(world);
    assert_eq!(world.device("desktop").shows(plans), ["before", "after"]);
    assert_eq!(world.device("ben").shows(plans), ["before"]);
    assert!(!world.device("ben").status().expect("a status").member);
}

#[test]
fn a_laptop_restored_from_a_backup_goes_on_without_losing_what_the_relay_has() {
    let (mut world, plans) = founded();
    world.device("laptop").back_up();
    world.device("laptop").say(plans, "after the backup");
    world.advance(2_000);
    world.device("laptop").restore_backup();
    world.device("laptop").say(plans, "after the restore");
    let mut world = settled(world);
    let shown = world.device("laptop").shows(plans);
    assert!(
        shown.contains(&"after the backup".to_owned()) && shown.contains(&"after the restore".to_owned())
    );
    assert_eq!(world.device("ben").shows(plans), shown);
}

#[test]
fn two_copies_of_one_database_both_keep_what_they_say() {
    let (mut world, plans) = founded();
    world.device("laptop").clone_machine();
    world.device("laptop").say(plans, "from the original");
    world.device("laptop'").say(plans, "from the copy");
    let mut world = settled(world);
    let shown = world.device("ben").shows(plans);
    assert!(shown.contains(&"from the original".to_owned()) && shown.contains(&"from the copy".to_owned()));
}

#[test]
fn who_was_away_and_who_comes_in_later_begin_from_a_state_and_show_everything() {
    let (mut world, plans) = founded();
    world.device("laptop").say(plans, "by ana");
    world.device("ben").say(plans, "by ben");
    let mut world = settled(world);
    world.device("desktop").cut();
    for number in 0..20 {
        world.device("laptop").say(plans, &format!("ana {number}"));
        world.device("ben").say(plans, &format!("ben {number}"));
        world.advance(200);
    }
    world.advance(3_000);
    let at = world.checkpoint("laptop", "ben").expect("both are in step");
    assert_eq!(world.content_on_relay(at), 1, "the snapshot of the one document");
    world.device("ben").say(plans, "after that");
    world.device("desktop").say(plans, "while away");
    world.device("desktop").heal();
    let mut world = settled(world);
    assert!(world.let_in("laptop", "phone", CodeKind::Link));
    world.advance(2_000);
    let mut world = settled(world);
    assert_eq!(["desktop", "phone"].map(|name| world.device(name).begun_at()), [Some(at); 2]);
    assert_eq!(["laptop", "ben"].map(|name| world.device(name).begun_at()), [None; 2]);
    let shown = world.device("laptop").shows(plans);
    assert_eq!(shown.len(), 44);
    for name in ["desktop", "ben", "phone"] {
        assert_eq!(world.device(name).shows(plans), shown, "{name}");
    }
}

/// A world in which the desktop is away while twelve things are said.
fn much_said() -> (World, DocId) {
    let (world, plans) = founded();
    let mut world = settled(world);
    world.device("desktop").cut();
    for number in 0..6 {
        world.device("laptop").say(plans, &format!("ana {number}"));
        world.device("ben").say(plans, &format!("ben {number}"));
        world.advance(200);
    }
    world.advance(2_000);
    (world, plans)
}

/// A world in which the desktop is away while much is said, a checkpoint comes to stand, and more is said.
fn let_go() -> (World, DocId, Position) {
    let (mut world, plans) = much_said();
    let at = world.checkpoint("laptop", "ben").expect("both are in step");
    world.device("desktop").say(plans, "while away");
    world.device("ben").say(plans, "after that");
    world.advance(2_000);
    (world, plans, at)
}

#[test]
fn a_device_that_loses_power_anywhere_while_its_log_begins_has_everything_in_the_end() {
    for commits in 0.. {
        let (mut world, plans, at) = let_go();
        world.device("desktop").crash_at_commit(commits);
        world.device("desktop").heal();
        world.advance(10_000);
        let has_crashed = world.fired().of(Fault::CrashAtCommit) > 0;
        let mut world = settled(world);
        assert_eq!(world.device("desktop").begun_at(), Some(at));
        let shown = world.device("laptop").shows(plans);
        assert_eq!((shown.len(), world.device("desktop").shows(plans)), (14, shown), "{commits} commits");
        if !has_crashed {
            assert!(commits > 4, "{commits} commits");
            break;
        }
    }
}

#[test]
fn a_relay_that_loses_power_while_entries_go_hands_out_all_that_stays() {
    for commits in 0.. {
        let (mut world, plans) = much_said();
        let at = world.say_state("laptop", "ben").expect("both are in step");
        world.crash_relay_at_commit(commits, commits % 2 == 0);
        world.hand_state_over("ben");
        let has_crashed = world.fired().of(Fault::RelayCrashAtCommit) > 0;
        while world.content_on_relay(at) > 1 {
            world.hand_state_over("ben");
        }
        world.device("desktop").heal();
        let mut world = settled(world);
        assert_eq!(world.device("desktop").begun_at(), Some(at));
        let shown = world.device("laptop").shows(plans);
        assert_eq!((shown.len(), world.device("desktop").shows(plans)), (12, shown), "{commits} commits");
        if !has_crashed {
            assert!(commits > 4, "{commits} commits");
            break;
        }
    }
}

#[test]
fn one_checkpoint_after_the_other_keeps_the_relay_at_one_entry_a_document() {
    let (mut world, plans, first) = let_go();
    world.device("laptop").create("more");
    let more = world.last_conversation().expect("a conversation");
    world.device("laptop").say(more, "here");
    world.advance(2_000);
    let second = world.checkpoint("laptop", "ben").expect("both are in step");
    assert!(first < second);
    assert_eq!(world.content_on_relay(second), 2);
    world.device("desktop").heal();
    let mut world = settled(world);
    assert!(world.let_in("laptop", "phone", CodeKind::Link));
    world.advance(2_000);
    let mut world = settled(world);
    let third = world.checkpoint("laptop", "ben").expect("both are in step");
    assert_eq!(world.content_on_relay(third), 2);
    assert!(world.let_in("laptop", "tablet", CodeKind::Link));
    world.advance(2_000);
    let mut world = settled(world);
    assert_eq!(["desktop", "phone"].map(|name| world.device(name).begun_at()), [Some(second); 2]);
    assert_eq!(world.device("tablet").begun_at(), Some(third));
    for document in [plans, more] {
        let shown = world.device("laptop").shows(document);
        assert_eq!(shown.len(), if document == plans { 14 } else { 1 });
        for name in ["desktop", "ben", "phone", "tablet"] {
            assert_eq!(world.device(name).shows(document), shown, "{name}");
        }
    }
}

#[test]
fn a_relay_that_is_restored_to_before_it_let_anything_go_gets_back_what_devices_have() {
    let (mut world, plans) = much_said();
    let at = world.say_state("laptop", "ben").expect("both are in step");
    world.advance(2_000);
    world.back_up_relay();
    world.hand_state_over("ben");
    assert_eq!(world.content_on_relay(at), 1);
    world.device("desktop").heal();
    world.advance(5_000);
    assert_eq!(world.device("desktop").begun_at(), Some(at));
    for name in ["laptop", "desktop", "ben"] {
        world.device(name).say(plans, &format!("{name}, lost by the relay"));
    }
    world.advance(5_000);
    world.restore_relay();
    assert!(world.content_on_relay(at) > 1, "as it was before");
    let mut world = settled(world);
    assert!(world.let_in("laptop", "phone", CodeKind::Link));
    world.advance(2_000);
    let mut world = settled(world);
    world.hand_state_over("ben");
    assert_eq!(world.content_on_relay(at), 1);
    assert!(world.let_in("laptop", "tablet", CodeKind::Link));
    world.advance(2_000);
    let mut world = settled(world);
    assert_eq!(["phone", "tablet"].map(|name| world.device(name).begun_at()), [None, Some(at)]);
    let shown = world.device("laptop").shows(plans);
    assert_eq!(shown.len(), 15);
    for name in ["desktop", "ben", "phone", "tablet"] {
        assert_eq!(world.device(name).shows(plans), shown, "{name}");
    }
}

#[test]
fn a_desktop_restored_from_below_a_checkpoint_loses_nothing_that_the_relay_has() {
    let (world, plans) = founded();
    let mut world = settled(world);
    world.device("desktop").say(plans, "before the backup");
    world.advance(2_000);
    world.device("desktop").back_up();
    world.device("desktop").say(plans, "after the backup");
    world.device("ben").say(plans, "by ben");
    world.advance(2_000);
    let at = world.checkpoint("laptop", "ben").expect("both are in step");
    world.advance(2_000);
    world.device("desktop").restore_backup();
    world.device("desktop").say(plans, "after the restore");
    let mut world = settled(world);
    assert_eq!(world.device("desktop").begun_at(), Some(at));
    let shown = world.device("laptop").shows(plans);
    assert_eq!((shown.len(), world.device("desktop").shows(plans)), (4, shown));
}
