//! Documents: what a conversation, agent, skill, memory or profile holds, how this device edits it, and how it takes in what others wrote.
//!
//! Automerge stays behind this module. A [`Document`] begins with the first change that is built in for its kind, is
//! edited through typed views that answer each edit's one change as bytes to store, and grows by
//! [`Document::apply`], or from nothing by [`Document::assemble`], from accepted entries. What the entries say, not the
//! order they came in, decides what it holds.
//!
//! Architecture Invariant: foreign bytes reach Automerge only through `intake/guard`, after `intake/change` or
//! `intake/snapshot` has bounded them and `intake/ancestry` has found that they refer to nothing their author had not
//! seen.

mod actor;
mod edit;
mod hex;
mod intake;
mod kind;
mod kinds;
pub mod limits;
mod loaded;
mod marks;
mod overlap;
mod summary;
mod version;

pub use actor::ActorId;
pub use edit::commit::{EditError, Pen};
pub use edit::deletion::Deletion;
pub use edit::fields::Issue;
pub use edit::files::{FilePath, NotAPath, TextFile};
pub use edit::take_over::{Lacking, entries_made_by};
pub use intake::assemble::{Applied, Assembled, NeedsRebuild};
pub use intake::change::{change_actor, change_hash, operation_count};
pub use intake::consent::{Consent, Standing};
pub use intake::hash::ChangeHash;
pub use intake::incoming::{Cause, Extent, Incoming, Lost, Reason, Refused, Source, weight_of};
pub use intake::opened::{changes_by_actor_in, changes_in};
pub use intake::piece::Piece;
pub use intake::words::words_in;
pub use kind::Kind;
pub use kinds::agent::{Agent, AgentEdit, AgentField, AgentMut, AgentValues, Json, NotJson};
pub use kinds::conversation::{
    Aside, BOWLINE, Conversation, ConversationMut, Entry, Gap, ImportBatch, ImportedLine, LeftLine,
    MessageId, Missing, Origin, Role, SessionText, Tally, Transcript, Writer, message_of,
};
pub use kinds::definition::{ExportedFile, Visibility, Words};
pub use kinds::memory::{Memory, MemoryEdit, MemoryMut};
pub use kinds::profile::{Profile, ProfileMut};
pub use kinds::skill::{FileContent, Skill, SkillEdit, SkillFile, SkillMut};
pub use loaded::{Document, LoadError, OtherKind};
pub use marks::Marks;
pub use overlap::{Overlap, OverlapAt};
pub use summary::Summary;
pub use version::{NoVersion, Version};
