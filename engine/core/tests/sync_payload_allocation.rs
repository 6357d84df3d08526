//! What decoding a hostile payload, whole or in parts, may allocate. Alone in its file, because the counters are the
//! process's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

#[path = "sync/author.rs"]
#[allow(dead_code, reason = "the tests of sync use the rest")]
mod author;
#[path = "sync/letting_go.rs"]
#[allow(dead_code, reason = "the tests of sync use the rest")]
mod letting_go;
#[path = "sync/opening.rs"]
mod opening;
#[path = "sync/relay.rs"]
#[allow(dead_code, reason = "the tests of sync use the rest")]
mod relay;

use bowline_core::document::Summary;
use bowline_core::payload::Payload;
use bowline_core::sync::Parts;
use bowline_wire::ids::{DocId, Millis};
use bowline_wire::limits::{MAX_BODY, MAX_PAYLOAD, PART_LEN};

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

fn peak_during<T>(work: impl FnOnce() -> T) -> (usize, T) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let result = work();
    (HEAP.peak_usage().saturating_sub(before), result)
}

/// CBOR heads that promise much: an array, a byte string and a text of `len`.
fn promise(major: u8, len: u64) -> Vec<u8> {
    let mut head = vec![(major << 5) | 0x1b];
    head.extend(len.to_be_bytes());
    head
}

#[test]
fn no_payload_allocates_more_than_four_times_the_limit() {
    let payload = Payload {
        doc: DocId::ZERO,
        kind: 1,
        time: Millis(0),
        heads: Vec::new(),
        bytes: vec![7; MAX_PAYLOAD - 1024],
        summary: Summary::default(),
        deleted_at: None,
        marks: None,
    };
    let bytes = payload.encode();
    let (peak, read) = peak_during(|| Payload::decode(&bytes));
    assert!(read.is_ok());
    assert!(peak <= 4 * MAX_PAYLOAD, "an honest one: {peak}");

    // Put together from parts that are as small on the way as they may be: what was unfolded so far, twice while it grows, and one part.
    let (mut author, relay) = author::Author::owner(1);
    let entries = author.parts(&relay, &payload);
    assert!(entries.len() > 20 && entries.iter().all(|entry| entry.body().unwrap().len() < PART_LEN / 50));
    let keys = author.keyring.snapshot();
    let mut parts = Parts::default();
    for (before, entry) in entries.iter().enumerate() {
        let (peak, added) = peak_during(|| parts.add(entry, &keys));
        assert_eq!(added, Ok(()));
        assert!(peak <= before * PART_LEN + 2 * PART_LEN + MAX_BODY, "part {before}: {peak}");
    }
    let (peak, joined) = peak_during(|| parts.finish(&keys));
    assert!(joined == Ok(payload.clone()));
    assert!(peak <= 4 * MAX_PAYLOAD, "{peak}");

    // Whatever is promised at whatever place, nothing is allocated for it before it is there.
    let small = Payload { bytes: Vec::new(), ..payload }.encode();
    for at in 0..small.len() {
        for major in [2, 3, 4] {
            for len in [1 << 20, u64::from(u32::MAX), u64::MAX] {
                let mut lie = small[..at].to_vec();
                lie.extend(promise(major, len));
                lie.extend(&small[at..]);
                let (peak, read) = peak_during(|| Payload::decode(&lie).is_ok());
                assert!(!read);
                assert!(peak < 64 * 1024, "at {at}: {peak} for {len} of type {major}");
            }
        }
    }
}
