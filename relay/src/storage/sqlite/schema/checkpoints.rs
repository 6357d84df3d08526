//! The step after which a log has what its entries say of checkpoints.

/// `log.checkpoints`: which one stands and which one may, as the log has it; nothing while none was spoken of.
pub(super) const VERSION_10: &str = "
ALTER TABLE log ADD COLUMN checkpoints BLOB;
";
