//! `bowline export openclaw`: conversations as OpenClaw's session files.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use bowline_engine::device::SessionFile;
use bowline_engine::ids::DocId;
use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, Kind};
use crate::files::{self, show};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::{Safe, count, grouped};
use crate::{documents, text};

/// Bytes of a file's name before its ending, at most: what every file system takes, with the ending and room to spare.
const NAME_MAX: usize = 200;

/// Export conversations as OpenClaw's session files
///
/// A conversation that was imported comes out byte for byte as it came in, with what was written since at its end. One goes
/// to stdout, or to a file in a folder with --output; several go into a folder, as SESSION.jsonl each. The folder must be
/// empty or not be there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline export openclaw 3fa9 > session.jsonl
  bowline export openclaw --all --output sessions")]
pub(crate) struct Openclaw {
    /// Which conversations: the beginnings of their ids
    #[arg(required_unless_present = "all", value_name = "ID")]
    ids: Vec<String>,
    /// All conversations, but for those in the trash
    #[arg(long, conflicts_with = "ids", requires = "output")]
    all: bool,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    output: String,
    files: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    id: String,
    session: String,
    file: String,
    bytes: usize,
}

impl Openclaw {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let ids = if self.all {
            // One that is here and in a workspace is listed twice.
            let mut seen = BTreeSet::new();
            let listed = here.device.list(false)?.into_iter().map(|row| row.id);
            listed.filter(|id| seen.insert(*id)).collect()
        } else {
            self.meant(&here)?
        };
        match (self.output, ids.as_slice()) {
            (Some(folder), _) => into_folder(invocation, &mut here, &folder, &ids),
            (None, [only]) => {
                let file = here.device.session_file(*only, invocation.now())?;
                print(invocation, &file)
            }
            (None, _) => Err(CommandError::new(Kind::Misuse, "Several conversations do not go to stdout")
                .hint("say into which folder: --output DIR")),
        }
    }

    fn meant(&self, here: &Opened) -> Result<Vec<DocId>, CommandError> {
        let mut ids = Vec::new();
        for typed in &self.ids {
            let (_, id) =
                documents::find(&here.device, &[bowline_engine::document::Kind::Conversation], typed)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// A terminal is not a file: nothing in there may act on it.
fn print(invocation: &mut Invocation<'_>, file: &SessionFile) -> Result<(), CommandError> {
    if !invocation.host.terminal.stdout {
        return invocation.print(&file.bytes);
    }
    invocation.print(Safe(&String::from_utf8_lossy(&file.bytes)).to_string().as_bytes())
}

fn into_folder(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    folder: &Path,
    ids: &[DocId],
) -> Result<(), CommandError> {
    files::create_empty_folder(folder)?;
    let (mut names, mut written) = (Names::default(), Vec::new());
    for id in ids {
        let file = here.device.session_file(*id, invocation.now())?;
        let name = names.take(&file.session, *id);
        files::write_new(&folder.join(&name), &file.bytes)?;
        written.push(Written {
            id: id.to_string(),
            session: file.session,
            file: name,
            bytes: file.bytes.len(),
        });
    }
    invocation.answer(&Answer { output: show(folder), files: written })
}

/// Names of files in one folder.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    /// A session's name if it is one for a file and not taken, else the document's id. Sessions were named by whoever wrote
    /// them.
    fn take(&mut self, session: &str, id: DocId) -> String {
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

/// Whether a text is the name of a file on every system, and nothing else: no way to somewhere, not hidden, no device, no
/// option of a program.
fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !files::is_reserved(name)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.files.iter().map(|file| file.bytes).sum();
        let n = count(self.files.len(), "conversation");
        writeln!(f, "Wrote {n}, {} bytes, to {}", grouped(bytes as u64), text::OneLine(&self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DocId = DocId::from_bytes([0xab; DocId::LEN]);

    fn name_of(session: &str) -> String {
        Names::default().take(session, ID)
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
        let mut names = Names::default();
        assert_eq!(names.take("Notes", ID), "Notes.jsonl");
        assert_eq!(names.take("notes", ID), format!("{ID}.jsonl"));
    }
}
