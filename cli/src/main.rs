//! The `bowline` command line: for now only its version, and a clear refusal of everything else.

use std::io::{self, Write};
use std::process::ExitCode;

/// What `--version` prints.
const VERSION: &str = concat!("bowline ", env!("CARGO_PKG_VERSION"));

/// What everything else prints, to stderr.
const NO_COMMANDS: &str = "\
error: this version of bowline has no commands yet
hint: protocol, device and relay core exist as libraries, and commands come with a later version; \
until then only `bowline --version` answers";

/// The exit code for arguments that are not understood, as most command lines have it.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    // An answer that cannot be written (a closed pipe) is a failure like any other: nobody received it.
    let written = if asks_for_version(&arguments) {
        writeln!(io::stdout(), "{VERSION}").map(|()| ExitCode::SUCCESS)
    } else {
        writeln!(io::stderr(), "{NO_COMMANDS}").map(|()| ExitCode::from(MISUSE))
    };
    written.unwrap_or(ExitCode::FAILURE)
}

/// Whether the only argument is `--version` or `-V`.
fn asks_for_version(arguments: &[std::ffi::OsString]) -> bool {
    matches!(arguments, [only] if only == "--version" || only == "-V")
}
