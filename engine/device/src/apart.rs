//! A device taken apart, so that a verb can use its parts side by side.

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;

/// A device taken apart for one verb.
pub(crate) struct Parts<'d> {
    pub(crate) documents: &'d mut Documents,
    pub(crate) workspaces: &'d mut Workspaces,
    pub(crate) lent: Lent<'d>,
}
