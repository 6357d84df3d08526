//! Relays that misbehave on the line: what a person reads and how soon, and that a process can always be stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bowline_cast::leash;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::machine::Machine;
use crate::relay::TestRelay;
use crate::shared::{laptop_and_phone, ok};

/// How soon a process has to be gone that was told to end, on a machine that does other things as well. On virtual time less than
/// a second is asked for, in `engine/tests/run.rs`.
const SOON: Duration = Duration::from_secs(3);

/// What a relay does with a connection.
type Act = fn(TcpStream);

/// A relay that does so with every connection: its address, and a message for each connection that was made.
fn relay_that(act: Act) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}/", listener.local_addr().unwrap());
    let (made, connections) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let made = made.clone();
            std::thread::spawn(move || {
                let _nobody_asks = made.send(());
                act(stream);
            });
        }
    });
    (address, connections)
}

/// Reads until the other side is gone.
fn says_nothing(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {}
}

/// Opens a WebSocket on a connection.
fn open(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\nsec-websocket-protocol: bowline.1\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    let _gone = stream.write_all(answer.as_bytes());
}

fn is_silent(mut stream: TcpStream) {
    open(&mut stream);
    says_nothing(stream);
}

/// Never reads either.
fn is_deaf(mut stream: TcpStream) {
    open(&mut stream);
    std::thread::sleep(Duration::from_mins(1));
}

fn pings(mut stream: TcpStream) {
    open(&mut stream);
    let pings = [0x89, 0].repeat(4096);
    while stream.write_all(&pings).is_ok() {}
}

fn fragments(mut stream: TcpStream) {
    open(&mut stream);
    let _gone = stream.write_all(&[0x02, 0]);
    let fragments = [0x00, 0].repeat(4096);
    while stream.write_all(&fragments).is_ok() {}
}

/// Begins a frame of a megabyte, and goes on with it slowly.
fn trickles(mut stream: TcpStream) {
    open(&mut stream);
    let _gone = stream.write_all(&[0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]);
    while stream.write_all(&[0]).is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The built binary on a home.
fn start(home: &Path, arguments: &[&str]) -> Child {
    let mut command = leash::bare_command(env!("CARGO_BIN_EXE_bowline"));
    command.env("BOWLINE_HOME", home).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn new_home() -> TempDir {
    let home = TempDir::new().unwrap();
    let made = start(&home.path().join("home"), &["init", "--user", "Ana"]).wait_with_output().unwrap();
    assert!(made.status.success());
    home
}

/// Tells a process to end; what it said, and how long it took to be gone.
fn stopped(process: Child, signal: &str) -> (Output, Duration) {
    let began = Instant::now();
    assert!(leash::ends_well(leash::command("kill").args(["-s", signal, &process.id().to_string()])));
    (process.wait_with_output().unwrap(), began.elapsed())
}

#[test]
#[cfg(unix)]
fn signals_are_heard_whatever_the_line_does() {
    let lines: [(&str, Act, &str); 4] = [
        ("nothing in answer to TCP", says_nothing, "INT"),
        ("a WebSocket without a word", is_silent, "TERM"),
        ("a WebSocket that nobody reads", is_deaf, "INT"),
        ("a frame that trickles in", trickles, "TERM"),
    ];
    for (what, act, signal) in lines {
        let home = new_home();
        let (address, connections) = relay_that(act);
        let process = start(&home.path().join("home"), &["workspace", "create", "--relay", &address]);
        connections.recv_timeout(Duration::from_mins(1)).unwrap();
        let (output, took) = stopped(process, signal);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{what}: {told}");
        assert!(took < SOON, "{what}: {took:?}");
    }
}

#[test]
#[cfg(unix)]
fn a_flood_is_called_one_at_once_and_is_met_again_ever_more_rarely_by_who_watches() {
    for (what, act) in [("pings", pings as Act), ("fragments", fragments)] {
        let home = new_home();
        let (address, connections) = relay_that(act);
        let home = home.path().join("home");
        let began = Instant::now();
        let made = start(&home, &["workspace", "create", "--relay", &address]).wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.code(), Some(5), "{what}: {told}");
        assert!(told.contains("Error: The relay sends without end and brings nothing\n"), "{what}: {told}");
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
        assert_eq!(connections.try_iter().count(), 1, "{what}: one flood is enough");
        let watch = start(&home, &["sync", "--watch"]);
        for _ in 0..2 {
            connections.recv_timeout(Duration::from_mins(1)).unwrap();
        }
        let (output, took) = stopped(watch, "TERM");
        assert_eq!(output.status.code(), Some(0), "{what}");
        assert!(took < SOON, "{what}: {took:?}");
    }
}

#[test]
#[cfg(unix)]
fn while_a_relay_is_silent_a_person_reads_so_within_seconds() {
    let home = new_home();
    let (address, connections) = relay_that(is_silent);
    let line = ["--json", "workspace", "create", "--relay", &address];
    let mut process = start(&home.path().join("home"), &line);
    let mut told = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    connections.recv_timeout(Duration::from_mins(1)).unwrap();
    let began = Instant::now();
    let sentence = ": connected, and the relay does not answer; waiting for it";
    assert!(told.any(|line| line.contains(sentence)), "it ended without saying so");
    // The sentence is due after four seconds.
    assert!(began.elapsed() < Duration::from_millis(4800), "{:?}", began.elapsed());
    let (output, _) = stopped(process, "INT");
    assert_eq!(output.status.code(), Some(130));
}

#[test]
fn a_relay_that_was_caught_keeps_no_command_waiting() {
    let relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    let database = Connection::open(laptop.home("bowline.db")).unwrap();
    let plant = "INSERT INTO evidence (ws, kind, at, what) SELECT id, 4, 1, x'' FROM workspace";
    database.execute(plant, ()).unwrap();
    assert_fails_soon(&mut laptop, "device revoke phone --yes", "caught misbehaving");
    assert_fails_soon(&mut laptop, "workspace invite", "caught misbehaving");
}

/// Commands that need the relay, this one among them, say why they cannot go on, and soon.
fn assert_fails_soon(machine: &mut Machine, also: &str, why: &str) {
    for line in ["device link", also, "sync", "--json device link"] {
        let began = Instant::now();
        let ran = machine.run(line);
        assert!(began.elapsed() < Duration::from_secs(15), "{line}: {:?}", began.elapsed());
        assert!(!matches!(ran.code, 0 | 130), "{line}: {} {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains(why), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{line}");
    }
}

#[test]
fn a_relay_that_has_lost_a_part_of_the_log_says_so_and_everything_goes_on_once_it_has_it_again() {
    let mut relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let older = relay.copy();
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    let newer = relay.copy();
    relay.put_back(&older);
    let told = laptop.run("--json sync");
    assert!(told.stderr.contains("relay_lost_log"), "{}", told.stderr);
    assert_fails_soon(&mut laptop, "workspace invite", "waits to be restored");
    let told = ok(&mut laptop, "status");
    assert!(told.contains("has lost a part of the workspace's log") && told.contains("restore"), "{told}");
    assert!(phone.run("sync").stderr.contains("waits to be restored"), "whoever comes");
    relay.put_back(&newer);
    ok(&mut laptop, "sync");
    ok(&mut phone, "sync");
    assert!(ok(&mut phone, &format!("chat show {id}")).contains("Groceries"));
    assert!(!ok(&mut laptop, "status").contains("restore"));
}

#[test]
fn a_relay_whose_certificate_has_another_key_is_followed_by_those_who_know_it() {
    let mut relay = TestRelay::start();
    let (mut laptop, mut phone) = laptop_and_phone(&relay);
    let before = ok(&mut laptop, "workspace show");
    relay.take_another_certificate();
    let id = laptop.made("chat new --title Groceries");
    for machine in [&mut laptop, &mut phone] {
        ok(machine, "sync");
        let after = ok(machine, "workspace show");
        assert!(before.contains("#key=") && after != before, "the address has the new key");
        ok(machine, "sync");
        assert_eq!(ok(machine, "workspace show"), after);
    }
    assert!(ok(&mut phone, &format!("chat show {id}")).contains("Groceries"));
    // A new device comes in by a code that names the new key.
    let code = ok(&mut laptop, "device link");
    crate::shared::joined("tablet", "Ana", &code);
}

#[test]
fn another_relay_at_the_address_of_one_that_is_known_gets_nothing() {
    let mut relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    laptop.made("chat new --title Groceries");
    let before = ok(&mut laptop, "workspace show");
    relay.become_another();
    let told = laptop.run("sync");
    assert!(told.code != 0 && told.stderr.contains("not the workspace's relay"), "{}", told.stderr);
    assert_eq!(ok(&mut laptop, "workspace show"), before, "the address stays what it was");
}
