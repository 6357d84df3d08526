//! A session on its way in: how far it is, and how it is known what is new.

use bowline_core::document::limits::{ASIDES_MAX, ASIDES_TOTAL_MAX};
use bowline_core::document::{Aside, EditError, ImportBatch, ImportedLine};
use bowline_store::{DocN, LineHash};
use bowline_wire::ids::{DocId, WorkspaceId};

use super::lines::Lines;
use super::remembered::SessionMemory;
use super::writing::Run;
use super::{LineOutcome, SessionOrigin};
use crate::Error;

/// A session on its way in. Dropped without [`Device::finish_import`](crate::Device::finish_import), what was stored of it stays, and the next import
/// goes on from there.
pub struct SessionImport {
    pub(super) source: String,
    pub(super) id: DocId,
    pub(super) app: String,
    pub(super) session: String,
    pub(super) key: Option<String>,
    /// What is remembered, with what was stored since.
    pub(super) memory: SessionMemory,
    pub(super) place: Place,
    pub(super) way: Way,
    /// Lines handed over so far, and entries among them.
    pub(super) line: u64,
    pub(super) position: u32,
    /// Lines since the last entry that are none.
    pub(super) aside_number: u16,
    pub(super) batch: ImportBatch,
    /// Lines that are not remembered yet, and the number of the first.
    pub(super) hashes: Vec<LineHash>,
    pub(super) hashes_from: u64,
    pub(super) run: Option<Run>,
    pub(super) added: u64,
    pub(super) present: u64,
    pub(super) asides: u64,
    pub(super) left: u64,
    pub(super) header_added: bool,
    /// A torn line that was kept aside is whole by now.
    pub(super) aside_completed: bool,
    /// What the application said the last time is taken from the document.
    pub(super) is_believed: bool,
}

/// Where the lines of a session go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into a document that is to be made.
    Nowhere,
    /// Into one that this import has made.
    Made(DocN),
    /// Into a copy, made by this import, of what a workspace has.
    Copy(DocN, WorkspaceId),
    /// Into one that was here.
    Found(DocN, Option<WorkspaceId>),
}

impl Place {
    pub(super) fn row(self) -> Option<DocN> {
        match self {
            Self::Nowhere => None,
            Self::Made(n) | Self::Copy(n, _) | Self::Found(n, _) => Some(n),
        }
    }

    pub(super) fn workspace(self) -> Option<WorkspaceId> {
        match self {
            Self::Found(_, workspace) => workspace,
            Self::Nowhere | Self::Made(_) | Self::Copy(..) => None,
        }
    }
}

/// How it is known of a line whether it is there.
pub(super) enum Way {
    /// All lines so far were as remembered; these are the next, and the number of the first.
    Remembered(u64, Vec<LineHash>),
    /// A line was not as remembered, so that the document has to be asked from here on.
    Diverged,
    /// Whatever comes is new.
    New,
    /// The document is asked.
    Asked(Box<Lines>),
    /// A document of a workspace is asked to which nothing may be added.
    Watched(DocN, WorkspaceId, Box<Lines>),
    /// It is in the trash.
    InTrash,
}

impl SessionImport {
    pub(super) fn begin(source: String, id: DocId, origin: &SessionOrigin<'_>) -> Self {
        Self {
            source,
            id,
            app: origin.app.to_owned(),
            session: origin.session.to_owned(),
            key: origin.key.map(str::to_owned),
            memory: SessionMemory { is_all: true, ..SessionMemory::default() },
            place: Place::Nowhere,
            way: Way::New,
            line: 0,
            position: 0,
            aside_number: 0,
            batch: ImportBatch::default(),
            hashes: Vec::new(),
            hashes_from: 0,
            run: None,
            added: 0,
            present: 0,
            asides: 0,
            left: 0,
            header_added: false,
            aside_completed: false,
            is_believed: false,
        }
    }

    /// Which document it is, or will be.
    pub fn id(&self) -> DocId {
        self.id
    }

    /// Whether the document is asked for each line.
    pub(super) fn asks(&self) -> bool {
        matches!(self.way, Way::Asked(_))
    }

    /// Whether the document has no lines but those that are remembered.
    pub(super) fn has_all(&self) -> bool {
        match &self.way {
            Way::Asked(lines) => lines.are_taken(),
            _ => self.memory.is_all,
        }
    }

    /// All lines so far are remembered.
    pub(super) fn are_remembered(&mut self) {
        self.hashes_from += self.hashes.len() as u64;
        self.hashes.clear();
    }

    pub(super) fn is_changed(&self) -> bool {
        self.added > 0 || self.asides > 0 || self.header_added || self.aside_completed
    }

    /// Counts a line of the file.
    pub(super) fn pass(&mut self, line: ImportedLine<'_>, hash: LineHash) -> Result<(), Error> {
        match line {
            ImportedLine::Header(_) => {}
            ImportedLine::Entry(_) => {
                self.position = self.position.checked_add(1).ok_or(EditError::Full)?;
                self.aside_number = 0;
            }
            ImportedLine::Aside(_) => self.aside_number = self.aside_number.saturating_add(1),
        }
        self.pass_hash(hash);
        Ok(())
    }

    pub(super) fn pass_hash(&mut self, hash: LineHash) {
        if matches!(self.way, Way::Remembered(..)) {
            self.hashes_from = self.line + 1;
        } else {
            self.hashes.push(hash);
        }
        self.line += 1;
    }

    /// Whether there is room to keep a line aside; why not.
    fn room_aside(&self, len: usize) -> Result<(), &'static str> {
        if self.memory.asides >= ASIDES_MAX {
            Err("too many lines of this file are no transcript entries")
        } else if self.memory.aside_bytes + len > ASIDES_TOTAL_MAX {
            Err("the lines of this file that are no transcript entries are too long")
        } else {
            Ok(())
        }
    }

    /// A line that was kept aside is the beginning of one that is there: it is kept no longer.
    pub(super) fn complete(&mut self, torn: Aside) {
        self.memory.asides = self.memory.asides.saturating_sub(1);
        self.memory.aside_bytes = self.memory.aside_bytes.saturating_sub(torn.bytes.len());
        self.batch.complete_aside(torn);
        self.aside_completed = true;
    }

    /// Puts a new line into the batch.
    pub(super) fn add(&mut self, line: &[u8], class: ImportedLine<'_>, torn: Option<Aside>) -> LineOutcome {
        if let Some(torn) = torn {
            self.complete(torn);
        }
        match class {
            ImportedLine::Header(header) => {
                self.batch.set_header(header);
                self.header_added = true;
                LineOutcome::Header
            }
            ImportedLine::Entry(entry) => {
                self.batch.add_entry(self.position, entry);
                self.memory.tally.add(entry);
                self.added += 1;
                LineOutcome::Entry
            }
            ImportedLine::Aside(why) => match self.room_aside(line.len()) {
                Ok(()) => {
                    self.memory.asides += 1;
                    self.memory.aside_bytes += line.len();
                    let (position, number) = (self.position, self.aside_number);
                    self.batch.add_aside(Aside { position, number, bytes: line.to_vec() });
                    self.asides += 1;
                    LineOutcome::Aside(why)
                }
                Err(why) => {
                    self.left += 1;
                    LineOutcome::NotKept(why)
                }
            },
        }
    }
}

impl std::fmt::Debug for SessionImport {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionImport")
            .field("id", &self.id)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}
