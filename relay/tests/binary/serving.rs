//! Serving: the address that is printed, devices over TLS, stopping, coming back, and what is logged.

use std::io::{Read, Write};
use std::net::TcpStream;

use bowline_transport::{Address, Dial, DialError, WebSocketDialer};
use bowline_wire::frame::{Frame, Reason};

use crate::device::Device;
use crate::process::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_device_with_the_printed_line_makes_a_workspace_over_tls_and_finds_it_again() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let address = serving.address();
    assert!(address.is_encrypted() && address.key().is_some() && address.port() != 0, "{}", serving.line);
    let mut device = Device::create(&address, 1).await;
    let first = device.append(b"before").await;

    // A power cut: what was acknowledged is there, and the relay is the same relay.
    serving.kill();
    let serving = place.serve(&[]);
    assert_eq!(serving.address().key(), address.key());
    let token = |address: Address| address.into_parts().1.unwrap().as_str().to_owned();
    assert_eq!(token(serving.address()), token(address));
    let mut device = device.come_back(&serving.address()).await;
    let second = device.append(b"after").await;
    let log = device.read_log().await;
    assert_eq!(log[1..], [first, second]);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_that_is_told_to_stop_says_goodbye_and_ends_in_order() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let serving = place.serve(&[]);
        let mut device = Device::create(&serving.address(), 1).await;
        device.append(b"kept").await;
        serving.signal(signal);
        let frame = device.next().await;
        assert!(matches!(frame, Some(Frame::Goodbye { reason: Reason::Shutdown, .. })), "{frame:?}");
        assert!(device.next().await.is_none());
        assert_eq!(serving.wait(), (Some(0), String::new()), "{signal}");
        assert!(!place.file("relay.db-wal").exists(), "the database was closed in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_signal_that_means_nothing_here_does_not_end_the_relay() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    for signal in ["HUP", "QUIT", "USR1", "USR2"] {
        serving.signal(signal);
        device.append(signal.as_bytes()).await;
    }
    drop(device);
    let log = place.log_after(serving);
    assert!(["SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"].iter().all(|signal| log.contains(signal)), "{log}");
}

#[test]
fn health_is_asked_over_http() {
    let place = Place::new();
    let serving = place.serve(&["--tls", "off"]);
    let address = serving.address();
    assert!(!address.is_encrypted() && address.key().is_some(), "{}", serving.line);
    let ask = |path: &str| {
        let mut stream = TcpStream::connect((address.host(), address.port())).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let healthy = ask("/healthz");
    assert!(healthy.starts_with("HTTP/1.1 200 ") && healthy.ends_with("\r\n\r\nok\n"), "{healthy}");
    let ready = ask("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with("\r\n\r\nready\n"), "{ready}");
    assert!(ask("/elsewhere").starts_with("HTTP/1.1 404 "));
    serving.stop();
}

#[test]
fn behind_a_proxy_the_line_names_the_proxy_and_no_key() {
    let place = Place::new();
    let serving = place.serve(&["--tls", "off", "--behind-proxy", "--public", "relay.example"]);
    assert!(serving.line.starts_with("wss://relay.example#token="), "{}", serving.line);
    assert_eq!(serving.address().key(), None);
    serving.stop();
}

#[test]
fn only_a_relay_that_wants_a_token_prints_one() {
    for registration in ["open", "closed"] {
        let place = Place::new();
        let serving = place.serve(&["--registration", registration]);
        assert!(!serving.line.contains("token"), "{}", serving.line);
        serving.stop();
        assert!(!place.file("registration.token").exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn log_lines_are_json_and_hold_no_content_keys_tokens_or_whole_ids() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    let entry = device.append(b"a very private marker").await;
    let (ids, token) = (
        [device.workspace.to_string(), device.author.id().to_string(), entry.id().to_string()],
        serving.line.rsplit_once("token=").unwrap().1.to_owned(),
    );
    let key = std::fs::read_to_string(place.file("relay.key")).unwrap();
    drop(device);
    let log = place.log_after(serving);
    let messages: Vec<String> = log
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["message"].as_str().unwrap().to_owned()
        })
        .collect();
    for expected in [
        "serving",
        "connection opened",
        "a workspace is made",
        "a session begins",
        "connection closed",
        "stopped",
    ] {
        assert!(messages.iter().any(|message| message == expected), "{expected}: {log}");
    }
    for secret in ids.iter().chain([&token]).map(String::as_str).chain([key.trim(), "private marker"]) {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_may_make_workspaces_is_what_the_operator_said() {
    for (registration, token, is_let_in) in
        [("token", "guessed", false), ("token", "", false), ("closed", "", false), ("open", "", true)]
    {
        let place = Place::new();
        let serving = place.serve(&["--registration", registration]);
        let made = Device::create_with(&serving.address(), 1, token).await;
        match made {
            Ok(_) => assert!(is_let_in, "{registration} {token:?}"),
            Err(Frame::Goodbye { reason: Reason::BadToken, .. }) => assert!(!is_let_in, "{registration}"),
            Err(other) => panic!("{other:?}"),
        }
        serving.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn limits_are_what_the_operator_said() {
    let place = Place::new();
    let serving = place.serve(&["--quota", "100KB", "--per-address", "1"]);
    let mut device = Device::create(&serving.address(), 1).await;
    let refused = device.offer(&vec![7; 200_000]).await.unwrap_err();
    assert!(matches!(refused, Frame::Refused { reason: Reason::Quota, .. }), "{refused:?}");
    let second = WebSocketDialer.dial(&serving.address()).await;
    assert!(matches!(second, Err(DialError::Full)));
    drop(device);
    serving.stop();

    let serving = place.serve(&["--max-connections", "0"]);
    assert!(matches!(WebSocketDialer.dial(&serving.address()).await, Err(DialError::Full)));
    serving.stop();
}
