//! Making one document of two that turned out to be one.

use std::fmt;

use bowline_engine::Device;
use bowline_engine::device::{Found, Merged, Outcome, Verdict, Why};
use clap::Args;
use serde::Serialize;

use super::KindInFull;
use crate::command::share::secrets::Secrets;
use crate::error::CommandError;
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::text::OneLine;
use crate::{documents, syncing, workspaces};

/// Make one of two: the first takes in what the second holds, and the second goes to the trash
///
/// Nothing is lost: where both have a file and say something else in it, that of the second comes beside, as USER.merged.md.
/// Name, description and model stay as the first has them. The next import of either goes to the one that is left. If only one
/// of them is in a workspace, that is the one that stays, and others see what the other one holds.
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// The one that stays: its name, or the beginning of its id
    #[arg(value_name = "ID|NAME")]
    first: String,
    /// The one that joins it
    #[arg(value_name = "ID|NAME")]
    second: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Merge also if others would come to see what looks like a key or a token
    #[arg(long)]
    allow_secret: bool,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    merged: String,
    workspace: Option<String>,
    fields: Vec<Part>,
    files: Vec<Part>,
    #[serde(skip)]
    one: String,
}

/// What became of a field or a file of the one that joined.
#[derive(Serialize)]
struct Part {
    name: String,
    outcome: Outcome,
    /// Where a file is now that differs from the one that was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<String>,
}

impl Merge {
    pub(in crate::command) fn run<D: KindInFull>(
        self,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let first = documents::look_up(&here.device, &[D::KIND], &self.first)?;
        let second = documents::look_up(&here.device, &[D::KIND], &self.second)?;
        let is_turned = first.workspace().is_none() && second.workspace().is_some();
        let (into, from) = if is_turned { (second, first) } else { (first, second) };
        here.device.check_merge(&into, &from)?;
        let prefixes = documents::prefixes(&here.device)?;
        let question = question(&here.device, &prefixes, (&into, &from));
        invocation.confirm(self.yes, &question)?;
        let mut secrets = Secrets::default();
        if let (Some(workspace), false) = (into.workspace(), self.allow_secret) {
            secrets.check(&mut here.device, from.id(), workspace, invocation.now())?;
        }
        let one = called(&into, &prefixes);
        let restore = prefixes.shorten(from.id());
        let merged = here.device.merge(into, from, invocation.now())?;
        let id = merged.into;
        invocation.answer(&Answer::of(merged, one))?;
        let command = documents::command(D::KIND);
        invocation.say(format_args!(
            "The other one is in the trash; `bowline {command} restore {restore}` brings it back."
        ));
        secrets.tell(invocation, &here.device)?;
        syncing::after_edit(invocation, &here, id)
    }
}

/// What is asked before a merge.
fn question(device: &Device, prefixes: &Prefixes, (into, from): (&Found, &Found)) -> String {
    let (kind, one, other) = (into.kind(), called(into, prefixes), called(from, prefixes));
    let what = kind.words().one;
    let seen = match (into.workspace(), from.workspace()) {
        (Some(workspace), None) => {
            let name = workspaces::label(device, workspace);
            format!(" Everybody in workspace {name} will see what is in it.")
        }
        _ => String::new(),
    };
    format!("Join {what} {other} into {what} {one}, and move {other} to the trash?{seen}")
}

/// A document by its name and the beginning of its id.
fn called(found: &Found, prefixes: &Prefixes) -> String {
    format!("{} ({})", documents::title(found.title()), prefixes.shorten(found.id()))
}

impl Answer {
    fn of(merged: Merged, one: String) -> Self {
        let Merged { into, from, workspace, fields, files } = merged;
        let part = |name: String, verdict: Verdict| {
            let beside = match verdict.why {
                Some(Why::ChangedOnBothSides(beside)) => beside.map(|path| path.to_string()),
                _ => None,
            };
            Part { name, outcome: verdict.outcome, beside }
        };
        Self {
            id: into.to_string(),
            merged: from.to_string(),
            workspace: workspace.map(|workspace| workspace.to_string()),
            fields: fields.into_iter().map(|(name, verdict)| part(name, verdict)).collect(),
            files: files.into_iter().map(|(path, verdict)| part(path.to_string(), verdict)).collect(),
            one,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Both are one now: {}", self.one)?;
        for part in self.fields.iter().chain(&self.files) {
            let name = OneLine(&part.name);
            match (&part.beside, part.outcome) {
                (Some(beside), _) => writeln!(f, "  {name} differs: the other one's is {}", OneLine(beside))?,
                (None, Outcome::Conflict) => writeln!(f, "  {name} differs and stays")?,
                (None, Outcome::New) => writeln!(f, "  {name} is new")?,
                (None, _) => {}
            }
        }
        Ok(())
    }
}
