//! How long until what is said on one device is on the other.

use std::time::{Duration, Instant};

use bowline_tests::processes::{Relay, Tls, wait_for};
use rusqlite::{Connection, OpenFlags};

use crate::{shared_conversation, two_devices};

/// Messages measured.
const MESSAGES: usize = 50;

/// What a person does not yet call waiting.
const P95: Duration = Duration::from_millis(500);

#[test]
fn a_message_said_on_one_device_is_on_the_other_within_half_a_second() {
    let relay = Relay::start(Tls::SelfSigned);
    let (laptop, desktop) = two_devices(&relay);
    let id = shared_conversation(&laptop, &desktop);
    let (_here, _there) = (laptop.watch(), desktop.watch());
    // Read as any other process on that home would, without one of ours in between that has to start first.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(desktop.path().join("bowline.db"), flags).unwrap();
    let preview = || -> String {
        let sql = "SELECT preview FROM doc WHERE title = 'shared'";
        database.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    let mut took: Vec<Duration> = (0..=MESSAGES)
        .map(|number| {
            let text = format!("message number {number}");
            laptop.run(["chat", "say", &id, &text]).answer();
            let said = Instant::now();
            wait_for("the message on the other device", || (preview() == text).then_some(()));
            said.elapsed()
        })
        .skip(1) // The first one waits until both are connected.
        .collect();
    took.sort_unstable();
    let (p50, p95) = (took[MESSAGES / 2], took[MESSAGES * 95 / 100]);
    println!(
        "{MESSAGES} messages from one device to the other: p50 {p50:.1?}, p95 {p95:.1?}, longest {:.1?}",
        took[MESSAGES - 1]
    );
    assert!(p95 <= P95, "p95 is {p95:?}");
    assert_eq!(desktop.messages(&id).len(), MESSAGES + 1);
}
