//! `bowline chat say`: writes a message. Never opens a socket: what there is to send is left to `bowline sync`.

use std::io::Read;

use bowline_engine::Device;
use bowline_engine::device::Went;
use bowline_engine::document::Kind::Conversation;
use bowline_engine::document::{Entry, Role, Transcript};
use bowline_import::offered::secrets_in_text;
use clap::{Args, ValueEnum};

use crate::error::{CommandError, ErrorCode};
use crate::ids::{Candidate, Names, resolve};
use crate::invocation::Invocation;
use crate::text::{count, fit, grouped};
use crate::{documents, syncing, workspaces};

/// Bytes of a text read from stdin at most: what one transcript entry holds, so that a wrong pipe is noticed early.
const TEXT_MAX: u64 = 4 * 1024 * 1024;

/// Columns of what is shown of an entry beside its id: enough to know it again.
const ENTRY_COLUMNS: usize = 40;

/// Write a message into a conversation
///
/// The message is stored on this device at once. If the conversation is in a workspace, a running `bowline sync` takes it
/// from there; otherwise it waits for the next one.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline chat say 3fa9 \"Buy milk\"\n  bowline chat say 3fa9 - --role assistant < answer.txt\n  bowline chat say 3fa9 --after b21c \"Let us try the other way\""
)]
pub(crate) struct Say {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// What is said, or - to read it from stdin
    text: String,
    /// Who says it
    #[arg(long, default_value = "user")]
    role: Speaker,
    /// Go on after this entry instead of the latest: its id, as `bowline chat show` has it where there are several ways
    #[arg(long, value_name = "ENTRY")]
    after: Option<String>,
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
        if text.trim().is_empty() {
            return Err(CommandError::new(ErrorCode::Usage, "A message has at least one character"));
        }
        let mut here = invocation.open()?;
        let found = documents::look_up(&here.device, &[Conversation], &self.id)?;
        let role = match self.role {
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
        };
        let id = found.id();
        let now = invocation.now();
        let after = match &self.after {
            Some(typed) => Some(entry(&here.device.show(&found, now)?.transcript, typed)?),
            None => None,
        };
        let went = here.device.say_after(found, after.as_deref(), (role, &text), now)?;
        syncing::told(invocation, &here, (id, went))?;
        warn_of_secrets(invocation, &here.device, &text, went);
        let workspace = match went {
            Went::OnlyHere => None,
            Went::Kept(workspace) | Went::Into(workspace) => Some(workspace.to_string()),
        };
        invocation.answer_in_json(&serde_json::json!({ "id": id.to_string(), "workspace": workspace }))
    }
}

/// The id of the entry that a person means: it, or its beginning.
fn entry(transcript: &Transcript, typed: &str) -> Result<String, CommandError> {
    let candidate = |entry: &Entry| Candidate {
        id: entry.id.clone(),
        name: entry
            .message()
            .map(|(_, text)| fit(&text.replace('\n', " "), ENTRY_COLUMNS))
            .unwrap_or_default(),
        value: (),
    };
    let mut entries: Vec<_> =
        transcript.entries.iter().filter(|entry| !entry.id.is_empty()).map(candidate).collect();
    if entries.iter().any(|it| it.id == typed) {
        entries.retain(|it| it.id == typed);
        entries.truncate(1);
    }
    let hint = "`bowline chat show ID` has the ids where a conversation goes on in more than one way, `--raw` has all";
    resolve("entry", typed, entries, Names::Ignored, hint).map(|found| found.id)
}

/// Says if a message looks as if it had a key in it, and how far that one goes.
fn warn_of_secrets(invocation: &mut Invocation<'_>, device: &Device, text: &str, went: Went) {
    let places = secrets_in_text(text);
    if places.is_empty() {
        return;
    }
    let how_many = count(places.len(), "secret");
    let goes = match went {
        Went::Into(workspace) => {
            format!("everybody in workspace {} gets it", workspaces::label(device, workspace))
        }
        Went::OnlyHere | Went::Kept(_) => {
            "it is on this device only, and everybody gets it with whom you share the conversation".to_owned()
        }
    };
    invocation.warn(format_args!("this looks as if it had {how_many} in it: {goes}"));
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
