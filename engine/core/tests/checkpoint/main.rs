//! The state of a log at a place, computed from a log of real entries. What is in bodies is said beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, the functions they share as well"
)]

mod authors;
mod continued;
mod disputes;
mod documents;
mod duration;
mod entries;
mod freed;
mod kept;
mod malice;
mod pins;
mod rounds;
mod support;
mod whole;
