//! What the tests of several crates use alike. Only for `[dev-dependencies]`, and for the crate of tests.

pub mod leash;
