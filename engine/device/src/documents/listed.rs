//! A document's line in a list, which loads nothing.

use bowline_core::document::{Kind, Marks, entries_made_by};
use bowline_store::{ChangeRow, DocFilter, DocRow, OnlyHere, Place, Reader, Trash, Withheld};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

use crate::Error;
use crate::rows::kind_column;

/// A document as a list shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// The document's id.
    pub id: DocId,
    /// The document's workspace; `None` if it is on this device only.
    pub workspace: Option<WorkspaceId>,
    /// A person keeps it here: what is written into it on this device stays.
    pub kept: bool,
    /// What of it the workspace's relay withholds, so that it is not shown.
    pub withheld: Option<Withheld>,
    /// How much of it is only here, beside what its workspace has.
    pub only_here: OnlyHere,
    /// The title of a conversation, else the document's name; may be empty.
    pub title: String,
    /// When it was last edited.
    pub updated_at: Millis,
    /// How many entries it has, or files.
    pub count: u64,
    /// The beginning of its latest text, or of a description.
    pub preview: String,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
    /// How it is filed, of a conversation. Of one that has come from elsewhere that is claimed until it was loaded.
    pub marks: Marks,
}

impl std::fmt::Debug for Listed {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Listed");
        shown.field("id", &self.id).field("updated_at", &self.updated_at).field("count", &self.count);
        shown.finish_non_exhaustive()
    }
}

/// Documents of a kind, newest first: those in view, or those in the trash. Loads none of them.
pub(crate) fn list(read: Reader<'_>, kind: Kind, trash: bool) -> Result<Vec<Listed>, Error> {
    let trash = if trash { Trash::Only } else { Trash::Without };
    let kind = Some(kind_column(kind));
    let filter = DocFilter { place: Place::Anywhere, trash, kind, limit: None };
    read.list_docs(&filter)?.into_iter().map(|row| listed(read, row)).collect()
}

pub(crate) fn listed(read: Reader<'_>, row: DocRow) -> Result<Listed, Error> {
    // Of a document that is kept here in spite of its workspace, what was not sealed is only here.
    let stays = if row.kept && row.ws.is_some() { counted(&read.unsealed(row.n)?, row.kind) } else { 0 };
    let only_here = match row.only_here {
        OnlyHere::Uncounted => OnlyHere::Uncounted,
        OnlyHere::Nothing if stays == 0 => OnlyHere::Nothing,
        OnlyHere::Nothing => OnlyHere::Parts(stays),
        OnlyHere::Parts(parts) => OnlyHere::Parts(parts + stays),
    };
    let withheld = withheld_of(read, &row)?;
    Ok(Listed {
        id: row.id,
        workspace: row.ws,
        kept: row.kept,
        withheld,
        only_here,
        title: row.summary.title,
        updated_at: row.summary.updated_at,
        count: row.summary.count,
        preview: row.summary.preview,
        deleted_at: row.deleted_at,
        marks: Marks::from_bytes(&row.summary.marks),
    })
}

/// What of a document the workspace's relay withholds; `None` if nothing.
pub(crate) fn withheld_of(read: Reader<'_>, row: &DocRow) -> Result<Option<Withheld>, Error> {
    match row.ws.zip(row.wire) {
        Some((workspace, wire)) => Ok(read.withheld_of_doc(workspace, wire)?),
        None => Ok(None),
    }
}

/// How many things a person would count in changes: entries of a conversation or, if there are none, the changes.
fn counted(rows: &[ChangeRow], kind: u8) -> u64 {
    let entries = Kind::from_number(kind.into())
        .map_or(0, |kind| rows.iter().map(|row| entries_made_by(kind, &row.bytes) as u64).sum());
    if entries == 0 { rows.len() as u64 } else { entries }
}
