//! Frames: every one of them, there and back, and what a frame may not be.

use bowline_wire::bodies::Supplied;
use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::frame::{
    Challenge, Create, FRAME_NUMBERS, Frame, Hello, Party, Proof, Reason, Transcript, Welcome, Word,
    is_hello_of_before,
};
use bowline_wire::header::EntryType;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::*;
use bowline_wire::limits::*;

use crate::samples::{ana, frames, opening, said_holding, said_successor, story};

#[test]
fn frames_are_read_as_they_were_written() {
    for (name, frame) in frames() {
        assert_eq!(decode::<Frame>(&encode(&frame)), Ok(frame), "{name}");
    }
}

#[test]
fn every_frame_has_its_number() {
    let mut numbers: Vec<(String, u64)> = Vec::new();
    for (name, frame) in frames() {
        let bytes = encode(&frame);
        // From 24 on a number has a byte before it that says so.
        let (head, version, number) =
            (bytes[0], bytes[1], if bytes[2] == 0x18 { bytes[3] } else { bytes[2] });
        assert!((0x82..=0x88).contains(&head) && version == 1, "{name}");
        let name = name.split(' ').next().unwrap().to_owned();
        if numbers.last().is_none_or(|last| last.0 != name) {
            numbers.push((name, number.into()));
        }
    }
    let is_reserved = |number: u64| matches!(number, 14..=16);
    let implemented = FRAME_NUMBERS.iter().filter(|(_, number)| !is_reserved(*number));
    let implemented: Vec<_> = implemented.map(|(name, number)| ((*name).to_owned(), *number)).collect();
    assert_eq!(numbers, implemented);
}

#[test]
fn reserved_and_unknown_frames_are_refused_by_number() {
    for number in [0, 14, 15, 16] {
        let refused = DecodeError::UnknownNumber { what: "frame", number: number.into() };
        assert_eq!(decode::<Frame>(&[0x82, 1, number]), Err(refused));
    }
    let refused = DecodeError::UnknownNumber { what: "frame", number: 28 };
    assert_eq!(decode::<Frame>(&[0x82, 1, 0x18, 28]), Err(refused));
}

#[test]
fn another_version_is_refused_by_number() {
    let refused = DecodeError::UnknownNumber { what: "frame version", number: 2 };
    assert_eq!(decode::<Frame>(&[0x82, 2, 12]), Err(refused));
}

#[test]
fn a_frame_has_exactly_its_fields() {
    for (name, frame) in frames() {
        let mut bytes = encode(&frame);
        bytes.push(0xf6);
        assert_eq!(decode::<Frame>(&bytes), Err(DecodeError::NotCanonical), "{name}");
        bytes[0] += 1;
        assert_eq!(decode::<Frame>(&bytes), Err(DecodeError::NotCanonical), "{name}");
    }
}

#[test]
fn a_frame_is_no_longer_than_its_limit() {
    let ana = ana();
    let entry = ana.sign(story().draft(&ana, EntryType::Changes), &vec![0; MAX_BODY]);
    let frame = Frame::Append { entries: vec![entry.to_signed(); 2] };
    let bytes = encode(&frame);
    assert!(bytes.len() > MAX_FRAME);
    let too_large = DecodeError::TooLarge { what: "frame", limit: MAX_FRAME };
    assert_eq!(decode::<Frame>(&bytes), Err(too_large));
}

#[test]
fn lists_and_texts_keep_to_their_limits() {
    let refused = |frame: Frame, what, limit| {
        assert_eq!(decode::<Frame>(&encode(&frame)), Err(DecodeError::TooLarge { what, limit }));
    };
    let head = story().head_at(Position(1));
    let entries = vec![(EntryId::ZERO, Position(1)); MAX_ENTRIES_PER_FRAME + 1];
    refused(Frame::Appended { entries, head }, "entries", MAX_ENTRIES_PER_FRAME);
    let text = "x".repeat(MAX_REASON_TEXT + 1);
    refused(Frame::Goodbye { reason: Reason::Version, text }, "text", MAX_REASON_TEXT);
    let devices = vec![said_holding(); MAX_HOLDINGS_PER_FRAME + 1];
    refused(Frame::Holdings { devices }, "holdings", MAX_HOLDINGS_PER_FRAME);
    let positions: Vec<Position> = (0..=MAX_BODIES_PER_FRAME as u64).map(Position).collect();
    refused(Frame::Fetch { positions: positions.clone() }, "positions", MAX_BODIES_PER_FRAME);
    refused(Frame::Wanted { positions: positions.clone() }, "positions", MAX_BODIES_PER_FRAME);
    let bodies = positions.into_iter().map(|position| Supplied { position, body: Vec::new() }).collect();
    refused(Frame::Supply { bodies }, "bodies", MAX_BODIES_PER_FRAME);
    let bodies = vec![Supplied { position: Position(1), body: vec![0; MAX_BODY + 1] }];
    refused(Frame::Supply { bodies }, "body", MAX_BODY);
    let [_, _, Frame::Proof(proof), Frame::Welcome(welcome)] = opened() else { unreachable!() };
    let successors = vec![said_successor(); MAX_SUCCESSORS + 1];
    let continued = Welcome { successors, ..welcome.clone() };
    refused(Frame::Welcome(continued), "successors", MAX_SUCCESSORS);
    let capabilities = |capabilities| Frame::Welcome(Welcome { capabilities, ..welcome.clone() });
    let many = (0..=MAX_CAPABILITIES).map(|n| format!("{n:04}")).collect();
    refused(capabilities(many), "capabilities", MAX_CAPABILITIES);
    refused(capabilities(vec!["x".repeat(MAX_CAPABILITY + 1)]), "capability", MAX_CAPABILITY);
    let create = Create {
        token: "x".repeat(MAX_TOKEN + 1),
        genesis: story().entries[0].to_signed(),
        logs: Vec::new(),
    };
    refused(Frame::Proof(Box::new(Proof { create: Some(Box::new(create)), ..*proof })), "token", MAX_TOKEN);
    let versions = (0..=MAX_VERSIONS as u64).collect();
    let hello = Hello { nonce: [0; 32], versions, capabilities: vec![] };
    refused(Frame::Hello(hello), "versions", MAX_VERSIONS);
}

#[test]
fn lists_at_their_limits_are_read() {
    let positions: Vec<Position> = (1..=MAX_BODIES_PER_FRAME as u64).map(Position).collect();
    let bodies =
        positions.iter().map(|position| Supplied { position: *position, body: Vec::new() }).collect();
    let largest = vec![Supplied { position: Position(u64::MAX), body: vec![0; MAX_BODY] }];
    for frame in [
        Frame::Fetch { positions: positions.clone() },
        Frame::Wanted { positions },
        Frame::Supply { bodies },
        Frame::Supply { bodies: largest },
    ] {
        assert_eq!(decode::<Frame>(&encode(&frame)), Ok(frame));
    }
}

#[test]
fn positions_ascend_without_repetition() {
    let rule = DecodeError::Rule("positions ascend without repetition");
    for [first, second] in [[2, 1], [1, 1]].map(|pair| pair.map(Position)) {
        let supplied = |position| Supplied { position, body: Vec::new() };
        for frame in [
            Frame::Fetch { positions: vec![first, second] },
            Frame::Wanted { positions: vec![first, second] },
            Frame::Supply { bodies: vec![supplied(first), supplied(second)] },
        ] {
            assert_eq!(decode::<Frame>(&encode(&frame)), Err(rule));
        }
    }
}

#[test]
fn capabilities_ascend_without_repetition() {
    let [_, _, _, Frame::Welcome(welcome)] = opened() else { unreachable!() };
    for names in [["b", "a"], ["a", "a"]] {
        let capabilities = names.map(String::from).to_vec();
        let frame = Frame::Welcome(Welcome { capabilities, ..welcome.clone() });
        let rule = DecodeError::Rule("capabilities ascend without repetition");
        assert_eq!(decode::<Frame>(&encode(&frame)), Err(rule));
    }
}

#[test]
fn versions_ascend_without_repetition() {
    for versions in [vec![2, 1], vec![1, 1]] {
        let frame = Frame::Hello(Hello { nonce: [0; 32], versions, capabilities: vec![] });
        let rule = DecodeError::Rule("versions ascend without repetition");
        assert_eq!(decode::<Frame>(&encode(&frame)), Err(rule));
    }
}

#[test]
fn of_several_versions_the_newest_that_both_speak_counts() {
    let newest = |versions: &[u64]| {
        Hello { nonce: [0; 32], versions: versions.to_vec(), capabilities: vec![] }.version()
    };
    assert_eq!([newest(&[1]), newest(&[0, 1, 2])], [Some(1), Some(1)]);
    assert_eq!([newest(&[]), newest(&[2, 3])], [None, None]);
}

#[test]
fn a_party_is_a_device_or_a_ticket() {
    let mut bytes = encode(&Party::Device(ana().id()));
    assert_eq!(bytes[..2], [0x82, 0]);
    bytes[1] = 2;
    let unknown = DecodeError::UnknownNumber { what: "party", number: 2 };
    assert_eq!(decode::<Party>(&bytes), Err(unknown));
}

/// An opening by Ana's laptop, which has seen the story up to its third entry.
fn opened() -> [Frame; 4] {
    opening(Party::Device(ana().id()), &ana().key, Some(3), None)
}

#[test]
fn each_word_of_an_opening_is_bound_to_its_fields_and_to_all_that_was_said_before() {
    let frames = opened();
    let said = |so_far: usize| Transcript::of(frames.iter().take(so_far).map(encode));
    let [_, Frame::Challenge(challenge), Frame::Proof(proof), Frame::Welcome(welcome)] = frames.clone()
    else {
        unreachable!()
    };
    challenge.verify(said(1)).unwrap();
    proof.verify(said(2)).unwrap();
    welcome.verify(said(3)).unwrap();
    for wrong in (0..4).filter(|so_far| *so_far != 1) {
        assert!(challenge.verify(said(wrong)).is_err());
    }
    for wrong in (0..4).filter(|so_far| *so_far != 2) {
        assert!(proof.verify(said(wrong)).is_err());
    }
    for wrong in 0..3 {
        assert!(welcome.verify(said(wrong)).is_err());
    }
    for changed in [
        Challenge { version: 2, ..challenge },
        Challenge { nonce: [0; 32], ..challenge },
        Challenge { line: None, ..challenge },
        Challenge { relay: RelayId::ZERO, ..challenge },
        Challenge { time: Millis(0), ..challenge },
    ] {
        assert!(changed.verify(said(1)).is_err(), "{changed:?}");
    }
    for changed in [
        Proof { workspace: WorkspaceId::ZERO, ..(*proof).clone() },
        Proof { party: Party::Ticket(TicketKey::from_bytes(*ana().id().as_bytes())), ..(*proof).clone() },
        Proof { head: None, ..(*proof).clone() },
    ] {
        assert!(changed.verify(said(2)).is_err(), "{changed:?}");
    }
    for changed in [
        Welcome { head: story().head_at(Position(1)), ..welcome.clone() },
        Welcome { time: LogTime::LAST, ..welcome.clone() },
        Welcome { capabilities: vec![], ..welcome.clone() },
    ] {
        assert!(changed.verify(said(3)).is_err(), "{changed:?}");
    }
}

#[test]
fn a_hello_from_before_nonces_is_recognised_and_no_other_bytes_are() {
    let mut before = bowline_wire::codec::Writer::new();
    before.array(5).u64(1).u64(1).value(&WorkspaceId::ZERO).value(&Party::Device(ana().id()));
    before.array(2).text("draft/2").text("entries/1");
    let before = before.into_bytes();
    assert!(is_hello_of_before(&before) && decode::<Frame>(&before).is_err());
    for (name, frame) in frames() {
        assert!(!is_hello_of_before(&encode(&frame)), "{name}");
    }
    assert!(!is_hello_of_before(&[&before[..], &[0]].concat()));
    assert!(!is_hello_of_before(&before[..before.len() - 1]));
}

#[test]
fn a_holding_is_worth_nothing_in_another_workspace_or_with_anything_changed_in_it() {
    let (said, workspace) = (said_holding(), story().workspace());
    assert_eq!(SaidHolding::from(&said.verify(workspace).unwrap()), said);
    let others = [
        (said, WorkspaceId::ZERO),
        (SaidHolding { device: ana().id(), ..said }, workspace),
        (SaidHolding { position: said.position.next(), ..said }, workspace),
        (SaidHolding { hash: LogHash::ZERO, ..said }, workspace),
        (SaidHolding { time: Millis(0), ..said }, workspace),
    ];
    assert!(others.iter().all(|(said, workspace)| said.verify(*workspace).is_err()));
}

#[test]
fn every_reason_has_its_number_and_every_number_a_reason() {
    for number in 0..=u16::MAX {
        assert_eq!(Reason::from_number(number).number(), number);
    }
    for (name, number, reason) in Reason::NAMED {
        assert_eq!((reason.number(), format!("{reason:?}")), (number, name.to_owned()));
    }
}

#[test]
fn what_may_succeed_later_is_transient() {
    let transient = ["Quota", "ChainGap", "RosterUnknown", "Rate", "RunIncomplete", "Storage", "LivesSpent"];
    for (name, _, reason) in Reason::NAMED {
        assert_eq!(reason.is_transient(), transient.contains(&name), "{name}");
    }
    assert!(!Reason::Unknown(999).is_transient());
}
