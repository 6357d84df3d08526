//! Reads Rust text just well enough to tell code from comments, strings and test code.

use std::ops::Range;

/// `source` with comments, strings and character literals turned to spaces; every byte offset and line stays.
pub(crate) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut kept = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(end) = end_of_quiet(bytes, at) {
            erase(&mut kept, at..end);
            at = end;
        } else {
            at += word_length(&bytes[at..]).max(1);
        }
    }
    String::from_utf8(kept).expect("whole literals and comments were replaced by ASCII")
}

/// `code` (see [`code`]) without the items under `#[cfg(test)]`.
pub(crate) fn shipped(code: &str) -> String {
    const TEST_ONLY: &str = "#[cfg(test)]";
    let mut kept = code.as_bytes().to_vec();
    for (start, _) in code.match_indices(TEST_ONLY) {
        let item = start + TEST_ONLY.len();
        erase(&mut kept, start..item + end_of_item(&code.as_bytes()[item..]));
    }
    // An item may hold other scripts' letters, but it begins and ends with ASCII.
    String::from_utf8(kept).expect("whole items were replaced by ASCII")
}

/// Byte offsets at which `word` stands in `code` as a word of its own.
pub(crate) fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let end = at + word.len();
        let open_left = at > 0 && is_word(bytes[at - 1]);
        let open_right = bytes.get(end).copied().is_some_and(is_word) && is_word(bytes[end - 1]);
        !open_left && !open_right
    })
}

/// The 1-based line of a byte offset.
pub(crate) fn line(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length of the word at the start of `bytes`; 0 when there is none.
pub(crate) fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_word(byte)).count()
}

/// Replaces everything but line ends, so that lines keep their numbers.
fn erase(bytes: &mut [u8], range: Range<usize>) {
    bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// If a comment or literal starts at `at`, where it ends.
fn end_of_quiet(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest),
        [b'\'', ..] => character(rest)?,
        _ => raw_string(rest)?,
    };
    Some(at + length)
}

/// Length of a block comment, with those nested in it.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a literal up to the unescaped quote it began with.
fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != rest[0] {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of a character literal; `None` for a lifetime or a label.
fn character(rest: &[u8]) -> Option<usize> {
    let first = *rest.get(1)?;
    if first == b'\\' {
        return Some(quoted(rest));
    }
    // One character of up to four bytes, then the closing quote.
    let width = 1 + rest.iter().skip(2).take_while(|&&byte| byte & 0xC0 == 0x80).count();
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

/// Length of a raw string with its prefix; `None` where none starts.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = word_length(rest);
    if !matches!(&rest[..prefix], b"r" | b"br" | b"cr") {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), "#".repeat(hashes).as_bytes()].concat();
    let inside = rest[open + 1..].windows(close.len()).position(|window| window == close);
    Some(inside.map_or(rest.len(), |length| open + 1 + length + close.len()))
}

/// Length of the item at the start of `rest`: up to its `;`, its `,` or its closing brace.
fn end_of_item(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return at,
            b'}' if depth == 1 => return at + 1,
            b')' | b']' | b'}' => depth -= 1,
            b';' | b',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn comments_and_literals_are_not_code() {
    let source = concat!(
        "let a = \"quo\\\"ted\"; // noted\n",
        "/* outer /* inner */ still */ let b = r#\"ra\"w\"#;\n",
        "let c = '\"'; let d = '\\''; let e: &'static str = b\"bytes\"; let f = 'é';\n",
    );
    let read = code(source);
    for gone in ["quo", "noted", "outer", "inner", "still", "ra", "w\"", "bytes", "'\"'", "é"] {
        assert!(!read.contains(gone), "{gone:?} is left in {read:?}");
    }
    for kept in ["let a =", "let b =", "let c =", "let d =", "let e: &'static str =", "let f ="] {
        assert!(read.contains(kept), "{kept:?} is lost from {read:?}");
    }
    assert_eq!((read.len(), read.lines().count()), (source.len(), 3));
}

#[test]
fn test_code_is_not_shipped_and_what_follows_it_is() {
    let source =
        "#[cfg(test)]\nmod tests { fn f() { planted } }\n#[cfg(test)]\nuse planted;\nfn shipped_code() {}\n";
    let read = shipped(source);
    assert!(!read.contains("planted"), "{read:?}");
    assert!(read.contains("fn shipped_code() {}"), "{read:?}");
}

#[test]
fn a_word_inside_a_longer_word_is_not_that_word() {
    let found: Vec<_> =
        places("eprintln! my_println! println!(x) SystemTimes SystemTime", "println!").collect();
    assert_eq!(found, [22]);
    assert_eq!(places("SystemTimes SystemTime", "SystemTime").count(), 1);
}
