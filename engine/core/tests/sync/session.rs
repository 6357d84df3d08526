//! A connection from Hello to Goodbye, and everything that may go missing on it.

use bowline_core::sync::{Awaited, Effect, LinkState, NotReady, Phase, RelayFault};
use bowline_wire::codec::encode;
use bowline_wire::frame::{Challenge, Frame, HOLDINGS, Hello, Party, Proof, Reason, Transcript, Word};
use bowline_wire::ids::{LineKey, LogHash, Millis, Position, RelayId, Signature, WorkspaceId};
use ed25519_dalek::{Signer, SigningKey};

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::opening::{LINE, Opening};
use crate::relay::FakeRelay;

#[test]
fn a_new_workspace_is_made_with_its_token_and_followed_from_then_on() {
    let (mut bench, mut relay) = Bench::creator(1);
    bench.sync(&mut relay);
    assert!(matches!(bench.replica.phase(), Phase::Member));
    assert_eq!(bench.replica.link(), LinkState::Live);
    assert_eq!(relay.len(), 1);
    let create = bench.frames().into_iter().find_map(|frame| match frame {
        Frame::Proof(proof) => proof.create.clone(),
        _ => None,
    });
    assert_eq!(create.unwrap().token, "the token");
    bench.sync(&mut relay);
    let again =
        bench.frames().into_iter().filter(|it| matches!(it, Frame::Proof(proof) if proof.create.is_some()));
    assert_eq!(again.count(), 1, "a token is shown once");
}

#[test]
fn the_device_says_who_it_is_what_it_knows_and_signs_that_for_this_line_only() {
    let (mut bench, _, relay) = Bench::member();
    bench.forget();
    bench.connect();
    let [hello @ Frame::Hello(_)] = bench.frames()[..] else { panic!("{:?}", bench.frames()) };
    let mut opening = Opening::default();
    opening.hears(hello);
    let said = Transcript::START.then(&encode(hello));
    let challenge = opening.signs(FakeRelay::challenge());
    bench.receive_as_it_is(challenge.clone());
    let said = said.then(&encode(&challenge));
    let Some(Frame::Proof(proof)) = bench.frames().pop() else { panic!("{:?}", bench.frames()) };
    let head = relay.log().head();
    assert_eq!((proof.party, proof.workspace), (Party::Device(bench.keys.id()), head.workspace));
    assert_eq!(proof.head, Some(relay.head()), "what the relay has to be up to");
    proof.verify(said).unwrap();
    proof.verify(Transcript::START).unwrap_err();
}

#[test]
fn no_two_lines_begin_with_the_same_hello() {
    let (mut bench, _, _) = Bench::member();
    bench.forget();
    (0..3).for_each(|_| bench.connect());
    let nonces = bench.frames().into_iter().filter_map(|frame| match frame {
        Frame::Hello(hello) => Some(hello.nonce),
        _ => None,
    });
    assert_eq!(nonces.collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[test]
fn nothing_is_sent_before_everything_up_to_the_relays_head_is_known() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.disconnect();
    for text in ["one", "two"] {
        owner.put_message(&mut relay, opaque_payload(2).doc, text);
    }
    bench.forget();
    bench.greet();
    bench.receive(relay.welcome());
    let end = relay.len();
    assert_eq!(bench.replica.link(), LinkState::CatchingUp { at: Position(end - 2), of: Position(end) });
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::CatchingUp));
    bench.receive(relay.frame(end - 1, end - 1));
    bench.wait(1_000);
    assert!(bench.appended().is_empty());
    bench.receive(relay.frame(end, end));
    assert_eq!(bench.appended(), std::slice::from_ref(&sent));
    assert_eq!(bench.replica.link(), LinkState::Live);
}

#[test]
fn no_proof_is_made_for_a_relay_that_is_not_at_the_end_of_the_line() {
    for (proven, is_right) in [(LINE, true), (LineKey::from_bytes([0xee; 32]), false)] {
        let (mut bench, _, _) = Bench::member();
        bench.step(|replica, cx| replica.handle_connected(Some(proven), cx));
        bench.forget();
        bench.receive(FakeRelay::challenge());
        let proofs = bench.frames().iter().filter(|frame| matches!(frame, Frame::Proof(_))).count();
        assert_eq!((proofs, bench.closed()), (usize::from(is_right), !is_right));
        assert_eq!(bench.faults().contains(&&RelayFault::OtherRelay), !is_right);
        assert!(
            !bench.replica.is_distrusted(),
            "whoever is on the line, the relay's log is as good as before"
        );
    }
}

#[test]
fn nobody_but_the_relay_that_is_known_gets_a_proof() {
    let told = |change: fn(Challenge, Transcript) -> Challenge| {
        let (mut bench, _, _) = Bench::member();
        bench.forget();
        bench.connect();
        let said = Transcript::START.then(&encode(bench.frames()[0]));
        bench.forget();
        let Frame::Challenge(challenge) = bench.signed(FakeRelay::challenge()) else { unreachable!() };
        bench.receive_as_it_is(Frame::Challenge(change(challenge, said)));
        let proofs = bench.frames().iter().filter(|frame| matches!(frame, Frame::Proof(_))).count();
        (proofs, bench.faults().contains(&&RelayFault::OtherRelay))
    };
    assert_eq!(told(|challenge, _| challenge), (1, false));
    assert_eq!(told(|challenge, _| Challenge { nonce: [0; 32], ..challenge }), (0, true), "not signed");
    assert_eq!(told(|challenge, _| Challenge { time: Millis(2), ..challenge }), (0, true), "not signed");
    let another = |challenge: Challenge, said| {
        let key = SigningKey::from_bytes(&[3; 32]);
        let relay = RelayId::from_bytes(key.verifying_key().to_bytes());
        let by = |message: &[u8]| Signature::from_bytes(key.sign(message).to_bytes());
        Challenge { relay, ..challenge }.signed(said, by)
    };
    assert_eq!(told(another), (0, true), "another identity than the one that the log has vouched for");
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    for answered in [false, true] {
        let (mut bench, _, _) = Bench::member();
        let now = bench.now;
        bench.connect();
        if answered {
            bench.receive(FakeRelay::challenge());
        }
        assert_eq!(bench.replica.link(), LinkState::Connecting);
        assert_eq!(bench.replica.poll_timeout(), Some(now.plus(15_000)));
        bench.wait(14_999);
        assert!(!bench.closed());
        let owed = if answered { Awaited::Welcome } else { Awaited::Challenge };
        assert_eq!((bench.replica.awaited(), bench.replica.last_silence()), (Some(owed), None));
        bench.wait(1);
        assert!(bench.closed());
        assert_eq!(bench.replica.link(), LinkState::Down);
        assert_eq!(bench.replica.poll_timeout(), None);
        assert_eq!(bench.replica.last_silence(), Some(owed));
        bench.connect();
        assert_eq!(bench.replica.last_silence(), None, "of an earlier connection");
    }
}

#[test]
fn a_silent_line_is_asked_and_a_dead_one_is_closed() {
    let (mut bench, _, relay) = Bench::member();
    bench.wait(20_000);
    assert!(matches!(bench.frames()[..], [Frame::Ping]));
    bench.receive(Frame::Head(relay.head()));
    bench.wait(19_999);
    assert_eq!(bench.frames().len(), 1, "it was heard of");
    bench.wait(1);
    assert_eq!(bench.frames().len(), 2);
    bench.wait(9_999);
    assert!(!bench.closed());
    bench.wait(1);
    assert!(bench.closed());
    assert_eq!(bench.replica.last_silence(), Some(Awaited::Answer));
}

#[test]
fn an_answer_is_owed_for_what_was_asked_and_for_what_was_sent() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    assert_eq!(bench.replica.awaited(), None);
    bench.write(&opaque_payload(1));
    assert_eq!(bench.replica.awaited(), Some(Awaited::Answer));
    bench.talk(&mut relay);
    assert_eq!(bench.replica.awaited(), None);
    owner.put_message(&mut relay, opaque_payload(2).doc, "two");
    bench.greet();
    bench.receive(relay.welcome());
    assert_eq!(bench.replica.awaited(), Some(Awaited::Answer), "entries are on their way");
}

#[test]
fn a_relay_that_sends_without_end_what_brings_nothing_is_given_up() {
    for name in
        ["head", "higher head", "entries", "appended", "refused", "refused again", "challenge", "welcome"]
    {
        let (mut bench, _, relay) = Bench::member();
        let sent = bench.write(&opaque_payload(1));
        bench.receive(FakeRelay::refused(sent.id(), Reason::Rate, None));
        bench.forget();
        let mut count = 0;
        while !bench.closed() && count < 2000 {
            count += 1;
            bench.receive(match name {
                "head" => Frame::Head(relay.head()),
                "higher head" => Frame::Head(relay.sign(relay.len() + count, LogHash::ZERO)),
                "entries" => relay.frame(1, relay.len()),
                "appended" => Frame::Appended { entries: Vec::new(), head: relay.head() },
                "refused" => FakeRelay::refused(relay.signed(1).id(relay.workspace()), Reason::Rate, None),
                "refused again" => {
                    let reason = if count % 2 == 0 { Reason::Rate } else { Reason::Quota };
                    FakeRelay::refused(sent.id(), reason, None)
                }
                "challenge" => FakeRelay::challenge(),
                _ => relay.welcome(),
            });
        }
        assert!(count <= 1025, "{name}: {count}");
        assert!(matches!(bench.faults()[..], [RelayFault::BringsNothing]), "{name}: {:?}", bench.faults());
        assert!(!bench.replica.is_distrusted(), "{name}");
        let others =
            bench.effects.iter().filter(|effect| !matches!(effect, Effect::Fault(_) | Effect::Close));
        assert_eq!(others.count(), 0, "{name}: nothing was written or sent");
    }
}

#[test]
fn frames_that_bring_nothing_are_forgiven_when_they_come_slowly() {
    let (mut bench, _, relay) = Bench::member();
    for _ in 0..5000 {
        bench.wait(128);
        bench.receive(Frame::Head(relay.head()));
    }
    assert!(!bench.closed() && bench.faults().is_empty());
}

#[test]
fn entries_that_come_a_second_time_because_they_were_asked_for_twice_are_forgiven() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    for number in 0..200 {
        owner.put_message(&mut relay, opaque_payload(1).doc, &number.to_string());
    }
    let before = bench.replica.position().0;
    for _ in 0..3 {
        for position in before + 1..=relay.len() {
            bench.receive(relay.frame(position, position));
        }
    }
    assert!(!bench.closed() && bench.faults().is_empty());
    assert_eq!(bench.replica.position().0, relay.len());
}

#[test]
fn a_last_frame_that_was_lost_is_found_by_asking() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = relay.len();
    owner.put_message(&mut relay, opaque_payload(1).doc, "lost on the way");
    bench.wait(20_000);
    bench.receive(Frame::Head(relay.head()));
    assert_eq!(bench.subscriptions(), [before]);
}

#[test]
fn missing_entries_are_asked_for_again() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = relay.len();
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    bench.forget();
    bench.greet();
    bench.receive(relay.welcome());
    bench.wait(4_999);
    assert_eq!(bench.subscriptions(), [before]);
    bench.wait(1);
    assert_eq!(bench.subscriptions(), [before, before]);
}

#[test]
fn frames_that_have_no_place_yet_change_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    let sent = bench.write(&opaque_payload(2));
    bench.disconnect();
    bench.forget();
    let early = || {
        [
            relay.frame(1, relay.len()),
            Frame::Head(relay.head()),
            Frame::Appended { entries: vec![(sent.id(), Position(9))], head: relay.head() },
            FakeRelay::refused(sent.id(), Reason::Malformed, None),
            relay.records(),
        ]
    };
    let position = bench.replica.position();
    for stage in ["down", "greeting", "proving"] {
        match stage {
            "down" => bench.receive(relay.welcome()),
            "greeting" => {
                bench.connect();
                bench.receive(relay.welcome());
            }
            _ => bench.receive(FakeRelay::challenge()),
        }
        bench.forget();
        for frame in early() {
            bench.receive(frame);
        }
        assert!(bench.effects.is_empty(), "{stage}: {:?}", bench.effects);
        assert_eq!(bench.replica.position(), position);
        assert!(bench.replica.offered().any(|entry| *entry == sent), "{stage}");
    }
    bench.receive(relay.welcome());
    bench.forget();
    bench.receive(FakeRelay::challenge());
    bench.receive(relay.welcome());
    assert!(bench.effects.is_empty(), "no second handshake on one line");
}

#[test]
fn frames_that_only_devices_send_close_the_line() {
    let relay = Bench::member().2;
    let frames = [
        Frame::Ping,
        Frame::Subscribe { after: Position(1) },
        Frame::Append { entries: vec![relay.signed(1)] },
        Frame::Hello(Hello { nonce: [0; 32], versions: vec![1], capabilities: Vec::new() }),
        Frame::Proof(Box::new(Proof::unsigned(
            WorkspaceId::ZERO,
            Party::Device(relay.entry(1).header().device),
        ))),
    ];
    for frame in frames {
        let (mut bench, _, _) = Bench::member();
        bench.receive(frame);
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]));
        assert!(bench.closed() && !bench.replica.is_distrusted());
    }
    let (mut bench, _, _) = Bench::member();
    bench.step(|replica, _| replica.handle_malformed());
    assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]));
    assert!(bench.closed());
}

#[test]
fn a_goodbye_ends_the_connection_and_nothing_else() {
    let reasons = Reason::NAMED.map(|(_, _, reason)| reason);
    for reason in reasons.into_iter().chain([Reason::Unknown(999)]) {
        let (mut bench, _, mut relay) = Bench::member();
        let sent = bench.write(&opaque_payload(1));
        bench.receive(FakeRelay::goodbye(reason));
        assert!(bench.closed(), "{reason:?}");
        let is_lost = reason == Reason::LogLost;
        assert_eq!(bench.faults(), if is_lost { vec![&RelayFault::LogLost] } else { vec![] }, "{reason:?}");
        assert!(bench.refused().is_empty() && !bench.replica.is_distrusted());
        assert!(matches!(bench.replica.phase(), Phase::Member), "{reason:?}: words are not a removal");
        bench.sync(&mut relay);
        assert!(relay.holds(sent.id()), "{reason:?}");
    }
}

#[test]
fn a_relay_that_cannot_read_our_hello_is_said_to_be_older() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.connect();
    bench.forget();
    bench.receive(FakeRelay::goodbye(Reason::Malformed));
    assert!(bench.closed());
    assert_eq!(bench.replica.last_goodbye(), Some(Reason::RelayOutdated));
    assert!(bench.faults().is_empty());
    bench.sync(&mut relay);
    assert!(relay.holds(sent.id()), "once it is updated");
}

#[test]
fn a_welcome_without_our_draft_lets_nobody_in() {
    let (mut bench, _, relay) = Bench::member();
    for theirs in [&[][..], &["entries/1", HOLDINGS], &["draft/0", "entries/1"]] {
        bench.greet();
        bench.forget();
        bench.receive(crate::opening::welcome(relay.head(), theirs));
        assert!(bench.closed() && bench.appended().is_empty(), "{theirs:?}");
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{theirs:?}");
    }
}

#[test]
fn a_new_line_forgets_what_the_old_one_was_doing() {
    let (mut bench, _, relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.forget();
    bench.connect();
    assert_eq!(bench.replica.link(), LinkState::Connecting);
    bench.receive(FakeRelay::challenge());
    bench.receive(relay.welcome());
    assert_eq!(bench.appended(), std::slice::from_ref(&sent));
}

/// After `handle_timeout` nothing may still be due, or a host turns in circles.
fn assert_at_rest(bench: &mut Bench, what: &str) {
    for _ in 0..3 {
        let Some(due) = bench.replica.poll_timeout() else {
            return;
        };
        bench.now = Millis(bench.now.0.max(due.0));
        bench.wait(0);
        let next = bench.replica.poll_timeout();
        assert!(next.is_none_or(|next| next > bench.now), "{what}: {next:?} is due at {:?}", bench.now);
    }
}

#[test]
fn whatever_is_due_is_done_when_its_time_has_come() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    bench.write(&opaque_payload(1));
    assert_at_rest(&mut bench, "unanswered");
    bench.disconnect();
    owner.put_message(&mut relay, opaque_payload(2).doc, "one");
    bench.greet();
    bench.receive(relay.welcome());
    assert_at_rest(&mut bench, "catching up");

    let (mut bench, _, relay) = Bench::member();
    bench.write(&opaque_payload(1));
    bench.greet();
    bench.receive(relay.rolled_back(relay.len() - 1).welcome());
    bench.greet();
    bench.receive(relay.welcome());
    assert_at_rest(&mut bench, "distrusted");

    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.greet();
    bench.receive(relay.welcome());
    assert_at_rest(&mut bench, "waiting for records");
    bench.receive(relay.records());
    assert_at_rest(&mut bench, "waiting for the answer to a join");
}

#[test]
fn a_line_on_which_entries_arrive_is_not_dead() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    for text in ["one", "two", "three"] {
        owner.put_message(&mut relay, opaque_payload(1).doc, text);
    }
    bench.wait(20_000);
    for at in relay.len() - 2..=relay.len() {
        bench.wait(9_000);
        bench.receive(relay.frame(at, at));
    }
    assert!(!bench.closed());
}

#[test]
fn before_its_challenge_nobody_speaks_for_the_relay() {
    for reason in
        [Reason::NotAllowed, Reason::Removed, Reason::TicketUsed, Reason::NoWorkspace, Reason::LogLost]
    {
        let (mut bench, _, mut relay) = Bench::member();
        let sent = bench.write(&opaque_payload(1));
        bench.connect();
        bench.forget();
        bench.receive(FakeRelay::goodbye(reason));
        assert!(bench.closed() && bench.faults().is_empty(), "{reason:?}");
        assert!(matches!(bench.effects[..], [Effect::Close]), "{reason:?}: nothing is stored of it");
        assert_eq!(bench.replica.last_goodbye(), None, "{reason:?}");
        bench.sync(&mut relay);
        assert!(relay.holds(sent.id()), "{reason:?}");
    }
}
