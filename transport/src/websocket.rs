//! Frames as binary WebSocket messages (RFC 6455), over TCP, TLS or a pipe in memory.

mod caps;
mod dialer;
mod framing;
mod http;
mod keepalive;
mod line;
mod listener;
mod socket;
mod watch;

use std::fmt;
use std::future::Future;

use bowline_wire::limits::MAX_FRAME;
use futures_util::Stream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::{Ended, Frame, Link, Peer};

pub use caps::Caps;
pub use dialer::WebSocketDialer;
use line::FRAGMENT;
pub use listener::WebSocketListener;
pub(crate) use socket::Socket;

/// The WebSocket subprotocol: frames of PROTOCOL.md, one per binary message.
const SUBPROTOCOL: &str = "bowline.1";

/// What the names of all versions of the subprotocol begin with.
const SUBPROTOCOL_FAMILY: &str = "bowline.";

/// Bytes read at once. Held by every connection; 128 KiB by default.
const READ_BUFFER: usize = 4096;

/// Bytes that may wait to be written: a fragment, and answers to pings behind it. A peer that pings and never reads gets
/// no answers beyond this.
const WRITE_BUFFER: usize = 2 * FRAGMENT;

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// A line that carries each frame as one binary WebSocket message.
pub struct WebSocketLink {
    websocket: WebSocketStream<Socket>,
    peer: Peer,
    /// Counts as an open connection until dropped; `None` where nobody counts.
    permit: Option<caps::Permit>,
}

impl WebSocketLink {
    /// A line on `socket`, on which the handshake is done and `read` was read too far.
    pub(crate) async fn open(mut socket: Socket, read: Vec<u8>, role: Role, peer: Peer) -> Self {
        socket.begin(&read);
        let websocket = WebSocketStream::from_partially_read(socket, read, role, Some(config())).await;
        Self { websocket, peer, permit: None }
    }
}

impl fmt::Debug for WebSocketLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketLink").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Link for WebSocketLink {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn carry<S, D, F>(self, outbound: S, deliver: D) -> impl Future<Output = Ended> + Send
    where
        S: Stream<Item = Frame> + Send + Unpin,
        D: FnMut(Frame) -> F + Send,
        F: Future<Output = bool> + Send,
    {
        let Self { websocket, peer: _, permit } = self;
        async move {
            let ended = line::carry(websocket, outbound, deliver).await;
            // Only now, so that the cap counts what is open.
            drop(permit);
            ended
        }
    }
}

#[cfg(test)]
mod tests;
