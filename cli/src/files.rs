//! Files that people name: read whole, written without overwriting anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::{CommandError, Kind};
use crate::text::OneLine;

/// A path for one line of a terminal.
pub(crate) fn show(path: &Path) -> String {
    OneLine(&path.display().to_string()).to_string()
}

/// Writes a file that is not there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            CommandError::new(Kind::Misuse, format!("There is something at {} already", show(path)))
                .hint("nothing was overwritten: choose another name")
        }
        _ => CommandError::file("Writing", path, &error),
    })
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, CommandError> {
    let bytes = fs::read(path).map_err(|error| CommandError::file("Reading", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        CommandError::new(Kind::Misuse, format!("{} is not UTF-8 text", show(path))).because(&error)
    })
}

/// Makes a folder, or takes one that is empty.
pub(crate) fn create_empty_folder(path: &Path) -> Result<(), CommandError> {
    let failed = |error| CommandError::file("Making", path, &error);
    fs::create_dir_all(path).map_err(failed)?;
    if fs::read_dir(path).map_err(failed)?.next().is_some() {
        return Err(CommandError::new(Kind::Misuse, format!("{} is not empty", show(path)))
            .hint("nothing was overwritten: choose another folder"));
    }
    Ok(())
}
