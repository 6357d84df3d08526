//! Files that are something else than JSON lines with conversations or a transcript: what they are, said once for the file
//! instead of once for each of its lines.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Bytes at the beginning of a file that are looked at before its first line is read.
pub(crate) const HEAD: usize = 8 << 10;

/// What a file is by its first bytes; `None` if its lines are to be read.
pub(crate) fn by_head(head: &[u8]) -> Option<&'static str> {
    const BINARY: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "it is a ZIP archive: unpack it and import the files in it"),
        (
            b"\x1f\x8b",
            "it is packed with gzip: `gunzip -c FILE | bowline import jsonl -` reads what is in it",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "it is packed with zstd: `zstdcat FILE | bowline import jsonl -` reads what is in it",
        ),
        (b"SQLite format 3\0", "it is a SQLite database, and not JSON lines"),
        (b"%PDF-", "it is a PDF file, and not JSON lines"),
    ];
    if let Some((_, what)) = BINARY.iter().find(|(begin, _)| head.starts_with(begin)) {
        return Some(what);
    }
    let head = crate::encoding::without_mark(head).trim_ascii_start();
    let has = |name: &str| {
        let name = format!("\"{name}\"");
        head.windows(name.len()).any(|window| window == name.as_bytes())
    };
    match head {
        [b'[', ..] if has("mapping") || has("conversation_id") => {
            Some("it is an export of ChatGPT's conversations, which Bowline cannot import yet")
        }
        [b'[', ..] if has("chat_messages") => {
            Some("it is an export of Claude's conversations, which Bowline cannot import yet")
        }
        [b'[', ..] => Some(
            "it is one JSON array, and not JSON lines: `jq -c '.[]' FILE | bowline import jsonl -` reads each of its elements",
        ),
        [b'<', ..] => Some("it is a web page or XML, and not JSON lines"),
        [b'{', rest @ ..] if is_line_end(rest) && has("mapping") => {
            Some("it is a conversation that ChatGPT exported, which Bowline cannot import yet")
        }
        [b'{', rest @ ..] if is_line_end(rest) => Some(
            "it is one JSON object over several lines, and not JSON lines: `jq -c . FILE | bowline import jsonl -` reads it",
        ),
        _ => None,
    }
}

fn is_line_end(rest: &[u8]) -> bool {
    let end = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    matches!(end, Some(b'\n' | b'\r'))
}

/// Members by which programs' own logs are known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    r#type: Option<IgnoredAny>,
    uuid: Option<IgnoredAny>,
    parent_uuid: Option<IgnoredAny>,
    session_id: Option<IgnoredAny>,
    leaf_uuid: Option<IgnoredAny>,
    message_id: Option<IgnoredAny>,
    snapshot: Option<IgnoredAny>,
    payload: Option<IgnoredAny>,
    mapping: Option<IgnoredAny>,
    #[serde(rename = "chat_messages")]
    chat_messages: Option<IgnoredAny>,
    messages: Option<IgnoredAny>,
}

/// What a file is by a line that is not a conversation; `None` if the line says nothing of the rest.
pub(crate) fn by_line(line: &[u8]) -> Option<&'static str> {
    let known: Known = serde_json::from_slice(crate::encoding::without_mark(line)).ok()?;
    let is_typed = known.r#type.is_some();
    let names_session = known.session_id.is_some() || known.parent_uuid.is_some();
    let is_snapshot = known.snapshot.is_some() && known.message_id.is_some();
    match known {
        Known { messages: Some(_), .. } => None,
        Known { mapping: Some(_), .. } => {
            Some("it holds conversations that ChatGPT exported, which Bowline cannot import yet")
        }
        Known { chat_messages: Some(_), .. } => {
            Some("it holds conversations that Claude exported, which Bowline cannot import yet")
        }
        _ if is_typed
            && (names_session || known.uuid.is_some() || known.leaf_uuid.is_some() || is_snapshot) =>
        {
            Some("it is a session of Claude Code, which Bowline cannot import yet")
        }
        Known { payload: Some(_), .. } if is_typed => {
            Some("it is a session of Codex, which Bowline cannot import yet")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes() {
        for (head, what) in [
            (&b"PK\x03\x04\x14"[..], "ZIP"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"SQLite format 3\0\x10", "SQLite"),
            (b"%PDF-1.7", "PDF"),
            (b"\xef\xbb\xbf [\n {\n  \"id\": \"c0\",\n  \"mapping\": {", "ChatGPT"),
            (b"[{\"conversation_id\":\"c0\"", "ChatGPT"),
            (b"[{\"uuid\":\"c0\",\"name\":\"\",\"chat_messages\":[", "Claude's"),
            (b"[{\"messages\":[]}]", "JSON array"),
            (b"\n[]", "JSON array"),
            (b"<!DOCTYPE html>", "web page"),
            (b"{\r\n  \"title\": \"x\"", "several lines"),
            (b"{\n  \"mapping\": {}", "ChatGPT"),
        ] {
            let said = by_head(head).unwrap();
            assert!(said.contains(what), "{head:?}: {said}");
        }
        for head in ["", "{\"messages\":[]}", "\u{feff}{\"type\":\"session\"}", "words", "{ \"id\": 1"] {
            assert_eq!(by_head(head.as_bytes()), None, "{head}");
        }
    }

    #[test]
    fn what_a_file_is_shows_in_a_line_that_only_one_program_writes() {
        for (line, what) in [
            (r#"{"type":"summary","summary":"Fix it","leafUuid":"u9"}"#, "Claude Code"),
            (r#"{"parentUuid":null,"uuid":"u0","sessionId":"s","type":"user","message":{}}"#, "Claude Code"),
            (r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{}}"#, "Claude Code"),
            (r#"{"type":"queue-operation","operation":"enqueue","sessionId":"s"}"#, "Claude Code"),
            (r#"{"timestamp":"2026-03-01T09:00:00Z","type":"session_meta","payload":{}}"#, "Codex"),
            (r#"{"id":"c0","title":"x","mapping":{}}"#, "ChatGPT"),
            ("\u{feff}{\"chat_messages\":[]}\r", "Claude exported"),
        ] {
            let said = by_line(line.as_bytes()).unwrap();
            assert!(said.contains(what), "{line}: {said}");
        }
        for line in [r#"{"messages":[],"type":"x","uuid":"y"}"#, r#"{"type":"message"}"#, "[]", "{", "words"]
        {
            assert_eq!(by_line(line.as_bytes()), None, "{line}");
        }
    }
}
