//! Ends the process at one of its commits, as a power cut would. Only with the feature `planted-bugs`, which only the
//! crate of tests asks for; what is shipped does not look at the environment.
//!
//! `BOWLINE_END_AT_COMMIT` is `before 3` or `after 3`: the process ends right before its third commit, or when that is
//! durable and nobody has been told. Schema steps do not count.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A side of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Nothing of the commit is stored.
    Before,
    /// All of the commit is stored.
    After,
}

/// Counts the commit that is about to be made, and gives its number, from 1.
pub(crate) fn next_commit() -> u64 {
    static COMMITS: AtomicU64 = AtomicU64::new(0);
    COMMITS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Ends the process if this is where it has to end: at once, without a signal anyone could handle.
pub(crate) fn end_here(side: Side, commit: u64) {
    static PLAN: OnceLock<Option<(Side, u64)>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| std::env::var("BOWLINE_END_AT_COMMIT").ok().as_deref().and_then(parse));
    if *plan == Some((side, commit)) {
        std::process::abort();
    }
}

fn parse(plan: &str) -> Option<(Side, u64)> {
    let (side, commit) = plan.split_once(' ')?;
    let side = match side {
        "before" => Side::Before,
        "after" => Side::After,
        _ => return None,
    };
    Some((side, commit.parse().ok()?))
}
