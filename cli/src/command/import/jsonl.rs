//! `bowline import jsonl`: takes in transcripts in JSON lines, whoever wrote them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bowline_engine::import::Report;
use bowline_engine::jsonl;
use clap::Args;

use super::shown::{self, Shown};
use crate::error::{CommandError, Kind};
use crate::files::show;
use crate::invocation::Invocation;

/// Import transcripts in JSON lines
///
/// A file is one transcript, as OpenClaw and pi write it: then each line stays as it is. Or each of its lines is a whole
/// conversation: an object with "messages", and an "id" and "title" if there are any. The same file imported again adds only
/// what is new. It ends with 10 if something could not be read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline import jsonl session.jsonl
  zstdcat archive.jsonl.zst | bowline import jsonl -")]
pub(crate) struct Jsonl {
    /// Files to import, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What a transcript from stdin is called.
const STDIN: &str = "stdin";

impl Jsonl {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut sources = Vec::new();
        for path in &self.files {
            sources.push(open(invocation, path)?);
        }
        let mut here = invocation.open()?;
        let clock = Arc::clone(&invocation.host.clock);
        let of = match self.files.as_slice() {
            [only] if only.as_os_str() == "-" => STDIN.to_owned(),
            [only] => show(only),
            files => format!("{} files", files.len()),
        };
        let mut shown = Shown::begin(invocation, of);
        let mut all = Report::default();
        for (name, source) in sources {
            let report =
                jsonl::import(&mut here.device, &name, source, &*clock, &mut |event| shown.show(event));
            shown::add(&mut all, &shown.stopped_or(report)?);
        }
        here.wake()?;
        shown.end(&here, all)
    }
}

/// What a file is called, and what is in it.
fn open(invocation: &mut Invocation<'_>, path: &Path) -> Result<(String, Box<dyn BufRead>), CommandError> {
    if path.as_os_str() == "-" {
        let stdin = std::mem::replace(&mut invocation.host.stdin, Box::new(std::io::empty()));
        return Ok((STDIN.to_owned(), stdin));
    }
    let unread = |error| CommandError::file("Reading", path, &error);
    // A FIFO is opened only by who names it.
    let file = File::open(path).map_err(unread)?;
    if file.metadata().map_err(unread)?.is_dir() {
        return Err(CommandError::new(Kind::Misuse, format!("{} is a folder", show(path)))
            .hint("name its files; for OpenClaw's folder there is `bowline import openclaw DIR`"));
    }
    Ok((path.display().to_string(), Box::new(BufReader::new(file))))
}
