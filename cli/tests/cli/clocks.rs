//! Clocks that are wrong: what a person is told, and the way on.

use bowline_engine::ids::Millis;

use crate::relay::TestRelay;
use crate::shared::{ok, owner};

const DAY: u64 = 24 * 60 * 60 * 1_000;

#[test]
fn a_log_of_a_time_that_has_not_come_waits_until_a_person_lets_it_through() {
    let relay = TestRelay::start();
    let mut laptop = owner(&relay);
    let id = laptop.made("chat new --title Groceries");
    ok(&mut laptop, "sync");
    let right = laptop.now;
    laptop.now = Millis(right.0 - 400 * DAY);
    ok(&mut laptop, &format!("chat say {id} 'Buy milk'"));
    let refused = laptop.run("sync");
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    for told in
        ["The log is of a time that has not come", "one of them is wrong", "`bowline sync --accept-time`"]
    {
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    let status = ok(&mut laptop, "status");
    for told in ["  Clocks: the relay's said ", "more than a day ahead", "What to do: nothing is sent there"]
    {
        assert!(status.contains(told), "{told}: {status}");
    }
    let json = ok(&mut laptop, "status --json");
    assert!(
        json.contains("\"looks_wrong\":\"unknown\"") || json.contains("\"looks_wrong\": \"unknown\""),
        "{json}"
    );

    assert_eq!(ok(&mut laptop, "sync --accept-time"), "synced: everything is on the relay\n");
    ok(&mut laptop, &format!("chat say {id} 'And bread'"));
    assert_eq!(ok(&mut laptop, "sync"), "synced: everything is on the relay\n", "it holds");
    // Set right, the clock is asked about again when it goes wrong the next time.
    laptop.now = right;
    ok(&mut laptop, "sync");
    assert!(!ok(&mut laptop, "status").contains("Clocks:"));
    laptop.now = Millis(right.0 - 2 * DAY);
    assert_eq!(laptop.run("sync").code, 6);
}
