//! Frames that are exactly as large as a limit allows, and one beyond. What is alike in them is written once, with how often it stands
//! there: most would be a megabyte.

use bowline_wire::bodies::Supplied;
use bowline_wire::codec::encode;
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Create, Frame, Hello, Proof, Reason, StatePiece, Welcome};
use bowline_wire::ids::{Position, Signature, StateDigest, WorkspaceId};
use bowline_wire::limits::*;
use bowline_wire::signed::Signed;
use serde_json::{Value, json};

use super::frames::{sample, with_capabilities};
use crate::samples::story;

pub(super) fn vectors() -> Value {
    [sizes(), texts(), opening(), entries(), bodies()].concat().into()
}

/// Two vectors: what `made` makes of so much as the limit says, and of one more.
fn at(limit: &str, most: usize, what: &str, made: impl Fn(usize) -> Made) -> Vec<Value> {
    let both = [(most, "", "read", None), (most + 1, " and one", "malformed", Some("Limit"))];
    let vector = |(count, more, verdict, rule): (usize, &str, &str, Option<&str>)| {
        let Made { frame, alike } = made(count);
        json!({
            "name": format!("{what}: {limit}{more}"),
            "frame": runs(&frame, &alike),
            "verdict": verdict,
            "rule": rule,
        })
    };
    both.map(vector).to_vec()
}

/// A frame's bytes, and what stands in it again and again.
struct Made {
    frame: Vec<u8>,
    alike: Vec<u8>,
}

fn made(frame: &Frame, alike: &[u8]) -> Made {
    Made { frame: encode(frame), alike: alike.to_vec() }
}

/// Bytes as a list of pairs: some of them, and how often they stand there one behind the other.
fn runs(bytes: &[u8], alike: &[u8]) -> Value {
    let (mut runs, mut rest, mut single) = (Vec::new(), bytes, Vec::new());
    while let Some((first, after)) = rest.split_first() {
        let mut count = 0;
        while rest.starts_with(alike) {
            (rest, count) = (&rest[alike.len()..], count + 1);
        }
        if count > 0 {
            if !single.is_empty() {
                runs.push(json!([hex::encode(std::mem::take(&mut single)), 1]));
            }
            runs.push(json!([hex::encode(alike), count]));
        } else {
            single.push(*first);
            rest = after;
        }
    }
    if !single.is_empty() {
        runs.push(json!([hex::encode(single), 1]));
    }
    runs.into()
}

/// The bytes that [`runs`] wrote.
pub(super) fn bytes_of(runs: &Value) -> Vec<u8> {
    let run = |run: &Value| {
        let times = usize::try_from(run[1].as_u64().unwrap()).unwrap();
        hex::decode(run[0].as_str().unwrap()).unwrap().repeat(times)
    };
    runs.as_array().unwrap().iter().flat_map(run).collect()
}

/// Zeros, as many as nothing else of a frame has.
const ZEROS: [u8; 128] = [0; 128];

/// An entry of so many zeros, which nobody has signed.
fn unsigned(header: usize, body: usize) -> SignedEntry {
    SignedEntry::from_parts(Signed::from_parts(vec![0; header], Signature::ZERO), Some(vec![0; body]))
}

/// A frame of so many bytes.
fn of_size(bytes: usize) -> Frame {
    let with = |last: usize| Frame::Append { entries: vec![unsigned(200, MAX_BODY), unsigned(200, last)] };
    let about = 200 * 1024;
    let frame = with(about + bytes - encode(&with(about)).len());
    assert_eq!(encode(&frame).len(), bytes);
    frame
}

fn sizes() -> Vec<Value> {
    let append = |header, body| made(&Frame::Append { entries: vec![unsigned(header, body)] }, &ZEROS);
    let supply = |body| {
        let supplied = Supplied { position: Position(1), body: vec![0; body] };
        made(&Frame::Supply { bodies: vec![supplied] }, &ZEROS)
    };
    [
        at("MAX_FRAME", MAX_FRAME, "bytes of a frame", |bytes| made(&of_size(bytes), &ZEROS)),
        at("MAX_HEADER", MAX_HEADER, "bytes of a header in an Append", |bytes| append(bytes, 0)),
        at("MAX_BODY", MAX_BODY, "bytes of a body in an Append", |bytes| append(200, bytes)),
        at("MAX_BODY", MAX_BODY, "bytes of a body in a Supply", supply),
    ]
    .concat()
}

fn texts() -> Vec<Value> {
    let text = |bytes| "x".repeat(bytes);
    let goodbye = |bytes| Frame::Goodbye { reason: Reason::Version, text: text(bytes) };
    let create = |bytes| {
        let Frame::Proof(proof) = sample("Proof with create") else { unreachable!() };
        let create = proof.create.clone().map(|create| Box::new(Create { token: text(bytes), ..*create }));
        Frame::Proof(Box::new(Proof { create, ..*proof }))
    };
    [
        at("MAX_REASON_TEXT", MAX_REASON_TEXT, "bytes of a text in a Goodbye", |n| made(&goodbye(n), b"xx")),
        at("MAX_TOKEN", MAX_TOKEN, "bytes of a token", |n| made(&create(n), b"xx")),
        at("MAX_CAPABILITY", MAX_CAPABILITY, "bytes of a capability", |n| {
            made(&with_capabilities(sample("Hello"), vec![text(n)]), b"xx")
        }),
    ]
    .concat()
}

fn opening() -> Vec<Value> {
    let hello = |count| {
        Frame::Hello(Hello { nonce: [1; 32], versions: (1..=count as u64).collect(), capabilities: vec![] })
    };
    let names = |count| (0..count).map(|n| format!("{n:02}")).collect();
    let Frame::Welcome(welcome) = sample("Welcome to a log that was continued") else { unreachable!() };
    let said = welcome.successors[0];
    let continued = |count| Frame::Welcome(Welcome { successors: vec![said; count], ..welcome.clone() });
    [
        at("MAX_VERSIONS", MAX_VERSIONS, "versions in a Hello", |n| made(&hello(n), &ZEROS)),
        at("MAX_CAPABILITIES", MAX_CAPABILITIES, "capabilities in a Welcome", |n| {
            made(&with_capabilities(sample("Welcome"), names(n)), &ZEROS)
        }),
        at("MAX_SUCCESSORS", MAX_SUCCESSORS, "successors in a Welcome", |n| {
            made(&continued(n), &encode(&said))
        }),
    ]
    .concat()
}

fn entries() -> Vec<Value> {
    let story = story();
    let head = story.head_at(story.position());
    let bare = Entry::new(story.entries[3].signed_header().clone(), None).unwrap();
    let (entry, time) = (bare.to_signed(), story.log.time());
    let logged = LoggedEntry { time, entry: entry.clone() };
    let alike = encode(&entry);
    let of_a_log = [&[0x82], &encode(&time)[..], &alike].concat();
    let place = (bare.id(), Position(1));
    let answered = [&[0x82], &encode(&place.0)[..], &[1]].concat();
    let in_frame = |what: &str, alike: &[u8], frame: &dyn Fn(usize) -> Frame| {
        at("MAX_ENTRIES_PER_FRAME", MAX_ENTRIES_PER_FRAME, &format!("entries in {what}"), |count| {
            made(&frame(count), alike)
        })
    };
    [
        in_frame("an Append", &alike, &|count| Frame::Append { entries: vec![entry.clone(); count] }),
        in_frame("an Appended", &answered, &|count| Frame::Appended { entries: vec![place; count], head }),
        in_frame("an Entries", &of_a_log, &|count| Frame::Entries {
            first: Position(1),
            entries: vec![logged.clone(); count],
            head,
        }),
        in_frame("a Records", &[&[0x82, 1], &of_a_log[..]].concat(), &|count| Frame::Records {
            entries: vec![(Position(1), logged.clone()); count],
            more: false,
        }),
    ]
    .concat()
}

fn bodies() -> Vec<Value> {
    let Frame::Holdings { devices } = sample("Holdings") else { unreachable!() };
    let said = devices[0];
    let places = |count: usize| (1..=count as u64).map(Position).collect::<Vec<_>>();
    let supply = |count| {
        let supplied = |position| Supplied { position, body: vec![] };
        Frame::Supply { bodies: places(count).into_iter().map(supplied).collect() }
    };
    let numbered = |number: u64| {
        let mut id = [0; 32];
        id[24..].copy_from_slice(&number.to_be_bytes());
        WorkspaceId::from_bytes(id)
    };
    [
        at("MAX_HOLDINGS_PER_FRAME", MAX_HOLDINGS_PER_FRAME, "words in a Holdings", |count| {
            made(&Frame::Holdings { devices: vec![said; count] }, &encode(&said))
        }),
        at("MAX_BODIES_PER_FRAME", MAX_BODIES_PER_FRAME, "positions in a Fetch", |count| {
            made(&Frame::Fetch { positions: places(count) }, &ZEROS)
        }),
        at("MAX_BODIES_PER_FRAME", MAX_BODIES_PER_FRAME, "positions in a Wanted", |count| {
            made(&Frame::Wanted { positions: places(count) }, &ZEROS)
        }),
        at("MAX_BODIES_PER_FRAME", MAX_BODIES_PER_FRAME, "bodies in a Supply", |count| {
            made(&supply(count), &ZEROS)
        }),
        at("MAX_FOUND", MAX_FOUND, "workspaces in a Found", |count| {
            let workspaces = (1..=count as u64).map(numbered).collect();
            made(&Frame::Found { workspaces }, &ZEROS)
        }),
        at("MAX_STATE_PIECE", MAX_STATE_PIECE, "bytes of a state in a State", |count| {
            let bytes = vec![0; count];
            let digest = StateDigest::from_bytes([3; 32]);
            made(&Frame::State(StatePiece { digest, len: MAX_STATE, offset: 1, bytes }), &ZEROS)
        }),
    ]
    .concat()
}
