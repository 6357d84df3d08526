//! Which snapshot of a document a state names, what users have signed by it, and which entries go.

use bowline_wire::ids::Position;
use bowline_wire::log::State;

use crate::support::*;

struct Team {
    story: Story,
    ana: Author,
    ben: Author,
    carl: Author,
}

/// It is Ana's workspace; each has said something.
fn team() -> (Team, [Position; 3]) {
    let [ana, ben, carl] = ["ana", "ben", "carl"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben, &carl]);
    let said = [&ana, &ben, &carl].map(|author| story.says(author, DOC));
    (Team { story, ana, ben, carl }, said)
}

impl Team {
    fn state(&self) -> State {
        self.story.state()
    }

    /// A snapshot by somebody of all there is.
    fn snapshot_by(&mut self, author: &Author) -> Position {
        self.story.snapshot(author, DOC, self.story.here())
    }

    /// A snapshot that everybody has signed, and whose checkpoint stands.
    fn rested(&mut self) -> Position {
        let (ana, ben, carl) = (self.ana.clone(), self.ben.clone(), self.carl.clone());
        let snapshot = self.snapshot_by(&ana);
        self.story.confirms(&ben, &[snapshot]);
        self.story.confirms(&carl, &[snapshot]);
        self.stands();
        snapshot
    }

    /// The checkpoint of the state here comes to stand.
    fn stands(&mut self) -> State {
        let state = self.state();
        self.story.checkpoint(&state, &self.ana.clone(), &self.ben.clone());
        state
    }
}

#[test]
fn what_everybody_has_signed_goes_and_their_words_are_in_the_state() {
    let (mut team, said) = team();
    let covers = team.story.here();
    let snapshot = team.snapshot_by(&team.ana.clone());
    let by_ben = team.story.confirms(&team.ben, &[snapshot]);
    let by_carl = team.story.confirms(&team.carl, &[snapshot]);
    let state = team.state();
    assert_eq!(document(&state, DOC).snapshot, Some(snapshot));
    assert_eq!(live(&state, &said), [false; 3]);
    assert_eq!(live(&state, &[snapshot, by_ben, by_carl]), [true, false, false]);
    let words = [&team.ana, &team.ben, &team.carl].map(|author| word(&state, DOC, author));
    assert_eq!(words, [snapshot, by_ben, by_carl].map(|said| Some((covers, said))));
}

#[test]
fn nothing_goes_of_somebody_who_has_not_signed_nor_behind_what_they_signed() {
    let (mut team, said) = team();
    let snapshot = team.snapshot_by(&team.ana.clone());
    team.story.confirms(&team.ben, &[snapshot]);
    let state = team.state();
    assert_eq!(live(&state, &said), [false, false, true]);
    assert_eq!(word(&state, DOC, &team.carl), None);

    let later = team.story.says(&team.ben, DOC);
    let next = team.snapshot_by(&team.ana.clone());
    let state = team.state();
    assert_eq!(document(&state, DOC).snapshot, Some(next), "ben's word carries over to it");
    assert_eq!(live(&state, &[said[1], later, said[2]]), [false, true, true]);
}

#[test]
fn without_a_snapshot_everything_stays() {
    let (team, said) = team();
    let state = team.state();
    assert_eq!((document(&state, DOC).snapshot, live(&state, &said)), (None, vec![true; 3]));
}

mod a_snapshot_is_not_named {
    use super::*;

    #[test]
    fn that_holds_something_else_than_it_says() {
        let (mut team, said) = team();
        let (covers, ana) = (team.story.here(), team.ana.clone());
        let mut holds = team.story.counts(DOC, covers);
        let honest = team.story.snapshot(&ana, DOC, covers);
        holds.pop();
        let lying = team.story.snapshot(&ana, DOC, covers);
        team.story.opens_to(lying, holds);
        let state = team.state();
        assert_eq!(document(&state, DOC).snapshot, Some(honest));
        assert_eq!(live(&state, &[lying, said[0]]), [true, false]);
    }

    #[test]
    fn that_somebody_who_is_in_disputes() {
        let (mut team, said) = team();
        let snapshot = team.snapshot_by(&team.ana.clone());
        team.story.disputes(&team.carl, snapshot);
        let state = team.state();
        assert_eq!((document(&state, DOC).snapshot, live(&state, &said)), (None, vec![true; 3]));
        team.story.removes(&team.ana, &team.carl);
        assert_eq!(document(&team.state(), DOC).snapshot, Some(snapshot), "one removal ends it");
    }

    #[test]
    fn that_its_authors_user_has_not_signed() {
        let ana = Author::new("ana");
        let mut story = Story::of(&[&ana]);
        let said = story.says(&ana, DOC);
        let snapshot = story.snapshot(&ana, DOC, story.here());
        let state = story.state();
        assert_eq!(
            (document(&state, DOC).snapshot, live(&state, &[said])),
            (None, vec![true]),
            "nobody has looked"
        );
        story.confirms(&ana, &[snapshot]);
        assert_eq!(document(&story.state(), DOC).snapshot, Some(snapshot));
    }

    #[test]
    fn that_leaves_out_what_somebody_said_for_whom_the_one_before_stands() {
        let (mut team, _) = team();
        let before = team.rested();
        // Carl is away, and ben leaves out what carl has signed, or has said since.
        for by_carl in [team.carl.actor(), team.carl.actor()] {
            let said = team.story.says(&team.carl, DOC);
            let mut holds = team.story.counts(DOC, team.story.here());
            let left_out = holds.iter().rposition(|(_, actor)| *actor == by_carl).unwrap();
            holds.remove(left_out);
            team.story.snapshot_of(&team.ben, DOC, team.story.here(), holds);
            let state = team.state();
            assert_eq!(document(&state, DOC).snapshot, Some(before), "the one before goes on");
            assert_eq!(live(&state, &[said, before]), [true, true]);
        }
        let honest = team.snapshot_by(&team.ben.clone());
        assert_eq!(document(&team.state(), DOC).snapshot, Some(honest));
    }

    #[test]
    fn that_is_older_than_the_one_before() {
        let (mut team, _) = team();
        let older = team.snapshot_by(&team.carl.clone());
        let before = team.snapshot_by(&team.ana.clone());
        team.story.confirms(&team.ben, &[before]);
        let state = team.stands();
        assert_eq!((document(&state, DOC).snapshot, state.is_live(older)), (Some(before), true));
        // Everybody for whom the one before stands has signed for the older one.
        team.story.disputes(&team.ben, before);
        for author in [&team.ana, &team.ben] {
            team.story.confirms(author, &[older]);
        }
        assert_eq!(document(&team.state(), DOC).snapshot, Some(before));
    }
}

mod an_older_snapshot {
    use super::*;

    #[test]
    fn goes_if_its_author_has_signed_up_to_it() {
        let (mut team, _) = team();
        let older = team.snapshot_by(&team.carl.clone());
        let named = team.snapshot_by(&team.ana.clone());
        assert_eq!(live(&team.state(), &[older, named]), [true, true], "carl's word is about less");
        team.story.confirms(&team.carl, &[named]);
        assert_eq!(live(&team.state(), &[older, named]), [false, true]);
    }

    #[test]
    fn stays_if_the_one_that_is_named_does_not_stand_for_somebody_for_whom_it_did() {
        let (mut team, said) = team();
        let older = team.snapshot_by(&team.ana.clone());
        team.story.confirms(&team.carl, &[older]);
        let mut holds = team.story.counts(DOC, team.story.here());
        holds.retain(|(_, actor)| *actor != team.carl.actor());
        let without_carl = team.story.snapshot_of(&team.ana, DOC, team.story.here(), holds);
        let state = team.state();
        assert_eq!(document(&state, DOC).snapshot, Some(without_carl));
        assert_eq!(live(&state, &[older, said[0], said[2]]), [true, false, true]);
    }
}

mod a_word {
    use super::*;

    #[test]
    fn is_the_one_by_which_the_snapshot_stands_whatever_garbage_comes_later() {
        let (mut team, said) = team();
        let snapshot = team.rested();
        let before = word(team.story.base().unwrap(), DOC, &team.carl);
        team.story.row(&team.carl, snapshot, GARBAGE);
        let state = team.state();
        assert_eq!(word(&state, DOC, &team.carl), before);
        assert_eq!((document(&state, DOC).snapshot, live(&state, &said)), (Some(snapshot), vec![false; 3]));
        let next = team.snapshot_by(&team.ben.clone());
        assert_eq!(
            document(&team.state(), DOC).snapshot,
            Some(next),
            "it carries over as if there were no garbage"
        );
    }

    #[test]
    fn is_the_newest_of_somebody_for_whom_the_snapshot_does_not_stand() {
        let (mut team, said) = team();
        let snapshot = team.snapshot_by(&team.ana.clone());
        let covers = team.story.stored_at(snapshot).entry.header().covers;
        team.story.row(&team.carl, snapshot, GARBAGE);
        let newest = team.story.row(&team.carl, snapshot, GARBAGE);
        let state = team.state();
        assert_eq!(word(&state, DOC, &team.carl), Some((covers, newest)));
        assert!(state.is_live(said[2]));
    }

    #[test]
    fn of_an_earlier_state_goes_on_though_nothing_of_it_is_there() {
        let (mut team, _) = team();
        team.rested();
        let by_carl = word(team.story.base().unwrap(), DOC, &team.carl);
        team.story.says(&team.ben, DOC);
        let next = team.snapshot_by(&team.ben.clone());
        let state = team.stands();
        assert_eq!((document(&state, DOC).snapshot, word(&state, DOC, &team.carl)), (Some(next), by_carl));
        let one_more = team.snapshot_by(&team.ana.clone());
        assert_eq!(document(&team.state(), DOC).snapshot, Some(one_more));
    }

    #[test]
    fn is_given_by_the_owner_and_another_for_somebody_who_is_gone_and_carries_over_from_then_on() {
        let (mut team, said) = team();
        team.story.removes(&team.ana, &team.carl);
        let covers = team.story.here();
        let snapshot = team.snapshot_by(&team.ana.clone());
        assert_eq!(live(&team.state(), &said), [false, true, true]);
        let confirmed = team.story.confirms(&team.ben, &[snapshot]);
        let state = team.stands();
        assert_eq!(
            (live(&state, &said), word(&state, DOC, &team.carl)),
            (vec![false; 3], Some((covers, confirmed)))
        );
        // Nobody speaks for carl any more, and need not.
        team.story.says(&team.ben, DOC);
        let next = team.snapshot_by(&team.ben.clone());
        let state = team.state();
        assert_eq!(document(&state, DOC).snapshot, Some(next));
        assert_eq!(word(&state, DOC, &team.carl), Some((covers, confirmed)));
    }
}

#[test]
fn what_counts_nowhere_of_somebody_who_is_gone_goes_though_nobody_says_what_is_in_it() {
    let (mut team, said) = team();
    team.story.counts_nowhere(DOC, said[2]);
    team.story.removes(&team.ana, &team.carl);
    let snapshot = team.snapshot_by(&team.ana.clone());
    assert!(team.state().is_live(said[2]));
    team.story.confirms(&team.ben, &[snapshot]);
    assert!(!team.state().is_live(said[2]));
}

#[test]
fn a_snapshot_in_parts_stays_with_all_of_them_and_goes_with_all_of_them() {
    let (mut team, _) = team();
    let holds = team.story.counts(DOC, team.story.here());
    let parts = team.story.snapshot_in_parts(&team.ana, (DOC, 3), team.story.here(), holds);
    let state = team.state();
    assert_eq!((document(&state, DOC).snapshot, live(&state, &parts)), (Some(parts[2]), vec![true; 3]));
    let next = team.snapshot_by(&team.ben.clone());
    team.story.confirms(&team.ana, &[next]);
    assert_eq!(live(&team.state(), &parts), [false; 3]);
}

#[test]
fn a_snapshot_that_is_given_up_is_named_no_more_and_what_was_signed_goes_on() {
    let (mut team, _) = team();
    let snapshot = team.rested();
    team.story.gives_up(&team.ana, &[snapshot]);
    let state = team.state();
    assert_eq!((document(&state, DOC).snapshot, state.is_live(snapshot)), (None, false));
    assert_eq!(word(&state, DOC, &team.carl), word(team.story.base().unwrap(), DOC, &team.carl));
}
