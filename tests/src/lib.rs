//! The World simulator: shipped devices with the shipped store, and the shipped relay, on virtual time and a network
//! that fails as asked.

#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this crate is all tests: failing loudly is what it is for"
)]

pub mod processes;
pub mod world;
