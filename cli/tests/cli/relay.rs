//! A relay in this process, on a port of its own, over TLS; and things that answer as a relay does not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use bowline_engine::transport::{Address, Caps, RelayKey, ServerTls, WebSocketListener};
use bowline_relay::Relay;
use bowline_relay::config::{Config, Registration};
use bowline_relay::data::DataFolder;
use bowline_relay::serve::Server;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Connections enough for every test.
const CAPS: Caps = Caps { connections: 64, per_address: 64 };

/// How often a relay was made or started: each draws its own keys.
static RELAYS: AtomicU64 = AtomicU64::new(0);

/// A relay and what it keeps.
pub(crate) struct TestRelay {
    folder: TempDir,
    config: Config,
    caps: Caps,
    listen: SocketAddr,
    address: Address,
    token: String,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl TestRelay {
    pub(crate) fn start() -> Self {
        Self::start_with(CAPS, |_| ())
    }

    /// A relay whose operator has set something.
    pub(crate) fn start_with(caps: Caps, set: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(RELAYS.fetch_add(1, Ordering::Relaxed));
        let token = data.token(&mut rng).unwrap().as_str().to_owned();
        let key = RelayKey::from_bytes(*data.certificate_key(&mut rng).unwrap().public().as_bytes());
        data.identity(&mut rng).unwrap();
        drop(data);
        let mut config = Config::new(Registration::with_token(&token));
        set(&mut config);
        let listen = "127.0.0.1:0".parse().unwrap();
        let address = "wss://127.0.0.1".parse::<Address>().unwrap().with_key(key);
        let mut relay = Self { folder, config, caps, listen, address, token, running: None };
        relay.resume();
        relay.address = format!("wss://{}/#key={key}", relay.listen).parse().unwrap();
        relay
    }

    /// As it is told to whoever may make workspaces.
    pub(crate) fn address(&self) -> String {
        format!("{},token={}", self.address, self.token)
    }

    /// Without the token, as members know it.
    pub(crate) fn public(&self) -> String {
        self.address.to_text()
    }

    pub(crate) fn port(&self) -> u16 {
        self.listen.port()
    }

    /// Starts it again, on the port and data it had.
    pub(crate) fn resume(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let (bound, listens) = std::sync::mpsc::channel();
        let (path, config, caps, listen) =
            (self.folder.path().to_owned(), self.config.clone(), self.caps, self.listen);
        // Two that drew alike would sign two logs of one workspace under one key.
        let seed = RELAYS.fetch_add(1, Ordering::Relaxed);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async move {
                let data = DataFolder::create(&path).unwrap();
                let certificate = data.certificate_key(&mut ChaCha20Rng::seed_from_u64(0)).unwrap();
                let identity = data.identity(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
                let tls = ServerTls::SelfSigned(certificate.secret());
                let config = Config { line: Some(certificate.public()), ..config };
                let rng = Box::new(ChaCha20Rng::seed_from_u64(seed));
                let relay = Relay::open(data.database().unwrap(), identity, config, rng);
                let server = Server::start(relay).unwrap();
                let listener = WebSocketListener::bind(listen, tls, server.routes(), caps).await.unwrap();
                bound.send(listener.local_addr()).unwrap();
                server.serve(listener, async move { drop(stopped.await) }).await.unwrap();
            });
        });
        self.listen = listens.recv().unwrap();
        self.running = Some((stop, thread));
    }

    /// The file that it keeps logs in.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    /// Starts it again on another port, with the data it had.
    pub(crate) fn move_to_another_port(&mut self) {
        self.stop();
        self.listen = "127.0.0.1:0".parse().unwrap();
        self.resume();
        let key = self.address.key().unwrap();
        self.address = format!("wss://{}/#key={key}", self.listen).parse().unwrap();
    }

    /// Starts it again where it was, its certificate under another key, as after its operator has deleted the old one.
    pub(crate) fn take_another_certificate(&mut self) {
        self.stop();
        std::fs::remove_file(self.folder.path().join("relay.key")).unwrap();
        self.resume();
    }

    /// Starts it again where it was with nothing that it had: another relay.
    pub(crate) fn become_another(&mut self) {
        self.stop();
        copy_files(TempDir::new().unwrap().path(), self.folder.path());
        self.resume();
    }

    /// A copy of what it keeps, made while it stands still.
    pub(crate) fn copy(&mut self) -> TempDir {
        let copy = TempDir::new().unwrap();
        self.stop();
        copy_files(self.folder.path(), copy.path());
        self.resume();
        copy
    }

    /// Starts it again on what it once kept.
    pub(crate) fn put_back(&mut self, copy: &TempDir) {
        self.stop();
        copy_files(copy.path(), self.folder.path());
        self.resume();
    }

    /// Its operator runs `bowline-relay restore` in the folder, and starts it again.
    pub(crate) fn restore(&mut self) {
        self.stop();
        let data = DataFolder::create(self.folder.path()).unwrap();
        let restored = data.restore(None, &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
        assert!(restored.left.is_empty() && !restored.logs.is_empty());
        drop(data);
        self.resume();
    }

    /// Stops it in order.
    pub(crate) fn stop(&mut self) {
        if let Some(ended) = self.end() {
            ended.unwrap();
        }
    }

    /// Stops it in order and waits for it; how its thread has ended, if it was running.
    fn end(&mut self) -> Option<std::thread::Result<()>> {
        let (stop, thread) = self.running.take()?;
        let _gone = stop.send(());
        Some(thread.join())
    }
}

impl Drop for TestRelay {
    fn drop(&mut self) {
        // Also when the test has failed: its folder goes right after this, and nobody may write into it then.
        if let Some(ended) = self.end() {
            assert!(ended.is_ok() || std::thread::panicking(), "the relay has panicked");
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(to).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Answers one connection after the other with the same bytes; gives its address.
pub(crate) fn something_else(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _read = stream.read(&mut head);
            let _written = stream.write_all(answer.as_bytes());
        }
    });
    address
}
