//! How people file conversations: pins, archive marks and labels, on several devices and in lists.

use bowline_device::Marks;
use bowline_wire::ids::DocId;

use crate::rig::Rig;
use crate::rig::{exchange, two};

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
