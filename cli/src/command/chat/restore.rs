//! `bowline chat restore`: takes a conversation out of the trash.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;

/// Take a conversation out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which conversation: the beginning of its id, as `bowline chat list --trash` shows it
    id: String,
}

impl Restore {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let id = super::find(&here.device, &self.id)?;
        here.device.restore_deleted(id, invocation.now())?;
        invocation.say(format_args!("Restored."));
        syncing::after_move(invocation, &here, id)?;
        invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "deleted": false }))
    }
}
