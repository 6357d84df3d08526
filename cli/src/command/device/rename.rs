//! `bowline device rename`: what this device is called.

use bowline_engine::device::OwnNames;
use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::OneLine;
use crate::workspaces::new_name;

/// Rename this device, here and in every workspace it is in
///
/// Names are sealed: the relay does not learn them.
#[derive(Args, Debug)]
pub(crate) struct Rename {
    /// What it is to be called
    name: String,
}

impl Rename {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let name = new_name(&self.name)?.to_owned();
        let mut here = invocation.open()?;
        let names = OwnNames { user: None, device: Some(name.clone()) };
        here.device.set_own_names(&names, invocation.now())?;
        here.wake();
        invocation.say(format_args!("This device is called {}.", OneLine(&name)));
        invocation
            .answer_in_json(&serde_json::json!({ "device": here.device.id().to_string(), "name": name }))
    }
}
