//! A relay that is shown that it has signed for more of a log than is stored: it signs nothing more for it.

use bowline_wire::frame::{Frame, Proof, Reason, Word};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::{LogHash, Position, WorkspaceId};

use crate::keys::LogKey;
use crate::session::ConnId;
use crate::storage::Storage;
use crate::testing::author::Author;
use crate::testing::bench::Bench;
use crate::testing::rng;

/// A head that the log's own key signed, of a log that has so many entries.
fn signed(bench: &Bench, workspace: WorkspaceId, position: u64, hash: LogHash) -> SeenHead {
    let key = LogKey::from(&bench.storage.log(workspace).unwrap().unwrap().secret);
    key.sign(Head { workspace, log: key.id(), position: Position(position), hash }).unwrap()
}

/// Comes as `author` with a head that it has seen; gives the answer.
fn come(bench: &mut Bench, author: &Author, workspace: WorkspaceId, head: SeenHead) -> (ConnId, Frame) {
    let (conn, said) = bench.hello();
    let proof = Proof { head: Some(head), ..Proof::unsigned(workspace, author.party()) };
    bench.send_proof(conn, author.prove_with(said, proof));
    (conn, bench.frame(conn))
}

fn is_lost(frame: &Frame) -> bool {
    matches!(frame, Frame::Goodbye { reason: Reason::LogLost, .. })
}

#[test]
fn whoever_shows_what_is_here_is_welcomed() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let first = bench.view(workspace).seen.unwrap();
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.must_append(conn, &[&entry]);
    for head in [first, bench.view(workspace).seen.unwrap()] {
        let (_, frame) = come(&mut bench, &laptop, workspace, head);
        assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
    }
    assert!(bench.relay.check_storage(bench.now).is_ok());
}

#[test]
fn after_a_head_of_its_own_that_it_has_lost_a_relay_signs_nothing_more() {
    for (position, hash) in [(2, LogHash::from_bytes([7; 32])), (1, LogHash::from_bytes([7; 32]))] {
        let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
        let (workspace, inside) = bench.create(&mut laptop);
        let entry = laptop.content(&bench.view(workspace), b"staged");
        bench.append(inside, &[&entry]);
        let head = signed(&bench, workspace, position, hash);
        let (conn, frame) = come(&mut bench, &laptop, workspace, head);
        assert!(is_lost(&frame), "{frame:?}");
        assert!(bench.is_closed(conn));
        assert!(is_lost(&bench.frame(inside)), "who is there is told as well");
        bench.flush();
        assert_eq!(bench.position(workspace), Position(1), "what was staged is not signed for");
        // Whoever comes without that head, before and after the relay is started again.
        assert!(is_lost(&bench.enter(&laptop, workspace).1));
        bench.restart();
        let why = bench.relay.check_storage(bench.now).unwrap_err().to_string();
        assert!(why.contains("bowline-relay restore"), "{why}");
        assert!(is_lost(&bench.enter(&laptop, workspace).1));
    }
}

#[test]
fn a_loss_that_a_full_disk_does_not_take_is_known_all_the_same_and_stored_when_there_is_room() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, inside) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"staged");
    bench.append(inside, &[&entry]);
    let head = signed(&bench, workspace, 9, LogHash::ZERO);
    bench.storage.refuses_commits.set(true);
    assert!(is_lost(&come(&mut bench, &laptop, workspace, head).1));
    assert!(is_lost(&bench.frame(inside)), "who is there is told as well");
    bench.storage.refuses_commits.set(false);
    bench.flush();
    assert_eq!(bench.position(workspace), Position(1), "what was staged is not signed for");
    assert!(!bench.storage.has_lost().unwrap(), "nothing has stored it so far");
    let why = bench.relay.check_storage(bench.now).unwrap_err().to_string();
    assert!(why.contains("bowline-relay restore"), "{why}");
    assert!(is_lost(&bench.enter(&laptop, workspace).1), "whoever comes without that head");
    assert!(bench.storage.has_lost().unwrap());
    bench.restart();
    assert!(is_lost(&bench.enter(&laptop, workspace).1));
}

#[test]
fn a_relay_that_cannot_read_a_roster_record_lets_nobody_in_rather_than_go_on_without_it() {
    let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, conn) = bench.create(&mut laptop);
    bench.let_in((&mut laptop, conn), &mut phone, workspace);
    let join = bench.position(workspace);
    bench.storage.put_bodies(workspace, &[(join, None)]).unwrap();
    bench.restart();
    assert!(is_lost(&bench.enter(&laptop, workspace).1));
    assert!(is_lost(&bench.enter(&phone, workspace).1));
}

#[test]
fn other_workspaces_of_the_relay_go_on() {
    let (mut bench, mut laptop, mut other) = (Bench::new(), Author::new(1), Author::new(2));
    let (workspace, _) = bench.create(&mut laptop);
    let (elsewhere, _) = bench.create(&mut other);
    let head = signed(&bench, workspace, 9, LogHash::ZERO);
    assert!(is_lost(&come(&mut bench, &laptop, workspace, head).1));
    bench.open(&other, elsewhere);
}

#[test]
fn a_head_that_this_log_did_not_sign_says_nothing() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let key = LogKey::generate(&mut rng(9));
    let stranger =
        key.sign(Head { workspace, log: key.id(), position: Position(9), hash: LogHash::ZERO }).unwrap();
    let (_, frame) = come(&mut bench, &laptop, workspace, stranger);
    assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
    let forged = SeenHead { signature: stranger.signature, ..signed(&bench, workspace, 9, LogHash::ZERO) };
    let (_, frame) = come(&mut bench, &laptop, workspace, forged);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::BadProof, .. }), "{frame:?}");
    bench.open(&laptop, workspace);
}

#[test]
fn a_welcome_is_signed_by_its_log_for_one_line() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, _) = bench.create(&mut laptop);
    let (conn, said) = bench.hello();
    let proof = Frame::Proof(Box::new(laptop.prove(said, workspace)));
    bench.send(conn, &proof);
    let Frame::Welcome(welcome) = bench.frame(conn) else { panic!() };
    welcome.verify(said.then(&bowline_wire::codec::encode(&proof))).unwrap();
    welcome.verify(said).unwrap_err();
}
