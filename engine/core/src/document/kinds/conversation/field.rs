//! Names of the fields of a conversation. They are in every stored document: they change with the schema step only.

pub(super) const TITLE: &str = "title";
pub(super) const AGENT: &str = "agent";
pub(super) const PINNED: &str = "pinned";
pub(super) const ARCHIVED: &str = "archived";
pub(super) const LABELS: &str = "labels";
pub(super) const ORIGIN: &str = "origin";
pub(super) const APP: &str = "app";
pub(super) const SESSION: &str = "session";
pub(super) const HEADER: &str = "header";
pub(super) const KEY: &str = "key";
pub(super) const NO_FINAL_NEWLINE: &str = "no_final_newline";
