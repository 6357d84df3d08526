//! Bytes that others wrote: bounded, checked against the history they build on, and only then given to Automerge.

pub(super) mod ancestry;
pub(super) mod apply;
pub(super) mod assemble;
pub(super) mod change;
mod columns;
pub(super) mod consent;
mod cursor;
pub(super) mod first;
pub(super) mod guard;
pub(super) mod hash;
mod head;
pub(super) mod incoming;
pub(super) mod opened;
mod operations;
pub(super) mod piece;
mod pool;
mod snapshot;
pub(super) mod words;
