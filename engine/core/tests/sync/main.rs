//! The sync machine of one device against a relay that may do anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, the functions they share as well"
)]

mod adopted;
mod again;
mod author;
mod beginning;
mod begun;
mod begun_lies;
mod bench;
mod bodies;
mod clocks;
mod copies;
mod giving_up;
mod holdings;
mod holes;
mod ingest;
mod inquiry;
mod join;
mod letting_go;
mod lookup;
mod opening;
mod own_life;
mod parts;
mod refusals;
mod relay;
mod relay_lies;
mod replays;
mod roles;
mod runs;
mod sealing;
mod session;
mod survey;
mod survey_limits;
mod timings;
