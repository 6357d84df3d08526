//! An agent: what it is called, what it may do, and the files it works from. Where it runs and with which key is not in
//! here: a definition is shared, a runtime is not.

mod edit;
mod json;
mod read;

pub use edit::{AgentEdit, AgentMut};
pub use json::{Json, NotJson};
pub use read::{Agent, AgentField, AgentValues};
