//! How people file conversations: pins, archive marks and labels, on several devices and in lists.

use bowline_device::Marks;
use bowline_wire::ids::DocId;

use crate::rig::Rig;
use crate::rig::{code, exchange, two};

/// What the list says, which loads nothing.
fn listed(rig: &Rig, id: DocId) -> Marks {
    rig.device.list(false).unwrap().into_iter().find(|row| row.id == id).unwrap().marks
}

#[test]
fn what_each_device_files_while_apart_holds_on_both() {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("Garden");
    one.say(id, "hello");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id), ["hello"]);

    one.device.set_pinned(id, true, one.now).unwrap();
    one.device.set_label(id, "plants", true, one.now).unwrap();
    other.device.set_archived(id, true, other.now).unwrap();
    other.device.set_label(id, "home", true, other.now).unwrap();
    assert_eq!(
        listed(&one, id),
        Marks { pinned: true, labels: vec!["plants".to_owned()], ..Marks::default() }
    );
    exchange(&mut one, &mut other, &mut relay);

    let both = ["home", "plants"].map(str::to_owned).to_vec();
    let expected = Marks { pinned: true, archived: true, labels: both };
    for rig in [&mut one, &mut other] {
        while rig.device.index_one(rig.now).unwrap() {}
        assert_eq!(listed(rig, id), expected);
        assert_eq!(rig.device.show(id, rig.now).unwrap().marks, expected);
    }
    other.device.set_pinned(id, false, other.now).unwrap();
    other.device.set_label(id, "plants", false, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    let left = Marks { archived: true, labels: vec!["home".to_owned()], ..Marks::default() };
    assert_eq!(one.device.show(id, one.now).unwrap().marks, left);
    assert_eq!(listed(&one, id), left, "the row is brought up to date with the document");
}

#[test]
fn a_list_knows_how_a_conversation_is_filed_as_soon_as_the_entry_is_here() {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("Garden");
    one.say(id, "hello");
    exchange(&mut one, &mut other, &mut relay);
    one.device.set_archived(id, true, one.now).unwrap();
    one.device.set_pinned(id, true, one.now).unwrap();
    one.device.set_label(id, "plants", true, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    let filed = Marks { pinned: true, archived: true, labels: vec!["plants".to_owned()] };
    assert_eq!(listed(&other, id), filed);

    one.device.set_archived(id, false, one.now).unwrap();
    one.device.set_label(id, "plants", false, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(listed(&other, id), Marks { pinned: true, ..Marks::default() });
}

#[test]
fn what_was_filed_before_a_device_joined_is_in_its_list() {
    let (mut one, mut owner, mut relay) = Rig::member();
    let id = one.conversation("Garden");
    one.say(id, "hello");
    one.device.set_label(id, "plants", true, one.now).unwrap();
    one.sync(&mut relay);
    let secret = owner.put_ticket(&mut relay, false);
    let mut other = Rig::new(3);
    other.join(&code(&relay, &secret));
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(listed(&other, id).labels, ["plants"]);
}

#[test]
fn a_claim_by_somebody_who_did_not_know_of_the_mark_neither_hides_nor_is_passed_on() {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("Garden");
    one.say(id, "hello");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id), ["hello"]);

    // Sealed by somebody who knows of neither: the other one's own mark stands, and is what it says to everybody.
    one.say(id, "more");
    one.sync(&mut relay);
    other.device.set_archived(id, true, other.now).unwrap();
    exchange(&mut other, &mut one, &mut relay);
    let archived = Marks { archived: true, ..Marks::default() };
    assert_eq!(listed(&other, id), archived);
    assert_eq!(listed(&one, id), Marks::default(), "which of the two holds only the document tells");
    while one.device.index_one(one.now).unwrap() {}
    assert_eq!(listed(&one, id), archived);
    let count =
        |rig: &Rig| rig.device.list(false).unwrap().into_iter().find(|row| row.id == id).unwrap().count;
    assert_eq!((count(&one), count(&other)), (2, 2));
}
