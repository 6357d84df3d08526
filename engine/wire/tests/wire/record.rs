//! Roster records: one body for each, and none for what this version does not know.

use std::collections::BTreeMap;

use bowline_wire::codec::{DecodeError, Writer, decode, encode};
use bowline_wire::ids::*;
use bowline_wire::limits::*;
use bowline_wire::roster::record::{Cut, RECORD_NUMBERS, Record, Rekey, Wrap};

use crate::samples::records;
use crate::support::*;

#[test]
fn records_are_read_as_they_were_written() {
    for (name, record) in records() {
        let body = record.to_body();
        assert_eq!(Record::parse(&body), Ok(record.clone()), "{name}");
        assert_eq!(decode::<Record>(&body), Ok(record), "{name}");
    }
}

#[test]
fn every_record_has_its_number() {
    let records: BTreeMap<&str, Record> = records().into_iter().collect();
    for (name, number) in RECORD_NUMBERS {
        match records.get(name) {
            Some(record) => assert_eq!(u64::from(record.to_body()[1]), number, "{name}"),
            // What is reserved is unknown to this version.
            None => assert_eq!(Record::parse(&encode(&Record::Unknown(number))), Ok(Record::Unknown(number))),
        }
    }
    assert!(records.keys().all(|name| RECORD_NUMBERS.iter().any(|(named, _)| named == name)));
}

#[test]
fn numbers_without_a_name_are_unknown_and_their_fields_are_not_read() {
    for number in [0, 13, 14, 23, 24, 1000, u64::MAX] {
        let mut writer = Writer::new();
        writer.array(3).u64(number).text("whatever").bool(true);
        assert_eq!(Record::parse(&writer.into_bytes()), Ok(Record::Unknown(number)));
        let unknown = DecodeError::UnknownNumber { what: "record", number };
        assert_eq!(decode::<Record>(&encode(&Record::Unknown(number))), Err(unknown));
    }
}

#[test]
fn what_is_no_record_at_all_is_refused() {
    for bytes in [&b""[..], &[0x80], &[0x01], &[0x81, 0x61, 0x61], &[0xa1, 0x01, 0x01], &[0x9f, 0x0b, 0xff]] {
        assert!(Record::parse(bytes).is_err(), "{bytes:x?}");
    }
    let long = vec![0; MAX_BODY + 1];
    let too_large = DecodeError::TooLarge { what: "record", limit: MAX_BODY };
    assert_eq!(Record::parse(&long), Err(too_large));
}

#[test]
fn a_record_has_exactly_its_fields() {
    for (name, record) in records() {
        let mut body = record.to_body();
        body.push(0xf6);
        assert_eq!(Record::parse(&body), Err(DecodeError::NotCanonical), "{name}: something follows");
        body[0] += 1;
        assert_eq!(Record::parse(&body), Err(DecodeError::NotCanonical), "{name}: one field more");
        body.pop();
        body[0] -= 2;
        assert_eq!(Record::parse(&body), Err(DecodeError::NotCanonical), "{name}: counts one less");
    }
}

fn cut(device: u8, life: u8, lane: Lane, seq: u64) -> Cut {
    Cut {
        device: DeviceId::from_bytes([device; 32]),
        incarnation: Incarnation::from_bytes([life; 8]),
        lane,
        seq,
        id: EntryId::from_bytes([device; 32]),
    }
}

#[test]
fn a_cut_names_each_chain_once_ascending_and_counts_from_one() {
    let read = |cut: &[Cut]| {
        let cut = cut.to_vec();
        let leave = Record::Leave { whole_user: true, cut: cut.clone() };
        let device = Record::RemoveDevice { device: DeviceId::ZERO, cut: cut.clone(), rekey: rekey("e", []) };
        let member = Record::RemoveMember { user: UserId::ZERO, cut, rekey: rekey("e", []) };
        let read = [leave, device, member].map(|record| Record::parse(&record.to_body()).err());
        assert!(read.iter().all(|outcome| *outcome == read[0]));
        read[0]
    };
    let order = Some(DecodeError::Rule("a cut names each chain once, ascending"));
    let (control, content) = (Lane::Control, Lane::Content);
    assert_eq!(
        read(&[cut(1, 1, control, 9), cut(1, 1, content, 1), cut(1, 2, control, 1), cut(2, 1, control, 1)]),
        None
    );
    assert_eq!(read(&[cut(2, 1, control, 1), cut(1, 1, control, 1)]), order);
    assert_eq!(read(&[cut(1, 2, control, 1), cut(1, 1, control, 1)]), order);
    assert_eq!(read(&[cut(1, 1, content, 1), cut(1, 1, control, 1)]), order);
    assert_eq!(read(&[cut(1, 1, content, 1), cut(1, 1, content, 2)]), order);
    assert_eq!(read(&[cut(1, 1, content, 0)]), Some(DecodeError::Rule("a cut's seq counts from 1")));
}

#[test]
fn what_is_larger_than_its_limit_is_refused() {
    let refused = |record: Record, what, limit| {
        assert_eq!(Record::parse(&record.to_body()), Err(DecodeError::TooLarge { what, limit }));
    };
    let with_wrap = |wrap: Wrap| Record::Rekey(Rekey { wraps: vec![wrap], ..rekey("e", []) });
    let long = || vec![0; MAX_WRAP + 1];
    refused(with_wrap(Wrap { encapsulated: long(), ..wrap() }), "encapsulated key", MAX_WRAP);
    refused(with_wrap(Wrap { ciphertext: long(), ..wrap() }), "wrapped key", MAX_WRAP);
    let history = vec![0; MAX_SEALED_HISTORY + 1];
    refused(Record::Rekey(Rekey { history, ..rekey("e", []) }), "sealed history", MAX_SEALED_HISTORY);
    let wraps = vec![wrap(); MAX_RECIPIENTS + 1];
    refused(Record::Rekey(Rekey { wraps, ..rekey("e", []) }), "wraps", MAX_RECIPIENTS);
    let cut = vec![cut(1, 1, Lane::Control, 1); MAX_CUT + 1];
    refused(Record::Leave { whole_user: false, cut }, "cut", MAX_CUT);
}

#[test]
fn the_largest_rekey_fits_a_body() {
    let wraps = vec![Wrap { encapsulated: vec![7; MAX_WRAP], ciphertext: vec![9; 48] }; MAX_RECIPIENTS];
    let rekey = Rekey { history: vec![0; MAX_SEALED_HISTORY], wraps, ..rekey("e", []) };
    let body = Record::Rekey(rekey).to_body();
    assert!(body.len() <= MAX_BODY);
    assert!(Record::parse(&body).is_ok());
}
