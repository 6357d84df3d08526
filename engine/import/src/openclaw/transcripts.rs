//! Conversations of an OpenClaw home: which files and rows are one session, and its lines in order.

pub(super) mod chain;
pub(super) mod conversations;
pub(super) mod copies;
pub(super) mod database;
pub(super) mod files;
pub(super) mod merged;
