//! What follows from entries that were stored for everything but their own rows: documents that became more, authors that
//! were heard of, and what the person is told.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::sync::Verdict;
use bowline_store::DocN;
use bowline_wire::ids::{DeviceId, EntryId, LogTime, WorkspaceId};

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::{Error, Notice};

/// What became of one entry.
#[derive(Default)]
pub(crate) struct Taken {
    /// The document that has become more by it, and whose row was written once for that.
    pub(crate) doc: Option<DocN>,
    /// The entry's id, if it was put aside.
    pub(crate) aside: Option<EntryId>,
    /// The entry was here before, and is on the log again: nobody has written anything just now.
    pub(crate) again: bool,
}

/// What became of many entries together.
#[derive(Default)]
pub(crate) struct Consequences {
    /// How often the row of each document that has become more was written.
    pub(crate) touched: BTreeMap<DocN, u64>,
    /// When each author but this device last wrote something, by the log.
    pub(crate) heard: BTreeMap<DeviceId, LogTime>,
    /// What to tell the person.
    pub(crate) notices: Vec<Notice>,
}

impl Consequences {
    /// Adds what became of an entry that came just now.
    pub(crate) fn add(&mut self, workspace: WorkspaceId, taken: Taken) {
        if let Some(doc) = taken.doc {
            *self.touched.entry(doc).or_insert(0) += 1;
        }
        self.notices.extend(taken.aside.map(|entry| Notice::Quarantined { workspace, entry }));
    }

    /// Notes when the author of an entry that counts wrote it.
    pub(crate) fn hear(&mut self, time: LogTime, verdict: &Verdict) {
        if let Verdict::Roster(entry, _)
        | Verdict::Content(entry)
        | Verdict::Withheld(entry)
        | Verdict::GivenUp(entry) = verdict
        {
            self.heard.insert(entry.header().device, time);
        }
    }

    /// Adds entries that had been put aside and were opened after all. Nobody is told of one that was put aside a moment
    /// ago.
    pub(crate) fn add_opened(&mut self, workspace: WorkspaceId, opened: Vec<(EntryId, Taken)>) {
        let ids: BTreeSet<EntryId> = opened.iter().map(|(entry, _)| *entry).collect();
        let is_of_one =
            |notice: &Notice| matches!(notice, Notice::Quarantined { entry, .. } if ids.contains(entry));
        self.notices.retain(|notice| !is_of_one(notice));
        for (_, taken) in opened {
            self.add(workspace, taken);
        }
    }
}

/// More has come for these documents, which wrote their rows so many times.
pub(super) fn mark_stale(
    lent: &Lent<'_>,
    documents: &mut Documents,
    touched: &BTreeMap<DocN, u64>,
) -> Result<(), Error> {
    for (doc, writes) in touched {
        documents.has_more(*doc, *writes, || Ok(lent.read().doc(*doc)?.map(|row| row.rev)))?;
    }
    Ok(())
}
