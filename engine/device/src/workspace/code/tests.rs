//! Codes as people copy them.

use bowline_crypto::TicketSecret;
use bowline_wire::ids::{LogHash, LogId, Position, RosterHash, WorkspaceId};

use super::*;

fn code(kind: CodeKind) -> Code {
    Code {
        relay: "wss://relay.example/#pin=abc".to_owned(),
        workspace: WorkspaceId::from_bytes([1; 32]),
        kind,
        pins: Pins {
            log: LogId::from_bytes([2; 32]),
            position: Position(3),
            hash: LogHash::from_bytes([4; 32]),
            roster: RosterHash::from_bytes([5; 32]),
        },
        secret: TicketSecret::from_bytes(&[0x5e; 32]),
    }
}

/// Everything in a code, its secret included.
fn parts(code: &Code) -> (String, WorkspaceId, CodeKind, Pins, [u8; 32]) {
    let Code { relay, workspace, kind, pins, secret } = code;
    (relay.clone(), *workspace, *kind, pins.clone(), *secret.to_bytes())
}

#[test]
fn a_code_is_read_back_as_it_was_made() {
    for kind in [CodeKind::Invite, CodeKind::Link] {
        let made = code(kind);
        let read = Code::parse(&made.to_text()).unwrap();
        assert_eq!(parts(&read), parts(&made));
    }
}

#[test]
fn white_space_from_copying_does_not_matter() {
    let text = code(CodeKind::Link).to_text();
    let (head, tail) = text.split_at(40);
    let pasted = format!("  {head}\r\n\t{tail} \n");
    assert_eq!(parts(&Code::parse(&pasted).unwrap()), parts(&code(CodeKind::Link)));
}

#[test]
fn every_wrong_or_missing_character_is_noticed() {
    let text = code(CodeKind::Invite).to_text();
    for at in PREFIX.len()..text.len() {
        let mut wrong = text.as_bytes().to_vec();
        wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert_eq!(Code::parse(&wrong).err(), Some(CodeError::Damaged), "at {at}");
        assert_eq!(Code::parse(&text[..at]).err(), Some(CodeError::Damaged), "cut at {at}");
    }
}

#[test]
fn two_characters_exchanged_are_noticed() {
    let text = code(CodeKind::Invite).to_text();
    for at in PREFIX.len()..text.len() - 1 {
        let mut wrong = text.as_bytes().to_vec();
        wrong.swap(at, at + 1);
        if wrong != text.as_bytes() {
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Code::parse(&wrong).err(), Some(CodeError::Damaged), "at {at}");
        }
    }
}

#[test]
fn what_is_no_code_and_what_is_another_versions_is_told_apart() {
    for (text, expected) in [
        ("", CodeError::NotACode),
        ("hello", CodeError::NotACode),
        ("https://example.org/", CodeError::NotACode),
        ("bowline2-AAAA", CodeError::OtherVersion),
        ("bowline", CodeError::OtherVersion),
        ("bowline1-", CodeError::Damaged),
        ("bowline1-AAA", CodeError::Damaged),
        ("bowline1-ä", CodeError::Damaged),
        ("bowline1-!!!!", CodeError::Damaged),
    ] {
        assert_eq!(Code::parse(text).err(), Some(expected), "{text:?}");
    }
}

fn text_of(content: &[u8]) -> String {
    let mut bytes = content.to_vec();
    bytes.extend(&sha256(&[b"bowline/code/1", content])[..CHECKSUM]);
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
}

#[test]
fn a_good_checksum_over_something_else_is_no_code() {
    let good = encode(&code(CodeKind::Invite));
    assert!(Code::parse(&text_of(&good)).is_ok());
    let mut longer = good.clone();
    longer.push(0);
    let mut other_kind = good.clone();
    let kind_at = 1 + 2 + code(CodeKind::Invite).relay.len() + 2 + 32;
    assert_eq!(other_kind[kind_at], 0);
    other_kind[kind_at] = 3;
    for content in [&good[..good.len() - 1], &longer, &other_kind, &[]] {
        assert_eq!(Code::parse(&text_of(content)).err(), Some(CodeError::Damaged));
    }
}

#[test]
fn a_code_does_not_print_what_lets_one_in() {
    let code = code(CodeKind::Invite);
    let text = code.to_text();
    let printed = format!("{code:?} {code:#?}");
    assert!(!printed.contains("5e5e") && !printed.contains("94, 94") && !printed.contains(&text[9..20]));
}
