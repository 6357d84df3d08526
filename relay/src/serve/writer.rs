//! The thread that owns the relay: everything that changes or reads a log happens here, one thing after another.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::inbox::{Event, INBOX_EVENTS};
use super::line::Line;
use crate::clock::Clock;
use crate::storage::Storage;
use crate::{ConnId, Relay};

/// How long a commit may take before it is worth a line in the log: people notice one that takes longer.
const SLOW_COMMIT: Duration = Duration::from_millis(500);

/// The relay, and the way to each of its connections.
pub(super) struct Writer<S> {
    relay: Relay<S>,
    runtime: Handle,
    /// Weak: the thread ends when nobody else can tell it anything.
    events: mpsc::WeakSender<Event>,
    lines: HashMap<ConnId, Line>,
    clock: Clock,
    is_stopping: bool,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    End,
}

impl<S: Storage> Writer<S> {
    pub(super) fn new(relay: Relay<S>, runtime: Handle, events: mpsc::WeakSender<Event>) -> Self {
        Self { relay, runtime, events, lines: HashMap::new(), clock: Clock::start(), is_stopping: false }
    }

    /// Handles what arrives until it is told to end, or nobody is left to tell it anything.
    pub(super) fn run(mut self, mut arriving: mpsc::Receiver<Event>) {
        while let Some(first) = self.wait(&mut arriving) {
            if self.handle_arrived(first, &mut arriving) == Next::End {
                break;
            }
            let now = self.clock.now();
            if self.relay.is_letting_go_due(now) {
                self.relay.let_some_go(now);
            }
        }
        tracing::debug!("the thread that writes ends");
    }

    /// The next event; `None` if there will be no more.
    fn wait(&mut self, arriving: &mut mpsc::Receiver<Event>) -> Option<Event> {
        while self.relay.has_to_let_go() {
            match arriving.try_recv() {
                Ok(event) => return Some(event),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    let now = self.clock.now();
                    if self.relay.poll_timeout().is_some_and(|due| due <= now) {
                        return Some(Event::Due);
                    }
                    self.relay.let_some_go(now);
                }
            }
        }
        let Some(due) = self.relay.poll_timeout() else {
            return self.runtime.block_on(arriving.recv());
        };
        let left = Duration::from_millis(due.since(self.clock.now()));
        // The timer has to be made on the runtime.
        let waited = self.runtime.block_on(async { tokio::time::timeout(left, arriving.recv()).await });
        waited.unwrap_or(Some(Event::Due))
    }

    /// One turn: everything that has arrived, one commit, everything that follows from it.
    fn handle_arrived(&mut self, first: Event, arriving: &mut mpsc::Receiver<Event>) -> Next {
        let arrived = std::iter::once(first).chain(std::iter::from_fn(|| arriving.try_recv().ok()));
        let mut next = Next::Continue;
        // What arrives beyond that waits for the next turn, or a flood would put the commit off for ever.
        for event in arrived.take(INBOX_EVENTS) {
            if matches!(event, Event::End) {
                next = Next::End;
                break;
            }
            self.handle(event);
        }
        self.relay.handle_timeout(self.clock.now());
        self.commit();
        self.transmit();
        next
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            // Its line is dropped, which closes it.
            Event::Connected(..) if self.is_stopping => {}
            Event::Connected(conn, line) => {
                self.relay.connect(conn, now);
                self.lines.insert(conn, line);
            }
            Event::Frame(conn, frame, _room) => self.relay.handle_frame(conn, &frame, now),
            Event::Disconnected(conn) => {
                self.relay.disconnect(conn);
                self.lines.remove(&conn);
            }
            Event::Writable(conn) => self.relay.set_writable(conn, true),
            // Whoever asked may be gone.
            Event::Ping(answer) => drop(answer.send(())),
            Event::IsReady(answer) => drop(answer.send(self.relay.check_storage(now))),
            Event::Stop => {
                self.is_stopping = true;
                self.relay.shutdown(now);
            }
            Event::Due | Event::End => {}
        }
    }

    fn commit(&mut self) {
        if !self.relay.needs_flush() {
            return;
        }
        let begun = Instant::now();
        self.relay.flush(self.clock.now());
        let took = begun.elapsed();
        if took > SLOW_COMMIT {
            tracing::warn!(millis = took.as_millis(), "a commit was slow");
        }
    }

    fn transmit(&mut self) {
        while let Some((conn, frame)) = self.relay.poll_transmit() {
            // A connection without a line has ended, and the event that says so is on its way.
            let Some(line) = self.lines.get(&conn) else { continue };
            if let Err(frame) = line.offer(Bytes::from_owner(frame)) {
                self.relay.set_writable(conn, false);
                self.runtime.spawn(line.offer_later(frame, self.events.clone(), Event::Writable(conn)));
            }
        }
        while let Some(conn) = self.relay.poll_close() {
            self.lines.remove(&conn);
        }
    }
}
