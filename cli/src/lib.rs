//! The `bowline` command line as a library: [`run`] is one invocation, with everything from outside passed in.
//!
//! Answers go to stdout, as text or with `--json` as JSON; talk, questions and errors to stderr, with `--json` each error as
//! one line of JSON. What each command does is in its own file under `command`; what can go wrong, and its exit code, in
//! [`CommandError`].

mod clocks;
mod comings;
mod command;
mod compared;
pub mod demo;
mod documents;
mod error;
mod files;
mod host;
mod ids;
mod invocation;
mod listing;
mod logging;
mod notices;
mod opened;
mod overlaps;
mod progress;
mod qr;
mod secret_argument;
mod syncing;
mod text;
mod time;
mod words;
mod workspaces;

pub use error::{CommandError, ErrorCode, Kind};
pub use host::{Environment, Host, Page, Stderr, Stop, Terminal};
pub use time::tell_local_times;

use std::ffi::OsString;
use std::io::Write;

use command::Arguments;
use invocation::{Invocation, write_error_line};

/// Runs one command. `arguments` begin with the program's name; gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, host: &mut Host) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = match Arguments::parse_for(&arguments, host.terminal.columns) {
        Ok(parsed) => parsed,
        Err(shown) if shown.use_stderr() && asks_for_json(&arguments) => {
            let error = CommandError::from(&shown);
            write_error_line(&mut host.stderr, &error);
            return error.kind() as u8;
        }
        Err(shown) => return show_help_or_misuse(&shown, host),
    };
    let mut invocation = Invocation::new(host, &parsed.global);
    let log = logging::to_stderr(&invocation, parsed.global.verbose);
    let done = tracing::dispatcher::with_default(&log, || parsed.command.run(&mut invocation));
    match done {
        Ok(()) => 0,
        Err(error) => {
            invocation.error(&error);
            error.kind() as u8
        }
    }
}

/// Whether arguments that mean nothing ask for JSON all the same.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// What clap has to say: the help or version that was asked for, or what is wrong with the arguments.
fn show_help_or_misuse(shown: &clap::Error, host: &mut Host) -> u8 {
    let text = shown.render();
    let is_misuse = shown.use_stderr();
    let written = match (is_misuse, host.terminal.stderr) {
        (true, true) if (host.env)("NO_COLOR").is_none() => write!(host.stderr, "{}", text.ansi()),
        (true, _) => write!(host.stderr, "{text}"),
        (false, _) => write!(host.stdout, "{text}").and_then(|()| host.stdout.flush()),
    };
    match written {
        Ok(()) if !is_misuse => 0,
        Ok(()) => Kind::Misuse as u8,
        Err(_) => Kind::Bug as u8,
    }
}
