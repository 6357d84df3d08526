//! Content that the Owner has given up, since it never comes.

use std::collections::BTreeSet;

use super::record::Lost;
use crate::header::Header;
use crate::ids::{EntryId, EpochId, Lane};

/// Content entries that count nowhere: single ones, and all of some epochs. Whether an entry stands on the log depends on none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    epochs: BTreeSet<EpochId>,
    entries: BTreeSet<EntryId>,
}

impl GivenUp {
    /// Whether an entry counts nowhere, whenever it came or comes.
    pub fn covers(&self, id: EntryId, header: &Header) -> bool {
        header.lane == Lane::Content && (self.has_epoch(&header.epoch) || self.entries.contains(&id))
    }

    /// Whether all content of an epoch is given up.
    pub fn has_epoch(&self, epoch: &EpochId) -> bool {
        self.epochs.contains(epoch)
    }

    /// How many epochs and entries are given up. Never fewer than before.
    pub fn count(&self) -> usize {
        self.epochs.len() + self.entries.len()
    }

    /// Whether nothing is given up.
    pub fn is_empty(&self) -> bool {
        self.epochs.is_empty() && self.entries.is_empty()
    }

    /// Whether there is anything in `lost` that was not given up before.
    pub fn lacks_any_of(&self, lost: &Lost) -> bool {
        lost.epochs.iter().any(|it| !self.epochs.contains(it))
            || lost.entries.iter().any(|it| !self.entries.contains(it))
    }

    pub(super) fn add(&mut self, lost: &Lost) {
        self.epochs.extend(&lost.epochs);
        self.entries.extend(&lost.entries);
    }
}
