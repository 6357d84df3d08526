//! `bowline keep-local`: keeps what is written into documents on this device.

use std::fmt;

use bowline_engine::device::{DocumentState, Kept};
use clap::Args;
use serde::Serialize;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::count;

/// Keep what you write into documents on this device
///
/// A document of which nothing has left this device is on this device only from then on, and is left out when all are
/// shared. Of one that others have they keep what they have, and what they write still comes; nothing written on this
/// device leaves any more, until `bowline share`.
#[derive(Args, Debug)]
pub(crate) struct KeepLocal {
    /// Which documents: their names, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    kept: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    /// The workspace whose others keep what they have of it.
    workspace: Option<String>,
    /// What others have.
    #[serde(skip)]
    others: Option<String>,
    #[serde(skip)]
    name: String,
}

impl KeepLocal {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let mut kept = Vec::new();
        for (kind, id) in documents::find_all(&here.device, &self.ids)? {
            let before = here.device.document_state(id);
            let place = here.device.keep_local(id, invocation.now())?;
            let name = format!("{} {}", kind.words().one, documents::prefixes(&here.device)?.shorten(id));
            let (workspace, others) = match place {
                Kept::OnlyHere => (None, None),
                Kept::Beside(workspace) => (Some(workspace.to_string()), Some(others(before.ok().as_ref()))),
            };
            kept.push(Item { id: id.to_string(), workspace, others, name });
        }
        here.wake();
        invocation.answer(&Answer { kept })
    }
}

/// Who has what of a document that was in this state.
fn others(state: Option<&DocumentState>) -> String {
    match state {
        Some(DocumentState::OnDevices(devices)) => {
            format!("{} and the relay keep what they have of it", count(*devices, "other device"))
        }
        Some(DocumentState::OnRelay) => "the relay has all of it, for everybody in the workspace".to_owned(),
        _ => "others keep what has left this device".to_owned(),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Item { name, others, .. } in &self.kept {
            match others {
                None => writeln!(f, "Kept {name} on this device only")?,
                Some(others) => {
                    writeln!(f, "What you write into {name} stays on this device from now on; {others}")?;
                }
            }
        }
        Ok(())
    }
}
