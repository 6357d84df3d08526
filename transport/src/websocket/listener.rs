//! Waits for devices: accepts connections within caps, and gives those that have become a WebSocket to its host.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::caps::Gate;
use super::{Caps, Socket, WebSocketLink, http};
use crate::{Listen, Peer, ServerTls};

/// How long a connection may take to become a WebSocket or to be answered otherwise, TLS included. A device on a slow
/// line needs a few round trips; whoever needs longer only holds a place.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections over a cap that are told so at the same time, each with a TLS handshake. Beyond it they are just closed.
const REFUSALS: usize = 64;

/// Links that wait to be accepted by the host. They count against the caps, so this bounds nothing but the channel.
const WAITING: usize = 16;

/// Pause after the system could not accept a connection, which is mostly for want of file descriptors: at once would be
/// a busy loop.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens for devices that ask for a WebSocket at `/`, with TLS if it is told to. Everything else is answered by the
/// routes it was given, one request per connection.
#[derive(Debug)]
pub struct WebSocketListener {
    links: mpsc::Receiver<WebSocketLink>,
    local: SocketAddr,
    accepting: JoinHandle<()>,
}

impl WebSocketListener {
    /// Listens at `address`; port 0 takes any free one. `Err` if the port is taken or not ours to take.
    pub async fn bind(address: SocketAddr, tls: ServerTls, routes: Router, caps: Caps) -> io::Result<Self> {
        let acceptor = tls.config().map_err(io::Error::other)?.map(TlsAcceptor::from);
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        let (ready, links) = mpsc::channel(WAITING);
        let entrance = Arc::new(Entrance { acceptor, routes, refusals: Semaphore::new(REFUSALS), ready });
        let accepting = tokio::spawn(accept_all(listener, Gate::new(caps), entrance));
        Ok(Self { links, local, accepting })
    }

    /// Where it listens: the port that was taken for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Listens no more. The port is free when this is done; links that were accepted go on, handshakes are cut off.
    /// Dropping the listener does the same a moment later.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // The task ends as cancelled, which is what was asked for.
        let _ = (&mut self.accepting).await;
    }
}

impl Listen for WebSocketListener {
    type Link = WebSocketLink;

    async fn accept(&mut self) -> Option<WebSocketLink> {
        self.links.recv().await
    }
}

impl Drop for WebSocketListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What every connection passes on its way in.
struct Entrance {
    acceptor: Option<TlsAcceptor>,
    routes: Router,
    refusals: Semaphore,
    ready: mpsc::Sender<WebSocketLink>,
}

async fn accept_all(listener: TcpListener, gate: Arc<Gate>, entrance: Arc<Entrance>) {
    // Dropped with this task, and the handshakes with it.
    let mut entering = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, from)) => {
                    let permit = gate.enter(from.ip());
                    let entrance = Arc::clone(&entrance);
                    entering.spawn(async move { entrance.pass(tcp, from, permit).await });
                }
                Err(error) if is_the_peers(&error) => tracing::debug!(%error, "a peer was gone at once"),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            },
            Some(_) = entering.join_next() => {}
        }
    }
}

/// Whether a connection was not accepted because its peer has given it up. That is not a reason to pause, or whoever does
/// so again and again keeps everybody else waiting.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Entrance {
    /// Makes a link of a connection, if that is what it wants and there is room for it.
    async fn pass(&self, tcp: TcpStream, from: SocketAddr, permit: Option<super::caps::Permit>) {
        let refusal = if permit.is_none() {
            tracing::debug!(%from, "over the cap on connections");
            match self.refusals.try_acquire() {
                Ok(refusal) => Some(refusal),
                Err(_) => return,
            }
        } else {
            None
        };
        let shaken = timeout(HANDSHAKE, self.shake_hands(tcp, permit.is_some())).await;
        drop(refusal);
        match shaken {
            Ok(Ok(Some((socket, read)))) => {
                let peer = Peer { relay: None, address: Some(from) };
                let link = WebSocketLink::open(socket, read, Role::Server, peer).await;
                // Nobody accepts any more: the listener is going away, and the link with it.
                let _ = self.ready.send(WebSocketLink { permit, ..link }).await;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::debug!(%from, %error, "a handshake failed"),
            Err(_) => tracing::debug!(%from, "a handshake took too long"),
        }
    }

    async fn shake_hands(&self, tcp: TcpStream, admitted: bool) -> io::Result<Option<(Socket, Vec<u8>)>> {
        tcp.set_nodelay(true)?;
        let socket = match &self.acceptor {
            Some(acceptor) => Socket::new(acceptor.accept(tcp).await?),
            None => Socket::new(tcp),
        };
        Ok(http::answer(socket, self.routes.clone(), admitted).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_system_lacks_is_waited_for() {
        let peers = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
        assert!(peers.map(io::Error::from).iter().all(is_the_peers));
        assert!(!is_the_peers(&io::ErrorKind::OutOfMemory.into()));
        // EMFILE, on every Unix: too many open files.
        assert!(!is_the_peers(&io::Error::from_raw_os_error(24)));
    }
}
