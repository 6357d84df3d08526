//! A machine to run commands on: a home in a folder that goes away, a clock that stands still, seeded randomness, and
//! streams that are kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bowline::demo::{Onlooker, Options, Report};
use bowline::{CommandError, Host, Stderr, Terminal};
use bowline_engine::ids::Millis;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use tokio::sync::watch;

/// 2026-01-31 09:05:00.250 UTC.
const NOW: Millis = Millis(1_769_850_300_250);

/// How wide the terminal is for help, whatever the tests run in.
const COLUMNS: usize = 100;

/// How long a command may take before it is stopped: many times what any here does.
const PATIENCE: Duration = Duration::from_mins(1);

/// One person's machine.
pub(crate) struct Machine {
    folder: Arc<TempDir>,
    pub(crate) now: Millis,
    /// The clock goes on from `now` since then, for whoever waits for something; otherwise it stands still.
    ticking: Option<Instant>,
    /// Done when the process on it is to end.
    stop: Option<watch::Receiver<bool>>,
    pub(crate) terminal: Terminal,
    pub(crate) env: BTreeMap<String, OsString>,
    name: String,
    next_seed: u64,
    /// Random ids that were seen, in the order in which they were.
    ids: Vec<String>,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Machine {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let env = BTreeMap::from([("HOME".to_owned(), OsString::from(folder.path()))]);
        let seed = name.bytes().fold(0_u64, |seed, byte| (seed << 8) | u64::from(byte));
        Self {
            folder,
            now: NOW,
            ticking: None,
            stop: None,
            terminal: Terminal { columns: Some(COLUMNS), ..Terminal::default() },
            env,
            name: name.to_owned(),
            next_seed: seed << 16,
            ids: Vec::new(),
        }
    }

    /// A machine with a home for Ana.
    pub(crate) fn with_home() -> Self {
        let mut machine = Self::new("laptop");
        assert_eq!(machine.run("init --user Ana").code, 0);
        machine
    }

    /// The same machine, for a process beside those that are run here; it ends when the sender says so.
    pub(crate) fn beside(&self) -> (Self, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let machine = Self {
            folder: Arc::clone(&self.folder),
            env: self.env.clone(),
            name: self.name.clone(),
            next_seed: self.next_seed + (1 << 15),
            ids: Vec::new(),
            stop: Some(stopped),
            ..*self
        };
        (machine, stop)
    }

    /// A machine on which processes end when the sender says so, and not before.
    pub(crate) fn that_stops(mut self) -> (Self, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        self.stop = Some(stopped);
        (self, stop)
    }

    /// A machine on which it is later than anything that the sample homes say.
    pub(crate) fn after_the_samples(mut self) -> Self {
        self.now = NOW.plus(365 * 24 * 3_600_000);
        self
    }

    /// A machine whose clock is right and goes on.
    pub(crate) fn with_clock(mut self) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        self.now = Millis(u64::try_from(now).unwrap());
        self.ticking = Some(Instant::now());
        self
    }

    /// The folder in which everything of this machine is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From now on its clock stands still.
    pub(crate) fn stand_still(&mut self) {
        if let Some(since) = self.ticking.take() {
            self.now = self.now.plus(u64::try_from(since.elapsed().as_millis()).unwrap());
        }
    }

    /// Something in its home.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join(".bowline").join(name)
    }

    /// Runs a command as typed, without a shell's quoting: `'` keeps words together.
    pub(crate) fn run(&mut self, line: &str) -> Ran {
        self.run_with(line, "")
    }

    /// Runs a command with something on its stdin.
    pub(crate) fn run_with(&mut self, line: &str, stdin: &str) -> Ran {
        let arguments =
            words(line).into_iter().map(|word| word.replace('~', &self.folder.path().display().to_string()));
        let arguments: Vec<OsString> =
            std::iter::once("bowline".into()).chain(arguments.map(Into::into)).collect();
        let (stdout, stderr) = (Buffer::default(), Arc::new(Mutex::new(Vec::new())));
        let mut host = self.host(stdin, stdout.clone(), Arc::clone(&stderr));
        let code = bowline::run(arguments, &mut host);
        drop(host);
        let stdout = String::from_utf8(stdout.0.borrow().clone()).unwrap();
        let stderr = String::from_utf8(stderr.lock().unwrap().clone()).unwrap();
        Ran { code, stdout, stderr }
    }

    /// Runs the demo, and gives what it told with what came of it.
    pub(crate) fn demo(
        &mut self,
        options: Options,
        onlooker: &mut dyn Onlooker,
    ) -> (String, Result<Report, CommandError>) {
        let (stdout, stderr) = (Buffer::default(), Arc::new(Mutex::new(Vec::new())));
        let mut host = self.host("", stdout.clone(), stderr);
        let report = bowline::demo::run(&mut host, options, onlooker);
        drop(host);
        (String::from_utf8(stdout.0.borrow().clone()).unwrap(), report)
    }

    fn host(&mut self, stdin: &str, stdout: Buffer, stderr: Arc<Mutex<Vec<u8>>>) -> Host {
        let (now, ticking, stop) = (self.now, self.ticking, self.stop.clone());
        let (env, seed) = (self.env.clone(), self.next_seed);
        self.next_seed += 256;
        let mut drawn = 0;
        Host {
            clock: Arc::new(move || {
                now.plus(ticking.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap()))
            }),
            random: Box::new(move || {
                drawn += 1;
                Box::new(ChaCha20Rng::seed_from_u64(seed + drawn))
            }),
            stdin: Box::new(io::Cursor::new(stdin.as_bytes().to_vec())),
            page: Box::new({
                let mut paged = stdout.clone();
                move |pager, text| {
                    writeln!(paged, "[by {}]", pager.display())?;
                    paged.write_all(text)
                }
            }),
            stdout: Box::new(stdout),
            stderr: Stderr::new(Shared(stderr)),
            terminal: self.terminal,
            env: Box::new(move |name| env.get(name).cloned()),
            machine: self.name.clone(),
            login: Some("ana".to_owned()),
            stop: Box::new(move || {
                let stop = stop.clone();
                Ok(Box::pin(async move {
                    match stop {
                        Some(mut stop) => drop(stop.wait_for(|stop| *stop).await),
                        // What waits for ever fails its test, and does not hold up the others.
                        None => tokio::time::sleep(PATIENCE).await,
                    }
                }))
            }),
        }
    }

    /// Runs commands one after the other; gives what a person would see, with paths and random ids made stable.
    pub(crate) fn story(&mut self, lines: &[&str]) -> String {
        let mut seen = String::new();
        for line in lines {
            let line = self.typed(line);
            let ran = self.run(&line);
            seen.push_str(&Self::shown(&line, &ran));
            let ids: Vec<String> =
                hex_words(&ran.stdout).filter(|word| word.len() == 32).map(str::to_owned).collect();
            for id in &ids {
                self.remember(id);
            }
        }
        self.stable(&seen)
    }

    /// What a person would see of one command.
    pub(crate) fn told(&mut self, line: &str, ran: &Ran) -> String {
        let shown = Self::shown(line, ran);
        self.stable(&shown)
    }

    fn shown(line: &str, ran: &Ran) -> String {
        let mut seen = format!("$ bowline {line}\n{}", ran.stdout);
        for line in ran.stderr.lines() {
            let _ = writeln!(seen, "! {line}");
        }
        if ran.code != 0 {
            let _ = writeln!(seen, "[exit {}]", ran.code);
        }
        seen
    }

    /// A story names the ids that were printed before it `@1`, `@2`, … in the order in which they came.
    fn typed(&self, line: &str) -> String {
        let mut typed = line.to_owned();
        for (index, id) in self.ids.iter().enumerate().rev() {
            typed = typed.replace(&format!("@{}", index + 1), &id[..8]);
        }
        typed
    }

    /// The id of a document that was just made.
    pub(crate) fn made(&mut self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let id = ran.stdout.trim().to_owned();
        self.remember(&id);
        id
    }

    /// Remembers the ids that a list shows, in its order.
    pub(crate) fn learn(&mut self, list: &str) {
        let rows: serde_json::Value =
            serde_json::from_str(&self.run(&format!("--json {list}")).stdout).unwrap();
        for row in rows.as_array().unwrap() {
            self.remember(row["id"].as_str().unwrap());
        }
    }

    /// The id that stories call `@n`.
    pub(crate) fn id(&self, n: usize) -> &str {
        &self.ids[n - 1]
    }

    fn remember(&mut self, id: &str) {
        if !self.ids.iter().any(|known| known == id) {
            self.ids.push(id.to_owned());
        }
    }

    /// Paths become `~`; every random id becomes the same digit over and over, as many as were shown.
    fn stable(&mut self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "~");
        let text = text.replace(&format!("process {}", std::process::id()), "process PID");
        // The last part of a UUID is as long as a version.
        let is_version = |word: &str| {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            word.len() == 12 && !text[..at].ends_with('-')
        };
        for word in hex_words(&text) {
            if matches!(word.len(), 8 | 32 | 64) || is_version(word) {
                self.remember(word);
            }
        }
        self.learn_from_status();
        let mut stable = String::new();
        let mut rest = text.as_str();
        while let Some(word) = hex_words(rest).next() {
            let at = word.as_ptr() as usize - rest.as_ptr() as usize;
            stable.push_str(&rest[..at]);
            match self.ids.iter().position(|id| id.starts_with(word)) {
                Some(index) => stable.push_str(&fake(index).repeat(word.len())),
                None => stable.push_str(word),
            }
            rest = &rest[at + word.len()..];
        }
        stable + rest
    }

    /// Recognizes the ids that were seen on another machine.
    pub(crate) fn knows(&mut self, other: &mut Self) {
        other.learn_from_status();
        for id in &other.ids {
            self.remember(id);
        }
    }

    /// Ids that only lists and `status` show, and those only in short.
    fn learn_from_status(&mut self) {
        if !self.home("bowline.db").exists() {
            return;
        }
        let lists = ["chat list", "chat list --trash", "agent list", "skill list", "memory list"];
        for line in std::iter::once("status").chain(lists).map(|line| format!("--json {line}")) {
            let ran = self.run(&line);
            let ids: Vec<String> =
                hex_words(&ran.stdout).filter(|word| word.len() >= 32).map(str::to_owned).collect();
            for id in &ids {
                self.remember(id);
            }
        }
    }
}

/// Letters that stand for ids in stories: none of them is a hex digit, so that nothing is replaced twice.
fn fake(index: usize) -> String {
    let letters: Vec<char> = ('A'..='Z').collect();
    letters[index % letters.len()].to_string()
}

/// Words of at least four hex digits, with nothing else beside them.
fn hex_words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.len() >= 4 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Where stdout goes.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where stderr goes.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file with this text.
pub(crate) fn write(path: &Path, text: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// The sample OpenClaw home of the repository, for a machine.
pub(crate) fn sample_home(to: &Path) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/openclaw/.openclaw"), to);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}
