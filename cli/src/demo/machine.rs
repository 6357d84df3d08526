//! A machine of the demo: a person's folder, and the commands they run in it, with what these print kept.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use bowline_engine::Home;
use bowline_engine::home::OpenDevice;
use serde_json::Value;

use crate::error::{CommandError, ErrorCode, ErrorLine, Kind};
use crate::host::{Host, Stderr, Terminal};

/// One machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it is called.
    pub name: &'static str,
    /// Whose it is.
    pub user: &'static str,
    /// The folder of the machine's user; Bowline's home and OpenClaw's are in it.
    pub folder: PathBuf,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: u8,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The command as a person would type it.
    pub(super) typed: String,
}

impl Machine {
    pub(super) fn new(name: &'static str, user: &'static str, all: &Path) -> Self {
        Self { name, user, folder: all.join(name) }
    }

    /// Where Bowline keeps everything on this machine.
    pub fn home(&self) -> PathBuf {
        self.folder.join(".bowline")
    }

    /// A file or folder beside it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs a command; words that name files here begin with `~/`.
    pub(super) fn run(&self, host: &mut Host, words: &[&str]) -> Ran {
        let folder = self.folder.clone();
        let word = |word: &&str| match word.strip_prefix("~/") {
            Some(below) => folder.join(below).into_os_string(),
            None => OsString::from(word),
        };
        let arguments: Vec<OsString> =
            std::iter::once("bowline".into()).chain(words.iter().map(word)).collect();
        let (stdout, stderr) = (Rc::default(), Arc::default());
        let user = folder.clone().into_os_string();
        let before = Streams {
            stdin: Box::new(io::empty()),
            stdout: Box::new(Captured(Rc::clone(&stdout))),
            stderr: Stderr::new(Shared(Arc::clone(&stderr))),
            terminal: Terminal::default(),
            env: Box::new(move |name| (name == "HOME").then(|| user.clone())),
        }
        .exchange(host);
        let code = crate::run(arguments, host);
        before.exchange(host);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code,
            stdout: text(&stdout.borrow()),
            stderr: text(&stderr.lock().unwrap_or_else(PoisonError::into_inner)),
            typed: self.typed(&words.join(" ")),
        }
    }

    fn typed(&self, line: &str) -> String {
        format!("{}$ bowline {line}", self.name)
    }

    /// Runs a command without which the demo cannot go on.
    pub(super) fn must(&self, host: &mut Host, words: &[&str]) -> Result<Ran, CommandError> {
        self.run(host, words).done()
    }

    /// Runs a command and reads its answer.
    pub(super) fn json(&self, host: &mut Host, words: &[&str]) -> Result<Value, CommandError> {
        let ran = self.must(host, &[words, &["--json"]].concat())?;
        serde_json::from_str(&ran.stdout).map_err(|error| {
            CommandError::new(ErrorCode::Bug, format!("`{}` did not answer in JSON", ran.typed))
                .because(&error)
        })
    }

    /// Opens its device, to ask for more than commands say.
    pub(super) fn open(&self, host: &mut Host) -> Result<OpenDevice, CommandError> {
        Ok(Home::open(&self.home())?.device((host.random)())?)
    }
}

impl Ran {
    /// This run, as if something else had been typed: secrets and quotes are shown otherwise than they are passed.
    pub(super) fn typed_as(self, machine: &Machine, typed: &str) -> Self {
        Self { typed: machine.typed(typed), ..self }
    }

    /// This, if it went well; otherwise why it did not.
    pub(super) fn done(self) -> Result<Self, CommandError> {
        match self.code {
            0 => Ok(self),
            code if code == Kind::Interrupted as u8 => Err(stopped()),
            code => {
                let mut error =
                    CommandError::new(ErrorCode::DemoFailed, format!("`{}` ended with {code}", self.typed));
                error.causes.extend(self.stderr.lines().flat_map(told));
                Err(error)
            }
        }
    }
}

/// What a line of stderr tells a person: of an error in JSON its message and its causes.
fn told(line: &str) -> Vec<String> {
    match serde_json::from_str::<ErrorLine>(line) {
        Ok(ErrorLine { error }) => std::iter::once(error.message).chain(error.causes).collect(),
        Err(_) => vec![line.to_owned()],
    }
}

/// The person has stopped it.
pub(super) fn stopped() -> CommandError {
    CommandError::new(ErrorCode::Interrupted, "The demo was stopped before its end")
}

/// What is exchanged while a command of the demo runs: clock, randomness and the wish to stop stay the host's.
struct Streams {
    stdin: Box<dyn io::BufRead>,
    stdout: Box<dyn Write>,
    stderr: Stderr,
    terminal: Terminal,
    env: Box<crate::host::Environment>,
}

impl Streams {
    /// Gives these to the host and takes its own.
    fn exchange(mut self, host: &mut Host) -> Self {
        std::mem::swap(&mut self.stdin, &mut host.stdin);
        std::mem::swap(&mut self.stdout, &mut host.stdout);
        std::mem::swap(&mut self.stderr, &mut host.stderr);
        std::mem::swap(&mut self.terminal, &mut host.terminal);
        std::mem::swap(&mut self.env, &mut host.env);
        self
    }
}

/// Where a command's stdout goes.
struct Captured(Rc<RefCell<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a command's stderr goes.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
