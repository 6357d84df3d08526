//! `bowline export openclaw`: conversations as OpenClaw's session files.

use std::fmt;
use std::path::{Path, PathBuf};

use bowline_engine::device::SessionFile;
use bowline_engine::ids::DocId;
use bowline_import::openclaw::SessionFileNames;
use clap::Args;
use serde::Serialize;

use super::missing::{Incomplete, MissingLine};
use crate::error::{CommandError, ErrorCode};
use crate::files;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::{Safe, count, grouped, show_path};
use crate::{documents, text};

/// Export conversations as OpenClaw's session files
///
/// A conversation that was imported comes out byte for byte as it came in, with what was written since at its end. One goes
/// to stdout, or to a file in a folder with --output; several go into a folder, as SESSION.jsonl each. The folder must be
/// empty or not be there. If a line stayed in the file that was imported, it says which, and ends with 10.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline export openclaw 3fa9 > session.jsonl
  bowline export openclaw --all --output sessions")]
#[command(
    override_usage = "bowline export openclaw [OPTIONS] <ID>...\n       bowline export openclaw [OPTIONS] --all --output <DIR>"
)]
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
    /// Lines that are not in it, since they stayed in the file that was imported.
    missing: Vec<MissingLine>,
}

impl Openclaw {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let ids = if self.all {
            here.device.list(false)?.into_iter().map(|row| row.id).collect()
        } else {
            self.meant(&here)?
        };
        match (self.output, ids.as_slice()) {
            (Some(folder), _) => into_folder(invocation, &mut here, &folder, &ids),
            (None, [only]) => {
                let file = here.device.session_file(*only, invocation.now())?;
                print(invocation, &file)?;
                let mut incomplete = Incomplete::default();
                incomplete.add(&here.device, *only, &file.missing)?;
                incomplete.complete()
            }
            (None, _) => Err(CommandError::new(
                ErrorCode::SeveralToStdout,
                "Several conversations do not go to stdout",
            )
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
    let (mut names, mut written) = (SessionFileNames::default(), Vec::new());
    let mut incomplete = Incomplete::default();
    for id in ids {
        let file = here.device.session_file(*id, invocation.now())?;
        let name = names.take(&file.session, *id);
        files::write_new(&folder.join(&name), &file.bytes)?;
        incomplete.add(&here.device, *id, &file.missing)?;
        written.push(Written {
            id: id.to_string(),
            session: file.session,
            file: name,
            bytes: file.bytes.len(),
            missing: MissingLine::all(&file.missing),
        });
    }
    invocation.answer(&Answer { output: show_path(folder), files: written })?;
    incomplete.complete()
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.files.iter().map(|file| file.bytes).sum();
        let n = count(self.files.len(), "conversation");
        writeln!(f, "Wrote {n}, {} bytes, to {}", grouped(bytes as u64), text::OneLine(&self.output))
    }
}
