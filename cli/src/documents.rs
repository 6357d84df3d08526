//! Documents as people name and see them: by the beginning of their id or by name, with the words for where they are.

use std::sync::LazyLock;

use bowline_engine::Device;
use bowline_engine::device::{DocumentState, Found, Listed};
use bowline_engine::document::{Issue, Kind, Visibility, Words};
use bowline_engine::ids::{DocId, WorkspaceId};
use serde::Serialize;

use crate::error::{CommandError, ErrorCode};
use crate::ids::{Candidate, Names, Prefixes, resolve, same_name};
use crate::text::{OneLine, count, grouped};

/// What of a document could not be shown, or not as it was meant.
pub(crate) fn issue(issue: &Issue) -> String {
    match issue {
        Issue::WrongType { field } => format!("{} holds something it should not", OneLine(field)),
        Issue::NotJson { field } => format!("{} is not JSON and is left out", OneLine(field)),
        Issue::BadPath { path } => format!("file {} cannot have that path and is left out", OneLine(path)),
        Issue::KeyMismatch { key } => {
            format!("entry {} is not what its key says and is left out", OneLine(key))
        }
        Issue::SameId { id, keys } => {
            format!("{} have the id {}; all of them are shown", count_entries(keys.len() as u64), OneLine(id))
        }
        Issue::NoParent { key, parent } => {
            format!("entry {} continues {}, which is not here", OneLine(key), OneLine(parent))
        }
        Issue::NoTarget { key, target } => {
            format!("entry {} goes back to {}, which is not here", OneLine(key), OneLine(target))
        }
    }
}

/// `1 entry`, `2 entries`.
pub(crate) fn count_entries(n: u64) -> String {
    if n == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(n)) }
}

/// The kinds that people make, list and share, in the order in which they are told.
pub(crate) static KINDS: LazyLock<Vec<Kind>> =
    LazyLock::new(|| Kind::ALL.into_iter().filter(|kind| kind.visibility() != Visibility::Hidden).collect());

/// The word with which the commands for a kind begin.
pub(crate) fn command(kind: Kind) -> &'static str {
    if kind == Kind::Conversation { "chat" } else { kind.words().one }
}

/// Everything of one kind, in view or in the trash.
pub(crate) fn listed(device: &Device, kind: Kind, trash: bool) -> Result<Vec<Listed>, CommandError> {
    Ok(device.list_kind(kind, trash)?)
}

/// The ids among which a shown prefix has to be unique: all that a person can see, of every kind, so that what one list
/// shows is understood by every command.
pub(crate) fn prefixes(device: &Device) -> Result<Prefixes, CommandError> {
    Ok(Prefixes::new(device.find_by_prefix("")?.into_iter().map(|(id, _)| id)))
}

/// The document of one of these kinds that a person means, and its kind, as [`look_up`] finds it.
pub(crate) fn find(device: &Device, kinds: &[Kind], typed: &str) -> Result<(Kind, DocId), CommandError> {
    look_up(device, kinds, typed).map(|found| (found.kind(), found.id()))
}

/// The document of this kind that a person means.
pub(crate) fn find_one(device: &Device, kind: Kind, typed: &str) -> Result<DocId, CommandError> {
    look_up(device, &[kind], typed).map(|found| found.id())
}

/// The document of one of these kinds that a person means. If no id begins so, a whole name counts as well; an id goes first,
/// so that nobody can take an id's place by a name.
pub(crate) fn look_up(device: &Device, kinds: &[Kind], typed: &str) -> Result<Found, CommandError> {
    let typed = typed.trim();
    let mut found = device.find_beginning(&typed.to_ascii_lowercase())?;
    found.retain(|found| kinds.contains(&found.kind()));
    if found.is_empty() {
        for kind in kinds {
            found.extend(device.find_titled(*kind, typed)?);
        }
    }
    if found.is_empty() {
        // Only now all of them are read: for one that is called nearly so.
        found = device.find_beginning("")?;
        found.retain(|found| kinds.contains(&found.kind()));
        if found.iter().any(|it| !it.is_in_trash() && same_name(it.title(), typed)) {
            found.retain(|it| !it.is_in_trash());
        }
    }
    choose(kinds, typed, found)
}

/// The document of a kind in the trash that a person means; an error if it is in view.
fn look_up_in_trash(device: &Device, kind: Kind, typed: &str) -> Result<Found, CommandError> {
    let typed = typed.trim();
    let mut trash = device.find_beginning("")?;
    trash.retain(|found| found.kind() == kind && found.is_in_trash());
    let error = match choose(&[kind], typed, trash) {
        Err(error) if error.code == ErrorCode::NotFound => error,
        found => return found,
    };
    match look_up(device, &[kind], typed) {
        Ok(in_view) => {
            let message = format!("\"{}\" is not in the trash", title(in_view.title()));
            Err(CommandError::new(ErrorCode::NothingToChange, message)
                .hint(format!("`bowline {} list --trash` shows what is", command(kind))))
        }
        Err(_) => Err(error),
    }
}

/// The one of these documents that a person means.
fn choose(kinds: &[Kind], typed: &str, found: Vec<Found>) -> Result<Found, CommandError> {
    let candidate =
        |found: Found| Candidate { id: found.id().to_string(), name: found.title().to_owned(), value: found };
    let candidates = found.into_iter().map(candidate).collect();
    let what = if let [kind] = kinds { kind.words().one } else { "document" };
    let lists = kinds.iter().map(|kind| format!("`bowline {} list`", command(*kind)));
    let (lists, verb) =
        (lists.collect::<Vec<_>>().join(", "), if kinds.len() == 1 { "shows" } else { "show" });
    let hint = format!("{lists} {verb} those there are");
    resolve(what, typed, candidates, Names::Count, &hint).map(|found| found.value)
}

/// Documents of a kind that a person means, each once: an error if one of them is not there, before anything is changed.
pub(crate) fn find_several(
    device: &Device,
    kind: Kind,
    typed: &[String],
) -> Result<Vec<Found>, CommandError> {
    once(typed.iter().map(|typed| look_up(device, &[kind], typed)))
}

/// Documents of a kind in the trash that a person means, each once.
pub(crate) fn find_in_trash(
    device: &Device,
    kind: Kind,
    typed: &[String],
) -> Result<Vec<Found>, CommandError> {
    once(typed.iter().map(|typed| look_up_in_trash(device, kind, typed)))
}

fn once(found: impl Iterator<Item = Result<Found, CommandError>>) -> Result<Vec<Found>, CommandError> {
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|found| seen.insert(found.id()));
    Ok(found)
}

/// Documents of any kind that a person means.
pub(crate) fn find_all(device: &Device, typed: &[String]) -> Result<Vec<(Kind, DocId)>, CommandError> {
    let mut found = typed.iter().map(|typed| find(device, &KINDS, typed)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|(_, id)| seen.insert(*id));
    Ok(found)
}

/// In which workspace a document is; `None` if it is only on this device, or not there.
pub(crate) fn workspace_of(device: &Device, id: DocId) -> Result<Option<WorkspaceId>, CommandError> {
    match device.find(id) {
        Ok(found) => Ok(found.workspace()),
        Err(bowline_engine::Error::NoDocument(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is only on this device, of documents in view.
pub(crate) struct OnlyHere {
    /// Documents that are in no workspace.
    pub(crate) whole: Vec<(Kind, DocId)>,
    /// How many documents that are in a workspace have parts that are only here.
    pub(crate) parts_of: usize,
}

impl OnlyHere {
    pub(crate) fn of(device: &Device) -> Result<Self, CommandError> {
        let mut here = Self { whole: Vec::new(), parts_of: 0 };
        for kind in KINDS.iter().copied() {
            for row in listed(device, kind, false)? {
                match row.workspace {
                    None => here.whole.push((kind, row.id)),
                    Some(_) => here.parts_of += usize::from(row.only_here.is_some()),
                }
            }
        }
        Ok(here)
    }

    /// The whole documents in words; `None` if there are none.
    pub(crate) fn whole_in_words(&self) -> Option<String> {
        (!self.whole.is_empty()).then(|| amount(&self.whole, ""))
    }

    /// The parts in words; `None` if there are none.
    pub(crate) fn parts_in_words(&self) -> Option<String> {
        (self.parts_of > 0).then(|| format!("parts of {} in workspaces", count(self.parts_of, "document")))
    }

    /// All of it in words; `None` if there is nothing.
    pub(crate) fn in_words(&self) -> Option<String> {
        let words: Vec<String> = self.whole_in_words().into_iter().chain(self.parts_in_words()).collect();
        (!words.is_empty()).then(|| words.join(", and "))
    }
}

/// Documents of which something is only here and which are offered for sharing: those that were to be kept here are not among
/// them, nor is what is personal, which only its id shares.
pub(crate) fn shareable(device: &Device) -> Result<Vec<(Kind, DocId)>, CommandError> {
    let mut found = Vec::new();
    for row in device.shareable()? {
        found.push((device.kind_of(row.id)?, row.id));
    }
    Ok(found)
}

/// How many of them are of a kind.
pub(crate) fn number_of(found: &[(Kind, DocId)], kind: Kind) -> usize {
    found.iter().filter(|(other, _)| *other == kind).count()
}

/// `12 conversations, 2 agents and 1 skill`, with a word before the first things if there is one.
pub(crate) fn amount(found: &[(Kind, DocId)], word: &str) -> String {
    let mut told = Vec::new();
    for kind in KINDS.iter().copied() {
        let n = number_of(found, kind);
        // If there is nothing at all, it says `0 conversations`.
        if n > 0 || (found.is_empty() && kind == Kind::Conversation) {
            let space = if word.is_empty() || !told.is_empty() { "" } else { " " };
            let word = if told.is_empty() { word } else { "" };
            told.push(format!("{} {word}{space}{}", grouped(n as u64), counted(kind, n)));
        }
    }
    let last = told.pop().unwrap_or_default();
    if told.is_empty() { last } else { format!("{} and {last}", told.join(", ")) }
}

/// What so many documents of a kind are called.
pub(crate) fn counted(kind: Kind, n: usize) -> &'static str {
    let Words { one, several } = kind.words();
    if n == 1 { one } else { several }
}

/// Where a document is, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Whereabouts {
    /// The document is in no workspace.
    OnlyHere,
    /// The document is in a workspace and kept here: nothing that is written here leaves.
    Kept,
    /// The document is in a workspace, and something of it is only here until it is shared.
    PartlyHere,
    /// Some of it is not on the relay yet.
    Queued,
    /// Some of it is only here and stays here: this device is out of the workspace, or the relay was caught.
    Stays,
    /// The relay has signed for all of it and was caught since; nobody else has said that they have it.
    Doubted,
    /// Some of it is more than others would take at once, and cannot be divided.
    TooLarge { bytes: usize },
    /// The workspace takes no more of it by this person.
    Full,
    /// The relay has signed for all of it.
    OnRelay,
    /// The relay and other devices have all of it.
    OnDevices { devices: usize },
    /// The workspace of the document cannot be read.
    Unknown,
}

impl Whereabouts {
    pub(crate) fn of(device: &Device, id: DocId) -> Result<Self, CommandError> {
        match device.document_state(id) {
            Ok(state) => Ok(Self::from(state)),
            // The workspace is damaged and left out; its documents are still listed.
            Err(bowline_engine::Error::NoWorkspace(_)) => Ok(Self::Unknown),
            Err(error) => Err(error.into()),
        }
    }

    /// Where a document is, for a line of a list: if something of it is only here, how much. `only_here` is `None` if that was
    /// not counted yet.
    pub(crate) fn place(&self, only_here: Option<u64>) -> String {
        match (self, only_here) {
            (Self::PartlyHere, Some(parts)) => format!("{} only here", grouped(parts)),
            (Self::PartlyHere, None) => "some only here".to_owned(),
            (_, Some(parts)) if parts > 0 => format!("{self}, {} only here", grouped(parts)),
            _ => self.to_string(),
        }
    }
}

impl From<DocumentState> for Whereabouts {
    fn from(state: DocumentState) -> Self {
        match state {
            DocumentState::OnlyHere => Self::OnlyHere,
            DocumentState::Kept => Self::Kept,
            DocumentState::PartlyHere => Self::PartlyHere,
            DocumentState::Queued => Self::Queued,
            DocumentState::Stays => Self::Stays,
            DocumentState::Doubted => Self::Doubted,
            DocumentState::TooLarge(bytes) => Self::TooLarge { bytes },
            DocumentState::Full => Self::Full,
            DocumentState::OnRelay => Self::OnRelay,
            DocumentState::OnDevices(devices) => Self::OnDevices { devices },
        }
    }
}

impl std::fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnlyHere => f.write_str("only here"),
            Self::Kept => f.write_str("kept here"),
            Self::PartlyHere => f.write_str("partly here"),
            Self::Queued => f.write_str("queued"),
            Self::Stays => f.write_str("stays here"),
            Self::Doubted => f.write_str("relay in doubt"),
            Self::TooLarge { bytes } => write!(f, "too large to send ({bytes} bytes)"),
            Self::Full => f.write_str("full, the rest stays here"),
            Self::OnRelay => f.write_str("on relay"),
            Self::OnDevices { devices } => write!(f, "on {}", count(*devices, "other device")),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A title for one line; something stands there for those without.
pub(crate) fn title(text: &str) -> String {
    if text.trim().is_empty() { "(untitled)".to_owned() } else { OneLine(text).to_string() }
}

/// The beginning of a workspace's id, unique among those of this device.
pub(crate) fn workspace_prefix(device: &Device, workspace: WorkspaceId) -> String {
    Prefixes::new(device.workspaces()).shorten(workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_names_each_kind_that_there_is() {
        let some = |n: usize, kind| std::iter::repeat_n((kind, DocId::from_bytes([0; DocId::LEN])), n);
        let of = |parts: &[(usize, Kind)], word| {
            let found: Vec<_> = parts.iter().flat_map(|(n, kind)| some(*n, *kind)).collect();
            amount(&found, word)
        };
        assert_eq!(of(&[(2000, Kind::Conversation)], ""), "2,000 conversations");
        assert_eq!(of(&[(1, Kind::Agent), (1, Kind::Memory)], "existing"), "1 existing agent and 1 memory");
        let all = [(1, Kind::Conversation), (2, Kind::Agent), (1, Kind::Skill), (2, Kind::Memory)];
        assert_eq!(of(&all, ""), "1 conversation, 2 agents, 1 skill and 2 memories");
        assert_eq!(of(&[], ""), "0 conversations");
    }
}
