//! How much of a relay's log a look reads.

use bowline_core::sync::SurveyFailed;
use bowline_wire::frame::Frame;
use bowline_wire::header::EntryType;
use bowline_wire::ids::Position;

use crate::bench::Bench;
use crate::survey::{look_with, write};

/// Most relays that lost something lost the last of it: so far back a look finds that in one go.
#[test]
fn a_look_begins_1024_entries_before_the_head() {
    for (apart, is_found_at_once) in [(1_024, true), (1_025, false)] {
        let (mut bench, mut owner, relay) = Bench::member();
        let (mut known, mut shown) = (relay.clone(), relay);
        let parting = shown.len();
        let mut other = owner.on_another_branch();
        for _ in 0..apart {
            write(&mut owner, &mut known, 2..3);
            write(&mut other, &mut shown, 3..4);
        }
        bench.sync(&mut known);
        bench.disconnect();
        let mut firsts = Vec::new();
        let looked = look_with(&mut bench, &mut shown, |frame| {
            if let Frame::Entries { first, .. } = &frame {
                firsts.push(first.0);
            }
            frame
        });
        assert_eq!(looked.unwrap().parting(), Position(parting));
        assert_eq!(firsts.first(), Some(&(parting + 1 + u64::from(!is_found_at_once))));
        assert_eq!(firsts.contains(&1), !is_found_at_once, "{apart}: {firsts:?}");
    }
}

#[test]
fn as_many_records_are_read_of_a_log_as_any_roster_has_and_not_a_byte_beyond() {
    const MOST: usize = 64 << 20;
    for (most, is_read) in [(MOST, true), (MOST + 1, false)] {
        let (mut bench, owner, mut relay) = Bench::member();
        let view = relay.clone();
        let record = |len: usize| {
            owner.on_another_branch().plain(&view, EntryType::Roster, vec![0; len], |_| {}).to_signed()
        };
        let long = record(600_000);
        let around = long.wire_len() - 600_000;
        let mut left = most;
        while left > 2 * long.wire_len() {
            relay.put(long.clone());
            left -= long.wire_len();
        }
        for len in [left / 2, left - left / 2] {
            relay.put(record(len - around));
        }
        let looked = look_with(&mut bench, &mut relay, |frame| frame);
        match looked {
            Ok(_) => assert!(is_read, "{most} bytes"),
            Err(why) => {
                assert_eq!(why, SurveyFailed::Nonsense("more records than a roster takes"));
                assert!(!is_read, "{most} bytes");
            }
        }
    }
}
