//! One encoding for each value: whatever else says the same is refused, and lengths that lie allocate nothing.

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_CUT;

/// One of each thing the codec knows.
#[derive(Debug, PartialEq)]
struct Sample {
    number: u64,
    small: u8,
    flag: bool,
    text: String,
    bytes: Vec<u8>,
    maybe: Option<Position>,
    list: Vec<Position>,
}

impl Canonical for Sample {
    fn write(&self, to: &mut Writer) {
        to.array(7)
            .u64(self.number)
            .u64(self.small.into())
            .bool(self.flag)
            .text(&self.text)
            .bytes(&self.bytes)
            .option(self.maybe.as_ref(), |to, value| value.write(to))
            .list(&self.list);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(7)?;
        Ok(Self {
            number: from.u64()?,
            small: from.u8()?,
            flag: from.bool()?,
            text: from.text("text", 4)?.to_owned(),
            bytes: from.bytes("bytes", 4)?.to_vec(),
            maybe: from.option(Reader::value)?,
            list: from.list("list", 3)?,
        })
    }
}

fn sample() -> Sample {
    Sample {
        number: 10,
        small: 255,
        flag: true,
        text: "ab".into(),
        bytes: vec![1, 2],
        maybe: None,
        list: vec![Position(23), Position(24)],
    }
}

/// `sample()` piece by piece, so that a test can spell one of them differently.
const PIECES: [&str; 8] = ["87", "0a", "18ff", "f5", "626162", "420102", "f6", "82171818"];

fn spelt(piece: usize, differently: &str) -> Result<Sample, DecodeError> {
    let mut pieces = PIECES;
    pieces[piece] = differently;
    decode(&hex::decode(pieces.concat()).unwrap())
}

#[test]
fn the_one_encoding_is_read_and_written() {
    assert_eq!(hex::encode(encode(&sample())), PIECES.concat());
    assert_eq!(spelt(1, "0a"), Ok(sample()));
    assert_eq!(spelt(6, "181e").unwrap().maybe, Some(Position(30)));
}

#[test]
fn numbers_take_their_shortest_form() {
    for long in ["180a", "19000a", "1a0000000a", "1b000000000000000a"] {
        assert_eq!(spelt(1, long), Err(DecodeError::NotCanonical), "{long}");
    }
    assert_eq!(spelt(2, "1900ff"), Err(DecodeError::NotCanonical));
    assert_eq!(spelt(7, "82181717"), Err(DecodeError::NotCanonical));
}

#[test]
fn lengths_take_their_shortest_form() {
    for (piece, long) in [(0, "9807"), (4, "78026162"), (5, "58020102"), (5, "5900020102"), (7, "9802171818")]
    {
        assert_eq!(spelt(piece, long), Err(DecodeError::NotCanonical), "{long}");
    }
}

#[test]
fn lengths_are_definite() {
    for (piece, open) in [(0, "9f"), (4, "7f626162ff"), (5, "5f420102ff"), (7, "9f171818ff")] {
        assert!(matches!(spelt(piece, open), Err(DecodeError::Malformed { .. })), "{open}");
    }
}

#[test]
fn nothing_follows_the_value() {
    for extra in ["8217181800", "82171818f6", "82171818ff"] {
        assert_eq!(spelt(7, extra), Err(DecodeError::NotCanonical), "{extra}");
    }
}

#[test]
fn nothing_is_missing_from_the_value() {
    let whole = hex::decode(PIECES.concat()).unwrap();
    for len in 0..whole.len() {
        assert!(matches!(decode::<Sample>(&whole[..len]), Err(DecodeError::Malformed { .. })), "{len}");
    }
}

#[test]
fn every_place_takes_its_own_type() {
    let others = [
        (0, "a7"),                 // a map
        (1, "2a"),                 // a negative number
        (1, "fb4024000000000000"), // a float
        (1, "c10a"),               // a tag
        (2, "190100"),             // more than eight bits
        (3, "01"),                 // a number for a truth value
        (3, "f6"),
        (4, "426162"), // bytes for text
        (4, "62fffe"), // text that is not UTF-8
        (5, "626162"), // text for bytes
        (6, "f7"),     // undefined for null
        (7, "f6"),
        (0, "86"), // the right things under a wrong count
        (0, "88"),
    ];
    for (piece, other) in others {
        assert!(matches!(spelt(piece, other), Err(DecodeError::Malformed { .. })), "{other}");
    }
}

#[test]
fn what_is_longer_than_its_limit_is_refused() {
    let too_large = |what, limit| Err(DecodeError::TooLarge { what, limit });
    assert_eq!(spelt(4, "656162636465"), too_large("text", 4));
    assert_eq!(spelt(5, "450102030405"), too_large("bytes", 4));
    assert_eq!(spelt(7, "8401020304"), too_large("list", 3));
    assert!(spelt(4, "6461626364").is_ok() && spelt(5, "4401020304").is_ok() && spelt(7, "83010203").is_ok());
}

#[test]
fn a_length_that_promises_what_does_not_come_is_refused() {
    for (piece, lie) in
        [(4, "7bffffffffffffffff"), (5, "5bffffffffffffffff"), (5, "5affffffff"), (4, "7a7fffffff")]
    {
        assert!(matches!(spelt(piece, lie), Err(DecodeError::Malformed { .. })), "{lie}");
    }
    assert!(matches!(spelt(7, "9bffffffffffffffff"), Err(DecodeError::TooLarge { .. })));
    assert!(matches!(spelt(0, "9bffffffffffffffff"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(spelt(7, "830102"), Err(DecodeError::Malformed { .. })));
    let mut cut = Reader::new(&[0x99, 0xff, 0xff]);
    assert!(cut.array_up_to("cut", MAX_CUT).is_err());
}

#[test]
fn deep_nesting_is_refused_without_following_it() {
    let deep = vec![0x81; 1_000_000];
    assert!(matches!(decode::<Sample>(&deep), Err(DecodeError::Malformed { .. })));
    assert!(matches!(spelt(7, "838181818181"), Err(DecodeError::Malformed { .. })));
}

#[test]
fn ids_have_exactly_their_length() {
    let id = DeviceId::from_bytes([7; 32]);
    let encoded = encode(&id);
    assert_eq!(encoded.len(), 34);
    assert_eq!(decode::<DeviceId>(&encoded), Ok(id));
    assert!(decode::<UserId>(&encoded).is_err());
    assert!(decode::<Signature>(&encoded).is_err());
}

#[test]
fn a_lane_without_a_name_is_unknown() {
    assert_eq!(decode::<Lane>(&[0]), Ok(Lane::Control));
    assert_eq!(decode::<Lane>(&[1]), Ok(Lane::Content));
    let unknown = DecodeError::UnknownNumber { what: "lane", number: 2 };
    assert_eq!(decode::<Lane>(&[2]), Err(unknown));
}
