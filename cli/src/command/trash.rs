//! Moving documents to the trash and out of it, as the commands of every kind do.

use bowline_engine::document::Kind;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::{documents, syncing};

/// Moves the document that a person means to the trash.
pub(super) fn delete(invocation: &mut Invocation<'_>, kind: Kind, typed: &str) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let (_, id) = documents::find(&here.device, &[kind], typed)?;
    here.device.delete(id, invocation.now())?;
    let (command, prefix) = (documents::command(kind), documents::prefixes(&here.device)?.shorten(id));
    invocation.say(format_args!("Moved to the trash; `bowline {command} restore {prefix}` brings it back."));
    syncing::after_move(invocation, &here, id)?;
    invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "deleted": true }))
}

/// Takes the document that a person means out of the trash.
pub(super) fn restore(invocation: &mut Invocation<'_>, kind: Kind, typed: &str) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let (_, id) = documents::find(&here.device, &[kind], typed)?;
    here.device.restore_deleted(id, invocation.now())?;
    invocation.say(format_args!("Restored."));
    syncing::after_move(invocation, &here, id)?;
    invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "deleted": false }))
}
