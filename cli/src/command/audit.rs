//! `bowline audit`: who did what to which document when, as the log of a workspace tells it.

mod row;
mod verify;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use bowline_engine::device::{Audit, Audited, Counts, Did};
use bowline_engine::ids::{DeviceId, Millis, Position, UserId};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use self::row::Row;
use crate::error::{CommandError, ErrorCode};
use crate::files;
use crate::ids::{Candidate, Names, resolve};
use crate::invocation::Invocation;
use crate::text::{OneLine, count, grouped, json_safe, show_path};
use crate::time;
use crate::workspaces::{self, Called};

/// Show who did what to which document when, or check the whole log
///
/// What is told is signed: each line is an entry of the workspace's log by the device that made it, at the time that the relay gave it. It is
/// there for every member, needs no relay and no network, and stays when somebody is removed. Names are those that people and
/// documents have on this device now. Several edits of one document by one device after one another are one line; with `--json` and in
/// a file each is told.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  bowline audit
  bowline audit --who Ben --since 2026-01-31
  bowline audit --what removed,joined,closed
  bowline audit --export audit.jsonl
  bowline audit verify"
)]
pub(crate) struct AuditCommand {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Verify(verify::Verify),
}

/// What is told.
#[derive(Args, Debug)]
struct Told {
    /// Only what this person or device did: a name, or the beginning of an id
    #[arg(long, value_name = "NAME|ID")]
    who: Option<String>,
    /// Only deeds of these kinds, with commas between them
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    what: Vec<What>,
    /// Only what came into the log since then: a date, as 2026-01-31, or a time, as 2026-01-31T09:05:00Z
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Write all of it into this file, a line of JSON for each entry, readable by you alone
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

/// Kinds of deeds that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The workspace was made
    Created,
    /// A code for another person
    Invited,
    /// A code for another device
    Linked,
    /// A code was closed
    Closed,
    /// Somebody came in
    Joined,
    /// A device or a member was removed
    Removed,
    /// Somebody left
    Left,
    /// New keys
    Rekeyed,
    /// Keys that a device lacks
    Complained,
    /// The first version of a document
    Shared,
    /// An edit
    Edited,
    /// A document was erased
    Erased,
    /// Anything else
    Other,
    /// Whatever counts for nothing, or in part, and why
    Refused,
}

impl What {
    fn is(self, row: &Audited) -> bool {
        match self {
            Self::Refused => !matches!(row.counts, Counts::Whole | Counts::Withheld | Counts::SentAgain),
            // A removal carries new keys.
            Self::Rekeyed => matches!(row.did, Did::Rekeyed | Did::Removed) && row.new_key,
            _ => self.to_possible_value().is_some_and(|value| value.get_name() == row::word(row.did)),
        }
    }
}

/// Who is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Person(UserId),
    Device(DeviceId),
}

/// Which rows are asked for.
struct Asked {
    who: Option<Who>,
    what: Vec<What>,
    since: Option<Millis>,
}

impl Asked {
    fn is_for(&self, row: &Audited) -> bool {
        let is_who = self.who.is_none_or(|who| match who {
            Who::Person(user) => row.user == Some(user),
            Who::Device(device) => row.device == device,
        });
        let is_what = self.what.is_empty() || self.what.iter().any(|what| what.is(row));
        // What has no place has no time either; it is not left out for that.
        let is_since = self.since.zip(row.time).is_none_or(|(since, time)| time.millis() >= since);
        is_who && is_what && is_since
    }
}

/// What an export says for programs.
#[derive(Serialize)]
struct Exported {
    exported: String,
    entries: u64,
}

impl AuditCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self.verb {
            Some(Verb::Verify(command)) => command.run(invocation),
            None => self.told.run(invocation),
        }
    }
}

impl Told {
    fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_draft(&here.device, workspace)?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let documents = crate::documents::prefixes(&here.device)?;
        let names = row::Names { called: &called, members: &members, documents: &documents };
        let asked = Asked {
            who: self.who.as_deref().map(|typed| names.find(typed)).transpose()?,
            what: self.what,
            since: self.since.as_deref().map(since).transpose()?,
        };
        let mut out = Out::to(invocation, self.export.as_deref())?;
        let stored = here.device.stored_log(workspace);
        let begun_at = stored.begun_at()?;
        let audit = stored.audit()?;
        if let Err(error) = tell(invocation, audit, &asked, &names, &mut out) {
            out.discard();
            return Err(error);
        }
        out.end(invocation)?;
        if begun_at > Position::START {
            let at = grouped(begun_at.0);
            invocation.say(format_args!("Entries up to position {at} were let go by a checkpoint, and of the time before only those are told that stay."));
        }
        Ok(())
    }
}

/// Tells all that is asked for.
fn tell(
    invocation: &mut Invocation<'_>,
    mut audit: Audit<'_>,
    asked: &Asked,
    names: &row::Names<'_>,
    out: &mut Out,
) -> Result<(), CommandError> {
    while let Some(rows) = audit.next_rows()? {
        for row in rows.iter().filter(|row| asked.is_for(row)) {
            out.tell(names.row(row))?;
        }
        out.flush(invocation)?;
    }
    Ok(())
}

impl row::Names<'_> {
    /// The person or device that somebody means, whether or not they are still in.
    fn find(&self, typed: &str) -> Result<Who, CommandError> {
        let users: std::collections::BTreeSet<UserId> =
            self.members.iter().map(|member| member.user).collect();
        let people = users.into_iter().map(|user| Candidate {
            value: Who::Person(user),
            id: user.to_string(),
            name: self.called.user_name(user).unwrap_or_default().to_owned(),
        });
        let devices = self.members.iter().map(|member| Candidate {
            value: Who::Device(member.device),
            id: member.device.to_string(),
            name: self.called.device_name(member.device).unwrap_or_default().to_owned(),
        });
        let hint = "`bowline workspace members --all` and `bowline device list --all` show who is and was in; who has just joined elsewhere is here after `bowline sync`";
        let found = resolve("person or device", typed, people.chain(devices).collect(), Names::Count, hint)?;
        Ok(found.value)
    }
}

/// The time that somebody means.
fn since(typed: &str) -> Result<Millis, CommandError> {
    time::parse(typed).ok_or_else(|| {
        let message = format!("\"{}\" is not a date", OneLine(typed));
        CommandError::new(ErrorCode::Usage, message)
            .hint("write a date as 2026-01-31, or a time as 2026-01-31T09:05:00Z")
    })
}

/// Where rows go, as they come.
enum Out {
    /// Lines for people; the last one may become one with what follows.
    Lines { text: String, last: Option<Box<Row>> },
    /// An array for programs, an element in each line.
    Array { text: String, is_first: bool },
    /// A file with a line for each.
    File { path: PathBuf, file: BufWriter<File>, entries: u64 },
}

impl Out {
    fn to(invocation: &Invocation<'_>, export: Option<&std::path::Path>) -> Result<Self, CommandError> {
        Ok(match export {
            Some(path) => {
                let file = BufWriter::new(files::create_private(path)?);
                Self::File { path: path.to_owned(), file, entries: 0 }
            }
            None if invocation.is_json() => Self::Array { text: "[\n".to_owned(), is_first: true },
            None => Self::Lines { text: String::new(), last: None },
        })
    }

    fn tell(&mut self, row: Row) -> Result<(), CommandError> {
        match self {
            Self::Lines { text, last } => {
                if let Some(before) = last {
                    if before.takes(&row) {
                        return Ok(());
                    }
                    text.push_str(&before.to_string());
                }
                *last = Some(Box::new(row));
            }
            Self::Array { text, is_first } => {
                text.push_str(if *is_first { "" } else { ",\n" });
                *is_first = false;
                text.push_str(&json_of(&row)?);
            }
            Self::File { path, file, entries } => {
                *entries += 1;
                let written = file.write_all((json_of(&row)? + "\n").as_bytes());
                written.map_err(|error| CommandError::file("Writing", path, &error))?;
            }
        }
        Ok(())
    }

    /// Prints what has come by now.
    fn flush(&mut self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Lines { text, .. } | Self::Array { text, .. } => {
                invocation.print(std::mem::take(text).as_bytes())
            }
            Self::File { .. } => Ok(()),
        }
    }

    /// Gives up. A file with a part of it is worse than none.
    fn discard(self) {
        if let Self::File { path, .. } = self
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!(%error, "a file that was not finished stays");
        }
    }

    fn end(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Lines { text, last } => {
                let last = last.map(|row| row.to_string()).unwrap_or_default();
                invocation.print((text + &last).as_bytes())
            }
            Self::Array { text, is_first } => {
                invocation.print((text + if is_first { "]\n" } else { "\n]\n" }).as_bytes())
            }
            Self::File { path, file, entries } => {
                let written = file.into_inner().map_err(std::io::IntoInnerError::into_error);
                let written = written.and_then(|file| file.sync_all());
                written.map_err(|error| CommandError::file("Writing", &path, &error))?;
                let number = count(usize::try_from(entries).unwrap_or(usize::MAX), "line");
                invocation.say(format_args!("Wrote {number} to {}.", show_path(&path)));
                invocation.answer_in_json(&Exported { exported: path.display().to_string(), entries })
            }
        }
    }
}

/// A row as one line of JSON.
fn json_of(row: &Row) -> Result<String, CommandError> {
    let json = serde_json::to_string(row).map_err(|error| {
        CommandError::new(ErrorCode::Bug, "The answer cannot be written as JSON").because(&error)
    })?;
    Ok(json_safe(&json))
}
