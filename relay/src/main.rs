//! The `bowline-relay` binary.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
