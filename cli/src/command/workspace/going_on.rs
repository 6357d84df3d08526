//! What `accept` and `repair` do alike: look at the relay's log, show what it lacks, ask, and go on with it.

use std::fmt::{self, Display};

use bowline_engine::device::{Looking, Missing, Owed, Token};
use bowline_engine::ids::{Millis, Position, WorkspaceId};
use bowline_engine::run::{Goal, Looked};
use bowline_engine::{Device, GoingOn, LinkState, Reason, ShownLog, SurveyFailed};
use clap::Args;
use serde::Serialize;

use crate::documents::count_entries;
use crate::error::{CommandError, line_failed, survey_failed};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::text::{OneLine, count};
use crate::workspaces::{self, Called, WorkspaceNames};

/// Documents that are named before the rest is counted.
const NAMED: usize = 8;

/// How a person decides.
#[derive(Args, Debug)]
pub(super) struct Decides {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Show what is missing and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Answer {
    workspace: String,
    /// Whether this device goes on with that log.
    done: bool,
    /// How many entries of the log are the same here and there.
    same: u64,
    /// How many the relay has behind those.
    others: usize,
    /// How many that are known here it lacks.
    missing: u64,
    /// How many of these can be sent again as they are.
    can_be_sent_again: u64,
    by: Vec<By>,
    documents: Vec<Titled>,
    /// Whoever was removed and is in again by that log.
    removals: Vec<String>,
    /// How many codes let nobody in any more and are open again by that log.
    codes: usize,
    /// How many were removed here of whom that log has never heard.
    removed_unknown: usize,
    /// Devices that are in the workspace, and not by that log.
    not_in: Vec<String>,
    /// Devices that are in by that log, and unknown here.
    unknown_in: Vec<String>,
    #[serde(skip)]
    how: GoingOn,
}

#[derive(Serialize)]
struct By {
    device: String,
    entries: u64,
    #[serde(skip)]
    called: String,
}

#[derive(Serialize)]
struct Titled {
    id: String,
    title: String,
}

pub(super) fn run(
    invocation: &mut Invocation<'_>,
    decides: Decides,
    (how, token): (GoingOn, Option<Token>),
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let workspace = workspaces::chosen(&here.device, decides.workspace.as_deref())?;
    let was_disconnected = here.device.is_disconnected(workspace)?;
    let answer = syncing::while_closed(invocation, &mut here, workspace, |invocation, here| {
        decide(invocation, here, workspace, (&decides, how, token))
    })?;
    if !answer.done {
        return invocation.answer(&answer);
    }
    invocation.say(format_args!("{}", followed(how)));
    if was_disconnected {
        invocation.say(format_args!("disconnected until `bowline workspace connect`"));
        return invocation.answer_in_json(&answer);
    }
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut has_settled = |device: &mut Device, _: Millis| has_settled(device, workspace);
    let reached = syncing::reach(invocation, &mut here, Goal::Until(workspace, &mut has_settled), progress)?;
    if let Some(error) = syncing::not_reached(&reached.finished, workspace) {
        return Err(error.hint("the decision stands: `bowline sync` goes on"));
    }
    syncing::after_change(invocation, &here, workspace)?;
    invocation.answer_in_json(&answer)
}

/// What is said once the decision is durable.
fn followed(how: GoingOn) -> &'static str {
    match how {
        GoingOn::Accept => "This device goes on with the relay's log; what it wrote itself is sent anew.",
        GoingOn::Repair => "This device goes on with the relay's log; what that lacks is sent again.",
    }
}

/// Whether everything that the relay has is here, and what is sent again was answered.
fn has_settled(device: &Device, workspace: WorkspaceId) -> Result<bool, bowline_engine::Error> {
    let is_live = device.link_state(workspace)? == LinkState::Live;
    Ok(is_live && device.status(workspace)?.sent_again == 0)
}

fn decide(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (decides, how, token): (&Decides, GoingOn, Option<Token>),
) -> Result<Answer, CommandError> {
    let (shown, is_decided) = look(invocation, here, workspace, (decides, token))?;
    let mut answer = described(invocation, here, workspace, (&shown, how))?;
    if decides.dry_run {
        return Ok(answer);
    }
    invocation.say(format_args!("{}", answer.to_string().trim_end()));
    let question = match how {
        GoingOn::Accept => "Go on with the relay's log as it is?",
        GoingOn::Repair => "Go on with the relay's log and send again what it lacks?",
    };
    invocation.confirm(decides.yes || is_decided, question)?;
    here.device.go_on_with(workspace, &shown, how, invocation.now())?;
    answer.done = true;
    Ok(answer)
}

/// The relay's log, and whether the person has said yes to going on with it: where the relay had nothing and was just given the
/// beginning, there is nothing more to be shown.
fn look(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (decides, token): (&Decides, Option<Token>),
) -> Result<(Box<ShownLog>, bool), CommandError> {
    let why = match look_once(invocation, here, workspace, (&Looking::AsItIs, None))? {
        Ok(shown) => return Ok((shown, false)),
        Err(why) => why,
    };
    let is_gone = why == SurveyFailed::Goodbye(Reason::NoWorkspace);
    // Where it was made again the record by which this device came in may still be missing.
    let may_be_missing = is_gone || why == SurveyFailed::Goodbye(Reason::NotAllowed);
    let Some(token) = token.filter(|_| may_be_missing && !decides.dry_run) else {
        return Err(survey_failed(&why));
    };
    if is_gone {
        invocation.say(format_args!(
            "The relay has nothing of this workspace any more: it has lost it, or it was deleted there."
        ));
        invocation.confirm(decides.yes, "Make it there again, and send everything that is known here?")?;
    }
    match look_once(invocation, here, workspace, (&Looking::MadeAgain(token), None))? {
        Ok(shown) => {
            let is_decided = is_gone && shown.parting() == Position::START && shown.others() <= 1;
            Ok((shown, is_decided))
        }
        Err(why) => Err(survey_failed(&why)),
    }
}

/// Looks at the log that the workspace's relay has, or a relay at another address.
pub(super) fn look_once(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (how, elsewhere): (&Looking, Option<&str>),
) -> Result<Result<Box<ShownLog>, SurveyFailed>, CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    match syncing::look(invocation, here, (workspace, how, elsewhere), progress)? {
        Looked::Shown(shown) => Ok(Ok(shown)),
        Looked::Failed(why) => Ok(Err(why)),
        Looked::NoLine(why) => Err(line_failed(&why)),
        Looked::Stopped => Err(syncing::interrupted()),
    }
}

fn described(
    invocation: &Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (shown, how): (&ShownLog, GoingOn),
) -> Result<Answer, CommandError> {
    let missing = here.device.missing(workspace, shown)?;
    let members = here.device.status(workspace)?.members;
    let called = Called::load(&mut here.device, workspace, &members, invocation.now())?;
    let Missing {
        parting,
        others,
        entries,
        again,
        by,
        documents,
        owed,
        removed_unknown,
        not_in,
        unknown_in,
        ..
    } = missing;
    let titled = |id| -> Result<Titled, CommandError> {
        Ok(Titled { id: format!("{id}"), title: here.device.find(id)?.title().to_owned() })
    };
    let removal = |owed: &Owed| match owed {
        Owed::Device(device) => Some(called.device(*device)),
        Owed::Member(user) => Some(called.user(*user)),
        Owed::Code(..) => None,
    };
    Ok(Answer {
        workspace: workspace.to_string(),
        done: false,
        same: parting.0,
        others,
        missing: entries,
        can_be_sent_again: again,
        by: by
            .into_iter()
            .map(|(device, entries)| By {
                device: device.to_string(),
                entries,
                called: called.device(device),
            })
            .collect(),
        // What a workspace keeps for itself has no title that a person gave it.
        documents: documents.into_iter().map(titled).filter_map(Result::ok).collect(),
        removals: owed.iter().filter_map(removal).collect(),
        codes: owed.iter().filter(|owed| matches!(owed, Owed::Code(..))).count(),
        removed_unknown: removed_unknown.len(),
        not_in: not_in.into_iter().map(|device| called.device(device)).collect(),
        unknown_in: unknown_in.into_iter().map(|device| called.device(device)).collect(),
        how,
    })
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The relay's log and the one known here are the same for {}.", count_entries(self.same))?;
        if self.others > 0 {
            writeln!(
                f,
                "Behind those it has {} that are not here at that place.",
                count_entries(self.others as u64)
            )?;
        }
        if !self.unknown_in.is_empty() {
            writeln!(f, "In by that log, and unknown here: {}.", self.unknown_in.join(", "))?;
        }
        if self.missing == 0 {
            return writeln!(f, "It lacks nothing of what is known here.");
        }
        writeln!(f, "It lacks {} of what is known here:", count_entries(self.missing))?;
        for By { entries: n, called, .. } in &self.by {
            writeln!(f, "  {} by {called}", count_entries(*n))?;
        }
        if !self.documents.is_empty() {
            writeln!(f, "in {}:", count(self.documents.len(), "document"))?;
        }
        for Titled { id, title } in self.documents.iter().take(NAMED) {
            writeln!(f, "  {} ({})", OneLine(title), id.get(..8).unwrap_or(id))?;
        }
        if self.documents.len() > NAMED {
            writeln!(f, "  and {} more", self.documents.len() - NAMED)?;
        }
        for whom in &self.removals {
            writeln!(
                f,
                "By that log {whom} is in again; until the removal is made again, nothing is sent from here."
            )?;
        }
        if self.codes > 0 {
            writeln!(
                f,
                "By that log {} that let nobody in any more would again; whoever may closes them.",
                count(self.codes, "code")
            )?;
        }
        if self.removed_unknown > 0 {
            writeln!(
                f,
                "Removed here, and unknown to that log: {}. They may hold the key that is in force there.",
                self.removed_unknown
            )?;
        }
        for device in &self.not_in {
            writeln!(f, "By that log {device} is not in.")?;
        }
        match self.how {
            GoingOn::Accept => writeln!(
                f,
                "What this device wrote of it is sent anew; the rest stays in sight here until it is sent anew."
            ),
            GoingOn::Repair => writeln!(
                f,
                "{} can be sent again as they are; of the rest, what this device wrote is sent anew.",
                count_entries(self.can_be_sent_again)
            ),
        }
    }
}
