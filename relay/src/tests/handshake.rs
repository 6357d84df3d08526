//! Hello, challenge, proof, welcome; making a workspace.

use bowline_wire::codec::{Writer, encode};
use bowline_wire::draft::DRAFT;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Hello, Party, Proof, Reason, Transcript, Welcome, Word};
use bowline_wire::head::Seen;
use bowline_wire::ids::{DeviceId, Lane, LineKey, LogHash, LogId, Position, Signature, WorkspaceId};

use crate::CAPABILITIES;
use crate::config::{Config, HANDSHAKE_TIMEOUT, Registration};
use crate::session::ConnId;
use crate::storage::Storage;
use crate::storage::conformance::Scribe;
use crate::testing::author::{Author, hello};
use crate::testing::bench::{Bench, config, creation};

fn assert_goodbye(frame: &Frame, expected: Reason) {
    match frame {
        Frame::Goodbye { reason, text } => {
            assert_eq!(*reason, expected);
            assert!(!text.is_empty(), "a refusal says why");
        }
        other => panic!("{other:?}"),
    }
}

/// Says goodbye with `reason` and closes.
fn assert_ends(bench: &mut Bench, conn: ConnId, reason: Reason) {
    let frame = bench.frame(conn);
    assert_goodbye(&frame, reason);
    assert!(bench.is_closed(conn));
}

#[test]
fn a_device_that_proves_itself_is_welcomed_with_the_signed_head() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let (_, frame) = bench.enter(&laptop, workspace);
    let Frame::Welcome(Welcome { head, capabilities, .. }) = frame else { panic!("{frame:?}") };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(1));
    assert_eq!(capabilities, ["draft/3", "entries/1", "holdings/1", "lookup/1", "states/1"]);
}

#[test]
fn capabilities_are_what_both_sides_named() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    for (theirs, both) in [
        (vec!["aaa/9", "draft/3", "entries/1", "zzz/1"], vec!["draft/3", "entries/1"]),
        (vec!["draft/3", "entries/2"], vec!["draft/3"]),
    ] {
        let (conn, said) = bench.hello_with(&theirs);
        bench.send_proof(conn, laptop.prove(said, workspace));
        let Frame::Welcome(Welcome { capabilities, .. }) = bench.frame(conn) else { panic!() };
        assert_eq!(capabilities, both);
    }
}

#[test]
fn a_device_of_another_draft_is_told_which_side_to_update() {
    let mut bench = Bench::new();
    for (theirs, reason) in [
        (&[][..], Reason::DeviceOutdated),
        (&["entries/1", "holdings/1"], Reason::DeviceOutdated),
        (&["draft/1", "draft/2", "entries/1"], Reason::DeviceOutdated),
        (&["draft/4", "entries/1"], Reason::RelayOutdated),
    ] {
        let conn = bench.connect();
        bench.send(conn, &hello(theirs));
        assert_ends(&mut bench, conn, reason);
    }
    bench.hello_with(&["draft/0", "draft/3", "draft/4"]); // whoever speaks several drafts says so
}

#[test]
fn nobody_goes_on_with_a_log_of_another_draft() {
    for (draft, reason) in [(0, Reason::LogOutdated), (DRAFT + 1, Reason::RelayOutdated)] {
        let (mut bench, author) = (Bench::new(), Author::new(1));
        let mut scribe = Scribe::new(1);
        scribe.draft = draft;
        bench.storage.commit(&[scribe.next(2)]).unwrap();
        let (conn, frame) = bench.enter(&author, scribe.workspace());
        assert_goodbye(&frame, reason);
        assert!(bench.is_closed(conn));
        let (_, genesis) = Author::new(1).genesis(1);
        let conn = bench.send_create(&author, scribe.workspace(), &genesis);
        assert_ends(&mut bench, conn, reason);
        assert_eq!(bench.relay.loaded(), 0);
    }
}

#[test]
fn a_challenge_is_signed_by_the_relay_for_one_hello_and_is_never_the_same() {
    let line = Some(LineKey::from_bytes([4; 32]));
    let mut bench = Bench::with(Config { line, ..config() });
    let mut challenges = Vec::new();
    for _ in 0..3 {
        let conn = bench.connect();
        bench.send(conn, &hello(&CAPABILITIES));
        let Frame::Challenge(challenge) = bench.frame(conn) else { panic!() };
        challenge.verify(Transcript::START.then(&encode(&hello(&CAPABILITIES)))).unwrap();
        challenge.verify(Transcript::START.then(&encode(&hello(&["draft/3"])))).unwrap_err();
        challenges.push(challenge);
    }
    assert!(challenges.iter().all(|it| (it.time, it.line, it.version) == (bench.now, line, 1)));
    assert!(challenges.windows(2).all(|pair| pair[0].relay == pair[1].relay));
    assert!(challenges.windows(2).all(|pair| pair[0].nonce != pair[1].nonce));
}

#[test]
fn whoever_speaks_no_version_of_ours_is_told_so() {
    let mut bench = Bench::new();
    for versions in [vec![], vec![2], vec![2, 3]] {
        let conn = bench.connect();
        let capabilities = CAPABILITIES.map(str::to_owned).to_vec();
        bench.send(conn, &Frame::Hello(Hello { nonce: [7; 32], versions, capabilities }));
        assert_ends(&mut bench, conn, Reason::Version);
    }
}

#[test]
fn a_device_from_before_nonces_is_told_that_it_is_outdated() {
    let mut bench = Bench::new();
    let mut hello = Writer::new();
    hello.array(5).u64(1).u64(1).value(&WorkspaceId::ZERO).value(&Author::new(1).party());
    hello.array(1).text("draft/3");
    let conn = bench.connect();
    bench.relay.handle_frame(conn, &hello.into_bytes(), bench.now);
    assert_ends(&mut bench, conn, Reason::DeviceOutdated);
}

/// Signs what was said for the first workspace or, wrongly, something else.
type Forge = fn(&Author, Transcript, WorkspaceId, WorkspaceId) -> Proof;

#[test]
fn a_proof_is_worth_nothing_for_anything_else() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let elsewhere = WorkspaceId::from_bytes([9; 32]);
    let forged: [(&str, Forge); 4] = [
        ("by another device", |by, said, here, _| {
            Author::new(2).prove_with(said, Proof::unsigned(here, by.party()))
        }),
        ("for another workspace", |by, said, here, there| Proof { workspace: here, ..by.prove(said, there) }),
        ("of another line", |by, said, here, _| by.prove(said.then(b"more"), here)),
        ("without what it shows", |by, said, here, _| {
            let head = Some(
                Seen { position: Position(1), hash: LogHash::ZERO, signature: Signature::ZERO }
                    .of(LogId::ZERO),
            );
            Proof { head, ..by.prove(said, here) }
        }),
    ];
    for (what, forge) in forged {
        let (conn, said) = bench.hello();
        let proof = forge(&laptop, said, workspace, elsewhere);
        bench.send_proof(conn, proof);
        println!("{what}");
        assert_ends(&mut bench, conn, Reason::BadProof);
    }
}

#[test]
fn a_key_that_signs_anything_opens_nothing() {
    // The neutral element as key and as R, with s = 0: a check that is not strict accepts this over every message.
    let mut neutral = [0; 64];
    neutral[0] = 1;
    let key = DeviceId::from_slice(&neutral[..32]).unwrap();
    let mut bench = Bench::new();
    let (conn, _) = bench.hello();
    let signature = Signature::from_bytes(neutral);
    bench.send_proof(conn, Proof { signature, ..Proof::unsigned(WorkspaceId::ZERO, Party::Device(key)) });
    assert_ends(&mut bench, conn, Reason::BadProof);
}

#[test]
fn whoever_is_not_in_the_workspace_is_not_let_in() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let (conn, frame) = bench.enter(&Author::new(2), workspace);
    assert_goodbye(&frame, Reason::NotAllowed);
    assert!(bench.is_closed(conn));
}

#[test]
fn a_workspace_that_is_not_here_is_told_so_only_after_a_proof() {
    let mut bench = Bench::new();
    let (conn, frame) = bench.enter(&Author::new(1), WorkspaceId::from_bytes([3; 32]));
    assert_goodbye(&frame, Reason::NoWorkspace);
    assert!(bench.is_closed(conn));
}

#[test]
fn whoever_takes_too_long_is_sent_away() {
    let mut bench = Bench::new();
    let silent = bench.connect();
    let (slow, said) = bench.hello();
    assert_eq!(bench.relay.poll_timeout(), Some(bench.now.plus(HANDSHAKE_TIMEOUT)));
    bench.now = bench.now.plus(HANDSHAKE_TIMEOUT - 1);
    bench.relay.handle_timeout(bench.now);
    assert!(bench.frames(silent).is_empty());
    bench.now = bench.now.plus(1);
    // A proof that comes too late is too late even if the driver's timer is later still.
    bench.send_proof(slow, Author::new(1).prove(said, WorkspaceId::ZERO));
    assert_ends(&mut bench, slow, Reason::BadProof);
    bench.relay.handle_timeout(bench.now);
    assert_ends(&mut bench, silent, Reason::BadProof);
    assert_eq!(bench.relay.poll_timeout(), None);
}

#[test]
fn a_session_that_is_in_has_no_deadline() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    assert_eq!(bench.relay.poll_timeout(), None);
    bench.now = bench.now.plus(100 * HANDSHAKE_TIMEOUT);
    bench.send(conn, &Frame::Ping);
    assert!(matches!(bench.frame(conn), Frame::Head(_)));
}

#[test]
fn a_goodbye_that_nobody_reads_does_not_keep_the_connection() {
    let mut bench = Bench::new();
    let conn = bench.connect();
    bench.relay.set_writable(conn, false);
    bench.send(conn, &Frame::Ping);
    assert!(!bench.is_closed(conn));
    bench.now = bench.relay.poll_timeout().unwrap();
    bench.relay.handle_timeout(bench.now);
    assert!(bench.is_closed(conn));
    assert_eq!(bench.relay.poll_timeout(), None);
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, inside) = bench.create(&mut laptop);
    let (_, genesis) = Author::new(1).genesis(1);
    let proof = Frame::Proof(Box::new(Proof::unsigned(workspace, laptop.party())));
    let hello = hello(&CAPABILITIES);
    let append = Frame::Append { entries: vec![genesis.to_signed()] };
    for frame in [&proof, &append, &Frame::Ping, &Frame::Subscribe { after: Position::START }] {
        let conn = bench.connect();
        bench.send(conn, frame);
        assert_ends(&mut bench, conn, Reason::OutOfPlace);
    }
    let (challenged, _) = bench.hello();
    bench.send(challenged, &hello);
    assert_ends(&mut bench, challenged, Reason::OutOfPlace);
    bench.send(inside, &hello);
    assert_ends(&mut bench, inside, Reason::OutOfPlace);
}

#[test]
fn another_frame_version_is_told_which_one_is_spoken_here() {
    let mut bench = Bench::new();
    let conn = bench.connect();
    bench.relay.handle_frame(conn, &[0x82, 0x02, 0x0c], bench.now);
    let frame = bench.frame(conn);
    assert_goodbye(&frame, Reason::Version);
    let Frame::Goodbye { text, .. } = frame else { panic!() };
    assert!(text.contains('1') && text.contains('2'), "{text}");
}

#[test]
fn bytes_that_are_no_frame_end_the_connection() {
    for bytes in [&[][..], &[0xff], &[0x82, 0x01], &[0x82, 0x18, 0x01, 0x0c], &vec![0; 1024 * 1024 + 1]] {
        let mut bench = Bench::new();
        let conn = bench.connect();
        bench.relay.handle_frame(conn, bytes, bench.now);
        assert_ends(&mut bench, conn, Reason::Malformed);
    }
}

#[test]
fn a_frame_type_from_the_future_is_out_of_place() {
    let mut bench = Bench::new();
    let conn = bench.connect();
    bench.relay.handle_frame(conn, &[0x82, 0x01, 0x0f], bench.now);
    assert_ends(&mut bench, conn, Reason::OutOfPlace);
}

#[test]
fn whoever_says_goodbye_is_closed_without_a_word() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    bench.send(conn, &Frame::Goodbye { reason: Reason::Shutdown, text: String::new() });
    assert!(bench.frames(conn).is_empty());
    assert!(bench.is_closed(conn));
    bench.send(conn, &Frame::Ping);
    assert!(bench.frames(conn).is_empty());
}

#[test]
fn a_workspace_is_welcomed_only_when_it_is_durable() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let conn = bench.send_create(&laptop, workspace, &genesis);
    assert!(bench.frames(conn).is_empty());
    assert!(bench.storage.log(workspace).unwrap().is_none());
    bench.flush();
    let Frame::Welcome(Welcome { head, .. }) = bench.frame(conn) else { panic!() };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(1));
    assert_eq!(bench.storage.log(workspace).unwrap().unwrap().position, Position(1));
}

#[test]
fn making_a_workspace_again_gives_the_same_log() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let mut heads = Vec::new();
    for flushes in [1, 1, 0] {
        let conn = bench.send_create(&laptop, workspace, &genesis);
        (0..flushes).for_each(|_| bench.flush());
        let Frame::Welcome(Welcome { head, .. }) = bench.frame(conn) else { panic!() };
        heads.push(head);
    }
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(bench.storage.commits().len(), 1);
}

#[test]
fn making_a_workspace_on_two_connections_at_once_makes_one_log() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let one = bench.send_create(&laptop, workspace, &genesis);
    let two = bench.send_create(&laptop, workspace, &genesis);
    let (early, frame) = bench.enter(&laptop, workspace);
    assert_goodbye(&frame, Reason::NoWorkspace);
    assert!(bench.is_closed(early));
    bench.flush();
    let (Frame::Welcome(one), Frame::Welcome(two)) = (bench.frame(one), bench.frame(two)) else { panic!() };
    assert_eq!(one.head, two.head);
}

#[test]
fn a_workspace_that_could_not_be_stored_can_be_made_later() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    bench.storage.refuses_commits.set(true);
    let conn = bench.send_create(&laptop, workspace, &genesis);
    bench.flush();
    assert_ends(&mut bench, conn, Reason::Storage);
    bench.storage.refuses_commits.set(false);
    let conn = bench.send_create(&laptop, workspace, &genesis);
    bench.flush();
    assert!(matches!(bench.frame(conn), Frame::Welcome(_)));
}

#[test]
fn a_creator_who_hangs_up_finds_the_workspace_made() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let conn = bench.send_create(&laptop, workspace, &genesis);
    bench.relay.disconnect(conn);
    bench.flush();
    bench.open(&laptop, workspace);
}

/// What is answered to a first frame that makes `workspace` of `genesis`.
fn create_answer(bench: &mut Bench, author: &Author, workspace: WorkspaceId, genesis: &Entry) -> Frame {
    let conn = bench.send_create(author, workspace, genesis);
    bench.flush();
    bench.frame(conn)
}

#[test]
fn only_its_genesis_makes_a_workspace() {
    let mut bench = Bench::new();
    let (workspace, genesis) = Author::new(1).genesis(1);
    let (other_workspace, other) = Author::new(1).genesis(2);
    let answer = create_answer(&mut bench, &Author::new(1), workspace, &other);
    assert_goodbye(&answer, Reason::Malformed);
    let answer = create_answer(&mut bench, &Author::new(1), other_workspace, &genesis);
    assert_goodbye(&answer, Reason::Malformed);
    // Header of one workspace, record of the other.
    let mut author = Author::new(1);
    let header = bowline_wire::header::Header { workspace: other_workspace, ..genesis.header().clone() };
    let mixed = author.write(header, genesis.body().unwrap());
    let answer = create_answer(&mut bench, &author, other_workspace, &mixed);
    assert_goodbye(&answer, Reason::Malformed);
    assert!(bench.storage.commits().is_empty());
}

#[test]
fn nobody_makes_a_workspace_for_another_device() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let answer = create_answer(&mut bench, &Author::new(2), workspace, &genesis);
    assert_goodbye(&answer, Reason::NotAllowed);
    // Nor with a record that names another device than its author.
    let mut thief = Author::new(2);
    let header = bowline_wire::header::Header { device: thief.id(), ..genesis.header().clone() };
    let stolen = thief.write(header, genesis.body().unwrap());
    let answer = create_answer(&mut bench, &thief, workspace, &stolen);
    assert_goodbye(&answer, Reason::Malformed);
}

#[test]
fn an_altered_genesis_is_refused() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, genesis) = laptop.genesis(1);
    let body = Some(vec![0; genesis.body().unwrap().len()]);
    let altered = bowline_wire::entry::SignedEntry::from_parts(genesis.signed_header().to_signed(), body);
    let (conn, said) = bench.hello();
    let proof = laptop.prove_with(said, creation(laptop.party(), workspace, altered));
    bench.send_proof(conn, proof);
    assert_ends(&mut bench, conn, Reason::Malformed);
    assert_eq!(laptop.cut(Lane::Control).id, genesis.id());
}

#[test]
fn who_may_make_workspaces_is_the_operators_choice() {
    for (registration, is_allowed) in [
        (Registration::Open, true),
        (Registration::with_token("token"), true),
        (Registration::with_token("another"), false),
        (Registration::Closed, false),
    ] {
        let mut bench = Bench::with(Config::new(registration));
        let (workspace, genesis) = Author::new(1).genesis(1);
        let answer = create_answer(&mut bench, &Author::new(1), workspace, &genesis);
        if is_allowed {
            assert!(matches!(answer, Frame::Welcome(_)), "{answer:?}");
        } else {
            assert_goodbye(&answer, Reason::BadToken);
        }
    }
}

#[test]
fn a_workspace_that_is_here_needs_no_token() {
    let (mut bench, mut laptop) =
        (Bench::with(Config::new(Registration::with_token("token"))), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    bench.open(&laptop, workspace);
}
