//! The demo's relay: the shipped one, over TLS, on a free port of this machine and in a thread of this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use bowline_engine::device::Random;
use bowline_engine::transport::{Address, Caps, RelayKey, ServerTls, Token, WebSocketListener};
use bowline_relay::Relay;
use bowline_relay::config::{Config, Registration};
use bowline_relay::data::DataFolder;
use bowline_relay::serve::Server;
use bowline_relay::storage::sqlite::Sqlite;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::wire::{Recorded, Wire};
use crate::error::{CommandError, ErrorCode};
use crate::host::Stop;

/// Connections enough for three devices, one of which may still be closing.
const CAPS: Caps = Caps { connections: 16, per_address: 16 };

/// The thread it runs in, and how that ended.
type Served = JoinHandle<Result<(), CommandError>>;

/// A relay that runs.
pub(super) struct LoopbackRelay {
    /// Where it keeps everything.
    pub(super) data: PathBuf,
    /// What passes its end of the connections.
    pub(super) wire: Arc<Wire>,
    /// Where it is, with key and token.
    pub(super) address: Address,
    runtime: Handle,
    running: Option<(oneshot::Sender<()>, Served)>,
}

impl LoopbackRelay {
    /// Starts it, with its data in a folder that is not there yet.
    pub(super) fn start(data: &Path, mut keys: Random, chance: Random) -> Result<Self, CommandError> {
        let folder = DataFolder::create(data).map_err(|error| failed("made").because(&error))?;
        let no_key = |error| failed("given a key").because(&error);
        let certificate = folder.certificate_key(&mut *keys).map_err(no_key)?;
        let identity = folder.identity(&mut *keys).map_err(no_key)?;
        let token = folder.token(&mut *keys).map_err(|error| failed("given a token").because(&error))?;
        let database = folder.database().map_err(|error| failed("given a database").because(&error))?;
        let key = RelayKey::from_bytes(*certificate.public().as_bytes());
        let tls = ServerTls::SelfSigned(certificate.secret());
        let registration = Registration::with_token(token.as_str());
        let config = Config { line: Some(certificate.public()), ..Config::new(registration) };
        let relay = Relay::open(database, identity, config, chance);
        let wire = Arc::new(Wire::default());
        let (stop, stopped) = oneshot::channel();
        let (bound, listens) = mpsc::channel();
        let recorder = Arc::clone(&wire);
        let serve = move || {
            // Locked until the relay has ended.
            let _folder = folder;
            serve(relay, tls, recorder, &bound, stopped)
        };
        let thread = std::thread::Builder::new().name("demo-relay".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| failed("started").because(&error))?;
        let Ok((listen, runtime)) = listens.recv() else {
            return Err(ended(thread).err().unwrap_or_else(|| failed("started")));
        };
        let address = address(listen, key, token)?;
        Ok(Self { data: data.to_owned(), wire, address, runtime, running: Some((stop, thread)) })
    }

    /// Calls `then` when the process is to end, if that is while the relay runs.
    pub(super) fn while_it_runs(
        &self,
        stop: &dyn Fn() -> io::Result<Stop>,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), CommandError> {
        let _inside = self.runtime.enter();
        let stop = stop().map_err(|error| failed("told when to stop").because(&error))?;
        self.runtime.spawn(async move {
            stop.await;
            then();
        });
        Ok(())
    }

    /// Stops it in order: what it has taken is in its files then.
    pub(super) fn stop(&mut self) -> Result<(), CommandError> {
        match self.running.take() {
            Some((stop, thread)) => {
                // It may have ended by itself; then it says why.
                let _ended = stop.send(());
                ended(thread)
            }
            None => Ok(()),
        }
    }
}

impl Drop for LoopbackRelay {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::debug!(%error, "the demo's relay did not end in order");
        }
    }
}

/// Runs the relay until it is to stop; says where it listens as soon as it does.
fn serve(
    relay: Relay<Sqlite>,
    tls: ServerTls,
    wire: Arc<Wire>,
    bound: &mpsc::Sender<(SocketAddr, Handle)>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("started").because(&error))?;
    runtime.block_on(async move {
        let server = Server::start(relay).map_err(|error| failed("started").because(&error))?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = WebSocketListener::bind(here, tls, server.routes(), CAPS).await;
        let listener = listener.map_err(|error| failed("given a port").because(&error))?;
        // Whoever started it waits for this; if they are gone, so is the reason to serve.
        let _waits = bound.send((listener.local_addr(), Handle::current()));
        let end = async { drop(stopped.await) };
        let result = server.serve(Recorded::new(listener, wire), end).await;
        result.map_err(|error| failed("kept running").because(&error))
    })
}

fn address(listen: SocketAddr, key: RelayKey, token: Token) -> Result<Address, CommandError> {
    let address: Address = format!("wss://{listen}/").parse()?;
    Ok(address.with_key(key).with_token(token))
}

fn ended(thread: Served) -> Result<(), CommandError> {
    thread.join().unwrap_or_else(|_| Err(failed("kept running")))
}

fn failed(what: &str) -> CommandError {
    CommandError::new(ErrorCode::DemoRelayFailed, format!("The demo's relay could not be {what}"))
}
