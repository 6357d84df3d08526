//! Bodies that a relay withholds, and bodies that it has lost: what a device asks for and when, what it takes, and what it supplies.

use bowline_core::sync::{Effect, RelayFault, Verdict};
use bowline_wire::bodies::Supplied;
use bowline_wire::entry::{LoggedEntry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{LogTime, Millis, Position};
use bowline_wire::limits::{HOLDING_INTERVAL, MAX_BODIES_PER_FRAME};

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::relay::{FakeRelay, bare};

const MINUTE: u64 = 60_000;

/// A member in step with a relay, which then puts so many messages on the log and withholds their bodies.
fn withheld(count: u64) -> (Bench, Author, FakeRelay, Vec<u64>) {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let positions = withhold(&mut bench, &mut owner, &mut relay, count);
    (bench, owner, relay, positions)
}

fn withhold(bench: &mut Bench, owner: &mut Author, relay: &mut FakeRelay, count: u64) -> Vec<u64> {
    let first = relay.len() + 1;
    for _ in 0..count {
        owner.put_message(relay, opaque_payload(1).doc, "kept back");
    }
    let positions: Vec<u64> = (first..=relay.len()).collect();
    relay.withholds.extend(&positions);
    let told = bench.replica.position().0;
    bench.receive(relay.frame(told + 1, relay.len()));
    positions
}

/// The positions in each question for bodies.
fn fetched(bench: &Bench) -> Vec<Vec<u64>> {
    let positions = |frame: &&Frame| match frame {
        Frame::Fetch { positions } => Some(numbers(positions)),
        _ => None,
    };
    bench.frames().iter().filter_map(positions).collect()
}

fn numbers(positions: &[Position]) -> Vec<u64> {
    positions.iter().map(|position| position.0).collect()
}

/// The positions whose bodies came.
fn came(bench: &Bench) -> Vec<u64> {
    let bodies = |effect: &Effect| match effect {
        Effect::Bodies(bodies) => bodies.iter().map(|supplied| supplied.position.0).collect(),
        _ => Vec::new(),
    };
    bench.effects.iter().flat_map(bodies).collect()
}

/// The positions that the caller is to look for, for the relay.
fn supplied(bench: &Bench) -> Vec<Vec<u64>> {
    let wanted = |effect: &Effect| match effect {
        Effect::Supply(positions) => Some(numbers(positions)),
        _ => None,
    };
    bench.effects.iter().filter_map(wanted).collect()
}

fn everything(relay: &FakeRelay, positions: &[u64]) -> Vec<Supplied> {
    let body = |at: &u64| relay.entry(*at).body().unwrap().to_vec();
    positions.iter().map(|at| Supplied { position: Position(*at), body: body(at) }).collect()
}

/// An entry as the relay here gives it, whose clock stands still.
fn logged(entry: SignedEntry) -> LoggedEntry {
    LoggedEntry { time: LogTime::at_most(Millis(1_000)), entry }
}

#[test]
fn a_withheld_body_is_asked_for_at_once_and_what_comes_later_counts() {
    let (mut bench, mut owner, mut relay, positions) = withheld(1);
    assert!(matches!(bench.verdicts()[..], [Verdict::Withheld(_)]));
    assert_eq!(fetched(&bench), std::slice::from_ref(&positions));
    assert!(bench.replica.is_fetching());
    owner.put_message(&mut relay, opaque_payload(1).doc, "given");
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert!(matches!(bench.verdicts()[..], [Verdict::Withheld(_), Verdict::Content(_)]));
    assert_eq!(bench.replica.log().unwrap().head(), relay.log().head());

    relay.withholds.clear();
    bench.receive(relay.supply(&[Position(positions[0])]));
    assert_eq!((came(&bench), bench.withheld.len()), (positions, 0));
    assert!(!bench.replica.is_fetching(), "nothing is lacking any more");
    bench.forget();
    pass(&mut bench, 10 * MINUTE);
    assert_eq!(fetched(&bench), [[0_u64; 0]; 0]);
    assert_eq!((bench.faults().len(), bench.closed()), (0, false));
}

#[test]
fn a_body_that_is_not_the_headers_counts_as_withheld() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let entry = owner.put_message(&mut relay, opaque_payload(1).doc, "rotten");
    let rotten = SignedEntry::from_parts(entry.signed_header().to_signed(), Some(b"rotten".to_vec()));
    let (at, head) = (Position(relay.len()), relay.head());
    bench.receive(Frame::Entries { first: at, entries: vec![logged(rotten)], head });
    let [Verdict::Withheld(kept)] = bench.verdicts()[..] else { panic!("{:?}", bench.verdicts()) };
    assert_eq!((kept.id(), kept.body()), (entry.id(), None));
    assert_eq!((fetched(&bench), bench.faults().len()), (vec![vec![at.0]], 0));
}

#[test]
fn only_the_body_that_the_header_names_is_taken() {
    let (mut bench, _owner, relay, positions) = withheld(2);
    let mut wrong = everything(&relay, &positions);
    wrong[0].body[0] ^= 1;
    let shorter = wrong[1].body.len() - 1;
    wrong[1].body.truncate(shorter);
    bench.receive(Frame::Supply { bodies: wrong });
    let mut swapped = everything(&relay, &positions);
    let second = std::mem::take(&mut swapped[1].body);
    swapped[1].body = std::mem::replace(&mut swapped[0].body, second);
    bench.receive(Frame::Supply { bodies: swapped });
    assert_eq!((came(&bench), bench.withheld.len()), (vec![], 2));
    assert!(!bench.closed(), "it is asked for again");
    bench.receive(Frame::Supply { bodies: everything(&relay, &positions) });
    assert_eq!(came(&bench), positions);
}

#[test]
fn nothing_is_taken_that_was_not_asked_for() {
    let (mut bench, mut owner, mut relay, positions) = withheld(1);
    bench.receive(relay.supply(&[Position(1)]));
    owner.put_message(&mut relay, opaque_payload(1).doc, "not here yet");
    bench.receive(relay.supply(&[Position(relay.len())]));
    assert_eq!(came(&bench), [0_u64; 0]);
    let all = everything(&relay, &positions);
    bench.receive(Frame::Supply { bodies: all.clone() });
    bench.receive(Frame::Supply { bodies: all });
    assert_eq!(came(&bench), positions, "once");
}

#[test]
fn a_body_comes_with_entries_that_are_sent_again() {
    let (mut bench, mut owner, mut relay, positions) = withheld(2);
    relay.withholds.clear();
    bench.receive(relay.frame(positions[0], positions[0]));
    assert_eq!(came(&bench), positions[..1]);
    owner.put_message(&mut relay, opaque_payload(1).doc, "more");
    bench.receive(relay.frame(1, relay.len()));
    assert_eq!(came(&bench), positions);
    assert_eq!(bench.replica.log().unwrap().head(), relay.log().head());
}

/// Lets time pass on a line that is well, in steps in which something is due.
fn pass(bench: &mut Bench, millis: u64) {
    let end = bench.now.plus(millis);
    while bench.now < end {
        let due = bench.replica.poll_timeout().unwrap().max(bench.now.plus(1)).min(end);
        bench.wait(due.since(bench.now));
        bench.receive(Frame::Head(*bench.replica.head().unwrap()));
    }
}

#[test]
fn the_relay_is_asked_again_and_later_each_time() {
    let (mut bench, _owner, _relay, positions) = withheld(1);
    for seconds in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
        bench.receive(Frame::Supply { bodies: vec![] });
        assert!(!bench.replica.is_fetching(), "nobody waits for it");
        bench.forget();
        pass(&mut bench, seconds * 1_000 - 1);
        assert_eq!(fetched(&bench), [[0_u64; 0]; 0], "{seconds}");
        pass(&mut bench, 1);
        assert_eq!(fetched(&bench), std::slice::from_ref(&positions), "{seconds}");
    }
    assert_eq!((bench.faults().len(), bench.closed()), (0, false), "no line ends for it");
}

#[test]
fn a_clock_that_was_put_back_keeps_nobody_from_asking() {
    let (mut bench, _owner, _relay, positions) = withheld(1);
    bench.forget();
    bench.now.0 -= MINUTE;
    bench.wait(0);
    assert_eq!(fetched(&bench), [positions]);
    bench.wait(0);
    assert_eq!(fetched(&bench).len(), 1, "once");
}

#[test]
fn a_new_line_is_asked_at_once() {
    let (mut bench, _owner, mut relay, positions) = withheld(1);
    bench.receive(Frame::Supply { bodies: vec![] });
    bench.disconnect();
    bench.forget();
    relay.withholds.clear();
    bench.sync(&mut relay);
    assert_eq!((fetched(&bench), came(&bench)), (vec![positions.clone()], positions));
}

#[test]
fn nothing_is_asked_for_before_the_log_is_here() {
    let (mut bench, mut owner, mut relay, positions) = withheld(1);
    bench.disconnect();
    owner.put_message(&mut relay, opaque_payload(1).doc, "more");
    bench.forget();
    bench.greet();
    bench.receive(relay.welcome());
    assert_eq!(fetched(&bench), [[0_u64; 0]; 0]);
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert_eq!(fetched(&bench), [positions]);
}

#[test]
fn one_question_takes_so_many_and_what_did_not_fit_the_answer_is_asked_for_next() {
    let more = 3;
    let (mut bench, _owner, mut relay, positions) = withheld(MAX_BODIES_PER_FRAME as u64 + more);
    let asked = fetched(&bench);
    assert_eq!(asked, [positions[..MAX_BODIES_PER_FRAME].to_vec()]);
    // The first is lost, and the answer ends with the third.
    let answer = everything(&relay, &positions[1..3]);
    bench.forget();
    bench.receive(Frame::Supply { bodies: answer });
    assert!(bench.replica.is_fetching());
    bench.wait(999);
    assert_eq!(fetched(&bench), [[0_u64; 0]; 0], "a moment later");
    bench.wait(1);
    let next: Vec<u64> = positions[3..].to_vec();
    assert_eq!(fetched(&bench), std::slice::from_ref(&next));
    relay.withholds.remove(&positions[0]);
    bench.forget();
    bench.receive(Frame::Supply { bodies: everything(&relay, &next) });
    bench.wait(1_000);
    assert_eq!(fetched(&bench), [[positions[0]]], "from the beginning");
    bench.receive(relay.supply(&[Position(positions[0])]));
    assert!(bench.withheld.is_empty());
}

#[test]
fn what_is_behind_a_question_in_vain_is_asked_for_a_moment_later() {
    let (mut bench, _owner, _relay, positions) = withheld(2 * MAX_BODIES_PER_FRAME as u64 + 1);
    for asked in positions.chunks(MAX_BODIES_PER_FRAME) {
        assert_eq!(fetched(&bench), [asked.to_vec()]);
        assert!(bench.replica.is_fetching());
        bench.forget();
        bench.receive(Frame::Supply { bodies: vec![] });
        assert_eq!(fetched(&bench), [[0_u64; 0]; 0], "a moment later");
        bench.wait(1_000);
    }
    assert!(!bench.replica.is_fetching(), "everything was asked for");
    pass(&mut bench, 3_999);
    assert_eq!(fetched(&bench), [[0_u64; 0]; 0]);
    pass(&mut bench, 1);
    assert_eq!(fetched(&bench), [positions[..MAX_BODIES_PER_FRAME].to_vec()], "from the beginning");
}

#[test]
fn a_question_without_an_answer_ends_the_round_after_five_seconds() {
    for count in [1, 2 * MAX_BODIES_PER_FRAME as u64] {
        let (mut bench, _owner, _relay, _) = withheld(count);
        pass(&mut bench, 4_999);
        assert!(bench.replica.is_fetching());
        pass(&mut bench, 1);
        assert!(!bench.replica.is_fetching());
    }
}

#[test]
fn whoever_decides_by_it_has_everything_asked_for_anew() {
    let (mut bench, _owner, mut relay, positions) = withheld(1);
    bench.receive(Frame::Supply { bodies: vec![] });
    bench.forget();
    bench.wait(999);
    bench.replica.ask_anew(bench.now);
    assert!(!bench.replica.is_fetching(), "that was just done");
    bench.wait(1);
    bench.replica.ask_anew(bench.now);
    assert!(bench.replica.is_fetching());
    bench.wait(0);
    assert_eq!(fetched(&bench), std::slice::from_ref(&positions));
    bench.receive(Frame::Supply { bodies: vec![] });
    assert!(!bench.replica.is_fetching());
    // Nobody answers.
    bench.wait(2_000);
    bench.replica.ask_anew(bench.now);
    bench.wait(0);
    for wait in [4_999, 1] {
        assert!(bench.replica.is_fetching());
        pass(&mut bench, wait);
    }
    assert!(!bench.replica.is_fetching());
    bench.wait(2_000);
    bench.replica.ask_anew(bench.now);
    bench.wait(0);
    relay.withholds.clear();
    bench.receive(relay.supply(&[Position(positions[0])]));
    assert_eq!((came(&bench), bench.replica.is_fetching()), (positions, false));
}

#[test]
fn the_answer_to_a_question_that_is_on_its_way_is_waited_for_before_all_is_asked_for_anew() {
    for is_answered in [true, false] {
        let (mut bench, _owner, relay, positions) = withheld(3);
        bench.receive(Frame::Supply { bodies: vec![] });
        bench.wait(60_000);
        bench.forget();
        assert!(!bench.replica.is_fetching());
        bench.replica.ask_anew(bench.now);
        bench.wait(0);
        assert!(bench.replica.is_fetching() && fetched(&bench).is_empty());
        if is_answered {
            bench.wait(1_000);
            bench.receive(relay.supply(&[Position(positions[1])]));
            assert!(bench.replica.is_fetching());
        } else {
            bench.wait(5_000);
        }
        bench.wait(0);
        assert_eq!(fetched(&bench).len(), 1, "answered {is_answered}");
        bench.receive(Frame::Supply { bodies: vec![] });
        assert!(!bench.replica.is_fetching());
    }
}

#[test]
fn a_relay_that_withholds_everything_is_asked_once_a_second_at_most() {
    let (mut bench, mut owner, mut relay, _) = withheld(1);
    for _ in 0..20 {
        withhold(&mut bench, &mut owner, &mut relay, 1);
    }
    bench.wait(999);
    assert_eq!(fetched(&bench).len(), 1);
    bench.wait(1);
    assert_eq!(fetched(&bench).len(), 2);
}

#[test]
fn a_flood_of_bodies_that_nobody_asked_for_ends_the_line() {
    let (mut bench, _owner, relay, positions) = withheld(1);
    let frame = Frame::Supply { bodies: everything(&relay, &positions) };
    for _ in 0..2_000 {
        bench.receive(frame.clone());
    }
    assert!(matches!(bench.faults()[..], [RelayFault::BringsNothing]) && bench.closed());
}

#[test]
fn a_control_entry_without_its_body_ends_the_line() {
    for entry_type in [EntryType::Roster, EntryType::Erase, EntryType::Unknown(25)] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let entry = owner.plain(&relay, entry_type, b"body".to_vec(), |_| {});
        relay.put(entry.to_signed());
        let (at, head) = (Position(relay.len()), relay.head());
        bench.receive(Frame::Entries {
            first: at,
            entries: vec![logged(bare(entry.to_signed(), relay.workspace()))],
            head,
        });
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]) && bench.closed(), "{entry_type:?}");
        assert!(bench.stretches().is_empty());
    }
}

#[test]
fn what_the_relay_wants_is_looked_for_once_a_second() {
    let (mut bench, _owner, _relay) = Bench::member();
    let wants = |at: u64| Frame::Wanted { positions: vec![Position(at)] };
    bench.receive(wants(1));
    assert_eq!(supplied(&bench), [[1]]);
    bench.receive(wants(2));
    bench.receive(wants(3));
    assert_eq!(supplied(&bench), [[1]]);
    bench.wait(999);
    assert_eq!(supplied(&bench), [[1]]);
    bench.wait(1);
    assert_eq!(supplied(&bench), [[1], [3]], "the last word counts");
    bench.now.0 -= MINUTE;
    bench.receive(wants(4));
    assert_eq!(supplied(&bench), [[1], [3], [4]], "a clock that was put back does not silence a device");
}

#[test]
fn what_the_relay_wants_before_the_welcome_is_looked_for_after_it() {
    let (mut bench, _owner, relay) = Bench::member();
    bench.disconnect();
    bench.greet();
    bench.receive(Frame::Wanted { positions: vec![Position(1)] });
    assert_eq!(supplied(&bench), [[0_u64; 0]; 0]);
    bench.receive(relay.welcome());
    assert_eq!(supplied(&bench), [[1]]);
}

#[test]
fn a_relay_that_was_caught_is_supplied_with_nothing() {
    let (mut bench, _owner, relay) = Bench::member();
    let fork = relay.sign(relay.len(), relay.hash_at(1));
    bench.receive(Frame::Head(fork));
    assert!(bench.replica.is_distrusted());
    bench.disconnect();
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(Frame::Wanted { positions: vec![Position(1)] });
    assert_eq!(supplied(&bench), [[0_u64; 0]; 0]);
}

#[test]
fn a_flood_of_wants_ends_the_line() {
    let (mut bench, _owner, _relay) = Bench::member();
    for at in 1..2_000 {
        bench.receive(Frame::Wanted { positions: vec![Position(at)] });
    }
    assert!(matches!(bench.faults()[..], [RelayFault::BringsNothing]) && bench.closed());
    assert_eq!(supplied(&bench).len(), 1);
}

#[test]
fn bodies_before_the_session_is_open_end_it() {
    for frame in [Frame::Supply { bodies: vec![] }, Frame::Wanted { positions: vec![] }] {
        let (mut bench, ..) = Bench::member();
        bench.disconnect();
        bench.connect();
        bench.receive(frame.clone());
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{frame:?}");
    }
}

#[test]
fn late_bodies_on_a_line_that_is_over_are_nothing() {
    let (mut bench, _owner, relay, positions) = withheld(1);
    bench.disconnect();
    bench.receive(Frame::Supply { bodies: everything(&relay, &positions) });
    bench.receive(Frame::Wanted { positions: vec![Position(1)] });
    assert_eq!((came(&bench).len(), supplied(&bench).len(), bench.faults().len()), (0, 0, 0));
}

#[test]
fn what_is_withheld_is_not_held() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    relay.passes_holdings_on();
    bench.sync(&mut relay);
    let before = relay.len();
    let positions = withhold(&mut bench, &mut owner, &mut relay, 1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "given");
    bench.receive(relay.frame(relay.len(), relay.len()));
    bench.wait(HOLDING_INTERVAL);
    bench.receive(Frame::Head(relay.head()));
    let entry = bench.write(&opaque_payload(2));
    let header = entry.header();
    assert_eq!((header.seen.unwrap().position.0, header.held.0), (relay.len(), before));
    let said = |bench: &Bench| {
        let holding = |frame: &&Frame| match frame {
            Frame::Holdings { devices } => Some(devices[0].position.0),
            _ => None,
        };
        bench.frames().iter().filter_map(holding).max()
    };
    assert_eq!(said(&bench), Some(before));
    let mut bench = bench.restarted();
    bench.sync(&mut relay);
    assert_eq!(said(&bench), Some(before), "nor after a restart");
    relay.withholds.clear();
    bench.receive(relay.supply(&[Position(positions[0])]));
    bench.wait(HOLDING_INTERVAL);
    assert_eq!(said(&bench), Some(relay.len()));
}
