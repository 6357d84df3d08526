//! What may never come: the way out of waiting for it, once that has lasted.

use bowline_engine::device::{Device, Lacks, QuarantineReason, WorkspaceStatus};
use bowline_engine::ids::{LogTime, Millis, WorkspaceId};
use bowline_engine::{Error, Role};

/// How long something is waited for before giving it up is named, in milliseconds: a day, in which other people's devices connect as a rule.
const LONG: u64 = 24 * 60 * 60 * 1_000;

/// What a person can do about words that have been waited for long; `None` if none have.
pub(super) fn way(
    device: &Device,
    workspace: WorkspaceId,
    (status, role): (&WorkspaceStatus, Option<Role>),
    now: Millis,
) -> Result<Option<&'static str>, Error> {
    if status.membership.is_over() {
        return Ok(None);
    }
    let lacks_keys = status.quarantined.iter().any(|it| it.reason == QuarantineReason::NoKey);
    let not_here = if lacks_keys { device.not_here(workspace)? } else { Vec::new() };
    let keys = not_here.iter().filter(|it| it.lacks == Lacks::Key).map(|it| it.since);
    let since = keys.map(LogTime::millis).chain(status.withheld.map(|withheld| withheld.since)).min();
    Ok(since.and_then(|since| in_words(role, now.since(since))))
}

fn in_words(role: Option<Role>, waited: u64) -> Option<&'static str> {
    (waited >= LONG).then_some(match role {
        Some(Role::Owner) => {
            "If nobody has them any more: `bowline workspace give-up` shows whose words they are, and ends the wait"
        }
        _ => "If nobody has them any more: ask the owner, who can end the wait with `bowline workspace give-up`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_up_is_named_once_something_was_waited_for_a_day() {
        for role in [None, Some(Role::Owner), Some(Role::Member)] {
            assert_eq!(in_words(role, LONG - 1), None);
        }
        assert!(in_words(Some(Role::Owner), LONG).unwrap().contains("`bowline workspace give-up` shows"));
        assert!(in_words(Some(Role::Member), LONG).unwrap().contains("ask the owner"));
    }
}
