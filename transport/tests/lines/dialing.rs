//! Every way in which a relay is not reached has its own error, and the right relay is reached.

use bowline_transport::{Address, Dial, DialError, Link, NotARelay, ServerTls, WebSocketDialer};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;

use crate::support::{ROOMY, SEED, encrypted, key, line, listen, plain, self_signed, server_saying};

async fn refused(address: &Address) -> DialError {
    WebSocketDialer.dial(address).await.expect_err("nobody should be reached")
}

#[tokio::test]
async fn the_line_says_whom_it_proved_and_where_they_are() {
    let mut listener = listen(self_signed(), ROOMY).await;
    let at = listener.local_addr();
    let (device, relay) = line(&mut listener, &encrypted(at)).await;
    assert_eq!((device.peer().relay, device.peer().address), (Some(key(SEED)), Some(at)));
    assert_eq!(relay.peer().relay, None);
    assert!(relay.peer().address.unwrap().ip().is_loopback());
}

#[tokio::test]
async fn without_tls_nothing_is_proved_even_if_the_address_names_a_key() {
    let mut listener = listen(ServerTls::Off, ROOMY).await;
    let at = plain(listener.local_addr()).with_key(key(SEED));
    let (device, _relay) = line(&mut listener, &at).await;
    assert_eq!(device.peer().relay, None);
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let mut listener = listen(ServerTls::Off, ROOMY).await;
    let at = format!("ws://localhost:{}", listener.local_addr().port());
    line(&mut listener, &at.parse().unwrap()).await;
}

#[tokio::test]
async fn a_relay_with_another_key_is_refused() {
    let listener = listen(self_signed(), ROOMY).await;
    let imposter = encrypted(listener.local_addr()).with_key(key([8; 32]));
    match refused(&imposter).await {
        DialError::WrongPin { expected, found } => {
            assert_eq!((expected, found), (key([8; 32]), Some(key(SEED))));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn nothing_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let error = refused(&plain(at)).await;
    assert!(matches!(error, DialError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("nothing answers at 127.0.0.1 port {}", at.port()));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_not_found() {
    // RFC 6761 keeps this name from ever being given away, and most systems from asking for it.
    let error = refused(&"wss://relay.invalid".parse().unwrap()).await;
    assert!(matches!(error, DialError::NameNotFound { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the name relay.invalid was not found");
}

#[tokio::test]
async fn a_web_server_is_not_a_relay() {
    let at = server_saying("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let error = refused(&plain(at)).await;
    assert!(matches!(error, DialError::NotARelay { answer: NotARelay::Status(404), .. }), "{error:?}");
    assert_eq!(error.to_string(), "127.0.0.1 is not a relay: it answers with HTTP status 404");
}

#[tokio::test]
async fn something_that_is_not_http_is_not_a_relay() {
    let error = refused(&plain(server_saying("SSH-2.0-OpenSSH_9.2\r\n\r\n").await)).await;
    assert!(matches!(error, DialError::NotARelay { answer: NotARelay::NotHttp, .. }), "{error:?}");
}

#[tokio::test]
async fn a_websocket_for_something_else_is_not_a_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { accept_async(listener.accept().await.unwrap().0).await });
    let error = refused(&plain(at)).await;
    assert!(matches!(error, DialError::NotARelay { answer: NotARelay::OtherProtocol, .. }), "{error:?}");
}

#[tokio::test]
async fn a_relay_of_another_version_says_which() {
    let answer =
        "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-protocol: bowline.2\r\ncontent-length: 0\r\n\r\n";
    match refused(&plain(server_saying(answer).await)).await {
        DialError::OtherVersion { theirs } => assert_eq!(theirs, "bowline.2"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_full_relay_says_so() {
    let beginning = "HTTP/1.1 503 Service Unavailable\r\n";
    for rest in [
        "sec-websocket-protocol: bowline.1\r\ncontent-length: 0\r\n\r\n",
        "content-length: 20\r\n\r\nThis relay is full.\n",
    ] {
        let at = server_saying(format!("{beginning}{rest}").leak()).await;
        assert!(matches!(refused(&plain(at)).await, DialError::Full), "{rest}");
    }
}

#[tokio::test]
async fn what_a_proxy_says_in_place_of_a_relay_is_told_apart() {
    for (status, said) in [
        ("301 Moved", "sends devices elsewhere"),
        ("400 Bad Request", "does not pass on the upgrade"),
        ("401 Unauthorized", "asks for a password first"),
        ("502 Bad Gateway", "the relay behind it does not"),
        ("503 Service Unavailable", "the relay behind it does not"),
    ] {
        let at = server_saying(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").leak()).await;
        let error = refused(&plain(at)).await;
        assert!(matches!(error, DialError::NotARelay { answer: NotARelay::Status(_), .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_broken_connection() {
    let error = refused(&plain(server_saying("").await)).await;
    assert!(matches!(error, DialError::Io(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_with_the_wrong_key() {
    let listener = listen(ServerTls::Off, ROOMY).await;
    let error = refused(&encrypted(listener.local_addr())).await;
    assert!(matches!(error, DialError::Tls(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_ten_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = refused(&encrypted(listener.local_addr().unwrap())).await;
    assert_eq!(
        error.to_string(),
        "no connection within 10 seconds: it took the connection and did not answer in TLS"
    );
}
