//! Everything an untrusted party may see: ids, entry headers, roster records and the fold that checks them, frames,
//! limits, and the verification of signatures. Shared by devices and relays, so that both decide alike.

pub mod adopted;
pub mod before;
pub mod bodies;
pub mod checkpoint;
pub mod codec;
pub mod confirm;
pub mod draft;
pub mod entry;
pub mod evidence;
pub mod frame;
pub mod hash;
pub mod head;
pub mod header;
pub mod holding;
pub mod ids;
pub mod limits;
pub mod log;
pub mod roster;
pub mod signed;
pub mod successor;
pub mod weight;
