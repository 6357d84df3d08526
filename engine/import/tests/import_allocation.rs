//! How much memory an import takes, whatever the size of what is imported. One test in a file of its own, because the counter
//! is of the whole process; what SQLite takes, it takes beside it, bounded by its cache.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may fail loudly, the functions they share as well"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use bowline_crypto::DeviceKeys;
use bowline_device::Device;
use bowline_import::openclaw::{self, Options, StateDir};
use bowline_import::{Outcome, Report, What};
use bowline_store::Store;
use bowline_wire::ids::Millis;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// Bytes on the heap that an import may take at any moment. What the project promises is 200 MiB for the whole process.
const BOUND: usize = 48 << 20;

const SESSION: &str = "00000000-0000-4000-8000-000000000001";

/// Imports with a device on a database in a file; the most bytes that were alive at once.
fn import(folder: &Path, device: &mut Device) -> (Report, usize) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let from = StateDir::at(&folder.join(".openclaw")).unwrap();
    let report =
        openclaw::import(device, &from, &Options::default(), &|| Millis(1_800_000_000_000), &mut |_| {})
            .unwrap();
    (report, HEAP.peak_usage().saturating_sub(before))
}

/// A transcript of about this many bytes.
fn write_session(path: &Path, bytes: usize) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{{\"type\":\"session\",\"version\":3,\"id\":\"{SESSION}\"}}").unwrap();
    let words = "a sentence that says nothing much, and goes on for a while; ".repeat(30);
    let (mut written, mut n) = (0, 0_u64);
    while written < bytes {
        let parent = n.checked_sub(1).map_or("null".to_owned(), |parent| format!("\"{parent:08x}\""));
        let line = format!(
            "{{\"type\":\"message\",\"id\":\"{n:08x}\",\"parentId\":{parent},\"message\":{{\"role\":\"user\",\"content\":\"{n} {words}\"}}}}"
        );
        writeln!(file, "{line}").unwrap();
        written += line.len() + 1;
        n += 1;
    }
    file.flush().unwrap();
    n
}

/// A transcript with one line of 100 MB between two short ones.
fn write_long_line(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{{\"type\":\"session\",\"version\":3,\"id\":\"long\"}}").unwrap();
    writeln!(file, "{{\"type\":\"message\",\"id\":\"00000000\",\"parentId\":null}}").unwrap();
    write!(file, "{{\"type\":\"message\",\"id\":\"00000001\",\"content\":\"").unwrap();
    for _ in 0..100 {
        file.write_all(&vec![b'x'; 1_000_000]).unwrap();
    }
    writeln!(file, "\"}}").unwrap();
    writeln!(file, "{{\"type\":\"message\",\"id\":\"00000002\",\"parentId\":\"00000000\"}}").unwrap();
    file.flush().unwrap();
}

#[test]
fn an_import_takes_bounded_memory_whatever_the_size_of_a_transcript_a_line_or_a_workspace() {
    assert!(HEAP.current_usage() > 0, "the counter counts");
    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join(".openclaw/agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let keys = DeviceKeys::generate(&mut rng);
    let store = Store::open(&folder.path().join("bowline.db")).unwrap();
    let mut device = Device::open(store, keys, Box::new(rng)).unwrap();

    write_long_line(&sessions.join("long.jsonl"));
    let (report, peak) = import(folder.path(), &mut device);
    println!("a line of 100 MB: {} MiB at most", peak >> 20);
    assert_eq!((report.entries.new, report.entries.too_long), (2, 1));
    assert!(peak < 16 << 20, "{peak} bytes for a line that is not imported");

    let entries = write_session(&sessions.join(format!("{SESSION}.jsonl")), 64 << 20);
    let (report, peak) = import(folder.path(), &mut device);
    println!("a session of 64 MiB, {entries} entries: {} MiB at most", peak >> 20);
    assert_eq!(report.entries.new, entries);
    assert!(peak < BOUND, "{peak} bytes");

    let (report, peak) = import(folder.path(), &mut device);
    println!("once more, with nothing new: {} MiB at most", peak >> 20);
    assert_eq!((report.changed(), report.entries.present), (0, entries + 2));
    assert!(peak < BOUND, "{peak} bytes");

    let workspace = folder.path().join(".openclaw/workspace");
    fs::create_dir_all(&workspace).unwrap();
    // No two words are the same, because what repeats itself takes next to nothing.
    let word = |n: u64| format!("{:x} ", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let note: String = (0..7_000).map(word).collect();
    for n in 0..40 {
        fs::write(workspace.join(format!("note {n:02}.md")), &note).unwrap();
    }
    let (report, peak) = import(folder.path(), &mut device);
    println!("an agent with more text than is taken: {} MiB at most", peak >> 20);
    assert!(report.count(What::File, Outcome::New) > 0, "some of it is taken");
    assert!(report.failed() > 0, "and some is not, which is said");
    assert!(peak < BOUND, "{peak} bytes");
}
