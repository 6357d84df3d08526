//! The binary as an operator and a device meet it: processes, sockets, signals, exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "../../src/testing/author.rs"]
#[expect(dead_code, reason = "shared with the unit tests, which use more of it")]
mod author;
mod device;
mod older;
mod operator;
mod process;
mod refusals;
mod restored;
mod serving;
mod streams;
