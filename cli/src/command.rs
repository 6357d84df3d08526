//! The commands, one file for each.

mod agent;
mod chat;
mod code;
mod demo;
mod device;
mod export;
mod import;
mod init;
mod join;
mod keep_local;
mod memory;
mod removal;
mod reset;
mod share;
mod skill;
mod status;
mod sync;
mod text_file;
mod trash;
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

/// Columns of the help's longer texts: easy to read, and narrower than most terminals.
const HELP_COLUMNS: usize = 90;

impl Arguments {
    /// Reads arguments; what is shown instead, help or a mistake, has its longer texts wrapped.
    pub(crate) fn parse_wrapped(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = wrapped(Self::command());
        let matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

fn wrapped(command: clap::Command) -> clap::Command {
    let long = command.get_long_about().map(|text| wrap(&text.to_string()));
    let command = match long {
        Some(text) => command.long_about(text),
        None => command,
    };
    command.mut_subcommands(wrapped)
}

/// Breaks lines between words; lines that are there stay.
fn wrap(text: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.len() + word.len() >= HELP_COLUMNS {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
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
            Self::Sync(command) => command.run(invocation),
            Self::Reset(command) => command.run(invocation),
            Self::Demo(command) => command.run(invocation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_all_commands_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_is_wrapped_between_words_and_loses_none() {
        let text = "one two three ".repeat(30) + "\n\nlast";
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.len() <= HELP_COLUMNS), "{wrapped}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&wrapped), words(&text));
        assert!(wrapped.ends_with("\n\nlast"));
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
