//! A home, and the command line on it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bowline_cast::leash;
use tempfile::TempDir;

use super::ran::Ran;
use super::relay::databases;
use super::{LOOK_AGAIN, binary, copy_folder};

/// A home of its own, without anything of the machine's environment.
pub struct Home {
    folder: TempDir,
    program: PathBuf,
}

impl Home {
    /// A home made by `bowline init`.
    pub fn init(user: &str, device: &str) -> Self {
        let home = Self::with_program(binary("bowline"));
        home.run(["init", "--user", user, "--device", device]).answer();
        home
    }

    /// A folder where there is no home yet, for a program that has the same command line.
    pub fn with_program(program: PathBuf) -> Self {
        Self { folder: TempDir::new().expect("a folder for a home"), program }
    }

    /// The same home once more, in a folder of its own, as it is while no process has it open.
    #[must_use]
    pub fn copied(&self) -> Self {
        let copy = Self::with_program(self.program.clone());
        copy_folder(&self.path(), &copy.path());
        copy
    }

    /// The home's folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder beside the home for whatever a test needs.
    pub fn beside(&self) -> &Path {
        self.folder.path()
    }

    /// A command, ready to be run.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = leash::bare_command(&self.program);
        command.env("BOWLINE_HOME", self.path()).current_dir(self.folder.path());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(arguments).output().expect("bowline starts"))
    }

    /// Runs a command that has to end by itself within so long; `None` if it does not, and is ended.
    pub fn run_within<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        bound: Duration,
    ) -> Option<Ran> {
        let mut child = self.command(arguments).spawn().expect("bowline starts");
        let begun = Instant::now();
        while child.try_wait().expect("it can be asked").is_none() {
            if begun.elapsed() > bound {
                let _already_gone = child.kill();
                child.wait().expect("bowline ends");
                return None;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Some(Ran::of(child.wait_with_output().expect("bowline ends")))
    }

    /// Runs a command with something to read.
    pub fn run_with<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, stdin: &str) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("bowline starts");
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        pipe.write_all(stdin.as_bytes()).expect("bowline reads");
        drop(pipe);
        Ran::of(child.wait_with_output().expect("bowline ends"))
    }

    /// Starts `sync --watch`.
    pub fn watch(&self) -> Watching {
        self.watch_to_end(None)
    }

    /// Starts `sync --watch` so that it ends at one of its commits (`before 3`, `after 3`), if that is said.
    pub fn watch_to_end(&self, at: Option<&str>) -> Watching {
        let mut command = self.command(["sync", "--watch"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(at) = at {
            command.env("BOWLINE_END_AT_COMMIT", at);
        }
        Watching { process: command.spawn().expect("bowline starts") }
    }

    /// A conversation's messages, in order.
    pub fn messages(&self, conversation: &str) -> Vec<String> {
        let lines = self.run(["chat", "export", conversation]).answer();
        lines.lines().filter_map(message_text).collect()
    }

    /// The database passes SQLite's own check.
    pub fn check_database(&self) {
        for file in databases(&self.path()) {
            let connection = rusqlite::Connection::open(&file).expect("the device's database opens");
            let found: String = connection
                .query_row("PRAGMA integrity_check", (), |row| row.get(0))
                .expect("it can be checked");
            assert_eq!(found, "ok", "{}", file.display());
        }
    }
}

/// What a transcript line says, if it is a message.
fn message_text(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    match &line["message"]["content"] {
        serde_json::Value::String(text) => Some(text.clone()),
        parts => Some(parts.as_array()?.iter().filter_map(|part| part["text"].as_str()).collect()),
    }
}

/// A running `sync --watch`. Ends with `kill -9` when dropped.
pub struct Watching {
    process: Child,
}

impl Watching {
    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.end();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("it can be asked").is_some()
    }

    fn end(&mut self) {
        let _already_gone = self.process.kill();
        self.process.wait().expect("bowline ends");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.end();
    }
}
