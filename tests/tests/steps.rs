//! What `tests/steps.sh` promises of a run of checks: whatever a check leaves behind is named, fails the run and is taken
//! away, and what failed first stays the last thing said.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may fail loudly, in their own functions too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bowline_cast::leash;
use bowline_tests::processes::wait_for;
use tempfile::TempDir;

/// A program that goes on running, whatever becomes of whoever started it; it ends by itself if the run does not end it.
const LASTS: &str = "sleep 120 > /dev/null 2>&1 & echo $! > \"$HERE/pid\"";

/// A working tree and a folder for temporary files, to run checks in.
struct Run {
    folder: TempDir,
}

impl Run {
    fn new() -> Self {
        let run = Self { folder: TempDir::new().unwrap() };
        for name in ["temporary", "tree"] {
            fs::create_dir(run.folder.path().join(name)).unwrap();
        }
        let mut git = leash::command("git");
        assert!(leash::ends_well(git.args(["init", "--quiet"]).current_dir(run.tree())));
        run
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// `bash`, which runs these lines as a list of checks. `$HERE` is a folder that nobody looks at.
    fn checks(&self, lines: &str, mut bash: Command) -> Command {
        let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("steps.sh");
        let script = format!("set -euo pipefail\nsource '{}'\nbegin\n{lines}", steps.display());
        bash.args(["bash", "-c", &script]).current_dir(self.tree()).stdin(Stdio::null());
        bash.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        bash.env("HERE", self.folder.path()).env("TMPDIR", self.folder.path().join("temporary"));
        bash
    }

    fn output(&self, lines: &str) -> Told {
        Told::of(self.checks(lines, leash::bare_command("env")).output().unwrap())
    }

    /// Whether the process that wrote its number down is no more.
    fn is_over(&self) -> bool {
        let pid = fs::read_to_string(self.folder.path().join("pid")).unwrap();
        let is_known = leash::ends_well(leash::command("kill").args(["-0", pid.trim()]));
        // It may be dead without anybody having asked how it ended: then it has no arguments any more.
        let arguments = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        !is_known || (Path::new("/proc/self").exists() && arguments.is_empty())
    }

    fn has_no_temporary_files(&self) -> bool {
        fs::read_dir(self.folder.path().join("temporary")).unwrap().next().is_none()
    }
}

/// What a run said, both streams apart, and its exit code.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Told {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The run failed for this alone that was left behind.
    #[track_caller]
    fn assert_left(&self, named: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stdout.contains("\n== nothing left behind\n"), "{self:?}");
        assert!(self.stdout.lines().any(|line| line.contains(named)), "{named}: {self:?}");
        assert!(self.stderr.trim_end().contains("FAILED: nothing left behind ("), "{self:?}");
        assert!(!self.stdout.contains("All checks passed"), "{self:?}");
    }
}

/// Whether processes can be found by their environment here.
fn has_proc() -> bool {
    let has = Path::new("/proc/self/environ").exists();
    if !has {
        println!("skipped: this system has no /proc");
    }
    has
}

#[test]
fn checks_that_leave_nothing_pass() {
    let run = Run::new();
    fs::write(run.tree().join("mine"), "was here before").unwrap();
    let told =
        run.output("step one watched bash -c 'touch \"$TMPDIR/a\" && rm \"$TMPDIR/a\"'\nstep two true");
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    for headline in ["== one", "== two", "== nothing left behind"] {
        assert_eq!(told.stdout.matches(headline).count(), 1, "{told:?}");
    }
    assert!(told.stdout.contains("All checks passed in "), "{told:?}");
    assert!(run.has_no_temporary_files());
}

#[test]
fn a_process_that_goes_on_running_is_named_and_ended() {
    if !has_proc() {
        return;
    }
    let run = Run::new();
    let told = run.output(&format!("step one watched bash -c '{LASTS}'"));
    told.assert_left("goes on running: sleep 120");
    assert!(run.is_over());
    assert!(run.has_no_temporary_files());
}

#[test]
fn a_file_among_the_temporary_ones_is_named_and_removed() {
    let run = Run::new();
    let told = run.output("step one watched bash -c 'mkdir \"$TMPDIR/some\" && touch \"$TMPDIR/some/file\"'");
    told.assert_left("/some/file");
    assert!(run.has_no_temporary_files());
}

#[test]
fn a_file_or_folder_in_the_working_tree_is_named_and_stays() {
    for (left, make) in [("new.snap", "touch"), ("folder/", "mkdir")] {
        let run = Run::new();
        fs::write(run.tree().join("mine"), "was here before").unwrap();
        let told = run.output(&format!("step one watched {make} {left}"));
        told.assert_left(&format!("changed in the working tree: ?? {left}"));
        assert!(!told.stdout.contains("mine"), "{told:?}");
        assert!(run.tree().join(left).exists());
    }
}

#[test]
fn a_mount_is_named_and_unmounted_and_what_was_mounted_is_not_emptied() {
    let run = Run::new();
    let kept = run.folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("file"), "").unwrap();
    let there = run.folder.path().join("temporary");
    let mount = ["mount", "--bind", kept.to_str().unwrap(), there.to_str().unwrap()];
    let Some(fence) = leash::fenced(&["--mount"], &mount) else {
        println!("skipped: this system does not let a test mount anything");
        return;
    };
    let check =
        "step one watched bash -c 'mkdir \"$TMPDIR/a b\" && mount --bind \"$HERE/kept\" \"$TMPDIR/a b\"'";
    let told = Told::of(run.checks(check, fence).output().unwrap());
    told.assert_left("/a b");
    assert!(told.stdout.contains("\nmounted: "), "{told:?}");
    assert!(kept.join("file").exists());
    assert!(run.has_no_temporary_files());
}

#[test]
fn a_check_that_fails_ends_the_run_and_is_the_last_to_be_named() {
    let run = Run::new();
    let check = "step one watched bash -c 'touch \"$TMPDIR/left\"; exit 7'\nstep two true";
    let told = run.output(check);
    assert_eq!(told.code, Some(7), "{told:?}");
    assert!(!told.stdout.contains("== two") && !told.stdout.contains("All checks"), "{told:?}");
    assert!(
        told.stdout.contains("\n== nothing left behind\n") && told.stdout.contains("/left\n"),
        "{told:?}"
    );
    let failed: Vec<&str> = told.stderr.lines().filter(|line| line.starts_with("FAILED: ")).collect();
    assert_eq!(failed.len(), 2, "{told:?}");
    assert!(failed[1].starts_with("FAILED: one (after "), "{told:?}");
    assert_eq!(told.stderr.trim_end().lines().next_back(), Some(failed[1]), "{told:?}");
}

#[test]
fn a_run_that_nobody_listens_to_leaves_nothing_either() {
    let run = Run::new();
    let check = "step one watched touch left\nstep two true\n".repeat(20);
    let mut bash = run.checks(&check, leash::bare_command("env"));
    let mut started = bash.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(started.stdout.take());
    assert_eq!(started.wait().unwrap().code(), Some(141));
    assert!(run.has_no_temporary_files());
}

#[test]
fn a_run_that_is_told_to_end_takes_everything_with_it() {
    let run = Run::new();
    let check = format!("step one watched bash -c 'touch \"$TMPDIR/left\"; {LASTS}; wait'");
    let mut bash = run.checks(&check, leash::bare_command("env"));
    let started = bash.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let written = || fs::read_to_string(run.folder.path().join("pid")).ok().filter(|pid| pid.ends_with('\n'));
    wait_for("a process in the check", written);
    assert!(leash::ends_well(leash::command("kill").args(["-s", "TERM", &started.id().to_string()])));
    let told = Told::of(started.wait_with_output().unwrap());
    assert_eq!(told.code, Some(143), "{told:?}");
    assert!(told.stderr.contains("INTERRUPTED: one (after "), "{told:?}");
    assert!(run.is_over());
    assert!(run.has_no_temporary_files());
}
