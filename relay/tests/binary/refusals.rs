//! Whatever keeps a relay from serving: each a sentence, a hint and an exit code.

use std::fs;
use std::net::TcpListener;

use rusqlite::Connection;

use crate::process::Place;

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0", "--log", "text"];

/// A place where a relay has served.
fn used() -> Place {
    let place = Place::new();
    place.serve(&[]).stop();
    place
}

#[test]
fn a_second_relay_on_one_folder_is_refused() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let process = format!("in use by another bowline-relay (process {})", serving.process());
    place.run(SERVE).assert_refused(5, &process, "--data");
    serving.stop();
    place.serve(&[]).stop();
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    Place::new().run(&["serve", "--listen", &listen]).assert_refused(5, &listen, "--listen");
}

#[test]
fn an_address_of_another_machine_is_refused() {
    // 192.0.2.0/24 belongs to documentation (RFC 5737), so no machine has it.
    let refused = Place::new().run(&["serve", "--listen", "192.0.2.1:8787"]);
    refused.assert_refused(2, "does not have the address 192.0.2.1", "0.0.0.0");
}

#[test]
fn without_tls_nothing_but_this_machine_may_reach_it() {
    let place = Place::new();
    for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let refused = place.run(&["serve", "--listen", listen, "--tls", "off"]);
        refused.assert_refused(2, "without TLS the relay does not listen at", "--behind-proxy");
    }
    assert!(!place.data().exists(), "nothing was touched");
}

#[test]
fn what_is_not_a_public_name_is_refused() {
    let refused = Place::new().run(&["serve", "--public", "not a name"]);
    refused.assert_refused(2, "", "--public");
}

#[test]
fn behind_a_proxy_the_public_name_is_needed() {
    let refused = Place::new().run(&["serve", "--behind-proxy"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--public"), "{refused:?}");
}

#[test]
fn data_of_a_newer_version_is_refused_and_not_touched() {
    let place = used();
    let database = place.file("relay.db");
    Connection::open(&database).unwrap().pragma_update(None, "user_version", 77).unwrap();
    let before = fs::read(&database).unwrap();
    let others: [&[&str]; 4] =
        [SERVE, &["stats"], &["workspace", "list"], &["workspace", "delete", "00", "--yes"]];
    for arguments in others {
        place.run(arguments).assert_refused(4, "version 77", "update bowline-relay");
    }
    assert_eq!(fs::read(&database).unwrap(), before);
}

#[test]
fn a_damaged_database_is_refused_and_not_touched() {
    let place = used();
    let database = place.file("relay.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&database, &bytes).unwrap();
    place.run(SERVE).assert_refused(4, "the database is damaged", "backup");
    place.run(&["stats"]).assert_refused(4, "the database is damaged", "backup");
    bytes.fill(0x55);
    fs::write(&database, &bytes).unwrap();
    place.run(SERVE).assert_refused(
        4,
        "is not a database of this program, or its beginning is overwritten",
        "backup",
    );
    assert_eq!(fs::read(&database).unwrap(), bytes);
}

#[test]
fn an_overwritten_key_and_a_lost_identity_are_not_replaced() {
    let place = used();
    for name in ["relay.key", "identity.key"] {
        let before = fs::read(place.file(name)).unwrap();
        fs::write(place.file(name), "something else").unwrap();
        place.run(SERVE).assert_refused(4, "does not hold a relay's key", "backup");
        fs::write(place.file(name), before).unwrap();
    }
    fs::remove_file(place.file("identity.key")).unwrap();
    place.run(SERVE).assert_refused(4, "identity.key is missing", "backup");
    assert!(!place.file("identity.key").exists());
}

#[cfg(unix)]
#[test]
fn a_key_or_token_that_others_can_read_is_refused_until_its_mode_is_put_right() {
    use std::os::unix::fs::PermissionsExt;
    let place = used();
    for name in ["relay.key", "identity.key", "registration.token"] {
        let allow = |mode| fs::set_permissions(place.file(name), fs::Permissions::from_mode(mode)).unwrap();
        allow(0o644);
        let close = format!("`chmod 600 {}`", place.file(name).display());
        place.run(SERVE).assert_refused(3, "can be read by other users", &close);
        allow(0o600);
    }
    place.serve(&[]).stop();
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let place = Place::new();
    fs::write(place.data(), "a file where the folder should be").unwrap();
    place.run(SERVE).assert_refused(3, "cannot be created", "--data");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(place.file("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    place.run(SERVE).assert_refused(3, "cannot be opened for writing", "permissions");
}

#[test]
fn a_program_is_told_of_an_error_in_one_line_of_json() {
    let place = used();
    let refused = |arguments: &[&str], code: i32| {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(code), ""), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        let line: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
        line["error"].clone()
    };
    let error = refused(&["stats", "--json", "--yes"], 2);
    assert_eq!((&error["code"], &error["kind"]), (&"usage".into(), &"misuse".into()), "{error}");
    assert_eq!(error["message"], "unexpected argument '--yes' found");

    let database = place.file("relay.db");
    Connection::open(&database).unwrap().pragma_update(None, "user_version", 77).unwrap();
    for command in [&["stats", "--json"][..], &["workspace", "list", "--json"]] {
        let error = refused(command, 4);
        assert_eq!((&error["code"], &error["kind"]), (&"data_newer".into(), &"data".into()), "{error}");
        assert!(error["message"].as_str().unwrap().ends_with("relay.db cannot be used"), "{error}");
        assert!(error["causes"][0].as_str().unwrap().contains("version 77"), "{error}");
        assert_eq!(error["hint"], "update bowline-relay; the file was not touched");
    }
    fs::remove_file(&database).unwrap();
    let error = refused(&["stats", "--json"], 3);
    assert_eq!((&error["code"], &error["causes"]), (&"no_data".into(), &serde_json::json!([])), "{error}");
}
