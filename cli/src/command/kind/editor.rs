//! Editing one file of a document in a person's own editor, which knows by itself from which version the edit was made.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};

use bowline_engine::device::FilesEdit;
use bowline_engine::document::{FileContent, FilePath, SkillFile};

use super::KindInFull;
use super::source::{Taking, file_path, find, no_files};
use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::{OneLine, show_path};

/// The files that are opened if nobody says which, the first that is there.
const MAIN: [&str; 4] = ["AGENTS.md", "SKILL.md", "MEMORY.md", "USER.md"];

/// Opens a file of the document that a person means, and merges what they made of it with what others wrote meanwhile.
pub(super) fn run<D: KindInFull>(
    invocation: &mut Invocation<'_>,
    typed: &str,
    file: Option<&str>,
    taking: Taking,
) -> Result<(), CommandError> {
    let what = documents::command(D::KIND);
    let Some(program) = editor(invocation) else {
        return Err(CommandError::new(ErrorCode::NothingToChange, "There is nothing to change").hint(format!(
            "say what, as --from FILE, or set EDITOR to edit a file in it; see `bowline {what} edit --help`"
        )));
    };
    let mut edit = FilesEdit::of(D::KIND).ok_or_else(no_files)?;
    let mut here = invocation.open()?;
    let id = documents::find_one(&here.device, D::KIND, typed)?;
    let version = here.device.versions(id, invocation.now())?.current()?;
    let files = here.device.versions(id, invocation.now())?.files(Some(&version))?;
    // An editor may be open for hours, and others want the home meanwhile.
    drop(here);
    let path = match file {
        Some(path) => file_path(D::KIND, path)?,
        None => main_file(&files).ok_or_else(|| {
            CommandError::new(
                ErrorCode::NoFile,
                format!("It is not clear which file of this {what} is meant"),
            )
            .hint("say which with --file PATH; a new one is made")
        })?,
    };
    let before = match find(&files, &path).map(|file| &file.content) {
        None => "",
        Some(FileContent::Text(text)) => text,
        Some(FileContent::Bytes(_)) => {
            return Err(CommandError::new(
                ErrorCode::NotText,
                format!("{} is not text", OneLine(path.as_str())),
            ));
        }
    };
    let folder =
        tempfile::tempdir().map_err(|error| CommandError::file("Making", Path::new("a folder"), &error))?;
    let draft = folder.path().join(path.as_str().rsplit('/').next().unwrap_or_default());
    fs::write(&draft, before).map_err(|error| CommandError::file("Writing", &draft, &error))?;
    open(&program, &draft)?;
    let made = (|| -> Result<(), CommandError> {
        let text = crate::files::read_text(&draft)?;
        if text == before {
            invocation.say(format_args!("Nothing was changed."));
            return invocation.answer_in_json(
                &serde_json::json!({ "id": id.to_string(), "version": version.to_string() }),
            );
        }
        taking.check(invocation, path.as_str(), text.as_bytes(), Some(before.as_bytes()))?;
        if !edit.write_file(path.clone(), FileContent::Text(text)) {
            return Err(no_files());
        }
        let mut here = invocation.open()?;
        here.device.edit_files(id, &edit, Some(&version), invocation.now())?;
        syncing::after_edit(invocation, &here, id)?;
        let version = here.device.versions(id, invocation.now())?.current()?;
        invocation
            .answer_in_json(&serde_json::json!({ "id": id.to_string(), "version": version.to_string() }))
    })();
    made.map_err(|error| {
        let kept = folder.keep();
        error.hint(format!("what you wrote is kept in {}", show_path(&kept)))
    })
}

fn editor(invocation: &Invocation<'_>) -> Option<String> {
    let set = |name| (invocation.host.env)(name)?.into_string().ok().filter(|value| !value.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR"))
}

/// The file that is meant if nobody says which: one with a name that means so, or the only one.
fn main_file(files: &[SkillFile]) -> Option<FilePath> {
    let named = MAIN.iter().find_map(|name| files.iter().find(|file| file.path.as_str() == *name));
    let only = if let [only] = files { Some(only) } else { None };
    named.or(only).map(|file| file.path.clone())
}

/// Runs the editor on a file until it ends. What is set as editor may have arguments, as in `code --wait`.
#[expect(clippy::disallowed_methods, reason = "the editor is the person's, and this waits for its end")]
fn open(program: &str, draft: &Path) -> Result<(), CommandError> {
    let ended = if cfg!(unix) {
        Command::new("sh").arg("-c").arg(format!("{program} \"$1\"")).arg("sh").arg(draft).status()
    } else {
        Command::new(program).arg(draft).status()
    };
    let failed = |why: String| {
        CommandError::new(ErrorCode::EditorFailed, format!("The editor {} {why}", OneLine(program)))
            .hint("nothing was changed")
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(ended_with(status))),
        Err(error) => Err(failed("could not be run".to_owned()).because(&error)),
    }
}

fn ended_with(status: ExitStatus) -> String {
    status.code().map_or_else(|| "was ended".to_owned(), |code| format!("ended with {code}"))
}
