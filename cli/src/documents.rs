//! Documents as people name and see them: by the beginning of their id, with the words for where they are.

use bowline_engine::Device;
use bowline_engine::device::{DocumentState, Listed};
use bowline_engine::document::{Issue, Kind};
use bowline_engine::ids::{DocId, WorkspaceId};
use serde::Serialize;

use crate::error::CommandError;
use crate::ids::{Candidate, Names, Prefixes, resolve};
use crate::text::{OneLine, count, grouped};

/// What could not be shown, or not as meant.
pub(crate) fn issue(issue: &Issue) -> String {
    match issue {
        Issue::WrongType { field } => format!("{} holds something it should not", OneLine(field)),
        Issue::NotJson { field } => format!("{} is not JSON and is left out", OneLine(field)),
        Issue::BadPath { path } => format!("file {} cannot have that path and is left out", OneLine(path)),
        Issue::KeyMismatch { key } => {
            format!("entry {} is not what its key says and is left out", OneLine(key))
        }
        Issue::SameId { id, keys } => {
            format!("{} have the id {}; all of them are shown", count_entries(keys.len()), OneLine(id))
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
pub(crate) fn count_entries(n: usize) -> String {
    if n == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(n as u64)) }
}

/// Everything of one kind, in view or in the trash.
pub(crate) fn listed(device: &Device, kind: Kind, trash: bool) -> Result<Vec<Listed>, CommandError> {
    Ok(match kind {
        Kind::Conversation => device.list(trash)?,
        Kind::Agent => device.agents(trash)?,
        Kind::Profile => Vec::new(),
    })
}

/// The ids among which a shown prefix has to be unique: all that a person can see, of both kinds, so that what one list
/// shows is understood by every command.
pub(crate) fn prefixes(device: &Device) -> Result<Prefixes, CommandError> {
    Ok(Prefixes::new(device.find_by_prefix("")?.into_iter().map(|(id, _)| id)))
}

/// The document of one of these kinds that a person means, and its kind.
pub(crate) fn find(device: &Device, kinds: &[Kind], typed: &str) -> Result<(Kind, DocId), CommandError> {
    let prefix = typed.trim().to_ascii_lowercase();
    let mut found = device.find_by_prefix(&prefix)?;
    found.retain(|(_, kind)| kinds.contains(kind));
    let names = if found.len() > 1 { names(device, kinds)? } else { Vec::new() };
    let name = |id: &DocId| names.iter().find(|(named, _)| named == id).map(|(_, name)| name.clone());
    let candidates = found.iter().map(|(id, kind)| Candidate {
        value: (*kind, *id),
        id: id.to_string(),
        name: name(id).unwrap_or_default(),
    });
    let (what, hint) = match kinds {
        [Kind::Conversation] => ("conversation", "`bowline chat list` shows those there are"),
        [Kind::Agent] => ("agent", "`bowline agent list` shows those there are"),
        _ => ("document", "`bowline chat list` and `bowline agent list` show those there are"),
    };
    resolve(what, typed, candidates.collect(), Names::Ignored, hint).map(|found| found.value)
}

/// Documents of either kind that a person means.
pub(crate) fn find_all(device: &Device, typed: &[String]) -> Result<Vec<(Kind, DocId)>, CommandError> {
    let kinds = [Kind::Conversation, Kind::Agent];
    let mut found = typed.iter().map(|typed| find(device, &kinds, typed)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|(_, id)| seen.insert(*id));
    Ok(found)
}

fn names(device: &Device, kinds: &[Kind]) -> Result<Vec<(DocId, String)>, CommandError> {
    let mut names = Vec::new();
    for kind in kinds {
        for trash in [false, true] {
            names.extend(listed(device, *kind, trash)?.into_iter().map(|row| (row.id, row.title)));
        }
    }
    Ok(names)
}

/// In which workspace a document is, as the engine looks for it: in the one in use first, then on this device.
pub(crate) fn workspace_of(device: &Device, id: DocId) -> Result<Option<WorkspaceId>, CommandError> {
    let others = device.workspaces().map(Some);
    for place in [device.current_workspace()?, None].into_iter().chain(others) {
        if device.store().read().find_doc(place, id).map_err(bowline_engine::Error::from)?.is_some() {
            return Ok(place);
        }
    }
    Ok(None)
}

/// Documents that are in no workspace, those in view only.
pub(crate) fn only_here(device: &Device) -> Result<Vec<(Kind, DocId)>, CommandError> {
    let mut ids = Vec::new();
    for kind in [Kind::Conversation, Kind::Agent] {
        let rows = listed(device, kind, false)?.into_iter().filter(|row| row.workspace.is_none());
        ids.extend(rows.map(|row| (kind, row.id)));
    }
    Ok(ids)
}

/// Documents that are in no workspace and could be shared: those that were to be kept local are not among them.
pub(crate) fn shareable(device: &Device) -> Result<Vec<(Kind, DocId)>, CommandError> {
    let mut found = only_here(device)?;
    let shareable: std::collections::BTreeSet<DocId> =
        device.shareable()?.into_iter().map(|row| row.id).collect();
    found.retain(|(_, id)| shareable.contains(id));
    Ok(found)
}

/// `12 conversations and 1 agent`, with a word before the things if there is one.
pub(crate) fn amount(found: &[(Kind, DocId)], word: &str) -> String {
    let agents = found.iter().filter(|(kind, _)| *kind == Kind::Agent).count();
    let conversations = found.len() - agents;
    let thing = |noun: &str| if word.is_empty() { noun.to_owned() } else { format!("{word} {noun}") };
    match (conversations, agents) {
        (n, 0) => count(n, &thing("conversation")),
        (0, n) => count(n, &thing("agent")),
        (n, m) => format!("{} and {}", count(n, &thing("conversation")), count(m, "agent")),
    }
}

/// Where a document is, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Whereabouts {
    /// In no workspace.
    OnlyHere,
    /// Some of it is not on the relay yet.
    Queued,
    /// Some of it does not fit one entry.
    TooLarge { bytes: usize },
    /// The relay has signed for all of it.
    OnRelay,
    /// And other devices have it.
    OnDevices { devices: usize },
    /// Its workspace cannot be read.
    Unknown,
}

impl Whereabouts {
    pub(crate) fn of(device: &Device, id: DocId) -> Result<Self, CommandError> {
        Ok(match device.document_state(id) {
            Ok(DocumentState::OnlyHere) => Self::OnlyHere,
            Ok(DocumentState::Queued) => Self::Queued,
            Ok(DocumentState::TooLarge(bytes)) => Self::TooLarge { bytes },
            Ok(DocumentState::OnRelay) => Self::OnRelay,
            Ok(DocumentState::OnDevices(devices)) => Self::OnDevices { devices },
            // The workspace is damaged and left out; its documents are still listed.
            Err(bowline_engine::Error::NoWorkspace(_)) => Self::Unknown,
            Err(error) => return Err(error.into()),
        })
    }
}

impl std::fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnlyHere => f.write_str("only here"),
            Self::Queued => f.write_str("queued"),
            Self::TooLarge { bytes } => write!(f, "too large to send ({bytes} bytes)"),
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
