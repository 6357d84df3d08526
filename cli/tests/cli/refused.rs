//! Codes that let nobody in, and relays that do not do what is asked: each is told apart, with a hint, and nothing is lost.

use bowline_engine::ids::TicketKey;
use bowline_engine::transport::Caps;
use bowline_engine::{Code, CodeKind, Home};
use bowline_relay::config::Registration;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::machine::{Machine, Ran};
use crate::relay::{TestRelay, something_else};
use crate::shared::{joined, laptop_and_phone, ok, owner};

/// A machine with a home, and one conversation to lose.
fn newcomer() -> Machine {
    let mut machine = Machine::new("phone").with_clock();
    ok(&mut machine, "init --user Ben");
    machine.made("chat new --title Diary");
    machine
}

/// Says that it ended with this code, first sentence and hint, and the machine is as it was.
#[track_caller]
fn refused(machine: &mut Machine, ran: &Ran, code: u8, sentence: &str, hint: &str) {
    assert_eq!(ran.code, code, "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("Error: {sentence}\n")), "{}", ran.stderr);
    let hinted = ran.stderr.lines().any(|line| line.starts_with("Hint: ") && line.contains(hint));
    assert!(hinted, "no hint with {hint:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(ok(machine, "chat list").contains("only here  Diary"));
}

#[test]
fn a_code_that_was_used_is_told_apart() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "workspace invite");
    joined("desktop", "Cai", &code);
    let mut late = newcomer();
    let ran = late.run(&format!("join {code} --yes"));
    refused(&mut late, &ran, 6, "Somebody has already joined with this code", "ask for a new code");
    assert_eq!(ok(&mut late, "workspace list"), "", "nothing of the workspace stays");
    let code = ok(&mut laptop, "workspace invite");
    ok(&mut late, &format!("join {code} --yes"));
}

#[test]
fn a_code_that_was_closed_is_told_apart() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let parsed = Code::parse(&code).unwrap();
    let ticket: TicketKey = parsed.secret.ticket_key();
    let home = Home::open(&laptop.home("")).unwrap();
    let mut open = home.device(Box::new(ChaCha20Rng::seed_from_u64(3))).unwrap();
    open.device.close_code(parsed.workspace, CodeKind::Link, ticket, laptop.now).unwrap();
    drop(open);
    ok(&mut laptop, "sync");
    let mut late = newcomer();
    let ran = late.run(&format!("join {code} --yes"));
    refused(&mut late, &ran, 6, "This code was closed by whoever made it", "ask for a new code");
}

#[test]
fn a_code_that_has_expired_is_told_apart() {
    let relay = TestRelay::start();
    // A machine whose clock is an hour behind makes links that are over when they are made. One that is a day behind makes none.
    let mut laptop = owner(&relay);
    laptop.now.0 -= 1000 * 3600;
    let code = ok(&mut laptop, "device link");
    let mut late = newcomer();
    let ran = late.run(&format!("join {code} --yes"));
    refused(&mut late, &ran, 6, "This code has expired", "ask for a new code");
}

#[test]
fn a_code_for_a_workspace_that_this_device_is_in_is_misuse() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let code = ok(&mut laptop, "device link");
    let ran = laptop.run(&format!("join {code} --yes"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("Error: This device is in that workspace already\n"), "{}", ran.stderr);
}

#[test]
fn a_code_of_another_workspace_than_the_relay_has_is_told_apart() {
    let (relay, other) = (TestRelay::start(), TestRelay::start());
    let mut laptop = owner(&relay);
    let mut code = Code::parse(&ok(&mut laptop, "workspace invite")).unwrap();
    code.relay = other.public();
    let mut late = newcomer();
    let ran = late.run(&format!("join {} --yes", code.to_text().as_str()));
    refused(&mut late, &ran, 6, "The relay refused: it has no such workspace", "the code is kept");
}

#[test]
fn a_relay_with_another_key_is_not_talked_to() {
    let (relay, other) = (TestRelay::start(), TestRelay::start());
    let mut machine = newcomer();
    let key = |relay: &TestRelay| relay.public().split_once("#key=").unwrap().1.to_owned();
    assert_ne!(key(&relay), key(&other), "two relays with one key");
    let wrong = relay.address().replace(&key(&relay), &key(&other));
    let ran = machine.run(&format!("workspace create --relay {wrong}"));
    refused(&mut machine, &ran, 5, "This is not the relay that the address is for", "nothing was sent");
    assert_eq!(ok(&mut machine, "workspace list"), "");
}

#[test]
fn a_self_signed_relay_without_a_key_in_the_address_is_not_trusted() {
    let relay = TestRelay::start();
    let mut machine = newcomer();
    let ran = machine.run(&format!("workspace create --relay wss://localhost:{}", relay.port()));
    refused(&mut machine, &ran, 5, "The relay's certificate is not trusted", "wss://HOST#key=");
}

#[test]
fn a_wrong_token_makes_no_workspace() {
    let relay = TestRelay::start();
    let mut machine = newcomer();
    let sentence = "The relay refused: it takes new workspaces only with the right registration token";
    for address in [relay.public(), format!("{},token=wrong", relay.public())] {
        let ran = machine.run(&format!("workspace create --relay {address}"));
        refused(&mut machine, &ran, 6, sentence, "with its token");
    }
    let closed = TestRelay::start_with(Caps { connections: 8, per_address: 8 }, |config| {
        config.registration = Registration::Closed;
    });
    let ran = machine.run(&format!("workspace create --relay {}", closed.address()));
    refused(&mut machine, &ran, 6, sentence, "with its token");
}

#[test]
fn a_relay_that_is_down_loses_nothing() {
    let mut relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    relay.stop();
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    for line in ["sync", "workspace invite", "device link"] {
        let ran = laptop.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("Error: The relay cannot be reached\n"), "{line}: {}", ran.stderr);
    }
    relay.resume();
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n");
    assert!(ok(&mut laptop, "chat list").contains("on relay"));
}

#[test]
fn a_removal_without_a_relay_is_decided_and_not_yet_in_force() {
    let mut relay = TestRelay::start();
    let (mut laptop, _phone) = laptop_and_phone(&relay);
    relay.stop();
    let ran = laptop.run("device revoke phone --yes");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("is decided, and not yet in force\n"), "{}", ran.stderr);
    assert!(ok(&mut laptop, "status").contains("  Not yet in force: 1 decision\n"));
    relay.resume();
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, "device list").contains("phone"));
}

#[test]
fn a_relay_without_room_for_connections_is_full() {
    let relay = TestRelay::start_with(Caps { connections: 0, per_address: 0 }, |_| ());
    let mut machine = newcomer();
    let ran = machine.run(&format!("workspace create --relay {}", relay.address()));
    refused(&mut machine, &ran, 6, "The relay is full", "no workspace was made");
}

#[test]
fn a_relay_without_room_for_content_keeps_it_queued() {
    let relay =
        TestRelay::start_with(Caps { connections: 8, per_address: 8 }, |config| config.content_quota = 1024);
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    let long: String =
        (0..4000_u32).map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
    assert_eq!(laptop.run_with(&format!("chat say {id} -"), &long).code, 0);
    let ran = laptop.run("sync");
    assert_eq!(ran.code, 6, "{}\n{}", ran.stdout, ran.stderr);
    let sentence = "Error: The relay takes nothing more for now: the workspace's storage there is full\n";
    assert!(ran.stderr.contains(sentence), "{}", ran.stderr);
    assert!(ok(&mut laptop, "chat list").contains("queued"));
}

#[test]
fn a_relay_of_another_version_is_told_from_what_is_no_relay() {
    let mut machine = newcomer();
    let newer = something_else(
        "HTTP/1.1 400 Bad Request\r\nsec-websocket-protocol: bowline.2\r\ncontent-length: 0\r\n\r\n",
    );
    let ran = machine.run(&format!("workspace create --relay {newer}"));
    refused(
        &mut machine,
        &ran,
        6,
        "The relay is of another version of Bowline",
        "update the older of the two",
    );
    for answer in ["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "220 mail.example ESMTP\r\n"] {
        let ran = machine.run(&format!("workspace create --relay {}", something_else(answer)));
        refused(
            &mut machine,
            &ran,
            5,
            "What answers at this address is not a Bowline relay",
            "check host, port and path",
        );
    }
}
