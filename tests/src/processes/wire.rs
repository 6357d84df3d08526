//! A wire that is recorded: a middle man between devices and a relay without TLS, who sees what the relay sees.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bowline_transport::{
    Address, Caps, Dial, Frame, Link, Listen, ServerTls, WebSocketDialer, WebSocketListener,
};
use futures_util::Stream;
use tokio::sync::mpsc;

use super::Relay;

/// A running middle man.
pub struct Wire {
    /// Where devices find the relay through it.
    pub address: String,
    seen: Arc<Mutex<Vec<u8>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Wire {
    /// Puts one in front of a relay that runs without TLS.
    pub fn before(relay: &Relay) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (target, _) = relay.address().parse::<Address>().expect("the relay's address").into_parts();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(async {
            let routes = axum::Router::new();
            WebSocketListener::bind(here, ServerTls::Off, routes, Caps { connections: 64, per_address: 64 })
                .await
        });
        let listener = listener.expect("loopback has a free port");
        let port = listener.local_addr().port();
        let address = relay.address().replace(&relay.listens_on().to_string(), &format!("127.0.0.1:{port}"));
        assert_ne!(address, relay.address(), "the address names the port");
        runtime.spawn(forward(listener, target, Arc::clone(&seen)));
        Self { address, seen, _runtime: runtime }
    }

    /// Every byte of every frame so far, both ways.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

async fn forward(mut listener: WebSocketListener, target: Address, seen: Arc<Mutex<Vec<u8>>>) {
    while let Some(device) = listener.accept().await {
        let (target, seen) = (target.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(relay) = WebSocketDialer.dial(&target).await else {
                return;
            };
            let ((up, to_relay), (down, to_device)) = (channel(), channel());
            let record = |to: mpsc::UnboundedSender<Frame>| {
                let seen = Arc::clone(&seen);
                move |frame: Frame| {
                    seen.lock().expect("nobody panicked").extend_from_slice(&frame);
                    let sent = to.send(frame).is_ok();
                    async move { sent }
                }
            };
            tokio::join!(device.carry(to_device, record(up)), relay.carry(to_relay, record(down)));
        });
    }
}

fn channel() -> (mpsc::UnboundedSender<Frame>, impl Stream<Item = Frame> + Send + Unpin) {
    let (to, mut from) = mpsc::unbounded_channel();
    (to, futures_util::stream::poll_fn(move |cx| from.poll_recv(cx)))
}
