//! One import into a home at a time.

use bowline_engine::home::ImportLock;

use crate::error::{CommandError, ErrorCode};
use crate::opened::Opened;

/// Held while something is imported into a home.
pub(super) fn lock(here: &Opened) -> Result<ImportLock, CommandError> {
    here.home.try_import_lock()?.ok_or_else(|| {
        CommandError::new(ErrorCode::ImportRunning, "Another import into this home is under way")
            .hint("wait until it has ended, and run this again: nothing is taken twice")
    })
}
