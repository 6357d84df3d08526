//! `bowline audit verify`: whether the stored log of a workspace verifies, checked without its relay.

use std::fmt;

use bowline_engine::Device;
use bowline_engine::device::{Check, Checked, CheckedState, Fault, LogFault};
use bowline_engine::ids::{Millis, Position, WorkspaceId};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use crate::error::{CommandError, ErrorCode};
use crate::ids::{Candidate, Names, resolve};
use crate::invocation::Invocation;
use crate::text::grouped;
use crate::time::{iso, moment};
use crate::workspaces;

/// Check every signature and hash of a workspace's log as it is stored here
///
/// Needs no relay and no network. Each entry's signature is checked again, and the hash over it, and whether the rules of the log take it
/// after all before it: the same by which it was taken when it came. What does not verify is named with its place, and the command ends
/// with 12. Where a checkpoint has let entries go, those that stay are compared with the state that it names, and it is said from where on
/// all of the log is here. What is proven is that the log is one that its authors have signed and its relay has ordered; not that other devices
/// see the same: `bowline workspace verify` is for that.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bowline audit verify")]
pub(super) struct Verify {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

/// What came of it.
#[derive(Serialize)]
struct Answer {
    workspace: String,
    verified: bool,
    /// From which position signatures are there.
    from: u64,
    to: u64,
    time: Option<String>,
    /// Up to where the rules of the log were applied.
    judged_to: u64,
    /// What the relay has signed for last.
    signed_by_relay: Option<u64>,
    /// From which position on every entry is here.
    whole_from: u64,
    /// By what the entries before that were let go; `None` if there are none.
    checkpoint: Option<LetGo>,
    entries: u64,
    put_aside: u64,
    without_body: u64,
    keys: usize,
    hash: String,
    faults: Vec<Found>,
    faults_in_all: u64,
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    at: Millis,
}

/// The state of a checkpoint by which entries were let go.
#[derive(Serialize)]
struct LetGo {
    /// Up to which position they were.
    position: u64,
    /// How many stay.
    stays: u64,
    state: String,
    /// Whether the log says that this state stands.
    stands: bool,
}

#[derive(Serialize)]
struct Found {
    position: u64,
    what: &'static str,
    told: String,
}

impl Verify {
    pub(super) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let workspace = chosen(&here.device, self.workspace.as_deref())?;
        let stored = here.device.stored_log(workspace);
        let Some(check) = stored.check()? else {
            return Err(CommandError::new(ErrorCode::NotFound, "Nothing of the workspace's log is here yet")
                .hint("`bowline sync` brings it"));
        };
        let checked = carried_out(invocation, check)?;
        let error = failure(&checked);
        invocation.answer(&Answer::new(&here.device, workspace, checked))?;
        error.map_or(Ok(()), Err)
    }
}

/// The workspace that somebody means; one that is too damaged to be used as well.
fn chosen(device: &Device, typed: Option<&str>) -> Result<WorkspaceId, CommandError> {
    let damaged = device.damaged_workspaces()?;
    let candidate = |id: WorkspaceId| Candidate { value: id, id: id.to_string(), name: String::new() };
    match (workspaces::chosen(device, typed), typed, damaged.as_slice()) {
        (Ok(found), ..) => Ok(found),
        (Err(_), None, [only]) => Ok(*only),
        (Err(_), Some(typed), [_, ..]) => {
            let hint = "`bowline workspace list` shows those that can be used";
            let damaged = damaged.into_iter().map(candidate).collect();
            resolve("workspace", typed, damaged, Names::Ignored, hint).map(|found| found.value)
        }
        (error, ..) => error,
    }
}

/// Carries out a check, and shows on a terminal how far it is.
fn carried_out(invocation: &Invocation<'_>, mut check: Check<'_>) -> Result<Checked, CommandError> {
    let bar = invocation.shows_progress().then(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(crate::progress::TICK);
        bar
    });
    loop {
        let goes_on = check.step()?;
        let (Position(at), Position(of)) = check.progress();
        if let Some(bar) = &bar {
            bar.set_message(format!("checked {} of {}", grouped(at), grouped(of)));
        }
        if !goes_on {
            break;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(check.end()?)
}

/// What a person is told if something does not verify.
fn failure(checked: &Checked) -> Option<CommandError> {
    let first = checked.faults.first()?;
    let more = match checked.faults_in_all - 1 {
        0 => String::new(),
        more => format!(", and {} more", grouped(more)),
    };
    let message = format!("The log does not verify at position {}{more}", grouped(first.position.0));
    Some(
        CommandError::new(ErrorCode::LogUnverified, message)
            .hint("the database was damaged or altered here: what the relay sends is checked before it is stored")
            .hint("put back a backup of the home, or `bowline workspace forget`, which keeps every document here, and join again"),
    )
}

impl Answer {
    fn new(device: &Device, workspace: WorkspaceId, checked: Checked) -> Self {
        let at = checked.time.millis();
        Self {
            workspace: workspace.to_string(),
            verified: checked.faults_in_all == 0,
            from: checked.from.0,
            to: checked.to.0,
            time: iso(at),
            judged_to: checked.judged_to.0,
            signed_by_relay: checked.signed.map(|position| position.0),
            whole_from: checked.begun.map_or(1, |begun| begun.at.next().0),
            checkpoint: checked.begun.map(LetGo::from),
            entries: checked.entries,
            put_aside: checked.aside,
            without_body: checked.without_body,
            keys: checked.logs,
            hash: checked.hash.to_string(),
            faults: checked.faults.iter().map(found).collect(),
            faults_in_all: checked.faults_in_all,
            label: workspaces::label(device, workspace),
            at,
        }
    }
}

impl From<CheckedState> for LetGo {
    fn from(CheckedState { at, stays, digest, stands }: CheckedState) -> Self {
        Self { position: at.0, stays, state: digest.to_string(), stands }
    }
}

fn found(it: &LogFault) -> Found {
    let LogFault { position, fault } = it;
    let (what, told) = match fault {
        Fault::Missing(to) if to == position => ("missing", "the entry is missing".to_owned()),
        Fault::Missing(to) => {
            ("missing", format!("the entries up to position {} are missing", grouped(to.0)))
        }
        Fault::Header(why) => ("signature", format!("the entry is not as its author signed it: {why}")),
        Fault::Body => ("body", "what is in the entry is not what its author signed for".to_owned()),
        Fault::Id => ("id", "the entry is stored under the id of another one".to_owned()),
        Fault::Columns => ("columns", "what is noted of the entry is not what its author signed".to_owned()),
        Fault::LogHash => {
            ("log_hash", "the log's hash does not follow from the entry and those before it".to_owned())
        }
        Fault::NotAcceptable(why) => ("rules", format!("the entry counts here and may not: {why}")),
        Fault::Acceptable => ("wrongly_aside", "the entry was put aside and breaks no rule".to_owned()),
        Fault::RunWithoutEnd => {
            ("run", "something of what a removed member could still send is missing".to_owned())
        }
        Fault::Succession => ("succession", "by which keys the log was signed does not verify".to_owned()),
        Fault::Head => ("head", "the relay has not signed for this log as it is here".to_owned()),
        Fault::State => {
            ("state", "what the next entry would be judged by does not follow from the log".to_owned())
        }
        Fault::Stays => (
            "stays",
            "the entries up to there that stay are not those that the checkpoint's state names".to_owned(),
        ),
        Fault::Records => (
            "roster",
            "who is in does not follow from the records up to there as the checkpoint's state says"
                .to_owned(),
        ),
        Fault::Checkpoint => (
            "checkpoint",
            "the state from which the log was begun cannot be read, or is not the one that stands".to_owned(),
        ),
    };
    Found { position: position.0, what, told }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (grouped(self.from), grouped(self.to));
        writeln!(f, "Workspace {}, positions {from} to {to}, the last of {}", self.label, moment(self.at))?;
        if let Some(LetGo { position, stays, .. }) = &self.checkpoint {
            let (from, at, stays) = (grouped(self.whole_from), grouped(*position), grouped(*stays));
            writeln!(
                f,
                "  All of the log is here from position {from} on. Entries up to position {at} were let go by a checkpoint, but for {stays}."
            )?;
        }
        if self.verified
            && let Some(LetGo { stands, .. }) = &self.checkpoint
        {
            let from = grouped(self.whole_from);
            writeln!(
                f,
                "  Every signature verifies. What stays is what the checkpoint's state names; from position {from} on every hash verifies"
            )?;
            writeln!(f, "  as well, and the rules of the log take every entry that counts.")?;
            if !stands {
                writeln!(f, "  The log is not here up to where it says that this state stands.")?;
            }
        } else if self.verified {
            writeln!(
                f,
                "  Every signature and hash verifies, and the rules of the log take every entry that counts."
            )?;
        } else {
            writeln!(f, "  Does not verify:")?;
            for found in &self.faults {
                writeln!(f, "    position {}: {}", grouped(found.position), found.told)?;
            }
            let told = self.faults.len() as u64;
            if self.faults_in_all > told {
                writeln!(f, "    and {} more", grouped(self.faults_in_all - told))?;
            }
            if self.judged_to < self.to {
                let from = grouped(self.judged_to + 1);
                writeln!(f, "  From position {from} on, signatures and hashes were checked, and no rules.")?;
            }
        }
        match self.signed_by_relay {
            Some(position) => writeln!(f, "  The relay has signed for position {}.", grouped(position))?,
            None => writeln!(f, "  No signature of the relay for it is here.")?,
        }
        if self.put_aside > 0 {
            let n = grouped(self.put_aside);
            writeln!(f, "  Entries that stand there and count for nothing, by the same rules: {n}")?;
        }
        if self.without_body > 0 {
            let n = grouped(self.without_body);
            writeln!(
                f,
                "  Entries of which the text is not here, so that only the signature was checked: {n}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(checkpoint: Option<LetGo>) -> Answer {
        Answer {
            workspace: "w".to_owned(),
            verified: true,
            from: 1,
            to: 30,
            time: None,
            judged_to: 30,
            signed_by_relay: Some(30),
            whole_from: checkpoint.as_ref().map_or(1, |it| it.position + 1),
            checkpoint,
            entries: 18,
            put_aside: 0,
            without_body: 0,
            keys: 1,
            hash: "h".to_owned(),
            faults: Vec::new(),
            faults_in_all: 0,
            label: "Studio".to_owned(),
            at: Millis(0),
        }
    }

    fn let_go(stands: bool) -> LetGo {
        LetGo { position: 20, stays: 8, state: "s".to_owned(), stands }
    }

    #[test]
    fn of_a_log_that_was_begun_from_a_state_it_is_told_from_where_on_all_is_here_and_what_stays() {
        let text = answer(Some(let_go(true))).to_string();
        assert!(text.contains("All of the log is here from position 21 on"), "{text}");
        assert!(text.contains("Entries up to position 20 were let go by a checkpoint, but for 8"), "{text}");
        assert!(text.contains("What stays is what the checkpoint's state names"), "{text}");
        assert!(!text.contains("Every signature and hash verifies"), "{text}");
        assert!(!text.contains("not here up to where"), "{text}");
        let text = answer(Some(let_go(false))).to_string();
        assert!(text.contains("The log is not here up to where it says that this state stands"), "{text}");
    }

    #[test]
    fn of_a_whole_log_nothing_of_that_is_told() {
        let text = answer(None).to_string();
        assert!(text.contains("Every signature and hash verifies"), "{text}");
        assert!(!text.contains("checkpoint"), "{text}");
        let json = serde_json::to_value(answer(None)).unwrap();
        assert_eq!((&json["whole_from"], &json["checkpoint"]), (&1.into(), &serde_json::Value::Null));
        let json = serde_json::to_value(answer(Some(let_go(true)))).unwrap();
        let checkpoint = serde_json::json!({ "position": 20, "stays": 8, "state": "s", "stands": true });
        assert_eq!((&json["whole_from"], &json["checkpoint"]), (&21.into(), &checkpoint));
    }
}
