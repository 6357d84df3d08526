//! The sync machine: one workspace's log on this device, and the conversation with its relay. No I/O, clock or
//! randomness: a caller hands in what happened, and does what [`Effect`]s say, in order.

mod author;
mod context;
mod effect;
mod ingest;
mod join;
mod limits;
mod open;
mod relay_faults;
mod replica;
mod session;

pub use author::{ContentDraft, NotReady, genesis};
pub use context::Context;
pub use effect::{Effect, Ingested, IngestedEntry, Verdict};
pub use join::{JoinFailed, Joining, Pins};
pub use open::{Opened, Parts, Unreadable, open};
pub use relay_faults::RelayFault;
pub use replica::{Phase, Replica, Stored, Token};
pub use session::LinkState;
