//! What the people of the demo are called and write: the story tells it, and the evidence looks for it.

/// The conversation that goes on.
pub(super) const CHAT: &str = "Concert in the boathouse";

/// The agent whose prompt is edited, and the file in which it is.
pub(super) const AGENT: &str = "Fennel";
pub(super) const PROMPT: &str = "AGENTS.md";

/// The person whom the owner invites.
pub(super) const GUEST: &str = "Ben Achterberg";

/// What is written during the demo. The texts are nowhere in the sample home.
pub(super) const LAPTOP_RULE: &str = "- Keep Thursday evenings free: the choir sings.";
pub(super) const DESKTOP_RULE: &str = "- Sign letters with a plain “M.” and nothing more.";
pub(super) const LAPTOP_SAYS: &str = "Who brings the tuning fork?";
pub(super) const DESKTOP_SAYS: &str = "And if it rains on the 19th?";
pub(super) const AFTERWARDS: &str = "The boathouse key hangs under the third oar.";
