//! The relay: orders sealed entries it cannot read, and signs the order.
//!
//! This crate is the relay without its sockets and its clock. [`Relay`] is told what happened (`connect`,
//! `handle_frame`, `disconnect`, `flush`, `handle_timeout`) and asked what to do (`poll_transmit`, `poll_close`,
//! `poll_timeout`). What it stores goes through [`storage::Storage`].

pub mod config;
#[cfg(test)]
pub mod conformance;
pub mod keys;
pub mod memory;
mod rate;
mod relay;
mod session;
pub mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod workspace;

pub use relay::{CAPABILITIES, Planted, Relay};
pub use session::ConnId;
