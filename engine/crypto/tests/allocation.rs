//! What opening a body allocates is bounded by what the body declares, and that by the protocol's limit.
//!
//! Counts Rust's heap. The decoder of zstd has a context of its own, of fixed size, that C allocates: it decompresses in
//! one call into our buffer and keeps no window.

#![allow(clippy::unwrap_used, reason = "test code, though not all of it in a test function")]

use bowline_crypto::{DeviceKeys, EpochKey, KeySnapshot, Keyring, open, seal};
use bowline_wire::entry::Entry;
use bowline_wire::head::Seen;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{
    BodyHash, EntryId, EpochId, Incarnation, Lane, LogHash, Position, RosterHash, Salt, Signature, WireDoc,
    WorkspaceId,
};
use bowline_wire::limits::{MAX_BODY, MAX_PAYLOAD};
use bowline_wire::weight::Weight;
use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bytes that opening takes besides body and payload: header, key schedules.
const OVERHEAD: usize = 16 * 1024;

struct Bench {
    device: DeviceKeys,
    keys: KeySnapshot,
}

impl Bench {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let workspace = WorkspaceId::from_bytes([1; 32]);
        let keys =
            Keyring::genesis(workspace, EpochId::from_bytes([3; 16]), EpochKey::generate(rng)).snapshot();
        Self { device: DeviceKeys::generate(rng), keys }
    }

    fn header(&self) -> Header {
        Header {
            workspace: self.keys.workspace(),
            device: self.device.id(),
            incarnation: Incarnation::from_bytes([2; 8]),
            lane: Lane::Content,
            seq: 1,
            prev: EntryId::ZERO,
            seen: Some(Seen {
                position: Position(1),
                hash: LogHash::from_bytes([4; 32]),
                signature: Signature::from_bytes([5; 64]),
            }),
            held: Position(0),
            roster: RosterHash::from_bytes([6; 32]),
            epoch: self.keys.newest_epoch(),
            entry_type: EntryType::Changes,
            doc: WireDoc::from_bytes([7; 16]),
            covers: Position::START,
            digests: None,
            weight: Weight::MIN,
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: BodyHash::ZERO,
        }
    }

    fn sealed(&self, payload: &[u8]) -> Entry {
        let (header, body) = seal(&self.keys, self.header(), payload, [0; 32]).unwrap();
        self.device.sign_header(header, body).unwrap()
    }

    /// Bytes that opening had allocated at its peak, and whether it opened.
    fn peak(&self, entry: &Entry) -> (usize, bool) {
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        let opened = open(entry, &self.keys).is_ok();
        (HEAP.peak_usage() - before, opened)
    }
}

/// One test, so that no other thread allocates meanwhile.
#[test]
fn opening_allocates_what_body_and_payload_take() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let bench = Bench::new(&mut rng);
    let mut noise = vec![0; 700_000];
    rng.fill_bytes(&mut noise);

    for payload in [&b""[..], b"short", &noise, &vec![7; 1000], &vec![7; 1_000_000], &vec![7; MAX_PAYLOAD]] {
        let entry = bench.sealed(payload);
        let allowed = entry.body().unwrap().len() + payload.len() + OVERHEAD;
        let (peak, opened) = bench.peak(&entry);
        assert!(opened);
        assert!(peak >= payload.len(), "the heap is being watched");
        assert!(peak <= allowed, "{peak} bytes for a payload of {}", payload.len());
        assert!(peak <= 4 * MAX_PAYLOAD);
    }

    // Bytes by someone without the key: their copy, and nothing for what they might hold.
    noise.resize(MAX_BODY, 1);
    let header = Header {
        body_len: u32::try_from(noise.len()).unwrap(),
        body_hash: bowline_wire::hash::body_hash(&noise),
        ..bench.header()
    };
    let (peak, opened) = bench.peak(&bench.device.sign_header(header, noise).unwrap());
    assert!(!opened);
    assert!(peak <= MAX_BODY + OVERHEAD, "{peak} bytes for what does not open");
}
