//! What an open line costs while nothing passes. One file, since it counts all bytes of the process.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use axum::Router;
use bowline_transport::{
    Address, Caps, Dial, Frame, Link, Listen, RelayKey, ServerTls, WebSocketDialer, WebSocketLink,
    WebSocketListener,
};
use bowline_wire::limits::MAX_FRAME;
use ed25519_dalek::SigningKey;
use futures_util::stream;
use peak_alloc::PeakAlloc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

#[global_allocator]
static LIVE: PeakAlloc = PeakAlloc;

/// Lines open at once: enough that what the process needs by itself does not count.
const LINES: usize = 100;

/// KiB for both ends of one idle line, TLS and task included.
const IDLE: usize = 48;

/// KiB for both ends of one idle line after the largest frames have passed both ways.
const USED: usize = 80;

#[test]
fn an_idle_line_is_cheap_even_after_the_largest_frames_have_passed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seed = [7; 32];
        let key = RelayKey::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
        let mut listener = listen(ServerTls::SelfSigned(Zeroizing::new(seed))).await;
        let at = format!("wss://{}", listener.local_addr()).parse::<Address>().unwrap().with_key(key);
        let before = LIVE.current_usage();
        let mut ends = Vec::new();
        for _ in 0..LINES {
            let (device, relay) = tokio::join!(WebSocketDialer.dial(&at), listener.accept());
            ends.push((carried(device.unwrap()), carried(relay.unwrap())));
        }
        for (device, relay) in &mut ends {
            exchange(device, relay, 200).await;
        }
        let idle = per_line(before);
        for (device, relay) in &mut ends {
            exchange(device, relay, MAX_FRAME).await;
        }
        let used = per_line(before);
        println!("both ends of an idle line over TLS: {idle} KiB, after frames of 1 MiB: {used} KiB");
        assert!(idle <= IDLE, "{idle} KiB");
        assert!(used <= USED, "{used} KiB");
        pings_that_are_never_read_take_no_memory().await;
    });
}

/// Answers to pings may not pile up for a peer that reads none.
async fn pings_that_are_never_read_take_no_memory() {
    let mut listener = listen(ServerTls::Off).await;
    let mut tcp = TcpStream::connect(listener.local_addr()).await.unwrap();
    let upgrade = "GET / HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   sec-websocket-protocol: bowline.1\r\n\r\n";
    tcp.write_all(upgrade.as_bytes()).await.unwrap();
    let mut relay = carried(listener.accept().await.unwrap());
    let before = LIVE.current_usage();
    // Until the line is given up, which the end of the frames shows.
    let pings = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[0; 125]].concat().repeat(100);
    let flood = async { while tcp.write_all(&pings).await.is_ok() {} };
    tokio::join!(flood, async { assert_eq!(relay.1.recv().await, None) });
    let held = LIVE.current_usage().saturating_sub(before + pings.len()) / 1024;
    println!("after pings without end whose answers nobody read: {held} KiB");
    assert!(held <= 64, "{held} KiB");
}

async fn listen(tls: ServerTls) -> WebSocketListener {
    let caps = Caps { connections: 2 * LINES, per_address: 2 * LINES };
    WebSocketListener::bind("127.0.0.1:0".parse().unwrap(), tls, Router::new(), caps).await.unwrap()
}

/// KiB live beyond `before`, per line.
fn per_line(before: usize) -> usize {
    LIVE.current_usage().saturating_sub(before) / LINES / 1024
}

type End = (mpsc::Sender<Frame>, mpsc::Receiver<Frame>);

fn carried(link: WebSocketLink) -> End {
    let (outbound, mut sending) = mpsc::channel(1);
    let (deliver, inbound) = mpsc::channel(1);
    tokio::spawn(async move {
        let outbound = stream::poll_fn(move |cx| sending.poll_recv(cx));
        link.carry(outbound, |frame| async { deliver.send(frame).await.is_ok() }).await
    });
    (outbound, inbound)
}

async fn exchange(device: &mut End, relay: &mut End, size: usize) {
    device.0.send(vec![1; size].into()).await.unwrap();
    assert_eq!(relay.1.recv().await.unwrap().len(), size);
    relay.0.send(vec![2; size].into()).await.unwrap();
    assert_eq!(device.1.recv().await.unwrap().len(), size);
}
