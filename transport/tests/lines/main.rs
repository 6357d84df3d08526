//! Tests of bowline-transport on real sockets of this machine, and on pipes in memory.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod carrying;
mod closing;
mod dialing;
mod listening;
mod support;
