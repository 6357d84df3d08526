//! What a removed author's cut still allows comes as one run, however the frames fall.

use bowline_core::sync::{RelayFault, Verdict};
use bowline_crypto::Keyring;
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::ids::Position;
use bowline_wire::limits::{MAX_BODY, MAX_FRAME};
use bowline_wire::log::Refusal;

use crate::author::{Author, message, noise, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// A bench that knows the log up to just before a removal, whose cut allows three more entries of the removed member.
/// They follow the removal.
struct Removal {
    bench: Bench,
    owner: Author,
    relay: FakeRelay,
    /// Position of the removal.
    at: u64,
    run: Vec<Entry>,
}

impl Removal {
    fn before_the_run() -> Self {
        Self::before_a_run_of(["one", "two", "three"].map(str::to_owned).into())
    }

    fn before_a_run_of(texts: Vec<String>) -> Self {
        Self::before_a_run(|other, relay| {
            let payload = |text: &String| message(other.id(), opaque_payload(1).doc, text);
            let payloads: Vec<_> = texts.iter().map(payload).collect();
            payloads.iter().map(|payload| other.content(relay, payload)).collect()
        })
    }

    fn before_a_run(write: impl FnOnce(&mut Author, &FakeRelay) -> Vec<Entry>) -> Self {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
        bench.sync(&mut relay);
        bench.forget();
        let run = write(&mut other, &relay);
        owner.put_removal(&mut relay, &other, Author::cut_at(run.last().unwrap()));
        let at = relay.len();
        Self { bench, owner, relay, at, run }
    }

    fn new() -> Self {
        Self::before_the_run().followed_by_its_run()
    }

    fn followed_by_its_run(self) -> Self {
        let mut removal = self;
        let run = removal.run.clone();
        removal.relay.put_run(run);
        removal
    }

    /// Everything of the run was accepted, once, and the removal's key is here.
    fn assert_complete(&self) {
        let read: Vec<_> = self
            .bench
            .verdicts()
            .into_iter()
            .filter_map(|verdict| match verdict {
                Verdict::Content(entry) => Some(entry.id()),
                Verdict::Roster(..) | Verdict::Own(_) => None,
                other @ (Verdict::NotAcceptable(..) | Verdict::Withheld(_) | Verdict::GivenUp(_)) => {
                    panic!("{other:?}")
                }
            })
            .collect();
        let ids: Vec<_> = self.run.iter().map(Entry::id).collect();
        assert_eq!(read, ids);
        assert_eq!(self.bench.replica.position().0, self.relay.len());
        let newest = self.bench.replica.keyring().map(Keyring::newest_epoch);
        assert_eq!(newest, self.relay.log().roster().epoch());
        assert!(self.bench.stretches().iter().any(|stretch| stretch.keys_changed), "the key is to be stored");
        assert_eq!(self.bench.new_incarnations(), 0);
        assert!(self.bench.faults().is_empty());
    }
}

#[test]
fn a_run_in_one_frame_counts() {
    let mut removal = Removal::new();
    let frame = removal.relay.frame(removal.at, removal.relay.len());
    removal.bench.receive(frame);
    removal.assert_complete();
}

#[test]
fn a_run_in_a_frame_of_its_own_counts() {
    let mut removal = Removal::new();
    let (relay, at) = (&removal.relay, removal.at);
    let (first, rest) = (relay.frame(at, at), relay.frame(at + 1, at + 3));
    removal.bench.receive(first);
    removal.bench.receive(rest);
    removal.assert_complete();
}

#[test]
fn a_run_that_is_split_between_frames_counts_once_all_of_it_is_here() {
    let mut removal = Removal::new();
    let (relay, at) = (removal.relay.clone(), removal.at);
    removal.bench.receive(relay.frame(at, at));
    removal.bench.receive(relay.frame(at + 1, at + 1));
    assert_eq!(removal.bench.replica.position(), Position(at), "not judged yet");
    removal.bench.receive(relay.frame(at + 2, at + 2));
    assert_eq!(removal.bench.replica.position(), Position(at));
    removal.bench.receive(relay.frame(at + 3, at + 3));
    removal.assert_complete();
}

#[test]
fn a_removal_and_half_of_the_run_in_one_frame_change_nothing_before_the_rest_is_here() {
    let mut removal = Removal::new();
    let (relay, at) = (removal.relay.clone(), removal.at);
    removal.bench.receive(relay.frame(at, at + 1));
    assert_eq!(removal.bench.replica.position(), Position(at - 1));
    removal.bench.receive(relay.frame(at + 2, at + 3));
    removal.assert_complete();
}

#[test]
fn an_entry_of_ours_before_half_a_run_is_still_ours_afterwards() {
    let mut removal = Removal::before_the_run();
    let sent = removal.bench.write(&opaque_payload(5));
    removal.bench.forget();
    removal.relay.put(sent.to_signed());
    let run = removal.run.clone();
    removal.relay.put_run(run);
    let (relay, at) = (removal.relay.clone(), removal.at);
    removal.bench.receive(relay.frame(at, at + 2));
    assert!(removal.bench.replica.offered().any(|entry| *entry == sent));
    removal.bench.receive(relay.frame(at + 3, at + 4));
    removal.assert_complete();
    let own = |verdict: &&Verdict| matches!(verdict, Verdict::Own(entry) if entry.id() == sent.id());
    assert_eq!(removal.bench.verdicts().into_iter().filter(own).count(), 1);
    assert_eq!(removal.bench.replica.offered().count(), 0);
}

#[test]
fn half_a_run_at_a_disconnect_is_asked_for_again_as_a_whole() {
    let mut removal = Removal::new();
    let (relay, at) = (removal.relay.clone(), removal.at);
    removal.bench.receive(relay.frame(at, at));
    removal.bench.receive(relay.frame(at + 1, at + 1));
    removal.bench.disconnect();
    let Removal { bench, relay, .. } = &mut removal;
    bench.sync(relay);
    assert_eq!(bench.subscriptions(), [at]);
    removal.assert_complete();
}

#[test]
fn half_a_run_that_comes_twice_counts_once() {
    let mut removal = Removal::new();
    let (relay, at) = (removal.relay.clone(), removal.at);
    removal.bench.receive(relay.frame(at, at));
    for _ in 0..2 {
        removal.bench.receive(relay.frame(at + 1, at + 2));
    }
    removal.bench.receive(relay.frame(at + 1, at + 3));
    removal.assert_complete();
}

#[test]
fn a_broken_run_takes_nobody_else_along() {
    let mut removal = Removal::before_the_run();
    let first = removal.run[0].clone();
    removal.relay.put(first.to_signed());
    let doc = opaque_payload(2).doc;
    let good: Vec<_> = ["one", "two", "three"]
        .map(|text| removal.owner.put_message(&mut removal.relay, doc, text).id())
        .into();
    let Removal { bench, relay, .. } = &mut removal;
    bench.sync(relay);
    let mut read = Vec::new();
    for verdict in bench.verdicts() {
        match verdict {
            Verdict::Content(entry) => read.push(entry.id()),
            Verdict::NotAcceptable(entry, why) => {
                assert_eq!((entry.id(), why), (first.id(), &Refusal::RunIncomplete));
            }
            Verdict::Roster(..) => {}
            other @ (Verdict::Own(_) | Verdict::Withheld(_) | Verdict::GivenUp(_)) => panic!("{other:?}"),
        }
    }
    assert_eq!(read, good);
}

#[test]
fn a_run_that_is_never_finished_is_shown_as_missing_and_not_as_everything() {
    let mut removal = Removal::new();
    let at = removal.at;
    let welcome = removal.relay.welcome();
    removal.bench.disconnect();
    removal.bench.greet();
    removal.bench.receive(welcome);
    let (removal_itself, half) = (removal.relay.frame(at, at), removal.relay.frame(at + 1, at + 2));
    removal.bench.receive(removal_itself);
    removal.bench.receive(half);
    assert_eq!(
        removal.bench.replica.link(),
        bowline_core::sync::LinkState::CatchingUp { at: Position(at), of: Position(at + 3) }
    );
}

/// Texts of which each takes most of a body, since nothing in them can be compressed.
fn long_texts(count: usize) -> Vec<String> {
    let long: String = noise(MAX_BODY / 2).into_iter().map(char::from).collect();
    vec![long; count]
}

/// An honest relay has taken a run in one frame. Whoever shows a longer one, a body in each frame, is not given room for all of it.
#[test]
fn a_run_that_no_relay_can_have_taken_is_not_held_in_memory() {
    let mut removal = Removal::before_a_run_of(long_texts(8)).followed_by_its_run();
    let (at, welcome) = (removal.at, removal.relay.welcome());
    removal.bench.disconnect();
    removal.bench.greet();
    removal.bench.receive(welcome);
    removal.bench.receive(removal.relay.frame(at, at));
    let mut held = 0;
    for position in at + 1..=at + 8 {
        if !removal.bench.faults().is_empty() {
            break;
        }
        let frame = removal.relay.frame(position, position);
        held += encode(&frame).len();
        removal.bench.receive(frame);
    }
    assert!(matches!(removal.bench.faults()[..], [RelayFault::Nonsense(_)]), "{:?}", removal.bench.faults());
    assert!((2 * MAX_FRAME..4 * MAX_FRAME).contains(&held), "{held} bytes were taken");
    assert_eq!(removal.bench.replica.position(), Position(at), "nothing of the run was judged");
}

#[test]
fn entries_of_a_run_are_held_back_up_to_two_frames_and_not_a_byte_beyond() {
    for (most, is_held) in [(2 * MAX_FRAME, true), (2 * MAX_FRAME + 1, false)] {
        let mut removal = Removal::before_a_run(|other, relay| {
            let lens = [700_000, 700_000, most - 1_400_000, 1_000];
            lens.map(|len| other.sized_on_the_line(relay, len)).into()
        })
        .followed_by_its_run();
        let (at, welcome) = (removal.at, removal.relay.welcome());
        removal.bench.disconnect();
        removal.bench.greet();
        removal.bench.receive(welcome);
        for position in at..=at + 3 {
            assert!(removal.bench.faults().is_empty(), "before the last that is held back");
            removal.bench.receive(removal.relay.frame(position, position));
        }
        assert_eq!(removal.bench.faults().is_empty(), is_held, "{most} bytes");
        if is_held {
            removal.bench.receive(removal.relay.frame(at + 4, at + 4));
            removal.assert_complete();
        }
    }
}

/// The longest that a relay takes at once, in as many frames as it has entries.
#[test]
fn the_largest_run_counts_however_it_is_cut() {
    let mut removal = Removal::before_a_run_of(long_texts(2)).followed_by_its_run();
    let (at, welcome) = (removal.at, removal.relay.welcome());
    removal.bench.disconnect();
    removal.bench.greet();
    removal.bench.receive(welcome);
    for position in at..=at + 2 {
        let frame = removal.relay.frame(position, position);
        removal.bench.receive(frame);
    }
    removal.assert_complete();
}
