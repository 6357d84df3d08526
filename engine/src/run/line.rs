//! One workspace's line to its relay: dialling, up, closing, and when to try again.

mod failure;

use std::sync::Arc;
use std::time::Duration;

use bowline_core::sync::{Awaited, RelayFault};
use bowline_transport::{Address, AddressError, Backoff, Dial, DialError, Ended, Link, LinkError};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{LineKey, Millis, Position, WorkspaceId};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use bowline_device::{LineFailure, Parting};

/// Milliseconds until a relay that turned this device away is asked again: somebody has to do something first.
const AFTER_REFUSAL: u64 = 600_000;

/// Milliseconds that everything has to have been here for a connection to count as one that held: a relay that lets a
/// device in and then drops it, every time, is not dialled without a pause.
const HELD: u64 = 5_000;

/// Milliseconds without an answer after which a person is told what is being waited for.
const SAY_AFTER: u64 = 4_000;

/// Connections that may follow one another at once: what a newcomer needs to try both ways in and to come back as a device.
const MAX_FOLLOWS: u32 = 3;

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum LineError {
    /// Misuse: the address that the workspace was made with cannot be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The environment, or the relay: no connection could be made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The environment, or the relay: the connection broke.
    #[error(transparent)]
    Lost(#[from] LinkError),
    /// The relay closed the connection and said why.
    #[error("the relay closed the connection: {0:?}")]
    Goodbye(Reason),
    /// The relay closed the connection without a word.
    #[error("the relay closed the connection without saying why")]
    Closed,
    /// The relay, or the environment: this was not answered for as long as it may take.
    #[error("the relay is silent: its {0:?} is due")]
    Silent(Awaited),
    /// This device closed the connection, because of what the relay did.
    #[error(transparent)]
    Fault(RelayFault),
    /// Another process that syncs this home has no connection.
    #[error("the process that syncs has no connection: {0:?}")]
    Elsewhere(LineFailure),
}

/// What a line's task has to tell, and which line it was.
pub(super) struct Said {
    pub(super) workspace: WorkspaceId,
    pub(super) life: u64,
    pub(super) happened: Happened,
}

pub(super) enum Happened {
    /// The line is connected; with the key of the relay's certificate, if the line has proven it.
    Up(Option<LineKey>),
    Frame(Bytes),
    /// The socket is closed.
    Down(Option<Box<LineError>>),
}

/// What a line trusts when the relay's certificate holds another key than the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing: the key in the address is all that is known of the relay.
    Nobody,
    /// The relay's identity, which is known: it has to sign the other key in its challenge.
    Identity,
}

/// Whom a task speaks for.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    workspace: WorkspaceId,
    life: u64,
}

impl Said {
    pub(super) fn from(workspace: WorkspaceId, life: u64) -> Whose {
        Whose { workspace, life }
    }
}

impl Whose {
    fn says(self, happened: Happened) -> Said {
        Said { workspace: self.workspace, life: self.life, happened }
    }
}

/// How far a line is.
enum State {
    /// There is no connection, and none is dialled before this time.
    Down { until: Millis },
    /// A task is dialling. Dropping the sender tells it that the line is not wanted any more.
    Dialling { life: u64, outbound: mpsc::UnboundedSender<Bytes>, task: AbortHandle },
    /// Frames go both ways.
    Up { life: u64, outbound: mpsc::UnboundedSender<Bytes>, task: AbortHandle },
    /// Everything was handed over; the socket is about to close.
    Closing { life: u64, wanted: bool, task: AbortHandle },
}

/// What a line waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The relay is being dialled.
    Connection,
    /// The relay is connected, and owes this.
    For(Awaited),
}

/// A workspace's line.
pub(super) struct Line {
    state: State,
    /// Since when the line is up or down.
    since: Millis,
    backoff: Backoff,
    /// Connections in a row that came to nothing.
    failures: u32,
    /// Why there is no connection.
    error: Option<Arc<LineError>>,
    /// Whether everything was here on this connection.
    live: bool,
    /// Since when everything has been here on this connection.
    live_since: Option<Millis>,
    /// When everything was here last.
    last_live: Option<Millis>,
    /// The position that was last told to people.
    told: Option<Position>,
    /// What is being waited for, and since when nothing has come of it.
    awaits: Option<(Waiting, Millis)>,
    /// Whether people were told of waiting since everything was here last and nothing was owed.
    has_told: bool,
    /// Whether the next connection follows this one at once.
    follow: bool,
    /// Connections in a row that followed the one before at once.
    follows: u32,
}

impl Line {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            state: State::Down { until: now },
            since: now,
            backoff: Backoff::default(),
            failures: 0,
            error: None,
            live: false,
            live_since: None,
            last_live: None,
            told: None,
            awaits: None,
            has_told: false,
            follow: false,
            follows: 0,
        }
    }

    pub(super) fn life(&self) -> Option<u64> {
        match &self.state {
            State::Down { .. } => None,
            State::Dialling { life, .. } | State::Up { life, .. } | State::Closing { life, .. } => {
                Some(*life)
            }
        }
    }

    /// Whether the relay was not reached yet.
    pub(super) fn is_dialling(&self) -> bool {
        matches!(self.state, State::Dialling { .. })
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Whether a socket may be open.
    pub(super) fn has_task(&self) -> bool {
        !matches!(self.state, State::Down { .. })
    }

    /// Whether there is no line, and none is to be.
    pub(super) fn is_off(&self) -> bool {
        matches!(self.state, State::Down { until } if until.0 == u64::MAX)
    }

    pub(super) fn is_live(&self) -> bool {
        self.live && self.is_up()
    }

    pub(super) fn since(&self) -> Millis {
        self.since
    }

    pub(super) fn last_live(&self) -> Option<Millis> {
        self.last_live
    }

    pub(super) fn error(&self) -> Option<&Arc<LineError>> {
        self.error.as_ref()
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// When the line is dialled next; `None` if it is not to be.
    pub(super) fn due(&self) -> Option<Millis> {
        match self.state {
            State::Down { until } if until.0 < u64::MAX => Some(until),
            _ => None,
        }
    }

    pub(super) fn is_due(&self, now: Millis) -> bool {
        match self.state {
            // No pause is longer than this one: if it seems so, there was none, or the clock was set back.
            State::Down { until } => until <= now || until.since(now) > AFTER_REFUSAL,
            _ => false,
        }
    }

    pub(super) fn dial<D: Dial>(
        &mut self,
        dial: Arc<D>,
        address: &str,
        follows: Follows,
        whose: Whose,
        said: mpsc::Sender<Said>,
        now: Millis,
    ) {
        self.live = false;
        self.live_since = None;
        self.told = None;
        self.follow = false;
        let address = match address.parse::<Address>() {
            Ok(address) => address,
            Err(why) => {
                self.failed(Arc::new(why.into()));
                self.state = State::Down { until: now.plus(AFTER_REFUSAL) };
                return;
            }
        };
        let (outbound, frames) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let ended = carry(&*dial, &address, follows, whose, &said, frames).await;
            // Nobody listens once the loop has ended.
            let _unheard = said.send(whose.says(Happened::Down(ended.map(Box::new)))).await;
        });
        self.state = State::Dialling { life: whose.life, outbound, task: task.abort_handle() };
    }

    pub(super) fn came_up(&mut self, now: Millis) {
        let state = std::mem::replace(&mut self.state, State::Down { until: now });
        self.state = match state {
            State::Dialling { life, outbound, task } => State::Up { life, outbound, task },
            other => other,
        };
        self.since = now;
    }

    /// How much waits is bounded by what the sync machine lets be on its way (`MAX_IN_FLIGHT` in core).
    pub(super) fn send(&self, frame: Vec<u8>) {
        if let State::Up { outbound, .. } = &self.state {
            // A line that has just ended takes nothing; what mattered is sent again on the next one.
            let _ended = outbound.send(frame.into());
        }
    }

    /// Closes the line once everything that was handed over is sent.
    pub(super) fn close(&mut self) {
        if let State::Up { life, task, .. } = &self.state {
            self.state = State::Closing { life: *life, wanted: true, task: task.clone() };
        }
    }

    /// Forgets what went wrong before, since a person wants the line closed.
    pub(super) fn forget_errors(&mut self) {
        (self.failures, self.follows) = (0, 0);
        self.error = None;
    }

    /// Ends a line that is wanted no more; true if the device knew of a connection.
    pub(super) fn hang_up(&mut self, now: Millis) -> bool {
        self.live = false;
        match &self.state {
            State::Down { .. } => {
                self.state = State::Down { until: Millis(u64::MAX) };
                false
            }
            State::Dialling { task, .. } => {
                task.abort();
                self.state = State::Down { until: Millis(u64::MAX) };
                self.since = now;
                false
            }
            State::Up { life, task, .. } => {
                self.state = State::Closing { life: *life, wanted: false, task: task.clone() };
                true
            }
            State::Closing { life, task, .. } => {
                self.state = State::Closing { life: *life, wanted: false, task: task.clone() };
                false
            }
        }
    }

    /// Closes the socket now, whatever is left to be sent or said. Nothing more is heard from it.
    pub(super) fn cut(&mut self) {
        match &self.state {
            State::Down { .. } => {}
            State::Dialling { task, .. } | State::Up { task, .. } | State::Closing { task, .. } => {
                task.abort();
            }
        }
    }

    /// Notes what the relay owes while the line is up. Returns what is being waited for once people have to be told.
    pub(super) fn note_awaited(&mut self, owed: Option<Awaited>, now: Millis) -> Option<Waiting> {
        let waits = match &self.state {
            State::Dialling { .. } => Some(Waiting::Connection),
            State::Up { .. } => owed.map(Waiting::For),
            State::Down { .. } | State::Closing { .. } => None,
        };
        if self.awaits.map(|(waiting, _)| waiting) != waits {
            self.awaits = waits.map(|waiting| (waiting, now));
        }
        let (waiting, _) =
            self.awaits.filter(|(_, since)| !self.has_told && now.since(*since) >= SAY_AFTER)?;
        self.has_told = true;
        Some(waiting)
    }

    /// Notes that a frame has come.
    pub(super) fn note_frame(&mut self, now: Millis) {
        if let Some((_, since)) = &mut self.awaits {
            *since = now;
        }
    }

    /// When people have to be told what is being waited for, if nothing comes until then.
    pub(super) fn tells_at(&self) -> Option<Millis> {
        self.awaits.filter(|_| !self.has_told).map(|(_, since)| since.plus(SAY_AFTER))
    }

    /// Notes that the socket of a line that is wanted no more is closed.
    pub(super) fn ended(&mut self) {
        self.state = State::Down { until: Millis(u64::MAX) };
    }

    /// Notes that the socket is closed. Returns why there is no connection and how long it is until the next one; `None` if none
    /// is wanted.
    pub(super) fn went_down(
        &mut self,
        why: Option<Box<LineError>>,
        parting: Parting,
        draw: u64,
        now: Millis,
    ) -> Option<(Arc<LineError>, Duration)> {
        let wanted = !matches!(self.state, State::Closing { wanted: false, .. });
        self.since = now;
        self.live = false;
        if self.live_since.take().is_some_and(|since| now.since(since) >= HELD) {
            self.backoff.reset();
            (self.failures, self.follows) = (0, 0);
        }
        if !wanted {
            self.ended();
            return None;
        }
        if std::mem::take(&mut self.follow) && self.follows < MAX_FOLLOWS {
            self.follows += 1;
            self.state = State::Down { until: now };
            return None;
        }
        let why = match (parting, why) {
            (Parting { fault: Some(fault), .. }, _) => LineError::Fault(fault),
            (Parting { goodbye: Some(reason), .. }, _) => LineError::Goodbye(reason),
            (Parting { silence: Some(owed), .. }, _) => LineError::Silent(owed),
            (_, Some(why)) => *why,
            (_, None) => LineError::Closed,
        };
        let pause = match &why {
            LineError::Goodbye(reason) if !may_pass(*reason) => Duration::from_millis(AFTER_REFUSAL),
            _ => self.backoff.next(draw),
        };
        self.state = State::Down { until: now.plus(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)) };
        let why = Arc::new(why);
        self.failed(Arc::clone(&why));
        Some((why, pause))
    }

    fn failed(&mut self, why: Arc<LineError>) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(why);
    }

    /// Whether this is the first time on this connection that everything is here; notes that it is.
    pub(super) fn turned_live(&mut self, now: Millis) -> bool {
        self.live_since.get_or_insert(now);
        self.error = None;
        self.has_told &= self.awaits.is_some();
        self.last_live = Some(now);
        !std::mem::replace(&mut self.live, true)
    }

    /// Whether people have not been told yet that everything up to this position is here; notes that they are now.
    pub(super) fn turned_to(&mut self, at: Position) -> bool {
        self.told.replace(at) != Some(at)
    }

    pub(super) fn is_to_follow(&mut self) {
        self.follow = true;
    }
}

/// Whether a relay that says this may say something else in a moment, without anybody's doing.
pub(super) fn may_pass(reason: Reason) -> bool {
    let is_lasting =
        matches!(reason, Reason::NoWorkspace | Reason::BadToken | Reason::BadProof | Reason::Version);
    !is_lasting && !reason.is_about_party() && !reason.is_about_draft()
}

/// Dials and carries frames until one side is done. Returns why it ended; `None` if it ended in order.
async fn carry<D: Dial>(
    dial: &D,
    address: &Address,
    follows: Follows,
    whose: Whose,
    said: &mpsc::Sender<Said>,
    mut frames: mpsc::UnboundedReceiver<Bytes>,
) -> Option<LineError> {
    let dialled = match (dial.dial(address).await, follows) {
        // Whether this is the relay's new key, its identity has to say in the challenge.
        (Err(DialError::WrongPin { found: Some(found), .. }), Follows::Identity) => {
            dial.dial(&address.clone().with_key(found)).await
        }
        (dialled, _) => dialled,
    };
    let link = match dialled {
        Ok(link) => link,
        Err(why) => return Some(why.into()),
    };
    // Where the line itself proves nothing (no TLS, or the system's trust), the challenge still has to name whom the
    // address names.
    let key = link.peer().relay.or_else(|| address.key()).map(|key| LineKey::from_bytes(*key.as_bytes()));
    if said.send(whose.says(Happened::Up(key))).await.is_err() {
        return None;
    }
    let outbound = futures_util::stream::poll_fn(move |cx| frames.poll_recv(cx));
    let deliver = |frame| async move { said.send(whose.says(Happened::Frame(frame))).await.is_ok() };
    match link.carry(outbound, deliver).await {
        Ended::ByUs => None,
        Ended::ByPeer => Some(LineError::Closed),
        Ended::Lost(why) => Some(why.into()),
    }
}

#[cfg(test)]
mod tests;
