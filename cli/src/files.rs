//! Files that people name: read whole, written without overwriting anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bowline_engine::document::{ExportedFile, Version};
use bowline_engine::ids::DocId;
use bowline_import::openclaw::is_reserved;

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::{OneLine, count, show_path};

/// Writes a file that is not there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    write_new_as(path, bytes, false)
}

/// Makes a file that is not there yet, which its owner alone may read.
pub(crate) fn create_private(path: &Path) -> Result<fs::File, CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| not_written(path, &error))
}

/// Writes a file that is not there yet, which its owner alone may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut file = create_private(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|error| not_written(path, &error))
}

/// Why a new file could not be written.
fn not_written(path: &Path, error: &io::Error) -> CommandError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => CommandError::new(
            ErrorCode::FileExists,
            format!("There is something at {} already", show_path(path)),
        )
        .hint("nothing was overwritten: choose another name"),
        _ => CommandError::file("Writing", path, error),
    }
}

/// Writes a file that is not there yet, and that may be one to run.
fn write_new_as(path: &Path, bytes: &[u8], executable: bool) -> Result<(), CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _no_such_thing = executable;
    let opened = options.open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| not_written(path, &error))
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, CommandError> {
    let bytes = fs::read(path).map_err(|error| CommandError::file("Reading", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        CommandError::new(ErrorCode::NotText, format!("{} is not UTF-8 text", show_path(path)))
            .because(&error)
    })
}

/// Writes a file of a folder in place of what is there, whole or not at all; why not, if it could do harm on this system.
pub(crate) fn replace(
    folder: &Path,
    path: &str,
    bytes: &[u8],
    executable: bool,
) -> Result<Option<&'static str>, CommandError> {
    if let Some(why) = unsafe_here(path) {
        return Ok(Some(why));
    }
    let mut full = folder.to_owned();
    full.extend(path.split('/'));
    let parent = full.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|error| CommandError::file("Making", parent, &error))?;
    let mut options = tempfile::Builder::new();
    #[cfg(unix)]
    options.permissions(std::os::unix::fs::PermissionsExt::from_mode(if executable { 0o777 } else { 0o666 }));
    #[cfg(not(unix))]
    let _no_such_thing = executable;
    let written = options.tempfile_in(parent).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&full).map(drop).map_err(|error| error.error)
    });
    written.map(|()| None).map_err(|error| CommandError::file("Writing", &full, &error))
}

/// Makes a folder, or takes one that is empty.
pub(crate) fn create_empty_folder(path: &Path) -> Result<(), CommandError> {
    let failed = |error| CommandError::file("Making", path, &error);
    fs::create_dir_all(path).map_err(failed)?;
    if fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(CommandError::new(
            ErrorCode::FolderNotEmpty,
            format!("{} is not empty", show_path(path)),
        )
        .hint("nothing was overwritten: choose another folder"));
    }
    Ok(())
}

/// Files of a document on their way into a folder. What cannot be there safely is left out, and said at the end.
pub(crate) struct Unpacked {
    folder: PathBuf,
    written: usize,
    /// Paths, and why they are not there.
    left_out: Vec<(String, &'static str)>,
}

impl Unpacked {
    /// Writes the files of a document into a folder that is empty or not there.
    pub(crate) fn of<'f>(
        files: impl IntoIterator<Item = &'f ExportedFile>,
        folder: &Path,
    ) -> Result<Self, CommandError> {
        let mut unpacked = Self::into(folder)?;
        for file in files {
            unpacked.write(file.path.as_str(), &file.bytes, file.executable)?;
        }
        Ok(unpacked)
    }

    fn into(folder: &Path) -> Result<Self, CommandError> {
        create_empty_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), written: 0, left_out: Vec::new() })
    }

    /// Writes one file, with the folders on the way to it. `path` is relative and leads nowhere else.
    fn write(&mut self, path: &str, bytes: &[u8], executable: bool) -> Result<(), CommandError> {
        if let Some(why) = unsafe_here(path) {
            self.left_out.push((path.to_owned(), why));
            return Ok(());
        }
        let mut full = self.folder.clone();
        full.extend(path.split('/'));
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent).map_err(|error| CommandError::file("Making", parent, &error))?;
        }
        // On a system that does not tell capitals apart the second of two files would take the place of the first.
        if full.symlink_metadata().is_ok() {
            self.left_out.push((path.to_owned(), "another file has that name on this system"));
            return Ok(());
        }
        write_new_as(&full, bytes, executable)?;
        self.written += 1;
        Ok(())
    }

    /// The end of the export of a document: says what was written where. An error if something was left out.
    pub(crate) fn finish(
        self,
        document: DocId,
        version: &Version,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let n = self.written;
        invocation.say(format_args!("Wrote {} to {}.", count(n, "file"), show_path(&self.folder)));
        invocation.answer_in_json(&serde_json::json!({
            "id": document.to_string(),
            "version": version.to_string(),
            "files": n,
            "left_out": self.left_out.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            "output": self.folder.display().to_string(),
        }))?;
        self.complete()
    }

    fn complete(self) -> Result<(), CommandError> {
        if self.left_out.is_empty() {
            return Ok(());
        }
        let message = format!("{} could not be exported", count(self.left_out.len(), "file"));
        let mut error = CommandError::new(ErrorCode::ExportIncomplete, message);
        let told = self.left_out.iter().map(|(path, why)| format!("{}: {why}", OneLine(path)));
        error.causes.extend(told);
        Err(error.hint("the others are there; `show --file` prints those that are not"))
    }
}

/// Why a file at this path could do harm on this system, wherever its folder is.
fn unsafe_here(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|name| {
        let lower = name.to_ascii_lowercase();
        if lower == ".git" || lower.starts_with("git~") {
            return Some("Git runs what it finds in such a folder");
        }
        (cfg!(windows) && is_reserved(name)).then_some("on this system the name means a device")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_program_would_run_is_left_out_and_the_rest_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut unpacked = Unpacked::into(folder.path()).unwrap();
        let hostile = [".git/hooks/post-checkout", "a/.GIT/config", "GIT~1/config"];
        for path in hostile {
            unpacked.write(path, b"#!/bin/sh", true).unwrap();
        }
        unpacked.write("a/.gitignore", b"target", false).unwrap();
        let left_out: Vec<_> = unpacked.left_out.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!((unpacked.written, left_out), (1, hostile.to_vec()));
        assert_eq!(fs::read(folder.path().join("a/.gitignore")).unwrap(), b"target");
        assert!(!folder.path().join(".git").exists() && !folder.path().join("a/.GIT").exists());
        let error = unpacked.complete().unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::ExportIncomplete, "3 files could not be exported")
        );
    }

    #[test]
    fn a_second_file_of_one_name_does_not_take_the_place_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut unpacked = Unpacked::into(folder.path()).unwrap();
        unpacked.write("a.md", b"first", false).unwrap();
        unpacked.write("a.md", b"second", false).unwrap();
        assert_eq!(fs::read(folder.path().join("a.md")).unwrap(), b"first");
        assert!(unpacked.complete().is_err());
    }
}
