//! `bowline agent delete`: moves an agent to the trash.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::{documents, syncing};

/// Move an agent to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which agent: the beginning of its id
    id: String,
}

impl Delete {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let id = super::find(&here.device, &self.id)?;
        here.device.delete(id, invocation.now())?;
        let prefix = documents::prefixes(&here.device)?.shorten(id);
        invocation.say(format_args!("Moved to the trash; `bowline agent restore {prefix}` brings it back."));
        syncing::after_move(invocation, &here, id)?;
        invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "deleted": true }))
    }
}
