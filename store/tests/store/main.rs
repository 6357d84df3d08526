//! The store from outside, as the engine uses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may fail loudly, the functions they share as well"
)]

mod again;
mod begun;
mod common;
mod docs;
mod entries;
mod files;
mod imports;
mod model;
mod transactions;
mod workspaces;
