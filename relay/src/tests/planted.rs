//! The planted bugs are the bugs they say they are.

use bowline_wire::frame::Frame;
use bowline_wire::ids::Position;

use crate::Planted;
use crate::testing::author::Author;
use crate::testing::bench::Bench;

#[test]
fn ack_before_commit_signs_for_what_a_crash_then_takes() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    bench.relay.plant(Planted::AckBeforeCommit);
    let entry = laptop.content(&bench.view(workspace), b"one");
    bench.append(conn, &[&entry]);
    bench.flush();
    let Frame::Appended { head, .. } = bench.frame(conn) else { panic!() };
    assert_eq!(head.verify(workspace).unwrap().value().position, Position(2));
    assert_eq!(bench.position(workspace), Position(1));
    bench.flush();
    assert_eq!(bench.position(workspace), Position(2), "without a crash, it is stored one flush later");
}

#[test]
fn without_deduplication_a_repeated_entry_stands_twice_in_the_log() {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    bench.relay.plant(Planted::NoDeduplication);
    let entry = laptop.content(&bench.view(workspace), b"one");
    for position in [2, 3] {
        bench.append(conn, &[&entry]);
        bench.flush();
        let Frame::Appended { entries, .. } = bench.frame(conn) else { panic!() };
        assert_eq!(entries, [(entry.id(), Position(position))]);
    }
    bench.send(conn, &Frame::Subscribe { after: Position(1) });
    let Frame::Entries { entries, head, .. } = bench.frame(conn) else { panic!() };
    assert_eq!(entries, [entry.to_signed(), entry.to_signed()]);
    head.verify(workspace).unwrap();
    // The chain goes on as if nothing had happened.
    let next = laptop.content(&bench.view(workspace), b"two");
    bench.must_append(conn, &[&next]);
}
