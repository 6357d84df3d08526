//! How much memory hostile bytes can make a decoder take: never more than four times the limit of what it decodes.
//! One test in a file of its own, because the counters are of the whole process.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use bowline_wire::codec::{Canonical, Writer, decode};
use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::Frame;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::Header;
use bowline_wire::ids::WorkspaceId;
use bowline_wire::limits::{MAX_BODY, MAX_FRAME, MAX_HEADER};
use bowline_wire::log::ChainTip;
use bowline_wire::roster::record::Record;
use bowline_wire::signed::Signable;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Most bytes alive at once during `work`, beyond those alive before.
fn peak_during<T>(work: impl FnOnce() -> T) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let result = work();
    let peak = HEAP.peak_usage().saturating_sub(before);
    drop(result);
    peak
}

/// The longest encodings of what has no limit of its own because its size hardly varies.
const HEAD: usize = 1 + 34 + 34 + 9 + 34;
const SEEN_HEAD: usize = 1 + 34 + 9 + 34 + 66;
const CHAIN_TIP: usize = 1 + 9 + 34 + SEEN_HEAD + 9 + 9 + 9;
const SIGNED_ENTRY: usize = 1 + 5 + MAX_HEADER + 66 + 5 + MAX_BODY;

struct Decoder {
    name: &'static str,
    limit: usize,
    peak: fn(&[u8]) -> usize,
}

fn peak_of<T: Canonical>(bytes: &[u8]) -> usize {
    peak_during(|| decode::<T>(bytes))
}

fn of_header(bytes: &[u8]) -> usize {
    peak_during(|| Header::from_bytes(WorkspaceId::ZERO, bytes))
}

const DECODERS: [Decoder; 8] = [
    Decoder { name: "Header", limit: MAX_HEADER, peak: of_header },
    Decoder { name: "SignedEntry", limit: SIGNED_ENTRY, peak: peak_of::<SignedEntry> },
    Decoder { name: "Record", limit: MAX_BODY, peak: peak_of::<Record> },
    Decoder { name: "Record::parse", limit: MAX_BODY, peak: |bytes| peak_during(|| Record::parse(bytes)) },
    Decoder { name: "Frame", limit: MAX_FRAME, peak: peak_of::<Frame> },
    Decoder { name: "Head", limit: HEAD, peak: peak_of::<Head> },
    Decoder { name: "SeenHead", limit: SEEN_HEAD, peak: peak_of::<SeenHead> },
    Decoder { name: "ChainTip", limit: CHAIN_TIP, peak: peak_of::<ChainTip> },
];

/// Every hex string in the golden vectors, those of what is refused included.
fn vectors() -> Vec<Vec<u8>> {
    fn collect(value: &Value, into: &mut Vec<Vec<u8>>) {
        match value {
            Value::String(text) => into.extend(hex::decode(text)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(fields) => fields.values().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/1");
    let files = [folder.clone(), folder.join("broken")].map(|folder| fs::read_dir(folder).unwrap());
    let mut all = Vec::new();
    for path in files.into_iter().flatten().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        collect(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(), &mut all);
    }
    assert!(all.len() > 100);
    all
}

/// Inputs made to be as heavy as the limits allow, and heavier.
fn heavy() -> Vec<(&'static str, Vec<u8>)> {
    let mut heavy = vec![
        ("zeros", vec![0; MAX_FRAME]),
        ("arrays in arrays", vec![0x81; 4 * MAX_FRAME]),
        ("an endless array", vec![0x9f; MAX_FRAME]),
        ("longer than any limit", vec![0xff; 8 * MAX_FRAME]),
    ];
    for number in 1..=13 {
        for lie in
            ["9bffffffffffffffff", "9a7fffffff", "9907ff", "5bffffffffffffffff", "5a7fffffff", "7a7fffffff"]
        {
            let lie = hex::decode(lie).unwrap();
            heavy.push(("a frame that lies", [&[0x84, 1, number], lie.as_slice()].concat()));
            heavy.push(("a record that lies", [&[0x84, number], lie.as_slice()].concat()));
        }
    }
    // As many as possible of the smallest things that take the most memory once read.
    let mut entries = Writer::new();
    entries.array(3).u64(1).u64(7).array(2048);
    for _ in 0..2048 {
        entries.array(3).bytes(b"").bytes(&[0; 64]).option(None::<&()>, |_, ()| {});
    }
    heavy.push(("small entries", entries.into_bytes()));
    let mut logged = Writer::new();
    logged.array(5).u64(1).u64(6).u64(1).array(2048);
    for _ in 0..2048 {
        logged.array(2).u64(0).array(3).bytes(b"").bytes(&[0; 64]).option(None::<&()>, |_, ()| {});
    }
    heavy.push(("small entries of a log", logged.into_bytes()));
    let mut wraps = Writer::new();
    wraps.array(2).u64(10).array(3).bytes(&[0; 32]).bytes(b"").array(1024);
    for _ in 0..1024 {
        wraps.array(2).bytes(b"").bytes(b"");
    }
    heavy.push(("small wraps", wraps.into_bytes()));
    let mut bodies = Writer::new();
    bodies.array(3).u64(1).u64(7).array(2);
    for len in [MAX_BODY, MAX_FRAME - MAX_BODY - 1000] {
        bodies.array(3).bytes(b"").bytes(&[0; 64]).bytes(&vec![0; len]);
    }
    heavy.push(("large bodies", bodies.into_bytes()));
    let mut small_after_large = Writer::new();
    small_after_large.array(3).u64(1).u64(7).array(2000);
    small_after_large.array(3).bytes(b"").bytes(&[0; 64]).bytes(&vec![0; 700 * 1024]);
    for _ in 0..1999 {
        small_after_large.array(3).bytes(&[0; 80]).bytes(&[0; 64]).option(None::<&()>, |_, ()| {});
    }
    heavy.push(("small entries after a large one", small_after_large.into_bytes()));
    heavy
}

fn mutated(vector: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vector.to_vec();
    for _ in 0..=rng.next_u32() % 3 {
        let at = rng.next_u32() as usize % (bytes.len() + 1);
        match rng.next_u32() % 4 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u32().to_le_bytes()[0]),
            // A length that promises gigabytes.
            2 => drop(bytes.splice(at..at, [0x9a, 0x7f, 0xff, 0xff, 0xff])),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.next_u32().to_le_bytes()[0];
                }
            }
        }
    }
    bytes
}

fn assert_bounded(what: &str, bytes: &[u8]) {
    for decoder in &DECODERS {
        let peak = (decoder.peak)(bytes);
        let (name, limit) = (decoder.name, decoder.limit);
        assert!(peak <= 4 * limit, "{name} took {peak} bytes for {what}: its limit is {limit}");
    }
}

#[test]
fn no_bytes_make_a_decoder_take_more_than_four_times_its_limit() {
    assert!(peak_during(|| vec![1_u8; 5000]) >= 5000, "the counter counts");
    for (what, bytes) in heavy() {
        assert_bounded(what, &bytes);
    }
    let mut heaviest = 0;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let vectors = vectors();
    for vector in &vectors {
        heaviest = heaviest.max(peak_of::<Frame>(vector));
        assert_bounded("a golden vector", vector);
        for _ in 0..200 {
            assert_bounded("a mutated vector", &mutated(vector, &mut rng));
        }
    }
    assert!(heaviest > 500, "valid frames are read, and reading takes memory");
    for len in 0..500 {
        let mut bytes = vec![0; len];
        rng.fill_bytes(&mut bytes);
        assert_bounded("arbitrary bytes", &bytes);
    }
}
