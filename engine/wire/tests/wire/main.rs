//! Tests of bowline-wire: bytes, the roster fold, the acceptance predicate, golden vectors.

// Tests may fail by panicking, helpers outside of `#[test]` functions included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod before;
mod bodies;
mod broken;
mod budgets;
mod checkpoints;
mod codec;
mod consent;
mod entry;
mod evidence;
mod frame;
mod giving_up;
mod handing_on;
mod header;
mod ids;
mod log_rules;
mod log_runs;
mod log_seen;
mod log_succession;
mod properties;
mod record;
mod record_bytes;
mod recovery;
mod replays;
mod roles;
mod roster_leaving;
mod roster_moving;
mod roster_ownership;
mod roster_properties;
mod roster_races;
mod roster_rekey;
mod roster_removal;
mod roster_rules;
mod samples;
mod signed;
mod states;
mod successor;
mod support;
mod vectors;
mod wrong_authors;
