//! An entry of which a change turns out bad: it is cut there, and what counted before stays.

use bowline_core::document::{ActorId, Cause, Document, Extent, Kind, NeedsRebuild, Pen, Reason, Source};

use crate::support::{Author, Sealed, assemble, device, entry, forge, open, pen, shown, texts};

const CONVERSATION: Kind = Kind::Conversation;

/// Device 2 says something, and then something bad on top of what it keeps back; an answer by device 1 to the first.
struct Story {
    both: Sealed,
    answer: Sealed,
    kept_back: Sealed,
}

/// `back` is where in the log that comes which device 2 keeps back; the entry is at 2, the answer at 3.
fn story(back: u8) -> Story {
    let actor = ActorId::for_device(device(2), [99; 8]);
    let mut other = Author { pen: Pen { actor, ..pen(2) }, ..Author::conversation(2) };
    let kept_back = other.say("kept back").seal(back);
    let mut eve = Author::conversation(2);
    eve.say("early");
    let early = Sealed::new(2, 2, Source::Changes, eve.unsealed[0].clone());
    let mut ana = Author::conversation(1);
    ana.receive(&[early]).say("an answer");
    let answer = ana.seal(3);
    eve.receive(std::slice::from_ref(&kept_back)).say("late");
    let bad = out_of_order(&eve.unsealed[1]);
    let both = Sealed::new(2, 2, Source::Changes, [eve.unsealed[0].clone(), bad].concat());
    Story { both, answer, kept_back }
}

/// A change that counts its operations on from where its history does not end.
fn out_of_order(change: &[u8]) -> Vec<u8> {
    forge(change, |change| change.start_op = (change.start_op.get() + 5).try_into().unwrap())
}

#[test]
fn what_was_built_on_a_change_stays_though_the_rest_of_its_entry_turns_out_bad() {
    let Story { both, answer, kept_back } = story(4);
    let before = assemble(CONVERSATION, &[both.clone(), answer.clone()]);
    assert_eq!(texts(&before.document), ["early", "an answer"]);
    let after = assemble(CONVERSATION, &[both, answer, kept_back]);
    let mut texts = texts(&after.document);
    texts.sort();
    assert_eq!(texts, ["an answer", "early", "kept back"]);
    assert_eq!(after.refused.len(), 1);
    let refused = &after.refused[0];
    assert_eq!((refused.entry, refused.extent), (entry(2), Extent::Part));
    assert!(matches!(refused.reason, Reason::BrokenHistory(_)));
    assert_eq!(after.unsettled, [], "what is cut waits for nothing");
}

#[test]
fn an_entry_is_cut_where_it_begins_if_the_bad_change_would_count_from_there() {
    let Story { both, answer, kept_back } = story(1);
    let assembled = assemble(CONVERSATION, &[both, answer, kept_back]);
    assert_eq!(texts(&assembled.document), ["kept back"]);
    assert_eq!(assembled.unsettled, [entry(3)], "the answer waits for what it answers");
    let lost: Vec<_> = assembled.lost.iter().map(|lost| lost.cause).collect();
    assert_eq!(lost, [Cause::Dependent], "and whoever wrote it is told to write it again");
    assert!(assembled.lost[0].actor.belongs_to(device(1)));
}

#[test]
fn every_order_and_every_way_to_split_the_entries_comes_to_the_same() {
    for back in [1, 4] {
        let Story { both, answer, kept_back } = story(back);
        let mut later = Author::conversation(4);
        let later = later.say("later").seal(5);
        let entries = [both, answer, kept_back, later];
        let expected = shown(&assemble(CONVERSATION, &entries).document);
        for order in orders(entries.len()) {
            for size in 1..=entries.len() {
                let (mut document, mut have) = (Document::create(CONVERSATION), Vec::new());
                let mut waits: Vec<Sealed> = Vec::new();
                for batch in order.chunks(size) {
                    let new: Vec<_> = batch.iter().map(|index| entries[*index].clone()).collect();
                    have.extend(new.clone());
                    let handed: Vec<_> = new.into_iter().chain(waits).collect();
                    // What is cut is handed in anew with whatever comes out of order; here that is always.
                    let (refused, unsettled) = if let Ok(applied) = document.apply(&open(&handed)) {
                        (applied.refused, applied.unsettled)
                    } else {
                        let built = assemble(CONVERSATION, &have);
                        document = built.document;
                        (built.refused, built.unsettled)
                    };
                    let again = refused.iter().filter(|it| it.extent == Extent::Part).map(|it| it.entry);
                    let again: Vec<_> = unsettled.into_iter().chain(again).collect();
                    waits = have.iter().filter(|one| again.contains(&one.entry)).cloned().collect();
                }
                assert_eq!(shown(&document), expected, "{order:?} by {size}, kept back until {back}");
            }
        }
    }
}

/// All orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let shorter = orders(last).into_iter();
    let with_last = |order: Vec<usize>| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    };
    shorter.flat_map(with_last).collect()
}

#[test]
fn an_entry_of_which_nothing_can_ever_count_is_refused_as_a_whole() {
    let mut eve = Author::conversation(2);
    let bad = out_of_order(&eve.say("bad").unsealed[0]);
    let bad = Sealed::new(1, 2, Source::Changes, bad);
    let built = assemble(CONVERSATION, std::slice::from_ref(&bad));
    assert_eq!((built.refused.len(), built.refused[0].extent), (1, Extent::Whole));
    let applied = Document::create(CONVERSATION).apply(&open(&[bad])).unwrap();
    assert_eq!(applied.refused, built.refused);
}

#[test]
fn an_entry_with_good_and_bad_in_it_needs_all_entries_to_be_judged() {
    let mut eve = Author::conversation(2);
    eve.say("good").say("bad");
    let bytes = [eve.unsealed[0].clone(), out_of_order(&eve.unsealed[1])].concat();
    let entries = [Sealed::new(1, 2, Source::Changes, bytes)];
    assert_eq!(Document::create(CONVERSATION).apply(&open(&entries)).map(drop), Err(NeedsRebuild));
    let built = assemble(CONVERSATION, &entries);
    assert_eq!(texts(&built.document), [""; 0]);
    assert_eq!((built.refused.len(), built.refused[0].extent), (1, Extent::Part));
}

#[test]
fn a_change_that_is_in_a_bad_entry_and_in_a_good_one_counts_through_the_good_one() {
    let mut eve = Author::conversation(2);
    eve.say("good").say("bad");
    let bytes = [eve.unsealed[0].clone(), out_of_order(&eve.unsealed[1])].concat();
    let both = Sealed::new(1, 2, Source::Changes, bytes);
    let good = Sealed::new(2, 2, Source::Changes, eve.unsealed[0].clone());
    for entries in [[both.clone(), good.clone()], [good, both]] {
        assert_eq!(texts(&assemble(CONVERSATION, &entries).document), ["good"]);
    }
}

#[test]
fn the_cut_of_one_entry_does_not_condemn_what_another_builds_on_it() {
    let mut eve = Author::conversation(2);
    eve.say("good").say("bad");
    let good = Sealed::new(1, 2, Source::Changes, eve.unsealed[0].clone());
    let mut ben = Author::conversation(3);
    ben.receive(&[good]).say("ben's").say("ben's second");
    let ben_is_bad = [ben.unsealed[0].clone(), out_of_order(&ben.unsealed[1])].concat();
    let bytes = [eve.unsealed[0].clone(), out_of_order(&eve.unsealed[1])].concat();
    let cut = Sealed::new(1, 2, Source::Changes, bytes);
    let built = assemble(CONVERSATION, &[cut, Sealed::new(2, 3, Source::Changes, ben_is_bad)]);
    assert_eq!(built.refused.len(), 1, "{:?}", built.refused);
    assert_eq!(built.unsettled, [entry(2)], "it waits for what does not count");
}

/// A member who seals many entries with something bad in each makes nobody judge each of them by itself.
#[test]
fn many_entries_with_something_bad_in_them_are_judged_together() {
    let mut entries = Vec::new();
    for number in 1..=120 {
        let mut eve = Author::conversation(number);
        eve.say("good").say("bad");
        let bytes = [eve.unsealed[0].clone(), out_of_order(&eve.unsealed[1])].concat();
        entries.push(Sealed::new(number, number, Source::Changes, bytes));
    }
    let built = assemble(CONVERSATION, &entries);
    assert_eq!(built.refused.len(), 120);
    assert_eq!(texts(&built.document), [""; 0]);
}
