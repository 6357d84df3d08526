//! What a relay had when its line came up goes first while it arrives: documents that nobody has asked for are taken in when
//! the line is quiet, or everything is here.

use std::collections::BTreeMap;

use bowline_core::sync::LinkState;
use bowline_wire::ids::{Millis, WorkspaceId};

use super::line::Line;
use crate::{Device, Error};

/// Milliseconds in which nothing comes after which a line counts as quiet: longer than a relay on a good line takes for the next
/// frame, and little beside what a frame takes on a slow one.
pub(super) const QUIET: u64 = 100;

/// Milliseconds for which a line goes first, from when it came up: a relay that sends a little for ever does not keep the
/// documents of other workspaces waiting.
const GOES_FIRST: u64 = 120_000;

/// Whether a line brings what its relay had.
pub(super) fn has_arriving(
    device: &Device,
    lines: &BTreeMap<WorkspaceId, Line>,
    now: Millis,
) -> Result<bool, Error> {
    for (workspace, line) in lines.iter().filter(|(_, line)| line.is_up()) {
        if is_arriving(device.link_state(*workspace)?, line.since(), now) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a line that came up then brings what its relay had, and still goes first.
fn is_arriving(link: LinkState, up_since: Millis, now: Millis) -> bool {
    matches!(link, LinkState::CatchingUp { .. }) && now.since(up_since) < GOES_FIRST
}

#[cfg(test)]
mod tests {
    use bowline_wire::ids::Position;

    use super::*;

    #[test]
    fn a_line_goes_first_while_it_brings_what_its_relay_had_and_not_for_ever() {
        let arrives = LinkState::CatchingUp { at: Position(1), of: Position(9) };
        let up = Millis(5);
        assert!(is_arriving(arrives, up, up));
        assert!(is_arriving(arrives, up, up.plus(GOES_FIRST - 1)));
        assert!(!is_arriving(arrives, up, up.plus(GOES_FIRST)));
        for other in [LinkState::Down, LinkState::Connecting, LinkState::Live] {
            assert!(!is_arriving(other, up, up), "{other:?}");
        }
    }
}
