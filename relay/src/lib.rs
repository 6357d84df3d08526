//! The relay: orders sealed entries it cannot read, and signs the order.
//!
//! [`Relay`] has neither sockets nor a clock: it is told what happened (`connect`, `handle_frame`, `disconnect`, `flush`,
//! `handle_timeout`, `shutdown`) and asked what to do (`poll_transmit`, `poll_close`, `poll_timeout`). What it stores goes
//! through [`storage::Storage`]: [`storage::sqlite::Sqlite`], or [`storage::memory::Memory`] for tests.
//! [`serve::Server`] runs it on a thread of its own, with connections from a [`bowline_transport::Listen`];
//! [`data::DataFolder`] is where all of it is kept. The binary `bowline-relay` puts these together.

mod clock;
pub mod config;
pub mod data;
pub mod keys;
mod rate;
mod relay;
pub mod restore;
mod room;
pub mod serve;
mod session;
pub mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod workspace;

pub use clock::wall;
pub use relay::{CAPABILITIES, Relay};
pub use session::ConnId;
