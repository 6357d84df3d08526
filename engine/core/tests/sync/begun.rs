//! What follows for a device once its log has begun from a state: its own entries, its keys, its code, and what it compares later.

use bowline_core::sync::{Begun, Effect, LinkState, NotReady, Phase, RelayFault, SurveyFailed, Verdict};
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::holding::Holding;
use bowline_wire::ids::{LogHash, Millis, Position};
use bowline_wire::log::{Pin, State};
use bowline_wire::roster::Outcome;

use crate::author::{Author, message, opaque_payload};
use crate::beginning::{Story, asked, assert_is_there, begun, every_second, nonsense};
use crate::bench::Bench;
use crate::letting_go::{records_alone, state_of};
use crate::relay::FakeRelay;
use crate::survey::look_with;

pub(crate) fn what_began(bench: &Bench) -> &Begun {
    let begun = bench.effects.iter().find_map(|effect| match effect {
        Effect::Begin(begun) => Some(begun),
        _ => None,
    });
    begun.expect("the log has begun from a state")
}

#[test]
fn what_was_offered_and_has_come_is_not_offered_again_whether_it_stays_or_is_gone() {
    let mut story = Story::before();
    let mut bench = story.member();
    let (first, second) = (bench.write(&opaque_payload(1)), bench.write(&opaque_payload(2)));
    let third = bench.write(&opaque_payload(3));
    story.relay.put(first.to_signed());
    story.relay.put(second.to_signed());
    story.lets_go(records_alone);
    bench.sync(&mut story.relay);
    assert_eq!(what_began(&bench).come.iter().copied().collect::<Vec<_>>().len(), 2);
    assert!([&first, &second].iter().all(|entry| what_began(&bench).come.contains(&entry.id())));
    assert_eq!((bench.new_incarnations(), bench.replica.offered().count()), (0, 0));
    assert_eq!(bench.appended(), std::slice::from_ref(&third), "what is behind the end of the chain");
    assert!(story.relay.holds(third.id()));
    assert_is_there(&bench, &story.relay);
}

#[test]
fn entries_in_our_name_that_went_before_they_came_here_start_a_new_life() {
    let mut story = Story::before();
    let mut bench = story.member();
    let before = bench.replica.incarnation();
    let sent = bench.write(&opaque_payload(1));
    story.relay.put(sent.to_signed());
    story.lets_go(records_alone);
    // The database as it was before it wrote that.
    let mut older_story = Story::before();
    let mut older = older_story.member();
    older.sync(&mut story.relay);
    assert_eq!(older.faults(), Vec::<&RelayFault>::new());
    let (now, began) = (older.replica.incarnation(), what_began(&older));
    assert!(now != before && began.new_incarnation == Some(now) && began.come.is_empty());
    let next = older.write(&opaque_payload(2));
    assert_eq!((next.header().incarnation, next.header().seq), (now, 1));
}

#[test]
fn what_was_offered_under_a_number_that_another_life_has_used_is_written_anew_though_nobody_can_show_that_entry()
 {
    let mut story = Story::before();
    let mut bench = story.member();
    let sent = bench.write(&opaque_payload(1));
    story.relay.put(sent.to_signed());
    story.lets_go(records_alone);
    // The database as it was before it wrote that has written something else.
    let mut older = Story::before().member();
    let offered = [older.write(&opaque_payload(2)), older.write(&opaque_payload(3))];
    assert_eq!(offered[0].header().seq, sent.header().seq);
    older.sync(&mut story.relay);
    assert_eq!(older.faults(), Vec::<&RelayFault>::new());
    let refused = [1, 0].map(|number: usize| (offered[number].id(), Reason::SeqTaken));
    assert_eq!(older.refused(), refused, "from the end");
    assert_eq!(older.replica.offered().count(), 0);
    let next = older.write(&opaque_payload(2));
    older.talk(&mut story.relay);
    assert!(story.relay.holds(next.id()));
}

#[test]
fn a_newcomer_whose_join_is_below_the_place_is_in_and_forgets_the_code() {
    let mut story = Story::before();
    let mut bench = story.newcomer();
    bench.sync(&mut story.relay);
    assert_eq!(bench.replica.position(), Position::START, "its ticket's line is over");
    story.lets_go(records_alone);
    bench.sync(&mut story.relay);
    assert!(what_began(&bench).joined);
    assert!(!bench.replica.has_pins());
    assert_is_there(&bench, &story.relay);
}

#[test]
fn a_state_that_knows_the_point_of_the_code_has_to_know_it_as_the_code_does() {
    for is_right in [true, false] {
        let mut story = Story::before();
        let mut bench = story.newcomer();
        let at = story.relay.len();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        let hash = if is_right { story.relay.hash_at(at) } else { LogHash::from_bytes([5; 32]) };
        let pins = vec![Pin { at: Position(at), hash }];
        story.lets_go_by(|relay, log| State { pins, ..state_of(relay, log, records_alone) });
        bench.sync(&mut story.relay);
        bench.sync(&mut story.relay);
        assert_eq!(begun(&bench), usize::from(is_right));
        if is_right {
            assert_is_there(&bench, &story.relay);
        } else {
            assert!(nonsense(&bench).starts_with("a state that is not of the log"));
            assert_eq!(bench.replica.position(), Position::START);
        }
    }
}

#[test]
fn a_state_that_knows_the_hash_at_the_end_of_what_is_here_has_to_know_it_as_this_device_does() {
    for is_right in [true, false] {
        let mut story = Story::before();
        let mut bench = story.member();
        let at = bench.replica.position();
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        let hash = if is_right { story.relay.hash_at(at.0) } else { LogHash::from_bytes([5; 32]) };
        let pins = vec![Pin { at, hash }];
        story.lets_go_by(|relay, log| State { pins, ..state_of(relay, log, records_alone) });
        bench.sync(&mut story.relay);
        assert_eq!(begun(&bench), usize::from(is_right));
        assert!(is_right || nonsense(&bench).starts_with("a state that is not of the log"));
    }
}

#[test]
fn a_state_in_which_a_chain_ends_before_what_is_known_here_or_otherwise_is_of_another_history() {
    for goes_otherwise in [false, true] {
        let mut story = Story::before();
        let mut bench = story.member();
        // The relay shows this device an entry that it does not show those who sign for the state.
        let mut shown_here = story.relay.clone();
        let mut owner = story.owner.on_another_branch();
        owner.put_message(&mut shown_here, opaque_payload(5).doc, "shown here alone");
        bench.sync(&mut shown_here);
        let here = bench.replica.position();
        if goes_otherwise {
            story.owner.put_message(&mut story.relay, opaque_payload(5).doc, "shown to the others");
        }
        for _ in 0..3 {
            story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        }
        let state = story.lets_go(records_alone);
        assert!(state.hash_at(here).is_none(), "no hash shows it");
        bench.sync(&mut story.relay);
        assert_eq!(begun(&bench), 0);
        assert!(nonsense(&bench).starts_with("a state that is not of the log"), "{:?}", bench.faults());
        assert_eq!(bench.replica.position(), here, "what is here stays");
    }
}

#[test]
fn keys_and_removals_below_the_place_come_with_the_records_that_stay() {
    let mut story = Story::before();
    let mut bench = story.member();
    let mut removed = Author::join(9, &story.owner.put_ticket(&mut story.relay, false), &mut story.relay);
    removed.put_message(&mut story.relay, opaque_payload(6).doc, "before");
    story.owner.put_removal(&mut story.relay, &removed, Vec::new());
    story.other = refreshed(&story);
    story.lets_go(records_alone);
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert!(what_began(&bench).keys_changed);
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { rekey_void: None });
    let records: Vec<&Outcome> = what_began(&bench).records.values().collect();
    assert!(records.len() == 3 && records.into_iter().all(applied));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    let written = bench.write(&opaque_payload(7));
    assert_eq!(Some(written.header().epoch), story.relay.log().roster().epoch());
}

/// The other member with the keys that are in force.
pub(crate) fn refreshed(story: &Story) -> Author {
    let mut other = story.other.on_another_branch();
    other.keyring = story.owner.keyring.clone();
    other
}

#[test]
fn a_device_that_was_removed_below_the_place_learns_that() {
    let mut story = Story::before();
    let mut bench = story.member();
    let keys = bowline_crypto::DeviceKeys::from_bytes(&bench.keys.to_bytes());
    let of = Author { keys, ..story.owner.on_another_branch() };
    story.owner.put_removal(&mut story.relay, &of, Vec::new());
    story.other = refreshed(&story);
    story.lets_go(records_alone);
    story.relay.admits_strangers = true;
    bench.sync(&mut story.relay);
    assert_eq!((bench.faults(), begun(&bench)), (Vec::new(), 1));
    assert!(matches!(bench.replica.phase(), Phase::Removed));
}

#[test]
fn bodies_that_are_withheld_of_what_stays_are_asked_for_and_not_said_to_be_held() {
    let mut story = Story::before();
    let mut bench = story.member();
    let withheld = story.other.put_message(&mut story.relay, opaque_payload(6).doc, "withheld");
    let at = story.relay.len();
    story.relay.withholds.insert(at);
    story.relay.passes_holdings_on();
    story.lets_go_by(|relay, log| state_of(relay, log, |place, _| place == at));
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!(bench.withheld.get(&Position(at)).map(Entry::id), Some(withheld.id()));
    let fetched =
        |frame: &&Frame| matches!(frame, Frame::Fetch { positions } if positions.contains(&Position(at)));
    assert!(bench.frames().iter().any(fetched));
    bench.wait(600_000);
    bench.talk(&mut story.relay);
    assert!(story.relay.said.get(&bench.keys.id()).is_none_or(|said| said.position.0 < at));
    story.relay.withholds.clear();
    bench.wait(600_000);
    bench.talk(&mut story.relay);
    bench.wait(600_000);
    bench.talk(&mut story.relay);
    assert_eq!(story.relay.said[&bench.keys.id()].position.0, story.relay.len());
}

#[test]
fn what_others_hold_is_believed_at_the_place_and_left_open_below_it() {
    let heard = |at: fn(&State) -> u64| {
        let mut story = Story::before();
        let mut bench = story.newcomer();
        bench.sync(&mut story.relay);
        let state = story.lets_go(records_alone);
        story.relay.passes_holdings_on();
        let (workspace, device) = (story.relay.workspace(), story.other.id());
        let (position, hash) = (Position(at(&state)), story.relay.hash_at(at(&state)));
        let holding = Holding { workspace, device, position, hash, time: Millis(7) };
        let said = story.other.keys.sign_holding(holding).unwrap();
        bench.sync(&mut story.relay);
        bench.receive(Frame::Holdings { devices: vec![said] });
        assert_is_there(&bench, &story.relay);
        let is_it = |it: &Effect| matches!(it, Effect::Holds { device: of, .. } if *of == device);
        bench.effects.iter().any(is_it)
    };
    assert!(heard(|state| state.at.0));
    assert!(!heard(|state| state.at.0 - 1), "nobody can compare it");
}

#[test]
fn a_relay_that_has_let_go_by_a_later_state_meanwhile_says_so_and_that_one_is_begun_from() {
    let mut story = Story::before();
    let mut bench = story.member();
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    story.lets_go(every_second);
    let first = story.relay.let_go.clone().unwrap();
    bench.greet();
    bench.receive(story.relay.welcome());
    bench.receive(first.frame());
    bench.receive(first.piece(first.by.stood.digest, 0).unwrap());
    bench.receive(story.relay.keep_from(first.by.stood.digest, bench.replica.position())[0].clone());
    assert!(!bench.aside.is_empty());
    let second = story.lets_go(records_alone);
    assert!(second.at > first.state.at);
    bench.receive(story.relay.let_go.as_ref().unwrap().frame());
    bench.receive(first.piece(first.by.stood.digest, 0).unwrap()); // late, and of the state before
    assert!(bench.faults().is_empty() && bench.aside.is_empty());
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!(bench.begun, Some(second));
}

#[test]
fn a_relay_that_has_all_entries_again_is_followed_as_before() {
    let mut story = Story::before();
    let mut bench = story.member();
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    story.lets_go(every_second);
    let let_go = story.relay.let_go.take().unwrap();
    bench.greet();
    bench.receive(story.relay.welcome());
    bench.receive(let_go.frame());
    bench.receive(let_go.piece(let_go.by.stood.digest, 0).unwrap());
    assert!(matches!(bench.frames().last(), Some(Frame::SubscribeFrom { .. })));
    let last = let_go.state.live.last().unwrap();
    let last = Position(last.first.0 + last.count - 1);
    let entries = vec![(last, story.relay.logged(last.0))];
    bench.receive(Frame::Kept { entries, more: true });
    assert!(!bench.aside.is_empty());
    bench.receive(FakeRelay::goodbye(Reason::OutOfPlace));
    assert!(bench.closed());
    bench.forget();
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert!(bench.aside.is_empty());
    assert_eq!((begun(&bench), asked(&bench)), (0, (0, 0)));
}

#[test]
fn a_device_that_lags_behind_writes_nothing_once_it_has_to_begin_from_a_state_and_asks_until_it_has_it() {
    let mut story = Story::before();
    let mut bench = story.member();
    bench.sync(&mut story.relay);
    assert_eq!(bench.replica.link(), LinkState::Live);
    let here = bench.replica.position();
    // What is appended from now on does not come.
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    let state = story.lets_go(records_alone);
    bench.forget();
    bench.receive(story.relay.let_go.as_ref().unwrap().frame());
    assert_eq!(bench.replica.link(), LinkState::CatchingUp { at: here, of: state.at });
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::CatchingUp));
    assert_eq!(asked(&bench), (1, 0));
    bench.wait(5_000);
    assert_eq!(asked(&bench), (2, 0));
    bench.talk(&mut story.relay);
    assert_is_there(&bench, &story.relay);
}

#[test]
fn a_checkpoint_that_is_below_what_is_here_changes_nothing() {
    let mut story = Story::before();
    let mut bench = story.member();
    story.lets_go(every_second);
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!((begun(&bench), asked(&bench)), (0, (0, 0)));
    bench.forget();
    bench.receive(story.relay.let_go.as_ref().unwrap().frame());
    assert!(bench.frames().is_empty() && bench.faults().is_empty());
}

/// A checkpoint that stands behind more than is kept in memory.
fn far_behind() -> (Story, Bench) {
    let mut story = Story::before();
    let bench = story.member();
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    let state = state_of(&story.relay, story.relay.log(), records_alone);
    story.relay.says_of(&mut story.owner, &state);
    for _ in 0..9 {
        let entry = story.other.sized(&story.relay, 1 << 19);
        story.relay.put(entry.to_signed());
    }
    let stood = story.relay.says_of(&mut story.other, &state);
    assert_eq!(story.relay.log().checkpoints().stood(), Some(stood));
    story.relay.lets_go_by(state);
    (story, bench)
}

#[test]
fn more_than_fits_memory_before_the_checkpoint_stands_comes_a_second_time() {
    let (mut story, mut bench) = far_behind();
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!(bench.subscriptions().len(), 2, "from below the place, and from there");
}

#[test]
fn nothing_is_written_before_a_head_is_signed_behind_the_place() {
    let (mut story, mut bench) = far_behind();
    let by = story.relay.let_go.clone().unwrap();
    bench.greet();
    bench.receive(story.relay.welcome());
    bench.receive(by.frame());
    bench.receive(by.piece(by.by.stood.digest, 0).unwrap());
    for frame in story.relay.keep_from(by.by.stood.digest, bench.replica.position()) {
        bench.receive(frame);
    }
    assert_eq!((begun(&bench), bench.replica.position()), (1, by.state.at));
    // The process ends there, and a relay says that there is nothing more.
    let mut bench = bench.restarted();
    bench.greet();
    bench.receive(FakeRelay::welcome_at(story.relay.head_at(by.state.at.0)));
    assert_eq!(bench.faults(), Vec::<&RelayFault>::new());
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::CatchingUp));
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
}

/// A member is removed between the place of a state and where its checkpoint stands, and what is `put` of a run that the cut still allows stands
/// there as well. With a device that comes from below.
pub(crate) fn late_run(
    write: impl FnOnce(&mut Author, &FakeRelay) -> Vec<Entry>,
    put: impl FnOnce(&mut FakeRelay, Vec<Entry>),
) -> (Story, Bench) {
    let mut story = Story::before();
    let bench = story.member();
    let mut removed = Author::join(9, &story.owner.put_ticket(&mut story.relay, false), &mut story.relay);
    let run = write(&mut removed, &story.relay);
    let cut = Author::cut_at(run.last().unwrap());
    let state = state_of(&story.relay, story.relay.log(), records_alone);
    story.owner.put_removal(&mut story.relay, &removed, cut);
    story.other = refreshed(&story);
    story.relay.says_of(&mut story.owner, &state);
    put(&mut story.relay, run);
    story.relay.says_of(&mut story.other, &state);
    story.relay.lets_go_by(state);
    (story, bench)
}

fn three_late(removed: &mut Author, relay: &FakeRelay) -> Vec<Entry> {
    let payload = message(removed.id(), opaque_payload(6).doc, "late");
    (0..3).map(|_| removed.content(relay, &payload)).collect()
}

#[test]
fn a_run_that_a_removal_still_allows_is_judged_whole_on_the_way_to_the_place_where_the_checkpoint_stands() {
    let (mut story, mut bench) = late_run(three_late, FakeRelay::put_run);
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    // However the frames fall.
    let mut bench = {
        let mut again = Story::before();
        again.member()
    };
    bench.greet();
    bench.receive(story.relay.welcome());
    let by = story.relay.let_go.clone().unwrap();
    let digest = by.by.stood.digest;
    bench.receive(by.frame());
    bench.receive(by.piece(digest, 0).unwrap());
    bench.receive(story.relay.keep_from(digest, bench.replica.position())[0].clone());
    for place in by.state.at.0 + 1..=story.relay.len() {
        bench.receive(story.relay.frame(place, place));
    }
    assert_is_there(&bench, &story.relay);
}

#[test]
fn a_run_of_which_a_part_is_missing_counts_for_nothing_on_the_way_either() {
    let (mut story, mut bench) = late_run(three_late, |relay, run| {
        for entry in &run[..2] {
            relay.put(entry.to_signed());
        }
    });
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert_eq!(begun(&bench), 1);
}

#[test]
fn after_a_restart_heads_at_the_place_are_compared_and_those_below_are_not() {
    let seen_at = |at: fn(&State) -> u64, hash: Option<LogHash>| {
        let mut story = Story::before();
        let mut third = Author::join(9, &story.owner.put_ticket(&mut story.relay, false), &mut story.relay);
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
        let state = story.lets_go(records_alone);
        let mut bench = story.newcomer();
        bench.sync(&mut story.relay);
        bench.sync(&mut story.relay);
        let mut bench = bench.restarted();
        assert_eq!(bench.replica.log().unwrap().begun_at(), state.at);
        let seen = story.relay.sign(at(&state), hash.unwrap_or_else(|| story.relay.hash_at(at(&state))));
        let entry = third.content_with(&story.relay, b"anything", opaque_payload(6).doc, |header| {
            (header.seen, header.held) = (Some(seen.into()), Position::START);
        });
        story.relay.put(entry.to_signed());
        bench.sync(&mut story.relay);
        let verdict =
            bench.verdicts().iter().any(|it| matches!(it, Verdict::Content(it) if it.id() == entry.id()));
        let is_fork = matches!(bench.faults()[..], [RelayFault::Fork { .. }]);
        (verdict, is_fork)
    };
    let forged = Some(LogHash::from_bytes([9; 32]));
    assert_eq!(seen_at(|state| state.at.0, None), (true, false));
    assert_eq!(seen_at(|state| state.at.0, forged), (false, true));
    assert_eq!(seen_at(|state| state.at.0 - 1, None), (true, false));
    assert_eq!(seen_at(|state| state.at.0 - 1, forged), (true, false), "nobody need know the hash there");
}

#[test]
fn a_look_at_a_relays_log_begins_where_the_log_here_does_and_says_what_cannot_be_compared() {
    let mut story = Story::before();
    let mut bench = story.member();
    story.other.put_message(&mut story.relay, opaque_payload(6).doc, "since then");
    let state = story.lets_go(records_alone);
    bench.sync(&mut story.relay);
    bench.disconnect();
    let shown = look_with(&mut bench, &mut story.relay, |frame| frame).unwrap();
    assert_eq!(shown.parting().0, story.relay.len());
    // A relay that has lost what is behind the place of the state.
    let mut back = story.relay.rolled_back(state.at.0 + 1);
    let shown = look_with(&mut bench, &mut back, |frame| frame).unwrap();
    assert_eq!(shown.parting(), state.at.next());
    let mut back = story.relay.rolled_back(state.at.0 - 1);
    let failed = look_with(&mut bench, &mut back, |frame| frame).map(drop);
    assert_eq!(failed, Err(SurveyFailed::LetGo(state.at)));
    // A device from below the place cannot compare with what is left there.
    let mut below = Story::before().member();
    let failed = look_with(&mut below, &mut story.relay, |frame| frame).map(drop);
    assert_eq!(failed, Err(SurveyFailed::LetGo(state.at)));
}
