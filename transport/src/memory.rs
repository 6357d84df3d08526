//! Lines that stay in memory: the same WebSocket code on pipes instead of sockets, for tests.

use std::future::Future;
use std::io;

use tokio::io::duplex;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::websocket::Socket;
use crate::{Address, Dial, DialError, Listen, Peer, RelayKey, WebSocketLink};

/// Bytes on the way in each direction before the sender has to wait, about what a socket buffers.
const PIPE: usize = 64 * 1024;

/// Dials in memory that nobody has accepted yet.
const WAITING: usize = 16;

/// The two ends of one line, the device's first.
pub async fn pair() -> (WebSocketLink, WebSocketLink) {
    connected(None).await
}

/// A network with one relay in it, which holds the key `relay`. It is reached at any address that names this key or none.
pub fn network(relay: RelayKey) -> (MemoryDialer, MemoryListener) {
    let (dialled, waiting) = mpsc::channel(WAITING);
    (MemoryDialer { relay, dialled }, MemoryListener { waiting })
}

async fn connected(relay: Option<RelayKey>) -> (WebSocketLink, WebSocketLink) {
    let (near, far) = duplex(PIPE);
    let end = |relay| Peer { relay, address: None };
    (
        WebSocketLink::open(Socket::new(near), Vec::new(), Role::Client, end(relay)).await,
        WebSocketLink::open(Socket::new(far), Vec::new(), Role::Server, end(None)).await,
    )
}

/// Reaches the relay of a [`network`].
#[derive(Clone, Debug)]
pub struct MemoryDialer {
    relay: RelayKey,
    dialled: mpsc::Sender<WebSocketLink>,
}

impl Dial for MemoryDialer {
    type Link = WebSocketLink;

    fn dial(&self, address: &Address) -> impl Future<Output = Result<WebSocketLink, DialError>> + Send {
        let (expected, address) = (address.key(), address.clone());
        async move {
            if let Some(expected) = expected
                && expected != self.relay
            {
                return Err(DialError::WrongPin { expected, found: Some(self.relay) });
            }
            // As TLS does: without a pin it proves a name, not a key.
            let (near, far) = connected(expected).await;
            match self.dialled.send(far).await {
                Ok(()) => Ok(near),
                Err(_) => Err(DialError::Unreachable {
                    host: address.host(),
                    port: address.port(),
                    source: io::ErrorKind::ConnectionRefused.into(),
                }),
            }
        }
    }
}

/// The relay's side of a [`network`]. Once dropped, nobody reaches it.
#[derive(Debug)]
pub struct MemoryListener {
    waiting: mpsc::Receiver<WebSocketLink>,
}

impl Listen for MemoryListener {
    type Link = WebSocketLink;

    async fn accept(&mut self) -> Option<WebSocketLink> {
        self.waiting.recv().await
    }
}
