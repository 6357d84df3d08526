//! The data of relays as earlier versions left them: everything in them is found and kept byte for byte, listed as old, told apart
//! to whoever asks for it, copied and deleted. How they were made stands beside them, in `fixtures/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use bowline_relay::data::DataFolder;
use bowline_relay::storage::{Budget, Storage};
use bowline_transport::Address;
use bowline_wire::codec::encode;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{Position, WorkspaceId};

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

/// The log of each workspace as it is stored in a folder, in the same form.
fn stored_logs(place: &Place) -> Vec<Vec<String>> {
    let all = Budget { entries: usize::MAX, bytes: usize::MAX };
    let database = DataFolder::read_database(&place.data()).unwrap();
    let logs = database.workspaces().unwrap().into_iter().map(|stats| {
        let page = database.read(stats.workspace, Position::START, all).unwrap();
        page.entries.iter().map(|(_, it)| data_encoding::HEXLOWER.encode(&encode(&it.entry))).collect()
    });
    let mut logs: Vec<_> = logs.collect();
    logs.sort_by_key(|log: &Vec<String>| std::cmp::Reverse(log.len()));
    logs
}

/// The workspaces that an operator is shown.
fn listed(place: &Place) -> Vec<WorkspaceId> {
    let listed = place.run(&["workspace", "list", "--json"]).json();
    let listed = listed.as_array().unwrap().iter();
    let ids = listed.map(|it| {
        assert_eq!(it["state"], "old", "{it}");
        WorkspaceId::from_slice(
            &data_encoding::HEXLOWER.decode(it["id"].as_str().unwrap().as_bytes()).unwrap(),
        )
        .unwrap()
    });
    ids.collect()
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
    let listed = place.run(&["workspace", "list"]).stdout;
    assert_eq!(listed.matches(" old\n").count(), 2, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_keeps_logs_of_an_older_one_and_tells_devices_that_nobody_can_go_on_with_them() {
    let place = older();
    let before = listed(&place);
    let serving = place.serve(&[]);
    let older: Address = fs::read_to_string(fixture().join("address")).unwrap().trim().parse().unwrap();
    let token = |address: Address| address.into_parts().1.unwrap().as_str().to_owned();
    assert_eq!(serving.address().key(), older.key(), "the relay proves to be the one they were told of");
    assert_eq!(token(serving.address()), token(older), "and lets in whom it let in before");
    for workspace in &before {
        let told = Device::turned_away(&serving.address(), *workspace).await;
        assert!(matches!(told, Frame::Goodbye { reason: Reason::LogOutdated, .. }), "{told:?}");
    }
    let new = Device::create(&serving.address(), 9).await;
    serving.stop();
    assert_eq!(stored_logs(&place)[..2], older_logs(), "what it has of them stays as it is");
    let states = place.run(&["workspace", "list", "--json"]).json();
    let served = |it: &&serde_json::Value| it["state"] == "served";
    let served: Vec<_> = states.as_array().unwrap().iter().filter(served).map(|it| &it["id"]).collect();
    assert_eq!(served, [&new.workspace.to_string()], "{states}");
}

#[test]
fn logs_of_an_older_relay_are_copied_and_deleted_like_others() {
    let place = older();
    let copy = Place::new();
    let answer = place.run(&["backup", copy.data().to_str().unwrap(), "--json"]).json();
    assert_eq!(answer["workspaces"], 2, "{answer}");
    assert_eq!(stored_logs(&copy), older_logs());
    for workspace in listed(&place) {
        let deleted = place.run(&["workspace", "delete", &workspace.to_string(), "--yes"]);
        assert_eq!(deleted.code, Some(0), "{deleted:?}");
    }
    assert_eq!(listed(&place), []);
    assert_eq!(stored_logs(&copy), older_logs());
}
