//! What goes back out to OpenClaw: the names of session files, which are safe wherever they are written.

use std::collections::BTreeSet;

use bowline_wire::ids::DocId;

/// Bytes of a file's name before its ending, at most: what every file system takes, with the ending and room to spare.
const NAME_MAX: usize = 200;

/// Names of session files in one folder.
#[derive(Debug, Default)]
pub struct SessionFileNames(BTreeSet<String>);

impl SessionFileNames {
    /// A name for a session's file: the session's id if that can be the name of a file and is not taken, else the document's id.
    /// Session ids were chosen by whoever wrote them.
    pub fn take(&mut self, session: &str, id: DocId) -> String {
        // Many systems do not tell capitals apart.
        let name = if is_plain(session) && self.0.insert(session.to_ascii_lowercase()) {
            session.to_owned()
        } else {
            self.0.insert(id.to_string());
            id.to_string()
        };
        format!("{name}.jsonl")
    }
}

/// Whether a text can be the name of a file on every system, and nothing else: not a path, not hidden, not a device, not an
/// option of a program.
fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !is_reserved(name)
}

/// Whether Windows takes the name for a device, whatever follows after a dot.
pub fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let numbered = |prefix| stem.strip_prefix(prefix).is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'9']));
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DocId = DocId::from_bytes([0xab; DocId::LEN]);

    fn name_of(session: &str) -> String {
        SessionFileNames::default().take(session, ID)
    }

    #[test]
    fn a_session_gives_its_file_its_name() {
        for session in ["5f0c2b4e-1d6a-4d1c-9b7e-0a1b2c3d4e5f", "abc-topic-12", "notes_2026.10"] {
            assert_eq!(name_of(session), format!("{session}.jsonl"));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_or_acts_becomes_the_documents_id() {
        let long = "x".repeat(NAME_MAX + 1);
        let hostile = [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "C:x",
            ".bashrc",
            "-rf",
            "a\nb",
            "a\u{1b}[2J",
            "ä",
            "con",
            "NUL.txt",
            "com1",
            &long,
        ];
        for session in hostile {
            assert_eq!(name_of(session), format!("{ID}.jsonl"), "{session:?}");
        }
    }

    #[test]
    fn of_two_sessions_with_one_name_one_is_named_after_its_document() {
        let mut names = SessionFileNames::default();
        assert_eq!(names.take("Notes", ID), "Notes.jsonl");
        assert_eq!(names.take("notes", ID), format!("{ID}.jsonl"));
    }

    #[test]
    fn names_of_devices_are_known_with_their_endings() {
        for name in ["con", "NUL", "com1.txt", "lpt9.tar.gz"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["console", "com", "com10", "notes.con"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
