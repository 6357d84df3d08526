//! Running the binary and reading what it says.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use bowline_cast::leash;
use bowline_transport::Address;
use tempfile::TempDir;

/// Places that go away: a data folder, and a file for what a relay says on stderr.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    /// Starts a relay on a free port, with more arguments, and waits for its address.
    pub(crate) fn serve(&self, more: &[&str]) -> Serving {
        Serving::start(&self.data(), &self.folder.path().join("stderr"), more)
    }

    /// Stops a relay and gives everything it has said on stderr.
    pub(crate) fn log_after(&self, serving: Serving) -> String {
        serving.stop();
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(command(&self.data(), arguments).output().unwrap())
    }
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = leash::command(env!("CARGO_BIN_EXE_bowline-relay"));
    command.args(arguments).arg("--data").arg(data);
    for variable in ["BOWLINE_LOG", "BOWLINE_RELAY_DATA"] {
        command.env_remove(variable);
    }
    command
}

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Says that it failed with this code, this sentence and a hint, and printed nothing else.
    pub(crate) fn assert_refused(&self, code: i32, sentence: &str, hint: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let line = |beginning: &str, text: &str| {
            self.stderr.lines().any(|line| line.starts_with(beginning) && line.contains(text))
        };
        assert!(line("Error: ", sentence) || line("Caused by: ", sentence), "{self:?}");
        assert!(line("Hint: ", hint), "{self:?}");
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A relay that serves; killed if the test ends before it was stopped.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: PathBuf,
    /// The line it printed.
    pub(crate) line: String,
}

impl Serving {
    fn start(data: &Path, stderr: &Path, more: &[&str]) -> Self {
        let mut command = command(data, &["serve", "--listen", "127.0.0.1:0"]);
        let log = File::options().create(true).append(true).open(stderr).unwrap();
        let mut child = command.args(more).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut started = Self { child, stdout, stderr: stderr.to_owned(), line: String::new() };
        started.stdout.read_line(&mut started.line).unwrap();
        assert_eq!(started.line.pop(), Some('\n'), "no address; {}", started.log());
        started
    }

    pub(crate) fn address(&self) -> Address {
        self.line.parse().unwrap()
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(leash::ends_well(leash::command("kill").args(["-s", name, &self.child.id().to_string()])));
    }

    /// Waits for its end; gives the exit code and what it printed after the address.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let stderr = self.stderr.clone();
        let ended = self.wait();
        assert_eq!(ended, (Some(0), String::new()), "{}", std::fs::read_to_string(stderr).unwrap());
    }

    /// Stops it as a power cut does.
    pub(crate) fn kill(self) {
        self.signal("KILL");
        assert_eq!(self.wait(), (None, String::new()));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
