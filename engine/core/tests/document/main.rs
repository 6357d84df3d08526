//! Documents as an engine uses them. One binary: linking Automerge once is slow enough.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod agent;
mod agent_files;
mod agent_refused;
mod any_kind;
mod conflicts;
mod consent;
mod convergence;
mod conversation;
mod cut;
mod first_change;
mod hostile_bytes;
mod imported;
mod incoming;
mod memory;
mod overlaps;
mod profile;
mod refused;
mod signed;
mod skill;
mod standing;
mod support;
mod take_over;
mod transcript;
mod versions;
mod weight;
mod words;
