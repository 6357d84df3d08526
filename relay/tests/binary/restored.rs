//! `bowline-relay restore`: in place and of a copy, by whom it is refused, and what a relay says that needs it.

use std::fs;
use std::path::Path;

use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::Lane;

use crate::device::Device;
use crate::process::Place;

/// Copies a stopped relay's folder, file by file, as an operator does.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_backup_is_restored_into_a_new_folder_and_serves_as_the_same_relay() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let key = serving.address().key();
    let mut device = Device::create(&serving.address(), 1).await;
    device.append(b"in the backup").await;
    let copy = Place::new();
    assert_eq!(place.run(&["backup", copy.data().to_str().unwrap()]).code, Some(0));
    device.append(b"later").await;
    let copy_path = copy.data();
    let copy_path = copy_path.to_str().unwrap();
    serving.stop();

    let new = Place::new();
    let answer = new.run(&["restore", copy_path, "--json"]).json();
    assert_eq!(answer["data"], new.data().to_str().unwrap());
    assert_eq!(answer["workspaces"][0]["entries"], 2, "{answer}");
    assert_eq!(answer["workspaces"][0]["id"], device.workspace.to_string());
    new.run(&["restore", copy_path]).assert_refused(2, "already", "stays as it is");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&new.data()), 0o700);
        for file in fs::read_dir(new.data()).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    let serving = new.serve(&[]);
    assert_eq!(serving.address().key(), key, "devices know it by its key");
    let mut device = device.come_back(&serving.address()).await;
    assert_eq!(device.read_log().await.len(), 2);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_folder_is_restored_in_place_while_no_relay_serves_it() {
    let place = Place::new();
    place.run(&["restore"]).assert_refused(3, "there is no relay's data", "serve --data");
    let serving = place.serve(&[]);
    Device::create(&serving.address(), 1).await;
    place.run(&["restore"]).assert_refused(5, "in use by another", "stop that relay");
    serving.stop();
    let answer = place.run(&["restore"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.starts_with("Restored 1 workspace in "), "{answer:?}");
    assert!(answer.stderr.contains("`bowline-relay serve --data"), "{answer:?}");
    assert!(answer.stderr.contains("The backup that was put here has not noted this"), "{answer:?}");
    assert!(answer.stderr.contains("copy restores.key of"), "{answer:?}");
    assert_eq!(place.run(&["restore", "--json"]).json()["noted"], false);
    place.serve(&[]).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_backup_is_restored_as_often_as_needed_and_says_when_it_cannot_note_that() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    device.append(b"in the backup").await;
    let copy = Place::new();
    let path = copy.data();
    let path = path.to_str().unwrap();
    assert_eq!(place.run(&["backup", path]).code, Some(0));
    serving.stop();
    for times in 1..=3 {
        let new = Place::new();
        let answer = new.run(&["restore", path, "--json"]).json();
        assert_eq!(
            (&answer["noted"], &answer["workspaces"][0]["contradicts"]),
            (&true.into(), &false.into())
        );
        let serving = new.serve(&[]);
        device = device.come_back(&serving.address()).await;
        assert_eq!(device.successors.len(), times, "each goes on from the one before");
        assert_eq!(device.read_log().await.len(), 2);
        serving.stop();
    }
    // Where the note would be written first, there is something else.
    fs::create_dir_all(copy.file("restores.key.new/in the way")).unwrap();
    let new = Place::new();
    let answer = new.run(&["restore", path]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stderr.contains("Make a new one"), "{answer:?}");
    new.serve(&[]).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_damaged_log_is_named_and_left_and_the_others_go_on() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    let damaged = Device::create(&serving.address(), 2).await;
    device.append(b"in the backup").await;
    serving.stop();
    let database = rusqlite::Connection::open(place.file("relay.db")).unwrap();
    let sql =
        "UPDATE entry SET body = NULL WHERE type = 16 AND log = (SELECT n FROM log WHERE workspace = ?1)";
    assert_eq!(database.execute(sql, [damaged.workspace.as_bytes()]).unwrap(), 1);
    drop(database);
    let answer = place.run(&["restore", "--json"]);
    assert_eq!(answer.code, Some(4), "{answer:?}");
    assert!(answer.stderr.contains("restore_incomplete"), "{answer:?}");
    let said: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(said["workspaces"][0]["id"], device.workspace.to_string());
    assert_eq!(said["left"][0]["id"], damaged.workspace.to_string());
    let answer = place.run(&["restore"]);
    assert_eq!(answer.code, Some(4), "{answer:?}");
    assert!(answer.stdout.starts_with("Restored 1 workspace in "), "{answer:?}");
    for told in
        ["Error: 1 of 2 workspaces cannot go on", "workspace delete", "roster record has lost its body"]
    {
        assert!(answer.stderr.contains(told), "{answer:?}");
    }
    let serving = place.serve(&[]);
    let device = device.come_back(&serving.address()).await;
    assert_eq!(device.successors.len(), 2);
    let told = Device::turned_away(&serving.address(), damaged.workspace).await;
    assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "{told:?}");
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_from_before_a_restore_is_not_served() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    device.append(b"in the backup").await;
    serving.stop();
    let before = Place::new();
    copy_files(&place.data(), &before.data());
    assert_eq!(place.run(&["restore"]).code, Some(0));
    let serving = place.serve(&[]);
    let mut device = device.come_back(&serving.address()).await;
    device.append(b"since the restore").await;
    serving.stop();
    fs::copy(before.file("relay.db"), place.file("relay.db")).unwrap();
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    refused.assert_refused(4, "older than a restore", "bowline-relay restore --data");
    assert_eq!(place.run(&["restore"]).code, Some(0));
    let serving = place.serve(&[]);
    let device = device.come_back(&serving.address()).await;
    assert_eq!(device.successors.len(), 2);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_restore_of_too_old_a_backup_names_the_file_that_leads_back() {
    let place = Place::new();
    let mut backups = Vec::new();
    let mut serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    for text in ["in both backups", "in one", "in one, and known to be there"] {
        device.append(text.as_bytes()).await;
        serving.stop();
        let backup = Place::new();
        copy_files(&place.data(), &backup.data());
        backups.push(backup);
        serving = place.serve(&[]);
        device = device.come_back(&serving.address()).await;
    }
    serving.stop();
    assert_eq!(place.run(&["restore"]).code, Some(0));
    let serving = place.serve(&[]);
    let device = device.come_back(&serving.address()).await;
    serving.stop();

    fs::copy(backups[0].file("relay.db"), place.file("relay.db")).unwrap();
    let answer = place.run(&["restore"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let kept = place.file("restores.key.1");
    let kept = kept.to_str().unwrap();
    for told in ["ask their people", &format!("`--noted {kept}`")] {
        assert!(answer.stderr.contains(told), "{answer:?}");
    }
    fs::copy(backups[2].file("relay.db"), place.file("relay.db")).unwrap();
    let answer = place.run(&["restore", "--noted", kept, "--json"]).json();
    assert_eq!(answer["kept"][0], place.file("restores.key.2").to_str().unwrap(), "{answer}");
    let serving = place.serve(&[]);
    let followed = device.successors.clone();
    let device = device.come_back(&serving.address()).await;
    assert_eq!((device.successors.len(), &device.successors[..1]), (2, &followed[..]), "it follows");
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_workspace_is_deleted_with_what_restores_have_noted_of_it_and_others_keep_theirs() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let goes = Device::create(&serving.address(), 1).await.workspace;
    let mut stays = Device::create(&serving.address(), 2).await;
    stays.append(b"stays").await;
    serving.stop();
    assert_eq!(place.run(&["restore"]).code, Some(0));
    // As it is kept where a later restore does not go on from this one.
    fs::copy(place.file("restores.key"), place.file("restores.key.1")).unwrap();
    let noted = |name: &str| fs::read_to_string(place.file(name)).unwrap().lines().count();
    assert_eq!((noted("restores.key"), noted("restores.key.1")), (2, 2));

    // The disk fails when the log is gone and what is noted is not.
    let in_the_way = place.file("restores.key.new");
    fs::create_dir_all(in_the_way.join("something")).unwrap();
    let id = goes.to_string();
    let delete = |more: &[&str]| place.run(&[&["workspace", "delete", &id], more].concat());
    delete(&["--yes"]).assert_refused(3, "restores.key cannot be written", "run the command again");
    fs::remove_dir_all(in_the_way).unwrap();
    let restored = place.run(&["restore", "--json"]).json();
    let ids: Vec<&str> =
        restored["workspaces"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [stays.workspace.to_string()], "what is deleted does not come back");

    delete(&[]).assert_refused(2, "noted of workspace", "--yes");
    let deleted = delete(&["--yes"]);
    assert!(deleted.stdout.starts_with("Deleted what restores had noted"), "{deleted:?}");
    assert_eq!((noted("restores.key"), noted("restores.key.1")), (1, 1));
    delete(&["--yes"]).assert_refused(2, "no workspace here", "workspace list");
    let serving = place.serve(&[]);
    let mut stays = stays.come_back(&serving.address()).await;
    assert_eq!(stays.read_log().await.len(), 2);
    serving.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_relay_that_was_put_back_without_it_stops_and_says_what_to_do() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let mut device = Device::create(&serving.address(), 1).await;
    let first = device.append(b"in the backup").await;
    serving.stop();
    let backup = Place::new();
    copy_files(&place.data(), &backup.data());
    let serving = place.serve(&[]);
    let mut device = device.come_back(&serving.address()).await;
    device.append(b"later").await;
    serving.stop();
    fs::remove_dir_all(place.data()).unwrap();
    copy_files(&backup.data(), &place.data());

    let serving = place.serve(&[]);
    let ahead = device.head();
    let mut device = device.come_back(&serving.address()).await;
    device.author.rewind(Lane::Content, 1, first.id());
    let meanwhile = device.append(b"meanwhile").await;
    device.know(ahead);
    let told = device.offer(b"new").await.unwrap_err();
    assert!(
        matches!(&told, Frame::Goodbye { reason: Reason::LogLost, text } if text.contains("restore")),
        "{told:?}"
    );
    let log = place.log_after(serving);
    assert!(log.contains("bowline-relay restore"), "{log}");
    let serving = place.serve(&[]);
    let told = Device::turned_away(&serving.address(), device.workspace).await;
    assert!(matches!(told, Frame::Goodbye { reason: Reason::LogLost, .. }), "after the next start as well");
    serving.stop();
    assert_eq!(place.run(&["restore"]).code, Some(0));
    let serving = place.serve(&[]);
    device.author.rewind(Lane::Content, 2, meanwhile.id());
    let mut device = device.come_back(&serving.address()).await;
    device.append(b"goes on").await;
    assert!(device.read_log().await.iter().any(|entry| entry.id() == meanwhile.id()));
    serving.stop();
}
