//! What a Member may write of records, at the relay: refused beyond it, by a relay that has just started as by one that has seen all of it.

use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::Lane;
use bowline_wire::limits::{MAX_BODY, MAX_RECORD_BYTES};
use bowline_wire::roster::record::Record;

use super::Two;

/// A record of so many bytes whose number has no name here.
fn bulk(two: &mut Two, len: usize) -> Entry {
    let header = two.phone.draft(&two.bench.view(two.workspace), EntryType::Roster, Lane::Control);
    let mut body = vec![0x82, 0x18, 99];
    body.resize(len, 0);
    two.phone.write(header, &body)
}

fn left(two: &Two) -> u64 {
    crate::storage::roster::fold(&two.bench.storage, two.workspace)
        .unwrap()
        .record_bytes(&two.phone.user())
        .left()
}

/// Has the phone, a Member's, write all but so many bytes.
fn spend_but(two: &mut Two, rest: u64) {
    while left(two) > rest {
        let over = usize::try_from(left(two) - rest).unwrap();
        let entry = bulk(two, if over <= MAX_BODY { over } else { MAX_BODY.min(over - 3) });
        two.bench.must_append(two.on_phone, &[&entry]);
    }
}

#[test]
fn a_relay_takes_what_a_member_has_left_and_not_a_byte_more_also_after_a_restart() {
    let mut two = Two::connected();
    assert_eq!(left(&two), MAX_RECORD_BYTES);
    spend_but(&mut two, 100);
    for _ in 0..2 {
        let (seq, last) = (two.phone.cut(Lane::Control).seq, two.phone.cut(Lane::Control).id);
        let more = bulk(&mut two, 101);
        assert_eq!(two.bench.refusal(two.on_phone, &more), Reason::RecordsSpent);
        two.phone.rewind(Lane::Control, seq, last);
        two.bench.restart();
        two.on_phone = two.bench.open(&two.phone, two.workspace);
        two.on_laptop = two.bench.open(&two.laptop, two.workspace);
    }
    let rest = bulk(&mut two, 100);
    two.bench.must_append(two.on_phone, &[&rest]);
    let allow = Record::Allow { user: two.phone.user() };
    let allow = two.laptop.record(&two.bench.view(two.workspace), &allow);
    two.bench.must_append(two.on_laptop, &[&allow]);
    two.bench.restart();
    two.on_phone = two.bench.open(&two.phone, two.workspace);
    let more = bulk(&mut two, 101);
    two.bench.must_append(two.on_phone, &[&more]);
    assert_eq!(left(&two), MAX_RECORD_BYTES - 101);
}

#[test]
fn whoever_has_nothing_left_can_leave() {
    let mut two = Two::connected();
    spend_but(&mut two, 0);
    let leave = Record::Leave { whole_user: true, cut: vec![] };
    let leave = two.phone.record(&two.bench.view(two.workspace), &leave);
    two.bench.must_append(two.on_phone, &[&leave]);
}
