//! One connection: how far it has got, and what waits to be sent on it.

use std::collections::VecDeque;
use std::sync::Arc;

use bowline_wire::frame::{Party, Transcript};
use bowline_wire::ids::{Millis, Position, StateDigest, WorkspaceId};

use crate::config::{FEED_BYTES, FEED_FRAMES, QUEUE_BYTES, QUEUE_FRAMES};
use crate::rate::Idle;

/// A connection, numbered by whoever drives the relay. A number may be used again after [`crate::Relay::poll_close`]
/// gave it or [`crate::Relay::disconnect`] took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What a Hello said, once it has a Challenge.
#[derive(Debug)]
pub(crate) struct Greeted {
    /// Capabilities both sides have, ascending.
    pub(crate) capabilities: Vec<String>,
    /// Hello and Challenge.
    pub(crate) said: Transcript,
}

/// What a session may be there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brings {
    /// What its party writes: the roster says whether it may.
    Own,
    /// As well, what a log had that was lost and is begun again: the record by which the party came in may be among it.
    LostLog,
}

/// Who has proven to be there, and for which workspace.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) workspace: WorkspaceId,
    pub(crate) party: Party,
    /// Capabilities both sides have, ascending.
    pub(crate) capabilities: Vec<String>,
    /// Hello, Challenge and Proof.
    pub(crate) said: Transcript,
    pub(crate) brings: Brings,
}

/// How far a connection has got.
#[derive(Debug)]
pub(crate) enum State {
    /// Waits for a Hello.
    Connected,
    /// Waits for a Proof.
    Challenged(Greeted),
    /// Has proven who it is; its Welcome follows when the workspace is durable.
    Creating(Greeting),
    /// Was welcomed.
    Open(Member),
    /// Was told goodbye; ends when its queue is empty.
    Closing,
}

/// A proven connection.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) workspace: WorkspaceId,
    pub(crate) party: Party,
    pub(crate) feed: Feed,
    /// Whether both sides say and hear what devices hold; never with a ticket's holder.
    pub(crate) hears_holdings: bool,
    /// Whether both sides give and take states; never with a ticket's holder.
    pub(crate) takes_states: bool,
    /// What it was last asked, while bodies are lost.
    pub(crate) asked: Asked,
    pub(crate) brings: Brings,
}

/// What was last asked of a session, while the relay lacks bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// When it was asked; `None` if it was not, or has answered since.
    pub(crate) at: Option<Millis>,
    /// The last position that it was asked for: the next question is about what follows.
    pub(crate) up_to: Position,
}

impl Asked {
    pub(crate) const NOTHING: Self = Self { at: None, up_to: Position::START };
}

/// A state on its way here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    /// Whom it was asked of.
    pub(crate) conn: ConnId,
    pub(crate) digest: StateDigest,
    /// How many bytes it has, once the first of them are here.
    pub(crate) len: Option<u64>,
    pub(crate) received: u64,
    /// When something of it was last asked for.
    pub(crate) asked: Millis,
}

/// What a session is being sent, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Nothing, or everything it asked for has been queued.
    Idle,
    /// Entries after this position, and new ones for as long as it stays.
    Entries(Position),
    /// Roster records after this position.
    Records(Position),
    /// What stays by the state of this digest, after this position, and then the entries behind its place.
    Kept(StateDigest, Position),
}

/// The frames that wait to be sent on one connection. Bounded: see [`Outbox::wants_feed`] and [`Outbox::fits`].
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Outbox {
    /// Whether entries may be queued. If not, they stay in storage until the reader has caught up.
    pub(crate) fn wants_feed(&self) -> bool {
        self.bytes < FEED_BYTES && self.frames.len() < FEED_FRAMES
    }

    /// Whether an answer of `len` bytes may be queued.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.bytes + len <= QUEUE_BYTES && self.frames.len() < QUEUE_FRAMES
    }

    pub(crate) fn push(&mut self, frame: Arc<[u8]>) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<[u8]>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.bytes, self.frames.len())
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: State,
    pub(crate) out: Outbox,
    /// Whether the driver takes frames for this connection.
    pub(crate) writable: bool,
    /// Whether the session stands in the queue of those with something to send.
    pub(crate) is_ready: bool,
    /// What the peer has sent that brought nothing.
    pub(crate) idle: Idle,
    /// When the connection is given up; `None` for as long as it may stay.
    pub(crate) deadline: Option<Millis>,
}

impl Session {
    pub(crate) fn new(deadline: Millis) -> Self {
        Self {
            state: State::Connected,
            out: Outbox::default(),
            writable: true,
            is_ready: false,
            idle: Idle::default(),
            deadline: Some(deadline),
        }
    }

    /// The workspace of a session that has proven who it is; `None` before that and after its goodbye.
    pub(crate) fn workspace(&self) -> Option<WorkspaceId> {
        match &self.state {
            State::Creating(greeting) => Some(greeting.workspace),
            State::Open(member) => Some(member.workspace),
            State::Connected | State::Challenged(..) | State::Closing => None,
        }
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        match &self.state {
            State::Open(member) => Some(member),
            _ => None,
        }
    }

    pub(crate) fn set_feed(&mut self, feed: Feed) {
        if let State::Open(member) = &mut self.state {
            member.feed = feed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(frames: usize, bytes: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 1..frames {
            outbox.push(Arc::from([].as_slice()));
        }
        outbox.push(Arc::from(vec![0; bytes]));
        assert_eq!((outbox.frames.len(), outbox.bytes), (frames, bytes));
        outbox
    }

    #[test]
    fn entries_are_queued_up_to_so_many_bytes_and_frames() {
        assert!(waiting(1, FEED_BYTES - 1).wants_feed() && waiting(FEED_FRAMES - 1, 1).wants_feed());
        assert!(!waiting(1, FEED_BYTES).wants_feed() && !waiting(FEED_FRAMES, 1).wants_feed());
    }

    #[test]
    fn answers_are_queued_up_to_so_many_bytes_and_frames() {
        assert!(waiting(1, QUEUE_BYTES - 10).fits(10) && !waiting(1, QUEUE_BYTES - 10).fits(11));
        assert!(waiting(QUEUE_FRAMES - 1, 1).fits(1) && !waiting(QUEUE_FRAMES, 1).fits(1));
    }
}
