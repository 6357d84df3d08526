//! What an entry declares to weigh, against what it holds.

use bowline_core::document::{Document, Incoming, Kind, Reason, Source, weight_of};
use bowline_wire::weight::Weight;

use crate::support::{Author, device, entry};

/// An entry with these changes by Ana's device that declares `weight`.
fn declared(bytes: &[u8], source: Source, weight: Weight) -> Incoming<'_> {
    Incoming { entry: entry(1), source, weight, ..Incoming::local(device(1), bytes) }
}

fn refused(bytes: &[u8], source: Source, weight: Weight) -> Option<Reason> {
    let built = Document::assemble(Kind::Agent, &[declared(bytes, source, weight)]);
    built.refused.into_iter().next().map(|refused| refused.reason)
}

#[test]
fn an_entry_that_weighs_more_than_it_declares_is_refused_as_a_whole() {
    let mut ana = Author::agent(1);
    let text = "a".repeat(10_000);
    let change = ana.write("notes.md", &text).unsealed.concat();
    // A character is an operation; the Text and its name are one more.
    let heavy = weight_of(change.len(), 10_001);
    let enough = Weight::of(heavy);
    assert_eq!(refused(&change, Source::Changes, enough), None);
    let less = Weight::of(enough.most() / 2);
    assert!(matches!(refused(&change, Source::Changes, less), Some(Reason::Heavier(it)) if it > less.most()));
}

#[test]
fn a_snapshot_weighs_what_the_changes_in_it_do() {
    let mut ana = Author::agent(1);
    ana.write("notes.md", &"a".repeat(10_000));
    let (_, operations) = ana.document.extent();
    let saved = ana.document.save();
    let enough = Weight::of(weight_of(saved.len(), operations));
    assert_eq!(refused(&saved, Source::Snapshot, enough), None);
    let less = Weight::of(enough.most() / 2);
    assert!(matches!(refused(&saved, Source::Snapshot, less), Some(Reason::Heavier(_))));
}

#[test]
fn what_is_refused_for_its_weight_does_not_hold_up_the_rest() {
    let mut ana = Author::agent(1);
    let first = ana.write("one.md", "one").seal(1).bytes;
    let heavy = ana.write("two.md", &"b".repeat(10_000)).seal(2).bytes;
    let fine = declared(&first, Source::Changes, Weight::of(1 << 16));
    let lies = Incoming { entry: entry(2), ..declared(&heavy, Source::Changes, Weight::of(1 << 10)) };
    let built = Document::assemble(Kind::Agent, &[fine, lies]);
    assert_eq!(built.refused.len(), 1);
    assert_eq!(built.refused[0].entry, entry(2));
    assert!(built.document.extent().0 > 1, "the first one counts");
}
