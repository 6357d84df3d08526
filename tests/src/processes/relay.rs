//! A relay process on a data directory that outlives it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bowline_cast::leash;
use tempfile::TempDir;

use super::ran::Ran;
use super::{binary, copy_folder};

/// Whether lines to it are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// With the relay's own key, which its address pins.
    SelfSigned,
    /// No TLS: for loopback only.
    Off,
}

/// A relay, running or not.
pub struct Relay {
    folder: TempDir,
    listen: SocketAddr,
    tls: Tls,
    process: Option<Child>,
    address: String,
    more: Vec<String>,
}

impl Relay {
    /// Starts one on a free port, which it keeps through restarts.
    pub fn start(tls: Tls) -> Self {
        Self::start_with(tls, &[])
    }

    /// Starts one with more options for `serve`.
    pub fn start_with(tls: Tls, more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder for a relay");
        let mut relay = Self {
            folder,
            listen: free_port(),
            tls,
            process: None,
            address: String::new(),
            more: more.iter().map(|it| (*it).to_owned()).collect(),
        };
        relay.run(None);
        relay
    }

    /// Starts it again.
    pub fn restart(&mut self) {
        self.run(None);
    }

    /// Starts it so that it ends at one of its commits (`before 3`, `after 3`).
    pub fn restart_to_end(&mut self, at: &str) {
        self.run(Some(at));
    }

    fn run(&mut self, end_at: Option<&str>) {
        assert!(self.process.is_none(), "the relay is running already");
        let tls = match self.tls {
            Tls::SelfSigned => "self-signed",
            Tls::Off => "off",
        };
        let mut command = leash::command(binary("bowline-relay"));
        command.arg("serve").arg("--data").arg(self.data()).args(["--listen", &self.listen.to_string()]);
        command.args(["--tls", tls]).args(&self.more);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(at) = end_at {
            command.env("BOWLINE_END_AT_COMMIT", at);
        }
        let process = self.process.insert(command.spawn().expect("the relay starts"));
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its stdout is a pipe");
        let read = BufReader::new(stdout).read_line(&mut line).expect("it prints its address");
        // With an end planned for one of its first commits it may be gone before it has said anything.
        assert!(read > 0 || end_at.is_some(), "the relay has ended without an address");
        if read > 0 {
            line.trim_end().clone_into(&mut self.address);
        }
    }

    /// The address that the relay printed, with pin and token.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it listens.
    pub fn listens_on(&self) -> SocketAddr {
        self.listen
    }

    /// The relay's data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the relay runs").id()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _already_gone = process.kill();
            process.wait().expect("the relay ends");
        }
    }

    /// Ends it as a service manager does: what it has done is in its database file alone.
    pub fn stop(&mut self) {
        let pid = self.pid().to_string();
        assert!(leash::ends_well(leash::command("kill").args(["-s", "TERM", &pid])));
        let mut process = self.process.take().expect("the relay runs");
        assert!(process.wait().expect("the relay ends").success());
    }

    /// Has it listen on another free port when it is started again; gives the one that it leaves.
    pub fn leave_its_port(&mut self) -> SocketAddr {
        std::mem::replace(&mut self.listen, free_port())
    }

    /// Has it listen there when it is started again.
    pub fn come_to(&mut self, port: SocketAddr) {
        self.listen = port;
    }

    /// Copies everything it keeps into a new folder, while it does not run.
    pub fn copy_data(&self, to: &Path) {
        assert!(self.process.is_none(), "the relay runs");
        copy_folder(&self.data(), to);
    }

    /// Puts a copy in the place of everything it keeps, while it does not run.
    pub fn put_data(&self, from: &Path) {
        assert!(self.process.is_none(), "the relay runs");
        std::fs::remove_dir_all(self.data()).expect("its folder goes");
        copy_folder(from, &self.data());
    }

    /// Copies everything it keeps into a new folder, while it serves.
    pub fn backup(&self, copy: &Path) -> Ran {
        let ran = self.operate(&["backup"], Some(copy));
        assert!(ran.status.success(), "{ran:?}");
        ran
    }

    /// Lets it go on from a backup, or from what was put back into its folder.
    pub fn restore(&self, copy: Option<&Path>) -> Ran {
        assert!(self.process.is_none(), "the relay runs");
        let ran = self.operate(&["restore"], copy);
        assert!(ran.status.success(), "{ran:?}");
        ran
    }

    /// As [`Relay::restore`] of what was put back, but for ending at one of its commits (`before 1`, `after 1`).
    pub fn restore_to_end(&self, at: &str) -> Ran {
        let mut command = self.operator(&["restore"], None);
        Ran::of(command.env("BOWLINE_END_AT_COMMIT", at).output().expect("the command runs"))
    }

    /// What `serve` says that does not begin to.
    pub fn refuses_to_serve(&self) -> Ran {
        let listen = self.listen.to_string();
        let ran = Ran::of(self.operator(&["serve", "--listen", &listen], None).output().expect("it runs"));
        assert!(!ran.status.success(), "{ran:?}");
        ran
    }

    /// Brings its folder to another machine: another path, another port, and another key of its certificate.
    pub fn move_to_another_machine(&mut self) {
        assert!(self.process.is_none(), "the relay runs");
        let new = TempDir::new().expect("a folder for a relay");
        std::fs::rename(self.data(), new.path().join("data")).expect("its folder can be moved");
        (self.folder, self.listen) = (new, free_port());
        std::fs::remove_file(self.data().join("relay.key")).expect("it has a key");
    }

    fn operate(&self, arguments: &[&str], path: Option<&Path>) -> Ran {
        Ran::of(self.operator(arguments, path).output().expect("the command runs"))
    }

    fn operator(&self, arguments: &[&str], path: Option<&Path>) -> Command {
        let mut command = leash::command(binary("bowline-relay"));
        command.args(arguments).arg("--data").arg(self.data()).args(path).stdin(Stdio::null());
        command
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().expect("it can be asked").is_some())
    }

    /// Changes the row of the last content entry while the relay does not run: `SET` what is given.
    pub fn change_newest_content(&self, set: &str) {
        assert!(self.process.is_none(), "the relay runs");
        let connection =
            rusqlite::Connection::open(self.data().join("relay.db")).expect("the database opens");
        let sql = format!(
            "UPDATE entry SET {set} WHERE position = (
                 SELECT max(position) FROM entry JOIN chain ON chain.n = entry.chain WHERE lane = 1)"
        );
        assert_eq!(connection.execute(&sql, ()).expect("it can be changed"), 1);
    }

    /// The database passes SQLite's own check.
    pub fn check_database(&self) {
        for file in databases(&self.data()) {
            let connection = rusqlite::Connection::open(&file).expect("the relay's database opens");
            let found: String = connection
                .query_row("PRAGMA integrity_check", (), |row| row.get(0))
                .expect("it can be checked");
            assert_eq!(found, "ok", "{}", file.display());
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// SQLite databases in a folder.
pub(super) fn databases(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|found| found.expect("a file").path());
    let found: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "db")).collect();
    assert!(!found.is_empty(), "there is no database in {}", folder.display());
    found
}

/// A port that nobody uses now. Somebody else may take it before the relay does, once in a very long while.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it has an address")
}
