//! A device that imports, what it said while it did, and small homes of OpenClaw to import from.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bowline_crypto::DeviceKeys;
use bowline_device::{Device, DryRun, SessionFile};
use bowline_import::openclaw::{self, Options, StateDir};
use bowline_import::{Event, Item, Outcome, Report, What};
use bowline_store::Store;
use bowline_wire::ids::{DocId, Millis};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

/// A device with its database in a file, and what its last import said.
pub(crate) struct Desk {
    pub(crate) device: Device,
    pub(crate) items: Vec<Item>,
    pub(crate) report: Report,
    /// Bytes that the import said there are.
    pub(crate) begun: u64,
    now: Cell<u64>,
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("bowline.db")).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let keys = DeviceKeys::generate(&mut rng);
        Self {
            device: Device::open(store, keys, Box::new(rng)).unwrap(),
            items: Vec::new(),
            report: Report::default(),
            begun: 0,
            now: Cell::new(1_800_000_000_000),
            folder,
        }
    }

    /// The same device as another process has it open.
    pub(crate) fn another_process(&self) -> Device {
        let store = Store::open(&self.folder.path().join("bowline.db")).unwrap();
        let keys = DeviceKeys::generate(&mut ChaCha20Rng::seed_from_u64(7));
        Device::open(store, keys, Box::new(ChaCha20Rng::seed_from_u64(8))).unwrap()
    }

    /// Imports a state directory that somebody named.
    pub(crate) fn import(&mut self, path: &Path) -> &Report {
        self.import_from(&StateDir::at(path).unwrap(), Options::default())
    }

    /// Imports, after a dry run has said the same and left no trace.
    pub(crate) fn import_from(&mut self, from: &StateDir, options: Options) -> &Report {
        let planned = self.plan_from(from, options);
        let now = &self.now;
        let clock = || Millis(now.replace(now.get() + 1));
        let (items, begun) = (&mut self.items, &mut self.begun);
        items.clear();
        let mut on = |event: Event<'_>| match event {
            Event::Item(item) => items.push(item.clone()),
            Event::Begin { bytes } => *begun = bytes,
            Event::Progress { .. } => {}
        };
        self.report = openclaw::import(&mut self.device, from, &options, &clock, &mut on).unwrap();
        assert_eq!((&self.items, &self.report), (&planned.0, &planned.1), "a dry run said something else");
        &self.report
    }

    /// What importing a state directory would come to, which leaves no trace.
    pub(crate) fn plan(&self, path: &Path) -> (Vec<Item>, Report) {
        self.plan_from(&StateDir::at(path).unwrap(), Options::default())
    }

    fn plan_from(&self, from: &StateDir, options: Options) -> (Vec<Item>, Report) {
        self.plan_by(|target, on| openclaw::import(target, from, &options, &|| self.now(), on).unwrap())
    }

    fn plan_by(
        &self,
        import: impl FnOnce(&mut DryRun<'_>, &mut dyn FnMut(Event<'_>)) -> Report,
    ) -> (Vec<Item>, Report) {
        let (before, mut items) = (self.bytes(), Vec::new());
        let mut on = |event: Event<'_>| {
            if let Event::Item(item) = event {
                items.push(item.clone());
            }
        };
        let report = import(&mut DryRun::of(&self.device), &mut on);
        assert!(self.bytes() == before, "a dry run has written");
        (items, report)
    }

    /// All that this device has on the disk: the files in its folder, byte for byte but for SQLite's notes on who reads, and
    /// how often the database was written to.
    fn bytes(&self) -> (BTreeMap<PathBuf, Vec<u8>>, i64) {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let read = |path: PathBuf| {
            let is_notes = path.extension().is_some_and(|ending| ending == "db-shm");
            let bytes = if is_notes { Vec::new() } else { fs::read(&path).unwrap() };
            (path, bytes)
        };
        let writes =
            self.device.store().connection().query_row("SELECT total_changes()", (), |row| row.get(0));
        (files.map(read).collect(), writes.unwrap())
    }

    /// Imports a file of JSON lines, after a dry run has said the same and left no trace.
    pub(crate) fn import_jsonl(&mut self, name: &str, bytes: &[u8]) -> &Report {
        let planned = self.plan_by(|target, on| {
            bowline_import::jsonl::import(target, name, bytes, &|| self.now(), on).unwrap()
        });
        let now = &self.now;
        let clock = || Millis(now.replace(now.get() + 1));
        let items = &mut self.items;
        items.clear();
        let mut on = |event: Event<'_>| {
            if let Event::Item(item) = event {
                items.push(item.clone());
            }
        };
        self.report = bowline_import::jsonl::import(&mut self.device, name, bytes, &clock, &mut on).unwrap();
        assert_eq!((&self.items, &self.report), (&planned.0, &planned.1), "a dry run said something else");
        &self.report
    }

    /// What was said about things of one sort, each with outcome and reason.
    pub(crate) fn said(&self, what: What) -> Vec<(&str, Outcome, &str)> {
        let items = self.items.iter().filter(|item| item.what == what);
        items.map(|item| (&*item.path, item.outcome, item.why.as_deref().unwrap_or_default())).collect()
    }

    /// The one item about a path, or a place in it.
    pub(crate) fn about(&self, path: &str) -> &Item {
        let found: Vec<_> = self.items.iter().filter(|item| item.path == path).collect();
        assert_eq!(found.len(), 1, "about {path}: {found:#?}\nof {:#?}", self.items);
        found[0]
    }

    pub(crate) fn now(&self) -> Millis {
        Millis(self.now.get())
    }

    /// The conversation with this title.
    pub(crate) fn titled(&self, title: &str) -> DocId {
        let listed = self.device.list(false).unwrap();
        let found: Vec<_> = listed.iter().filter(|listed| listed.title == title).collect();
        assert_eq!(found.len(), 1, "conversations called {title}");
        found[0].id
    }

    /// Every conversation as a file.
    pub(crate) fn files(&mut self) -> Vec<SessionFile> {
        let ids: Vec<_> = self.device.list(false).unwrap().into_iter().map(|listed| listed.id).collect();
        let now = self.now();
        ids.into_iter().map(|id| self.device.session_file(id, now).unwrap()).collect()
    }

    /// The file of the session with this id.
    pub(crate) fn file(&mut self, session: &str) -> SessionFile {
        let files = self.files();
        files.into_iter().find(|file| file.session.starts_with(session)).unwrap()
    }

    /// Whether these bytes are anywhere in the device's files.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let contains =
            |path: PathBuf| fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
        files.into_iter().any(contains)
    }

    /// The file of the device's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("bowline.db")
    }

    /// Does something to the device's database behind its back.
    pub(crate) fn sql(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join("bowline.db")).unwrap();
        assert_eq!(database.execute(sql, []).unwrap(), 1);
    }

    /// Everything that decides what a person sees and what would be sent: documents with their heads and revisions.
    pub(crate) fn state(&self) -> Vec<String> {
        let rows = self
            .device
            .store()
            .read()
            .list_docs(&bowline_store::DocFilter { trash: bowline_store::Trash::With, ..Default::default() });
        rows.unwrap().into_iter().map(|row| format!("{} {} {:?}", row.id, row.rev, row.heads)).collect()
    }
}

/// A state directory of OpenClaw's in a folder that goes away.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// With settings and nothing else.
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.write("openclaw.json", r#"{"agents": {"list": [{"id": "main"}]}}"#);
        home
    }

    /// The state directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(".openclaw")
    }

    /// The folder it lies in.
    pub(crate) fn outer(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A transcript of the agent `main`.
    pub(crate) fn session(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write(&format!("agents/main/sessions/{name}"), content);
    }
}

/// A session id that is a UUID.
pub(crate) fn id(n: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{n:02x}")
}

/// A transcript with this many messages, as OpenClaw writes it.
pub(crate) fn transcript(session: &str, messages: u32) -> String {
    let mut text = header(session);
    for n in 0..messages {
        text.push_str(&message(n));
    }
    text
}

pub(crate) fn header(session: &str) -> String {
    format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{session}\",\"timestamp\":\"2026-11-22T10:00:00.000Z\",\"cwd\":\"/home/ada\"}}\n"
    )
}

/// The line of one message, each hanging on the one before.
pub(crate) fn message(n: u32) -> String {
    let parent = n.checked_sub(1).map_or("null".to_owned(), |parent| format!("\"{parent:08x}\""));
    let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
    format!(
        "{{\"type\":\"message\",\"id\":\"{n:08x}\",\"parentId\":{parent},\"timestamp\":\"2026-11-22T10:00:00.000Z\",\
         \"message\":{{\"role\":\"{role}\",\"content\":\"words number {n}\"}}}}\n"
    )
}

/// A copy of a folder, links and all.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
