//! Files for an agent, from this machine: one, or all in a folder.

use std::path::Path;

use bowline_engine::document::FilePath;

use bowline_import::offered::{self, OfferedFile, Takes};
use bowline_import::{Outcome, What};

use crate::error::{CommandError, ErrorCode};
use crate::files;
use crate::invocation::Invocation;
use crate::text::{OneLine, show_path};

/// A file for an agent.
pub(super) struct Source {
    pub(super) path: FilePath,
    pub(super) text: String,
}

/// A path among an agent's files, as a person types it.
pub(super) fn agent_path(text: &str) -> Result<FilePath, CommandError> {
    FilePath::parse(text).map_err(|error| {
        CommandError::new(ErrorCode::BadPath, format!("An agent cannot have a file \"{}\"", OneLine(text)))
            .because(&error)
    })
}

/// One file, under a path of its own or its name; or all text files in a folder, under their paths in it. What of a folder is
/// left out, secrets among it, is said.
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
    let offered = offered::in_folder(from, Takes::Texts)?;
    for item in &offered.left {
        let path = from.join(&item.path);
        let why = item.why.as_deref().unwrap_or_default();
        let at = item.at.as_ref().map(|at| format!(", {}", OneLine(at))).unwrap_or_default();
        let told = format!("{}{at}: {}", show_path(&path), OneLine(why));
        // What programs make nobody misses.
        if item.outcome == Outcome::Failed || item.what == What::Secret {
            invocation.warn(format_args!("left out {told}"));
        } else {
            invocation.say(format_args!("Left out {told}"));
        }
    }
    let text = |file: OfferedFile| {
        // Only texts were asked for.
        String::from_utf8(file.content).ok().map(|text| Source { path: file.path, text })
    };
    let sources: Vec<_> = offered.files.into_iter().filter_map(text).collect();
    if sources.is_empty() {
        return Err(CommandError::new(
            ErrorCode::NoTextFiles,
            format!("There is no text file in {}", show_path(from)),
        ));
    }
    Ok(sources)
}
