//! The steps of the demo, what is there while it runs, and who may look at it or spoil it between two steps.

use std::path::PathBuf;
use std::sync::Arc;

use super::machine::Machine;
use super::wire::Wire;

/// A step of the demo, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The laptop imports the sample home.
    Adopt,
    /// The laptop makes a workspace and shares what is not personal.
    Share,
    /// The desktop comes in by a link.
    Link,
    /// Another person's notebook comes in by an invite.
    Invite,
    /// All three are disconnected.
    Disconnect,
    /// The laptop edits a prompt and continues a conversation.
    EditOnLaptop,
    /// The desktop does the same, with the same documents.
    EditOnDesktop,
    /// All three try to sync.
    StayOffline,
    /// All three are connected again, and sync.
    Reconnect,
    /// What they have is put side by side.
    Compare,
    /// The desktop is revoked.
    Revoke,
    /// The laptop writes more, and everybody syncs.
    WriteMore,
    /// Everything is searched that the relay or a device has kept.
    Search,
}

/// What is there while the demo runs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The machines: laptop, desktop, notebook.
    pub machines: [Machine; 3],
    /// The relay's folder.
    pub relay: PathBuf,
    /// The relay's address, without the token.
    pub address: String,
    /// The relay's end of all connections.
    pub wire: Arc<Wire>,
    /// The id of the conversation that is continued; empty before there is one.
    pub chat: String,
    /// The id of the agent whose prompt is edited; empty before there is one.
    pub agent: String,
}

/// Whether a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whether {
    /// The step is taken.
    Taken,
    /// The step is left out.
    LeftOut,
}

/// Who is asked before each step.
pub trait Onlooker {
    /// Says whether this step is taken. May do anything to the scene.
    fn before(&mut self, step: Step, scene: &Scene) -> Whether;
}

/// Takes every step and changes nothing.
impl Onlooker for () {
    fn before(&mut self, _: Step, _: &Scene) -> Whether {
        Whether::Taken
    }
}
