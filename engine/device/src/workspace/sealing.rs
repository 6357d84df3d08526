//! Turning unsealed changes into entries: only with a connection that is caught up, and only once the entry is durable
//! does anything leave.

use bowline_core::document::limits::{CHANGES_MAX, CONTENT_MAX, OPS_MAX};
use bowline_core::document::{Marks, change_hash, operation_count, weight_of};
use bowline_core::payload::{MAX_HEADS, Payload};
use bowline_core::sync::ContentDraft;
use bowline_crypto::SealError;
use bowline_store::{ChangeN, ChangeRow, DocN, DocRow, DocUpdate, Reader, StoreError};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, WorkspaceId};
use bowline_wire::weight::Weight;

use crate::Error;
use crate::documents::held::Documents;
use crate::documents::loading::Derived;
use crate::documents::rewriting::{Rewritten, may_travel};
use crate::lent::Lent;
use crate::rows::{decode_heads, doc_state, encode_heads, insert_offered};
use crate::workspace::Workspaces;
use crate::workspace::linked::Unsealable;
use crate::workspace::owed::awaits_removal;

/// Changes in one payload at most, unless it is the whole document: half of what a recipient takes.
const MAX_CHANGES: usize = CHANGES_MAX / 2;

/// Bytes of changes in one payload before they are compressed: a recipient takes twice as much.
const MAX_CHANGE_BYTES: usize = 4 * 1024 * 1024;

/// The last of those changes that are read for the next payload: an import may leave more than should be in memory.
fn last_of_next(sizes: &[(ChangeN, u64)]) -> Option<ChangeN> {
    let mut bytes = 0;
    let fits = |(_, len): &&(ChangeN, u64)| {
        bytes += len;
        bytes <= MAX_CHANGE_BYTES as u64
    };
    let last = sizes.iter().take(MAX_CHANGES).take_while(fits).last().or(sizes.first());
    last.map(|(n, _)| *n)
}

/// How many of these changes one payload may hold; one always. A text has an operation for each of its characters.
fn acceptable(changes: &[ChangeRow]) -> usize {
    let (mut bytes, mut operations) = (0, 0);
    let fits = |change: &&ChangeRow| {
        bytes += change.bytes.len();
        operations += operation_count(&change.bytes).unwrap_or(0);
        bytes <= MAX_CHANGE_BYTES && operations <= OPS_MAX as u64
    };
    changes.iter().take(MAX_CHANGES).take_while(fits).count().max(1)
}

/// Whether a document is more than one payload holds and all of it is in these changes, so that it need not be loaded.
fn is_all_in(read: Reader<'_>, n: DocN, sizes: &[(ChangeN, u64)]) -> Result<bool, Error> {
    let bytes: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    Ok(bytes > CONTENT_MAX as u64 && read.base(n)?.is_none())
}

/// What one payload is to hold, in one entry or in parts.
struct Work {
    entry_type: EntryType,
    payload: Payload,
    weight: Weight,
    changes: Vec<ChangeN>,
}

impl Workspaces {
    /// Seals unsealed work, one payload for each document, and offers it. Whether anything was sealed.
    pub(super) fn seal_work(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        if self.replica(workspace)?.ready_to_seal().is_err()
            || awaits_removal(lent.read(), lent.keys, self.replica(workspace)?)?
        {
            return Ok(false);
        }
        let mut sealed = false;
        for n in lent.read().docs_with_unsealed(Some(workspace))? {
            if self.replica(workspace)?.ready_to_seal().is_err() {
                break;
            }
            if self.linked(workspace)?.unsealable.contains_key(&n) {
                continue;
            }
            let row = lent.row(n)?;
            if !self.is_in_flight(workspace, row.in_log())? {
                sealed |= self.seal_document(lent, documents, workspace, &row)?;
            }
        }
        Ok(sealed)
    }

    /// Whether an entry of this document is on its way: what is written meanwhile goes into the next one together.
    fn is_in_flight(&self, workspace: WorkspaceId, id: DocId) -> Result<bool, Error> {
        let wire = self.keyrings().wire_doc(workspace, id);
        Ok(self.replica(workspace)?.offered().any(|entry| Some(entry.header().doc) == wire))
    }

    fn seal_document(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        row: &DocRow,
    ) -> Result<bool, Error> {
        let n = row.n;
        let rewritten = if self.has_work_of_before(lent, workspace, n)? {
            match documents.write_in_own_name(lent, self.keyrings(), n)? {
                Rewritten::Nothing => None,
                Rewritten::Done => Some(lent.row(n)?),
                Rewritten::Full => return self.keep_full(workspace, n),
            }
        } else {
            None
        };
        let row = rewritten.as_ref().unwrap_or(row);
        let sizes = lent.read().unsealed_sizes(n)?;
        let Some(last) = last_of_next(&sizes) else {
            return Ok(false); // another process has taken it back
        };
        let mut whole = false;
        // Changes one after the other are as good as all of it, unless there is more in the document than they hold.
        let mut divisible = true;
        // A snapshot that was refused may have held more than the changes that are unsealed again.
        let as_whole = row.state == doc_state::NEVER_SEALED
            || lent.read().was_refused(n, EntryType::Snapshot.number())?;
        let mut changes = Vec::new();
        // What of before still waits for others can't be written again yet, and stays.
        let writer = self.device_in(lent.keys, workspace);
        if as_whole && !is_all_in(lent.read(), n, &sizes)? {
            // Loading comes first: it may write something again.
            let loaded = documents.load(lent, self.keyrings(), row)?;
            let document = &loaded.document;
            changes = lent.read().unsealed(n)?;
            // What waits for others is not in the document, and has not travelled with it.
            let is_in = |change: &ChangeRow| {
                !loaded.ours_wait || change_hash(&change.bytes).is_some_and(|it| document.contains(&it))
            };
            changes.retain(|change| may_travel(&change.bytes, writer) && is_in(change));
            let (count, operations) = document.extent();
            let first = document.kind().first_change();
            // Whoever gets the entry refuses more than this, however well it compresses.
            whole = !changes.is_empty() && count <= CHANGES_MAX && operations <= OPS_MAX as u64;
            divisible = changes.is_empty()
                || count == 1 + changes.iter().filter(|change| change.bytes != first).count();
        }
        if !whole && !divisible {
            let len = documents.load(lent, self.keyrings(), row)?.document.save().len();
            return self.keep_queued(workspace, n, len);
        }
        if !whole {
            changes = lent.read().unsealed_up_to(n, last)?;
            changes.retain(|change| may_travel(&change.bytes, writer));
            if changes.is_empty() {
                // What waits fills the batch: what was written behind it goes all the same.
                changes = lent.read().unsealed(n)?;
                changes.retain(|change| may_travel(&change.bytes, writer));
            }
            changes.truncate(acceptable(&changes));
        }
        if changes.is_empty() {
            return Ok(false);
        }
        let mut work = self.gather(lent, documents, row, &changes, whole)?;
        if whole && divisible && work.payload.bytes.len() > CONTENT_MAX {
            changes.truncate(acceptable(&changes));
            work = self.gather(lent, documents, row, &changes, false)?;
        }
        if work.payload.bytes.len() > CONTENT_MAX {
            return self.keep_queued(workspace, n, work.payload.bytes.len());
        }
        if !self.replica(workspace)?.has_room_for(row.in_log(), work.weight) {
            return self.keep_full(workspace, n);
        }
        match self.seal(lent, workspace, &work)? {
            Ok(entries) => {
                self.offer(lent, documents, workspace, row, &work, entries)?;
                Ok(true)
            }
            Err(SealError::TooLarge { len, .. }) => self.keep_queued(workspace, n, len),
            Err(SealError::Compressor) => Err(Error::NoMemory),
            Err(_) => Ok(false),
        }
    }

    /// Whether unsealed work is by the device that this one was in the workspace before it came back as a new one.
    fn has_work_of_before(&self, lent: &Lent<'_>, workspace: WorkspaceId, n: DocN) -> Result<bool, Error> {
        let writer = self.device_in(lent.keys, workspace);
        if writer == lent.device() {
            return Ok(false);
        }
        Ok(lent.read().unsealed(n)?.iter().any(|change| !may_travel(&change.bytes, writer)))
    }

    fn keep_queued(&mut self, workspace: WorkspaceId, n: DocN, len: usize) -> Result<bool, Error> {
        tracing::warn!(len, "unsealed work is more than others would take and stays queued");
        self.linked(workspace)?.unsealable.insert(n, Unsealable::TooLarge(len));
        Ok(false)
    }

    fn keep_full(&mut self, workspace: WorkspaceId, n: DocN) -> Result<bool, Error> {
        tracing::warn!("a document has as much as it may have, and unsealed work stays queued");
        self.linked(workspace)?.unsealable.insert(n, Unsealable::Full);
        Ok(false)
    }

    fn seal(
        &mut self,
        lent: &mut Lent<'_>,
        workspace: WorkspaceId,
        work: &Work,
    ) -> Result<Result<Vec<Entry>, SealError>, Error> {
        let Work { entry_type, payload, weight, .. } = work;
        let (entry_type, weight, covering) = (*entry_type, *weight, None);
        let draft = ContentDraft { entry_type, payload, weight, covering };
        self.with_replica(lent, workspace, |replica, cx| replica.seal(&draft, cx))
    }

    /// A document that was never sealed is sealed whole; after that, its stored changes as they are, which loads nothing.
    fn gather(
        &self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        row: &DocRow,
        changes: &[ChangeRow],
        whole: bool,
    ) -> Result<Work, Error> {
        // What a row shows of a document with something that is only here is not for the others; and where something came
        // since, it shows what others claimed.
        let is_claimed = lent.read().has_unapplied(row.n)?;
        let as_sealed = if row.only_here.is_some() || is_claimed {
            let derived = Derived::of(&documents.load(lent, self.keyrings(), row)?.document);
            Some(derived.no_later_than(lent.now, row.summary.updated_at).into_row(row))
        } else {
            None
        };
        let row = as_sealed.as_ref().unwrap_or(row);
        let (entry_type, heads, bytes, operations) = if whole {
            let document = &documents.load(lent, self.keyrings(), row)?.document;
            let (_, operations) = document.extent();
            (EntryType::Snapshot, encode_heads(&document.heads()), document.save(), operations)
        } else {
            let bytes: Vec<u8> = changes.iter().flat_map(|change| change.bytes.iter().copied()).collect();
            let operations = changes.iter().filter_map(|change| operation_count(&change.bytes)).sum();
            (EntryType::Changes, row.heads.clone(), bytes, operations)
        };
        let weight = Weight::of(weight_of(bytes.len(), operations));
        let summary = bowline_core::document::Summary {
            title: row.summary.title.clone(),
            updated_at: row.summary.updated_at,
            count: row.summary.count,
            preview: row.summary.preview.clone(),
        };
        let payload = Payload {
            doc: row.in_log(),
            kind: row.kind.into(),
            time: lent.now,
            heads: decode_heads(&heads).into_iter().take(MAX_HEADS).collect(),
            bytes,
            summary,
            deleted_at: row.deleted_at,
            marks: Some(Marks::from_bytes(&row.summary.marks).claimed()),
        };
        Ok(Work { entry_type, payload, weight, changes: changes.iter().map(|change| change.n).collect() })
    }

    /// Stores everything the work was sealed in as offered, with its changes marked, all at once, and only then hands it over
    /// to be sent. The changes go with the last part: whichever part is refused for good, the last one is among those that
    /// go with it.
    fn offer(
        &mut self,
        lent: &mut Lent<'_>,
        documents: &mut Documents,
        workspace: WorkspaceId,
        row: &DocRow,
        work: &Work,
        entries: Vec<Entry>,
    ) -> Result<(), Error> {
        let stored = lent.store.transaction(|tx| -> Result<Option<u64>, StoreError> {
            // Another process may have taken the document back in the meantime: then nothing of it leaves.
            let Some(row) = tx.doc(row.n)?.filter(|now| now.ws == Some(workspace) && !now.kept) else {
                return Ok(None);
            };
            for entry in &entries {
                let is_last = entry.header().part.is_last();
                let n = insert_offered(tx, entry, is_last.then_some(row.n))?;
                if is_last {
                    tx.mark_sealed(&work.changes, n)?;
                }
            }
            let (heads, summary, deleted_at) = (row.heads.as_slice(), &row.summary, row.deleted_at);
            tx.update_doc(row.n, &DocUpdate { heads, state: doc_state::SEALED, summary, deleted_at })
                .map(Some)
        })?;
        let Some(rev) = stored else {
            return Ok(());
        };
        documents.wrote(row.n, rev);
        for entry in entries {
            self.linked(workspace)?.replica.offer(entry, lent.now);
        }
        Ok(())
    }
}
