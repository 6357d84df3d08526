//! Entries that stay, as runs.

use bowline_wire::ids::Position;
use bowline_wire::log::Run;

/// The runs of places that are ascending.
pub(super) fn runs(places: impl IntoIterator<Item = Position>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for at in places {
        match runs.last_mut().filter(|run| run.first.0 + run.count == at.0) {
            Some(run) => run.count += 1,
            None => runs.push(Run { first: at, count: 1 }),
        }
    }
    runs
}
