//! The sync machine: one workspace's log on this device, and the conversation with its relay. No I/O, clock or
//! randomness: a caller hands in what happened, and does what [`Effect`]s say, in order.

mod adopted;
mod beginning;
mod bodies;
mod clocks;
mod context;
mod effect;
mod feed;
mod handing_on;
mod holdings;
mod ingest;
mod invitation;
mod joining;
mod keys;
mod limits;
mod open;
mod outbox;
mod relay;
#[cfg(test)]
mod removal_restores;
mod replay;
mod replica;
mod shown_log;
mod state;
mod writing;

pub use adopted::{NotAdopted, Original, originals};
pub use clocks::{Clocks, WrongClock};
pub use context::Context;
pub use effect::{Begun, CutBack, Effect, Ingested, IngestedEntry, JoinFailed, Verdict};
pub use invitation::Invitation;
pub use joining::Joining;
pub use keys::{Recipient, keys_in_records};
pub use open::{Opened, Parts, Unreadable, open};
pub use relay::faults::RelayFault;
pub use relay::inquiry::{Asked, Inquiry, InquiryFailed};
pub use relay::lookup::{LookupFailed, PhraseLookup};
pub use relay::session::{Awaited, LinkState};
pub use relay::survey::{Remake, Survey, SurveyFailed};
pub use replay::{NotReplayed, Replay};
pub use replica::Replica;
pub use shown_log::{Cut, Fate, GoingOn, ShownLog, Sorting};
pub use state::{Phase, Pins, Stored, Token};
pub use writing::{ContentDraft, Covering, NotReady, genesis};
