//! How files of an agent, a skill or a memory are edited: from files of this machine, merged with what others wrote since the
//! version they were made from, or after a question if that is not known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bowline_engine::Device;
use bowline_engine::device::FilesEdit;
use bowline_engine::document::{FileContent, FilePath, Kind, Version};
use bowline_engine::ids::{DocId, Millis};
use clap::Args;

use super::source::{self, Source, Taking, file_path, find};
use super::{KindOfFiles, Named, editor, note_seen};
use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::{OneLine, count};

/// Lines that a question shows of what would go: enough to recognize it by.
const LINES_SHOWN: usize = 10;

/// What `edit` takes for every kind that has files.
#[derive(Args, Debug)]
pub(crate) struct FileEdits {
    /// A file to write into it, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) from: Option<PathBuf>,
    /// The file's path in it [default: its name]
    #[arg(long = "as", value_name = "PATH", requires = "from")]
    under: Option<String>,
    /// The version that your files were made from, as `show --file` and `export` say it: what others wrote since stays
    #[arg(long, value_name = "VERSION")]
    base: Option<String>,
    /// The file to open in $VISUAL or $EDITOR, which is what happens if nothing else is to be changed
    #[arg(long, value_name = "PATH", conflicts_with_all = ["from", "base"])]
    pub(super) file: Option<String>,
    /// A file to remove from it
    #[arg(long, value_name = "PATH")]
    remove_file: Vec<String>,
    /// Go on without a question, also if it removes what others wrote since you last looked
    #[arg(long)]
    yes: bool,
    /// Take it also if something in it looks like a secret
    #[arg(long)]
    pub(super) allow_secret: bool,
}

impl FileEdits {
    /// Carries the edit out, with what it is to change beside files.
    pub(in crate::command) fn run<D: KindOfFiles>(
        self,
        invocation: &mut Invocation<'_>,
        typed: &str,
        mut edit: FilesEdit,
    ) -> Result<(), CommandError> {
        let taking = Taking { kind: D::KIND, allow_secret: self.allow_secret };
        let wanted = self.wanted(invocation, taking)?;
        if edit.is_empty() && wanted.is_empty() {
            return editor::run::<D>(invocation, typed, self.file.as_deref(), taking);
        }
        // What was there in the version that the person had may be gone by now, which is what they want.
        if !self.remove_file.is_empty() && self.base.is_none() {
            let named = Named::<D>::read(invocation, typed)?;
            self.remove_file.iter().try_for_each(|path| named.file(path).map(drop))?;
        }
        let mut here = invocation.open()?;
        let (id, now) = (documents::find_one(&here.device, D::KIND, typed)?, invocation.now());
        let base = self.base.as_deref().map(|base| here.device.versions(id, now)?.find(base)).transpose()?;
        if base.is_none() {
            let losses = losses(&mut here.device, id, &wanted, now)?;
            confirm(invocation, self.yes, &losses)?;
        }
        for (path, source) in &wanted {
            match source {
                None => edit.remove_file(path.clone()),
                Some(source) => add(&mut edit, source)?,
            }
        }
        here.device.edit_files(id, &edit, base.as_ref(), now)?;
        let version = tell_merged(invocation, &mut here.device, id, &wanted)?;
        syncing::after_edit(invocation, &here, id)?;
        invocation
            .answer_in_json(&serde_json::json!({ "id": id.to_string(), "version": version.to_string() }))
    }

    /// What each file is to hold; `None` for those to be removed.
    fn wanted(
        &self,
        invocation: &mut Invocation<'_>,
        taking: Taking,
    ) -> Result<BTreeMap<FilePath, Option<Source>>, CommandError> {
        let mut wanted = BTreeMap::new();
        for path in &self.remove_file {
            wanted.insert(file_path(taking.kind, path)?, None);
        }
        if let Some(from) = &self.from {
            for file in source::read(invocation, taking, from, self.under.as_deref())? {
                wanted.insert(file.path.clone(), Some(file));
            }
        }
        Ok(wanted)
    }
}

/// Adds a file to an edit.
pub(super) fn add(edit: &mut FilesEdit, source: &Source) -> Result<(), CommandError> {
    if !edit.write_file(source.path.clone(), source.content.clone()) {
        let message = format!("{} is not text", OneLine(source.path.as_str()));
        return Err(CommandError::new(ErrorCode::NotText, message));
    }
    if edit.kind() == Kind::Skill {
        edit.set_executable(source.path.clone(), source.executable);
    }
    Ok(())
}

/// What an edit would take away of what others wrote in one file since the person last saw it.
struct Loss {
    path: FilePath,
    /// The lines; none of a file that is not text.
    lines: Vec<String>,
}

fn losses(
    device: &mut Device,
    id: DocId,
    wanted: &BTreeMap<FilePath, Option<Source>>,
    now: Millis,
) -> Result<Vec<Loss>, CommandError> {
    let mut losses = Vec::new();
    if !device.versions(id, now)?.has_other_writers()? {
        return Ok(losses);
    }
    let files = device.versions(id, now)?.files(None)?;
    for (path, source) in wanted {
        let Some(file) = find(&files, path) else { continue };
        let seen = match device.versions(id, now)?.seen(path)? {
            Some(version) => find(&device.versions(id, now)?.files(Some(&version))?, path).cloned(),
            None => None,
        };
        let seen = seen.map(|seen| seen.content);
        let mine = source.as_ref().map(|source| &source.content);
        if seen.as_ref() == Some(&file.content) || mine == Some(&file.content) {
            continue;
        }
        let lines = match &file.content {
            FileContent::Text(text) => lines_lost(text, seen.as_ref(), mine),
            FileContent::Bytes(_) => Vec::new(),
        };
        if !lines.is_empty() || matches!(file.content, FileContent::Bytes(_)) {
            losses.push(Loss { path: path.clone(), lines });
        }
    }
    Ok(losses)
}

/// The lines of a text that were not in it when it was seen, and are not in what is to be written.
fn lines_lost(now: &str, seen: Option<&FileContent>, mine: Option<&FileContent>) -> Vec<String> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for content in [seen, mine].into_iter().flatten() {
        if let FileContent::Text(text) = content {
            let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
            text.lines().for_each(|line| *lines.entry(line).or_default() += 1);
            for (line, times) in lines {
                let most = known.entry(line).or_default();
                *most = (*most).max(times);
            }
        }
    }
    let mut lost = Vec::new();
    for line in now.lines().filter(|line| !line.trim().is_empty()) {
        match known.get_mut(line).filter(|times| **times > 0) {
            Some(times) => *times -= 1,
            None => lost.push(line.to_owned()),
        }
    }
    lost
}

/// Says what would go, and asks.
fn confirm(invocation: &mut Invocation<'_>, yes: bool, losses: &[Loss]) -> Result<(), CommandError> {
    if losses.is_empty() {
        return Ok(());
    }
    for Loss { path, lines } in losses {
        if lines.is_empty() {
            invocation.warn(format_args!(
                "{} was replaced by somebody since you last saw it",
                OneLine(path.as_str())
            ));
            continue;
        }
        let lines_told = count(lines.len(), "line");
        invocation.warn(format_args!(
            "{}: this removes {lines_told} that came since you last saw it:",
            OneLine(path.as_str())
        ));
        for line in lines.iter().take(LINES_SHOWN) {
            invocation.warn(format_args!("  {}", OneLine(line)));
        }
    }
    invocation.confirm(yes, "Remove what others wrote?").map_err(|error| {
        error.hint(
            "or add --base VERSION, the version you made your change in, as `show --file` and `export` say it: \
             then both stay",
        )
    })
}

/// Says where the document has something else now than a person's files, and which version it is.
fn tell_merged(
    invocation: &mut Invocation<'_>,
    device: &mut Device,
    id: DocId,
    wanted: &BTreeMap<FilePath, Option<Source>>,
) -> Result<Version, CommandError> {
    let now = invocation.now();
    let files = device.versions(id, now)?.files(None)?;
    for (path, source) in wanted {
        let there = find(&files, path).map(|file| &file.content);
        let told = OneLine(path.as_str());
        match (there, source.as_ref().map(|source| &source.content)) {
            (there, mine) if there == mine => note_seen(device, id, Some(path), now),
            (Some(_), Some(_)) => invocation.say(format_args!(
                "{told} was merged with what others wrote since: it differs from your file now."
            )),
            (Some(_), None) => invocation
                .say(format_args!("{told} stays: somebody has changed it since the version you had.")),
            (None, _) => invocation.say(format_args!("{told} stays away: somebody has removed it since.")),
        }
    }
    let version = device.versions(id, now)?.current()?;
    if !wanted.is_empty() {
        invocation.say(format_args!("Version {}", version.short()));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_lost_that_came_since_and_are_not_written_again() {
        let text = |text: &str| FileContent::Text(text.to_owned());
        let lost = |now: &str, seen: &str, mine: &str| lines_lost(now, Some(&text(seen)), Some(&text(mine)));
        assert_eq!(lost("a\nb\nBen's\n", "a\nb\n", "a!\nb\n"), ["Ben's"]);
        assert_eq!(lost("a\nb\n", "a\nb\n", ""), Vec::<String>::new(), "the person has seen them");
        assert_eq!(lost("a\nBen's\n", "a\n", "Ben's\na\n"), Vec::<String>::new(), "they are written again");
        assert_eq!(lost("a\na\n", "a\n", "a\n"), ["a"], "each time it is there");
        assert_eq!(lines_lost("a\n\nb\n", None, None), ["a", "b"]);
    }
}
