//! Names of fields and maps of a skill. They are in every stored document: they change with the schema step only.

pub(super) const NAME: &str = "name";
pub(super) const DESCRIPTION: &str = "description";
pub(super) const BYTES: &str = "bytes";
pub(super) const EXECUTABLE: &str = "executable";
