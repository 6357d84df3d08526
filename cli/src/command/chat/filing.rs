//! `bowline chat rename`, `pin`, `archive`, `label` and what takes them back: how a person files conversations.

use bowline_engine::Device;
use bowline_engine::document::Kind;
use bowline_engine::ids::{DocId, Millis};
use clap::Args;

use crate::command::kind::answer_each;
use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::OneLine;
use crate::workspaces::new_name;

/// Give a conversation another title
#[derive(Args, Debug)]
pub(crate) struct Rename {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// The new title; an empty one takes the old one away
    title: String,
}

/// Show a conversation first in lists
#[derive(Args, Debug)]
pub(crate) struct Pin {
    /// Which conversations: their titles, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Show a conversation in its place again
#[derive(Args, Debug)]
pub(crate) struct Unpin {
    /// Which conversations: their titles, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Leave a conversation out of lists, on all devices
///
/// It stays as it is, and can be shown, written into and synced: `bowline chat list --archived` lists it.
#[derive(Args, Debug)]
pub(crate) struct Archive {
    /// Which conversations: their titles, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Have a conversation in lists again
#[derive(Args, Debug)]
pub(crate) struct Unarchive {
    /// Which conversations: their titles, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Put labels on a conversation
#[derive(Args, Debug)]
pub(crate) struct Label {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// Which labels
    #[arg(required = true, value_name = "LABEL")]
    labels: Vec<String>,
    /// Another conversation that is meant as well; can be repeated
    #[arg(long, value_name = "ID|NAME")]
    also: Vec<String>,
}

/// Take labels off a conversation
#[derive(Args, Debug)]
pub(crate) struct Unlabel {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// Which labels
    #[arg(required = true, value_name = "LABEL")]
    labels: Vec<String>,
    /// Another conversation that is meant as well; can be repeated
    #[arg(long, value_name = "ID|NAME")]
    also: Vec<String>,
}

impl Rename {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let title = Some(self.title.as_str()).filter(|title| !title.trim().is_empty());
        let told = match title {
            Some(title) => format!("Renamed to {}.", OneLine(title)),
            None => "Took the title away.".to_owned(),
        };
        file(invocation, &[self.id], &told, |device, id, now| device.set_title(id, title, now))
    }
}

impl Pin {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        file(invocation, &self.ids, "Pinned.", |device, id, now| device.set_pinned(id, true, now))
    }
}

impl Unpin {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        file(invocation, &self.ids, "No longer pinned.", |device, id, now| device.set_pinned(id, false, now))
    }
}

impl Archive {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        file(invocation, &self.ids, "Archived.", |device, id, now| device.set_archived(id, true, now))
    }
}

impl Unarchive {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        file(invocation, &self.ids, "No longer archived.", |device, id, now| {
            device.set_archived(id, false, now)
        })
    }
}

impl Label {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        label(invocation, (self.id, self.also), &self.labels, true)
    }
}

impl Unlabel {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        label(invocation, (self.id, self.also), &self.labels, false)
    }
}

fn label(
    invocation: &mut Invocation<'_>,
    (id, also): (String, Vec<String>),
    labels: &[String],
    on: bool,
) -> Result<(), CommandError> {
    let told = if on { "Labelled." } else { "Took the labels off." };
    let labels = labels.iter().map(|label| new_name(label)).collect::<Result<Vec<_>, _>>()?;
    let typed: Vec<String> = std::iter::once(id).chain(also).collect();
    file(invocation, &typed, told, |device, id, now| {
        labels.iter().try_for_each(|label| device.set_label(id, label, on, now))
    })
}

/// Changes how the conversations that a person means are filed, and says so.
fn file(
    invocation: &mut Invocation<'_>,
    typed: &[String],
    told: &str,
    change: impl Fn(&mut Device, DocId, Millis) -> Result<(), bowline_engine::Error>,
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let now = invocation.now();
    let mut filed = Vec::new();
    for found in documents::find_several(&here.device, Kind::Conversation, typed)? {
        let id = found.id();
        change(&mut here.device, id, now)?;
        invocation.say(format_args!("{told}"));
        syncing::after_move(invocation, &here, id)?;
        let shown = here.device.show(id, now)?;
        filed.push(serde_json::json!({
            "id": id.to_string(),
            "title": shown.title,
            "pinned": shown.marks.pinned,
            "archived": shown.marks.archived,
            "labels": shown.marks.labels,
        }));
    }
    answer_each(invocation, filed)
}
