//! A device that catches up takes in first what its relay had, and documents that nobody has asked for while the line is quiet.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, in their own functions too")]

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::Arc;

use bowline_engine::Home;
use bowline_engine::document::Role;
use bowline_engine::home::OpenDevice;
use bowline_engine::ids::Millis;
use bowline_engine::run::{self, Goal, Host};
use bowline_engine::transport::RelayKey;
use bowline_relay::config::{Config, Registration};
use bowline_relay::keys::Identity;
use bowline_relay::storage::memory::Memory;
use bowline_relay::{ConnId, Relay};
use bowline_transport::memory::{MemoryDialer, MemoryListener, network};
use bowline_transport::{Frame, Link, Listen};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};

/// Enough for several frames, of which each is long enough for documents to be taken in between.
const DOCUMENTS: usize = 80;

/// Bytes from which a frame is one of those that bring the documents.
const LARGE: usize = 512 * 1024;

/// What a connection tells the relay's task.
enum Told {
    Up(mpsc::UnboundedSender<Frame>),
    Said(Frame),
    Down,
}

/// Serves a relay on the time of the test. It sends so many large frames, and then no more of them.
async fn serve(mut listener: MemoryListener, clock: impl Fn() -> Millis, mut large: usize) {
    let config = Config::new(Registration::Open);
    let chance = Box::new(ChaCha8Rng::seed_from_u64(9));
    let mut relay = Relay::open(Memory::new(), Identity::from_secret(&[5; 32]), config, chance);
    let mut lines = BTreeMap::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut conn = 0;
        while let Some(link) = listener.accept().await {
            conn += 1;
            let (conn, tell) = (ConnId(conn), tell.clone());
            tokio::spawn(async move {
                let (say, mut said) = mpsc::unbounded_channel();
                tell.send((conn, Told::Up(say))).unwrap();
                let outbound = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
                let deliver = |frame| std::future::ready(tell.send((conn, Told::Said(frame))).is_ok());
                link.carry(outbound, deliver).await;
                tell.send((conn, Told::Down)).unwrap();
            });
        }
    });
    while let Some((conn, what)) = told.recv().await {
        match what {
            Told::Up(line) => {
                lines.insert(conn, line);
                relay.connect(conn, clock());
            }
            Told::Said(frame) => relay.handle_frame(conn, &frame, clock()),
            Told::Down => relay.disconnect(conn),
        }
        relay.flush(clock());
        while let Some((conn, frame)) = relay.poll_transmit() {
            let is_large = frame.len() >= LARGE;
            if is_large && large == 0 {
                continue;
            }
            large -= usize::from(is_large);
            if let Some(line) = lines.get(&conn) {
                // A line that has just ended takes nothing.
                let _ended = line.send(Frame::copy_from_slice(&frame));
            }
        }
        while let Some(conn) = relay.poll_close() {
            lines.remove(&conn);
        }
    }
}

/// Two devices of one person; the second has a code, and was never connected.
struct Pair {
    _folder: TempDir,
    newcomer: (Home, OpenDevice),
    dial: Arc<MemoryDialer>,
    clock: Arc<dyn Fn() -> Millis + Send + Sync>,
}

async fn sync<'c>(
    (home, open): (&Home, &mut OpenDevice),
    dial: &Arc<MemoryDialer>,
    clock: &'c (dyn Fn() -> Millis + 'c),
    goal: Goal<'_>,
    stop: impl Future<Output = ()>,
) {
    let host = Host { dial: Arc::clone(dial), clock, observer: &mut |_| {} };
    run::reach(home, &mut open.device, host, goal, stop).await.unwrap();
}

/// Writes documents on one device, and makes another one that is about to join. Its relay sends so many large frames.
async fn pair(large: usize) -> Pair {
    let folder = TempDir::new().unwrap();
    let began = Instant::now();
    let clock: Arc<dyn Fn() -> Millis + Send + Sync> =
        Arc::new(move || Millis(1_700_000_000_000 + u64::try_from(began.elapsed().as_millis()).unwrap()));
    let (dial, listener) = network(RelayKey::from_bytes([7; 32]));
    let (dial, relays) = (Arc::new(dial), Arc::clone(&clock));
    tokio::spawn(serve(listener, move || relays(), large));
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    let home = |name, seed| {
        let home = Home::init(&folder.path().join(name), &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
        let open = home.device(Box::new(ChaCha8Rng::seed_from_u64(seed + 1))).unwrap();
        (home, open)
    };
    let (home_of_author, mut author) = home("author", 10);
    let workspace = author.device.create_workspace("wss://relay.example/", "", clock()).unwrap();
    for n in 0..DOCUMENTS {
        let mut bytes = vec![0; 60_000];
        chance.fill_bytes(&mut bytes);
        let text: String = bytes.iter().map(|byte| char::from(b'a' + byte % 16)).collect();
        let doc = author.device.create_conversation(Some(&format!("{n}")), clock()).unwrap();
        author.device.say(doc, Role::User, &text, clock()).unwrap();
    }
    let ticket = author.device.link_device(workspace, clock()).unwrap();
    sync((&home_of_author, &mut author), &dial, &*clock, Goal::Synced, pending()).await;
    let code = author.device.code(workspace, ticket).unwrap().unwrap();
    let mut newcomer = home("newcomer", 20);
    newcomer.1.device.join(&code, clock()).unwrap();
    Pair { _folder: folder, newcomer, dial, clock }
}

impl Pair {
    async fn sync(&mut self, goal: Goal<'_>, stop: impl Future<Output = ()>) {
        let (home, open) = &mut self.newcomer;
        sync((home, open), &self.dial, &*self.clock, goal, stop).await;
    }

    /// How many documents nobody has taken in yet.
    fn left(&mut self) -> usize {
        let mut left = 1;
        while self.newcomer.1.device.index_one((self.clock)()).unwrap() {
            left += 1;
        }
        left
    }
}

#[tokio::test(start_paused = true)]
async fn a_fast_line_does_not_wait_for_documents_that_nobody_has_asked_for() {
    let mut pair = pair(usize::MAX).await;
    pair.sync(Goal::Synced, pending()).await;
    let left = pair.left();
    assert!(left > DOCUMENTS - 3, "{left} of {DOCUMENTS} are left");
}

#[tokio::test(start_paused = true)]
async fn documents_are_taken_in_while_a_relay_keeps_its_device_waiting_for_the_rest() {
    let mut pair = pair(2).await;
    pair.sync(Goal::Forever, sleep(Duration::from_secs(5))).await;
    assert_eq!(pair.left(), 1, "nothing is left of what has come");
}
