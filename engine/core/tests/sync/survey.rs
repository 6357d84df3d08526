//! A relay's log beside the one that is known here, before a person has decided anything: where both part, and what of ours can stand in it.

use bowline_core::sync::{Context, Fate, GoingOn, RelayFault, ShownLog, Survey, SurveyFailed};
use bowline_wire::entry::Entry;
use bowline_wire::evidence::Evidence;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogHash, Position};
use bowline_wire::successor::SaidSuccessor;

use crate::author::{Author, opaque_payload, rng};
use crate::bench::Bench;
use crate::opening::Opening;
use crate::relay::FakeRelay;

/// Looks at what a relay has, which may say something else than it would.
pub(crate) fn look_with(
    bench: &mut Bench,
    relay: &mut FakeRelay,
    tweak: impl FnMut(Frame) -> Frame,
) -> Result<ShownLog, SurveyFailed> {
    look_and_catch(bench, relay, tweak).0
}

/// Looks at what a relay has, and what that catches it at.
fn look_and_catch(
    bench: &mut Bench,
    relay: &mut FakeRelay,
    mut tweak: impl FnMut(Frame) -> Frame,
) -> (Result<ShownLog, SurveyFailed>, Option<RelayFault>) {
    let (mut survey, mut opening) =
        (bench.step(|replica, cx| Survey::begin(replica, None, None, cx)).unwrap(), Opening::default());
    let mut waiting = Vec::new();
    loop {
        while let Some(frame) = survey.poll_transmit() {
            if let Frame::Proof(proof) = &frame {
                assert_eq!(proof.head, None, "an honest relay would take it for a loss of its own");
            }
            opening.hears(&frame);
            waiting.extend(relay.answer(frame));
        }
        assert!(!waiting.is_empty(), "the survey waits for nothing");
        let frame = opening.signs(tweak(waiting.remove(0)));
        match bench.step(|_, cx| survey.handle_frame(frame, cx)) {
            Ok(None) => {}
            Ok(Some(shown)) => return (Ok(shown), survey.take_caught()),
            Err(why) => return (Err(why), survey.take_caught()),
        }
    }
}

/// What a look at an honest answer catches a relay at.
fn caught(bench: &mut Bench, relay: &mut FakeRelay) -> Option<RelayFault> {
    let (shown, caught) = look_and_catch(bench, relay, |frame| frame);
    assert!(shown.is_ok(), "whatever is found, the look goes on: {shown:?}");
    caught
}

fn look(bench: &mut Bench, relay: &mut FakeRelay) -> ShownLog {
    look_with(bench, relay, |frame| frame).unwrap()
}

pub(crate) fn write(owner: &mut Author, relay: &mut FakeRelay, docs: std::ops::Range<u8>) -> Vec<Entry> {
    docs.map(|doc| {
        let entry = owner.content(relay, &opaque_payload(doc));
        relay.put(entry.to_signed());
        entry
    })
    .collect()
}

/// A member that knows three entries more than the relay, which has two others in their place.
fn forked() -> (Bench, FakeRelay, FakeRelay, Vec<Entry>, Vec<Entry>) {
    let (mut bench, mut owner, relay) = Bench::member();
    let (mut known, mut shown) = (relay.clone(), relay);
    let ours = write(&mut owner, &mut known, 1..4);
    bench.sync(&mut known);
    bench.disconnect();
    let theirs = write(&mut owner.on_another_branch(), &mut shown, 5..7);
    (bench, known, shown, ours, theirs)
}

#[test]
fn a_log_that_goes_on_from_ours_lacks_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let shown = look(&mut bench, &mut relay);
    assert!(shown.continues(bench.replica.succession()));
    assert_eq!((shown.parting(), shown.others()), (bench.replica.position(), 0));
    write(&mut owner, &mut relay, 1..3);
    let shown = look(&mut bench, &mut relay);
    assert!(shown.continues(bench.replica.succession()));
    assert_eq!((shown.parting(), shown.others()), (bench.replica.position(), 2));
    assert_eq!(shown.cut().head, relay.head());
}

#[test]
fn a_log_that_ends_before_ours_parts_at_its_end() {
    let (mut bench, known, _, ours, _) = forked();
    let mut back = known.rolled_back(known.len() - 2);
    let shown = look(&mut bench, &mut back);
    assert!(!shown.continues(bench.replica.succession()));
    assert_eq!((shown.cut().at, shown.cut().hash), (Position(back.len()), back.hash_at(back.len())));
    let mut sorting = shown.sort(GoingOn::Repair);
    assert_eq!(sorting.fate(Position(back.len()), ours[0].id(), ours[0].header()), Fate::Comes);
}

#[test]
fn two_logs_part_where_their_entries_do() {
    let (mut bench, known, mut relay, ours, theirs) = forked();
    let parting = Position(relay.len() - 2);
    let shown = look(&mut bench, &mut relay);
    assert_eq!((shown.parting(), shown.others()), (parting, 2));
    assert_eq!(shown.cut().hash, known.hash_at(parting.0));
    let fates = |how| {
        let mut sorting = shown.sort(how);
        let places = (parting.0 + 1..).map(Position);
        let fates = ours.iter().zip(places).map(|(it, at)| sorting.fate(at, it.id(), it.header()));
        fates.collect::<Vec<_>>()
    };
    assert_eq!(fates(GoingOn::Accept), [Fate::Lost; 3]);
    // Only the first of the chain names a head of both logs.
    assert_eq!(fates(GoingOn::Repair), [Fate::Again, Fate::Lost, Fate::Lost]);
    let mut sorting = shown.sort(GoingOn::Accept);
    assert_eq!(sorting.fate(Position(99), theirs[1].id(), theirs[1].header()), Fate::Comes);
}

#[test]
fn two_histories_that_only_a_look_shows_are_two_signatures_that_contradict_each_other() {
    for theirs in [5..7, 5..8, 5..10] {
        let (mut bench, mut owner, relay) = Bench::member();
        let (mut known, mut shown) = (relay.clone(), relay);
        write(&mut owner, &mut known, 1..4);
        bench.sync(&mut known);
        bench.disconnect();
        write(&mut owner.on_another_branch(), &mut shown, theirs);
        let caught = caught(&mut bench, &mut shown);
        let Some(RelayFault::Fork { ours, theirs, proof }) = caught else { panic!("{caught:?}") };
        assert_eq!((ours, theirs), (known.head(), shown.head()));
        // The log that is known here has the entries between the two, if theirs is the lower one.
        assert_eq!(proof.is_some(), theirs.position >= ours.position);
        assert!(proof.is_none_or(|proof| Evidence::Fork(proof).verify().is_ok()));
        assert!(bench.faults().is_empty(), "nothing that is known here changes by a look");
    }
}

#[test]
fn a_head_that_was_promised_or_decided_for_and_is_not_in_the_log_that_a_look_shows_is_proof() {
    let (bench, mut owner, mut relay) = Bench::member();
    let mut liar = relay.clone();
    write(&mut owner, &mut relay, 1..3);
    write(&mut owner.on_another_branch(), &mut liar, 5..9);
    let mut bench = bench.decided(relay.head());
    let caught = caught(&mut bench, &mut liar);
    let Some(RelayFault::Fork { ours, proof: Some(proof), .. }) = caught else { panic!("{caught:?}") };
    assert_eq!(ours, relay.head());
    assert!(Evidence::Fork(proof).verify().is_ok());
}

#[test]
fn a_log_that_goes_on_from_another_history_contradicts_what_its_key_had_signed() {
    let (mut bench, known, relay, _, _) = forked();
    let mut restored = relay.restored(relay.len(), 21);
    let caught = caught(&mut bench, &mut restored);
    let Some(RelayFault::FalseSuccessor { ours, position, .. }) = caught else { panic!("{caught:?}") };
    assert_eq!((ours, position), (known.head(), Position(relay.len())));
}

#[test]
fn a_look_at_what_an_honest_relay_may_show_catches_it_at_nothing() {
    let (mut bench, mut owner, relay) = Bench::member();
    let mut known = relay.clone();
    write(&mut owner, &mut known, 1..4);
    bench.sync(&mut known);
    bench.disconnect();
    let mut on = known.clone();
    write(&mut owner, &mut on, 5..7);
    let mut continued = known.restored(known.len() - 2, 21);
    write(&mut owner.on_another_branch(), &mut continued, 10..14);
    for mut honest in [known.clone(), on, known.rolled_back(known.len() - 2), continued] {
        assert_eq!(caught(&mut bench, &mut honest), None);
    }
}

#[test]
fn a_fork_far_back_is_found() {
    let (mut bench, mut owner, relay) = Bench::member();
    let (mut known, mut relay) = (relay.clone(), relay);
    let parting = relay.len();
    let mut other = owner.on_another_branch();
    for _ in 0..6 {
        write(&mut owner, &mut known, 0..200);
        write(&mut other, &mut relay, 10..210);
    }
    bench.sync(&mut known);
    bench.disconnect();
    let shown = look(&mut bench, &mut relay);
    assert_eq!((shown.parting(), shown.others()), (Position(parting), 1_200));
}

#[test]
fn what_no_honest_relay_says_ends_the_look() {
    let other = LogHash::from_bytes([0xee; 32]);
    let (mut bench, _, mut relay, _, _) = forked();
    let forged = relay.sign(relay.len(), other);
    let lies: [&dyn Fn(Frame) -> Frame; 4] = [
        // A head that its log does not pass through.
        &|frame| match frame {
            Frame::Welcome(welcome) => {
                Frame::Welcome(bowline_wire::frame::Welcome { head: forged, ..welcome })
            }
            other => other,
        },
        // Entries that are not those it has signed for.
        &|frame| match frame {
            Frame::Entries { first, entries, .. } => Frame::Entries { first, entries, head: forged },
            other => other,
        },
        &|frame| match frame {
            Frame::Entries { first, head, .. } => Frame::Entries { first, entries: Vec::new(), head },
            other => other,
        },
        &|frame| match frame {
            Frame::Entries { .. } => Frame::Ping,
            other => other,
        },
    ];
    for (number, lie) in lies.iter().enumerate() {
        let looked = look_with(&mut bench, &mut relay.clone(), lie);
        assert!(matches!(looked, Err(SurveyFailed::Nonsense(_))), "{number}: {looked:?}");
    }
    let turned_away = |frame| match frame {
        Frame::Welcome(_) => FakeRelay::goodbye(Reason::LogLost),
        other => other,
    };
    let looked = look_with(&mut bench, &mut relay, turned_away);
    assert_eq!(looked.err(), Some(SurveyFailed::Goodbye(Reason::LogLost)));
}

#[test]
fn a_log_that_another_key_began_is_no_way_to_go_on() {
    let (mut bench, _, relay, _, _) = forked();
    let mut other = FakeRelay::new(33, relay.workspace());
    for at in 1..=relay.len() {
        other.put(relay.signed(at));
    }
    let welcome = other.welcome();
    let looked = look_with(&mut bench, &mut other, |frame| match frame {
        Frame::Goodbye { .. } => welcome.clone(),
        frame => frame,
    });
    assert_eq!(looked.err(), Some(SurveyFailed::OtherLog));
}

#[test]
fn another_relay_is_not_looked_at() {
    let (mut bench, _, mut relay, _, _) = forked();
    let looked = look_with(&mut bench, &mut relay, |frame| match frame {
        Frame::Challenge(challenge) => {
            let relay = bowline_wire::ids::RelayId::from_bytes([3; 32]);
            Frame::Challenge(bowline_wire::frame::Challenge { relay, ..challenge })
        }
        other => other,
    });
    assert_eq!(looked.err(), Some(SurveyFailed::OtherRelay));
}

/// With one of its two signatures, each 64 bytes, made worthless.
fn half(said: &SaidSuccessor, is_by_log: bool) -> SaidSuccessor {
    let mut bytes = bowline_wire::codec::encode(said);
    let end = bytes.len() - if is_by_log { 0 } else { 66 };
    bytes[end - 64..end].fill(0);
    bowline_wire::codec::decode(&bytes).unwrap()
}

#[test]
fn two_successors_are_cut_where_the_first_of_them_begins_and_each_names_what_it_may() {
    let (mut bench, mut owner, relay) = Bench::member();
    let mut first = relay.restored(relay.len(), 21);
    write(&mut owner, &mut first, 1..3);
    bench.sync(&mut first);
    bench.disconnect();
    let mut known = first.clone();
    let ours = write(&mut owner, &mut known, 3..4);
    bench.sync(&mut known);
    bench.disconnect();
    let mut second = relay.restored(relay.len(), 22);
    let shown = look(&mut bench, &mut second);
    assert_eq!(shown.cut().at, Position(relay.len()));
    assert!(!shown.continues(bench.replica.succession()));
    assert_eq!(shown.cut().succession.said(), second.successors);
    // It names a head that only the other successor's key has signed.
    let mut sorting = shown.sort(GoingOn::Repair);
    let fate = sorting.fate(Position(relay.len() + 3), ours[0].id(), ours[0].header());
    assert_eq!(fate, Fate::Lost);
}

#[test]
fn what_saw_a_log_beyond_its_end_may_come_again() {
    let (mut bench, known, _, ours, _) = forked();
    let mut restored = known.restored(known.len() - 3, 21);
    let shown = look(&mut bench, &mut restored);
    let mut sorting = shown.sort(GoingOn::Repair);
    for (number, it) in (0..).zip(&ours) {
        let at = Position(restored.len() + 1 + number);
        assert_eq!(sorting.fate(at, it.id(), it.header()), Fate::Again);
    }
}

#[test]
fn a_successor_counts_here_by_the_signature_of_the_log_alone() {
    let (mut bench, known, _, _, _) = forked();
    for (is_by_log, expected) in [(true, None), (false, Some(SurveyFailed::NotByLog))] {
        let mut restored = known.restored(known.len() - 1, 21);
        restored.successors = vec![half(&restored.successors[0], is_by_log)];
        let looked = look_with(&mut bench, &mut restored, |frame| frame);
        assert_eq!(looked.as_ref().err(), expected.as_ref());
    }
}

#[test]
fn what_nobody_can_judge_is_not_begun() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut newcomer = Bench::newcomer(2, &relay, &secret);
    assert!(newcomer.step(|replica, cx| Survey::begin(replica, None, None, cx)).is_none());
}

#[test]
fn frames_that_nobody_asked_for_end_the_look() {
    let (mut bench, _, relay, _, _) = forked();
    let mut survey = bench.step(|replica, cx| Survey::begin(replica, None, None, cx)).unwrap();
    let keys = bowline_crypto::DeviceKeys::generate(&mut rng(5));
    let mut random = rng(6);
    let cx = Context { keys: &keys, now: bench.now, random: &mut random, hash_at: &|_| None };
    let mut frames = std::iter::repeat_with(|| survey.handle_frame(Frame::Head(relay.head()), &cx));
    assert!(frames.by_ref().take(5_000).any(|looked| looked.is_err()));
}

/// The head in the last proof.
fn shown_head(bench: &Bench) -> Option<SeenHead> {
    let proofs = bench.frames().into_iter().rev();
    let mut heads =
        proofs.filter_map(|it| if let Frame::Proof(proof) = it { Some(proof.head) } else { None });
    heads.next().expect("a proof was sent")
}

/// A replica that goes on with a log up to a head that a person was shown.
fn decided_for(bench: Bench, shown: &ShownLog) -> Bench {
    bench.decided(shown.cut().head)
}

#[test]
fn the_log_that_was_decided_for_has_to_pass_through_what_was_shown() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let (mut liar, from) = (relay.clone(), relay.len());
    let mut other = owner.on_another_branch();
    write(&mut owner, &mut relay, 1..3);
    let shown = look(&mut bench, &mut relay);
    let mut bench = decided_for(bench, &shown);
    // A higher head does not lead around it.
    write(&mut other, &mut liar, 5..9);
    bench.greet();
    assert_eq!(shown_head(&bench), Some(shown.cut().head), "a relay is held to it from the first frame");
    bench.receive(liar.welcome());
    bench.receive(liar.frame(from + 1, liar.len()));
    let [RelayFault::Fork { ours, proof: Some(proof), .. }] = bench.faults()[..] else {
        panic!("{:?}", bench.faults())
    };
    assert_eq!(*ours, shown.cut().head);
    assert!(Evidence::Fork(proof.clone()).verify().is_ok());
    assert!(bench.stretches().is_empty(), "nothing of it is taken in");
    bench.disconnect();
    // An honest relay that is back with another log is not shown what that lacks.
    bench.greet();
    assert_eq!(shown_head(&bench), bench.replica.head().copied());
    let mut bench = bench.decided(shown.cut().head);
    assert!(bench.replica.decided().is_some() && bench.replica.is_distrusted());
    bench.greet();
    assert_eq!(shown_head(&bench), bench.replica.head().copied());
}

#[test]
fn a_welcome_below_what_was_decided_for_is_a_rollback() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut liar = relay.clone();
    write(&mut owner, &mut relay, 1..3);
    let shown = look(&mut bench, &mut relay);
    let mut bench = decided_for(bench, &shown);
    write(&mut owner, &mut liar, 5..6);
    bench.greet();
    bench.receive(liar.welcome());
    assert!(matches!(bench.faults()[..], [RelayFault::Rollback { .. }]), "{:?}", bench.faults());
}

#[test]
fn once_the_log_has_passed_what_was_shown_nothing_is_held_back() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    write(&mut owner, &mut relay, 1..3);
    let shown = look(&mut bench, &mut relay);
    let mut bench = decided_for(bench, &shown);
    assert!(bench.replica.decided().is_some());
    bench.sync(&mut relay);
    assert!(bench.replica.decided().is_none() && bench.faults().is_empty());
    // An honest restore to before it takes nothing from anybody who has not got it.
    let (bench, _, relay) = Bench::member();
    let head = relay.sign(relay.len() + 1, LogHash::from_bytes([1; 32]));
    let mut bench = bench.decided(head);
    let mut restored = relay.restored(relay.len(), 21);
    bench.sync(&mut restored);
    assert!(bench.faults().is_empty(), "{:?}", bench.faults());
}

#[test]
fn what_was_decided_for_is_not_forgotten_when_the_log_is_continued_behind_it() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut liar = relay.clone();
    write(&mut owner, &mut relay, 1..3);
    let shown = look(&mut bench, &mut relay);
    let decided = shown.cut().head;
    let mut bench = decided_for(bench, &shown);
    // Restored from behind what was shown, by whoever holds all keys, with other entries up to there.
    write(&mut owner.on_another_branch(), &mut liar, 5..9);
    let place = liar.len() - 1;
    assert!(place > decided.position.0);
    let liar = liar.restored(place, 21);
    bench.greet();
    bench.receive(liar.welcome());
    assert!(bench.faults().is_empty(), "nothing shows it yet: {:?}", bench.faults());
    let mut bench = bench.decided(decided);
    assert_eq!(bench.replica.decided(), Some(&decided));
    let from = bench.replica.position().0 + 1;
    bench.greet();
    bench.receive(liar.welcome());
    bench.receive(liar.frame(from, liar.len()));
    let [RelayFault::FalseSuccessor { ours, position, .. }] = bench.faults()[..] else {
        panic!("{:?}", bench.faults())
    };
    assert_eq!((*ours, *position), (decided, Position(place)));
    assert!(bench.stretches().is_empty() && bench.replica.is_distrusted());
}

#[test]
fn a_log_that_was_begun_again_is_followed_by_nobody_who_was_not_asked_and_all_of_it_may_come_again() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let ours = write(&mut owner, &mut relay, 1..4);
    bench.sync(&mut relay);
    bench.disconnect();
    bench.forget();
    let mut again = relay.begun_again(21);
    again.put(relay.signed(1));
    bench.sync(&mut again);
    assert!(matches!(bench.faults()[..], [RelayFault::BegunAgain]), "{:?}", bench.faults());
    assert!(bench.appended().is_empty() && bench.closed());
    bench.disconnect();
    let shown = look(&mut bench, &mut again);
    assert_eq!((shown.parting(), shown.others(), shown.cut().at), (Position::START, 1, Position::START));
    let mut sorting = shown.sort(GoingOn::Repair);
    for (at, entry) in (1..).zip(ours) {
        let at = Position(relay.len() - 3 + at);
        assert_eq!(sorting.fate(at, entry.id(), entry.header()), Fate::Again);
    }
    bench.forget();
    bench.sync(&mut relay);
    assert!(bench.faults().is_empty(), "the log as it was, and nobody need decide anything");
}
