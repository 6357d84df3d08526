//! Codes that let nobody in, and relays that do not do what is asked: each is told apart, with a hint, and nothing is lost.

use bowline_engine::ids::TicketKey;
use bowline_engine::transport::Caps;
use bowline_engine::{Code, CodeKind, Home, Lifetime};
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
    let mut laptop = owner(&relay);
    let code = over_at_once(&mut laptop, CodeKind::Link);
    let mut late = newcomer();
    let ran = late.run(&format!("join {code} --yes"));
    refused(&mut late, &ran, 6, "This code has expired", "ask for a new code");
}

/// A code that is over a millisecond after it was made, by the relay's clock. Its maker's stands still, so it is not closed.
fn over_at_once(maker: &mut Machine, kind: CodeKind) -> String {
    let home = Home::open(&maker.home("")).unwrap();
    let open = |seed| home.device(Box::new(ChaCha20Rng::seed_from_u64(seed))).unwrap();
    let (workspace, ticket) = {
        let mut open = open(4);
        let workspace = open.device.current_workspace().unwrap().unwrap();
        let lifetime = Lifetime::new(kind, 1).unwrap();
        (workspace, open.device.make_code(workspace, lifetime, maker.now).unwrap())
    };
    maker.stand_still();
    ok(maker, "sync");
    let code = open(5).device.code(workspace, ticket).unwrap();
    code.unwrap().to_text().to_string()
}

#[test]
fn a_maker_whose_clock_is_wrong_makes_codes_that_are_good_for_as_long_as_it_says() {
    for wrong in [-3600, 3600] {
        let relay = TestRelay::start();
        let mut laptop = owner(&relay);
        laptop.now.0 = laptop.now.0.checked_add_signed(1000 * wrong).unwrap();
        let code = ok(&mut laptop, "device link");
        ok(&mut laptop, "sync");
        let mut phone = newcomer();
        ok(&mut phone, &format!("join {code} --yes"));
    }
}

#[test]
fn six_things_that_can_be_wrong_with_a_code_are_told_in_six_sentences() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let good = ok(&mut laptop, "workspace invite");
    let used = ok(&mut laptop, "workspace invite");
    joined("desktop", "Cai", &used);
    let closed = ok(&mut laptop, "workspace invite");
    ok(
        &mut laptop,
        &format!("workspace invites close {}", Code::parse(&closed).unwrap().secret.ticket_key()),
    );
    let expired = over_at_once(&mut laptop, CodeKind::Invite);
    let mut tower = Machine::new("tower").with_clock();
    ok(&mut tower, "init --user Dora");
    ok(&mut tower, &format!("workspace create --relay {}", relay.address()));
    let mut elsewhere = Code::parse(&good).unwrap();
    elsewhere.pins.roster = Code::parse(&ok(&mut tower, "workspace invite")).unwrap().pins.roster;
    let mistyped = good.replacen("bowline1-", "bowline1-x", 1);
    let newer = good.replacen("bowline1-", "bowline2-", 1);
    let mut late = newcomer();
    let mut told: Vec<(u8, String, String)> = Vec::new();
    for (code, word) in [
        (mistyped.as_str(), "code_mistyped"),
        (expired.as_str(), "code_expired"),
        (used.as_str(), "code_used"),
        (closed.as_str(), "code_closed"),
        (elsewhere.to_text().as_str(), "other_workspace"),
        (newer.as_str(), "code_version"),
    ] {
        let ran = late.run_with("--json join - --yes", code);
        let error: serde_json::Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["error"]["code"], word, "{}", ran.stderr);
        let text = |name: &str| error["error"][name].as_str().unwrap().to_owned();
        assert!(!text("hint").is_empty());
        told.push((ran.code, text("message"), text("hint")));
    }
    assert_eq!(told.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), [2, 6, 6, 6, 5, 6]);
    let sentences: std::collections::BTreeSet<&String> = told.iter().map(|(_, message, _)| message).collect();
    assert_eq!(sentences.len(), 6, "{told:?}");
    assert_eq!(ok(&mut late, "workspace list"), "", "nothing of the workspace stays");
    assert_eq!(late.run_with("join - --yes", &good).code, 0, "the good one still lets in");
}

#[test]
fn a_code_that_says_another_kind_than_its_record_lets_nobody_in() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let mut code = Code::parse(&ok(&mut laptop, "device link")).unwrap();
    code.kind = CodeKind::Invite;
    let mut late = newcomer();
    let ran = late.run_with("join - --yes", &code.to_text());
    let sentence = "This code says something else of whom it lets in than the workspace's own record of it";
    refused(&mut late, &ran, 6, sentence, "do not use it");
    assert!(!ran.stderr.contains("makes you a member"), "{}", ran.stderr);
    assert!(!ok(&mut laptop, "device list").contains("phone"));
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
    let sentence = "The relay that this code names has no such workspace";
    refused(&mut late, &ran, 6, sentence, "ask whoever gave you the code");
    assert_eq!(ok(&mut late, "workspace list"), "", "nothing of the workspace stays");
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
