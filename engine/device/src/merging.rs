//! Making one document of two: by hand, and by itself where one person's devices have imported the same home of another
//! application.

mod templates;
mod twins;

use std::collections::BTreeMap;

use bowline_core::document::{Document, FilePath};
use bowline_core::sync::LinkState;
use bowline_store::{DocRow, Reader, Tx};
use bowline_wire::ids::{DeviceId, DocId, Position, WorkspaceId};
use bowline_wire::log::Log;

use crate::apart::Parts;
use crate::documents::edited::Edited;
use crate::documents::sharing::{is_shared_from_here, note_shared_from_here};
use crate::documents::writers::Writers;
use crate::import::files::{FilesPlan, has_files};
use crate::rows::kind_of;
use crate::workspace::Workspaces;
use crate::{Error, Found, ImportedFiles, Notice, Outcome, Unmergeable, Verdict, WrittenBy};

/// What stands in the name of a file that comes beside another one in a merge: `USER.merged.md`.
const MARK: &str = "merged";

/// What merging two documents came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The one document that both are.
    pub into: DocId,
    /// The other one, which is in the trash, as it was.
    pub from: DocId,
    /// Where the one document is; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// What became of each field and value of the other one, as `name` or `params/temperature`.
    pub fields: Vec<(String, Verdict)>,
    /// What became of each file of the other one.
    pub files: Vec<(FilePath, Verdict)>,
}

impl Merged {
    /// How many fields of the other one were left, and how many of its files came beside, because they differ.
    pub fn differ(&self) -> usize {
        let fields = self.fields.iter().map(|(_, verdict)| verdict);
        let all = fields.chain(self.files.iter().map(|(_, verdict)| verdict));
        all.filter(|verdict| verdict.outcome == Outcome::Conflict).count()
    }
}

/// How long each workspace's log was when it was last looked through for documents that are one.
pub(crate) type Looked = BTreeMap<WorkspaceId, Position>;

/// Merges at work on a device that is taken apart for it.
pub(crate) struct Merging<'d> {
    parts: Parts<'d>,
    /// What there is to send afterwards.
    edits: Vec<Edited>,
}

impl<'d> Merging<'d> {
    pub(crate) fn of(parts: Parts<'d>) -> Self {
        Self { parts, edits: Vec::new() }
    }

    /// Ends them; what there is to send.
    pub(crate) fn into_edits(self) -> Vec<Edited> {
        self.edits
    }

    /// Joins a document that is about to be shared for the first time into the one of another device that it is, if there is
    /// one.
    pub(crate) fn share_into_twin(
        &mut self,
        id: DocId,
        workspace: WorkspaceId,
    ) -> Result<Option<Merged>, Error> {
        let read = self.parts.lent.read();
        let Some(row) = read.find_doc(id)?.filter(|row| row.ws.is_none() && row.deleted_at.is_none()) else {
            return Ok(None);
        };
        if read.find_in_log(workspace, id)?.is_some() {
            return Ok(None);
        }
        let Some(twin) = twins::twin_of(&mut self.parts, &row, workspace)? else { return Ok(None) };
        match self.join(&twin, &row) {
            // Together they are more than one document may be.
            Err(Error::Unmergeable(_) | Error::Edit(_)) => Ok(None),
            joined => joined.map(Some),
        }
    }

    /// Looks in the workspaces that are in step with their relays, if anything has come, for a document that this device has
    /// imported and shared, and another device of the same person before it: the two become one. Whether there may be more.
    pub(crate) fn join_twins(&mut self, looked: &mut Looked) -> Result<bool, Error> {
        let workspaces: Vec<WorkspaceId> = self.parts.workspaces.ids().collect();
        for workspace in workspaces {
            let Ok(replica) = self.parts.workspaces.replica(workspace) else { continue };
            let Some(at) = replica.log().map(|log| log.head().position) else { continue };
            let is_in_step = self.parts.workspaces.is_member(workspace) && replica.link() == LinkState::Live;
            if !is_in_step || looked.get(&workspace) == Some(&at) {
                continue;
            }
            for row in twins::doubles(&self.parts, workspace)? {
                let Some(twin) = twins::twin_of(&mut self.parts, &row, workspace)? else { continue };
                if row.deleted_at.is_some() {
                    self.parts.lent.store.transaction(|tx| tx.move_imports(row.id, twin.id))?;
                    continue;
                }
                match self.join(&twin, &row) {
                    Ok(Merged { into, from, .. }) => {
                        let kind = kind_of(&row)?;
                        self.parts.lent.notices.push(Notice::Merged { workspace, kind, into, from });
                        return Ok(true);
                    }
                    Err(error) if error.is_of_one_document() => {
                        tracing::debug!(%error, "two documents that seem to be one stay two");
                    }
                    Err(error) => return Err(error),
                }
            }
            looked.insert(workspace, at);
        }
        Ok(false)
    }

    /// Who shared a document of a workspace; `None` if nothing of it is on the log yet.
    pub(crate) fn shared_by(&mut self, found: &Found) -> Result<Option<WrittenBy>, Error> {
        let Parts { documents, workspaces, lent } = &mut self.parts;
        let Some((_, device)) = lent.read().first_placed(found.row.n)? else { return Ok(None) };
        Ok(Some(Writers::known(documents, lent, workspaces)?.device(device)))
    }

    /// Joins one document into another: first all that it holds is durable there, then it goes to the trash. After an end between the
    /// two, the same again writes nothing twice.
    pub(crate) fn join(&mut self, into: &DocRow, from: &DocRow) -> Result<Merged, Error> {
        let Parts { documents, workspaces, lent } = &mut self.parts;
        let keyrings = workspaces.keyrings();
        loop {
            let loaded = documents.load_anew(lent, keyrings, from.n)?;
            let (source, rev) = (loaded.shown().clone(), loaded.rev);
            let loaded = documents.load_anew(lent, keyrings, into.n)?;
            // What is only here of it is not what the others have.
            let plan =
                FilesPlan::joining(&source, if into.kept { loaded.shown() } else { &loaded.document }, MARK);
            if !plan.is_all_taken() {
                return Err(Error::Unmergeable(Unmergeable::TooMuch));
            }
            if !plan.writes.is_empty() {
                self.edits.extend(
                    documents.edit(lent, keyrings, into, |document, pen| plan.writes.write(document, pen))?,
                );
            }
            // What is imported into it later goes where it is, as it went where the other one was.
            let goes_out = match (into.ws, from.ws) {
                (Some(workspace), Some(_)) if !is_shared_from_here(lent.read(), from.id, workspace)? => None,
                (workspace, _) => workspace,
            };
            let remember = |tx: &Tx<'_>| -> Result<(), Error> {
                tx.move_imports(from.id, into.id)?;
                goes_out.map_or(Ok(()), |workspace| note_shared_from_here(tx, into.id, workspace))
            };
            let together = |tx: &Tx<'_>| -> Result<(), Error> {
                // Somebody may have written into it since it was read.
                if tx.doc(from.n)?.is_none_or(|row| row.rev != rev + 1) {
                    return Err(Error::Changed(from.id));
                }
                remember(tx)
            };
            let delete = |document: &mut Document, pen| Ok(document.delete(pen)?);
            match documents.set(lent, keyrings, from, delete, &together) {
                Err(Error::Changed(_)) => continue,
                Ok(None) => lent.store.transaction(remember)?, // somebody has deleted it meanwhile
                Ok(Some(deleted)) => self.edits.push(deleted),
                Err(error) => return Err(error),
            }
            let ImportedFiles { fields, files, .. } = plan.imported(true, Some(into));
            return Ok(Merged { into: into.id, from: from.id, workspace: into.ws, fields, files });
        }
    }
}

/// Whether [`Merging::join`] can make one of two documents.
pub(crate) fn check_merge(into: &Found, from: &Found) -> Result<(), Error> {
    has_files(into.kind(), into.id())?;
    if into.kind() != from.kind() {
        return Err(Error::OtherKind(from.id()));
    }
    check(&into.row, &from.row).map_err(Error::Unmergeable)
}

/// Documents of this device's person in the same place with the same name and of the same kind.
pub(crate) fn namesakes(
    (read, workspaces, device): (Reader<'_>, &Workspaces, DeviceId),
    found: &Found,
) -> Result<Vec<DocId>, Error> {
    let is_own = |row: &DocRow| is_own((read, workspaces, device), row);
    let mut others = Vec::new();
    let is_named = has_files(found.kind(), found.id()).is_ok() && !found.title().trim().is_empty();
    if !is_named || !is_own(&found.row)? {
        return Ok(others);
    }
    let is_imported = read.is_imported(found.id())?;
    for row in read.docs_titled(found.row.kind, found.title())? {
        let is_beside = row.ws == found.workspace() && row.id != found.id() && row.deleted_at.is_none();
        if is_beside && !(is_imported && read.is_imported(row.id)?) && is_own(&row)? {
            others.push(row.id);
        }
    }
    Ok(others)
}

/// Whether a device of this one's person has shared a document, or nobody has.
fn is_own(
    (read, workspaces, device): (Reader<'_>, &Workspaces, DeviceId),
    row: &DocRow,
) -> Result<bool, Error> {
    let Some(workspace) = row.ws else { return Ok(true) };
    let Some((_, by)) = read.first_placed(row.n)? else { return Ok(true) };
    // What is stored of its workspace cannot be read.
    let Ok(log) = workspaces.log(workspace) else { return Ok(false) };
    let own = workspaces.own_user(workspaces.keyrings().writer(row.ws, device), workspace)?;
    let roster = log.map(Log::roster);
    Ok(roster.and_then(|roster| roster.device(&by)).is_some_and(|known| known.user == own))
}

/// Whether one document can be joined into another.
fn check(into: &DocRow, from: &DocRow) -> Result<(), Unmergeable> {
    if into.id == from.id {
        return Err(Unmergeable::Same);
    }
    for row in [into, from] {
        if row.deleted_at.is_some() {
            return Err(Unmergeable::InTrash(row.id));
        }
    }
    match (into.ws, from.ws) {
        (Some(first), Some(second)) if first != second => Err(Unmergeable::Apart { first, second }),
        (None, Some(_)) => Err(Unmergeable::OnlyHere(into.id)),
        // What was to stay here would go where the other one is.
        (Some(_), _) if from.kept => Err(Unmergeable::Kept(from.id)),
        // Others would lose sight of what only this device has then.
        (Some(_), Some(_)) if into.kept => Err(Unmergeable::Kept(into.id)),
        _ => Ok(()),
    }
}
