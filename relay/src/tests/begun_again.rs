//! A workspace of which a relay has lost everything is made again by a device that has its log, and takes back what it had.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Create, Frame, Proof, Reason, Welcome};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogId, Position, WorkspaceId};
use bowline_wire::roster::record::Record;
use bowline_wire::successor::Succession;

use crate::config::{BROUGHT_BACK_WITHIN, Registration, TokenDigest};
use crate::keys::{Identity, LogKey, LogSecret};
use crate::restore::{Earlier, Plan};
use crate::storage::Storage;
use crate::testing::author::{Author, Door};
use crate::testing::bench::{Bench, config};
use crate::testing::rng;

/// What the laptop and the phone have of a workspace that their relay knew once: the phone had come by a code that is over by now.
struct Lost {
    bench: Bench,
    workspace: WorkspaceId,
    laptop: Author,
    phone: Author,
    genesis: Entry,
    /// All that stood behind it, in order.
    rest: Vec<Entry>,
    head: SeenHead,
}

impl Lost {
    fn new() -> Self {
        let (mut bench, mut laptop, mut phone) = (Bench::new(), Author::new(1), Author::new(2));
        let (workspace, genesis) = laptop.genesis(1);
        let conn = bench.send_create(&laptop, workspace, &genesis);
        bench.flush();
        bench.drain();
        let mut rest = Vec::new();
        let door = Door::new(7);
        let expires = bench.now.plus(60_000);
        let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(expires.0)));
        bench.must_append(conn, &[&invite]);
        let join = phone.join(&bench.view(workspace), &door);
        bench.must_append(conn, &[&join]);
        rest.extend([invite, join]);
        for (author, text) in [(&mut laptop, b"one"), (&mut phone, b"two")] {
            let said = author.content(&bench.view(workspace), text);
            bench.must_append(conn, &[&said]);
            rest.push(said);
        }
        let head = bench.view(workspace).seen.unwrap();
        bench.now = expires.plus(1);
        bench.storage.memory = crate::storage::memory::Memory::new();
        bench.restart();
        // What it draws at random begins anew with it, and its next log is to have another key.
        bench.hello();
        Self { bench, workspace, laptop, phone, genesis, rest, head }
    }

    fn create(&self) -> Box<Create> {
        Box::new(Create { token: "token".to_owned(), genesis: self.genesis.to_signed(), logs: Vec::new() })
    }

    /// What the relay says to a device that shows this.
    fn answer(
        &mut self,
        author: &Author,
        head: Option<SeenHead>,
        create: Option<Box<Create>>,
    ) -> (crate::session::ConnId, Frame) {
        let (conn, said) = self.bench.hello();
        let proof = Proof { head, create, ..Proof::unsigned(self.workspace, author.party()) };
        self.bench.send_proof(conn, author.prove_with(said, proof));
        self.bench.flush();
        let frame = self.bench.frame(conn);
        (conn, frame)
    }

    /// The phone, which is in no record yet, makes the workspace again.
    fn made_again(&mut self) -> (crate::session::ConnId, Welcome) {
        let phone = Author::new(2);
        let (conn, frame) = self.answer(&phone, Some(self.head), Some(self.create()));
        let Frame::Welcome(welcome) = frame else { panic!("{frame:?}") };
        (conn, welcome)
    }
}

fn refused(frame: &Frame) -> Reason {
    let Frame::Goodbye { reason, .. } = frame else { panic!("{frame:?}") };
    *reason
}

#[test]
fn a_member_makes_a_lost_workspace_again_and_brings_back_everything_as_it_was() {
    let mut lost = Lost::new();
    let (conn, welcome) = lost.made_again();
    let succession = Succession::verify(
        lost.workspace,
        Identity::from_secret(&[5; 32]).public().as_bytes(),
        &welcome.successors,
    );
    let succession = succession.unwrap();
    assert_eq!(succession.begun_again().map(|it| (it.old, it.new)), Some((lost.head.log, welcome.head.log)));
    assert_eq!(welcome.head.position, Position(1));
    let rest = lost.rest.clone();
    for entry in &rest {
        lost.bench.must_append(conn, &[entry]);
    }
    assert_eq!(lost.bench.position(lost.workspace), Position(1 + rest.len() as u64));
    // Both go on as members, and after a start too.
    lost.bench.restart();
    let (mut laptop, mut phone) = (lost.laptop, lost.phone);
    for author in [&mut laptop, &mut phone] {
        let conn = lost.bench.open(author, lost.workspace);
        let next = author.content(&lost.bench.view(lost.workspace), b"afterwards");
        lost.bench.must_append(conn, &[&next]);
    }
    // And a backup of that is restored like any other.
    let memory = &mut lost.bench.storage.memory;
    let (identity, workspace) = (Identity::from_secret(&[5; 32]), lost.workspace);
    let plan = Plan::make(memory, &identity, &[workspace], &Earlier::default(), &mut rng(9)).unwrap();
    assert!(plan.left().is_empty(), "{:?}", plan.left());
    plan.carry_out(memory).unwrap();
    lost.bench.restart();
    let conn = lost.bench.open(&laptop, workspace);
    let next = laptop.content(&lost.bench.view(workspace), b"and restored");
    lost.bench.must_append(conn, &[&next]);
}

/// As it is when a workspace moves from relay to relay: entries name heads of every key that signed it.
#[test]
fn a_log_of_two_keys_is_begun_again_with_both_named_and_takes_what_names_a_head_of_either() {
    let mut lost = Lost::new();
    let (conn, welcome) = lost.made_again();
    for entry in &lost.rest {
        lost.bench.must_append(conn, &[entry]);
    }
    let newer = lost.phone.content(&lost.bench.view(lost.workspace), b"under the second key");
    lost.bench.must_append(conn, &[&newer]);
    let of_second = lost.bench.view(lost.workspace).seen.unwrap();
    lost.bench.storage.memory = crate::storage::memory::Memory::new();
    lost.bench.restart();
    lost.bench.hello();
    lost.bench.hello();
    let phone = Author::new(2);
    let with = |logs| Some(Box::new(Create { logs, ..*lost.create() }));
    let (forged, whole) =
        (with(vec![SeenHead { log: LogId::from_bytes([3; 32]), ..lost.head }]), with(vec![lost.head]));
    let (_, told) = lost.answer(&phone, Some(of_second), forged);
    assert_eq!(refused(&told), Reason::BadProof);
    let (conn, told) = lost.answer(&phone, Some(of_second), whole);
    let Frame::Welcome(third) = told else { panic!("{told:?}") };
    let identity = Identity::from_secret(&[5; 32]).public();
    let succession = Succession::verify(lost.workspace, identity.as_bytes(), &third.successors).unwrap();
    let logs: Vec<_> = succession.successors().map(|it| (it.old, it.new)).collect();
    let (first, second, third) = (lost.head.log, welcome.head.log, third.head.log);
    assert_eq!(logs, [(first, second), (second, third)]);
    for entry in lost.rest.iter().chain([&newer]) {
        lost.bench.must_append(conn, &[entry]);
    }
    lost.bench.restart();
    lost.bench.open(&phone, lost.workspace);
}

#[test]
fn nothing_but_a_signed_head_lets_another_than_the_first_device_make_a_workspace() {
    let mut lost = Lost::new();
    let (phone, head) = (Author::new(2), lost.head);
    let (_, told) = lost.answer(&phone, None, Some(lost.create()));
    assert_eq!(refused(&told), Reason::NotAllowed);
    let forged = SeenHead { log: LogId::from_bytes([3; 32]), ..head };
    let (_, told) = lost.answer(&phone, Some(forged), Some(lost.create()));
    assert_eq!(refused(&told), Reason::BadProof);
    let (_, told) = lost.answer(&phone, Some(head), None);
    assert_eq!(refused(&told), Reason::NoWorkspace);
    assert!(lost.bench.storage.memory.log(lost.workspace).unwrap().is_none());
}

#[test]
fn a_relay_that_takes_no_new_workspaces_without_its_token_takes_no_lost_one_either() {
    let mut lost = Lost::new();
    let with = |registration| crate::config::Config { registration, ..config() };
    for registration in [Registration::Closed, Registration::Token(TokenDigest::of("another"))] {
        lost.bench.relay = crate::testing::bench::relay(lost.bench.storage.clone(), with(registration));
        let (phone, head) = (Author::new(2), lost.head);
        let (_, told) = lost.answer(&phone, Some(head), Some(lost.create()));
        assert_eq!(refused(&told), Reason::BadToken);
    }
    let registration = Registration::Token(TokenDigest::of("token"));
    lost.bench.relay = crate::testing::bench::relay(lost.bench.storage.clone(), with(registration));
    lost.bench.hello();
    lost.made_again();
}

#[test]
fn who_is_in_no_record_comes_into_a_log_that_was_begun_again_to_bring_it_back_for_a_month() {
    let mut lost = Lost::new();
    let (_, welcome) = lost.made_again();
    let (phone, stranger, head) = (Author::new(2), Author::new(9), lost.head);
    // The line breaks before its Join is on the log: a head of the log shows that it was let in before.
    let (_, told) = lost.answer(&phone, Some(welcome.head), None);
    assert!(matches!(told, Frame::Welcome(_)), "{told:?}");
    let (_, told) = lost.answer(&phone, Some(head), Some(lost.create()));
    assert!(matches!(told, Frame::Welcome(_)), "{told:?}");
    // Who has neither such a head nor one of the lost log with the workspace's beginning.
    for (head, create) in [(None, None), (Some(head), None), (None, Some(lost.create()))] {
        let (_, told) = lost.answer(&stranger, head, create);
        assert_eq!(refused(&told), Reason::NotAllowed);
    }
    let key = LogKey::from(&LogSecret::from_bytes([9; 32]));
    let made_up = bowline_wire::head::Head {
        workspace: lost.workspace,
        log: key.id(),
        position: Position(4),
        hash: head.hash,
    };
    let (_, told) = lost.answer(&stranger, Some(key.sign(made_up).unwrap()), Some(lost.create()));
    assert_eq!(refused(&told), Reason::NotAllowed);
    lost.bench.now = lost.bench.now.plus(BROUGHT_BACK_WITHIN + 1);
    let (_, told) = lost.answer(&phone, Some(welcome.head), None);
    assert_eq!(refused(&told), Reason::NotAllowed);
}

#[test]
fn nobody_brings_anything_into_a_log_that_was_never_lost() {
    let (mut bench, mut laptop, stranger) = (Bench::new(), Author::new(1), Author::new(9));
    let (workspace, _) = bench.create(&mut laptop);
    let head = bench.view(workspace).seen.unwrap();
    let (conn, said) = bench.hello();
    let proof = Proof { head: Some(head), ..Proof::unsigned(workspace, stranger.party()) };
    bench.send_proof(conn, stranger.prove_with(said, proof));
    assert_eq!(refused(&bench.frame(conn)), Reason::NotAllowed);
}
