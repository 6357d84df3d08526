//! Bytes that no writer of this code makes: entries signed over headers that break a rule, and other spellings of CBOR.

use bowline_wire::codec::encode;
use bowline_wire::entry::SignedEntry;
use bowline_wire::hash;
use bowline_wire::header::Header;
use bowline_wire::ids::{Signature, WorkspaceId};
use bowline_wire::signed::{Signable, Signed, signing_message};
use ed25519_dalek::Signer;
use minicbor::Decoder;

use crate::support::Author;

/// The items of an array, each in the bytes that it has.
pub(super) fn items(array: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(array);
    let len = decoder.array().unwrap().unwrap();
    let item = |_| {
        let from = decoder.position();
        decoder.skip().unwrap();
        array[from..decoder.position()].to_vec()
    };
    (0..len).map(item).collect()
}

/// An array of fewer than 24 items.
pub(super) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    assert!(items.len() < 24);
    let head = 0x80 + u8::try_from(items.len()).unwrap();
    [vec![head], items.concat()].concat()
}

/// The array with another item in one place.
pub(super) fn with_item(bytes: &[u8], at: usize, item: &[u8]) -> Vec<u8> {
    let mut items = items(bytes);
    items[at] = item.to_vec();
    array(&items)
}

/// Other spellings of an array of fewer than 24 items whose first item is a small number, each with what is wrong with it.
pub(super) fn other_spellings(good: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (len, rest) = (good[0] - 0x80, &good[1..]);
    let number = items(good)[0][0];
    assert!(number < 24);
    let after_number = &rest[1..];
    vec![
        ("the length in a byte of its own", "Canonical", [&[0x98, len], rest].concat()),
        ("the length in eight bytes", "Canonical", [&[0x9b, 0, 0, 0, 0, 0, 0, 0, len], rest].concat()),
        ("an array without a length", "Canonical", [&[0x9f], rest, &[0xff]].concat()),
        (
            "the first number in a byte of its own",
            "Canonical",
            [&[good[0], 0x18, number], after_number].concat(),
        ),
        ("the first number in two bytes", "Canonical", [&[good[0], 0x19, 0, number], after_number].concat()),
        ("a tag before everything", "Canonical", [&[0xc1], good].concat()),
        ("a tag before the first number", "Canonical", [&[good[0], 0xc1, number], after_number].concat()),
        ("the first number as a float", "Canonical", [&[good[0], 0xf9, 0x3c, 0], after_number].concat()),
        ("the first number negative", "Canonical", [&[good[0], 0x20], after_number].concat()),
        ("a map in place of the array", "Canonical", [&[0xa0 + len / 2], rest].concat()),
        ("a byte behind the value", "Canonical", [good, &[0]].concat()),
        ("a null behind the value", "Canonical", [good, &[0xf6]].concat()),
        ("the last byte missing", "Canonical", good[..good.len() - 1].to_vec()),
        ("nothing at all", "Canonical", vec![]),
        ("one field more", "Shape", [&[good[0] + 1], rest, &[0xf6]].concat()),
        ("one field less", "Shape", array(&items(good)[..usize::from(len) - 1])),
    ]
}

/// A byte string as it is written, with its length in one byte more than that takes.
pub(super) fn long_bytes(bytes: &[u8]) -> Vec<u8> {
    [&[0x59, 0, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// An entry over these header bytes, signed by `author` whatever they are.
pub(super) fn signed_over(
    author: &Author,
    workspace: WorkspaceId,
    header: Vec<u8>,
    body: Option<&[u8]>,
) -> Vec<u8> {
    let within = [workspace.as_bytes(), header.as_slice()].concat();
    let message = signing_message(Header::DOMAIN, &within);
    let signature = Signature::from_bytes(author.key.sign(&message).to_bytes());
    encode(&SignedEntry::from_parts(Signed::from_parts(header, signature), body.map(<[u8]>::to_vec)))
}

/// An entry whose header says what it says, fitted to the body and signed by `author`.
pub(super) fn signed_as_it_is(author: &Author, mut header: Header, body: &[u8]) -> Vec<u8> {
    header.body_len = u32::try_from(body.len()).unwrap();
    header.body_hash = hash::body_hash(body);
    signed_over(author, header.workspace, header.to_bytes(), Some(body))
}
