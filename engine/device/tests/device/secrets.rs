//! Nothing prints what it must not, and a copy of the database alone tells no key.

use bowline_core::sync::{Phase, Replica, Stored, Token};
use bowline_device::Error;
use bowline_wire::frame::{Create, Frame, Party, Proof};

use crate::author::{Author, message};
use crate::rig::{Rig, code};

/// Whether `printed` shows `secret` in any of the ways in which bytes are printed.
fn shows(printed: &str, secret: &[u8]) -> bool {
    let hex: Vec<String> = secret[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let list = |separator: &str| {
        let bytes: Vec<String> = secret[..4].iter().map(u8::to_string).collect();
        bytes.join(separator)
    };
    let text = String::from_utf8_lossy(secret);
    printed.contains(&hex)
        || printed.to_lowercase().contains(&hex)
        || printed.contains(&list(", "))
        || printed.replace(char::is_whitespace, "").contains(&list(","))
        || printed.contains(&*text)
}

fn assert_shows_none(what: &str, printed: &str, secrets: &[(&str, Vec<u8>)]) {
    for (name, secret) in secrets {
        assert!(!shows(printed, secret), "{what} shows the {name}");
    }
}

#[test]
fn the_search_itself_finds_what_is_printed() {
    let secret = b"0123456789abcdef".to_vec();
    assert!(shows(&format!("{secret:?}"), &secret) && shows(&format!("{secret:#?}"), &secret));
    assert!(shows("x 3031323334353637 x", &secret) && shows("<0123456789abcdef>", &secret));
    assert!(!shows("nothing of it", &secret));
}

#[test]
fn nothing_prints_keys_codes_tokens_or_content() {
    let (mut owner, mut relay) = Author::owner(1);
    let ticket = owner.put_ticket(&mut relay, false);
    let mut rig = Rig::new(2);
    let code = code(&relay, &ticket);
    rig.join(&code);
    let secrets = [
        ("signing key", rig.keys()[..32].to_vec()),
        ("HPKE key", rig.keys()[32..].to_vec()),
        ("code's secret", ticket.to_bytes().to_vec()),
        ("token", b"the registration token".to_vec()),
        ("title", b"a secret title".to_vec()),
        ("text", b"a secret message".to_vec()),
    ];
    let check = |what: &str, printed: String| assert_shows_none(what, &printed, &secrets);
    check("a code", format!("{code:?} {code:#?}"));
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    let id = rig.conversation("a secret title");
    rig.say(id, "a secret message");
    check("a device", format!("{:?} {:#?}", rig.device, rig.device));
    check("a status", format!("{:?} {:#?}", rig.status(), rig.status()));
    check("notices", format!("{:?}", rig.notices));
    rig.take_sent();
    check("frames", format!("{:?}", rig.sent));
    let payload = message(rig.device.id(), id, "a secret message");
    check("a payload", format!("{payload:?}"));
    let long = "a secret message ".repeat(1 << 20);
    let errors = [
        rig.device.append_line(id, "a secret message, and no JSON", rig.now).unwrap_err(),
        rig.device.set_title(id, Some(&long), rig.now).unwrap_err(),
        Error::NoDocument(id),
    ];
    for error in errors {
        check("an error", format!("{error} {error:?} {error:#?}"));
    }
    let stored = Stored {
        since_epoch: Vec::new(),
        workspace: rig.workspace(),
        device: rig.device.id(),
        incarnation: bowline_wire::ids::Incarnation::ZERO,
        phase: Phase::Creating(Token("the registration token".to_owned())),
        log: Some(relay.log().clone()),
        head: Some(relay.head()),
        keyring: Some(crate::author::keyring_for(&owner.put_ticket(&mut relay, false), &relay)),
        ticket: Some(bowline_crypto::TicketSecret::from_bytes(&ticket.to_bytes())),
        pins: None,
        lets_in: None,
        relay: None,
        offered: vec![relay.entry(1)],
        succession: bowline_wire::successor::Succession::default(),
        decided: None,
        to_send_again: std::collections::BTreeSet::new(),
        withheld_from: None,
        distrusted: false,
    };
    check("what was stored", format!("{stored:?} {stored:#?}"));
    let replica = Replica::restore(stored);
    check("a replica", format!("{replica:?} {replica:#?}"));
}

#[test]
fn a_proof_does_not_print_its_token() {
    let relay = Rig::member().2;
    let create =
        Create { token: "the registration token".to_owned(), genesis: relay.signed(1), logs: Vec::new() };
    let (workspace, party) = (relay.workspace(), Party::Device(relay.entry(1).header().device));
    let proof = Proof { create: Some(Box::new(create)), ..Proof::unsigned(workspace, party) };
    let proof = Frame::Proof(Box::new(proof));
    let printed = format!("{proof:?} {proof:#?}");
    assert!(!shows(&printed, b"the registration token"));
}

/// Every byte in every table.
fn dump(rig: &Rig) -> Vec<u8> {
    let connection = rig.device.store().connection();
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names = names.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let mut bytes = Vec::new();
    for name in names {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{}\"", name.unwrap())).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                bytes.extend(row.get_ref(column).unwrap().as_bytes().unwrap_or_default());
                bytes.push(0);
            }
        }
    }
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_copy_of_the_database_alone_tells_no_secret() {
    let (mut owner, mut relay) = Author::owner(1);
    let ticket = owner.put_ticket(&mut relay, false);
    let mut newcomer = Rig::new(2);
    newcomer.join(&code(&relay, &ticket));
    assert!(!contains(&dump(&newcomer), ticket.to_bytes().as_ref()), "while joining");

    let (mut rig, mut relay) = Rig::creator(3);
    assert!(!contains(&dump(&rig), b"the token"));
    let (workspace, now) = (rig.workspace(), rig.now);
    let key = rig.device.invite(workspace, now).unwrap();
    let early = dump(&rig);
    rig.sync(&mut relay);
    let code = rig.device.code(workspace, key).unwrap().unwrap();
    let secret = code.secret.to_bytes();
    assert!(!contains(&early, secret.as_ref()), "decided");
    assert!(!contains(&dump(&rig), secret.as_ref()), "ready");
    let name = format!("code/{key}");
    let is_kept = |rig: &Rig| rig.device.store().read().state(workspace, &name).unwrap().is_some();
    assert!(is_kept(&rig));
    Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    assert!(!is_kept(&rig), "used up");
    assert!(contains(&dump(&rig), workspace.as_bytes()), "the search itself finds what is there");
}
