//! What an operator asks and does: stats, list, delete.

use crate::device::Device;
use crate::process::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_operator_counts_while_the_relay_serves_and_deletes_when_it_does_not() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut one = Device::create(&serving.address(), 1).await;
    let mut two = Device::create(&serving.address(), 2).await;
    for _ in 0..3 {
        one.append(&vec![7; 50_000]).await;
    }
    two.append(b"stays").await;

    let stats = place.run(&["stats", "--json"]).json();
    assert_eq!((&stats["workspaces"], &stats["devices"]), (&2.into(), &2.into()), "{stats}");
    assert_eq!(stats["entries"], serde_json::json!({ "content": 4, "control": 2 }));
    assert!(stats["bytes"]["content"].as_u64().unwrap() > 150_000, "{stats}");
    assert!(stats["file"].as_u64().unwrap() > 0, "{stats}");
    let stats = place.run(&["stats"]);
    assert!(stats.stdout.contains("entries     4 content, 2 control\n"), "{stats:?}");

    let listed = place.run(&["workspace", "list", "--json"]).json();
    assert_eq!(listed[0]["id"], two.workspace.to_string(), "the one last written to comes first: {listed}");
    assert_eq!(listed[1]["content_entries"], 3);
    let listed = place.run(&["workspace", "list"]);
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");

    let id = one.workspace.to_string();
    let delete = |id: &str, more: &[&str]| place.run(&[&["workspace", "delete", id], more].concat());
    let process = format!("(process {})", serving.process());
    delete(&id, &["--yes"]).assert_refused(5, &process, "stop that relay first");
    serving.stop();
    delete(&id, &[]).assert_refused(2, "4 entries of 1 devices and was not deleted", "--yes");
    delete("xyz", &["--yes"]).assert_refused(2, "not the beginning of a workspace's id", "workspace list");
    delete("", &["--yes"]).assert_refused(2, "not the beginning of a workspace's id", "workspace list");
    let absent = if id.starts_with('0') { "1" } else { "0" }.repeat(64);
    delete(&absent, &["--yes"]).assert_refused(2, "no workspace here", "workspace list");
    let deleted = delete(&id[..10], &["--yes"]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert!(deleted.stdout.starts_with(&format!("Deleted workspace {id}: 4 entries, ")), "{deleted:?}");
    assert!(!deleted.stdout.contains(" 0 B freed"), "{deleted:?}");
    assert_eq!(place.run(&["stats", "--json"]).json()["workspaces"], 1);

    let serving = place.serve(&[]);
    let mut two = two.come_back(&serving.address()).await;
    assert_eq!(two.read_log().await.len(), 2);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_copy_made_while_the_relay_serves_is_served_as_the_same_relay() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    device.append(b"in the copy").await;
    let other = Place::new();
    let copy = other.data();
    let copy = copy.to_str().unwrap();
    let answer = place.run(&["backup", copy, "--json"]).json();
    assert_eq!((&answer["workspaces"], &answer["copy"]), (&1.into(), &copy.into()), "{answer}");
    device.append(b"later").await;
    place.run(&["backup", copy]).assert_refused(2, "already", "stays as it is");
    serving.stop();
    let serving = other.serve(&[]);
    let mut device = device.come_back(&serving.address()).await;
    assert_eq!(device.read_log().await.len(), 2, "the genesis, and what was there when it was copied");
    serving.stop();
}

#[test]
fn a_relay_without_workspaces_says_so_and_answers_empty() {
    let place = Place::new();
    place.serve(&[]).stop();
    assert_eq!(place.run(&["workspace", "list", "--json"]).json(), serde_json::json!([]));
    let listed = place.run(&["workspace", "list"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), ""));
    assert!(listed.stderr.contains("no workspace"), "{listed:?}");
}

#[test]
fn a_folder_without_a_relays_data_is_not_made_by_looking() {
    let place = Place::new();
    for arguments in [&["stats"][..], &["workspace", "list"], &["workspace", "delete", "00", "--yes"]] {
        place.run(arguments).assert_refused(3, "there is no relay's data in", "serve --data");
    }
    assert!(!place.data().exists());
}
