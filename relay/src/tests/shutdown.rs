//! Stopping: what was accepted is committed and answered, and everybody is told.

use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::Position;

use crate::config::CLOSE_TIMEOUT;
use crate::testing::author::Author;
use crate::testing::bench::Bench;

#[test]
fn what_was_accepted_is_committed_and_everybody_is_told_goodbye() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, writing) = bench.create(&mut laptop);
    let listening = bench.open(&laptop, workspace);
    bench.send(listening, &Frame::Subscribe { after: Position(1) });
    let (greeting, _) = bench.hello();
    let silent = bench.connect();
    let entry = laptop.content(&bench.view(workspace), b"last words");
    bench.append(writing, &[&entry]);

    bench.relay.shutdown(bench.now);
    assert_eq!(bench.position(workspace), Position(2));
    let is_goodbye = |frame: &Frame| matches!(frame, Frame::Goodbye { reason: Reason::Shutdown, .. });
    let frames = bench.frames(writing);
    assert!(matches!(&frames[..], [Frame::Appended { .. }, last] if is_goodbye(last)), "{frames:?}");
    let frames = bench.frames(listening);
    assert!(matches!(&frames[..], [Frame::Entries { .. }, last] if is_goodbye(last)), "{frames:?}");
    for conn in [greeting, silent] {
        let frames = bench.frames(conn);
        assert!(matches!(&frames[..], [last] if is_goodbye(last)), "{frames:?}");
    }
    for conn in [writing, listening, greeting, silent] {
        assert!(bench.is_closed(conn));
    }
}

#[test]
fn whoever_does_not_read_the_goodbye_is_closed_in_time() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (_, conn) = bench.create(&mut laptop);
    bench.relay.set_writable(conn, false);
    bench.relay.shutdown(bench.now);
    bench.now = bench.now.plus(CLOSE_TIMEOUT - 1);
    bench.relay.handle_timeout(bench.now);
    assert!(!bench.is_closed(conn));
    bench.now = bench.now.plus(1);
    bench.relay.handle_timeout(bench.now);
    assert!(bench.is_closed(conn) && bench.frames(conn).is_empty());
}

#[test]
fn nothing_is_accepted_after_the_goodbye() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let entry = laptop.content(&bench.view(workspace), b"too late");
    bench.relay.set_writable(conn, false);
    bench.relay.shutdown(bench.now);
    bench.append(conn, &[&entry]);
    assert!(!bench.relay.needs_flush());
}
