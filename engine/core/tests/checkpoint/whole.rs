//! What a state is computed from has to be whole, and whoever has kept more comes to the same.

use bowline_core::checkpoint::{Ledger, Listed, NotJudged, NotWhole};
use bowline_wire::ids::{LogTime, Position};
use std::collections::BTreeMap;

use crate::support::*;

/// A log whose checkpoint stands, and where ben has not signed something below it.
fn stood() -> (Story, Position) {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    story.says(&ana, DOC);
    let unsigned = story.says(&ben, DOC);
    story.snapshot(&ana, DOC, story.here());
    let state = story.state();
    story.checkpoint(&state, &ana, &ben);
    story.says(&ana, DOC);
    (story, unsigned)
}

#[test]
fn a_state_that_leaves_out_somebodys_unsigned_words_does_not_come_out() {
    let (story, unsigned) = stood();
    assert!(story.state().is_live(unsigned));
    let without = story.state_by(&story.log, |at| at != unsigned);
    assert_eq!(without, Err(NotWhole::OtherLive));
    let here = story.here();
    for missing in [here, Position(here.0 - 1)] {
        let without = story.state_by(&story.log, |at| at != missing);
        assert_eq!(without, Err(NotWhole::Gap(missing)));
    }
}

#[test]
fn whoever_has_kept_what_the_state_before_let_go_comes_to_the_same() {
    let (story, _) = stood();
    let base = story.base().unwrap();
    let only_live = |at: Position| at > base.at || base.is_live(at);
    assert_eq!(story.state_by(&story.log, only_live).as_ref(), Ok(&story.state()));
    assert_eq!(story.state_by(&story.begun(base), only_live).as_ref(), Ok(&story.state()));
}

#[test]
fn it_goes_by_the_state_of_the_checkpoint_that_stands_and_by_no_other() {
    let (story, _) = stood();
    let all = || story.stored.iter().map(|it| it.listed(&story.log));
    let mut other = story.base().unwrap().clone();
    other.documents.clear();
    for base in [None, Some(&other)] {
        assert_eq!(Ledger::new(&story.log, base, all()).err(), Some(NotWhole::OtherBase));
    }
    let twice = all().chain(all().next_back());
    assert_eq!(Ledger::new(&story.log, story.base(), twice).err(), Some(NotWhole::Gap(story.here())));
}

#[test]
fn what_stands_behind_the_checkpoint_has_to_be_what_the_log_is_of() {
    let (story, _) = stood();
    let listed = || story.stored.iter().map(|it| it.listed(&story.log));
    let changed = |change: fn(&mut Listed<'_>), at: Position| {
        let entries = listed().map(|mut it| {
            if it.at.position == at {
                change(&mut it);
            }
            it
        });
        Ledger::new(&story.log, story.base(), entries).err()
    };
    let (above, below) = (story.here(), Position(1));
    let other_id_or_time: [fn(&mut Listed<'_>); 2] =
        [|it| it.id = seed_id(), |it| it.at.time = LogTime::START];
    for change in other_id_or_time {
        assert_eq!(changed(change, above), Some(NotWhole::OtherEntries));
        assert_eq!(changed(change, below), Some(NotWhole::OtherLive));
    }
    assert_eq!(changed(|_| {}, above), None);
}

#[test]
fn a_snapshot_that_nobody_has_opened_or_that_was_judged_by_what_came_later_is_not_passed_over() {
    let (mut story, _) = stood();
    let before = story.clone();
    let ben = Author::new("ben");
    let snapshot = before.base().unwrap().documents[0].snapshot.unwrap();
    let ledger =
        Ledger::new(&before.log, before.base(), before.stored.iter().map(|it| it.listed(&before.log)))
            .unwrap();
    assert_eq!(ledger.state(&BTreeMap::new()), Err(NotJudged(snapshot)));
    story.confirms(&ben, &[snapshot]);
    let later =
        Ledger::new(&story.log, story.base(), story.stored.iter().map(|it| it.listed(&story.log))).unwrap();
    assert_eq!(ledger.state(&story.judged(&later, |_| true)), Err(NotJudged(snapshot)));
}
