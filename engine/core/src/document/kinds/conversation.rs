//! A conversation: its transcript and what is said about it.

mod aside;
mod edit;
mod entry;
mod field;
mod file;
mod import;
pub(in crate::document) mod key;
mod line;
mod origin;
pub(in crate::document) mod outline;
mod read;
mod tally;
mod transcript;

pub use aside::Aside;
pub use edit::{ConversationMut, MessageId, Role};
pub use entry::Entry;
pub use import::{ImportBatch, ImportedLine};
pub use origin::Origin;
pub use read::Conversation;
pub use tally::Tally;
pub use transcript::Transcript;
