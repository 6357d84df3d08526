//! The shell over lines in memory: who gets what, how often is committed, and how it stops.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use bowline_transport::memory::{MemoryDialer, network};
use bowline_transport::{Address, Dial, DialError, Ended, Link, RelayKey};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Create, Frame, Proof, Reason};
use bowline_wire::ids::{Position, StateDigest, WorkspaceId};
use bowline_wire::limits::MAX_FRAME;
use bowline_wire::log::Stood;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{INBOX_KIBIBYTES, Inbox, ServeError, Server};
use crate::CAPABILITIES;
use crate::storage::conformance::{ALL, Scribe};
use crate::storage::{LettingGo, Storage};
use crate::testing::author::{Author, hello, said};
use crate::testing::bench::{config, relay, view};
use crate::testing::flaky::Flaky;

/// Longer than anything here takes; a test that waits so long has failed.
const TOO_LONG: Duration = Duration::from_mins(1);

/// A relay that serves, and the network on which it is reached.
struct World {
    storage: Flaky,
    dialer: MemoryDialer,
    inbox: Inbox,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl World {
    fn new() -> Self {
        Self::with_drain(TOO_LONG)
    }

    fn with_drain(drain: Duration) -> Self {
        Self::over(Flaky::default(), drain)
    }

    fn over(storage: Flaky, drain: Duration) -> Self {
        let (dialer, listener) = network(RelayKey::from_bytes([5; 32]));
        let server = Server { drain, ..Server::start(relay(storage.clone(), config())).unwrap() };
        let inbox = server.inbox.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(listener, async { drop(stopped.await) }));
        Self { storage, dialer, inbox, stop, serving }
    }

    async fn dial(&self) -> Result<Client, DialError> {
        let address: Address = "wss://relay".parse().unwrap();
        self.dialer.dial(&address).await.map(Client::new)
    }

    async fn connect(&self) -> Client {
        self.dial().await.unwrap()
    }

    /// A workspace with `author` in it, and the author's connection.
    async fn create(&self, author: &mut Author) -> (WorkspaceId, Client) {
        let (workspace, genesis) = author.genesis(1);
        let mut client = self.connect().await;
        let create = Create { token: String::new(), genesis: genesis.to_signed(), logs: Vec::new() };
        client.enter(author, workspace, Some(create)).await;
        (workspace, client)
    }

    async fn enter(&self, author: &Author, workspace: WorkspaceId) -> Client {
        let mut client = self.connect().await;
        client.enter(author, workspace, None).await;
        client
    }

    /// One more content entry. Only what is durable may be seen by it.
    fn content(&self, author: &mut Author, workspace: WorkspaceId, body: &[u8]) -> Entry {
        author.content(&view(&self.storage, workspace), body)
    }

    /// Waits until a commit has begun and stands before the closed gate.
    async fn wait_for_commit(&self) {
        let gate = self.storage.gate.clone();
        timeout(TOO_LONG, tokio::task::spawn_blocking(move || gate.wait_for_somebody()))
            .await
            .unwrap()
            .unwrap();
    }

    /// Waits until so many events wait for the thread.
    async fn wait_for_events(&self, count: usize) {
        let events = &self.inbox.events;
        let arrived = async {
            while events.max_capacity() - events.capacity() < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(TOO_LONG, arrived).await.unwrap();
    }

    async fn stop(self) -> Result<(), ServeError> {
        self.stop.send(()).unwrap();
        timeout(TOO_LONG, self.serving).await.unwrap().unwrap()
    }
}

/// A connection as a device has it. It reads one frame ahead of what the test takes, and no more.
struct Client {
    outbound: Option<mpsc::Sender<Bytes>>,
    inbound: mpsc::Receiver<Bytes>,
    ended: JoinHandle<Ended>,
    workspace: WorkspaceId,
}

impl Client {
    fn new(link: impl Link) -> Self {
        let (outbound, mut sending) = mpsc::channel(64);
        let (received, inbound) = mpsc::channel(1);
        let carried = async move {
            let outbound = futures_util::stream::poll_fn(move |context| sending.poll_recv(context));
            let deliver = |frame| {
                let received = received.clone();
                async move { received.send(frame).await.is_ok() }
            };
            link.carry(outbound, deliver).await
        };
        let (outbound, ended, workspace) = (Some(outbound), tokio::spawn(carried), WorkspaceId::ZERO);
        Self { outbound, inbound, ended, workspace }
    }

    async fn send(&self, frame: &Frame) {
        self.outbound.as_ref().unwrap().send(encode(frame).into()).await.unwrap();
    }

    async fn append(&self, entries: &[&Entry]) {
        let entries = entries.iter().map(|entry| entry.to_signed()).collect();
        self.send(&Frame::Append { entries }).await;
    }

    /// The next frame; `None` when the line has ended.
    async fn next(&mut self) -> Option<Frame> {
        let bytes = timeout(TOO_LONG, self.inbound.recv()).await.unwrap()?;
        Some(decode(&bytes).unwrap())
    }

    async fn frame(&mut self) -> Frame {
        self.next().await.unwrap()
    }

    async fn enter(&mut self, author: &Author, workspace: WorkspaceId, create: Option<Create>) {
        self.workspace = workspace;
        let hello = hello(&CAPABILITIES);
        self.send(&hello).await;
        let challenge = self.frame().await;
        let proof = Proof { create: create.map(Box::new), ..Proof::unsigned(workspace, author.party()) };
        let proof = author.prove_with(said(&hello, &challenge), proof);
        self.send(&Frame::Proof(Box::new(proof))).await;
        let frame = self.frame().await;
        assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
    }

    async fn must_append(&mut self, entries: &[&Entry]) {
        self.append(entries).await;
        let frame = self.frame().await;
        assert!(
            matches!(&frame, Frame::Appended { entries: done, .. } if done.len() == entries.len()),
            "{frame:?}"
        );
    }

    /// Takes entries until it has the one at `last`; gives all their bodies' lengths, from `first` on.
    async fn read_log(&mut self, first: Position, last: Position) -> Vec<usize> {
        let (mut expected, mut lengths) = (first, Vec::new());
        while expected <= last {
            let Frame::Entries { first, entries, .. } = self.frame().await else { panic!("not entries") };
            assert_eq!(first, expected, "a gap or an overlap");
            for entry in entries {
                lengths.push(entry.entry.verify(self.workspace).unwrap().body().unwrap().len());
                expected = expected.next();
            }
        }
        lengths
    }
}

#[tokio::test]
async fn what_one_device_appends_the_other_gets() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut writing) = world.create(&mut laptop).await;
    let mut reading = world.enter(&laptop, workspace).await;
    reading.send(&Frame::Subscribe { after: Position(0) }).await;
    assert_eq!(reading.read_log(Position(1), Position(1)).await.len(), 1);
    let entry = world.content(&mut laptop, workspace, b"hello");
    writing.must_append(&[&entry]).await;
    assert_eq!(reading.read_log(Position(2), Position(2)).await, [5]);
}

#[tokio::test]
async fn what_arrives_during_a_commit_is_stored_in_the_next_one() {
    const DEVICES: u8 = 20;
    let world = World::new();
    let mut scenes = Vec::new();
    for number in 1..=DEVICES {
        let mut author = Author::new(number);
        let (workspace, client) = world.create(&mut author).await;
        let entry = world.content(&mut author, workspace, b"one of many");
        scenes.push((client, entry));
    }
    let before = world.storage.commits().len();
    world.storage.gate.shut();
    let (first, rest) = scenes.split_first_mut().unwrap();
    first.0.append(&[&first.1]).await;
    world.wait_for_commit().await;
    for (client, entry) in rest.iter() {
        client.append(&[entry]).await;
    }
    world.wait_for_events(rest.len()).await;
    world.storage.gate.open();
    for (client, _) in &mut scenes {
        let frame = client.frame().await;
        assert!(matches!(frame, Frame::Appended { .. }), "{frame:?}");
    }
    let others = usize::from(DEVICES) - 1;
    assert_eq!(world.storage.commits()[before..], [(1, 1), (others, others)]);
}

#[tokio::test]
async fn what_waits_for_a_busy_thread_is_bounded_in_bytes() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut writing) = world.create(&mut laptop).await;
    let flooding = world.connect().await;
    world.storage.gate.shut();
    let entry = world.content(&mut laptop, workspace, b"first");
    writing.append(&[&entry]).await;
    world.wait_for_commit().await;
    let flood = flooding.outbound.clone().unwrap();
    let flood = tokio::spawn(async move {
        let frame = Bytes::from(vec![0; MAX_FRAME]);
        while flood.send(frame.clone()).await.is_ok() {}
    });
    let full = async {
        while world.inbox.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TOO_LONG, full).await.unwrap();
    let events = &world.inbox.events;
    assert_eq!((events.max_capacity() - events.capacity()) * MAX_FRAME, INBOX_KIBIBYTES as usize * 1024);

    // Everybody else is served when the thread goes on; the one who flooded sent no frame, and is sent away.
    world.storage.gate.open();
    assert!(matches!(writing.frame().await, Frame::Appended { .. }));
    timeout(TOO_LONG, flooding.ended).await.unwrap().unwrap();
    flood.await.unwrap();
    let room = async {
        while world.inbox.room.available_permits() < INBOX_KIBIBYTES as usize {
            tokio::task::yield_now().await;
        }
    };
    timeout(TOO_LONG, room).await.expect("what was handled gives its room back");
}

#[tokio::test]
async fn a_slow_reader_is_moved_from_push_to_pull_and_loses_nothing() {
    const ENTRIES: u64 = 60;
    const LEN: usize = 100_000;
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut writing) = world.create(&mut laptop).await;
    let mut slow = world.enter(&laptop, workspace).await;
    let mut fast = world.enter(&laptop, workspace).await;
    for reader in [&mut slow, &mut fast] {
        reader.send(&Frame::Subscribe { after: Position(1) }).await;
        // Answered behind the subscription, so both listen from here on.
        reader.send(&Frame::Ping).await;
        assert!(matches!(reader.frame().await, Frame::Head(_)));
    }
    for number in 0..ENTRIES {
        let entry = world.content(&mut laptop, workspace, &vec![7; LEN]);
        writing.must_append(&[&entry]).await;
        assert_eq!(fast.read_log(Position(2 + number), Position(2 + number)).await, [LEN]);
    }
    assert_eq!(world.storage.pages_read.load(Ordering::SeqCst), 0, "whoever keeps up is not read for");
    // Six megabytes are not in any queue for it.
    let lengths = slow.read_log(Position(2), Position(1 + ENTRIES)).await;
    assert_eq!(lengths, vec![LEN; 60]);
    assert!(world.storage.pages_read.load(Ordering::SeqCst) > 0, "it was read for from storage");

    // Caught up, it is pushed to again.
    let read = world.storage.pages_read.load(Ordering::SeqCst);
    let entry = world.content(&mut laptop, workspace, b"live again");
    writing.must_append(&[&entry]).await;
    assert_eq!(slow.read_log(Position(2 + ENTRIES), Position(2 + ENTRIES)).await, [10]);
    assert_eq!(world.storage.pages_read.load(Ordering::SeqCst), read);
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_the_relay_goes_on() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut client) = world.create(&mut laptop).await;
    let entry = world.content(&mut laptop, workspace, b"again");
    world.storage.refuses_commits.set(true);
    client.append(&[&entry]).await;
    let frame = client.frame().await;
    assert!(matches!(frame, Frame::Refused { reason: Reason::Storage, .. }), "{frame:?}");
    world.storage.refuses_commits.set(false);
    client.must_append(&[&entry]).await;
}

#[tokio::test]
async fn stopping_commits_what_has_arrived_and_says_goodbye() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut writing) = world.create(&mut laptop).await;
    let mut idle = world.connect().await;
    world.storage.gate.shut();
    let entries = [b"one", b"two"].map(|body| world.content(&mut laptop, workspace, body));
    writing.append(&[&entries[0]]).await;
    world.wait_for_commit().await;
    writing.append(&[&entries[1]]).await;
    world.wait_for_events(1).await;
    let (storage, dialer) = (world.storage.clone(), world.dialer.clone());
    let stopping = tokio::spawn(world.stop());
    storage.gate.open();

    for _ in &entries {
        let frame = writing.frame().await;
        assert!(matches!(frame, Frame::Appended { .. }), "{frame:?}");
    }
    for client in [&mut writing, &mut idle] {
        let frame = client.frame().await;
        assert!(matches!(frame, Frame::Goodbye { reason: Reason::Shutdown, .. }), "{frame:?}");
        assert!(client.next().await.is_none());
    }
    assert!(matches!(timeout(TOO_LONG, writing.ended).await.unwrap().unwrap(), Ended::ByPeer));
    stopping.await.unwrap().unwrap();
    assert_eq!(view(&storage, workspace).seen.unwrap().position, Position(3));
    let address: Address = "wss://relay".parse().unwrap();
    assert!(matches!(dialer.dial(&address).await, Err(DialError::Unreachable { .. })));
}

#[tokio::test]
async fn whoever_reads_nothing_does_not_keep_the_relay_from_stopping() {
    let (world, mut laptop) = (World::with_drain(Duration::from_millis(50)), Author::new(1));
    let (workspace, mut writing) = world.create(&mut laptop).await;
    let slow = world.enter(&laptop, workspace).await;
    slow.send(&Frame::Subscribe { after: Position(1) }).await;
    for _ in 0..30 {
        let entry = world.content(&mut laptop, workspace, &vec![7; 100_000]);
        writing.must_append(&[&entry]).await;
    }
    world.stop().await.unwrap();
}

#[tokio::test]
async fn a_thread_that_is_stuck_is_not_healthy() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut client) = world.create(&mut laptop).await;
    let health = super::Health::new(world.inbox.clone());
    let ask = || super::health::healthz(axum::extract::State(health.clone()));
    assert_eq!(ask().await, (StatusCode::OK, "ok\n"));
    world.storage.gate.shut();
    let entry = world.content(&mut laptop, workspace, b"slow");
    client.append(&[&entry]).await;
    world.wait_for_commit().await;
    tokio::time::pause();
    assert_eq!(ask().await.0, StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::resume();
    world.storage.gate.open();
    assert!(matches!(client.frame().await, Frame::Appended { .. }));
    assert_eq!(ask().await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_relay_that_cannot_store_is_not_ready_and_is_so_again_by_itself() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut client) = world.create(&mut laptop).await;
    let health = super::Health::new(world.inbox.clone());
    let ask = || super::health::readyz(axum::extract::State(health.clone()));
    assert_eq!(ask().await, (StatusCode::OK, "ready\n".to_owned()));
    world.storage.refuses_commits.set(true);
    let entry = world.content(&mut laptop, workspace, b"no room");
    client.append(&[&entry]).await;
    let answer = client.frame().await;
    assert!(matches!(answer, Frame::Refused { reason: Reason::Storage, .. }), "{answer:?}");
    let (status, why) = ask().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(why.starts_with("nothing can be stored: ") && why.contains("the disk is full"), "{why}");
    world.storage.refuses_commits.set(false);
    let again = async {
        while ask().await.0 != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TOO_LONG, again).await.unwrap();
}

#[tokio::test]
async fn a_thread_that_dies_ends_the_relay_with_an_error() {
    let (world, mut laptop) = (World::new(), Author::new(1));
    let (workspace, mut client) = world.create(&mut laptop).await;
    let entry = world.content(&mut laptop, workspace, b"the last");
    world.storage.panics.set(true);
    client.append(&[&entry]).await;
    let ended = timeout(TOO_LONG, world.serving).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ServeError::WriterGone)));
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn a_listener_that_ends_is_an_error_and_everybody_is_told() {
    let server = Server::start(relay(Flaky::default(), config())).unwrap();
    let (dialer, listener) = network(RelayKey::from_bytes([5; 32]));
    drop(dialer);
    let ended = timeout(TOO_LONG, server.serve(listener, std::future::pending())).await.unwrap();
    assert!(matches!(ended, Err(ServeError::NotListening)));
}

#[tokio::test]
async fn what_goes_is_let_go_while_nothing_arrives() {
    let (mut storage, mut scribe) = (Flaky::default(), Scribe::new(7));
    storage.commit(&[scribe.next(40)]).unwrap();
    let stood = Stood { at: Position(39), digest: StateDigest::from_bytes([7; 32]), since: Position(40) };
    let by = LettingGo { stood, hash: None, len: 9, live: vec![], swept: Position::START };
    storage.begin_letting_go(scribe.workspace(), &by).unwrap();
    let world = World::over(storage, TOO_LONG);
    let is_done = timeout(TOO_LONG, async {
        while !world.storage.unswept().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    is_done.await.unwrap();
    let left = world.storage.read(scribe.workspace(), Position::START, ALL).unwrap().entries;
    assert_eq!(left.len(), 1);
    world.stop.send(()).unwrap();
    world.serving.await.unwrap().unwrap();
}
