//! What the commands of every kind of document do alike: list, show, export, and the way into the trash and out of it. In what
//! kinds differ is said by a [`KindInFull`] in the kind's own file.

mod checkout;
mod doubles;
mod edit;
mod editor;
mod merge;
mod name_and_files;
mod new;
mod source;

use std::path::Path;

use bowline_engine::document::{FilePath, Issue, Kind, Version};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::{Device, Error};
use serde::Serialize;

pub(crate) use checkout::{Checkout, Commit};
pub(crate) use doubles::hint_at_doubles;
pub(crate) use edit::FileEdits;
pub(crate) use merge::Merge;
pub(crate) use name_and_files::Edit;
pub(crate) use new::New;

use crate::documents::{self, Whereabouts};
use crate::error::{CommandError, ErrorCode};
use crate::files::Unpacked;
use crate::invocation::Invocation;
use crate::listing::{Columns, List};
use crate::opened::Opened;
use crate::overlaps;
use crate::syncing;
use crate::text::OneLine;
use crate::time::moment;

/// A document in full, as the engine shows it, and what the commands of its kind have to know. A new kind has one.
pub(super) trait KindInFull: Sized {
    /// Which kind of document it is.
    const KIND: Kind;
    /// What the columns of its list are called.
    const COLUMNS: Columns;
    /// What a person is told if there is none of them.
    const NONE_YET: &'static str;

    /// Reads a document of the kind.
    fn load(device: &mut Device, id: DocId, now: Millis) -> Result<Self, Error>;

    /// What of it could not be shown, or not as it was meant.
    fn issues(&self) -> &[Issue];
}

/// A kind whose documents are folders of files.
pub(super) trait KindOfFiles: KindInFull {
    /// A file of such a document.
    type File;

    /// The document's files, in order of their paths.
    fn files(&self) -> &[Self::File];

    /// The path of a file.
    fn path(file: &Self::File) -> &FilePath;
}

/// A document that a person has named, and the home it was read from.
pub(super) struct Named<D> {
    pub(super) id: DocId,
    pub(super) document: D,
    here: Opened,
}

impl<D: KindInFull> Named<D> {
    /// Reads the document that a person means.
    pub(super) fn read(invocation: &mut Invocation<'_>, typed: &str) -> Result<Self, CommandError> {
        let mut here = invocation.open()?;
        let (_, id) = documents::find(&here.device, &[D::KIND], typed)?;
        let document = D::load(&mut here.device, id, invocation.now())?;
        Ok(Self { id, document, here })
    }

    /// Reads the document that a person means, to be shown: warns of what in it cannot be.
    pub(super) fn read_to_show(invocation: &mut Invocation<'_>, typed: &str) -> Result<Self, CommandError> {
        let mut named = Self::read(invocation, typed)?;
        overlaps::told(invocation, &mut named.here, named.id)?;
        if let Some(withheld) = named.here.device.withheld(named.id)? {
            let n = documents::count_entries(withheld.entries);
            let since = moment(withheld.since);
            invocation.warn(format_args!(
                "the relay holds back {n} of it, since {since}: shown is what is here, and the rest is asked for by itself"
            ));
        }
        for issue in named.document.issues() {
            invocation.warn(format_args!("{}", documents::issue(issue)));
        }
        Ok(named)
    }

    /// The beginning of the document's id that names nothing else.
    pub(super) fn prefix(&self) -> Result<String, CommandError> {
        Ok(documents::prefixes(&self.here.device)?.shorten(self.id))
    }

    /// The device that the document was read from.
    pub(super) fn device(&self) -> &Device {
        &self.here.device
    }

    /// Which version of the document this is.
    pub(super) fn version(&mut self, now: Millis) -> Result<Version, CommandError> {
        Ok(self.here.device.versions(self.id, now)?.current()?)
    }

    /// How many of its entries the relay holds back.
    pub(super) fn withheld(&self) -> Result<u64, CommandError> {
        Ok(self.here.device.withheld(self.id)?.map_or(0, |withheld| withheld.entries))
    }

    /// Where the document is.
    pub(super) fn whereabouts(&self) -> Result<Whereabouts, CommandError> {
        Whereabouts::of(&self.here.device, self.id)
    }
}

impl<D: KindOfFiles> Named<D> {
    /// Notes that a person has one of the files before them, and says in which version.
    pub(super) fn seen_file(
        &mut self,
        invocation: &mut Invocation<'_>,
        path: &str,
    ) -> Result<Version, CommandError> {
        let (id, now) = (self.id, invocation.now());
        let version = self.version(now)?;
        if let Ok(path) = FilePath::parse(path) {
            note_seen(&mut self.here.device, id, Some(&path), now);
        }
        invocation.say(format_args!("Version {}", version.short()));
        Ok(version)
    }

    /// The file at a path that a person named.
    pub(super) fn file(&self, path: &str) -> Result<&D::File, CommandError> {
        let mut files = self.document.files().iter();
        files.find(|file| D::path(file).as_str() == path).ok_or_else(|| {
            let what = documents::command(D::KIND);
            let message = format!("The {what} has no file \"{}\"", OneLine(path));
            CommandError::new(ErrorCode::NoFile, message)
                .hint(format!("`bowline {what} show ID` lists its files"))
        })
    }
}

/// Lists the documents of a kind, those edited last first.
pub(super) fn list<D: KindInFull>(invocation: &mut Invocation<'_>, trash: bool) -> Result<(), CommandError> {
    let here = invocation.open()?;
    let rows = documents::listed(&here.device, D::KIND, trash)?;
    let doubles = if trash { Vec::new() } else { doubles::doubles_among(&here.device, &rows)? };
    let list = List::new(&here.device, rows, D::COLUMNS, invocation.now())?;
    if list.is_empty() && !trash {
        invocation.hint(format_args!("{}", D::NONE_YET));
    }
    hint_at_doubles(invocation, &here.device, &doubles)?;
    invocation.answer(&list)
}

/// Exports the files of a document into a folder, and nothing else.
pub(super) fn export<D: KindInFull>(
    invocation: &mut Invocation<'_>,
    typed: &str,
    into: &Path,
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let id = documents::find_one(&here.device, D::KIND, typed)?;
    let files = here.device.export(id, invocation.now())?;
    let unpacked = Unpacked::of(&files, into)?;
    let version = seen_whole(invocation, &mut here.device, id)?;
    unpacked.finish(id, &version, invocation)
}

/// Notes that a person has all files of a document before them, and says in which version.
pub(super) fn seen_whole(
    invocation: &mut Invocation<'_>,
    device: &mut Device,
    id: DocId,
) -> Result<Version, CommandError> {
    let version = device.versions(id, invocation.now())?.current()?;
    note_seen(device, id, None, invocation.now());
    invocation.say(format_args!("Version {}", version.short()));
    Ok(version)
}

/// A file as `show --file --json` answers it, with the version of the document it is from.
#[derive(Serialize)]
pub(super) struct InVersion<'a, F: Serialize> {
    #[serde(flatten)]
    pub(super) file: &'a F,
    pub(super) version: String,
}

/// Notes what a person has before them. Showing works without, and costs a question later.
fn note_seen(device: &mut Device, id: DocId, path: Option<&FilePath>, now: Millis) {
    if let Err(error) = device.versions(id, now).and_then(|mut versions| versions.note_seen(path)) {
        tracing::debug!(%error, "what was shown could not be noted");
    }
}

/// Moves the documents that a person means to the trash.
pub(super) fn delete<D: KindInFull>(
    invocation: &mut Invocation<'_>,
    typed: &[String],
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let found = documents::find_several(&here.device, D::KIND, typed)?;
    let command = documents::command(D::KIND);
    let mut deleted = Vec::new();
    for found in found {
        let (id, prefix) = (found.id(), documents::prefixes(&here.device)?.shorten(found.id()));
        here.device.delete(found, invocation.now())?;
        invocation
            .say(format_args!("Moved to the trash; `bowline {command} restore {prefix}` brings it back."));
        syncing::after_move(invocation, &here, id)?;
        deleted.push(serde_json::json!({ "id": id.to_string(), "deleted": true }));
    }
    answer_each(invocation, deleted)
}

/// Takes the documents that a person means out of the trash.
pub(super) fn restore<D: KindInFull>(
    invocation: &mut Invocation<'_>,
    typed: &[String],
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let mut restored = Vec::new();
    for found in documents::find_in_trash(&here.device, D::KIND, typed)? {
        let id = found.id();
        here.device.restore_deleted(found, invocation.now())?;
        invocation.say(format_args!("Restored."));
        syncing::after_move(invocation, &here, id)?;
        restored.push(serde_json::json!({ "id": id.to_string(), "deleted": false }));
    }
    answer_each(invocation, restored)
}

/// Answers for programs what became of one document, or of several as an array.
pub(super) fn answer_each(
    invocation: &mut Invocation<'_>,
    mut each: Vec<serde_json::Value>,
) -> Result<(), CommandError> {
    match each.pop() {
        Some(only) if each.is_empty() => invocation.answer_in_json(&only),
        last => {
            each.extend(last);
            invocation.answer_in_json(&each)
        }
    }
}
