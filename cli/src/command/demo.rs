//! `bowline demo`: Bowline at work, with three devices and a relay that go away afterwards.

use std::fmt;

use clap::Args;

use crate::demo::{self, Options, Report};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{Table, count, grouped, show_path};

/// Entries of the relay's that are listed one by one: the last of them, which show what there is to see.
const LISTED: usize = 4;

/// See it work: two people, three devices and a relay, all in a temporary folder
///
/// Imports a sample OpenClaw home, shares it, edits it apart and together, and revokes a device. Then checks what Bowline
/// promises. Needs no network, touches no home of yours, and takes some seconds. Ends with 0 only if every check holds, and
/// with 11 otherwise.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Keep the folder with everything in it
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let tells = !invocation.is_json() && !invocation.is_quiet();
        let options = Options { keep: self.keep, tells };
        let report = demo::run(invocation.host, options, &mut ())?;
        invocation.answer(&report)?;
        if let Some(folder) = &report.folder {
            invocation.say(format_args!("Everything is in {}.", show_path(folder)));
        }
        report.verdict()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut devices =
            Table::new(&["  DEVICE", "WHOSE", "CONVERSATIONS", "AGENTS", "SKILLS", "PERSONAL FILES"]);
        for has in &self.devices {
            devices.row(vec![
                format!("  {}", has.name),
                has.user.to_owned(),
                has.conversations.to_string(),
                has.agents.to_string(),
                has.skills.to_string(),
                if has.personal == 0 {
                    "-".to_owned()
                } else {
                    format!("of {}", count(has.personal, "agent"))
                },
            ]);
        }
        write!(f, "\nWhat each device had when all were in step:\n{devices}")?;
        let kinds = self.relay.by_kind();
        let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let (kinds, bytes) = (kinds.join(", "), grouped(self.relay.bytes()));
        writeln!(f, "\nWhat the relay had stored, {bytes} bytes ({kinds}), and the last of it:")?;
        let mut entries = Table::new(&["  POSITION", "ENTRY", "BY DEVICE", "TYPE", "DOCUMENT", "BYTES"]);
        let hidden = self.relay.entries.len().saturating_sub(LISTED);
        for kept in self.relay.entries.iter().skip(hidden) {
            entries.row(vec![
                format!("  {}", kept.position),
                short(&kept.entry),
                short(&kept.device),
                kept.kind.clone(),
                kept.document.as_deref().map_or_else(|| "-".to_owned(), short),
                grouped(kept.bytes),
            ]);
        }
        write!(f, "{entries}\nChecks:\n")?;
        self.checks.iter().try_for_each(|check| {
            let mark = if check.holds { '✓' } else { '✗' };
            writeln!(f, "  {mark} {}: {}", check.promise.words(), check.found)
        })
    }
}

/// As much of an id as tells entries apart.
fn short(id: &str) -> String {
    format!("{}…", id.get(..8).unwrap_or(id))
}
