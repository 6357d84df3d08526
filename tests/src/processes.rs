//! Real processes: the shipped binaries, on homes and data directories of their own, over real sockets on this machine.

mod home;
mod ran;
mod relay;
mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use home::{Home, Watching};
pub use ran::Ran;
pub use relay::{Relay, Tls};
pub use wire::{Heading, Wire};

/// How long anything may take before a test gives up: far longer than it does on a busy machine, and the end of a test
/// that would hang.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait before looking again at something another process does.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A binary of this workspace, as `cargo test --workspace` and `cargo build --workspace` leave it.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests are in target/PROFILE/deps");
    let path = folder.join(name);
    assert!(path.exists(), "{} is not there: run `cargo test --workspace --no-run` first", path.display());
    path
}

/// Copies a folder's files into a new one. Permissions stay as they are.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    let permissions = std::fs::metadata(from).expect("a folder").permissions();
    std::fs::set_permissions(to, permissions).expect("they can be set");
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        if file.path().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
        }
    }
}

/// The `PATH` of a shell that finds the binaries of this workspace first.
pub fn path() -> OsString {
    let ours = binary("bowline").parent().map(PathBuf::from);
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&others)))
        .expect("no colon in the folder of a target")
}

/// Looks until there is something to see, and says what was waited for if there never is.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_AGAIN);
    }
}
