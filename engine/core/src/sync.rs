//! The sync machine: one workspace's log on this device, and the conversation with its relay. No I/O, clock or
//! randomness: a caller hands in what happened, and does what [`Effect`]s say, in order.

mod context;
mod effect;
mod ingest;
mod limits;
mod open;
mod outbox;
mod relay;
mod replica;
mod state;

pub use context::Context;
pub use effect::{Effect, Ingested, IngestedEntry, JoinFailed, Verdict};
pub use open::{Opened, Parts, Unreadable, open};
pub use outbox::{ContentDraft, NotReady, genesis};
pub use relay::faults::RelayFault;
pub use replica::Replica;
pub use state::{Joining, LinkState, Phase, Pins, Stored, Token};
