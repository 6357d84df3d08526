//! `bowline share`: puts documents, and what is only here of them, into a workspace.

pub(super) mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bowline_engine::Device;
use bowline_engine::device::Shared;
use bowline_engine::document::{Kind, Visibility};
use bowline_engine::ids::{DocId, WorkspaceId};
use clap::Args;
use serde::Serialize;

use crate::command::kind::hint_at_doubles;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::{OneLine, count, grouped};
use crate::{documents, syncing, workspaces};
use secrets::Secrets;

/// Put documents into a workspace
///
/// Everybody in the workspace can read them from then on, with all their history. What is shared cannot be taken back
/// from devices that have it. Of a document that is in a workspace already, what is only here is put in; one that is in
/// another workspace than the one named with --workspace gets a copy there.
///
/// What you wrote yourself and looks like a key or a token is not shared unless you say so. In what was imported such words are
/// counted, and go along: --verbose names the documents.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline share 3fa9 \"Trip to Brest\"\n  bowline share --all")]
#[command(override_usage = "bowline share [OPTIONS] <ID|NAME>...\n       bowline share [OPTIONS] --all")]
pub(crate) struct Share {
    /// Which documents: their names, or the beginnings of their ids
    #[arg(required_unless_present = "all", value_name = "ID|NAME")]
    ids: Vec<String>,
    /// All of which something is only on this device, but for memories: those are shared by their names alone
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Into which workspace: its name, or the beginning of its id [default: where the document is, else the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask before sharing all, or memories
    #[arg(long)]
    yes: bool,
    /// Share also what looks like a key or a token
    #[arg(long)]
    allow_secret: bool,
}

#[derive(Serialize)]
struct Answer {
    shared: Vec<Item>,
}

/// What became of one document.
#[derive(Serialize)]
struct Item {
    id: String,
    workspace: String,
    #[serde(flatten)]
    became: Became,
    /// The document that was to be shared, if it is one with another now.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Who had shared that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// How many of its fields and files were not the same there.
    #[serde(skip_serializing_if = "is_zero")]
    differ: usize,
    #[serde(skip)]
    doc: DocId,
    #[serde(skip)]
    place: WorkspaceId,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    kind: Kind,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "shared", rename_all = "snake_case")]
enum Became {
    /// The document was on this device only.
    Moved,
    /// The document was there, and what was only here of it is there as well now.
    PutIn,
    /// All of it was there.
    Unchanged,
    /// The document is in another workspace, and the id is that of the copy.
    Copied,
    /// Another device of this person had shared the same one before, and the id is that of the one document they are now.
    Joined,
}

impl Share {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let named = self.workspace.as_deref().map(|typed| workspaces::chosen(&here.device, Some(typed)));
        let named = named.transpose()?;
        let found = if self.all {
            documents::shareable(&here.device)?
        } else {
            documents::find_all(&here.device, &self.ids)?
        };
        let mut meant = Vec::new();
        for (kind, id) in found {
            let place = documents::workspace_of(&here.device, id)?;
            // All that is only here goes where its document is: nobody has asked for copies of everything.
            let stays = place.filter(|_| self.all || named.is_none());
            let workspace = match stays.or(named) {
                Some(workspace) => workspace,
                None => workspaces::chosen(&here.device, None)?,
            };
            if !self.all {
                workspaces::check_draft(&here.device, workspace)?;
            }
            meant.push((kind, id, workspace));
        }
        self.ask(invocation, &here.device, &meant)?;
        let (shared, failed) = share(invocation, &mut here.device, &meant, self.allow_secret)?;
        let changed = shared.iter().filter(|item| item.became != Became::Unchanged);
        let changed: BTreeSet<WorkspaceId> = changed.map(|item| item.place).collect();
        let missing = meant.len() - shared.len();
        invocation.answer(&Answer { shared })?;
        for workspace in changed {
            syncing::after_change(invocation, &here, workspace)?;
        }
        match failed {
            Some(only) if meant.len() == 1 => Err(only),
            Some(_) => Err(CommandError::new(
                ErrorCode::ShareIncomplete,
                format!("{} could not be shared", count(missing, "document")),
            )
            .hint("which, and why, is said above; the others are shared")),
            None => Ok(()),
        }
    }

    /// Asks before everything is shared, and before what is personal is.
    fn ask(
        &self,
        invocation: &mut Invocation<'_>,
        device: &Device,
        meant: &[(Kind, DocId, WorkspaceId)],
    ) -> Result<(), CommandError> {
        let found: Vec<(Kind, DocId)> = meant.iter().map(|(kind, id, _)| (*kind, *id)).collect();
        let personal: Vec<_> =
            found.iter().copied().filter(|(kind, _)| kind.visibility() == Visibility::Personal).collect();
        let places: BTreeSet<WorkspaceId> = meant.iter().map(|(.., workspace)| *workspace).collect();
        let places: Vec<String> = places
            .into_iter()
            .map(|workspace| format!("workspace {}", workspaces::label(device, workspace)))
            .collect();
        let places = places.join(" and ");
        if self.all && !found.is_empty() {
            let amount = documents::amount(&found, "");
            invocation.confirm(self.yes, &format!("Share {amount} with everybody in {places}?"))?;
        } else if !personal.is_empty() {
            let amount = documents::amount(&personal, "");
            let files = "what an agent knows about its person";
            invocation.confirm(self.yes, &format!("Share {amount} ({files}) with everybody in {places}?"))?;
        }
        Ok(())
    }
}

/// Shares these documents, each by itself: one that can't be does not keep the others back. What was shared, and the
/// last error.
fn share(
    invocation: &mut Invocation<'_>,
    device: &mut Device,
    meant: &[(Kind, DocId, WorkspaceId)],
    allow_secret: bool,
) -> Result<(Vec<Item>, Option<CommandError>), CommandError> {
    let now = invocation.now();
    let (mut shared, mut failed) = (Vec::new(), None);
    let mut secrets = Secrets::default();
    for (kind, id, workspace) in meant {
        let checked = if allow_secret { Ok(()) } else { secrets.check(device, *id, *workspace, now) };
        match checked.and_then(|()| Ok(device.share(*id, *workspace, now)?)) {
            Ok(what) => {
                let (now_id, became) = match what {
                    Shared::Moved => (*id, Became::Moved),
                    Shared::PutIn => (*id, Became::PutIn),
                    Shared::Unchanged => (*id, Became::Unchanged),
                    Shared::Copied(copy) => (copy, Became::Copied),
                    Shared::Joined { into, .. } => (into, Became::Joined),
                };
                let is_joined = became == Became::Joined;
                let differ = if let Shared::Joined { differ, .. } = what { differ } else { 0 };
                let by = if is_joined { device.shared_by(now_id, now)?.map(|by| by.name) } else { None };
                shared.push(Item {
                    id: now_id.to_string(),
                    workspace: workspace.to_string(),
                    became,
                    from: is_joined.then(|| id.to_string()),
                    by,
                    differ,
                    doc: now_id,
                    place: *workspace,
                    name: workspaces::label(device, *workspace),
                    kind: *kind,
                });
            }
            Err(error) => {
                if meant.len() > 1 {
                    let name = documents::prefixes(device)?.shorten(*id);
                    invocation.warn(format_args!("{} {name}: {}", kind.words().one, error.message));
                }
                failed = Some(error);
            }
        }
    }
    secrets.tell(invocation, device)?;
    let mut doubles = Vec::new();
    for item in shared.iter().filter(|item| item.became == Became::Moved) {
        doubles.extend(device.namesakes(item.doc)?.first().map(|other| (item.doc, *other)));
    }
    hint_at_doubles(invocation, device, &doubles)?;
    Ok((shared, failed))
}

/// After making or linking a workspace: asks about what is only on this device. With nobody to ask, nothing is shared.
pub(super) fn offer(
    invocation: &mut Invocation<'_>,
    device: &mut Device,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let found = documents::shareable(device)?;
    if found.is_empty() {
        return Ok(());
    }
    let amount = documents::amount(&found, "");
    match invocation.ask(&format!("Share {}?", documents::amount(&found, "existing")))? {
        Some(true) => {
            let mut meant = Vec::new();
            for (kind, id) in found {
                meant.push((kind, id, documents::workspace_of(device, id)?.unwrap_or(workspace)));
            }
            let (shared, failed) = share(invocation, device, &meant, false)?;
            if failed.is_some() {
                let n = grouped(shared.len() as u64);
                invocation
                    .warn(format_args!("{n} of {amount} are shared; `bowline share --all` tries again"));
            } else {
                invocation.say(format_args!("Sharing {amount}."));
            }
        }
        Some(false) => invocation.say(format_args!(
            "Kept on this device. `bowline share ID` or `bowline share --all` shares later."
        )),
        None => invocation.say(format_args!(
            "Only on this device: {amount}. `bowline share ID` or `bowline share --all` shares them."
        )),
    }
    Ok(())
}

/// What is told of several documents in one sentence: the workspace's name, what became of them, and by whom.
type Alike<'a> = (&'a str, Became, Option<&'a str>);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shared.is_empty() {
            return writeln!(
                f,
                "There is nothing to share: nothing is only on this device but what you keep here"
            );
        }
        let mut told: BTreeMap<Alike<'_>, Vec<(Kind, DocId)>> = BTreeMap::new();
        for item in &self.shared {
            // Only how many there are of each kind is told.
            let one = (item.kind, DocId::from_bytes([0; DocId::LEN]));
            told.entry((&item.name, item.became, item.by.as_deref())).or_default().push(one);
        }
        for ((name, became, by), found) in told {
            let amount = documents::amount(&found, "");
            match became {
                Became::Moved => writeln!(f, "Shared {amount} into workspace {name}")?,
                Became::PutIn => writeln!(f, "All of {amount} goes to workspace {name} now")?,
                Became::Unchanged => writeln!(f, "All of {amount} is in workspace {name} already")?,
                Became::Joined => {
                    let (by, those) =
                        (by.unwrap_or("another device"), if found.len() == 1 { "the one" } else { "those" });
                    writeln!(f, "{amount} joined {those} that {} shared into workspace {name}", OneLine(by))?;
                }
                Became::Copied => writeln!(f, "Workspace {name} gets a copy of {amount}")?,
            }
        }
        for Item { id, kind, differ, .. } in self.shared.iter().filter(|item| item.differ > 0) {
            let (parts, id) = (count(*differ, "part"), id.get(..8).unwrap_or(id));
            let (what, command) = (kind.words().one, documents::command(*kind));
            writeln!(
                f,
                "  {parts} of {what} {id} differed: of files both are there, as `bowline {command} show {id}` lists them; \
                 fields are as they were there"
            )?;
        }
        Ok(())
    }
}
