//! Looking at an entry that was put aside: nothing of it is in a document, and a person may want to know what it says.

use bowline_core::document::{Kind, Piece, Source, words_in};
use bowline_store::{EntryWithBody, Reader};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, LogTime, Millis, WorkspaceId};

use crate::Error;
use crate::rows::entry_of;
use crate::workspace::Workspaces;
use crate::workspace::parts::{Earlier, Held, open_held};
use crate::workspace::status::Quarantined;

/// An entry that was put aside.
#[derive(Clone, Debug)]
pub struct PutAside {
    /// The entry, whose it is and why it was put aside.
    pub what: Quarantined,
    /// The log's time where the entry stands; `None` if it has no place there.
    pub at: Option<LogTime>,
    /// What it says; `None` if it cannot be opened here, or is about no document.
    pub says: Option<Says>,
}

/// What an entry says of a document, by its author's word alone.
#[derive(Clone, Debug)]
pub struct Says {
    /// The document's id in its log.
    pub doc: DocId,
    /// What the document is; `None` for a kind that this version does not know.
    pub kind: Option<Kind>,
    /// What its author calls the document.
    pub title: String,
    /// When it was sealed, by its author's clock.
    pub sealed_at: Millis,
    /// What is written in it; `None` if its bytes break a rule that every entry has to keep, or its kind is not known here.
    pub pieces: Option<Vec<Piece>>,
}

impl Workspaces {
    /// Entries of a workspace that were put aside, whole or in part, each with what it says.
    pub(crate) fn put_aside(&self, read: Reader<'_>, workspace: WorkspaceId) -> Result<Vec<PutAside>, Error> {
        self.check_known(workspace)?;
        let mut found = Vec::new();
        for entry in Quarantined::rows(read, workspace)? {
            let (what, at) = (Quarantined::of(entry.clone()), entry.place.map(|place| place.time));
            let body = read.body(entry.n)?;
            found.push(PutAside { what, at, says: self.said_in(read, EntryWithBody { entry, body })? });
        }
        Ok(found)
    }

    fn said_in(&self, read: Reader<'_>, row: EntryWithBody) -> Result<Option<Says>, Error> {
        let keyrings = self.keyrings();
        let Some((keyring, entry)) = keyrings.of(row.entry.ws).zip(entry_of(row).ok()) else {
            return Ok(None);
        };
        let held = open_held(read, &entry, &keyring.snapshot(), Earlier::Kept)?;
        let Ok(Held::Payload(payload, _)) = held else { return Ok(None) };
        let kind = Kind::from_number(payload.kind);
        let source = match entry.header().entry_type {
            EntryType::Snapshot => Source::Snapshot,
            _ => Source::Changes,
        };
        Ok(Some(Says {
            doc: payload.doc,
            kind,
            title: payload.summary.title.clone(),
            sealed_at: payload.time,
            pieces: kind.and_then(|kind| words_in(kind, source, &payload.bytes).ok()),
        }))
    }
}
