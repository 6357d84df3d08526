//! The data of a relay as an earlier version left them: everything in them is found, and served byte for byte. How they were
//! made stands beside them, in `fixtures/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use bowline_transport::Address;
use bowline_wire::codec::encode;

use crate::device::Device;
use crate::process::Place;

/// What that relay kept, without the file that it held while it ran.
const FILES: [&str; 3] = ["relay.db", "relay.key", "registration.token"];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data-1")
}

/// A copy of the data that only their owner may read.
fn older() -> Place {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    close(&place.data(), 0o700);
    for name in FILES {
        fs::copy(fixture().join(name), place.file(name)).unwrap();
        close(&place.file(name), 0o600);
    }
    place
}

#[cfg(unix)]
fn close(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn close(_: &Path, _: u32) {}

/// The log of each workspace as the older relay served it: one entry a line, in hex, and an empty line after each log.
fn older_logs() -> Vec<Vec<String>> {
    let logs = fs::read_to_string(fixture().join("logs.hex")).unwrap();
    let logs = logs.split_terminator("\n\n");
    logs.map(|log| log.lines().map(str::to_owned).collect()).collect()
}

#[test]
fn an_operator_finds_everything_that_an_older_relay_has_stored() {
    let place = older();
    let stats = place.run(&["stats", "--json"]).json();
    assert_eq!((&stats["workspaces"], &stats["devices"]), (&2.into(), &2.into()), "{stats}");
    assert_eq!(stats["entries"], serde_json::json!({ "content": 4, "control": 2 }));
    let listed = place.run(&["workspace", "list", "--json"]).json();
    let counted: Vec<_> = listed.as_array().unwrap().iter().map(|it| &it["content_entries"]).collect();
    assert_eq!(counted, [3, 1], "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn devices_of_an_older_relay_know_it_again_and_are_served_their_logs_byte_for_byte() {
    let place = older();
    let serving = place.serve(&[]);
    let older: Address = fs::read_to_string(fixture().join("address")).unwrap().trim().parse().unwrap();
    let token = |address: Address| address.into_parts().1.unwrap().as_str().to_owned();
    assert_eq!(serving.address().key(), older.key(), "the relay proves to be the one they were told of");
    assert_eq!(token(serving.address()), token(older), "and lets in whom it let in before");
    let logs = older_logs();
    assert_eq!(logs.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    for (number, older) in [1, 2].into_iter().zip(logs) {
        let mut device = Device::returned(&serving.address(), number).await;
        let served = device.read_log().await;
        let served = served.iter().map(|entry| data_encoding::HEXLOWER.encode(&encode(&entry.to_signed())));
        assert_eq!(served.collect::<Vec<_>>(), older);
    }
    serving.stop();
}
