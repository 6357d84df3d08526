//! `bowline chat say`: writes a message. Never opens a socket: what there is to send is left to `bowline sync`.

use std::io::Read;

use bowline_engine::device::Went;
use bowline_engine::document::Kind::Conversation;
use bowline_engine::document::Role;
use clap::{Args, ValueEnum};

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::grouped;
use crate::{documents, syncing};

/// Bytes of a text read from stdin at most: what one transcript entry holds, so that a wrong pipe is noticed early.
const TEXT_MAX: u64 = 4 * 1024 * 1024;

/// Write a message into a conversation
///
/// The message is stored on this device at once. If the conversation is in a workspace, a running `bowline sync` takes it
/// from there; otherwise it waits for the next one.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline chat say 3fa9 \"Buy milk\"\n  bowline chat say 3fa9 - --role assistant < answer.txt"
)]
pub(crate) struct Say {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// What is said, or - to read it from stdin
    text: String,
    /// Who says it
    #[arg(long, default_value = "user")]
    role: Speaker,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Speaker {
    /// The person
    User,
    /// The assistant
    Assistant,
}

impl Say {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let text = if self.text == "-" { read_text(invocation)? } else { self.text };
        let mut here = invocation.open()?;
        let found = documents::look_up(&here.device, &[Conversation], &self.id)?;
        let role = match self.role {
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
        };
        let id = found.id();
        let went = here.device.say(found, role, &text, invocation.now())?;
        syncing::told(invocation, &here, (id, went))?;
        let workspace = match went {
            Went::OnlyHere => None,
            Went::Kept(workspace) | Went::Into(workspace) => Some(workspace.to_string()),
        };
        invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "workspace": workspace }))
    }
}

/// All of stdin, without the line break that ends it.
fn read_text(invocation: &mut Invocation<'_>) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = invocation.host.stdin.by_ref().take(TEXT_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        CommandError::new(ErrorCode::InputFailed, "The text could not be read").because(&error)
    })?;
    if bytes.len() as u64 > TEXT_MAX {
        return Err(CommandError::new(
            ErrorCode::InputTooLarge,
            format!("The text is longer than {} bytes", grouped(TEXT_MAX)),
        )
        .hint("one message holds no more: say it in several"));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|error| CommandError::new(ErrorCode::NotText, "The text is not UTF-8").because(&error))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
