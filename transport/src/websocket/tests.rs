//! A line against a peer that is written by hand, in memory and on virtual time.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::Frame as Fragment;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use zeroize::Zeroizing;

use super::*;
use crate::{LinkError, Listen, RelayKey, ServerTls};

/// Bytes on the way each way before the sender has to wait.
const PIPE: usize = 64 * 1024;

/// A relay's end of a line, carried in a task.
struct Carried {
    frames: mpsc::UnboundedReceiver<Frame>,
    ended: JoinHandle<Ended>,
}

/// Carries a relay's end that says `outbound` and then waits, and gives the device's end away.
async fn relay_saying(outbound: Vec<Frame>) -> (Carried, WebSocketStream<DuplexStream>) {
    let (near, far) = duplex(PIPE);
    let peer = Peer { relay: None, address: None };
    let link = WebSocketLink::open(Socket::new(near), Vec::new(), Role::Server, peer).await;
    let (deliver, frames) = mpsc::unbounded_channel();
    let outbound = stream::iter(outbound).chain(stream::pending());
    let ended = tokio::spawn(link.carry(outbound, move |frame| {
        let taken = deliver.send(frame).is_ok();
        async move { taken }
    }));
    (Carried { frames, ended }, WebSocketStream::from_raw_socket(far, Role::Client, None).await)
}

async fn relay() -> (Carried, WebSocketStream<DuplexStream>) {
    relay_saying(Vec::new()).await
}

fn zeros(length: usize) -> Bytes {
    Bytes::from(vec![0; length])
}

fn fragment(length: usize, kind: Data, last: bool) -> Message {
    Message::Frame(Fragment::message(zeros(length), OpCode::Data(kind), last))
}

/// The header of a binary message of `length` bytes, masked with zeros (RFC 6455, section 5.2).
fn header(length: usize) -> Vec<u8> {
    [&[0x82, 0x80 | 127][..], &(length as u64).to_be_bytes(), &[0; 4]].concat()
}

/// The code of the close message that comes next.
async fn close_code(peer: &mut WebSocketStream<DuplexStream>) -> CloseCode {
    match peer.next().await {
        Some(Ok(Message::Close(Some(close)))) => close.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_the_largest_size_passes_in_one_piece_and_in_fragments() {
    let (mut relay, mut peer) = relay().await;
    peer.send(Message::Binary(zeros(MAX_FRAME))).await.unwrap();
    peer.send(fragment(MAX_FRAME - 1, Data::Binary, false)).await.unwrap();
    peer.send(fragment(1, Data::Continue, true)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(relay.frames.recv().await.unwrap().len(), MAX_FRAME);
    }
}

#[tokio::test(start_paused = true)]
async fn one_byte_more_ends_the_line_and_the_peer_is_told_why() {
    let (relay, mut peer) = relay().await;
    // Already the header is refused.
    peer.get_mut().write_all(&header(MAX_FRAME + 1)).await.unwrap();
    assert_eq!(close_code(&mut peer).await, CloseCode::Size);
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::TooLarge)));
}

#[tokio::test(start_paused = true)]
async fn fragments_do_not_get_around_the_limit() {
    let (relay, mut peer) = relay().await;
    peer.send(fragment(MAX_FRAME, Data::Binary, false)).await.unwrap();
    peer.send(fragment(1, Data::Continue, true)).await.unwrap();
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::TooLarge)));
}

#[tokio::test(start_paused = true)]
async fn text_ends_the_line_and_the_peer_is_told_why() {
    let (relay, mut peer) = relay().await;
    peer.send(Message::text("hello")).await.unwrap();
    assert_eq!(close_code(&mut peer).await, CloseCode::Unsupported);
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Text)));
}

#[tokio::test(start_paused = true)]
async fn a_broken_websocket_frame_ends_the_line_and_the_peer_is_told_why() {
    let (relay, mut peer) = relay().await;
    // A device has to mask what it sends; this is a whole binary message of one byte without a mask.
    peer.get_mut().write_all(&[0x82, 0x01, 0x00]).await.unwrap();
    assert_eq!(close_code(&mut peer).await, CloseCode::Protocol);
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Protocol(_))));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_goes_without_a_goodbye_is_a_lost_line() {
    let (relay, peer) = relay().await;
    drop(peer);
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Io(_))));
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_our_own_that_is_too_large_is_never_sent() {
    let (relay, mut peer) = relay_saying(vec![zeros(MAX_FRAME + 1)]).await;
    match relay.ended.await.unwrap() {
        Ended::Lost(LinkError::OwnFrameTooLarge(size)) => assert_eq!(size, MAX_FRAME + 1),
        other => panic!("{other:?}"),
    }
    let cut = peer.next().await.unwrap().unwrap_err();
    assert!(matches!(cut, Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)), "{cut}");
}

#[tokio::test(start_paused = true)]
async fn a_large_frame_leaves_in_fragments_and_arrives_as_one_message() {
    let (_relay, mut peer) = relay_saying(vec![zeros(MAX_FRAME), Bytes::new()]).await;
    assert_eq!(peer.next().await.unwrap().unwrap(), Message::Binary(zeros(MAX_FRAME)));
    assert_eq!(peer.next().await.unwrap().unwrap(), Message::Binary(Bytes::new()));
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered_in_the_middle_of_a_large_frame() {
    let (_relay, peer) = relay_saying(vec![zeros(MAX_FRAME)]).await;
    let mut peer = peer.into_inner();
    // A masked ping with nothing in it; nothing has been read yet, so the frame is stuck in the pipe.
    peer.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut kinds = Vec::new();
    while kinds.last() != Some(&0x80) {
        let (first, mut length) = (peer.read_u8().await.unwrap(), u64::from(peer.read_u8().await.unwrap()));
        if length == 126 {
            length = u64::from(peer.read_u16().await.unwrap());
        }
        tokio::io::copy(&mut (&mut peer).take(length), &mut tokio::io::sink()).await.unwrap();
        kinds.push(first);
    }
    // 0x02: the first fragment, 0x00: one in the middle, 0x80: the last, 0x8a: the answer.
    let answer = kinds.iter().position(|kind| *kind == 0x8a).expect("the ping was answered");
    assert!(kinds[0] == 0x02 && answer < 20, "answered after {answer} fragments of {}", kinds.len());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_nothing_is_given_up_after_two_pings() {
    let (relay, peer) = relay().await;
    let began = Instant::now();
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Silent)));
    assert_eq!(began.elapsed().as_secs(), 90);
    let mut sent = Vec::new();
    peer.into_inner().read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, [0x89, 0, 0x89, 0], "two pings and nothing else");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_vanishes_while_we_send_is_given_up_too() {
    let (relay, _peer) = relay_saying(vec![zeros(MAX_FRAME)]).await;
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Silent)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_answers_pings_is_kept() {
    let (relay, mut peer) = relay().await;
    tokio::spawn(async move { while let Some(Ok(_)) = peer.next().await {} });
    sleep(Duration::from_hours(1)).await;
    assert!(!relay.ended.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_takes_most_of_a_minute_is_neither_silence_nor_too_slow() {
    let (mut relay, mut peer) = relay().await;
    let bytes = [header(1000), vec![0; 1000]].concat();
    for _ in 0..3 {
        for piece in bytes.chunks(507) {
            peer.get_mut().write_all(piece).await.unwrap();
            sleep(Duration::from_secs(29)).await;
        }
        assert_eq!(relay.frames.recv().await.unwrap().len(), 1000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_trickles_in_is_given_up_after_a_minute() {
    let (relay, mut peer) = relay().await;
    let began = Instant::now();
    peer.get_mut().write_all(&header(1000)).await.unwrap();
    let trickle = async {
        loop {
            peer.get_mut().write_all(&[0]).await.unwrap();
            sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        ended = relay.ended => assert!(matches!(ended.unwrap(), Ended::Lost(LinkError::Slow))),
    }
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn pings_without_end_end_the_line_whether_their_answers_are_read_or_not() {
    for reads in [false, true] {
        let (relay, peer) = relay().await;
        let (mut answers, mut peer) = tokio::io::split(peer.into_inner());
        let pings = [0x89, 0x80, 0, 0, 0, 0].repeat(100);
        let flood = async { while peer.write_all(&pings).await.is_ok() {} };
        let read = async {
            if reads {
                drop(tokio::io::copy(&mut answers, &mut tokio::io::sink()).await);
            }
        };
        let (ended, ..) = tokio::join!(relay.ended, flood, read);
        assert!(matches!(ended.unwrap(), Ended::Lost(LinkError::Flood)), "answers read: {reads}");
    }
}

#[tokio::test(start_paused = true)]
async fn fragments_without_end_end_the_line_and_the_peer_is_told_why() {
    let (relay, mut peer) = relay().await;
    peer.get_mut().write_all(&[0x02, 0x80, 0, 0, 0, 0]).await.unwrap();
    let fragments = [0x00, 0x80, 0, 0, 0, 0].repeat(1100);
    peer.get_mut().write_all(&fragments).await.unwrap();
    assert_eq!(close_code(&mut peer).await, CloseCode::Policy);
    assert!(matches!(relay.ended.await.unwrap(), Ended::Lost(LinkError::Flood)));
}

#[tokio::test(start_paused = true)]
async fn frames_without_end_do_not_keep_a_line_from_closing() {
    let (near, far) = duplex(PIPE);
    let peer = Peer { relay: None, address: None };
    let link = WebSocketLink::open(Socket::new(near), Vec::new(), Role::Server, peer).await;
    let (_reads, mut far) = tokio::io::split(far);
    let frames = [0x82, 0x80, 0, 0, 0, 0].repeat(100);
    let flood = async {
        while far.write_all(&frames).await.is_ok() {
            // Virtual time passes only when it is made to.
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    };
    let began = Instant::now();
    let (ended, ()) = tokio::join!(link.carry(stream::empty(), |_| async { true }), flood);
    assert!(matches!(ended, Ended::ByUs), "{ended:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_busy_receiver_is_neither_given_up_nor_gives_up() {
    let (near, far) = crate::memory::pair().await;
    let busy = far.carry(stream::pending(), |_| async {
        sleep(Duration::from_mins(30)).await;
        false
    });
    let outbound = stream::iter(vec![zeros(100); 100]).chain(stream::pending());
    let (far, near) = tokio::join!(busy, near.carry(outbound, |_| async { true }));
    assert!(matches!(far, Ended::ByUs), "{far:?}");
    assert!(matches!(near, Ended::ByPeer), "{near:?}");
}

#[tokio::test(start_paused = true)]
async fn closing_waits_ten_seconds_for_a_peer_that_does_not_answer() {
    let (near, _far) = crate::memory::pair().await;
    let began = Instant::now();
    let ended = near.carry(stream::iter([zeros(10)]), |_| async { true }).await;
    assert!(matches!(ended, Ended::ByUs), "{ended:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn closing_says_so_when_not_everything_could_be_sent() {
    let (near, far) = duplex(PIPE);
    let peer = Peer { relay: None, address: None };
    let link = WebSocketLink::open(Socket::new(near), Vec::new(), Role::Server, peer).await;
    let mut peer = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
    peer.send(Message::Binary(zeros(1))).await.unwrap();
    let began = Instant::now();
    let outbound = stream::iter([zeros(MAX_FRAME)]).chain(stream::pending());
    let ended = link.carry(outbound, |_| async { false }).await;
    assert!(matches!(ended, Ended::Lost(LinkError::NotFlushed)), "{ended:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_line_that_was_closed_ends_its_tls_in_order() {
    let seed = [7; 32];
    let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let tls = ServerTls::SelfSigned(Zeroizing::new(seed));
    let caps = Caps { connections: 1, per_address: 1 };
    let any = "127.0.0.1:0".parse().unwrap();
    let mut listener = WebSocketListener::bind(any, tls, Router::new(), caps).await.unwrap();
    let device = async {
        let at = listener.local_addr();
        let config = Arc::new(crate::tls::pinned(RelayKey::from_bytes(key)).unwrap());
        let tcp = TcpStream::connect(at).await.unwrap();
        let tls = TlsConnector::from(config).connect(at.ip().into(), tcp).await.unwrap();
        let mut request = format!("wss://{at}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        client_async(request, tls).await.unwrap().0
    };
    let mut device = device.await;
    let relay = listener.accept().await.unwrap();
    let ended = tokio::spawn(relay.carry(stream::empty(), |_| async { true }));
    assert!(matches!(device.next().await, Some(Ok(Message::Close(_)))));
    let end = device.next().await;
    assert!(end.is_none(), "without its end TLS was cut, and anyone could have done that: {end:?}");
    assert!(matches!(ended.await.unwrap(), Ended::ByUs));
}
