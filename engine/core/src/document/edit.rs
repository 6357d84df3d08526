//! How this device writes into a document, and reads single values of it.

pub(super) mod commit;
pub(super) mod deletion;
pub(super) mod fields;
pub(super) mod files;
mod replay;
pub(super) mod take_over;
pub(super) mod write;
