//! `bowline recovery use` where something stops it half-way: it says what is missing, and goes on with the same words.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bowline_tests::processes::{Heading, Home, Relay, Tls, Wire, binary};
use bowline_transport::Frame as Bytes;
use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, Reason};

/// Exit codes: the relay refused, and some of it is done.
const REFUSED: i32 = 6;
const PARTIAL: i32 = 10;

/// Of so many commits one is that at which a common run ends the process; a nightly one takes each.
const EVERY: u64 = 5;

/// After so many times somebody else comes back: each time takes a place in the workspace, of which there are 256.
const TIMES_OF_ONE: u64 = 100;

/// The words of a person with a conversation in each of these workspaces, on a device that is gone.
struct Lost {
    words: String,
    workspaces: Vec<String>,
    conversations: Vec<String>,
}

impl Lost {
    fn on(relay: &Relay, names: &[&str]) -> Self {
        let laptop = Home::init("Ana", "laptop");
        let mut words = String::new();
        let mut conversations = Vec::new();
        for name in names {
            laptop.run(["workspace", "create", "--relay", relay.address(), "--name", name]).answer();
            if words.is_empty() {
                words = laptop.run(["recovery", "create", "--yes"]).answer();
            } else {
                laptop.run_with(["recovery", "add", "-"], &words).answer();
            }
            let id = laptop.run(["chat", "new", "--title", name]).answer().trim().to_owned();
            laptop.run(["chat", "say", &id, "Buy milk"]).answer();
            conversations.push(id);
        }
        laptop.run(["sync"]).answer();
        let rows: serde_json::Value =
            serde_json::from_str(&laptop.run(["--json", "workspace", "list"]).answer()).unwrap();
        let id = |name: &&str| {
            let row = rows.as_array().unwrap().iter().find(|row| row["name"] == **name).unwrap();
            row["id"].as_str().unwrap().to_owned()
        };
        Self { words, workspaces: names.iter().map(id).collect(), conversations }
    }

    /// Everything that was lost is on this home.
    fn are_on(&self, home: &Home) {
        home.run(["sync"]).answer();
        for id in &self.conversations {
            assert_eq!(home.messages(id), ["Buy milk"]);
        }
        home.check_database();
    }
}

fn used(address: &str) -> [&str; 5] {
    ["recovery", "use", "--relay", address, "-"]
}

#[test]
fn ended_at_any_commit_it_goes_on_with_the_same_words() {
    let is_nightly = std::env::var_os("BOWLINE_NIGHTLY").is_some();
    let relay = Relay::start(Tls::SelfSigned);
    let mut lost = Lost::on(&relay, &["Studio"]);
    let mut ends = 0;
    for commit in 1_u64.. {
        let side = if commit % 2 == 0 { "before" } else { "after" };
        if !is_nightly && commit % EVERY != 1 {
            continue;
        }
        if commit % TIMES_OF_ONE == 0 {
            lost = Lost::on(&relay, &["Studio"]);
        }
        let home = Home::with_program(binary("bowline"));
        let mut command = home.command(used(relay.address()));
        command.env("BOWLINE_END_AT_COMMIT", format!("{side} {commit}")).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(lost.words.as_bytes()).unwrap();
        let is_ended = !child.wait_with_output().unwrap().status.success();
        let again = home.run_with(used(relay.address()), &lost.words);
        assert!(again.status.success(), "{side} {commit}: {}", again.stderr);
        assert!(again.stdout.starts_with("Back in workspace Studio ("), "{side} {commit}: {}", again.stdout);
        lost.are_on(&home);
        if !is_ended {
            break;
        }
        ends += 1;
    }
    println!("{ends} ends at commits");
    assert!(ends >= 4, "only {ends}");
}

/// A relay that stops whenever somebody opens one of these workspaces.
struct Stops {
    wire: Wire,
    at: Arc<Mutex<Vec<String>>>,
    has_stopped: Arc<AtomicBool>,
}

impl Stops {
    fn before(relay: &Relay) -> Self {
        let at: Arc<Mutex<Vec<String>>> = Arc::default();
        let has_stopped = Arc::new(AtomicBool::new(false));
        let passes = {
            let (at, has_stopped) = (Arc::clone(&at), Arc::clone(&has_stopped));
            move |to, frame: Bytes| {
                let digits = frame.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
                if to == Heading::ToRelay && at.lock().unwrap().iter().any(|id| digits.contains(id)) {
                    has_stopped.store(true, Ordering::Relaxed);
                    let goodbye = Frame::Goodbye { reason: Reason::Shutdown, text: String::new() };
                    return vec![(Heading::ToDevice, encode(&goodbye).into())];
                }
                vec![(to, frame)]
            }
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { wire: Wire::that_passes(relay, listen, passes), at, has_stopped }
    }

    fn at(&self, workspaces: &[&String]) {
        *self.at.lock().unwrap() = workspaces.iter().map(|id| (*id).clone()).collect();
    }
}

#[test]
fn what_a_relay_does_not_give_back_is_named_with_a_code_of_its_own_and_comes_the_next_time() {
    let relay = Relay::start(Tls::Off);
    let lost = Lost::on(&relay, &["Studio", "Family"]);
    let stops = Stops::before(&relay);
    let home = Home::with_program(binary("bowline"));
    let line = used(&stops.wire.address);

    stops.at(&[&lost.workspaces[0], &lost.workspaces[1]]);
    let ran = home.run_with(line, &lost.words);
    assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(REFUSED), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("run it again: it goes on where it stopped"), "{}", ran.stderr);

    stops.at(&[&lost.workspaces[1]]);
    let ran = home.run_with(line, &lost.words);
    assert!(stops.has_stopped.load(Ordering::Relaxed));
    assert_eq!(ran.status.code(), Some(PARTIAL), "{}", ran.stderr);
    let short = &lost.workspaces[1][..4];
    assert!(ran.stdout.contains("Back in workspace Studio ("), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("Not back in workspace {short}: ")), "{}", ran.stdout);
    assert!(ran.stderr.contains("Error: 1 of 2 workspaces are back on this machine"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Hint: run it again: it goes on with those that are missing"),
        "{}",
        ran.stderr
    );
    assert_eq!(home.messages(&lost.conversations[0]), ["Buy milk"]);

    let ran = home.run_with(["--json"].iter().copied().chain(line), &lost.words);
    assert_eq!(ran.status.code(), Some(PARTIAL), "{}", ran.stderr);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    for (id, member, code) in
        [(&lost.workspaces[0], true, None), (&lost.workspaces[1], false, Some("relay_stopping"))]
    {
        let rows = answer["workspaces"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
        assert_eq!((&row["member"], row["code"].as_str()), (&member.into(), code), "{row}");
    }
    assert!(ran.stderr.lines().any(|line| line.contains("\"recovery_incomplete\"")), "{}", ran.stderr);

    stops.at(&[]);
    let ran = home.run_with(line, &lost.words);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("Back in workspace ").count(), 2, "{}", ran.stdout);
    lost.are_on(&home);
}
