//! Files in a document: texts under their paths, edited together character by character. Agents, skills and memories have
//! them.

mod merge;
mod path;
mod plan;
mod splice;
mod stored;

pub use path::{FilePath, NotAPath};
pub use stored::TextFile;

pub(in crate::document) use plan::Plan;
pub(in crate::document) use splice::changed_lines;
pub(in crate::document) use stored::Files;
