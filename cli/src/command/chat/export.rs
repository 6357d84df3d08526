//! `bowline chat export`: the raw entries, byte for byte.

use std::path::PathBuf;

use bowline_engine::device::Shown;
use clap::Args;

use crate::command::export::missing::{Incomplete, MissingLine};
use crate::command::kind::Named;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{Safe, show_path};
use crate::{documents, files};

/// Export a conversation as JSON lines
///
/// Every entry is one line, byte for byte as it was written, in the order in which it is shown. If a line stayed in the file that
/// was imported, it says which, and ends with 10.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline chat export 3fa9 --output chat.jsonl\n  bowline chat export 3fa9 | jq .message"
)]
pub(crate) struct Export {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// Write to a file instead of stdout; a file that is there is not overwritten
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let named = Named::<Shown>::read(invocation, &self.id)?;
        let mut incomplete = Incomplete::default();
        incomplete.add(named.device(), named.id, &named.document.transcript.missing)?;
        let Named { id, document: shown, .. } = named;
        let mut lines = String::new();
        for entry in &shown.transcript.entries {
            lines.push_str(&entry.raw);
            lines.push('\n');
        }
        let Some(path) = self.output else {
            // A terminal is not a file: nothing in there may act on it.
            let safe = invocation.host.terminal.stdout.then(|| Safe(&lines).to_string());
            invocation.print(safe.as_ref().unwrap_or(&lines).as_bytes())?;
            return incomplete.complete();
        };
        files::write_new(&path, lines.as_bytes())?;
        let n = shown.transcript.entries.len();
        invocation.say(format_args!("Wrote {} to {}.", documents::count_entries(n as u64), show_path(&path)));
        invocation.answer_in_json(&serde_json::json!({
            "id": id.to_string(),
            "entries": n,
            "output": path.display().to_string(),
            "missing": MissingLine::all(&shown.transcript.missing),
        }))?;
        incomplete.complete()
    }
}
