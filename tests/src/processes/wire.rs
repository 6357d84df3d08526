//! A middle man on the wire between devices and a relay without TLS: sees what the relay sees, and passes on what it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bowline_transport::{
    Address, Caps, Dial, Frame, Link, Listen, ServerTls, WebSocketDialer, WebSocketListener,
};
use futures_util::Stream;
use tokio::sync::mpsc;

use super::Relay;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// From a device to the relay.
    ToRelay,
    /// From the relay to a device.
    ToDevice,
}

/// What becomes of a frame on its way: the frames that go on in its place, each with where it goes.
type Passes = dyn Fn(Heading, Frame) -> Vec<(Heading, Frame)> + Send + Sync;

/// A running middle man. Its port is free once it is dropped.
pub struct Wire {
    /// Where devices find the relay through it.
    pub address: String,
    seen: Arc<Mutex<Vec<u8>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Wire {
    /// Puts one in front of a relay that runs without TLS, which passes on every frame.
    pub fn before(relay: &Relay) -> Self {
        Self::that_passes(relay, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |to, frame| vec![(to, frame)])
    }

    /// Puts one in front of a relay that runs without TLS, which listens there and passes on what it likes.
    pub fn that_passes(
        relay: &Relay,
        listen: SocketAddr,
        passes: impl Fn(Heading, Frame) -> Vec<(Heading, Frame)> + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (target, _) = relay.address().parse::<Address>().expect("the relay's address").into_parts();
        let listener = runtime.block_on(async {
            let routes = axum::Router::new();
            WebSocketListener::bind(listen, ServerTls::Off, routes, Caps { connections: 64, per_address: 64 })
                .await
        });
        let listener = listener.expect("the port is free");
        let port = listener.local_addr().port();
        let address = relay.address().replace(&relay.listens_on().to_string(), &format!("127.0.0.1:{port}"));
        assert_ne!(address, relay.address(), "the address names the port");
        let record = {
            let seen = Arc::clone(&seen);
            move |to, frame: Frame| {
                seen.lock().expect("nobody panicked").extend_from_slice(&frame);
                passes(to, frame)
            }
        };
        runtime.spawn(forward(listener, target, Arc::new(record)));
        Self { address, seen, _runtime: runtime }
    }

    /// Every byte of every frame so far, both ways.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

async fn forward(mut listener: WebSocketListener, target: Address, passes: Arc<Passes>) {
    while let Some(device) = listener.accept().await {
        let (target, passes) = (target.clone(), Arc::clone(&passes));
        tokio::spawn(async move {
            let Ok(relay) = WebSocketDialer.dial(&target).await else {
                return;
            };
            let ((up, to_relay), (down, to_device)) = (channel(), channel());
            // Each side holds its way to the other side open, and not the way back to itself.
            let (back_down, back_up) = (down.downgrade(), up.downgrade());
            let (passes_up, passes_down) = (Arc::clone(&passes), passes);
            let from_device = move |frame| {
                let goes_on = passes_up(Heading::ToRelay, frame).into_iter().all(|(to, frame)| match to {
                    Heading::ToRelay => up.send(frame).is_ok(),
                    Heading::ToDevice => back_down.upgrade().is_some_and(|down| down.send(frame).is_ok()),
                });
                async move { goes_on }
            };
            let from_relay = move |frame| {
                let goes_on = passes_down(Heading::ToDevice, frame).into_iter().all(|(to, frame)| match to {
                    Heading::ToDevice => down.send(frame).is_ok(),
                    Heading::ToRelay => back_up.upgrade().is_some_and(|up| up.send(frame).is_ok()),
                });
                async move { goes_on }
            };
            tokio::join!(device.carry(to_device, from_device), relay.carry(to_relay, from_relay));
        });
    }
}

fn channel() -> (mpsc::UnboundedSender<Frame>, impl Stream<Item = Frame> + Send + Unpin) {
    let (to, mut from) = mpsc::unbounded_channel();
    (to, futures_util::stream::poll_fn(move |cx| from.poll_recv(cx)))
}
