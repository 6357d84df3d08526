//! Bodies as only a member seals them who has the keys and keeps no rule, on a real device.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, the functions they share as well"
)]

#[path = "../../engine/core/tests/sync/author.rs"]
#[allow(dead_code, reason = "core's own tests use the rest")]
mod author;
#[path = "../../engine/core/tests/sync/letting_go.rs"]
#[allow(dead_code, reason = "core's own tests use it")]
mod letting_go;
#[path = "../../engine/core/tests/sync/opening.rs"]
mod opening;
#[path = "../../engine/core/tests/sync/relay.rs"]
#[allow(dead_code, reason = "core's own tests use the rest")]
mod relay;
#[path = "../../engine/device/tests/device/rig.rs"]
#[allow(dead_code, reason = "the device's own tests use the rest")]
mod rig;

use bowline_core::payload::Payload;
use bowline_crypto::seal_tampered;
use bowline_device::QuarantineReason;
use bowline_wire::entry::Entry;
use bowline_wire::limits::{FREE_EXPANSION, MAX_EXPANSION};

use crate::author::{Author, opaque_payload};
use crate::relay::FakeRelay;
use crate::rig::Rig;

/// Bytes of a plaintext that PADMÉ leaves as it is.
const SEALED: usize = 4 * FREE_EXPANSION / MAX_EXPANSION;

/// A payload of exactly so many bytes, of which nearly all are the same: no change that any document takes.
fn payload_of(len: usize) -> Payload {
    let mut payload = opaque_payload(1);
    let around = Payload { bytes: vec![0; len], ..payload.clone() }.encode().len() - len;
    payload.bytes = vec![0; len - around];
    assert_eq!(payload.encode().len(), len);
    payload
}

/// An entry that opens to `len` bytes, whose plaintext has [`SEALED`].
fn content(author: &mut Author, relay: &FakeRelay, len: usize) -> Entry {
    let payload = payload_of(len);
    let honest = author.content(relay, &payload).header().clone();
    let cut = |plaintext: &mut Vec<u8>| {
        assert!(plaintext.len() >= SEALED);
        plaintext.truncate(SEALED);
    };
    let keys = author.keyring.snapshot();
    let (header, body) = seal_tampered(&keys, honest, &payload.encode(), [7; 32], cut).unwrap();
    author.keys.sign_header(header, body).unwrap()
}

#[test]
fn a_device_opens_what_is_64_times_as_long_as_its_plaintext_and_not_a_byte_more() {
    let most = SEALED * MAX_EXPANSION;
    for (len, why) in [(most, QuarantineReason::Malformed), (most + 1, QuarantineReason::NotUnpacked)] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let entry = content(&mut owner, &relay, len);
        relay.put(entry.to_signed());
        rig.sync(&mut relay);
        while rig.device.index_one(rig.now).unwrap() {}
        let shown: Vec<_> = rig.status().quarantined.iter().map(|it| (it.entry, it.reason)).collect();
        assert_eq!(shown, [(entry.id(), why)], "{len} bytes");
    }
}
