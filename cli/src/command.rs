//! The commands, a file or folder for each; what the commands of every kind of document do alike is in `kind`.

mod agent;
mod audit;
mod chat;
mod code;
mod codes;
mod demo;
mod device;
mod evidence;
mod export;
mod import;
mod init;
mod join;
mod keep_local;
mod kind;
mod memory;
#[cfg(test)]
mod pages;
mod recovery;
mod removal;
mod reset;
mod share;
mod skill;
mod status;
mod sync;
mod text_file;
mod tips;
mod workspace;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{CommandError, EXIT_CODES};
use crate::invocation::{Global, Invocation};

/// Conversations and agents on all your devices, readable by nobody else
///
/// Everything works without a network and without an account. To have the same on another device, make a workspace on a
/// relay (`bowline workspace create`), let the other device in (`bowline device link` there gives a code for
/// `bowline join`), and run `bowline sync`. The relay stores what it cannot read.
#[derive(Debug, Parser)]
#[command(
    name = "bowline",
    version,
    arg_required_else_help = true,
    after_long_help = EXIT_CODES,
    after_help = "`bowline --help` has more, and the exit codes; `bowline help COMMAND` has examples."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Columns that help takes at most, on however wide a terminal: longer lines are hard to read.
const HELP_COLUMNS: usize = 100;

impl Arguments {
    /// Reads arguments. Help, which may be shown instead, is as wide as the terminal: `columns`, if they are known already.
    pub(crate) fn parse_for(arguments: &[OsString], columns: Option<usize>) -> Result<Self, clap::Error> {
        let command = Self::command().max_term_width(HELP_COLUMNS);
        let mut command = match columns {
            Some(columns) => command.term_width(columns.min(HELP_COLUMNS)),
            None => command,
        };
        let matches = command.try_get_matches_from_mut(arguments);
        let matches = matches.map_err(|error| tips::mend(error, &command, arguments))?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Status(status::Status),
    #[command(subcommand)]
    Chat(chat::Chat),
    #[command(subcommand)]
    Agent(agent::Agent),
    #[command(subcommand)]
    Skill(skill::SkillCommand),
    #[command(subcommand)]
    Memory(memory::MemoryCommand),
    #[command(subcommand)]
    Import(import::Import),
    #[command(subcommand)]
    Export(export::Export),
    Share(share::Share),
    KeepLocal(keep_local::KeepLocal),
    #[command(subcommand)]
    Workspace(workspace::Workspace),
    #[command(subcommand)]
    Device(device::Device),
    Join(join::Join),
    #[command(subcommand)]
    Recovery(recovery::Recovery),
    Audit(audit::AuditCommand),
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    Sync(sync::Sync),
    Reset(reset::Reset),
    Demo(demo::Demo),
}

impl Command {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Init(command) => command.run(invocation),
            Self::Status(command) => command.run(invocation),
            Self::Chat(command) => command.run(invocation),
            Self::Agent(command) => command.run(invocation),
            Self::Skill(command) => command.run(invocation),
            Self::Memory(command) => command.run(invocation),
            Self::Import(command) => command.run(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Share(command) => command.run(invocation),
            Self::KeepLocal(command) => command.run(invocation),
            Self::Workspace(command) => command.run(invocation),
            Self::Device(command) => command.run(invocation),
            Self::Join(command) => command.run(invocation),
            Self::Recovery(command) => command.run(invocation),
            Self::Audit(command) => command.run(invocation),
            Self::Evidence(command) => command.run(invocation),
            Self::Sync(command) => command.run(invocation),
            Self::Reset(command) => command.run(invocation),
            Self::Demo(command) => command.run(invocation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{self, KINDS};

    #[test]
    fn the_arguments_of_all_commands_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_kind_that_people_list_has_commands_for_all_that_is_done_alike() {
        let arguments = Arguments::command();
        for kind in KINDS.iter().copied() {
            let commands = arguments.find_subcommand(documents::command(kind));
            let commands = commands.unwrap_or_else(|| panic!("{kind:?} has no commands"));
            for name in ["list", "show", "export", "delete", "restore"] {
                assert!(commands.find_subcommand(name).is_some(), "{kind:?}: {name}");
            }
        }
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
