//! Carries frames over one WebSocket, both ways at once, in one task.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bowline_wire::limits::MAX_FRAME;
use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::Frame as Fragment;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::Socket;
use super::keepalive::{Due, Keepalive};
use super::watch::Watch;
use crate::{Ended, Frame, LinkError};

/// Bytes of a frame that travel as one WebSocket fragment. Buffers grow to the largest fragment that passed and stay so,
/// on both sides, which makes this the price of every connection that ever carried a large frame. In return answers to
/// pings find a gap in a frame that takes minutes. With its header a fragment stays within a TLS record of 8 KiB.
pub(super) const FRAGMENT: usize = 8 * 1024 - 16;

/// How long closing may take, from the last frame to the peer's answer: enough to send [`MAX_FRAME`] bytes over a
/// megabit, short enough for whoever waits for a program to end.
const CLOSING: Duration = Duration::from_secs(10);

/// How long the last bytes of a line that has already ended may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Fragments sent before reading gets its turn.
const FRAGMENTS_PER_TURN: usize = 16;

/// See [`crate::Link::carry`].
pub(super) async fn carry<S, D, F>(websocket: WebSocketStream<Socket>, outbound: S, mut deliver: D) -> Ended
where
    S: Stream<Item = Frame> + Unpin,
    D: FnMut(Frame) -> F,
    F: Future<Output = bool>,
{
    let mut line = Line::new(websocket, outbound);
    let ended = loop {
        let frame = match poll_fn(|cx| line.poll_frame(cx)).await {
            Ok(frame) => frame,
            Err(ended) => break ended,
        };
        let mut delivery = pin!(deliver(frame));
        match poll_fn(|cx| line.poll_delivery(cx, delivery.as_mut())).await {
            Ok(true) => {}
            Ok(false) => line.stop(),
            Err(ended) => break ended,
        }
    };
    // Whoever waits has waited long enough; what does not go out now is lost, and nobody relies on it.
    let _ = timeout(GOODBYE, line.part(&ended)).await;
    ended
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Frames go both ways.
    Open,
    /// We are done: the frame that was begun is sent, then the close message.
    Draining,
    /// The close message was written; the peer has to answer it.
    Closing {
        /// Whether the system has taken it, and with it everything before.
        flushed: bool,
    },
    /// The peer's close message came: it is answered, and the socket closed.
    PeerClosed,
}

/// A frame of which some fragments are still to be sent.
struct Outgoing {
    rest: Bytes,
    begun: bool,
}

impl Outgoing {
    /// The next fragment, and whether it is the last.
    fn next_fragment(&mut self) -> (Message, bool) {
        let piece = self.rest.split_to(self.rest.len().min(FRAGMENT));
        let kind = if mem::replace(&mut self.begun, true) { Data::Continue } else { Data::Binary };
        let last = self.rest.is_empty();
        (Message::Frame(Fragment::message(piece, OpCode::Data(kind), last)), last)
    }
}

struct Line<S> {
    websocket: WebSocketStream<Socket>,
    outbound: S,
    outgoing: Option<Outgoing>,
    phase: Phase,
    /// Whether `deliver` wants nothing more.
    discards: bool,
    /// Why nothing more can be sent.
    failure: Option<LinkError>,
    keepalive: Keepalive,
    watch: Watch,
    ping: bool,
    /// While open, when keepalive or watch are due; afterwards, when closing has taken too long.
    clock: Pin<Box<Sleep>>,
    writes_first: bool,
}

impl<S: Stream<Item = Frame> + Unpin> Line<S> {
    fn new(websocket: WebSocketStream<Socket>, outbound: S) -> Self {
        let keepalive = Keepalive::new(Instant::now());
        Self {
            websocket,
            outbound,
            outgoing: None,
            phase: Phase::Open,
            discards: false,
            failure: None,
            clock: Box::pin(sleep_until(keepalive.deadline())),
            keepalive,
            watch: Watch::new(Instant::now()),
            ping: false,
            writes_first: false,
        }
    }

    /// Sends what there is to send until a frame has come or the line has ended.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, Ended>> {
        // A peer that goes on talking does not keep a line from closing.
        if self.phase != Phase::Open
            && let Poll::Ready(ended) = self.poll_clock(cx, true)
        {
            return Poll::Ready(Err(ended));
        }
        // Whichever goes first may use up what the runtime grants a task per turn, so they alternate.
        self.writes_first = !self.writes_first;
        if self.writes_first {
            self.write(cx);
        }
        let read = self.poll_read(cx);
        self.keepalive.hear(self.websocket.get_ref().received(), Instant::now);
        if self.phase == Phase::Open
            && let Err(error) = self.watch.look(self.websocket.get_ref().framing(), Instant::now)
        {
            return Poll::Ready(Err(Ended::Lost(error)));
        }
        // A peer that is gone may have said why before: read that first.
        if read.is_ready() && matches!(self.failure, None | Some(LinkError::Io(_))) {
            return read;
        }
        if !self.writes_first {
            self.write(cx);
        }
        let late = self.poll_clock(cx, true);
        match self.failure.take() {
            Some(failure) => Poll::Ready(Err(Ended::Lost(failure))),
            None => late.map(Err),
        }
    }

    /// Sends what there is to send until `delivery` is done. It is dropped unfinished only when closing takes too long:
    /// whoever delivers is not to be stopped halfway because the line breaks.
    fn poll_delivery<F>(&mut self, cx: &mut Context<'_>, delivery: Pin<&mut F>) -> Poll<Result<bool, Ended>>
    where
        F: Future<Output = bool>,
    {
        self.write(cx);
        if let Poll::Ready(wants_more) = delivery.poll(cx) {
            let now = Instant::now();
            self.keepalive.listen_anew(now);
            self.watch.read_anew(now);
            return Poll::Ready(Ok(wants_more));
        }
        self.poll_clock(cx, false).map(Err)
    }

    /// Takes nothing more from anyone and closes the line.
    fn stop(&mut self) {
        self.discards = true;
        if self.phase == Phase::Open {
            self.leave_open(Phase::Draining);
        }
    }

    fn leave_open(&mut self, phase: Phase) {
        self.phase = phase;
        self.clock.as_mut().reset(Instant::now() + CLOSING);
    }

    /// The next frame. Answers to pings and to a close message are written by the WebSocket itself.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, Ended>> {
        loop {
            match ready!(self.websocket.poll_next_unpin(cx)) {
                Some(Ok(Message::Binary(frame))) if !self.discards => return Poll::Ready(Ok(frame)),
                Some(Ok(Message::Text(_))) => return Poll::Ready(Err(Ended::Lost(LinkError::Text))),
                Some(Ok(Message::Close(_))) => {
                    if matches!(self.phase, Phase::Open | Phase::Draining) {
                        self.leave_open(Phase::PeerClosed);
                    }
                }
                // Whoever sends nothing but these is watched; there is more to do than to read them.
                Some(Ok(_)) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Err(error)) => return Poll::Ready(Err(self.ended_with(link_error(error)))),
                None => {
                    let cut = LinkError::Io(io::ErrorKind::UnexpectedEof.into());
                    return Poll::Ready(Err(self.ended_with(cut)));
                }
            }
        }
    }

    /// How a line ends that cannot be read any further: once everything was said, being cut is as good as being closed.
    fn ended_with(&self, error: LinkError) -> Ended {
        match (self.phase, error) {
            (Phase::Closing { flushed: true }, LinkError::Io(_)) => Ended::ByUs,
            (Phase::PeerClosed, LinkError::Io(_)) => Ended::ByPeer,
            (_, error) => Ended::Lost(error),
        }
    }

    /// Sends until the line is full, there is nothing to send, or it is reading's turn.
    fn write(&mut self, cx: &mut Context<'_>) {
        for _ in 0..FRAGMENTS_PER_TURN {
            if self.failure.is_some() {
                return;
            }
            match self.poll_send(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.failure = Some(error),
                Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Sends one message, once those before it are out: no more than one fragment waits in our buffers.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        ready!(self.websocket.poll_flush_unpin(cx)).map_err(link_error)?;
        if let Phase::Closing { flushed } = &mut self.phase {
            *flushed = true;
        }
        let message = ready!(self.poll_message(cx))?;
        Poll::Ready(self.websocket.start_send_unpin(message).map_err(link_error))
    }

    /// The next message to send.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, LinkError>> {
        loop {
            if matches!(self.phase, Phase::Closing { .. } | Phase::PeerClosed) {
                return Poll::Pending;
            }
            if mem::take(&mut self.ping) {
                return Poll::Ready(Ok(Message::Ping(Bytes::new())));
            }
            if let Some(outgoing) = &mut self.outgoing {
                let (fragment, last) = outgoing.next_fragment();
                if last {
                    self.outgoing = None;
                }
                return Poll::Ready(Ok(fragment));
            }
            if self.phase == Phase::Draining {
                self.phase = Phase::Closing { flushed: false };
                return Poll::Ready(Ok(close(CloseCode::Normal)));
            }
            match ready!(self.outbound.poll_next_unpin(cx)) {
                Some(frame) if frame.len() > MAX_FRAME => {
                    return Poll::Ready(Err(LinkError::OwnFrameTooLarge(frame.len())));
                }
                Some(frame) => self.outgoing = Some(Outgoing { rest: frame, begun: false }),
                None => self.leave_open(Phase::Draining),
            }
        }
    }

    /// What the time that has passed means; ready when it ends the line. `listening`: whether anything is being read.
    fn poll_clock(&mut self, cx: &mut Context<'_>, listening: bool) -> Poll<Ended> {
        loop {
            // Whatever reading has used up of what the runtime grants a task per turn, time passes.
            ready!(pin!(unconstrained(self.clock.as_mut())).poll(cx));
            match self.phase {
                Phase::Open if listening && self.watch.deadline().is_some_and(|at| at <= Instant::now()) => {
                    return Poll::Ready(Ended::Lost(LinkError::Slow));
                }
                Phase::Open => match self.keepalive.due(Instant::now(), listening) {
                    Due::Nothing => {}
                    Due::Ping => {
                        self.ping = true;
                        self.write(cx);
                    }
                    Due::GiveUp => return Poll::Ready(Ended::Lost(LinkError::Silent)),
                },
                Phase::Draining | Phase::Closing { flushed: false } => {
                    return Poll::Ready(Ended::Lost(LinkError::NotFlushed));
                }
                Phase::Closing { flushed: true } => return Poll::Ready(Ended::ByUs),
                Phase::PeerClosed => return Poll::Ready(Ended::ByPeer),
            }
            if self.phase == Phase::Open {
                let watched = self.watch.deadline().filter(|_| listening);
                let due = self.keepalive.deadline();
                self.clock.as_mut().reset(watched.map_or(due, |at| at.min(due)));
            }
        }
    }

    /// Tells a peer that broke the rules why the line ends, and closes the socket in order.
    async fn part(&mut self, ended: &Ended) -> Result<(), Error> {
        match ended {
            Ended::ByUs | Ended::ByPeer => {}
            Ended::Lost(LinkError::TooLarge) => self.websocket.send(close(CloseCode::Size)).await?,
            Ended::Lost(LinkError::Text) => self.websocket.send(close(CloseCode::Unsupported)).await?,
            Ended::Lost(LinkError::Flood | LinkError::Slow) => {
                self.websocket.send(close(CloseCode::Policy)).await?;
            }
            Ended::Lost(LinkError::Protocol(_)) => self.websocket.send(close(CloseCode::Protocol)).await?,
            Ended::Lost(_) => return Ok(()),
        }
        Ok(self.websocket.get_mut().shutdown().await?)
    }
}

fn close(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code, reason: "".into() }))
}

fn link_error(error: Error) -> LinkError {
    match error {
        // TLS has a longer text for it, meant for programmers.
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            LinkError::Io(error.kind().into())
        }
        Error::Io(error) => LinkError::Io(error),
        Error::ConnectionClosed | Error::AlreadyClosed => LinkError::Io(io::ErrorKind::NotConnected.into()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            LinkError::Io(io::ErrorKind::UnexpectedEof.into())
        }
        Error::Capacity(_) => LinkError::TooLarge,
        Error::Utf8(_) => LinkError::Text,
        other => LinkError::Protocol(other.to_string()),
    }
}
