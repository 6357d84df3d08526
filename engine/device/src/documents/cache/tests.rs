//! The bound, and that it costs nothing but time.

use bowline_core::document::{Document, Kind, Role};
use bowline_crypto::DeviceKeys;
use bowline_store::{DocN, Store};
use bowline_wire::ids::{DocId, Millis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Cache, FACTOR, Loaded, SMALLEST, Standing};
use crate::Device;

fn loaded(bytes: usize) -> Loaded {
    Loaded {
        document: Document::create(Kind::Conversation),
        with_aside: None,
        standing: Standing { workspace: None, kept: false, has_aside: false },
        stale: false,
        rev: 1,
        ours_wait: false,
        taken_in: Vec::new(),
        unfolded: 0,
        bytes,
    }
}

fn held(cache: &Cache) -> Vec<i64> {
    let mut held: Vec<i64> = cache.documents.iter().map(|(n, _)| n.0).collect();
    held.sort_unstable();
    held
}

#[test]
fn the_longest_unused_leave_first_and_the_bound_holds() {
    let mut cache = Cache::new(3 * SMALLEST + FACTOR);
    (1..=3).for_each(|n| cache.insert(DocN(n), loaded(0)));
    assert!(cache.get_mut(DocN(1)).is_some());
    cache.insert(DocN(4), loaded(1));
    assert_eq!(held(&cache), [1, 3, 4]);
    assert_eq!(cache.weight, 3 * SMALLEST + FACTOR);
    cache.grow(DocN(3), 1);
    assert_eq!(held(&cache), [3, 4], "the one that grows is in use");
}

#[test]
fn the_one_in_use_stays_however_large_it_is() {
    let mut cache = Cache::new(3 * SMALLEST);
    cache.insert(DocN(1), loaded(0));
    cache.insert(DocN(2), loaded(10 * SMALLEST));
    assert_eq!(held(&cache), [2]);
    cache.insert(DocN(3), loaded(0));
    assert_eq!(held(&cache), [3]);
}

#[test]
fn what_documents_weigh_together_is_forgotten_with_them() {
    let mut cache = Cache::new(usize::MAX);
    cache.insert(DocN(1), loaded(5));
    cache.insert(DocN(1), loaded(7));
    cache.grow(DocN(1), 3);
    cache.grow(DocN(2), 3);
    assert_eq!(cache.weight, SMALLEST + 10 * FACTOR);
    cache.remove(DocN(1));
    cache.remove(DocN(1));
    assert_eq!(cache.weight, 0);
}

#[test]
fn a_device_that_holds_few_documents_in_memory_forgets_nothing() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let keys = DeviceKeys::generate(&mut random);
    let mut device = Device::open(Store::in_memory().unwrap(), keys, Box::new(random)).unwrap();
    device.documents.cache = Cache::new(3 * SMALLEST);
    let now = Millis(1_700_000_000_000);
    let ids: Vec<DocId> = (0..8).map(|_| device.create_conversation(Some("a"), now).unwrap()).collect();
    for turn in 0..4 {
        for id in &ids {
            device.say(*id, Role::User, &turn.to_string(), now).unwrap();
            assert!(device.documents.cache.weight <= device.documents.cache.limit);
            assert!(device.documents.cache.documents.len() < ids.len());
        }
    }
    for id in ids {
        assert_eq!(device.show(id, now).unwrap().transcript.entries.len(), 4);
    }
}
