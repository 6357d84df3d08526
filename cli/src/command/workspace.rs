//! `bowline workspace`: who shares what with whom, over which relay.

mod accept;
mod allow;
mod cancel;
mod connect;
mod create;
mod disconnect;
mod evidence;
mod forget;
mod give_up;
mod going_on;
mod hand_over;
mod invite;
mod invites;
mod leave;
mod list;
mod members;
mod move_relay;
mod put_aside;
mod rejoin;
mod remove;
mod rename;
mod repair;
mod show;
mod take_over;
mod use_workspace;
mod verify;

use clap::Subcommand;
pub(super) use members::heard;

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Workspaces: make one, invite, remove, connect, forget
///
/// A workspace is a set of documents that its members' devices have in common, through a relay that cannot read them.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  bowline workspace create --relay wss://relay.example#key=…,token=…
  bowline device link          another device of yours: run `bowline join CODE` there
  bowline workspace invite     another person: they run `bowline join CODE`
  bowline sync")]
pub(crate) enum Workspace {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Rename(rename::Rename),
    Use(use_workspace::Use),
    Connect(connect::Connect),
    Disconnect(disconnect::Disconnect),
    Move(move_relay::Move),
    Evidence(evidence::Evidence),
    Accept(accept::Accept),
    Repair(repair::Repair),
    Forget(forget::Forget),
    Rejoin(rejoin::Rejoin),
    Members(members::Members),
    PutAside(put_aside::PutAside),
    Verify(verify::Verify),
    Invite(invite::Invite),
    Invites(invites::Invites),
    Remove(remove::Remove),
    HandOver(hand_over::HandOver),
    TakeOver(take_over::TakeOver),
    Allow(allow::Allow),
    GiveUp(give_up::GiveUp),
    Leave(leave::Leave),
    Cancel(cancel::Cancel),
}

impl Workspace {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Create(command) => command.run(invocation),
            Self::List(command) => command.run(invocation),
            Self::Use(command) => command.run(invocation),
            Self::Connect(command) => command.run(invocation),
            Self::Disconnect(command) => command.run(invocation),
            Self::Evidence(command) => command.run(invocation),
            Self::Accept(command) => command.run(invocation),
            Self::Repair(command) => command.run(invocation),
            Self::Forget(command) => command.run(invocation),
            Self::Members(command) => command.run(invocation),
            Self::PutAside(command) => command.run(invocation),
            Self::Verify(command) => command.run(invocation),
            Self::Invite(command) => command.run(invocation),
            Self::Remove(command) => command.run(invocation),
            Self::HandOver(command) => command.run(invocation),
            Self::TakeOver(command) => command.run(invocation),
            Self::Allow(command) => command.run(invocation),
            Self::GiveUp(command) => command.run(invocation),
            Self::Leave(command) => command.run(invocation),
            Self::Show(command) => command.run(invocation),
            Self::Rename(command) => command.run(invocation),
            Self::Move(command) => command.run(invocation),
            Self::Rejoin(command) => command.run(invocation),
            Self::Invites(command) => command.run(invocation),
            Self::Cancel(command) => command.run(invocation),
        }
    }
}
