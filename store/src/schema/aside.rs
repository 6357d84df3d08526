//! The step after which what was put aside of a document is found without a walk through all of it.

pub(super) const VERSION_8: &str = "
CREATE INDEX entry_aside ON entry (doc, reason) WHERE state = 2 AND lane = 1 AND doc IS NOT NULL;
";
