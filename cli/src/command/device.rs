//! `bowline device`: the devices of a workspace.

mod link;
mod links;
mod list;
mod rename;
mod revoke;

use clap::Subcommand;

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Devices: list, link another of yours, revoke a lost one
#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    List(list::List),
    Link(link::Link),
    Links(links::Links),
    Rename(rename::Rename),
    Revoke(revoke::Revoke),
}

impl Device {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(invocation),
            Self::Link(command) => command.run(invocation),
            Self::Links(command) => command.run(invocation),
            Self::Rename(command) => command.run(invocation),
            Self::Revoke(command) => command.run(invocation),
        }
    }
}
