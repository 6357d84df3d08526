//! What other devices hold, as `status` and lists say it, though they write nothing.

use bowline_device::DocumentState;
use bowline_wire::ids::{DeviceId, Millis, Position};
use bowline_wire::limits::HOLDING_INTERVAL;

use crate::relay::FakeRelay;
use crate::rig::{Rig, two};

fn on_line((one, other, mut relay): (Rig, Rig, FakeRelay)) -> (Rig, Rig, FakeRelay) {
    relay.passes_holdings_on();
    (one, other, relay)
}

/// What `rig` says of another device: up to where it has the log, and when it was last heard.
fn of(rig: &Rig, device: DeviceId) -> (Position, Option<Millis>) {
    let status = rig.status();
    let member = status.members.iter().find(|member| member.device == device).unwrap();
    (member.seen, member.heard)
}

#[test]
fn a_document_is_on_a_device_that_only_reads_once_that_has_said_so() {
    let (mut one, mut reader, mut relay) = on_line(two());
    let id = one.conversation("Garden");
    one.say(id, "hello");
    one.sync(&mut relay);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay);
    reader.now = one.now.plus(5_000);
    reader.sync(&mut relay);
    one.now = one.now.plus(HOLDING_INTERVAL);
    one.sync(&mut relay);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnDevices(1));
    assert_eq!(of(&one, reader.device.id()), (Position(relay.len()), Some(reader.now)));

    one.say(id, "more");
    one.sync(&mut relay);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnRelay, "that it does not have yet");
}

#[test]
fn what_a_device_said_it_holds_is_known_after_a_restart_and_counts_as_heard_when_it_said_so() {
    let (mut one, mut reader, mut relay) = on_line(two());
    let id = one.conversation("Garden");
    one.say(id, "hello");
    one.sync(&mut relay);
    // Its clock is a year ahead, so it is heard when it arrives here, and not again whenever the relay repeats it.
    reader.now = one.now.plus(365 * 24 * 3_600_000);
    reader.sync(&mut relay);
    one.now = one.now.plus(HOLDING_INTERVAL);
    one.sync(&mut relay);
    let first = of(&one, reader.device.id());
    assert_eq!(first, (Position(relay.len()), Some(one.now)));

    let mut one = one.reopened();
    assert_eq!(of(&one, reader.device.id()), first);
    one.now = one.now.plus(HOLDING_INTERVAL);
    one.sync(&mut relay);
    assert_eq!(of(&one, reader.device.id()), first);
    assert_eq!(one.device.document_state(id).unwrap(), DocumentState::OnDevices(1));
}
