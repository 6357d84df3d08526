//! Copies of transcripts and indexes that programs make which keep folders in step, when two devices have written into one
//! file: Syncthing, Dropbox, Nextcloud, iCloud and others. What only such a copy has belongs to the same session.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::encoding::without_mark;
use crate::is_uuid;
use crate::tree::Tree;

/// Words by which these programs mark a copy, in small letters, as they are in the languages that the programs speak.
const WORDS: [&str; 9] =
    ["conflict", "konflikt", "conflit", "конфликт", "競合", "冲突", "衝突", "충돌", "çakışma"];

/// What OpenClaw's own files beside transcripts are called.
const OTHERS: [&str; 7] = [".trajectory", ".deleted.", ".lock", ".tmp", ".bak", ".checkpoint.", ".part"];

/// Bytes of a first line that are compared; a header has some hundreds.
const FIRST_LINE_MAX: u64 = 64 << 10;

/// Bytes of a UUID as text.
const UUID: usize = 36;

/// The session of which a file would be a copy by its name; `None` if its name says nothing of the sort. Whether it is one,
/// [`is_of`] tells by what is in it.
pub(crate) fn session_of(name: &str) -> Option<&str> {
    let lower = name.to_lowercase();
    let is_transcript = lower.contains(".jsonl") && !OTHERS.iter().any(|other| lower.contains(other));
    let is_marked = has_mark(name);
    // What a session was before is another file, of which there may be a copy as well.
    if !is_transcript || (lower.contains(".reset.") && !is_marked) {
        return None;
    }
    let uuid =
        (0..name.len()).find_map(|at| Some((at, name.get(at..at + UUID)?)).filter(|(_, text)| is_uuid(text)));
    match uuid {
        Some((at, _)) => {
            let rest = name.get(at + UUID..)?;
            let topic = rest.strip_prefix("-topic-").map_or(0, |topic| {
                let is_number = |byte: &u8| byte.is_ascii_alphanumeric();
                "-topic-".len() + topic.bytes().take_while(|byte| is_number(byte)).count()
            });
            let session = name.get(at..at + UUID + topic)?;
            let is_itself = name.strip_suffix(".jsonl") == Some(session);
            (!is_itself).then_some(session)
        }
        None if is_marked => before_mark(name),
        None => None,
    }
}

/// Whether a file is a copy of the index of sessions.
pub(crate) fn is_of_index(name: &str) -> bool {
    name.starts_with("sessions") && name.contains(".json") && !name.contains(".jsonl") && has_mark(name)
}

/// Whether a name has a word in it by which a copy is marked.
pub(crate) fn has_mark(name: &str) -> bool {
    let lower = name.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// What stands before the mark: `notes` of `notes.sync-conflict-….jsonl`, `notes (Ana's conflicted copy).jsonl`,
/// `notes_conflict-….jsonl` and `notes.jsonl.conflict.…`.
fn before_mark(name: &str) -> Option<&str> {
    let at = WORDS.iter().filter_map(|word| find_in_any_case(name, word)).min()?;
    let before = name.get(..at)?;
    let session = match before.rfind(" (") {
        Some(bracket) => before.get(..bracket)?,
        None => [".sync-", ".", "_", "-", " ", "~"].iter().find_map(|end| before.strip_suffix(end))?,
    };
    let session = session.strip_suffix(".jsonl").unwrap_or(session);
    (!session.is_empty()).then_some(session)
}

/// Where a word in small letters stands in a name.
fn find_in_any_case(name: &str, word: &str) -> Option<usize> {
    name.char_indices().map(|(at, _)| at).find(|at| {
        let mut letters = name.get(*at..).unwrap_or_default().chars().flat_map(char::to_lowercase);
        word.chars().all(|letter| letters.next() == Some(letter))
    })
}

/// Whether a file holds a transcript of a session: its header names the session, or it begins as the session's own file does.
pub(crate) fn is_of(tree: &Tree, name: &str, session: &str, own: Option<&str>) -> bool {
    #[derive(Deserialize)]
    struct Header {
        id: String,
    }
    let Some(first) = first_line(tree, name) else { return false };
    let names_it =
        serde_json::from_slice::<Header>(&first).is_ok_and(|header| session.starts_with(&header.id));
    (names_it && is_uuid(session.get(..UUID).unwrap_or_default()))
        || own.and_then(|own| first_line(tree, own)).is_some_and(|own| own == first)
}

/// The first line of a file without mark and line end; `None` if it is empty, too long or cannot be read.
fn first_line(tree: &Tree, name: &str) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(tree.file(name).ok()?.take(FIRST_LINE_MAX)).read_until(b'\n', &mut line).ok()?;
    let is_whole = line.len() < usize::try_from(FIRST_LINE_MAX).unwrap_or(usize::MAX);
    let line = without_mark(&line).trim_ascii();
    (is_whole && !line.is_empty()).then(|| line.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "2f9c57a5-b6a1-4002-9708-f10eca0ce5ee";

    #[test]
    fn copies_are_told_by_their_names_whoever_made_them() {
        for ending in [
            ".sync-conflict-20260301-101500-ABCDEFG.jsonl",
            " (Ana's conflicted copy 2026-03-01).jsonl",
            " (in Konflikt stehende Kopie von Ana 2026-03-01).jsonl",
            " (Copie en conflit de Ana 2026-03-01).jsonl",
            " (SFConflict ana@example.org 2026-03-01-10-15-00).jsonl",
            " (conflicted copy 2026-03-01 101500).jsonl",
            "_conflict-20260301-101500.jsonl",
            ".jsonl.conflict.20260301101500",
            ".jsonl.sync-conflict-20260301-101500-ABCDEFG",
            " (1).jsonl",
            " 2.jsonl",
            " copy.jsonl",
            " - Copy (2).jsonl",
            "-LAPTOP.jsonl",
            ".jsonl.reset.2026-11-22T10-00-00.000Z.sync-conflict-20260301-101500-ABCDEFG",
        ] {
            assert_eq!(session_of(&format!("{SESSION}{ending}")), Some(SESSION), "{ending}");
        }
        assert_eq!(session_of(&format!("Copy of {SESSION}.jsonl")), Some(SESSION));
        let topic = format!("{SESSION}-topic-7");
        assert_eq!(session_of(&format!("{topic} (1).jsonl")), Some(topic.as_str()));
        for name in ["notes.sync-conflict-1-2-3.jsonl", "notes (Konflikt).jsonl", "notes.jsonl.conflict.7"] {
            assert_eq!(session_of(name), Some("notes"), "{name}");
        }
    }

    #[test]
    fn what_openclaw_itself_puts_there_is_not_a_copy() {
        for ending in [
            ".jsonl",
            "-topic-7.jsonl",
            ".trajectory.jsonl",
            ".jsonl.deleted.1",
            ".jsonl.reset.2026-11-22T10-00-00.000Z",
            ".jsonl.reset.1.zst",
            ".jsonl.lock",
            ".jsonl.bak",
            ".trajectory-path.json",
            ".checkpoint.1.jsonl",
        ] {
            assert_eq!(session_of(&format!("{SESSION}{ending}")), None, "{ending}");
        }
        for name in ["main.jsonl", "conflict.jsonl", "x.txt", "sessions.json"] {
            assert_eq!(session_of(name), None, "{name}");
        }
        assert!(is_of_index("sessions.sync-conflict-20260301-101500-ABCDEFG.json"));
        assert!(is_of_index("sessions.json.conflict.1") && !is_of_index("sessions.json"));
    }
}
