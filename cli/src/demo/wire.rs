//! What the demo's relay hears and says: every frame after TLS is taken off, kept and counted.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bowline_engine::transport::{Ended, Frame, Link, Listen, Peer};
use futures_util::{Stream, StreamExt};

/// How long an orderly close may take to reach the relay's end of a connection, which is on this machine.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The relay's end of all connections.
#[derive(Debug, Default)]
pub struct Wire {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    heard: Heard,
    /// Connections that are open, by their number.
    open: BTreeSet<u64>,
    /// Every frame, both ways, one after the other. A demo is about a megabyte.
    bytes: Vec<u8>,
}

/// How much has passed between devices and relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Connections that were made.
    pub connections: u64,
    /// Frames, both ways.
    pub frames: u64,
}

impl Wire {
    /// How much has passed so far.
    pub fn heard(&self) -> Heard {
        self.lock().heard
    }

    /// Every byte of every frame so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Waits until the relay has seen the end of every connection; `false` if one stays open.
    pub(super) fn wait_until_closed(&self) -> bool {
        let waited =
            self.closed.wait_timeout_while(self.lock(), CLOSE_TIMEOUT, |state| !state.open.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.open.is_empty()
    }

    fn accept(&self) -> u64 {
        let mut state = self.lock();
        state.heard.connections += 1;
        let number = state.heard.connections;
        state.open.insert(number);
        number
    }

    fn record(&self, frame: &Frame) {
        let mut state = self.lock();
        state.heard.frames += 1;
        state.bytes.extend_from_slice(frame);
    }

    fn close(&self, number: u64) {
        self.lock().open.remove(&number);
        self.closed.notify_all();
    }

    /// Counts stay right whoever panicked while holding them.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener whose connections are recorded.
pub(super) struct Recorded<L> {
    listener: L,
    wire: Arc<Wire>,
}

impl<L> Recorded<L> {
    pub(super) fn new(listener: L, wire: Arc<Wire>) -> Self {
        Self { listener, wire }
    }
}

impl<L: Listen> Listen for Recorded<L> {
    type Link = RecordedLink<L::Link>;

    async fn accept(&mut self) -> Option<Self::Link> {
        let link = self.listener.accept().await?;
        let open = Open { number: self.wire.accept(), wire: Arc::clone(&self.wire) };
        Some(RecordedLink { link, open })
    }
}

/// A connection that is recorded.
pub(super) struct RecordedLink<L> {
    link: L,
    open: Open,
}

/// One open connection. Dropped with it, however it ends.
struct Open {
    number: u64,
    wire: Arc<Wire>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.wire.close(self.number);
    }
}

impl<L: Link> Link for RecordedLink<L> {
    fn peer(&self) -> &Peer {
        self.link.peer()
    }

    async fn carry<S, D, F>(self, outbound: S, mut deliver: D) -> Ended
    where
        S: Stream<Item = Frame> + Send + Unpin,
        D: FnMut(Frame) -> F + Send,
        F: Future<Output = bool> + Send,
    {
        let Self { link, open } = self;
        let outbound = outbound.inspect(|frame| open.wire.record(frame));
        let deliver = |frame: Frame| {
            open.wire.record(&frame);
            deliver(frame)
        };
        link.carry(outbound, deliver).await
    }
}
