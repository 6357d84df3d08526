//! Files for an agent, a skill or a memory, from this machine: one, or all in a folder. What looks like a secret is not taken
//! unasked.

use std::fs;
use std::path::Path;

use bowline_engine::document::{FileContent, FilePath, Kind, SkillFile};
use bowline_import::offered::{self, OfferedFile, Takes};
use bowline_import::{Outcome, What};

use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::files;
use crate::invocation::Invocation;
use crate::text::{OneLine, show_path};

/// A file for a document.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) path: FilePath,
    pub(crate) content: FileContent,
    pub(crate) executable: bool,
}

/// What is to be done with files that a person hands over.
#[derive(Clone, Copy)]
pub(crate) struct Taking {
    /// For which kind of document they are.
    pub(crate) kind: Kind,
    /// A person has said that what looks like a secret may come along.
    pub(crate) allow_secret: bool,
}

impl Taking {
    /// Which files such a document takes.
    pub(super) fn takes(self) -> Takes {
        if self.kind == Kind::Skill { Takes::Files } else { Takes::Texts }
    }

    /// The content of one file, as such a document takes it.
    pub(super) fn content(self, path: &Path) -> Result<FileContent, CommandError> {
        match self.takes() {
            Takes::Texts => files::read_text(path).map(FileContent::Text),
            Takes::Files => {
                fs::read(path).map(as_content).map_err(|error| CommandError::file("Reading", path, &error))
            }
        }
    }

    /// Refuses a file with something in it that looks like a secret, unless a person has allowed it or it was there `before`.
    pub(super) fn check(
        self,
        invocation: &mut Invocation<'_>,
        name: &str,
        content: &[u8],
        before: Option<&[u8]>,
    ) -> Result<(), CommandError> {
        let places = offered::secrets_in_file(name, content);
        let known = before.map_or(0, |before| offered::secrets_in_file(name, before).len());
        let Some(first) = places.first().filter(|_| places.len() > known) else { return Ok(()) };
        let at = first.at.as_ref().map(|at| format!(", {}", OneLine(at))).unwrap_or_default();
        let told = format!("{}{at}: {}", OneLine(name), first.why);
        if self.allow_secret {
            invocation.warn(format_args!("something looks like a secret and is taken as you said: {told}"));
            return Ok(());
        }
        let mut error = CommandError::new(ErrorCode::SecretInside, "Something here looks like a secret");
        error.causes.push(told);
        Err(error
            .hint("take it out, or say --allow-secret: everybody in the document's workspace could read it"))
    }
}

/// Bytes as a skill takes them: text wherever it is text, so that it merges.
fn as_content(bytes: Vec<u8>) -> FileContent {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => FileContent::Text(text),
        Ok(text) => FileContent::Bytes(text.into_bytes()),
        Err(error) => FileContent::Bytes(error.into_bytes()),
    }
}

/// A path among a document's files, as a person types it.
pub(crate) fn file_path(kind: Kind, text: &str) -> Result<FilePath, CommandError> {
    FilePath::parse(text).map_err(|error| {
        let what = documents::command(kind);
        let article = if kind == Kind::Agent { "An" } else { "A" };
        CommandError::new(
            ErrorCode::BadPath,
            format!("{article} {what} cannot have a file \"{}\"", OneLine(text)),
        )
        .because(&error)
    })
}

/// One file, under a path of its own or its name; or all files in a folder, under their paths in it. What of a folder is left
/// out, secrets among it, is said.
pub(crate) fn read(
    invocation: &mut Invocation<'_>,
    taking: Taking,
    from: &Path,
    under: Option<&str>,
) -> Result<Vec<Source>, CommandError> {
    if !from.is_dir() {
        let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = file_path(taking.kind, under.unwrap_or(&name))?;
        let content = taking.content(from)?;
        taking.check(invocation, &name, content.as_bytes(), None)?;
        return Ok(vec![Source { path, content, executable: is_executable(from) }]);
    }
    if under.is_some() {
        return Err(CommandError::new(ErrorCode::IsAFolder, format!("{} is a folder", show_path(from)))
            .hint("--as is for a single file; files of a folder keep their paths in it"));
    }
    let sources = read_folder(invocation, taking, from, &|_| true)?;
    if sources.is_empty() {
        let what = if taking.takes() == Takes::Texts { "text file" } else { "file" };
        return Err(CommandError::new(
            ErrorCode::NoTextFiles,
            format!("There is no {what} in {}", show_path(from)),
        ));
    }
    Ok(sources)
}

/// The files in a folder that are wanted, by their paths in it; what of those is left out is said.
pub(super) fn read_folder(
    invocation: &mut Invocation<'_>,
    taking: Taking,
    from: &Path,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Source>, CommandError> {
    let offered = offered::in_folder(from, taking.takes())?;
    let mut sources = Vec::new();
    for item in offered.left.iter().filter(|item| is_wanted(&item.path)) {
        let path = from.join(&item.path);
        if item.what == What::Secret
            && taking.allow_secret
            && path.symlink_metadata().is_ok_and(|found| found.is_file())
        {
            let name = file_path(taking.kind, &item.path)?;
            sources.push(Source {
                path: name,
                content: taking.content(&path)?,
                executable: is_executable(&path),
            });
            continue;
        }
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
    for OfferedFile { path, content, executable } in offered.files {
        if is_wanted(path.as_str()) {
            sources.push(Source { path, content: as_content(content), executable });
        }
    }
    for source in &sources {
        taking.check(invocation, source.path.as_str(), source.content.as_bytes(), None)?;
    }
    Ok(sources)
}

/// The file of a document that has a path.
pub(super) fn find<'a>(files: &'a [SkillFile], path: &FilePath) -> Option<&'a SkillFile> {
    files.iter().find(|file| file.path == *path)
}

/// The error of a kind that has no files, which no command is for.
pub(super) fn no_files() -> CommandError {
    CommandError::new(ErrorCode::Bug, "Documents of this kind have no files")
}

/// Whether a file of this machine can be run.
pub(super) fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    return path
        .metadata()
        .is_ok_and(|found| std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o100 != 0);
    #[cfg(not(unix))]
    return path.as_os_str().is_empty();
}
