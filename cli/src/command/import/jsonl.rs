//! `bowline import jsonl`: takes in transcripts in JSON lines, whoever wrote them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bowline_engine::device::{DryRun, ImportTarget};
use bowline_import::Report;
use bowline_import::jsonl;
use clap::Args;

use super::lock::lock;
use super::shown::{Mode, Shown, queued};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::show_path;

/// Import transcripts in JSON lines
///
/// A file is one transcript, as OpenClaw and pi write it: then each line stays as it is. Or each of its lines is a whole
/// conversation: an object with "messages", and an "id" and "title" if there are any. The same file imported again adds only
/// what is new. It ends with 10 if something could not be read.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline import jsonl session.jsonl
  bowline import jsonl session.jsonl --dry-run      see what it would come to
  zstdcat archive.jsonl.zst | bowline import jsonl -")]
pub(crate) struct Jsonl {
    /// Files to import, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a transcript from stdin is called.
const STDIN: &str = "stdin";

impl Jsonl {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        for path in &self.files {
            check(path)?;
        }
        let mut here = invocation.open()?;
        let clock = Arc::clone(&invocation.host.clock);
        let of = match self.files.as_slice() {
            [only] if is_stdin(only) => STDIN.to_owned(),
            [only] => show_path(only),
            files => format!("{} files", files.len()),
        };
        let mut stdin = std::mem::replace(&mut invocation.host.stdin, Box::new(std::io::empty()));
        let mut import_all = |target: &mut dyn ImportTarget, shown: &mut Shown<'_, '_>| {
            let mut all = Report::default();
            for path in &self.files {
                // One at a time: a shell's pattern names more files than may be open.
                let (name, source) = open(&mut stdin, path)?;
                let report = jsonl::import(target, &name, source, &*clock, &mut |event| shown.show(event));
                all.merge(&shown.stopped_or(report)?);
            }
            Ok::<_, CommandError>(all)
        };
        if self.dry_run {
            let mut shown = Shown::begin(invocation, of, Mode::DryRun);
            let report = import_all(&mut DryRun::of(&here.device), &mut shown)?;
            return shown.end_dry_run(report);
        }
        let _lock = lock(&here)?;
        let waiting = queued(&here)?;
        let mut shown = Shown::begin(invocation, of, Mode::Import);
        let report = import_all(&mut here.device, &mut shown)?;
        here.wake();
        shown.end(&here, &waiting, report)
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether a file can be read, before anything is imported. A FIFO or device gives what it has only once.
fn check(path: &Path) -> Result<(), CommandError> {
    let unread = |error| CommandError::file("Reading", path, &error);
    if is_stdin(path) {
        return Ok(());
    }
    let about = fs::metadata(path).map_err(unread)?;
    if about.is_dir() {
        return Err(CommandError::new(ErrorCode::IsAFolder, format!("{} is a folder", show_path(path)))
            .hint("name its files; for OpenClaw's folder there is `bowline import openclaw DIR`"));
    }
    if about.is_file() {
        File::open(path).map_err(unread)?;
    }
    Ok(())
}

/// What a file is called, and what is in it.
fn open(stdin: &mut Box<dyn BufRead>, path: &Path) -> Result<(String, Box<dyn BufRead>), CommandError> {
    if is_stdin(path) {
        return Ok((STDIN.to_owned(), std::mem::replace(stdin, Box::new(std::io::empty()))));
    }
    let file = File::open(path).map_err(|error| CommandError::file("Reading", path, &error))?;
    Ok((path.display().to_string(), Box::new(BufReader::new(file))))
}
