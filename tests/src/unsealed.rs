//! `bowline`, with sealing replaced by nothing: the control for the test that looks for plaintext at the relay. What that
//! test cannot find here, it would not find anywhere.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bowline::{Host, Stderr, Terminal};
use bowline_engine::ids::Millis;
use getrandom::SysRng;
use rand_core::UnwrapErr;

fn main() -> ExitCode {
    bowline_crypto::seal_nothing();
    let mut host = Host {
        clock: Arc::new(now),
        random: Box::new(|| Box::new(UnwrapErr(SysRng))),
        stdin: Box::new(io::BufReader::new(io::stdin())),
        stdout: Box::new(io::stdout()),
        // Without a terminal there are no pages.
        page: Box::new(|_, _| Err(io::ErrorKind::NotFound.into())),
        stderr: Stderr::new(io::stderr()),
        terminal: Terminal::default(),
        machine: "unsealed".to_owned(),
        login: None,
        env: Box::new(|name| std::env::var_os(name)),
        // The process is ended by a signal.
        stop: Box::new(|| Ok(Box::pin(std::future::pending()))),
    };
    ExitCode::from(bowline::run(std::env::args_os(), &mut host))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
