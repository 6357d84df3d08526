//! `bowline workspace verify`: words that two people compare, to know that both see the same workspace.

use std::fmt;

use bowline_engine::device::Comparable;
use bowline_engine::ids::{Millis, Position, WorkspaceId};
use clap::Args;
use serde::Serialize;

use crate::compared::{Remembered, remembered};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::{OneLine, count, grouped};
use crate::time::{iso, moment};
use crate::words::{Shown, Spoken, Unheard, heard};
use crate::workspaces;

/// Show words that two people compare, to know that both see the same workspace
///
/// Read the words to one another where each knows who speaks: in a call, or in the same room. The first twelve stand for the roster: who is in,
/// with which keys. Equal ones prove that both devices know the same people, devices and codes, and nobody beside them. The others
/// stand for every entry of the log up to a position, and are the same on both devices only at the same position: the one that has less says
/// its position, and the other runs this with --at. Equal ones prove that the relay has shown both the same up to there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  bowline workspace verify
  bowline workspace verify --at 1204
  bowline workspace verify --heard \"abandon ability …\"     compares them, and remembers if they are equal")]
pub(crate) struct Verify {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
    /// At this position of the log, which both devices have [default: the last one here]
    #[arg(long, value_name = "POSITION")]
    at: Option<u64>,
    /// What the other device shows: twelve words or numbers for the roster, and twelve more for the log
    #[arg(long, value_name = "WORDS")]
    heard: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    workspace: String,
    position: u64,
    time: Option<String>,
    people: usize,
    devices: usize,
    roster: Shown,
    log: Shown,
    verified: Option<Remembered>,
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    at: Millis,
    #[serde(skip)]
    now: Millis,
}

impl Verify {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_draft(&here.device, workspace)?;
        let stored = here.device.stored_log(workspace);
        let Some(seen) = stored.comparable(self.at.map(Position))? else {
            let begun_at = stored.begun_at()?;
            return Err(not_here((begun_at, here.device.position(workspace)?), self.at));
        };
        if let Some(text) = &self.heard {
            let with_log = compare(text, &seen)?;
            remember(invocation, &mut here, workspace, &seen, with_log)?;
            return answer(invocation, &here, workspace, &seen);
        }
        answer(invocation, &here, workspace, &seen)?;
        if invocation.is_json() {
            return Ok(());
        }
        let at = seen.position.0;
        invocation.hint(format_args!(
            "on the other device, `bowline workspace verify --at {at}`; the words are not a secret, but who says them has to be known"
        ));
        if invocation.ask("Does the other device show the same words?")? == Some(true) {
            remember(invocation, &mut here, workspace, &seen, true)?;
        }
        Ok(())
    }
}

fn answer(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    workspace: WorkspaceId,
    seen: &Comparable,
) -> Result<(), CommandError> {
    let answer = Answer {
        workspace: workspace.to_string(),
        position: seen.position.0,
        time: iso(seen.time.millis()),
        people: seen.people,
        devices: seen.devices,
        roster: Shown::of(&seen.roster, seen.roster.as_bytes()),
        log: Shown::of(&seen.log, seen.log.as_bytes()),
        verified: remembered(&here.device, workspace)?,
        label: workspaces::label(&here.device, workspace),
        at: seen.time.millis(),
        now: invocation.now(),
    };
    invocation.answer(&answer)
}

fn remember(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    seen: &Comparable,
    with_log: bool,
) -> Result<(), CommandError> {
    let now = invocation.now();
    here.device.remember_compared(workspace, seen, with_log, now)?;
    let what = if with_log { "roster and log" } else { "roster" };
    let at = grouped(seen.position.0);
    invocation.say(format_args!(
        "Remembered: {what} are the same at position {at}. `bowline status` says when that changes."
    ));
    Ok(())
}

/// Whether the log was compared as well; an error if what was heard is something else than what is here.
fn compare(text: &str, seen: &Comparable) -> Result<bool, CommandError> {
    let heard = heard(text).map_err(|why| unheard(&why))?;
    let ours = [Spoken::of(seen.roster.as_bytes()), Spoken::of(seen.log.as_bytes())];
    let [roster, rest @ ..] = heard.as_slice() else {
        return Err(unheard(&Unheard::Count(0)));
    };
    let log = match rest {
        [] => None,
        [log] => Some(log),
        _ => return Err(unheard(&Unheard::Count(heard.len() * crate::words::WORDS))),
    };
    let differs = |what: &str| {
        let at = grouped(seen.position.0);
        CommandError::new(ErrorCode::WordsDiffer, format!("The other device sees another {what} at position {at}"))
            .hint(format!("compare once more at the same position, with --at {} on both devices", seen.position.0))
            .hint("if it stays so, the two are shown different things: send nothing more there that matters, and look at `bowline workspace members` and `bowline audit` on both")
    };
    if *roster != ours[0] {
        return Err(differs("roster"));
    }
    if log.is_some_and(|log| *log != ours[1]) {
        return Err(differs("log"));
    }
    Ok(log.is_some())
}

fn unheard(why: &Unheard<'_>) -> CommandError {
    let message = match why {
        Unheard::NoWord(word) => {
            format!("\"{}\" is not one of the words, nor the number of one", OneLine(word))
        }
        Unheard::Count(n) => format!("These are {}", count(*n, "word")),
    };
    CommandError::new(ErrorCode::Usage, message)
        .hint("twelve words or numbers are the roster's, and twelve more the log's")
}

/// Why there is nothing to compare at a position.
fn not_here((begun_at, have): (Position, Position), asked: Option<u64>) -> CommandError {
    match asked {
        Some(asked @ 1..) if asked < begun_at.0 => {
            let (at, asked) = (grouped(begun_at.0), grouped(asked));
            let message = format!(
                "What the log was at position {asked} is not known here: entries up to position {at} were let go by a checkpoint"
            );
            CommandError::new(ErrorCode::NotFound, message)
                .hint(format!("both devices compare at --at {}", have.0))
        }
        Some(asked) if have > Position::START => {
            let message =
                format!("The log is here up to position {}, not {}", grouped(have.0), grouped(asked));
            CommandError::new(ErrorCode::NotFound, message)
                .hint(format!("`bowline sync` brings more; or both devices compare at --at {}", have.0))
        }
        _ => CommandError::new(ErrorCode::NotFound, "Nothing of the workspace's log is here yet")
            .hint("`bowline sync` brings it"),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, at) = (grouped(self.position), moment(self.at));
        writeln!(f, "Workspace {} at position {position} of its log, of {at}", self.label)?;
        let people = if self.people == 1 { "1 person".to_owned() } else { format!("{} people", self.people) };
        writeln!(f, "Roster: {people}, {}", count(self.devices, "device"))?;
        writeln!(f, "{}\n  {}", self.roster.lines, self.roster.digits)?;
        writeln!(f, "Log: all that everybody wrote up to position {position}")?;
        writeln!(f, "{}\n  {}", self.log.lines, self.log.digits)?;
        match &self.verified {
            Some(verified) => writeln!(f, "Verified: {}", verified.in_words(self.now)),
            None => writeln!(f, "Verified: not on this device"),
        }
    }
}
