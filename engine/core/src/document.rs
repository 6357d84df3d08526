//! Documents: what a conversation, agent, skill, memory or profile holds, how this device edits it, and how it takes in what others wrote.
//!
//! Automerge stays behind this module. A [`Document`] begins with the first change that is built in for its kind, is
//! edited through typed views that answer each edit's one change as bytes to store, and grows by
//! [`Document::apply`], or from nothing by [`Document::assemble`], from accepted entries. What the entries say, not the
//! order they came in, decides what it holds.
//!
//! Architecture Invariant: foreign bytes reach Automerge only through `guard`, after `change` or `snapshot` has bounded
//! them and `history` has found that they refer to nothing their author had not seen.

mod actor;
mod agent;
mod assemble;
mod change;
mod columns;
mod conversation;
mod cursor;
mod deletion;
mod edit;
mod fields;
mod files;
mod first;
mod guard;
mod history;
mod incoming;
pub mod limits;
mod memory;
mod operations;
mod pool;
mod profile;
mod replay;
mod skill;
mod snapshot;
mod summary;

use std::sync::OnceLock;

use automerge::Automerge;

pub use actor::ActorId;
pub use agent::{Agent, AgentEdit, AgentField, AgentMut, AgentValues, Json, NotJson};
pub use assemble::{Applied, Assembled, NeedsRebuild};
pub use change::{ChangeHash, change_hash, operation_count};
pub use conversation::{
    Aside, Conversation, ConversationMut, Entry, ImportBatch, ImportedLine, MessageId, Origin, Role,
    Transcript,
};
pub use deletion::Deletion;
pub use edit::{EditError, Pen};
pub use fields::Issue;
pub use files::{FilePath, NotAPath, TextFile};
pub use incoming::{Cause, Incoming, Lost, Reason, Refused, Source};
pub use memory::{Memory, MemoryEdit, MemoryMut};
pub use profile::{Profile, ProfileMut};
pub use skill::{FileContent, Skill, SkillEdit, SkillFile, SkillMut};
pub use summary::{Summary, Tally};

use first::FirstChange;
use history::History;
use summary::Outline;

/// What a document is about. Its number is sealed with every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One conversation with an assistant: an append-only transcript and what is said about it.
    Conversation,
    /// Names of the users and devices of one workspace.
    Profile,
    /// What an agent is: its fields and the files of its workspace.
    Agent,
    /// Instructions for an assistant, with the files that belong to them.
    Skill,
    /// An agent's files about its person.
    Memory,
}

impl Kind {
    /// Every kind this version knows.
    pub const ALL: [Self; 5] = [Self::Conversation, Self::Profile, Self::Agent, Self::Skill, Self::Memory];

    /// The number in payloads and first changes.
    pub const fn number(self) -> u32 {
        match self {
            Self::Conversation => 1,
            Self::Profile => 2,
            Self::Agent => 3,
            Self::Skill => 4,
            Self::Memory => 5,
        }
    }

    /// `None` for a kind this version does not know: the entry is kept, and an update is needed.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The schema step this version writes. A step changes the first change, and with it every hash.
    pub const fn schema(self) -> u32 {
        match self {
            Self::Conversation | Self::Profile | Self::Agent | Self::Skill | Self::Memory => 1,
        }
    }

    /// The raw change that begins every document of this kind and schema step, the same on every device.
    pub fn first_change(self) -> &'static [u8] {
        FirstChange::of(self).bytes()
    }

    /// The empty maps that the first change makes, in its order.
    const fn containers(self) -> &'static [&'static str] {
        match self {
            Self::Conversation => &[first::ENTRIES, "labels", "origin"],
            Self::Profile => &["users", "devices"],
            Self::Agent => &["tools", "guardrails", "params", "schedules", first::FILES, files::REMOVED],
            Self::Skill => &[skill::field::BYTES, skill::field::EXECUTABLE, first::FILES, files::REMOVED],
            Self::Memory => &[first::FILES, files::REMOVED],
        }
    }
}

/// Stored bytes that are not the document they were stored as: the disk or another program changed them, or they are
/// from a version that knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not a document.
    #[error("the stored document is damaged")]
    Damaged,
    /// A document that does not begin with this kind's first change.
    #[error("the stored document is of another kind or schema step")]
    OtherKind,
}

/// A view was asked for that the document is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this document is a {0:?}")]
pub struct OtherKind(pub Kind);

/// One document in memory.
#[derive(Clone)]
pub struct Document {
    kind: Kind,
    automerge: Automerge,
    /// Made when first needed: reading and editing do without.
    history: Option<History>,
    /// Of a conversation, made when first needed.
    outline: OnceLock<Outline>,
}

impl Document {
    /// A document with nothing in it but its first change. It has no history of its own: two devices that create the
    /// same document apart have the same one.
    pub fn create(kind: Kind) -> Self {
        Self::from_parts(kind, FirstChange::of(kind).document())
    }

    /// Loads what [`Document::save`] made. For this device's own storage only: it trusts the bytes in a way that
    /// [`Document::apply`] does not.
    pub fn load(kind: Kind, bytes: &[u8]) -> Result<Self, LoadError> {
        let loaded = guard::guarded(|| Automerge::load(bytes)).ok().and_then(Result::ok);
        let automerge = loaded.ok_or(LoadError::Damaged)?;
        let first = FirstChange::of(kind).hash().to_automerge();
        if automerge.get_change_meta_by_hash(&first).is_none() {
            return Err(LoadError::OtherKind);
        }
        Ok(Self::from_parts(kind, automerge))
    }

    /// The document as one uncompressed Automerge chunk: what is stored as base, and sealed as [`Source::Snapshot`].
    pub fn save(&self) -> Vec<u8> {
        self.automerge.save_nocompress()
    }

    /// What the document is about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The changes nothing builds on yet, in order.
    pub fn heads(&self) -> Vec<ChangeHash> {
        guard::heads(&self.automerge)
    }

    /// Whether the document has this change.
    pub fn contains(&self, change: &ChangeHash) -> bool {
        self.automerge.get_change_meta_by_hash(&change.to_automerge()).is_some()
    }

    /// The changes it has and another document of its kind does not, in no particular order.
    pub fn changes_beyond(&self, other: &Self) -> Vec<ChangeHash> {
        let all = self.automerge.get_changes_meta(&[]);
        let all = all.into_iter().map(|change| ChangeHash::from_bytes(change.hash.0));
        all.filter(|hash| !other.contains(hash)).collect()
    }

    /// How many changes it has, the first one included, and how many operations they have: what an entry with all of it
    /// would hold, and may hold [`limits::CHANGES_MAX`] and [`limits::OPS_MAX`] of.
    pub fn extent(&self) -> (usize, u64) {
        let changes = self.automerge.get_changes_meta(&[]);
        let operations = changes.iter().map(|change| change.max_op.saturating_sub(change.start_op) + 1);
        (changes.len(), operations.sum())
    }

    /// Whether nobody has edited it yet.
    pub fn is_pristine(&self) -> bool {
        self.heads() == [FirstChange::of(self.kind).hash()]
    }

    /// Reads it as a conversation.
    pub fn conversation(&self) -> Result<Conversation<'_>, OtherKind> {
        self.expect(Kind::Conversation).map(|()| Conversation::new(self))
    }

    /// Edits it as a conversation.
    pub fn conversation_mut(&mut self, pen: Pen) -> Result<ConversationMut<'_>, OtherKind> {
        self.expect(Kind::Conversation).map(|()| ConversationMut::new(self, pen))
    }

    /// Reads it as a profile.
    pub fn profile(&self) -> Result<Profile<'_>, OtherKind> {
        self.expect(Kind::Profile).map(|()| Profile::new(self))
    }

    /// Edits it as a profile.
    pub fn profile_mut(&mut self, pen: Pen) -> Result<ProfileMut<'_>, OtherKind> {
        self.expect(Kind::Profile).map(|()| ProfileMut::new(self, pen))
    }

    /// Reads it as an agent.
    pub fn agent(&self) -> Result<Agent<'_>, OtherKind> {
        self.expect(Kind::Agent).map(|()| Agent::new(self))
    }

    /// Edits it as an agent.
    pub fn agent_mut(&mut self, pen: Pen) -> Result<AgentMut<'_>, OtherKind> {
        self.expect(Kind::Agent).map(|()| AgentMut::new(self, pen))
    }

    /// Reads it as a skill.
    pub fn skill(&self) -> Result<Skill<'_>, OtherKind> {
        self.expect(Kind::Skill).map(|()| Skill::new(self))
    }

    /// Edits it as a skill.
    pub fn skill_mut(&mut self, pen: Pen) -> Result<SkillMut<'_>, OtherKind> {
        self.expect(Kind::Skill).map(|()| SkillMut::new(self, pen))
    }

    /// Reads it as a memory.
    pub fn memory(&self) -> Result<Memory<'_>, OtherKind> {
        self.expect(Kind::Memory).map(|()| Memory::new(self))
    }

    /// Edits it as a memory.
    pub fn memory_mut(&mut self, pen: Pen) -> Result<MemoryMut<'_>, OtherKind> {
        self.expect(Kind::Memory).map(|()| MemoryMut::new(self, pen))
    }

    /// Paths of texts that were removed, and that count towards [`limits::FILES_MAX`] as before: each may come back with all
    /// that was in it.
    pub fn removed_files(&self) -> Vec<FilePath> {
        match self.kind {
            Kind::Agent | Kind::Skill | Kind::Memory => files::Files::of(self).into_removed(),
            Kind::Conversation | Kind::Profile => Vec::new(),
        }
    }

    /// Whether it is in the trash.
    pub fn deletion(&self) -> Deletion {
        match self.kind {
            Kind::Conversation => Conversation::new(self).deletion(),
            Kind::Agent => Agent::new(self).deletion(),
            Kind::Skill => Skill::new(self).deletion(),
            Kind::Memory => Memory::new(self).deletion(),
            Kind::Profile => Deletion::None,
        }
    }

    /// What a list shows of it.
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }

    fn expect(&self, kind: Kind) -> Result<(), OtherKind> {
        if self.kind == kind { Ok(()) } else { Err(OtherKind(self.kind)) }
    }

    fn from_parts(kind: Kind, automerge: Automerge) -> Self {
        Self { kind, automerge, history: None, outline: OnceLock::new() }
    }

    fn automerge(&self) -> &Automerge {
        &self.automerge
    }

    fn replace(&mut self, automerge: Automerge) {
        self.automerge = automerge;
        self.outline.take();
    }

    fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| Outline::of(self))
    }

    fn forget_outline(&mut self) {
        self.outline.take();
    }

    /// Keeps the outline, if there is one, in step with an entry just appended; `None` if it cannot be read.
    fn note_appended(&mut self, entry: Option<&Entry>) {
        if let Some(outline) = self.outline.take().zip(entry).and_then(|(outline, entry)| outline.with(entry))
        {
            self.outline = OnceLock::from(outline);
        }
    }

    /// The graph of what is in the document; give it back with [`Self::keep_history`] unless it has come to hold more.
    fn take_history(&mut self) -> History {
        self.history.take().unwrap_or_else(|| History::of(&self.automerge))
    }

    fn keep_history(&mut self, history: History) {
        self.history = Some(history);
    }
}

impl std::fmt::Debug for Document {
    /// Kind and heads; content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .field("heads", &self.heads())
            .finish_non_exhaustive()
    }
}
