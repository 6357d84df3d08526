//! What `bowline-relay` can be told on its command line: one file for each command.

mod address;
mod backup;
mod error;
mod log;
mod output;
mod restore;
mod serve;
mod size;
mod stats;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::error::{CommandError, Reader};

/// Orders and keeps the sealed entries of Bowline workspaces. It can read none of them.
#[derive(Debug, Parser)]
#[command(name = "bowline-relay", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 a bug, 2 wrong use, 3 the environment (disk, permissions, network), \
                          4 damaged data or data of a newer version, 5 in use by another process.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    #[command(subcommand)]
    Workspace(workspace::Workspace),
    Stats(stats::Stats),
    Backup(backup::Backup),
    Restore(restore::Restore),
}

/// Does what the command line says, tells what went wrong, and gives the exit code.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let reader = reader(&arguments);
    let done = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => arguments.command.run(),
        Err(shown) if shown.use_stderr() && reader == Reader::Program => Err(CommandError::from(&shown)),
        Err(shown) => shown.exit(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&error.told_to(reader));
            error.exit_code()
        }
    }
}

impl Command {
    fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Workspace(workspace) => workspace.run(),
            Self::Stats(stats) => stats.run(),
            Self::Backup(backup) => backup.run(),
            Self::Restore(restore) => restore.run(),
        }
    }
}

/// Who is told of errors: a program if the arguments ask for JSON, also if they mean nothing otherwise.
fn reader(arguments: &[OsString]) -> Reader {
    let options = arguments.iter().take_while(|argument| *argument != "--");
    if options.into_iter().any(|argument| argument == "--json") { Reader::Program } else { Reader::Person }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_one_another() {
        super::Arguments::command().debug_assert();
    }
}
