//! One device's SQLite: documents, changes, entries, log, small values.
//!
//! [`Store`] owns the connection. Everything is read through a [`Reader`] ([`Store::read`]) and written through a
//! [`Tx`] ([`Store::transaction`]), which reads as well: a caller composes as many steps as belong together, and they
//! become durable together or not at all.
//!
//! Bodies, headers, heads, tips and keys are opaque bytes here; only identifiers and numbers have a meaning, and of
//! those only what an index needs.
//!
//! Architecture Invariant: this crate never reaches `bowline-crypto` or automerge, and never decodes what it stores.

mod again;
mod aside;
mod attempts;
mod begun;
mod chains;
mod changes;
mod column;
mod docs;
mod entries;
mod error;
mod evidence;
mod imports;
mod intents;
mod log;
mod meta;
mod only_here;
mod schema;
#[cfg(feature = "statements")]
pub mod statements;
mod store;
mod weights;
mod withheld;
mod workspaces;

pub use again::{is_again, is_apart};
pub use attempts::Attempt;
pub use begun::Kept;
pub use bowline_disk::DatabaseError;
pub use changes::{ChangeN, ChangeRow};
pub use docs::{DocFilter, DocN, DocRow, DocShown, DocUpdate, NewDoc, Place, Summary, Trash, WrittenDoc};
pub use entries::{EntryN, EntryRow, EntryState, EntryWithBody, LogPlace, NewEntry, StoredReason};
pub use error::StoreError;
pub use evidence::EvidenceRow;
pub use imports::{ImportRow, LineHash};
pub use intents::{IntentN, IntentRow};
pub use log::StateCounts;
pub use only_here::OnlyHere;
pub use rusqlite::Connection;
pub use store::{Reader, Store, Tx};
pub use withheld::Withheld;
pub use workspaces::{Cursor, NewWorkspace, WorkspaceRow};
