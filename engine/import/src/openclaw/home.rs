//! An OpenClaw home as a whole: where it is, its settings and indexes, what of it is left alone.

pub(super) mod find;
pub(super) mod index;
pub(super) mod left_out;
pub(super) mod leftovers;
pub(super) mod place;
pub(super) mod settings;
pub(super) mod skip;
