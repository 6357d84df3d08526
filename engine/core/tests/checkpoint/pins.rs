//! Which hashes of the log a state says below its place.

use bowline_wire::head::Head;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::{EntryId, Incarnation, LogHash, Position};
use bowline_wire::log::Pin;
use bowline_wire::roster::TicketStage;
use bowline_wire::roster::record::Record;

use crate::authors::ticket;
use crate::support::*;

fn places(story: &Story) -> Vec<Position> {
    let pins = story.state().pins;
    for Pin { at, hash } in &pins {
        assert_eq!(*hash, story.hash_at(*at), "it is the log's own");
    }
    pins.iter().map(|pin| pin.at).collect()
}

#[test]
fn a_code_that_is_open_pins_what_its_maker_had_seen() {
    let [ana, ben, carl] = ["ana", "ben", "carl"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    assert_eq!(places(&story), [], "ben's invite is used");
    let seen = story.here();
    story.code(&ana, "carl", story.clock.plus(60 * 1000));
    assert_eq!(places(&story), [seen]);
    let seen_by_ben = story.here();
    story.link(&ben, "ben's phone", story.clock.plus(10 * 1000));
    assert_eq!(places(&story), [seen, seen_by_ben]);
    story.clock = story.clock.plus(20 * 1000);
    story.says(&ana, DOC);
    assert_eq!(places(&story), [seen], "the link is over by the log's time");
    story.joins(&carl);
    assert_eq!(places(&story), []);
}

#[test]
fn a_code_goes_on_pinning_what_is_below_the_checkpoint_that_stands() {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    let seen = story.here();
    story.code(&ana, "carl", story.clock.plus(60 * 1000));
    for _ in 0..40 {
        let state = story.state();
        story.checkpoint(&state, &ana, &ben);
        assert!(places(&story).contains(&seen));
    }
}

#[test]
fn places_of_states_before_are_said_the_newest_and_ever_fewer_of_older_ones() {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    let mut before = Vec::new();
    for _ in 0..200 {
        let state = story.state();
        story.checkpoint(&state, &ana, &ben);
        before.push(state.at);
        let said = places(&story);
        let newest = &before[before.len().saturating_sub(17)..];
        assert!(said.ends_with(newest), "{said:?}");
        let here = story.here().0;
        let older = &said[..said.len() - newest.len()];
        let about: Vec<u32> = older.iter().map(|at| (here - at.0).ilog2()).collect();
        assert!(about.is_sorted_by(|one, next| one > next), "one of each distance: {about:?}");
    }
    assert!(places(&story).len() > 17 + 3);
    assert_eq!(places(&story)[0], before[0], "the first one is known for good");
}

#[test]
fn what_the_state_before_says_of_a_place_goes_before_what_the_maker_of_a_code_says_to_have_seen() {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben]);
    let seen = story.here();
    story.code(&ana, "carl", story.clock.plus(60 * 1000));
    let state = story.state();
    story.checkpoint(&state, &ana, &ben);
    assert!(places(&story).contains(&seen));
    // A log's key has signed another story for ben. Below the state nobody compares.
    let other = Head { position: seen, hash: LogHash::from_bytes(seed("another story")), ..story.log.head() };
    let header = story.draft(&ben, EntryType::Roster);
    let header = Header {
        incarnation: Incarnation::from_bytes([8; 8]),
        seq: 1,
        prev: EntryId::ZERO,
        seen: Some(story.seen(other)),
        held: Position::START,
        ..header
    };
    let link = Record::Link(ticket("ben's phone", story.clock.plus(10 * 1000)));
    story.put(&ben.sign(header, &link.to_body()));
    assert_eq!(story.log.roster().tickets().filter(|(_, it)| it.stage == TicketStage::Open).count(), 2);
    assert!(places(&story).contains(&seen));
}
