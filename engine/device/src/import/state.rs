//! A session on its way in: what is planned of it, and what of that is not stored yet.

use bowline_core::document::{ChangeHash, ImportBatch};
use bowline_store::{DocN, LineHash};
use bowline_wire::ids::DocId;

use super::plan::{LinePlan, LineWrite, Place, SessionPlan};
use super::remembered::SessionMemory;
use super::run::Run;
use super::source::SourceSession;

/// A session on its way in. Dropped without [`Device::finish_import`](crate::Device::finish_import), what was stored of it stays, and the next import
/// goes on from there.
pub struct SessionImport {
    pub(super) source: String,
    pub(super) id: DocId,
    pub(super) session: SourceSession,
    pub(super) plan: SessionPlan,
    /// What is remembered, with what was stored since.
    pub(super) memory: SessionMemory,
    /// The document its lines go into, if there is one yet.
    pub(super) row: Option<DocN>,
    /// The heads of the document when it was asked, and after each batch of this import's since.
    pub(super) asked_heads: Vec<ChangeHash>,
    pub(super) batch: ImportBatch,
    /// Lines that are not remembered yet, and the number of the first.
    pub(super) hashes: Vec<LineHash>,
    pub(super) hashes_from: u64,
    pub(super) run: Option<Run>,
}

impl SessionImport {
    pub(super) fn begin(source: String, id: DocId, session: &SourceSession, plan: SessionPlan) -> Self {
        Self {
            source,
            id,
            session: session.clone(),
            plan,
            memory: SessionMemory { is_all: true, ..SessionMemory::default() },
            row: None,
            asked_heads: Vec::new(),
            batch: ImportBatch::default(),
            hashes: Vec::new(),
            hashes_from: 0,
            run: None,
        }
    }

    /// Which document it is, or will be.
    pub fn id(&self) -> DocId {
        self.id
    }

    /// Whether its document is one that this import makes.
    pub(super) fn is_new(&self) -> bool {
        self.plan.place() == Place::New
    }

    /// Whether the document has no lines but those that are remembered.
    pub(super) fn has_all(&self) -> bool {
        self.plan.has_all().unwrap_or(self.memory.is_all)
    }

    /// All lines so far are remembered.
    pub(super) fn are_remembered(&mut self) {
        self.hashes_from += self.hashes.len() as u64;
        self.hashes.clear();
    }

    /// Puts what is planned of a line into the batch.
    pub(super) fn take(&mut self, hash: LineHash, plan: LinePlan<'_>) {
        if let Some(torn) = plan.completes {
            self.batch.complete_aside(torn);
        }
        plan.fills.into_iter().for_each(|gap| self.batch.fill_gap(gap));
        match plan.write {
            Some(LineWrite::Header(header)) => self.batch.set_header(header),
            Some(LineWrite::Entry(position, entry)) => {
                self.batch.add_entry(position, entry);
                self.memory.tally.add(entry);
            }
            Some(LineWrite::Aside(aside)) => self.batch.add_aside(aside),
            Some(LineWrite::Gap(gap)) => self.batch.add_gap(gap),
            None => {}
        }
        self.pass(hash, plan.is_remembered);
    }

    /// Notes a line as one that was looked at.
    pub(super) fn pass(&mut self, hash: LineHash, is_remembered: bool) {
        (self.memory.asides, self.memory.aside_bytes) = self.plan.asides();
        if is_remembered {
            self.hashes_from = self.plan.passed();
        } else {
            self.hashes.push(hash);
        }
    }
}

impl std::fmt::Debug for SessionImport {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionImport")
            .field("id", &self.id)
            .field("passed", &self.plan.passed())
            .finish_non_exhaustive()
    }
}
