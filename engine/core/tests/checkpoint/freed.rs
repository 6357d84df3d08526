//! What a checkpoint takes off the log's sums.

use bowline_wire::checkpoint::Freed;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::WireDoc;
use bowline_wire::limits::MAX_FREED;
use bowline_wire::log::Log;
use bowline_wire::weight::{Weights, Written};

use crate::support::*;

#[test]
fn what_is_freed_is_what_the_log_counts_less_what_stays() {
    let [ana, ben, carl] = ["ana", "ben", "carl"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben, &carl]);
    for author in [&ana, &ana, &ben, &carl] {
        story.says(author, DOC);
    }
    story.says_in_parts(&ben, DOC, 3);
    let snapshot = story.snapshot(&ana, DOC, story.here());
    story.confirms(&ben, &[snapshot]);
    story.says(&ana, OTHER_DOC);
    let state = story.state();
    let row = |author: &Author, payloads: u64| Freed {
        doc: DOC,
        user: author.user(),
        sum: payloads * WEIGHT.most(),
    };
    let mut freed = vec![row(&ana, 2), row(&ben, 2)];
    freed.sort_by_key(|row| row.user);
    assert_eq!(state.freed, freed, "of carl everything stays, and of the other document");
    let sums: u64 = document(&state, DOC).parts.iter().map(|part| part.sum).sum();
    assert_eq!(sums, 6 * WEIGHT.most(), "the state says what was counted at its place");

    let state = story.state();
    story.checkpoint(&state, &ana, &ben);
    let of = |story: &Story, author: &Author| story.log.weights().of(DOC, author.user()) / WEIGHT.most();
    assert_eq!([&ana, &ben, &carl].map(|author| of(&story, author)), [1, 0, 1]);
    assert_eq!(story.state().freed, [], "and nothing is freed twice");
}

#[test]
fn what_is_given_up_is_freed_and_what_was_only_passed_was_never_counted() {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    let given_up = story.says(&ben, DOC);
    story.says(&ben, DOC);
    let header = Header { doc: DOC, seq: 9, prev: seed_id(), ..story.draft(&ben, EntryType::Changes) };
    story.pass(&ben.sign(header, b"sealed"));
    story.gives_up(&ana, &[given_up]);
    assert_eq!(story.state().freed, [Freed { doc: DOC, user: ben.user(), sum: WEIGHT.most() }]);
}

#[test]
fn what_one_checkpoint_has_no_room_for_comes_with_the_next() {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    // What the log has counted, and nothing of it is there any more.
    let doc = |number: u32| {
        let mut doc = [7; 16];
        doc[..4].copy_from_slice(&number.to_be_bytes());
        WireDoc::from_bytes(doc)
    };
    let sums = (0..u32::try_from(MAX_FREED).unwrap() + 3).map(|it| Written {
        doc: doc(it),
        user: ana.user(),
        sum: 2,
    });
    let tips = story.log.tips().map(|(chain, tip)| (*chain, *tip));
    let (head, time, roster) = (story.log.head(), story.log.time(), story.log.roster().clone());
    let said = story.log.checkpoints().clone();
    story.log = Log::restore(head, time, roster, tips, Weights::restore(sums), said);
    let state = story.state();
    assert_eq!(state.freed.len(), MAX_FREED);
    assert!(state.freed.is_sorted_by(|one, next| (one.doc, one.user) < (next.doc, next.user)));
    story.checkpoint(&state, &ana, &ben);
    assert_eq!(story.state().freed.len(), 3);
}
