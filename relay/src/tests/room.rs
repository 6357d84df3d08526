//! Room on the storage and in a workspace: what is said of it, and that it is said once.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bowline_wire::frame::{Frame, Reason};

use crate::config::{Config, STORAGE_CHECK_INTERVAL};
use crate::testing::author::Author;
use crate::testing::bench::{Bench, config};

/// What was logged from warnings and information, for tests to read.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    /// Runs something and gives the lines that it has logged.
    fn by(run: impl FnOnce()) -> Vec<String> {
        let logged = Self::default();
        let writer = logged.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).without_time().finish();
        tracing::subscriber::with_default(subscriber, run);
        let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Those of the lines that are about room.
fn about_room(lines: &[String]) -> Vec<&str> {
    const SAID: [&str; 4] =
        ["nothing can be stored", "can be stored again", "workspace is full", "has room again"];
    lines.iter().filter_map(|line| SAID.into_iter().find(|said| line.contains(said))).collect()
}

#[test]
fn a_storage_that_stores_nothing_has_one_line_and_one_when_it_stores_again() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let lines = Logged::by(|| {
        bench.storage.refuses_commits.set(true);
        for number in 0..5 {
            let entry = laptop.clone().content(&bench.view(workspace), &[number]);
            bench.append(conn, &[&entry]);
            bench.flush();
            assert!(matches!(bench.frame(conn), Frame::Refused { reason: Reason::Storage, .. }));
        }
        bench.storage.refuses_commits.set(false);
        for number in 0..5 {
            let entry = laptop.content(&bench.view(workspace), &[number]);
            bench.must_append(conn, &[&entry]);
        }
    });
    assert_eq!(about_room(&lines), ["nothing can be stored", "can be stored again"], "{lines:#?}");
}

#[test]
fn whoever_asks_learns_of_a_full_disk_before_any_device_does_and_asking_often_tries_once() {
    let mut bench = Bench::new();
    let lines = Logged::by(|| {
        assert!(bench.relay.check_storage(bench.now).is_ok());
        bench.storage.refuses_commits.set(true);
        assert!(bench.relay.check_storage(bench.now).is_ok(), "as it was a moment ago");
        bench.now = bench.now.plus(STORAGE_CHECK_INTERVAL - 1);
        assert!(bench.relay.check_storage(bench.now).is_ok(), "and a millisecond too soon");
        assert_eq!(bench.storage.tried.load(Ordering::SeqCst), 1);
        bench.now = bench.now.plus(1);
        for _ in 0..5 {
            assert!(
                bench.relay.check_storage(bench.now).unwrap_err().to_string().contains("the disk is full")
            );
        }
        assert_eq!(bench.storage.tried.load(Ordering::SeqCst), 2);
        bench.storage.refuses_commits.set(false);
        bench.now = bench.now.plus(STORAGE_CHECK_INTERVAL);
        assert!(bench.relay.check_storage(bench.now).is_ok());
    });
    assert_eq!(about_room(&lines), ["nothing can be stored", "can be stored again"], "{lines:#?}");
}

#[test]
fn a_commit_that_just_fits_does_not_say_that_there_is_room_for_a_frame() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    bench.storage.refuses_commits.set(true);
    assert!(bench.relay.check_storage(bench.now).is_err());
    bench.storage.refuses_commits.set(false);
    let entry = laptop.content(&bench.view(workspace), b"small");
    bench.must_append(conn, &[&entry]);
    assert!(bench.relay.check_storage(bench.now).is_err());
    bench.now = bench.now.plus(STORAGE_CHECK_INTERVAL);
    assert!(bench.relay.check_storage(bench.now).is_ok());
}

#[test]
fn a_full_workspace_has_one_line_however_much_is_refused() {
    let mut bench = Bench::with(Config { content_quota: 10_000, ..config() });
    let mut laptop = Author::new(1);
    let (workspace, conn) = bench.create(&mut laptop);
    let lines = Logged::by(|| {
        for _ in 0..5 {
            let large = laptop.clone().content(&bench.view(workspace), &vec![7; 20_000]);
            assert_eq!(bench.refusal(conn, &large), Reason::Quota);
            let small = laptop.content(&bench.view(workspace), b"fits");
            bench.must_append(conn, &[&small]);
        }
    });
    assert_eq!(about_room(&lines), ["workspace is full"], "{lines:#?}");
}
