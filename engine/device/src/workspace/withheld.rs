//! Bodies that a relay withholds: which entries wait for one, what is done when it comes, and what this device supplies to a
//! relay that has lost some.

use bowline_core::sync::{Ingested, Verdict};
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_store::{EntryRow, EntryWithBody, Reader, Tx};
use bowline_wire::bodies::{Bodiless, BodyName, Supplied};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{Lane, Millis, Position, WorkspaceId};
use bowline_wire::limits::{MAX_BODIES_PER_FRAME, MAX_FRAME};

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::entry_of;
use crate::workspace::Workspaces;
use crate::workspace::entries::reopen;
use crate::workspace::taken::{Consequences, Taken, mark_stale};
use crate::{Error, Notice};

/// Bytes of a Supply frame besides its bodies.
const FRAME_ROOM: usize = 64;

/// What of a workspace its relay withholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithheldStatus {
    /// Entries whose bodies are not here.
    pub entries: u64,
    /// The documents that they are of.
    pub documents: u64,
    /// The first of them came at this time, by this device's clock.
    pub since: Millis,
}

/// What of a workspace its relay withholds; `None` if that is nothing.
pub(super) fn status(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<WithheldStatus>, Error> {
    let Some(withheld) = read.withheld_of_workspace(workspace)? else {
        return Ok(None);
    };
    let documents = read.docs_withheld(workspace)?;
    Ok(Some(WithheldStatus { entries: withheld.entries, documents, since: withheld.since }))
}

/// Whether something came without its body, while everything that came before has its own.
pub(super) fn begins(read: Reader<'_>, workspace: WorkspaceId, ingested: &Ingested) -> Result<bool, Error> {
    let is_withheld = |verdict: &Verdict| matches!(verdict, Verdict::Withheld(_));
    let has_come = ingested.entries.iter().any(|item| is_withheld(&item.verdict));
    Ok(has_come && read.withheld_of_workspace(workspace)?.is_none())
}

/// Stores a body that has come and takes its entry in, and with it what waited for it. Gives nothing for bytes that are not the
/// entry's body, or that came before.
fn take_body(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    supplied: Supplied,
    keys: Option<&KeySnapshot>,
    now: Millis,
) -> Result<Vec<Taken>, Error> {
    let Supplied { position, body } = supplied;
    let Some(row) = tx.withheld_at(workspace, position)? else {
        return Ok(Vec::new());
    };
    let (n, doc) = (row.n, row.doc);
    let entry = entry_of(EntryWithBody { entry: row, body: Some(body) }).ok();
    let Some((entry, body)) = entry.as_ref().and_then(|entry| Some((entry, entry.body()?))) else {
        tracing::warn!(position = position.0, "a body came that is not its entry's");
        return Ok(Vec::new());
    };
    tx.end_withheld(n, body)?;
    if doc.is_some() {
        // Ours, and the document has had what is in it since it was written.
        return Ok(vec![Taken { doc, ..Taken::default() }]);
    }
    let mut taken = vec![reopen(tx, n, entry, keys, now)?.1];
    let (header, part) = (entry.header(), entry.header().part);
    if !part.is_last() {
        let last = header.seq + u64::from(part.count - 1 - part.index);
        let found = tx.accepted_in_chain(workspace, &header.chain(), last)?;
        if let Some(last) = found.filter(|found| found.entry.doc.is_none()) {
            let n = last.entry.n;
            taken.push(reopen(tx, n, &entry_of(last)?, keys, now)?.1);
        }
    }
    Ok(taken)
}

/// What the sync machine has to know of an entry to ask for its body.
fn bodiless(row: EntryRow) -> Option<Bodiless> {
    let (position, id) = (row.place?.pos, row.id);
    let entry = entry_of(EntryWithBody { entry: row, body: None }).ok()?;
    Some(Bodiless { position, id, name: BodyName::of(&entry) })
}

impl Workspaces {
    /// Has the replica ask for bodies that are withheld, if it is time; true if it did.
    pub(super) fn fetch_withheld(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        let now = lent.now;
        let replica = &mut self.linked(workspace)?.replica;
        let mut has_looked = false;
        while let Some(after) = replica.fetches_after(now) {
            let rows = lent.read().withheld_behind(workspace, after, MAX_BODIES_PER_FRAME)?;
            replica.fetch(rows.into_iter().filter_map(bodiless).collect(), now);
            has_looked = true;
        }
        Ok(has_looked)
    }

    /// Stores bodies that had been withheld, and takes in what waited for them.
    pub(super) fn take_bodies(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        bodies: Vec<Supplied>,
    ) -> Result<(), Error> {
        let keys = self.replica(workspace)?.keyring().map(Keyring::snapshot);
        let now = lent.now;
        let mut after = Consequences::default();
        lent.store.transaction(|tx| -> Result<(), Error> {
            let mut has_come = false;
            for supplied in bodies {
                for taken in take_body(tx, workspace, supplied, keys.as_ref(), now)? {
                    after.add(workspace, taken);
                    has_come = true;
                }
            }
            if has_come && tx.withheld_of_workspace(workspace)?.is_none() {
                after.notices.push(Notice::NothingWithheld(workspace));
            }
            Ok(())
        })?;
        mark_stale(lent, documents, &after.touched)?;
        self.note_first_withheld(lent, workspace)?;
        for notice in after.notices {
            lent.notices.push(notice);
        }
        Ok(())
    }

    /// Sends those of the bodies of content at these positions that are here: one frame, or nothing if none is.
    pub(super) fn supply(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        positions: &[Position],
    ) -> Result<(), Error> {
        let (mut bodies, mut bytes) = (Vec::new(), FRAME_ROOM);
        for position in positions {
            let found = lent.read().placed_at(workspace, *position)?;
            let content = found.filter(|found| found.entry.chain.lane == Lane::Content);
            let Some(body) = content.and_then(|found| found.body) else { continue };
            bytes += Supplied::wire_len(body.len());
            if bytes > MAX_FRAME {
                break;
            }
            bodies.push(Supplied { position: *position, body });
        }
        if bodies.is_empty() {
            return Ok(());
        }
        tracing::info!(bodies = bodies.len(), "supplying bodies that the relay has lost");
        self.transmit(workspace, &Frame::Supply { bodies })
    }
}
