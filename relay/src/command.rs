//! What `bowline-relay` can be told on its command line: one file for each command.

mod address;
mod error;
mod log;
mod output;
mod serve;
mod size;
mod stats;
mod workspace;

use clap::{Parser, Subcommand};

use self::error::CommandError;

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
}

/// Does what the command line says.
pub(crate) fn run() -> Result<(), CommandError> {
    match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Workspace(workspace) => workspace.run(),
        Command::Stats(stats) => stats.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_one_another() {
        super::Arguments::command().debug_assert();
    }
}
