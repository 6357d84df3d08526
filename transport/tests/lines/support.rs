//! A relay to dial, ends of lines to use from a test, and servers that are not relays.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bowline_transport::{
    Address, Caps, Dial, Ended, Frame, Link, Listen, RelayKey, ServerTls, WebSocketDialer, WebSocketLink,
    WebSocketListener, memory,
};
use ed25519_dalek::SigningKey;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The seed of the relay's identity.
pub(crate) const SEED: [u8; 32] = [7; 32];

/// Room for every connection a test opens.
pub(crate) const ROOMY: Caps = Caps { connections: 100, per_address: 100 };

/// The public key of a seed.
pub(crate) fn key(seed: [u8; 32]) -> RelayKey {
    RelayKey::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

/// TLS with a certificate for [`SEED`].
pub(crate) fn self_signed() -> ServerTls {
    ServerTls::SelfSigned(Zeroizing::new(SEED))
}

/// What a relay answers beside its WebSocket.
pub(crate) fn routes() -> Router {
    Router::new().route("/healthz", get(|| async { "well" })).route("/", get(|| async { "a relay" }))
}

/// A listener on a free port of this machine.
pub(crate) async fn listen(tls: ServerTls, caps: Caps) -> WebSocketListener {
    WebSocketListener::bind("127.0.0.1:0".parse().unwrap(), tls, routes(), caps).await.unwrap()
}

/// Where a listener without TLS is reached.
pub(crate) fn plain(at: SocketAddr) -> Address {
    format!("ws://{at}").parse().unwrap()
}

/// Where a listener with a certificate for [`SEED`] is reached.
pub(crate) fn encrypted(at: SocketAddr) -> Address {
    format!("wss://{at}").parse::<Address>().unwrap().with_key(key(SEED))
}

/// Both ends of a line, the device's first.
pub(crate) async fn line(listener: &mut WebSocketListener, at: &Address) -> (WebSocketLink, WebSocketLink) {
    let (device, relay) = tokio::join!(WebSocketDialer.dial(at), listener.accept());
    (device.unwrap(), relay.unwrap())
}

/// One line of every kind, the device's end first.
pub(crate) async fn lines() -> Vec<(&'static str, WebSocketLink, WebSocketLink)> {
    let (device, relay) = memory::pair().await;
    let mut all = vec![("memory", device, relay)];
    for (name, tls, address) in
        [("ws", ServerTls::Off, plain as fn(SocketAddr) -> Address), ("wss", self_signed(), encrypted)]
    {
        let mut listener = listen(tls, ROOMY).await;
        let at = address(listener.local_addr());
        let (device, relay) = line(&mut listener, &at).await;
        all.push((name, device, relay));
    }
    all
}

/// One end of a line, carried in a task. What comes waits until the test takes it.
pub(crate) struct End {
    outbound: mpsc::Sender<Frame>,
    inbound: mpsc::Receiver<Frame>,
    carried: JoinHandle<Ended>,
}

impl End {
    pub(crate) fn carry(link: impl Link) -> Self {
        let (outbound, mut sending) = mpsc::channel(1);
        let (deliver, inbound) = mpsc::channel(1);
        let carried = tokio::spawn(async move {
            let outbound = stream::poll_fn(move |cx| sending.poll_recv(cx));
            link.carry(outbound, |frame| async { deliver.send(frame).await.is_ok() }).await
        });
        Self { outbound, inbound, carried }
    }

    /// Hands one frame over, once there is room for it.
    pub(crate) async fn say(&self, frame: impl Into<Frame>) {
        within("there is room", self.outbound.send(frame.into())).await.unwrap();
    }

    /// Where frames are handed over.
    pub(crate) fn outbound(&self) -> mpsc::Sender<Frame> {
        self.outbound.clone()
    }

    /// The next frame that came.
    pub(crate) async fn hear(&mut self) -> Frame {
        within("a frame comes", self.inbound.recv()).await.expect("the line is still open")
    }

    /// Ends the line from this side: how it ended, and what still came.
    pub(crate) async fn finish(self) -> (Ended, Vec<Frame>) {
        drop(self.outbound);
        Self::rest(self.inbound, self.carried).await
    }

    /// Waits for the line to end: how it ended, and what still came.
    pub(crate) async fn ended(self) -> (Ended, Vec<Frame>) {
        let ended = Self::rest(self.inbound, self.carried).await;
        drop(self.outbound);
        ended
    }

    /// Cuts the line, as if the process had ended.
    pub(crate) async fn cut(self) {
        self.carried.abort();
        assert!(self.carried.await.unwrap_err().is_cancelled());
    }

    async fn rest(mut inbound: mpsc::Receiver<Frame>, carried: JoinHandle<Ended>) -> (Ended, Vec<Frame>) {
        let mut frames = Vec::new();
        while let Some(frame) = within("the line ends", inbound.recv()).await {
            frames.push(frame);
        }
        (within("the line ends", carried).await.unwrap(), frames)
    }
}

/// What is being waited for happens soon, or the test fails instead of hanging.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    timeout(Duration::from_mins(1), future).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}

/// A server that reads until the end of an HTTP head, says `answer` and closes.
pub(crate) async fn server_saying(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        tcp.write_all(answer.as_bytes()).await.unwrap();
        tcp.shutdown().await.unwrap();
    });
    at
}
