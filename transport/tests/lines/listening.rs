//! A listener answers what is not a WebSocket, keeps its caps, cuts off who is slow, and goes away.

use std::net::SocketAddr;

use bowline_transport::{Caps, Dial, DialError, Listen, ServerTls, WebSocketDialer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, resume};

use crate::support::{End, ROOMY, encrypted, line, listen, plain, self_signed, within};

/// What a listener without TLS answers to the bytes of a request, until it closes.
async fn answer(at: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(at).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", tcp.read_to_string(&mut answer)).await.unwrap();
    answer
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: relay\r\n\r\n")
}

/// A request for a WebSocket that offers a subprotocol.
fn websocket(subprotocol: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: {subprotocol}\r\n\r\n"
    )
}

#[tokio::test]
async fn what_is_no_websocket_is_answered_by_the_routes() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    for (path, status, body) in [("/healthz", "200", "well"), ("/", "200", "a relay"), ("/other", "404", "")]
    {
        let answer = answer(listener.local_addr(), &get(path)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(body),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_request_has_a_head_of_8_kib_at_most() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    for (bytes, is_read) in [(8 * 1024, true), (8 * 1024 + 1, false)] {
        let empty = "GET /healthz HTTP/1.1\r\nhost: relay\r\nx: \r\n\r\n";
        let request = empty.replace("x: ", &format!("x: {}", "y".repeat(bytes - empty.len())));
        let mut tcp = TcpStream::connect(listener.local_addr()).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A line that is cut off with something unread on it may end in an error.
        let _cut_off = within("an answer", tcp.read_to_end(&mut answer)).await;
        assert_eq!(answer.ends_with(b"well"), is_read, "{bytes}: {}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn a_device_of_another_version_is_told_ours() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    let answer = answer(listener.local_addr(), &websocket("bowline.9")).await;
    assert!(answer.starts_with("HTTP/1.1 426"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: bowline.1\r\n"), "{answer}");
}

#[tokio::test]
async fn a_device_of_several_versions_gets_ours() {
    let mut listener = listen(ServerTls::Off, ROOMY).await;
    let mut tcp = TcpStream::connect(listener.local_addr()).await.unwrap();
    tcp.write_all(websocket("bowline.2, bowline.1").as_bytes()).await.unwrap();
    let relay = End::carry(within("the device comes", listener.accept()).await.unwrap());
    tcp.shutdown().await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: bowline.1\r\n"), "{answer}");
    relay.ended().await;
}

#[tokio::test]
async fn a_half_asked_question_is_a_bad_request() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    let half = websocket("bowline.1").replace("sec-websocket-version: 13", "x: y");
    let answer = answer(listener.local_addr(), &half).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn what_a_device_sends_right_behind_its_request_is_not_lost() {
    let mut listener = listen(ServerTls::Off, ROOMY).await;
    let mut tcp = TcpStream::connect(listener.local_addr()).await.unwrap();
    // A binary message "hi", masked with zeros, in the same packet as the request.
    let eager = [websocket("bowline.1").as_bytes(), &[0x82, 0x82, 0, 0, 0, 0, b'h', b'i']].concat();
    tcp.write_all(&eager).await.unwrap();
    let mut relay = End::carry(within("the device comes", listener.accept()).await.unwrap());
    assert_eq!(relay.hear().await, "hi");
}

#[tokio::test]
async fn a_full_listener_says_so_until_somebody_leaves() {
    for caps in [Caps { connections: 1, per_address: 9 }, Caps { connections: 9, per_address: 1 }] {
        let mut listener = listen(self_signed(), caps).await;
        let at = encrypted(listener.local_addr());
        let (device, relay) = line(&mut listener, &at).await;
        let (device, relay) = (End::carry(device), End::carry(relay));
        let error = WebSocketDialer.dial(&at).await.unwrap_err();
        assert!(matches!(error, DialError::Full), "{error:?}");
        device.finish().await;
        relay.ended().await;
        line(&mut listener, &at).await;
    }
}

#[tokio::test]
async fn a_full_listener_still_answers_the_routes() {
    let mut listener = listen(ServerTls::Off, Caps { connections: 1, per_address: 1 }).await;
    let at = listener.local_addr();
    let _line = line(&mut listener, &plain(at)).await;
    assert!(answer(at, &get("/healthz")).await.ends_with("well"));
    assert!(answer(at, &websocket("bowline.1")).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_told_at_once_that_it_is_full() {
    let listener = listen(self_signed(), Caps { connections: 0, per_address: 0 }).await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        slow.push(TcpStream::connect(listener.local_addr()).await.unwrap());
    }
    let began = Instant::now();
    let mut next = TcpStream::connect(listener.local_addr()).await.unwrap();
    assert_eq!(next.read(&mut [0]).await.unwrap_or(0), 0);
    assert_eq!(began.elapsed().as_secs(), 0, "it is closed at once");
    assert_eq!(slow[0].read(&mut [0]).await.unwrap_or(0), 0);
    assert!(began.elapsed().as_secs() >= 9, "those before it may finish their handshake");
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_to_shake_hands_is_cut_off_and_leaves_the_place() {
    // Nothing; the begin of a TLS record; the begin of a request without TLS.
    for (tls, begin) in [(true, ""), (true, "\u{16}\u{3}\u{1}"), (false, ""), (false, "GET / HTTP/1.1\r\n")] {
        let caps = Caps { connections: 1, per_address: 1 };
        let mut listener = listen(if tls { self_signed() } else { ServerTls::Off }, caps).await;
        let at = listener.local_addr();
        let mut slow = TcpStream::connect(at).await.unwrap();
        slow.write_all(begin.as_bytes()).await.unwrap();
        let began = Instant::now();
        // A reset is as good an end as an orderly one.
        assert_eq!(slow.read(&mut [0]).await.unwrap_or(0), 0);
        assert!((9..=10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        resume();
        line(&mut listener, &if tls { encrypted(at) } else { plain(at) }).await;
        tokio::time::pause();
    }
}

#[tokio::test]
async fn a_listener_that_was_shut_down_is_gone_and_its_lines_go_on() {
    let mut listener = listen(self_signed(), ROOMY).await;
    let at = encrypted(listener.local_addr());
    let (device, relay) = line(&mut listener, &at).await;
    listener.shutdown().await;
    let error = WebSocketDialer.dial(&at).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error:?}");
    let (device, mut relay) = (End::carry(device), End::carry(relay));
    device.say("still here").await;
    assert_eq!(relay.hear().await, "still here");
}

#[tokio::test]
async fn a_dropped_listener_takes_no_more_devices() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    let at = plain(listener.local_addr());
    drop(listener);
    let gone = async {
        while !matches!(WebSocketDialer.dial(&at).await, Err(DialError::Unreachable { .. })) {
            tokio::task::yield_now().await;
        }
    };
    within("the port is free", gone).await;
}
