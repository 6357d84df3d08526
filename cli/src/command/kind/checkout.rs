//! Working on all files of a document in a folder: `checkout` writes them there and notes which version they are, `commit` brings
//! back what was changed and brings the folder up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bowline_engine::Device;
use bowline_engine::device::FilesEdit;
use bowline_engine::document::{ExportedFile, FilePath, Kind, SkillFile, Version};
use bowline_engine::ids::DocId;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::edit::add;
use super::source::{Source, Taking, find, is_executable, no_files, read_folder};
use super::{KindInFull, note_seen};
use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::files::{self, Unpacked};
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::{OneLine, count, show_path};

/// Name of the file in the folder that says what was checked out.
const NOTE: &str = ".bowline-checkout";

/// Write its files into a folder, to be edited there and brought back with `commit`
#[derive(Args, Debug)]
pub(crate) struct Checkout {
    /// Which one: its name, or the beginning of its id
    id: String,
    /// Into which folder; it must be empty or not be there
    #[arg(value_name = "DIR")]
    into: PathBuf,
}

/// Bring back what was changed in a folder of `checkout`
///
/// Files that you changed, added or removed there are changed here, and what others wrote since stays. Then the folder is
/// brought up to date.
#[derive(Args, Debug)]
pub(crate) struct Commit {
    /// The folder
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// Take it also if something in it looks like a secret
    #[arg(long)]
    allow_secret: bool,
}

/// What was checked out into a folder.
#[derive(Serialize, Deserialize)]
struct Note {
    document: String,
    version: String,
    /// Paths of the files that were written there.
    files: BTreeSet<String>,
}

/// What a commit came to, by the paths of files.
#[derive(Default, Serialize)]
struct Committed {
    id: String,
    version: String,
    /// Changed or added by the person.
    written: Vec<String>,
    /// Removed by the person.
    removed: Vec<String>,
    /// Removed by the person in the folder alone, since others have changed them.
    kept: Vec<String>,
    /// Changed in the folder, since others wrote into them.
    updated: Vec<String>,
    /// Not brought into the folder, where they could do harm.
    left_out: Vec<String>,
}

impl Checkout {
    pub(in crate::command) fn run<D: KindInFull>(
        self,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let id = documents::find_one(&here.device, D::KIND, &self.id)?;
        let version = here.device.versions(id, invocation.now())?.current()?;
        let files = here.device.versions(id, invocation.now())?.files(Some(&version))?;
        let exported: Vec<ExportedFile> = files.iter().map(exported).collect();
        let unpacked = Unpacked::of(&exported, &self.into)?;
        let is_there = |file: &&SkillFile| full(&self.into, &file.path).symlink_metadata().is_ok();
        let files = files.iter().filter(is_there).map(|file| file.path.to_string()).collect();
        Note { document: id.to_string(), version: version.to_string(), files }.write(&self.into)?;
        note_seen(&mut here.device, id, None, invocation.now());
        let what = documents::command(D::KIND);
        invocation.hint(format_args!(
            "edit them there; `bowline {what} commit {}` brings back what you changed",
            show_path(&self.into)
        ));
        unpacked.finish(id, &version, invocation)
    }
}

impl Commit {
    pub(in crate::command) fn run<D: KindInFull>(
        self,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let note = Note::read(&self.from)?;
        let mut here = invocation.open()?;
        let id = documents::find_one(&here.device, D::KIND, &note.document)?;
        let since = here.device.versions(id, invocation.now())?.find(&note.version)?;
        let then = here.device.versions(id, invocation.now())?.files(Some(&since))?;
        let taking = Taking { kind: D::KIND, allow_secret: self.allow_secret };
        let changed = changed(invocation, taking, &self.from, &note, &then)?;
        let mut committed = Committed { id: id.to_string(), ..Committed::default() };
        let mut edit = FilesEdit::of(D::KIND).ok_or_else(no_files)?;
        for (path, source) in &changed {
            if let Some(source) = source {
                add(&mut edit, source)?;
                committed.written.push(path.to_string());
            } else {
                edit.remove_file(path.clone());
                committed.removed.push(path.to_string());
            }
        }
        if !edit.is_empty() {
            here.device.edit_files(id, &edit, Some(&since), invocation.now())?;
        }
        let version = self.update(invocation, &mut here.device, (id, D::KIND), &note, &mut committed)?;
        committed.version = version.to_string();
        tell(invocation, &committed, &version);
        if !edit.is_empty() {
            syncing::after_edit(invocation, &here, id)?;
        }
        invocation.answer_in_json(&committed)?;
        if committed.left_out.is_empty() {
            return Ok(());
        }
        let message = format!("{} could not be written here", count(committed.left_out.len(), "file"));
        Err(CommandError::new(ErrorCode::ExportIncomplete, message))
    }

    /// Brings the folder to what the document is now.
    fn update(
        &self,
        invocation: &mut Invocation<'_>,
        device: &mut Device,
        (id, kind): (DocId, Kind),
        note: &Note,
        committed: &mut Committed,
    ) -> Result<Version, CommandError> {
        let version = device.versions(id, invocation.now())?.current()?;
        let files = device.versions(id, invocation.now())?.files(Some(&version))?;
        let mut there = BTreeSet::new();
        for file in &files {
            let (path, full) = (file.path.to_string(), full(&self.from, &file.path));
            let bytes = file.content.as_bytes();
            let runs = kind != Kind::Skill || is_executable(&full) == file.executable;
            if is_something_else(&full) {
                committed.left_out.push(path);
                continue;
            }
            if !(fs::read(&full).is_ok_and(|found| found == bytes) && runs) {
                if files::replace(&self.from, &path, bytes, file.executable)?.is_some() {
                    committed.left_out.extend(note.files.contains(&path).then_some(path));
                    continue;
                }
                committed.updated.push(path.clone());
            }
            there.insert(path);
        }
        for path in note.files.iter().filter(|path| !there.contains(*path)) {
            let Ok(path) = FilePath::parse(path) else { continue };
            let full = full(&self.from, &path);
            if full.symlink_metadata().is_ok() && !is_something_else(&full) {
                fs::remove_file(&full).map_err(|error| CommandError::file("Removing", &full, &error))?;
                committed.updated.push(path.to_string());
            }
        }
        (committed.kept, committed.removed) =
            std::mem::take(&mut committed.removed).into_iter().partition(|path| there.contains(path));
        let note = Note { document: note.document.clone(), version: version.to_string(), files: there };
        note.write(&self.from)?;
        note_seen(device, id, None, invocation.now());
        Ok(version)
    }
}

/// What a person changed in the folder since it was written; `None` for a file that they removed.
fn changed(
    invocation: &mut Invocation<'_>,
    taking: Taking,
    folder: &Path,
    note: &Note,
    then: &[SkillFile],
) -> Result<BTreeMap<FilePath, Option<Source>>, CommandError> {
    let mut changed = BTreeMap::new();
    for path in note.files.iter().filter_map(|path| FilePath::parse(path).ok()) {
        let full = full(folder, &path);
        if is_something_else(&full) {
            invocation.warn(format_args!("left out {}: it is not a file any more", show_path(&full)));
            continue;
        }
        match full.symlink_metadata() {
            Ok(_) => {}
            Err(error) if is_gone(&error) => {
                changed.insert(path, None);
                continue;
            }
            Err(error) => return Err(CommandError::file("Reading", &full, &error)),
        }
        let content = taking.content(&full)?;
        let had = find(then, &path);
        let executable = taking.kind == Kind::Skill && is_executable(&full);
        if had.is_some_and(|had| had.content == content && had.executable == executable) {
            continue;
        }
        let before = had.map(|had| had.content.as_bytes());
        taking.check(invocation, path.as_str(), content.as_bytes(), before)?;
        changed.insert(path.clone(), Some(Source { path, content, executable }));
    }
    let is_new = |path: &str| path != NOTE && !note.files.contains(path);
    for source in read_folder(invocation, taking, folder, &is_new)? {
        changed.insert(source.path.clone(), Some(source));
    }
    Ok(changed)
}

fn tell(invocation: &mut Invocation<'_>, committed: &Committed, version: &Version) {
    let Committed { written, removed, kept, updated, .. } = committed;
    if written.is_empty() && removed.is_empty() && kept.is_empty() {
        invocation.say(format_args!("You have changed nothing there."));
    }
    for (word, paths) in [("Wrote", written), ("Removed", removed), ("Brought here", updated)] {
        for path in paths {
            invocation.say(format_args!("{word} {}", OneLine(path)));
        }
    }
    for path in kept {
        let told = OneLine(path);
        invocation.say(format_args!("{told} stays: somebody has changed it since you checked it out"));
    }
    invocation.say(format_args!("Version {}", version.short()));
}

impl Note {
    fn read(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join(NOTE);
        let not_one = || {
            CommandError::new(ErrorCode::NotCheckedOut, format!("{} was not checked out", show_path(folder)))
                .hint("`checkout ID DIR` writes a folder that `commit DIR` takes")
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| not_one().because(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(not_one()),
            Err(error) => Err(CommandError::file("Reading", &path, &error)),
        }
    }

    fn write(&self, folder: &Path) -> Result<(), CommandError> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| {
            CommandError::new(ErrorCode::Bug, "The note cannot be written as JSON").because(&error)
        })?;
        files::replace(folder, NOTE, &json, false).map(drop)
    }
}

fn exported(file: &SkillFile) -> ExportedFile {
    ExportedFile {
        path: file.path.clone(),
        bytes: file.content.as_bytes().to_vec(),
        executable: file.executable,
    }
}

/// Whether a path leads nowhere: nothing is there, or one of the folders on the way is a file now.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a person has put something there that is not a file: a folder, or a link, which could lead to anything.
fn is_something_else(full: &Path) -> bool {
    full.symlink_metadata().is_ok_and(|found| !found.is_file())
}

/// Where a file of the document is in the folder.
fn full(folder: &Path, path: &FilePath) -> PathBuf {
    let mut full = folder.to_owned();
    full.extend(path.as_str().split('/'));
    full
}
