//! What people meet: each story is a few commands in a home of its own, with everything they print and their exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, in their own functions too"
)]

mod agents;
mod allowing;
mod audit;
mod binary;
mod chats;
mod clocks;
mod codes;
mod damage;
mod demo;
mod edits;
mod evidence;
mod giving_up;
mod going_on;
mod help;
mod homes;
mod hostile;
mod imports;
mod json_errors;
mod left_behind;
mod machine;
mod meant;
mod misuse;
mod moving;
mod older;
mod ownership;
mod partly_here;
mod recovery;
mod refused;
mod relay;
mod removed;
mod said;
mod several;
mod shared;
mod skills;
mod statements;
mod successors;
mod terminal;
mod ways_out;
mod workspaces;
