//! Bodies of roster entries that are not records: refused as `BadRecord`, before any fold sees them.

use bowline_wire::codec::Writer;
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_WRAP;
use bowline_wire::roster::record::{Cut, Lost, Record, Rekey, Wrap};
use serde_json::{Value, json};

use super::raw::{array, items, long_bytes, other_spellings, with_item};
use super::vector;
use crate::samples::{ana, ben, records};
use crate::support::*;

fn broken(name: &str, rule: &str, body: &[u8]) -> Value {
    vector(name, rule, "BadRecord", json!({ "body": hex::encode(body) }))
}

pub(super) fn vectors() -> Value {
    let spelt = other_spellings(&ana().genesis("workspace").to_body());
    let spelt = spelt.iter().map(|(what, rule, body)| broken(&format!("a Genesis: {what}"), rule, body));
    spelt.chain(counts()).chain(cuts()).chain(given_up()).chain(wraps()).chain(fields()).collect()
}

/// Every record with a field more and with one less.
fn counts() -> Vec<Value> {
    let both = |(name, record): (&str, Record)| {
        let body = record.to_body();
        let more = array(&[items(&body), vec![vec![0xf6]]].concat());
        let less = array(&items(&body)[..items(&body).len() - 1]);
        [
            broken(&format!("{name} with a null more"), "Shape", &more),
            broken(&format!("{name} without its last field"), "Shape", &less),
        ]
    };
    records().into_iter().filter(|(name, _)| *name != "Genesis").flat_map(both).collect()
}

fn cut(author: &Author, life: u8, lane: Lane, seq: u64) -> Cut {
    let id = EntryId::from_bytes(seed("last that counts"));
    Cut { device: author.id(), incarnation: Incarnation::from_bytes([life; 8]), lane, seq, id }
}

fn cuts() -> Vec<Value> {
    let (control, content) = (Lane::Control, Lane::Content);
    let (mut low, mut high) = (ana(), ben());
    if low.id() > high.id() {
        std::mem::swap(&mut low, &mut high);
    }
    let cases = [
        ("devices out of order", "CutOrder", vec![cut(&high, 1, control, 1), cut(&low, 1, control, 1)]),
        ("incarnations out of order", "CutOrder", vec![cut(&low, 2, control, 1), cut(&low, 1, control, 1)]),
        ("lanes out of order", "CutOrder", vec![cut(&low, 1, content, 1), cut(&low, 1, control, 1)]),
        ("a chain named twice", "CutOrder", vec![cut(&low, 1, content, 1), cut(&low, 1, content, 2)]),
        ("a chain of which nothing counts", "CutSeq", vec![cut(&low, 1, content, 0)]),
    ];
    let all = |(what, rule, cut): (&str, &str, Vec<Cut>)| {
        let rekey = || rekey("sample epoch", [ana().hpke]);
        [
            ("RemoveDevice", Record::RemoveDevice { device: ben().id(), cut: cut.clone(), rekey: rekey() }),
            ("RemoveMember", Record::RemoveMember { user: ben().user(), cut: cut.clone(), rekey: rekey() }),
            ("Leave", Record::Leave { whole_user: true, cut }),
        ]
        .map(|(name, record)| broken(&format!("the cut of a {name}: {what}"), rule, &record.to_body()))
    };
    cases.into_iter().flat_map(all).collect()
}

fn given_up() -> Vec<Value> {
    let epochs = [1, 2].map(|id| EpochId::from_bytes([id; EpochId::LEN]));
    let entries = [1, 2].map(|id| EntryId::from_bytes([id; EntryId::LEN]));
    let of = |what: &str, rule: &str, epochs: Vec<EpochId>, entries: Vec<EntryId>| {
        broken(&format!("a Lost {what}"), rule, &Record::Lost(Lost { epochs, entries }).to_body())
    };
    vec![
        of("with epochs out of order", "LostOrder", vec![epochs[1], epochs[0]], vec![]),
        of("with an epoch named twice", "LostOrder", vec![epochs[0]; 2], vec![entries[0]]),
        of("with entries out of order", "LostOrder", vec![epochs[0]], vec![entries[1], entries[0]]),
        of("with an entry named twice", "LostOrder", vec![], vec![entries[0]; 2]),
        of("of nothing", "LostEmpty", vec![], vec![]),
    ]
}

fn wraps() -> Vec<Value> {
    let rekeyed = |wraps: Vec<Wrap>| Record::Rekey(Rekey { wraps, ..rekey("sample epoch", []) }).to_body();
    let long = || vec![7; MAX_WRAP + 1];
    vec![
        broken("an encapsulated key of more than MAX_WRAP bytes", "Limit", &{
            rekeyed(vec![Wrap { encapsulated: long(), ..wrap() }])
        }),
        broken("a wrapped key of more than MAX_WRAP bytes", "Limit", &{
            rekeyed(vec![Wrap { ciphertext: long(), ..wrap() }])
        }),
    ]
}

fn fields() -> Vec<Value> {
    let of = |wanted: &str| records().into_iter().find(|(name, _)| *name == wanted).unwrap().1.to_body();
    let (genesis, invite, close, join, leave) =
        (of("Genesis"), of("Invite"), of("CloseInvite"), of("Join"), of("Leave"));
    let ticket = items(&invite)[1].clone();
    let wrap = items(&items(&ticket)[4]);
    let of_len = |len: usize| {
        let mut key = Writer::new();
        key.bytes(&vec![7; len]);
        key.into_bytes()
    };
    let device = ana().id();
    let in_ticket = |at, item: &[u8]| with_item(&invite, 1, &with_item(&ticket, at, item));
    vec![
        broken("a Genesis with a nonce of 15 bytes", "Shape", &{
            with_item(&genesis, 1, &[&[0x4f], &[7; 15][..]].concat())
        }),
        broken("a Genesis with a long spelling of its device's length", "Canonical", &{
            with_item(&genesis, 2, &long_bytes(device.as_bytes()))
        }),
        broken("a CloseInvite of text", "Shape", &with_item(&close, 1, b"\x61x")),
        broken("an Invite whose ticket has a field more", "Shape", &{
            with_item(&invite, 1, &array(&[items(&ticket), vec![vec![0]]].concat()))
        }),
        broken("an Invite that expires at a negative time", "Canonical", &in_ticket(2, &[0x20])),
        broken("a Link whose recovery is a number", "Shape", &in_ticket(3, &[1])),
        broken("an Invite whose wrap has a suite in it", "Shape", &{
            in_ticket(4, &array(&[&wrap[..1], &[vec![1]], &wrap[1..]].concat()))
        }),
        broken("an Invite with an HPKE key of 31 bytes", "Shape", &in_ticket(1, &of_len(31))),
        broken("an Invite with an HPKE key of 33 bytes", "Shape", &in_ticket(1, &of_len(33))),
        broken("a Join with an HPKE key of 1,215 bytes", "Shape", &with_item(&join, 2, &of_len(1215))),
        broken("a Join with an HPKE key of 1,217 bytes", "Limit", &with_item(&join, 2, &of_len(1217))),
        broken("a Genesis without a suite", "Shape", &{
            let items = items(&genesis);
            array(&[&items[..3], &items[4..]].concat())
        }),
        broken("a Genesis of suite 0", "Number", &with_item(&genesis, 3, &[0])),
        broken("a Genesis of a suite without a meaning", "Number", &with_item(&genesis, 3, &[3])),
        broken("a Genesis of a suite of more than 16 bits", "Shape", &{
            with_item(&genesis, 3, &[0x1a, 0, 1, 0, 0])
        }),
        broken("a Join whose recovery is a number", "Shape", &with_item(&join, 3, &[1])),
        broken("a Join whose recovery is null", "Shape", &with_item(&join, 3, &[0xf6])),
        broken("a Leave whose cut is null", "Shape", &with_item(&leave, 2, &[0xf6])),
        broken("a number of a record alone", "Shape", &[0x01]),
        broken("a record without a number", "Shape", &[0x80]),
        broken("a record whose number is text", "Shape", &[0x81, 0x61, b'a']),
        broken("an unknown record of 17 fields", "Limit", &[&[0x91, 0x0b][..], &[0xf6; 16]].concat()),
        broken("an unknown record without a length", "Canonical", &[0x9f, 0x0b, 0xff]),
    ]
}
