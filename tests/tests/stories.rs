//! Short histories told in words: what people rely on, one at a time.
#![allow(clippy::expect_used, reason = "a test fails loudly")]

use bowline_engine::device::DocumentState;
use bowline_tests::world::World;
use bowline_wire::ids::DocId;

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
