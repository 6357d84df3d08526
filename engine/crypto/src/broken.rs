//! Negative golden vectors, `vectors/broken.json`: plaintexts that are not payloads, and wraps that hand out no key.

use std::collections::BTreeSet;

use bowline_wire::codec::{decode, encode};
use bowline_wire::ids::{Commitment, HpkePublicKey, Suite, WorkspaceId};
use bowline_wire::limits::{FREE_EXPANSION, MAX_PAYLOAD, PART_LEN};
use bowline_wire::roster::record::Wrap;
use hpke::kem::{X25519HkdfSha256, XWing};
use serde_json::{Value, json};

use crate::keys::DeviceKeys;
use crate::payload::{self, PayloadError, padme};
use crate::testing::{WORKSPACE, device, epoch_key, keyring, rng, vector_path, wrap_of};
use crate::wrap::{WrapError, open_wrap};

/// One zstd frame that says its size, 1,000, as zstd 1.5.7 made it of `0123456789` a hundred times.
const FRAME: &str = "28b52ffd60e8028d000050303132333435363738390100db5b1524";

/// One that says 65,537, as zstd 1.5.7 made it of as many zeros.
const ZEROS: &str = "28b52ffd6001ff5500001000000100fc7f1d6001";

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// A plaintext around `data`, with the padding that it should have.
fn enveloped(codec: u8, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap().to_be_bytes();
    let mut plaintext = [&[codec], &len[..], data].concat();
    plaintext.resize(padme(plaintext.len()), 0);
    plaintext
}

fn plaintexts() -> Vec<Value> {
    let frame = hex::decode(FRAME).unwrap();
    let text = [b'x'; 40].as_slice();
    let good = enveloped(STORED, text);
    assert!(good.len() > 5 + text.len() + 1, "there is padding");
    let resized = |len| {
        let mut plaintext = good.clone();
        plaintext.resize(len, 0);
        plaintext
    };
    let with = |at: usize, byte: u8| {
        let mut plaintext = good.clone();
        plaintext[at] = byte;
        plaintext
    };
    let sized = |size: u16| {
        let mut frame = frame.clone();
        frame[5..7].copy_from_slice(&(size - 256).to_le_bytes());
        enveloped(ZSTD, &frame)
    };
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    // A single block as it is, with a size of one byte (RFC 8878 sections 3.1.1.1 and 3.1.1.2): larger than what it holds.
    let grown = [&frame[..4], &[0x20, 3, 0x19, 0, 0], b"abc"].concat();
    // The same block in a frame with a window and without a size.
    let unsized_frame = [&frame[..4], &[0x00, 0x58, 0x19, 0, 0], b"abc"].concat();
    let huge = [&frame[..4], &[0xe0], &(u64::MAX - 2).to_le_bytes(), &[1, 0, 0]].concat();
    let zeros = hex::decode(ZEROS).unwrap();
    let compressed = |name, data: &[u8]| (name, "Compression", enveloped(ZSTD, data));
    let cases = [
        ("nothing", "Truncated", vec![]),
        ("a length cut short", "Truncated", vec![0; 4]),
        ("a length beyond the end", "Truncated", with(4, 200)),
        ("a length of gigabytes", "Truncated", with(1, 0xff)),
        ("a zero too few", "Padding", resized(good.len() - 1)),
        ("a zero too many", "Padding", resized(good.len() + 1)),
        ("padding to the length after", "Padding", resized(padme(good.len() + 1))),
        ("no padding", "Padding", resized(5 + text.len())),
        ("more than 64 times as much inside, without room for it", "Padding", enveloped(ZSTD, &zeros)),
        ("a one at the end", "Padding", with(good.len() - 1, 1)),
        ("a one behind the data", "Padding", with(5 + text.len(), 1)),
        ("a codec without a meaning", "Codec", with(0, 2)),
        ("the last codec there could be", "Codec", with(0, 0xff)),
        ("a frame of 999 bytes, it says", "Compression", sized(999)),
        ("a frame of 1,001 bytes, it says", "Compression", sized(1001)),
        compressed("text in place of a frame", text),
        compressed("no frame", b""),
        compressed("a frame and a byte", &[&frame[..], &[0]].concat()),
        compressed("two frames", &[&frame[..], &frame[..]].concat()),
        compressed("a frame cut short", &frame[..frame.len() - 1]),
        compressed("a skippable frame", &skippable),
        compressed("a skippable frame and one", &[&skippable[..], &frame[..]].concat()),
        compressed("a frame and a skippable one", &[&frame[..], &skippable[..]].concat()),
        compressed("a frame that is larger than what it holds", &grown),
        compressed("a frame without a size", &unsized_frame),
        ("a frame of more than any payload", "PayloadLimit", enveloped(ZSTD, &huge)),
    ];
    let vector = |(name, rule, plaintext): (&str, &str, Vec<u8>)| json!({ "name": name, "rule": rule, "verdict": "unreadable", "plaintext": hex::encode(plaintext) });
    cases.into_iter().map(vector).collect()
}

fn wraps() -> Vec<Value> {
    let own = device();
    let wrong = epoch_key(2);
    let another = |suite: Suite| {
        let (to, committed) = (own.hpke_public(suite), epoch_key(1).commitment());
        match suite {
            Suite::X25519 => wrap_of::<X25519HkdfSha256>(to, wrong.as_bytes(), committed),
            Suite::XWing => wrap_of::<XWing>(to, wrong.as_bytes(), committed),
        }
    };
    let low = Wrap { encapsulated: vec![0; 32], ..wrapped(&own, Suite::X25519) };
    let low = [(Suite::X25519, ("an encapsulated key of low order", "Seal", low, WORKSPACE, 1))];
    let of = |suite| wraps_of(&own, suite, another(suite)).map(|case| (suite, case));
    let of_both = Suite::ALL.into_iter().flat_map(of);
    let vector = |(suite, (name, rule, wrap, workspace, epoch)): (Suite, (_, _, Wrap, WorkspaceId, u8))| {
        json!({
            "name": format!("suite {}: {name}", suite.number()),
            "rule": rule,
            "verdict": "unreadable",
            "wrap": hex::encode(encode(&wrap)),
            "recipient": hex::encode(own.hpke_public(suite).as_bytes()),
            "workspace": workspace.to_string(),
            "commitment": epoch_key(epoch).commitment().to_string(),
            "hpke_secret": hex::encode(own.hpke().x25519()),
            "xwing_secret": hex::encode(own.hpke().xwing()),
        })
    };
    of_both.chain(low).map(vector).collect()
}

fn wrapped(to: &DeviceKeys, suite: Suite) -> Wrap {
    keyring(1).wrap_newest(&to.hpke_public(suite)).unwrap()
}

fn wraps_of(
    own: &DeviceKeys,
    suite: Suite,
    another: Wrap,
) -> [(&'static str, &'static str, Wrap, WorkspaceId, u8); 7] {
    let (good, elsewhere) = (wrapped(own, suite), WorkspaceId::from_bytes([0xee; 32]));
    let changed = |at: usize| {
        let mut wrap = good.clone();
        wrap.ciphertext[at] ^= 1;
        wrap
    };
    let to_other = wrapped(&DeviceKeys::generate(&mut rng(2)), suite);
    let empty = Wrap { encapsulated: vec![], ciphertext: vec![] };
    [
        ("a wrap with a bit changed", "Seal", changed(0), WORKSPACE, 1),
        ("a wrap with a bit of its tag changed", "Seal", changed(47), WORKSPACE, 1),
        ("a wrap of another workspace", "Seal", good.clone(), elsewhere, 1),
        ("a wrap of another epoch", "Seal", good, WORKSPACE, 2),
        ("a wrap to another recipient", "Seal", to_other, WORKSPACE, 1),
        ("another key than the committed one", "Commitment", another, WORKSPACE, 1),
        ("an empty wrap", "Seal", empty, WORKSPACE, 1),
    ]
}

fn written() -> Value {
    json!({ "plaintexts": plaintexts(), "wraps": wraps() })
}

fn read(list: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(vector_path("broken.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    vectors[list].as_array().unwrap().clone()
}

fn unhex(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

#[test]
fn every_sealing_rule_of_the_page_is_broken_by_a_vector() {
    let page = std::fs::read_to_string(vector_path("../../../docs/PROTOCOL.md")).unwrap();
    let (_, table) = page.split_once("### Sealing rules\n").unwrap();
    let rows = table.lines().skip(3).take_while(|line| line.starts_with('|'));
    let named: BTreeSet<_> = rows.map(|row| row.split('|').nth(1).unwrap().trim().to_owned()).collect();
    let vectors = [read("plaintexts"), read("wraps")].concat();
    let broken = vectors.iter().map(|vector| vector["rule"].as_str().unwrap().to_owned());
    assert_eq!(named, broken.collect());
}

#[test]
fn what_is_written_now_is_what_was_written_before() {
    let actual = serde_json::to_string_pretty(&written()).unwrap() + "\n";
    if std::env::var_os("BOWLINE_BLESS").is_some() {
        std::fs::write(vector_path("broken.json"), &actual).unwrap();
    }
    assert_eq!(
        actual,
        std::fs::read_to_string(vector_path("broken.json")).unwrap(),
        "BOWLINE_BLESS=1 rewrites it"
    );
}

#[test]
fn a_plaintext_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("plaintexts") {
        for limit in [MAX_PAYLOAD, PART_LEN] {
            let rule = match payload::decode(&unhex(&vector, "plaintext"), limit, FREE_EXPANSION).unwrap_err()
            {
                PayloadError::Truncated => "Truncated",
                PayloadError::Padding => "Padding",
                PayloadError::UnknownCodec(_) => "Codec",
                PayloadError::Compression => "Compression",
                PayloadError::TooLarge { .. } => "PayloadLimit",
            };
            assert_eq!(vector["rule"], rule, "{}", vector["name"]);
        }
    }
}

#[test]
fn a_wrap_is_refused_for_the_rule_that_it_breaks() {
    for vector in read("wraps") {
        let wrap: Wrap = decode(&unhex(&vector, "wrap")).unwrap();
        let recipient = HpkePublicKey::from_slice(&unhex(&vector, "recipient")).unwrap();
        let workspace = WorkspaceId::from_slice(&unhex(&vector, "workspace")).unwrap();
        let commitment = Commitment::from_slice(&unhex(&vector, "commitment")).unwrap();
        assert_eq!(unhex(&vector, "hpke_secret"), device().hpke().x25519());
        assert_eq!(unhex(&vector, "xwing_secret"), device().hpke().xwing());
        let rule = match open_wrap(&wrap, &recipient, workspace, commitment, device().hpke()).unwrap_err() {
            WrapError::Unopenable => "Seal",
            WrapError::WrongKey => "Commitment",
            other => panic!("{other}"),
        };
        assert_eq!(vector["rule"], rule, "{}", vector["name"]);
    }
}
