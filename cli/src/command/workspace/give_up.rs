//! `bowline workspace give-up`: the Owner ends the wait for content that nobody has any more.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use bowline_engine::device::{Lacks, NotHere, QuarantineReason};
use bowline_engine::ids::{EntryId, WorkspaceId};
use bowline_engine::intent::Decision;
use bowline_engine::{Deed, Void};
use clap::Args;
use serde::Serialize;

use crate::command::removal::{self, Said};
use crate::documents::{count_entries, counted, prefixes, title};
use crate::error::{CommandError, void};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::OneLine;
use crate::time::{iso, moment};
use crate::workspaces::{self, Called};

/// Give up words that nobody has any more
///
/// Documents wait for what the relay has lost or holds back, and for what was written under keys that are gone. Only the owner can end that: what
/// is given up counts nowhere any more. Whoever wrote it and still has it says it again, unasked. The list that is shown first says who may still
/// have it: let their devices sync before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace give-up          shows what waits for whose words, and asks
  bowline workspace give-up --yes")]
pub(crate) struct GiveUp {
    /// In which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What one document lacks of one device's words.
#[derive(Serialize)]
struct Waiting {
    document: Option<Document>,
    /// The document's id in the log, where nothing is known of it here.
    document_in_log: Option<String>,
    device: String,
    device_name: Option<String>,
    user: Option<String>,
    user_name: Option<String>,
    entries: usize,
    /// `body` or `key`.
    lacks: &'static str,
    since: Option<String>,
    may_still_be_on: Vec<Holder>,
    #[serde(skip)]
    shown: String,
}

#[derive(Serialize)]
struct Document {
    id: String,
    kind: &'static str,
    name: String,
}

#[derive(Serialize)]
struct Holder {
    device: String,
    name: Option<String>,
}

impl Display for Waiting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown)
    }
}

impl GiveUp {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        workspaces::check_may(&mut here.device, workspace, Deed::GiveUp, now)?;
        let not_here = here.device.not_here(workspace)?;
        if not_here.is_empty() {
            invocation
                .say(format_args!("Nothing waits for words that are not here: there is nothing to give up."));
            return answer(invocation, workspace, &[]);
        }
        let status = here.device.status(workspace)?;
        let called = Called::load(&mut here.device, workspace, &status.members, now)?;
        let waiting = not_here.iter().map(|it| Waiting::of(it, &called, &here));
        let waiting: Vec<Waiting> = waiting.collect::<Result<_, CommandError>>()?;
        let entries: usize = waiting.iter().map(|it| it.entries).sum();
        let n = count_entries(entries as u64);
        invocation.say(format_args!("{n} of the workspace cannot be shown here:"));
        for it in &waiting {
            invocation.say(format_args!("  {it}"));
        }
        if waiting.iter().any(|it| !it.may_still_be_on.is_empty()) {
            invocation.warn(format_args!(
                "some of it may still be on the devices that are named: let them sync first, and it comes by itself. A relay that holds something \
                 back from this device alone would have it taken from everybody"
            ));
        }
        let question = format!("Give up {n}? They count nowhere any more, on no device");
        invocation.confirm(self.yes, &question)?;
        // What came while the question stood stays, and what came behind it was not shown.
        let lacking = NotHere::still(&not_here, here.device.not_here(workspace)?);
        for lost in NotHere::to_give_up(&lacking) {
            here.device.decide(workspace, Decision::GiveUp(lost), now)?;
        }
        here.wake();
        let answered = removal::answered(invocation, &mut here, workspace)?;
        let became = Became::of(&here, workspace, &not_here)?;
        for sentence in became.sentences() {
            invocation.say(format_args!("{sentence}"));
        }
        match answered.void {
            // Another device of the Owner's was first, or what was missing came: that is said.
            None | Some(Void::GivenUp | Void::NoComplaint) => {}
            Some(why) => return Err(void(why)),
        }
        let n = count_entries(became.waits);
        answered.in_force(&Said::of(String::new(), format!("Giving up {n}")))?;
        if became.waits > 0 {
            invocation.warn(format_args!("{n} of what was shown still cannot be shown here: run this again"));
        }
        let given_up = became.rows.iter().map(|it| Waiting::of(it, &called, &here));
        answer(invocation, workspace, &given_up.collect::<Result<Vec<_>, CommandError>>()?)
    }
}

/// What became of what was shown, once it was decided to give that up.
struct Became {
    /// What was given up.
    rows: Vec<NotHere>,
    /// How many entries that are.
    given_up: u64,
    /// How many still are not here.
    waits: u64,
    /// How many came.
    came: u64,
}

impl Became {
    fn of(here: &Opened, workspace: WorkspaceId, shown: &[NotHere]) -> Result<Self, CommandError> {
        let aside = here.device.status(workspace)?.quarantined.into_iter();
        let aside = aside.filter(|it| it.reason == QuarantineReason::GivenUp).map(|it| it.entry).collect();
        Ok(Self::by(shown, &aside, &NotHere::still(shown, here.device.not_here(workspace)?)))
    }

    fn by(shown: &[NotHere], aside: &BTreeSet<EntryId>, still: &[NotHere]) -> Self {
        let count = |rows: &[NotHere]| rows.iter().map(|it| it.entries.len() as u64).sum::<u64>();
        let mut rows = shown.to_vec();
        for it in &mut rows {
            it.entries.retain(|id| aside.contains(id));
        }
        rows.retain(|it| !it.entries.is_empty());
        let (given_up, waits) = (count(&rows), count(still));
        Self { rows, given_up, waits, came: count(shown).saturating_sub(given_up + waits) }
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.given_up > 0 {
            let n = count_entries(self.given_up);
            sentences.push(format!(
                "Gave up {n}. Whoever still has what they wrote there says it again, unasked."
            ));
        }
        if self.came > 0 {
            let n = count_entries(self.came);
            let verb = if self.came == 1 { "is" } else { "are" };
            sentences.push(format!("{n} came meanwhile, and {verb} not given up."));
        }
        sentences
    }
}

fn answer(
    invocation: &mut Invocation<'_>,
    workspace: WorkspaceId,
    given_up: &[Waiting],
) -> Result<(), CommandError> {
    invocation.answer_in_json(&serde_json::json!({
        "workspace": workspace.to_string(),
        "given_up": given_up,
    }))
}

impl Waiting {
    fn of(it: &NotHere, called: &Called, here: &Opened) -> Result<Self, CommandError> {
        let author = match it.user {
            Some(user) => format!("{} on {}", called.user(user), called.device(it.author)),
            None => called.device(it.author),
        };
        let document = match &it.document {
            Some(found) => format!(
                "{} \"{}\" ({})",
                counted(found.kind, 1),
                title(&found.title),
                prefixes(&here.device)?.shorten(found.id)
            ),
            None => "a document not known by name".to_owned(),
        };
        let why = match it.lacks {
            Lacks::Body => "the relay does not give it",
            Lacks::Key => "its key is missing",
        };
        let since = moment(it.since.millis());
        let n = count_entries(it.entries.len() as u64);
        let holders: Vec<String> = it.holders.iter().map(|device| called.device(*device)).collect();
        let holders = match holders.join(", ") {
            none if none.is_empty() => none,
            some => format!("; may still be on {}", OneLine(&some)),
        };
        let shown = format!("{document}: {n} by {}, since {since}; {why}{holders}", OneLine(&author));
        Ok(Self {
            document: it.document.as_ref().map(|found| Document {
                id: found.id.to_string(),
                kind: counted(found.kind, 1),
                name: found.title.clone(),
            }),
            document_in_log: it.document.is_none().then(|| it.wire.to_string()),
            device: it.author.to_string(),
            device_name: called.device_name(it.author).map(str::to_owned),
            user: it.user.map(|user| user.to_string()),
            user_name: it.user.and_then(|user| called.user_name(user)).map(str::to_owned),
            entries: it.entries.len(),
            lacks: match it.lacks {
                Lacks::Body => "body",
                Lacks::Key => "key",
            },
            since: iso(it.since.millis()),
            may_still_be_on: it
                .holders
                .iter()
                .map(|device| Holder {
                    device: device.to_string(),
                    name: called.device_name(*device).map(str::to_owned),
                })
                .collect(),
            shown,
        })
    }
}

#[cfg(test)]
mod tests {
    use bowline_engine::ids::{DeviceId, LogTime, WireDoc};

    use super::*;

    fn lacking(entries: std::ops::Range<u8>) -> NotHere {
        NotHere {
            wire: WireDoc::ZERO,
            document: None,
            author: DeviceId::from_bytes([1; 32]),
            user: None,
            lacks: Lacks::Body,
            entries: entries.map(|id| EntryId::from_bytes([id; 32])).collect(),
            epochs: BTreeSet::new(),
            since: LogTime::default(),
            holders: BTreeSet::new(),
        }
    }

    #[test]
    fn what_was_given_up_what_waits_and_what_came_are_counted_each_for_itself() {
        let shown = [lacking(0..10), lacking(10..16)];
        let aside = (0..5).chain([12, 200]).map(|id| EntryId::from_bytes([id; 32])).collect();
        let became = Became::by(&shown, &aside, &[lacking(5..9)]);
        assert_eq!((became.given_up, became.waits, became.came), (6, 4, 6));
        assert_eq!(became.rows, [lacking(0..5), lacking(12..13)]);
        assert_eq!(
            became.sentences(),
            [
                "Gave up 6 entries. Whoever still has what they wrote there says it again, unasked.",
                "6 entries came meanwhile, and are not given up."
            ]
        );
        let none = Became::by(&shown, &BTreeSet::new(), &shown);
        assert_eq!((none.waits, none.sentences()), (16, vec![]), "nothing is said of what was not done");
        let came = Became::by(&shown[..1], &BTreeSet::new(), &[]);
        assert_eq!(came.sentences(), ["10 entries came meanwhile, and are not given up."]);
    }
}
