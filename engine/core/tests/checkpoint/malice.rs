//! What a member with valid keys cannot have others compute: a state by which a third party's words are lost, or nothing ever goes.

use bowline_wire::ids::Position;

use crate::support::*;

struct Team {
    story: Story,
    ana: Author,
    ben: Author,
    mallory: Author,
}

/// It is Ana's workspace; nobody has said anything.
fn team() -> Team {
    let [ana, ben, mallory] = ["ana", "ben", "mallory"].map(Author::new);
    Team { story: Story::of(&[&ana, &ben, &mallory]), ana, ben, mallory }
}

impl Team {
    fn stands(&mut self) {
        let state = self.story.state();
        self.story.checkpoint(&state, &self.ana, &self.ben);
    }

    /// A snapshot of all that counts here, without what was first said at some places.
    fn snapshot_without(&mut self, author: &Author, left_out: &[Position]) -> Position {
        let here = self.story.here();
        let left_out: Vec<_> = left_out.iter().map(|at| self.story.change(*at)).collect();
        let mut holds = self.story.counts(DOC, here);
        holds.retain(|(change, _)| !left_out.contains(change));
        self.story.snapshot_of(author, DOC, here, holds)
    }
}

#[test]
fn an_old_word_of_somebody_does_not_stand_for_less_than_they_have_signed_since() {
    let mut team = team();
    let (ana, ben, mallory) = (team.ana.clone(), team.ben.clone(), team.mallory.clone());
    let first = team.story.says(&ben, DOC);
    let by_mallory = team.story.says(&mallory, DOC);
    let older = team.snapshot_without(&ben, &[]);
    team.story.confirms(&mallory, &[older]);
    let second = team.story.says(&ben, DOC);
    // So the next one does not stand for her, and the older one, which is a word of ben's about less, has to stay.
    team.story.repeats(&mallory, DOC, by_mallory);
    let named = team.snapshot_without(&ana, &[]);
    team.story.confirms(&ben, &[named]);
    team.stands();
    let base = team.story.base().unwrap();
    assert_eq!(document(base, DOC).snapshot, Some(named));
    assert_eq!(live(base, &[first, second, older]), [false, false, true]);
    // What ben has said second is in `named` alone.
    let without = team.snapshot_without(&mallory, &[second]);
    let state = team.story.state();
    assert_eq!(document(&state, DOC).snapshot, Some(named));
    assert_eq!(live(&state, &[named, without]), [true, true]);
    assert_eq!(word(&state, DOC, &ben), word(team.story.base().unwrap(), DOC, &ben));
}

#[test]
fn what_somebody_has_signed_is_not_left_out_once_an_entry_of_theirs_is_given_up() {
    let mut team = team();
    let (ana, ben, mallory) = (team.ana.clone(), team.ben.clone(), team.mallory.clone());
    let signed = team.story.says(&ben, DOC);
    let older = team.snapshot_without(&ana, &[]);
    team.story.confirms(&ben, &[older]);
    let unsigned = team.story.says(&ben, DOC);
    let named = team.snapshot_without(&ana, &[]);
    team.stands();
    assert_eq!(live(team.story.base().unwrap(), &[signed, unsigned, named]), [false, true, true]);
    // Nobody can say by what is left on the log that ben has in `named` what he signed.
    team.story.gives_up(&ana, &[unsigned]);
    team.story.counts_no_more(DOC, unsigned);
    for author in [&mallory, &ana] {
        team.snapshot_without(author, &[signed]);
        assert_eq!(document(&team.story.state(), DOC).snapshot, Some(named));
        team.stands();
        assert!(team.story.base().unwrap().is_live(named), "in the next round as well");
    }
    // He comes back, and says what holds.
    let own = team.snapshot_without(&ben, &[]);
    assert_eq!(document(&team.story.state(), DOC).snapshot, Some(own));
}

#[test]
fn a_snapshot_of_less_that_is_made_later_is_not_named_before_one_of_more() {
    let mut team = team();
    let (ana, ben, mallory) = (team.ana.clone(), team.ben.clone(), team.mallory.clone());
    for round in 0..2 {
        let said = team.story.says(&ben, DOC);
        let named = team.snapshot_without(&ana, &[]);
        team.story.confirms(&ben, &[named]);
        team.story.snapshot_of(&mallory, DOC, at(1), vec![]);
        let state = team.story.state();
        assert_eq!((document(&state, DOC).snapshot, state.is_live(said)), (Some(named), false), "{round}");
        team.stands();
    }
}

#[test]
fn whoever_has_said_something_worthless_of_a_document_ends_that_by_their_word_or_goes() {
    let mut team = team();
    let (ana, ben, mallory) = (team.ana.clone(), team.ben.clone(), team.mallory.clone());
    team.story.says(&mallory, DOC);
    let named = team.snapshot_without(&ana, &[]);
    team.story.row(&mallory, named, GARBAGE);
    team.stands();
    team.story.says(&ben, DOC);
    let next = team.snapshot_without(&ben, &[]);
    assert_eq!(document(&team.story.state(), DOC).snapshot, Some(named), "it does not stand for mallory");
    let mut signed = team.story.clone();
    signed.confirms(&mallory, &[next]);
    assert_eq!(document(&signed.state(), DOC).snapshot, Some(next));
    team.story.removes(&ana, &mallory);
    team.story.confirms(&ana, &[next]);
    assert_eq!(document(&team.story.state(), DOC).snapshot, Some(next));
}

#[test]
fn whoever_says_again_what_they_have_signed_keeps_bodies_until_they_sign_once_more_or_go() {
    let mut team = team();
    let (ana, ben) = (team.ana.clone(), team.ben.clone());
    let signed = team.story.says(&ben, DOC);
    let before = team.snapshot_without(&ana, &[]);
    team.story.confirms(&ben, &[before]);
    team.stands();
    let again = team.story.repeats(&ben, DOC, signed);
    let by_ana = team.story.says(&ana, DOC);
    let next = team.snapshot_without(&ana, &[]);
    let state = team.story.state();
    assert_eq!((document(&state, DOC).snapshot, state.is_live(by_ana)), (Some(before), true));
    team.stands();
    let mut removed = team.story.clone();
    team.story.confirms(&ben, &[next]);
    let state = team.story.state();
    assert_eq!(document(&state, DOC).snapshot, Some(next));
    assert_eq!(live(&state, &[again, by_ana, before]), [false, false, false]);
    removed.removes(&ana, &ben);
    removed.confirms(&team.mallory, &[next]);
    assert_eq!(document(&removed.state(), DOC).snapshot, Some(next));
}
