//! Hints that several errors share.

/// What to do about a home that cannot be read.
pub(super) const RESTORE: &str =
    "nothing was changed: put back the home from a backup, or keep it aside and begin a new one";

/// What to do about our bugs.
pub(super) const REPORT: &str = "this is a bug: please report it with what you did";

/// What is tried again by itself.
pub(crate) const KEPT: &str = "what is queued stays queued: run `bowline sync` again later";

/// What to do about a relay that has lost a part of a log.
pub(crate) const HAVE_IT_RESTORED: &str = "nothing here is lost: tell the relay's operator, who has to run `bowline-relay restore`; then `bowline sync` \
     goes on";

/// What to do about a relay that has lost what a checkpoint let go here.
pub(crate) const FROM_ITS_BEGINNING: &str = "nothing is sent there and nothing here is lost: others may still send it what it lacks. `bowline workspace forget` keeps \
     every document on this device; `bowline join` with a new code then takes the relay's log in from its beginning, and `bowline share --all` adds what only this device has";

/// What the Owner does before leaving.
pub(crate) const HAND_OVER_FIRST: &str = "hand it over first: `bowline workspace hand-over PERSON`; once they have run `bowline workspace take-over`, you can leave";

/// What to do once a Member may write no more records.
pub(crate) const ASK_FOR_MORE: &str = "ask the owner to run `bowline workspace allow` with your name; documents sync as before, and you can always leave";

/// What brings a device back that is not in a workspace any more.
pub(crate) const COME_BACK: &str = "ask somebody in the workspace for a code: `bowline workspace rejoin` brings this device back with all that is on it";
