//! What two devices change at the same time: told on both once it has come, kept until a person looks, and told once.

use bowline_core::document::{AgentEdit, AgentField, FilePath, OverlapAt};
use bowline_device::Overlapping;
use bowline_wire::ids::DocId;

use crate::rig::{Rig, exchange, two};

fn edit(rig: &mut Rig, id: DocId, make: impl FnOnce(&mut AgentEdit)) {
    let mut edit = AgentEdit::default();
    make(&mut edit);
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
}

fn write(rig: &mut Rig, id: DocId, text: &str) {
    edit(rig, id, |edit| {
        edit.write_file(FilePath::parse("AGENTS.md").unwrap(), text);
    });
}

fn rename(rig: &mut Rig, id: DocId, name: &str) {
    edit(rig, id, |edit| {
        edit.set(AgentField::Name, Some(name));
    });
}

/// What a device finds in what came for documents it has written into.
fn found(rig: &mut Rig) -> Vec<Overlapping> {
    while rig.device.index_own(rig.now).unwrap() {}
    std::iter::from_fn(|| rig.device.poll_overlap(rig.now).unwrap()).collect()
}

#[test]
fn what_two_changed_at_once_is_told_on_both_until_each_has_looked() {
    let (mut one, mut other, mut relay) = two();
    let id = one.device.create_agent("Scribe", one.now).unwrap();
    write(&mut one, id, "first line\nsecond line\n");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.disconnect();
    for (rig, text, name) in
        [(&mut one, "the first line\nsecond line\n", "One"), (&mut other, "line\nsecond line\n", "Two")]
    {
        write(rig, id, text);
        rename(rig, id, name);
    }
    exchange(&mut one, &mut other, &mut relay);
    let mut rigs = [one, other].map(|mut rig| {
        let found = found(&mut rig);
        let [name, lines] = &found[..] else { panic!("{found:?}") };
        assert!(matches!(&name.at, OverlapAt::Value { field, .. } if field == "name"), "{found:?}");
        assert!(matches!(&lines.at, OverlapAt::Lines { lines, .. } if *lines == (1..2)), "{found:?}");
        assert_eq!((name.document, name.by.len()), (id, 1));
        let mut rig = rig.reopened();
        assert_eq!(rig.device.overlaps(rig.now).unwrap(), found, "another process knows it");
        assert_eq!(self::found(&mut rig), [], "and does not tell it again");
        rig.device.note_overlaps_seen(id).unwrap();
        assert_eq!(rig.device.overlaps(rig.now).unwrap(), []);
        rig
    });
    // Whoever writes after having seen it overlaps with nothing.
    let [one, other] = &mut rigs;
    write(one, id, "a line\nsecond line\n");
    exchange(one, other, &mut relay);
    assert_eq!(found(other), []);
}

#[test]
fn whoever_only_reads_is_told_nothing_and_takes_nothing_in_for_it() {
    let (mut one, mut other, mut relay) = two();
    let id = one.device.create_agent("Scribe", one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    write(&mut one, id, "first line\n");
    exchange(&mut one, &mut other, &mut relay);
    assert!(!other.device.index_own(other.now).unwrap());
    assert_eq!(found(&mut other), []);
    assert_eq!(other.device.overlaps(other.now).unwrap(), []);
}
