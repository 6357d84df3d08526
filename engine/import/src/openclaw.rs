//! Imports what a person has in OpenClaw: conversations byte for byte, agents, skills and personal files.
//!
//! Nothing of OpenClaw's is changed and nothing in it is run. What is read is read below the state directory and below the
//! workspaces it names, without following links. Secrets are listed and never taken. See `docs/IMPORT.md`.

mod definitions;
mod home;
mod transcripts;
mod write;

use bowline_wire::ids::Millis;

pub use crate::{Entries, Event, ImportError, Item, Outcome, Report, What};
use crate::{Import, Reporter};
use bowline_device::ImportTarget;
use definitions::documents::Documents;
pub(crate) use definitions::folder::{Descend, Kept, Kit, walk};
use definitions::{agents, schedules};
pub use home::find::{NotFound, StateDir};
use home::place::Home;
pub use home::place::Options;
use home::{leftovers, settings};
pub use write::{SessionFileNames, is_reserved};

use crate::tree::Tree;

/// Imports what is new since the last time, and hands each thing it meets to `on`. Documents are made on this device alone,
/// whatever workspace is in use. If it ends in the middle, what was imported stays, and the next import goes on from there.
/// Into a [`DryRun`](bowline_device::DryRun) it comes to the same and nothing is written.
pub fn import(
    target: &mut dyn ImportTarget,
    from: &StateDir,
    options: &Options,
    clock: &dyn Fn() -> Millis,
    on: &mut dyn FnMut(Event<'_>),
) -> Result<Report, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: from.path().to_owned(), source };
    let root = Tree::open(from.path()).map_err(unreadable)?;
    let (mut import, mut report) = (Import::new(target, clock), Reporter::new(on));
    let mut items = Vec::new();
    let (settings, file) = settings::read(&root, from, &mut items);
    for item in &items {
        report.item(item);
    }
    let file = file.unwrap_or_default();

    let home = Home { root: &root, state: from, options: *options };
    let state = leftovers::state_database(&mut report, home);
    let jobs =
        schedules::all(&mut report, home, state.as_ref().map(|(connection, path)| (connection, *path)));
    drop(state);
    let folders = agents::folders(&mut report, home);
    let agents = agents::all(&mut report, home, &settings, &folders);

    let mut conversations = Vec::new();
    for folder in &folders {
        let id = agents::id_of(folder, &folders);
        let settings = agents.iter().find(|agent| agent.id == id).and_then(|agent| agent.listed.as_ref());
        conversations.push(leftovers::conversations(&mut report, home, (folder, &id), settings));
    }
    report.begin(conversations.iter().map(|found| found.bytes).sum());
    for found in conversations {
        found.import(&mut import, &mut report)?;
    }
    let mut documents = Documents::new(&mut import, &mut report, from.profile(), &settings, &file, jobs);
    let workspaces = documents.agents(home, agents)?;
    documents.shared_skills(home)?;
    leftovers::report_leftovers(&mut report, home, &file, &workspaces);
    Ok(report.finish())
}
