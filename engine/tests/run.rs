//! Syncing a home: what the loop believes, when it dials again, and when it is done.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, in their own functions too")]

use std::future::{pending, ready};
use std::sync::Arc;

use bowline_engine::Home;
use bowline_engine::home::OpenDevice;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::{self, Event, Finished, Goal, Host, LineError, Standing, Waiting};
use bowline_engine::transport::RelayKey;
use bowline_engine::{Awaited, RelayFault};
use bowline_relay::keys::Identity;
use bowline_store::{Cursor, Store};
use bowline_transport::memory::{MemoryDialer, MemoryListener, network};
use bowline_transport::{Frame as Bytes, Link, Listen};
use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, Reason, Transcript};
use bowline_wire::ids::{LogHash, LogId, LogTime, Position};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};

const NOW: u64 = 1_700_000_000_000;

struct Desk {
    _folder: TempDir,
    home: Home,
    open: OpenDevice,
    workspace: WorkspaceId,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let home = Home::init(&folder.path().join("home"), &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let mut open = home.device(Box::new(ChaCha8Rng::seed_from_u64(2))).unwrap();
        let workspace = open.device.create_workspace("wss://relay.example/", "", Millis(NOW)).unwrap();
        Self { _folder: folder, home, open, workspace }
    }

    fn store(&self) -> Store {
        Store::open(&self.home.folder().join("bowline.db")).unwrap()
    }

    async fn reach(
        &mut self,
        dial: MemoryDialer,
        goal: Goal<'_>,
        stop: impl Future<Output = ()>,
    ) -> (Finished, Vec<Event>) {
        let began = tokio::time::Instant::now();
        let clock = move || Millis(NOW + u64::try_from(began.elapsed().as_millis()).unwrap());
        let mut events = Vec::new();
        let mut observer = |event| events.push(event);
        let host = Host { dial: Arc::new(dial), clock: &clock, observer: &mut observer };
        let finished = run::reach(&self.home, &mut self.open.device, host, goal, stop).await.unwrap();
        (finished, events)
    }
}

fn net() -> (MemoryDialer, MemoryListener) {
    network(RelayKey::from_bytes([7; 32]))
}

/// Says goodbye to the first that comes, and is gone.
async fn turn_one_away(mut listener: MemoryListener, reason: Reason) {
    let link = listener.accept().await.unwrap();
    drop(listener);
    let (say, mut said) = mpsc::unbounded_channel();
    let outbound = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
    let mut say = Some(say);
    let deliver = move |_| {
        if let Some(say) = say.take() {
            say.send(encode(&Frame::Goodbye { reason, text: String::new() }).into()).unwrap();
        }
        ready(true)
    };
    link.carry(outbound, deliver).await;
}

#[tokio::test(start_paused = true)]
async fn why_a_relay_cannot_be_dialled_is_not_what_it_said_on_an_earlier_connection() {
    let mut desk = Desk::new();
    let (dial, listener) = net();
    tokio::spawn(turn_one_away(listener, Reason::Shutdown));
    let (finished, events) = desk.reach(dial, Goal::Synced, pending()).await;
    let lost: Vec<_> = events.iter().filter(|event| matches!(event, Event::Lost(..))).collect();
    let [Event::Lost(_, first, _), Event::Lost(_, second, _)] = lost.as_slice() else { panic!("{events:?}") };
    assert!(matches!(**first, LineError::Goodbye(Reason::Shutdown)), "{first:?}");
    assert!(matches!(**second, LineError::Dial(_)), "{second:?}");
    assert!(matches!(finished.workspaces[&desk.workspace], Standing::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn what_was_synced_before_the_lock_was_held_is_believed() {
    let mut desk = Desk::new();
    let cursor = Cursor {
        log: LogId::from_bytes([3; 32]),
        pos: Position(5),
        time: LogTime::START,
        hash: LogHash::from_bytes([4; 32]),
        head: None,
    };
    let workspace = desk.workspace;
    desk.store().transaction(|tx| tx.set_cursor(workspace, &cursor)).unwrap();
    assert_eq!(desk.open.device.position(workspace).unwrap(), Position(0), "read before");
    let (finished, _) = desk.reach(net().0, Goal::Forever, ready(())).await;
    assert!(finished.stopped);
    assert_eq!(desk.open.device.position(workspace).unwrap(), Position(5));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_waits_for_another_one_is_told_what_will_not_be_sent() {
    let mut desk = Desk::new();
    let _syncs = desk.home.try_sync_lock().unwrap().unwrap();
    let workspace = desk.workspace;
    let line = serde_json::json!({ "stage": "live", "since": NOW, "position": 1, "last_live": NOW, "error": null,
        "retry_at": null, "stuck": "quota" });
    let report = serde_json::json!({ "pid": 1, "at": NOW, "lines": { workspace.to_string(): line } });
    desk.store().transaction(|tx| tx.put_meta("sync", report.to_string().as_bytes())).unwrap();
    let (finished, _) = desk.reach(net().0, Goal::Synced, pending()).await;
    let standing = &finished.workspaces[&workspace];
    assert!(matches!(standing, Standing::HeldUp(Reason::Quota)), "{standing:?}");
}

#[tokio::test(start_paused = true)]
async fn what_another_process_did_at_the_last_moment_is_known_when_waiting_for_it_ends() {
    let mut desk = Desk::new();
    let _syncs = desk.home.try_sync_lock().unwrap().unwrap();
    let (workspace, mut store) = (desk.workspace, desk.store());
    let mut question = |_: &mut bowline_engine::Device, _: Millis| {
        // The device has read the database, and does not ask it for this.
        let (log, time, hash) = (LogId::from_bytes([1; 32]), LogTime::START, LogHash::ZERO);
        let cursor = Cursor { log, pos: Position(5), time, hash, head: None };
        store.transaction(|tx| tx.set_cursor(workspace, &cursor))?;
        Ok(true)
    };
    desk.reach(net().0, Goal::Until(workspace, &mut question), pending()).await;
    assert_eq!(desk.open.device.position(workspace).unwrap(), Position(5));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_said_of_its_lines_is_gone_when_another_one_syncs() {
    let mut desk = Desk::new();
    let workspace = desk.workspace;
    let line = serde_json::json!({ "stage": "live", "since": 1, "position": 1, "last_live": 1, "error": null,
        "retry_at": null });
    let report = serde_json::json!({ "pid": 1, "at": 1, "lines": { workspace.to_string(): line } });
    desk.store().transaction(|tx| tx.put_meta("sync", report.to_string().as_bytes())).unwrap();
    let mut said = Vec::new();
    let mut question = |device: &mut bowline_engine::Device, _: Millis| {
        said.push(device.sync_report()?.unwrap());
        Ok(true)
    };
    desk.reach(net().0, Goal::Until(workspace, &mut question), pending()).await;
    assert_ne!(said[0].pid, 1);
}

/// Answers each frame that comes with what `say` makes of its number and bytes, and never closes a line.
async fn relay_saying(mut listener: MemoryListener, say: fn(usize, &[u8]) -> Vec<Frame>) {
    while let Some(link) = listener.accept().await {
        let (told, mut said) = mpsc::unbounded_channel();
        let outbound = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
        let mut number = 0;
        let deliver = move |heard: Bytes| {
            for frame in say(number, &heard) {
                let _gone = told.send(encode(&frame).into());
            }
            number += 1;
            ready(true)
        };
        tokio::spawn(link.carry(outbound, deliver));
    }
}

/// Takes every connection, and reads and says nothing on it, not even that it closes.
async fn deaf_relay(mut listener: MemoryListener) {
    let mut held = Vec::new();
    while let Some(link) = listener.accept().await {
        held.push(link);
    }
}

/// The challenge of a relay to a device that says this hello.
fn challenge(hello: &[u8]) -> Frame {
    let identity = Identity::from_secret(&[2; 32]);
    Frame::Challenge(identity.challenge(Transcript::START.then(hello), 1, [1; 32], None, Millis(NOW)))
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_within_seconds_and_called_silence_within_half_a_minute() {
    let challenges: fn(usize, &[u8]) -> Vec<Frame> =
        |number, hello| if number == 0 { vec![challenge(hello)] } else { Vec::new() };
    let nothing: fn(usize, &[u8]) -> Vec<Frame> = |_, _| Vec::new();
    for (say, owed) in [(nothing, Awaited::Challenge), (challenges, Awaited::Welcome)] {
        let (mut desk, (dial, listener)) = (Desk::new(), net());
        tokio::spawn(relay_saying(listener, say));
        let began = Instant::now();
        let (finished, events) = desk.reach(dial, Goal::Synced, pending()).await;
        assert_eq!(began.elapsed().as_secs(), 15, "{events:?}");
        let [Event::Connecting(_), Event::Waiting(_, waiting), Event::Lost(_, why, _)] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!(*waiting, Waiting::For(owed));
        assert!(matches!(**why, LineError::Silent(silent) if silent == owed), "{why:?}");
        assert!(matches!(finished.workspaces[&desk.workspace], Standing::Failed(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_sends_without_end_what_brings_nothing_is_given_up_at_once() {
    let (mut desk, (dial, listener)) = (Desk::new(), net());
    tokio::spawn(relay_saying(listener, |_, hello| vec![challenge(hello); 5000]));
    let began = Instant::now();
    let (finished, events) = desk.reach(dial, Goal::Synced, pending()).await;
    let Standing::Failed(why) = &finished.workspaces[&desk.workspace] else { panic!("{events:?}") };
    assert!(matches!(**why, LineError::Fault(RelayFault::BringsNothing)), "{why:?}");
    assert_eq!(began.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_told_to_end_waits_less_than_a_second_for_a_relay_that_does_not_close() {
    for told in [1, 2, 10] {
        let (mut desk, (dial, listener)) = (Desk::new(), net());
        tokio::spawn(deaf_relay(listener));
        let began = Instant::now();
        let (finished, _) = desk.reach(dial, Goal::Forever, sleep(Duration::from_secs(told))).await;
        assert!(finished.stopped);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(told + 1), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_silent_again_and_again_is_dialled_ever_more_rarely() {
    let (mut desk, (dial, listener)) = (Desk::new(), net());
    tokio::spawn(relay_saying(listener, |_, _| Vec::new()));
    let (_, events) = desk.reach(dial, Goal::Forever, sleep(Duration::from_hours(1))).await;
    let pauses = events.iter().filter_map(|event| match event {
        Event::Lost(_, why, pause) if matches!(**why, LineError::Silent(Awaited::Challenge)) => Some(*pause),
        _ => None,
    });
    let pauses: Vec<Duration> = pauses.collect();
    assert!(
        pauses.len() < 120 && pauses.iter().skip(5).any(|pause| *pause > Duration::from_secs(20)),
        "{pauses:?}"
    );
    let told = events.iter().filter(|event| matches!(event, Event::Waiting(..))).count();
    assert_eq!(told, 1, "people are told once, not on every connection");
}

/// What another process, which syncs, says of the workspace.
fn other_process_says(desk: &Desk, stuck: Option<&str>) {
    let line = serde_json::json!({ "stage": "live", "since": NOW, "position": 1, "last_live": NOW, "error": null,
        "retry_at": null, "stuck": stuck });
    let report = serde_json::json!({ "pid": 1, "at": NOW, "lines": { desk.workspace.to_string(): line } });
    desk.store().transaction(|tx| tx.put_meta("sync", report.to_string().as_bytes())).unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_what_cannot_be_sent_is_told_so_within_seconds() {
    for (stuck, seconds) in [(Some("distrusted"), 0), (Some("quota"), 4), (None, 60)] {
        let mut desk = Desk::new();
        let _syncs = desk.home.try_sync_lock().unwrap().unwrap();
        other_process_says(&desk, stuck);
        let workspace = desk.workspace;
        let mut never = |_: &mut bowline_engine::Device, _: Millis| Ok(false);
        let began = Instant::now();
        let (finished, _) = desk.reach(net().0, Goal::Until(workspace, &mut never), pending()).await;
        assert_eq!(began.elapsed().as_secs(), seconds, "{stuck:?}");
        let standing = &finished.workspaces[&workspace];
        let is_right = match stuck {
            None => matches!(standing, Standing::Unanswered),
            Some(_) => matches!(standing, Standing::NotReady(_) | Standing::HeldUp(_)),
        };
        assert!(is_right, "{standing:?}");
    }
}
