//! Deterministic documents and the sync machine; no I/O, clock or randomness.

pub mod checkpoint;
pub mod consent;
pub mod document;
pub mod payload;
pub mod sync;
