//! What a command has from outside: clock, randomness, streams, environment. The binary passes the operating system's,
//! a test a fixed clock, seeded randomness and buffers.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bowline_engine::device::Random;
use bowline_engine::ids::Millis;

/// Everything a command has from outside.
pub struct Host {
    /// What time it is.
    pub clock: Arc<dyn Fn() -> Millis + Send + Sync>,
    /// A new source of randomness.
    pub random: Box<dyn FnMut() -> Random>,
    /// Where answers to questions and texts come from.
    pub stdin: Box<dyn BufRead>,
    /// Where answers go.
    pub stdout: Box<dyn Write>,
    /// Shows a text page by page with the program of this name. Asked for on a terminal only.
    pub page: Box<Page>,
    /// Where talk goes.
    pub stderr: Stderr,
    /// Which of the streams a person looks at.
    pub terminal: Terminal,
    /// Reads an environment variable.
    pub env: Box<Environment>,
    /// What this machine is called.
    pub machine: String,
    /// Who is logged in here, if that is known.
    pub login: Option<String>,
    /// Ready when the person or the system wants the process to end. Asked for inside a runtime, by `sync` only.
    pub stop: Box<dyn Fn() -> io::Result<Stop>>,
}

/// Shows a text page by page; an error if the program cannot be started.
pub type Page = dyn FnMut(&OsStr, &[u8]) -> io::Result<()>;

/// Reads environment variables.
pub type Environment = dyn Fn(&str) -> Option<OsString>;

/// Ends when the process is to end.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Which of the streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Questions can be asked.
    pub stdin: bool,
    /// Answers are read by a person.
    pub stdout: bool,
    /// Talk is read by a person.
    pub stderr: bool,
    /// How wide it is; `None` if help is to find that out when it is shown.
    pub columns: Option<usize>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

/// The talk stream, shared by what commands say and what is logged.
#[derive(Clone)]
pub struct Stderr(Arc<Mutex<dyn Write + Send>>);

impl Stderr {
    /// Shares a stream.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(to)))
    }

    fn lock(&self) -> MutexGuard<'_, dyn Write + Send + 'static> {
        // Whoever panicked while writing left at worst half a line.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

impl std::fmt::Debug for Stderr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stderr")
    }
}
