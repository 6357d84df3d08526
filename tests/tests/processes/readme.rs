//! The README's first commands, exactly as they stand there.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use bowline_cast::leash;
use bowline_tests::processes::{binary, path};
use tempfile::TempDir;

/// The heading under which they are.
const HEADING: &str = "## Ten lines from nothing to two synced homes";

fn ten_lines() -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let (_, section) = readme.split_once(HEADING).expect("the README has the section");
    let (_, block) = section.split_once("```bash\n").expect("the section has a block of commands");
    let (block, after) = block.split_once("```").expect("the block ends");
    assert!(after.contains(&format!("`{END}`")), "the section says how the relay is ended");
    block.to_owned()
}

/// A process with all its children, ended together.
pub(super) struct Group(pub(super) u32);

impl Drop for Group {
    fn drop(&mut self) {
        let _already_gone =
            leash::ends_well(leash::command("kill").args(["-9", "--", &format!("-{}", self.0)]));
    }
}

/// A shell in a folder, which has nothing but our programs and is at home there. Should its script fail, relays go on: in a fence they end
/// with it, and elsewhere with its [`Group`].
pub(super) fn shell(folder: &Path) -> Command {
    let fence = leash::fenced(&[], &["true"]);
    let mut command = fence.unwrap_or_else(|| leash::bare_command("env"));
    command.arg("bash").current_dir(folder).env("PATH", path()).env("HOME", folder);
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// How the README says that the relay of these lines is ended.
const END: &str = "kill $!";

#[test]
fn the_readmes_ten_lines_lead_to_two_synced_homes() {
    let lines = ten_lines();
    let count = lines.lines().filter(|line| !line.trim().is_empty()).count();
    assert_eq!(count, 10, "ten lines are promised");
    // A lock that can be had says that the relay is gone.
    let script = format!("{lines}{END}\nflock --wait 60 relay/relay.lock true\n");
    let folder = TempDir::new().unwrap();
    assert_eq!(binary("bowline-relay").parent(), binary("bowline").parent());
    let mut command = shell(folder.path());
    command.args(["-euo", "pipefail", "-c", &script]);
    let (answers, talk) = (folder.path().join("stdout"), folder.path().join("stderr"));
    // Into files: the relay would keep a pipe open.
    command.stdout(std::fs::File::create(&answers).unwrap()).stderr(std::fs::File::create(&talk).unwrap());
    let mut shell = command.spawn().unwrap();
    let _group = Group(shell.id());
    let status = shell.wait().unwrap();
    let (answers, talk) = (std::fs::read_to_string(answers).unwrap(), std::fs::read_to_string(talk).unwrap());
    assert!(status.success(), "{status}\n{answers}\n{talk}");
    let last = answers.trim_end();
    assert!(
        last.contains("Buy milk"),
        "the second home shows what was said on the first:\n{answers}\n{talk}"
    );
}
