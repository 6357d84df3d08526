//! Workspaces of this device: what is decided about them, sealed for them, taken in from them, and said to their relays.

pub(crate) mod code;
pub(crate) mod connection;
pub(crate) mod effects;
pub mod intent;
pub(crate) mod line;
pub(crate) mod line_failure;
pub(crate) mod parts;
pub(crate) mod quarantine;
pub(crate) mod report;
pub(crate) mod roster;
pub(crate) mod sealed_values;
pub(crate) mod sealing;
pub(crate) mod status;
pub(crate) mod taken;
pub(crate) mod workspaces;
