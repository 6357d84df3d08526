//! Whatever is in a transcript, and however it changes: it goes out as it came in, and nothing that came in is lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::desk::{Desk, Home, header, id};

/// One line of a transcript, without its line end.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let entry = |n: u8, more: &str| {
        format!(
            "{{\"type\":\"message\",\"id\":\"{n:08x}\",\"parentId\":null,\"timestamp\":\"2026-11-22T10:00:0{}.000Z\",\
             \"message\":{{\"role\":\"user\",\"content\":\"{more}\"}}}}",
            n % 10
        )
        .into_bytes()
    };
    prop_oneof![
        // Few ids and few texts, so that lines come twice, and two lines have one id.
        8 => (0..12_u8, "[ab]{0,2}").prop_map(move |(n, more)| entry(n, &more)),
        2 => (0..12_u8).prop_map(move |n| [&entry(n, "carriage")[..], b"\r"].concat()),
        1 => (0..12_u8).prop_map(move |n| [&entry(n, "spaces")[..], b" \t"].concat()),
        1 => Just(b"".to_vec()),
        1 => Just(b" \r".to_vec()),
        1 => Just(header("another").trim_end().as_bytes().to_vec()),
        1 => Just(b"{\"type\":\"message\"}".to_vec()),
        1 => Just(b"{\"type\":\"label\",\"id\":7,\"timestamp\":1800000000000}".to_vec()),
        1 => Just(b"[1,2]".to_vec()),
        1 => Just(b"7".to_vec()),
        1 => Just(b"{\"id\":\"a\",\"id\":\"b\"}".to_vec()),
        1 => Just(b"\xef\xbb\xbf{\"id\":\"bom\"}".to_vec()),
        2 => prop::collection::vec(any::<u8>().prop_filter("a line end", |byte| *byte != b'\n'), 0..24),
    ]
}

/// A transcript: often with a header, and often with an end to its last line.
fn file() -> impl Strategy<Value = Vec<u8>> {
    (prop::bool::weighted(0.8), prop::collection::vec(line(), 0..24), prop::bool::weighted(0.8)).prop_map(
        |(with_header, lines, ended)| {
            let mut bytes = if with_header { header(&id(1)).into_bytes() } else { Vec::new() };
            bytes.extend(lines.join(&b'\n'));
            if ended && !bytes.is_empty() {
                bytes.push(b'\n');
            }
            bytes
        },
    )
}

fn import(desk: &mut Desk, home: &Home, bytes: &[u8]) {
    home.session(&format!("{}.jsonl", id(1)), bytes);
    desk.import(&home.path());
}

/// What the device gives back; nothing if it has no conversation.
fn exported(desk: &mut Desk) -> Vec<u8> {
    desk.files().pop().map(|file| file.bytes).unwrap_or_default()
}

/// Where a file may have ended before it grew. Not within the spaces or the carriage return at the end of a line: what is
/// before them is a whole entry already, and would be another one than with them.
fn end(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|byte| b" \t\r".contains(byte)).count()
}

/// How often each line is there.
fn lines(bytes: &[u8]) -> BTreeMap<&[u8], usize> {
    let mut counted = BTreeMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        *counted.entry(line).or_default() += 1;
    }
    counted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_that_grows_goes_out_as_it_is_at_every_step(
        bytes in file(),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let (home, mut desk) = (Home::new(), Desk::new());
        let mut cuts: Vec<_> = cuts.drain(..).map(|cut| end(&bytes, cut.index(bytes.len() + 1))).collect();
        cuts.push(bytes.len());
        cuts.sort_unstable();
        for cut in cuts {
            let part = &bytes[..cut];
            import(&mut desk, &home, part);
            let got = exported(&mut desk);
            prop_assert!(got == part, "{}\nis not\n{}", got.escape_ascii(), part.escape_ascii());
            let before = desk.state();
            desk.import(&home.path());
            prop_assert_eq!(desk.state(), before);
        }
    }

    #[test]
    fn no_line_of_any_version_of_a_file_is_lost(versions in prop::collection::vec(file(), 1..4)) {
        let (home, mut desk) = (Home::new(), Desk::new());
        for bytes in &versions {
            import(&mut desk, &home, bytes);
            let before = desk.state();
            desk.import(&home.path());
            prop_assert_eq!(desk.state(), before);
        }
        let exported = exported(&mut desk);
        let held = lines(&exported);
        for bytes in &versions {
            for (line, n) in lines(bytes) {
                // A line that is not an entry may since have been replaced by what it was the beginning of.
                if serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.is_object()) {
                    prop_assert!(
                        held.get(line).is_some_and(|held| *held >= n),
                        "{} of\n{}\nin\n{}", line.escape_ascii(), bytes.escape_ascii(), exported.escape_ascii()
                    );
                }
            }
        }
    }
}
