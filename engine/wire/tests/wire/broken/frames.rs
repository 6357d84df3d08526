//! Frames that break one rule, made from the samples of every frame, whatever their fields are.

use bowline_wire::bodies::Supplied;
use bowline_wire::codec::{Writer, encode};
use bowline_wire::frame::{Frame, Hello, LetGo, StatePiece};
use bowline_wire::ids::{Position, StateDigest, WorkspaceId};
use bowline_wire::limits::MAX_STATE;
use bowline_wire::log::Stood;
use serde_json::{Value, json};

use super::raw::{array, items, other_spellings, with_item};
use super::vector;
use crate::samples::frames;

/// Most bytes of a frame that is broken in every way: what is wrong is the same in the longer ones.
const SHORT: usize = 300;

fn broken(name: &str, rule: &str, frame: &[u8]) -> Value {
    vector(name, rule, "malformed", json!({ "frame": hex::encode(frame) }))
}

pub(super) fn sample(name: &str) -> Frame {
    frames().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn of(name: &str) -> Vec<u8> {
    encode(&sample(name))
}

pub(super) fn vectors() -> Value {
    let spelt = other_spellings(&of("Subscribe"));
    let spelt = spelt.iter().map(|(what, rule, frame)| broken(&format!("a Subscribe: {what}"), rule, frame));
    spelt.chain(counts()).chain(numbers()).chain(lists()).chain(orders()).collect()
}

/// Every frame with a field more and with one less.
fn counts() -> Vec<Value> {
    let both = |(name, frame): (&str, Frame)| {
        let bytes = encode(&frame);
        let more = array(&[items(&bytes), vec![vec![0xf6]]].concat());
        let less = array(&items(&bytes)[..items(&bytes).len() - 1]);
        [
            broken(&format!("{name} with a null more"), "Shape", &more),
            broken(&format!("{name} without its last field"), "Shape", &less),
        ]
    };
    let is_short = |(_, frame): &(&str, Frame)| encode(frame).len() <= SHORT;
    frames().into_iter().filter(|(name, _)| *name != "Subscribe").filter(is_short).flat_map(both).collect()
}

fn numbers() -> Vec<Value> {
    let without_a_layout = [0, 14, 15, 16];
    let mut vectors: Vec<_> = without_a_layout
        .iter()
        .map(|number| broken(&format!("a frame of number {number}"), "Number", &[0x82, 1, *number]))
        .collect();
    vectors.extend([
        broken("a frame of number 28", "Number", &[0x82, 1, 0x18, 28]),
        broken("a frame of version 0", "Number", &[0x82, 0, 12]),
        broken("a frame of version 2", "Number", &[0x82, 2, 12]),
        broken("a frame with a number of two bytes that one would do for", "Canonical", &[0x82, 1, 0x18, 12]),
        broken("a Proof of a party without a name", "Number", &{
            let proof = of("Proof by ticket");
            let at =
                items(&proof).iter().position(|item| item.len() == 36 && item[..2] == [0x82, 1]).unwrap();
            with_item(&proof, at, &with_item(&items(&proof)[at], 0, &[2]))
        }),
        broken("a Welcome with a time that no log has", "TimeLimit", &{
            with_item(&of("Welcome"), 3, &[0x1b, 0, 1, 0, 0, 0, 0, 0, 0])
        }),
        broken(
            "a Goodbye with a reason of more than 16 bits",
            "Shape",
            &with_item(&of("Goodbye"), 2, &[0x1a, 0, 1, 0, 0]),
        ),
        broken(
            "a Goodbye with text that is not UTF-8",
            "Canonical",
            &with_item(&of("Goodbye"), 3, b"\x61\xff"),
        ),
        broken("a Goodbye with text in bytes", "Shape", &with_item(&of("Goodbye"), 3, b"\x41x")),
        broken("a frame that ends in a number", "Canonical", &[0x83, 1, 5, 0x19, 1]),
        broken("a Records whose more is a number", "Shape", &with_item(&of("Records"), 3, &[1])),
    ]);
    vectors
}

/// What is wrong with the things that frames are lists of.
fn lists() -> Vec<Value> {
    let entries = of("Entries");
    let logged = items(&items(&entries)[3])[0].clone();
    let with_time = |time: u64| {
        let mut writer = Writer::new();
        writer.u64(time);
        with_item(&entries, 3, &array(&[with_item(&logged, 0, &writer.into_bytes())]))
    };
    let appended = of("Appended");
    let pair = items(&items(&appended)[2])[0].clone();
    vec![
        broken("an entry at a time of 2^48", "TimeLimit", &with_time(1 << 48)),
        broken(
            "an entry without a time",
            "Shape",
            &with_item(&entries, 3, &array(&[items(&logged)[1].clone()])),
        ),
        broken("an Entries whose head is null", "Shape", &with_item(&entries, 4, &[0xf6])),
        broken("an Appended with a position too few", "Shape", &{
            with_item(&appended, 2, &array(&[array(&items(&pair)[..1])]))
        }),
        broken("a Fetch of positions in bytes", "Shape", &with_item(&of("Fetch"), 2, &[0x42, 4, 6])),
        broken(
            "a Fetch of a list without a length",
            "Canonical",
            &with_item(&of("Fetch"), 2, &[0x9f, 4, 6, 0xff]),
        ),
    ]
}

/// Frames whose lists are out of order or name something twice.
fn orders() -> Vec<Value> {
    let supplied = |position| Supplied { position, body: b"sealed".to_vec() };
    let mut vectors = Vec::new();
    for (what, pair) in [("out of order", [2, 1]), ("twice", [1, 1])] {
        let [first, second] = pair.map(Position);
        let frames = [
            ("a Fetch", Frame::Fetch { positions: vec![first, second] }),
            ("a Wanted", Frame::Wanted { positions: vec![first, second] }),
            ("a Supply", Frame::Supply { bodies: vec![supplied(first), supplied(second)] }),
        ];
        vectors.extend(frames.map(|(name, frame)| {
            broken(&format!("{name} of positions {what}"), "PositionOrder", &encode(&frame))
        }));
    }
    vectors.extend(states_out_of_bounds());
    let Frame::Kept { entries, .. } = sample("Kept") else { unreachable!() };
    let [(first, one), (second, other)] = &entries[..] else { unreachable!() };
    for (what, places) in [("out of order", [second, first]), ("twice", [first, first])] {
        let entries = vec![(*places[0], one.clone()), (*places[1], other.clone())];
        let kept = Frame::Kept { entries, more: true };
        vectors.push(broken(&format!("a Kept of positions {what}"), "PositionOrder", &encode(&kept)));
    }
    for (what, pair) in [("out of order", ["zstd", "parts"]), ("twice", ["parts", "parts"])] {
        for name in ["Hello", "Welcome"] {
            let frame = with_capabilities(sample(name), pair.map(String::from).to_vec());
            vectors.push(broken(
                &format!("a {name} of capabilities {what}"),
                "CapabilityOrder",
                &encode(&frame),
            ));
        }
    }
    for (what, pair) in [("out of order", [2, 1]), ("twice", [1, 1])] {
        let workspaces = pair.map(|number| WorkspaceId::from_bytes([number; 32])).to_vec();
        let found = Frame::Found { workspaces };
        vectors.push(broken(&format!("a Found of workspaces {what}"), "WorkspaceOrder", &encode(&found)));
    }
    for (what, versions) in [("out of order", vec![2, 1]), ("twice", vec![1, 1])] {
        let hello = Frame::Hello(Hello { nonce: [1; 32], versions, capabilities: vec![] });
        vectors.push(broken(&format!("a Hello of versions {what}"), "VersionOrder", &encode(&hello)));
    }
    vectors
}

pub(super) fn with_capabilities(mut frame: Frame, names: Vec<String>) -> Frame {
    match &mut frame {
        Frame::Hello(hello) => hello.capabilities = names,
        Frame::Welcome(welcome) => welcome.capabilities = names,
        other => unreachable!("{other:?} has no capabilities"),
    }
    frame
}

/// Pieces that their states do not have, and states that nobody has.
fn states_out_of_bounds() -> Vec<Value> {
    let digest = StateDigest::from_bytes([3; 32]);
    let piece = |len, offset, count| Frame::State(StatePiece { digest, len, offset, bytes: vec![5; count] });
    let let_go =
        |len| Frame::LetGo(LetGo { stood: Stood { at: Position(3), digest, since: Position(5) }, len });
    [
        ("a State of no bytes", piece(9, 4, 0)),
        ("a State of bytes behind the state's end", piece(9, 4, 6)),
        ("a State of bytes behind the last number", piece(9, u64::MAX, 2)),
        ("a State that is too long", piece(MAX_STATE + 1, 4, 5)),
        ("a LetGo of a state without bytes", let_go(0)),
        ("a LetGo of a state that is too long", let_go(MAX_STATE + 1)),
    ]
    .map(|(name, frame)| broken(name, "StateBounds", &encode(&frame)))
    .to_vec()
}
