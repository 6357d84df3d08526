//! Starting processes in tests so that none outlives its test: not when it panics, and not when somebody kills it.
//!
//! Linux ends a leashed process when the *thread* that started it ends, which is how it hears of a `kill -9`. A test
//! has a thread of its own, so start a process on the test's thread and not in one that ends before the test does.
//! Where there is no such leash (no `setpriv`, another system) a process still ends with the guard that a test holds it
//! by, but it survives a `kill -9` of the test.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Variables that say which run of the checks a process belongs to, and where that run keeps its files.
/// `tests/steps.sh` sets both, and finds by the first what a test has left running.
const OF_THE_RUN: [&str; 2] = ["BOWLINE_TEST_RUN", "TMPDIR"];

/// The program that puts a process on the leash; `None` if there is none that can.
static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folders = env::var_os("PATH")?;
    let setpriv =
        env::split_paths(&folders).map(|folder| folder.join("setpriv")).find(|path| path.is_file())?;
    ends_well(&mut leashed_by(&setpriv, "true".as_ref())).then_some(setpriv)
});

/// Options of `unshare` for the right to make namespaces: that of a user namespace, or what this process may.
const RIGHTS: [&[&str]; 2] = [&["--user", "--map-root-user"], &[]];

/// A command whose process is killed when the thread that starts it ends. It is on the leash once `program` runs: of a test
/// that is killed in the milliseconds before, the process stays, and `tests/steps.sh` ends it with the run.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let program = program.as_ref();
    SETPRIV.as_ref().map_or_else(|| new(program), |setpriv| leashed_by(setpriv, program))
}

/// [`command`], without anything of this machine's environment.
pub fn bare_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = command(program);
    without_environment(&mut command);
    for name in OF_THE_RUN {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The beginning of a [`bare_command`], to which the program is still to be added: it runs in a process namespace of its
/// own, and whatever it starts is killed when it ends. `more` are further namespaces, as options of `unshare`.
///
/// `None` if this system does not let a test make such namespaces, or if the command `tried` fails in them.
pub fn fenced(more: &[&str], tried: &[&str]) -> Option<Command> {
    RIGHTS.iter().find_map(|rights| {
        let fence = || {
            let mut command = bare_command("unshare");
            command.args(*rights).args(["--pid", "--fork", "--kill-child"]).args(more).arg("--");
            command.env("PATH", env::var_os("PATH").unwrap_or_default());
            command
        };
        ends_well(fence().args(tried)).then(fence)
    })
}

/// Whether a command can be started and succeeds, whatever it says.
pub fn ends_well(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn leashed_by(setpriv: &Path, program: &OsStr) -> Command {
    let mut command = new(setpriv.as_os_str());
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

#[expect(clippy::disallowed_methods, reason = "this is where processes are put on the leash")]
fn new(program: &OsStr) -> Command {
    Command::new(program)
}

#[expect(clippy::disallowed_methods, reason = "the run's variables are given back right after")]
fn without_environment(command: &mut Command) {
    command.env_clear();
}
