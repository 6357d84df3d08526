//! Running the binary and reading what it says.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use bowline_cast::leash;
use bowline_transport::Address;
use tempfile::TempDir;

/// How long to wait before looking again whether a relay listens.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

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
        Serving::start(&self.data(), &self.stderr(), more)
    }

    /// As [`Place::serve`], with a stderr that the test has made.
    pub(crate) fn serve_into(&self, stderr: impl Into<Stdio>) -> Serving {
        let mut command = command(&self.data(), &["serve", "--listen", "127.0.0.1:0"]);
        let child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        Serving::spawned(child, self.stderr()).heard()
    }

    /// As [`Place::serve`], on this port and with nobody who reads its address.
    pub(crate) fn serve_unheard(&self, port: u16) -> Serving {
        let (_, nobody_reads) = std::io::pipe().unwrap();
        let mut command = command(&self.data(), &["serve", "--listen", &format!("127.0.0.1:{port}")]);
        let log = File::options().create(true).append(true).open(self.stderr()).unwrap();
        let mut child = command.stdout(nobody_reads).stderr(log).spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "{:?}", std::fs::read_to_string(self.stderr()));
            std::thread::sleep(LOOK_AGAIN);
        }
        Serving::spawned(child, self.stderr())
    }

    fn stderr(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }

    /// Stops a relay and gives everything it has said on stderr.
    pub(crate) fn log_after(&self, serving: Serving) -> String {
        serving.stop();
        std::fs::read_to_string(self.stderr()).unwrap()
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
    /// `None` if the test gave it another stdout.
    stdout: Option<BufReader<ChildStdout>>,
    stderr: PathBuf,
    /// The line it printed.
    pub(crate) line: String,
}

impl Serving {
    fn start(data: &Path, stderr: &Path, more: &[&str]) -> Self {
        let mut command = command(data, &["serve", "--listen", "127.0.0.1:0"]);
        let log = File::options().create(true).append(true).open(stderr).unwrap();
        let child = command.args(more).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        Self::spawned(child, stderr.to_owned()).heard()
    }

    fn spawned(mut child: Child, stderr: PathBuf) -> Self {
        let stdout = child.stdout.take().map(BufReader::new);
        Self { child, stdout, stderr, line: String::new() }
    }

    /// Waits for its address.
    fn heard(mut self) -> Self {
        self.stdout.as_mut().unwrap().read_line(&mut self.line).unwrap();
        assert_eq!(self.line.pop(), Some('\n'), "no address; {}", self.log());
        self
    }

    pub(crate) fn address(&self) -> Address {
        self.line.parse().unwrap()
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(leash::ends_well(leash::command("kill").args(["-s", name, &self.child.id().to_string()])));
    }

    /// Waits for its end; gives the exit code and what it printed after the address.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        if let Some(stdout) = &mut self.stdout {
            stdout.read_to_string(&mut rest).unwrap();
        }
        (self.child.wait().unwrap().code(), rest)
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let stderr = self.stderr.clone();
        let ended = self.wait();
        assert_eq!(ended, (Some(0), String::new()), "{:?}", std::fs::read_to_string(stderr));
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
