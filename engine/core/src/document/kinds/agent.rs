//! An agent: what it is called, what it may do, and the files it works from. Where it runs and with which key is not in
//! here: a definition is shared, a runtime is not.

mod edit;
mod export;
mod json;
mod read;

pub use edit::{AgentEdit, AgentMut};
pub use json::{Json, NotJson};
pub use read::{Agent, AgentField, AgentValues};

use super::definition::{Definition, Visibility, Words};
use crate::document::edit::deletion::Lifecycle;

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "agent", several: "agents" },
    visibility: Visibility::Shared,
    lifecycle: Lifecycle::Content(|document| Agent::new(document).content_hash()),
    summary: |document| Agent::new(document).summary(),
    issues: |document| Agent::new(document).issues(),
    export: |document, id| Agent::new(document).export(id),
};
