//! Streams that take nothing: whatever becomes of stdout and stderr, the relay serves.

use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::Write;
use std::process::Stdio;

use crate::device::Device;
use crate::process::Place;

/// Bytes that a pipe on Linux takes while nobody reads it.
#[cfg(target_os = "linux")]
const PIPE: usize = 64 * 1024;

/// Serves a device, and ends in order.
async fn assert_serves(place: &Place, stderr: impl Into<Stdio>) {
    let serving = place.serve_into(stderr);
    let mut device = Device::create(&serving.address(), 1).await;
    for number in 0..3 {
        device.append(&[number]).await;
    }
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_log_on_a_full_disk_stops_nobody() {
    let full = File::options().write(true).open("/dev/full");
    let Ok(full) = full else {
        println!("skipped: this system has no /dev/full");
        return;
    };
    assert_serves(&Place::new(), full).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_log_that_nobody_reads_any_more_stops_nobody() {
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    assert_serves(&Place::new(), write).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_log_whose_reader_has_stopped_reading_keeps_nobody_waiting() {
    let (_read, mut write) = std::io::pipe().unwrap();
    write.write_all(&vec![b'\n'; PIPE]).unwrap();
    assert_serves(&Place::new(), write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_address_that_nobody_takes_keeps_no_relay_from_serving() {
    let place = Place::new();
    let address = {
        let serving = place.serve(&[]);
        let address = serving.address();
        serving.stop();
        address
    };
    let serving = place.serve_unheard(address.port());
    let mut device = Device::create(&address, 1).await;
    device.append(b"served").await;
    drop(device);
    serving.stop();
}
