//! Files for an agent, from this machine: one, or all in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use bowline_engine::document::FilePath;

use crate::error::{CommandError, ErrorCode, not_a_path};
use crate::files;
use crate::invocation::Invocation;
use crate::text::show_path;

/// Files taken from one folder at most: a wrong folder is noticed before it is read.
const FILES_MAX: usize = 4096;

/// A file for an agent.
pub(super) struct Source {
    pub(super) path: FilePath,
    pub(super) text: String,
}

/// A path among an agent's files, as a person types it.
pub(super) fn agent_path(text: &str) -> Result<FilePath, CommandError> {
    FilePath::parse(text).map_err(|error| {
        CommandError::new(
            ErrorCode::BadPath,
            format!("An agent cannot have a file \"{}\"", crate::text::OneLine(text)),
        )
        .because(&error)
    })
}

/// One file, under a path of its own or its name; or all text files in a folder, under their paths in it.
pub(super) fn read(
    invocation: &mut Invocation<'_>,
    from: &Path,
    under: Option<&str>,
) -> Result<Vec<Source>, CommandError> {
    if !from.is_dir() {
        let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = agent_path(under.unwrap_or(&name))?;
        return Ok(vec![Source { path, text: files::read_text(from)? }]);
    }
    if under.is_some() {
        return Err(CommandError::new(ErrorCode::IsAFolder, format!("{} is a folder", show_path(from)))
            .hint("--as is for a single file; files of a folder keep their paths in it"));
    }
    let mut sources = Vec::new();
    for path in walk(invocation, from)? {
        let inside = path.strip_prefix(from).unwrap_or(&path);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        match (FilePath::parse(&parts.join("/")), files::read_text(&path)) {
            (Ok(path), Ok(text)) => sources.push(Source { path, text }),
            (Ok(_), Err(error)) if error.code != ErrorCode::NotText => return Err(error),
            (Ok(_), Err(_)) => {
                invocation.warn(format_args!("left out {}: it is not UTF-8 text", show_path(&path)));
            }
            (Err(why), _) => {
                invocation.warn(format_args!("left out {}: {}", show_path(&path), not_a_path(why)));
            }
        }
    }
    if sources.is_empty() {
        return Err(CommandError::new(
            ErrorCode::NoTextFiles,
            format!("There is no text file in {}", show_path(from)),
        ));
    }
    Ok(sources)
}

/// The files below a folder, in order; what is hidden is left out, and links are not followed.
fn walk(invocation: &mut Invocation<'_>, folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| CommandError::file("Reading", &folder, &error);
        for item in fs::read_dir(&folder).map_err(failed)? {
            let item = item.map_err(failed)?;
            let kind = item.file_type().map_err(failed)?;
            let path = item.path();
            if item.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            } else {
                invocation.warn(format_args!("left out {}: it is not a file", show_path(&path)));
            }
            if files.len() > FILES_MAX {
                return Err(CommandError::new(
                    ErrorCode::InputTooLarge,
                    format!("There are more than {FILES_MAX} files"),
                )
                .hint("choose the folder that holds the agent's own files"));
            }
        }
    }
    files.sort();
    Ok(files)
}
