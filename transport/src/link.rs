//! What a line is to those who use it: frames, who is at the other end, how it ends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use bowline_wire::limits::MAX_FRAME;
use bytes::Bytes;
use futures_util::Stream;
use thiserror::Error;

use crate::RelayKey;

/// One whole frame as bytes, at most [`MAX_FRAME`] either way. Cloning shares the bytes.
pub type Frame = Bytes;

/// Who is at the other end of a line, as far as the line itself can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The relay's key, where the line proved that the other end holds it: dialled with TLS under a pin.
    pub relay: Option<RelayKey>,
    /// Where the other end's packets come from; `None` in memory.
    pub address: Option<SocketAddr>,
}

/// A line to one peer, open and not yet used.
pub trait Link: Send + 'static {
    /// Who is at the other end.
    fn peer(&self) -> &Peer;

    /// Moves frames both ways until one side is done.
    ///
    /// - Sends what `outbound` gives, in order, and takes nothing more from it while the line is full.
    /// - Hands every whole frame to `deliver` and reads nothing more until that future is done, so that a slow
    ///   receiver slows the sender down. Sending goes on meanwhile.
    /// - When `outbound` has ended and all it gave is sent, closes the line in order and returns, at the latest ten seconds
    ///   later. What the peer sends until it has seen that is still delivered.
    /// - When `deliver` gives `false`, finishes the frame it is sending and does the same, and drops what still comes. To
    ///   say a last word, end `outbound` after it instead.
    /// - Pings a silent peer, and gives the line up when it stays silent.
    /// - Gives the line up when the peer sends without end what is not a frame, or takes more than a minute for one.
    ///
    /// Dropping the future closes the socket at once. To be cancelled in order, end `outbound`.
    fn carry<S, D, F>(self, outbound: S, deliver: D) -> impl Future<Output = Ended> + Send
    where
        S: Stream<Item = Frame> + Send + Unpin,
        D: FnMut(Frame) -> F + Send,
        F: Future<Output = bool> + Send;
}

/// Waits for peers that dial.
pub trait Listen: Send + 'static {
    /// What a peer becomes.
    type Link: Link;

    /// The next peer; `None` once it listens no more. Cancelling it loses no peer.
    fn accept(&mut self) -> impl Future<Output = Option<Self::Link>> + Send;
}

/// How a line ended.
#[derive(Debug)]
pub enum Ended {
    /// We were done, and everything we had to send was handed to the system before the line was closed.
    ByUs,
    /// The peer closed the line in order. Frames of ours that were still waiting are lost.
    ByPeer,
    /// The line broke, or somebody broke the rules. Frames either way may be lost.
    Lost(LinkError),
}

/// Why a line was lost.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The environment: the connection was cut, or the peer's process ended without a goodbye.
    #[error("the connection was cut")]
    Io(#[source] io::Error),
    /// The environment: not one byte came for a while, not even an answer to our pings.
    #[error("the other side has gone silent")]
    Silent,
    /// The environment: when the line was to be closed, it was too slow to take what was left.
    #[error("the connection was too slow to send what was left before it was closed")]
    NotFlushed,
    /// The peer's fault: a frame beyond [`MAX_FRAME`].
    #[error("the other side sent a frame of more than {MAX_FRAME} bytes")]
    TooLarge,
    /// The peer's fault: pings, or fragments with nothing in them, without end.
    #[error("the other side sends without end and brings nothing")]
    Flood,
    /// The peer's fault, or that of a line too slow to be of use: a frame was begun, and not finished within a minute.
    #[error("the other side began a frame and did not finish it within a minute")]
    Slow,
    /// The peer's fault: a text message, while all frames are binary.
    #[error("the other side sent text instead of a frame")]
    Text,
    /// The peer's fault: it does not keep to WebSocket (RFC 6455).
    #[error("the other side does not keep to the WebSocket protocol: {0}")]
    Protocol(String),
    /// Our own bug: a frame beyond [`MAX_FRAME`] was to be sent.
    #[error("a frame of {0} bytes was to be sent, and {MAX_FRAME} are allowed: this is a bug in Bowline")]
    OwnFrameTooLarge(usize),
}
