//! The `bowline` binary: hands the operating system's clock, randomness, streams and signals to the library.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bowline::{Host, Stderr, Stop, Terminal};
use bowline_engine::ids::Millis;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::sync::watch;

/// The exit code of a process that was stopped.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    bowline::tell_local_times();
    let set = |name: &str| std::env::var_os(name);
    let mut host = Host {
        clock: Arc::new(now),
        // Without randomness nothing may go on: the one thing worse than stopping is a guessable key.
        random: Box::new(|| Box::new(UnwrapErr(SysRng))),
        stdin: Box::new(io::BufReader::new(io::stdin())),
        stdout: Box::new(io::stdout()),
        page: Box::new(page),
        stderr: Stderr::new(io::stderr()),
        terminal: Terminal {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            columns: terminal_size::terminal_size().map(|(terminal_size::Width(columns), _)| columns.into()),
        },
        machine: gethostname::gethostname().to_string_lossy().into_owned(),
        login: ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(set).and_then(name),
        env: Box::new(move |name| set(name)),
        stop: Box::new(stop),
    };
    ExitCode::from(bowline::run(std::env::args_os(), &mut host))
}

/// A clock before 1970 reads as 1970.
fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Runs the program with what it is to show on its stdin. `PAGER` may have arguments, without a shell's quoting. As with git,
/// less ends by itself if everything fits on the screen.
#[expect(clippy::disallowed_methods, reason = "the pager belongs to the person, and is waited for")]
fn page(pager: &OsStr, text: &[u8]) -> io::Result<()> {
    let pager = pager.to_string_lossy();
    let mut words = pager.split_whitespace();
    let program = words.next().ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever has read enough ends the pager, and what is left has nowhere to go.
        let _ = stdin.write_all(text);
    }
    child.wait().map(drop)
}

fn name(value: OsString) -> Option<String> {
    value.into_string().ok().filter(|name| !name.is_empty())
}

/// An interrupt from the keyboard, or the system's request to end. From the first call on, a thread of its own hears them,
/// so that they are heard whatever else is going on. While nobody waits for them they end the process, as they do without
/// it, and so does the second one.
#[cfg(unix)]
fn stop() -> io::Result<Stop> {
    static HEARD: OnceLock<watch::Sender<bool>> = OnceLock::new();
    let heard = if let Some(heard) = HEARD.get() {
        heard
    } else {
        let heard = watch::Sender::new(false);
        hear_signals(heard.clone())?;
        HEARD.get_or_init(|| heard)
    };
    let mut heard = heard.subscribe();
    Ok(Box::pin(async move {
        if heard.wait_for(|heard| *heard).await.is_err() {
            std::future::pending::<()>().await;
        }
    }))
}

#[cfg(unix)]
fn hear_signals(heard: watch::Sender<bool>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _runtime = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if heard.receiver_count() == 0 || heard.send_replace(true) {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
    })?;
    Ok(())
}

/// An interrupt from the keyboard.
#[cfg(not(unix))]
fn stop() -> io::Result<Stop> {
    Ok(Box::pin(async {
        // Without the signal the process can still be ended by the system.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }))
}
