//! `bowline-relay serve`: the relay itself.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use bowline_relay::Relay;
use bowline_relay::config::{Config, Registration};
use bowline_relay::data::DataFolder;
use bowline_relay::keys::{CertificateKey, Identity};
use bowline_relay::serve::Server;
use bowline_relay::storage::Storage as _;
use bowline_relay::storage::sqlite::Sqlite;
use bowline_transport::{Caps, RelayKey, ServerTls, Token, WebSocketListener};
use clap::{Args, ValueEnum};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use tokio::runtime::Runtime;

use super::address::{Reached, stays_here};
use super::error::{CommandError, ErrorCode};
use super::log::{self, Log};
use super::output;
use super::size::Size;

/// Run the relay. Prints its address, the one line on stdout, and serves until it is told to stop (Ctrl-C, SIGTERM).
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where everything is kept: database, key, registration token. Made if it is not there.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Where to listen. Port 0 takes any free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// How devices reach this relay, for the address that is printed.
    #[arg(long, value_name = "HOST[:PORT]")]
    public: Option<String>,
    /// How connections are encrypted. Without TLS it listens on this machine only, unless behind a proxy.
    #[arg(long, value_enum, default_value_t = Tls::SelfSigned)]
    tls: Tls,
    /// A proxy with a certificate of its own ends TLS and passes connections on. Needs --public.
    #[arg(long, requires = "public")]
    behind_proxy: bool,
    /// Who may make workspaces here.
    #[arg(long, value_enum, default_value_t = Who::Token)]
    registration: Who,
    /// The most connections at once. Each takes an open file (`ulimit -n`).
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_connections: usize,
    /// The most connections from one IPv4 address or IPv6 network at once [default: 100, or no limit behind a proxy]
    #[arg(long, value_name = "N")]
    per_address: Option<usize>,
    /// How much content one workspace may store, as in 500MB or 4GiB.
    #[arg(long, value_name = "SIZE", default_value = QUOTA)]
    quota: Size,
    /// What log lines on stderr look like [default: text on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    log: Option<log::Format>,
}

/// `bowline_relay::config::CONTENT_QUOTA` as people write it.
const QUOTA: &str = "4GiB";

/// Connections from one address by default: everybody in an office behind one router, and far below all there may be.
const PER_ADDRESS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tls {
    /// With a certificate that holds the relay's own key; devices check that key.
    SelfSigned,
    /// No encryption.
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    /// Whoever has the token, which is part of the printed address.
    Token,
    /// Anybody who reaches the relay.
    Open,
    /// Nobody; existing workspaces go on.
    Closed,
}

/// What a relay is made of.
struct Parts {
    /// Held until the end.
    _folder: DataFolder,
    key: CertificateKey,
    identity: Identity,
    token: Option<Token>,
    database: Sqlite,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        self.check()?;
        let log = Log::start(log::Format::or_fitting(self.log));
        let mut log = log.map_err(|error| CommandError::new(ErrorCode::SystemRefuses, error))?;
        let is_known = DataFolder::has_database(&self.data);
        let had_key = DataFolder::has_certificate_key(&self.data);
        let parts = self.open()?;
        if parts.database.has_lost().is_ok_and(|has_lost| has_lost) {
            log.say(&format!(
                "A part of a log that this relay has signed for is gone, and its devices are sent away. Stop this relay and run \
                 `bowline-relay restore --data {}`: devices send again what is missing.",
                self.data.display()
            ));
        }
        if is_known && !had_key {
            log.say(
                "relay.key was not there, so the certificate has a new key. Devices that know this relay follow by themselves; \
                 addresses and codes that were given out before lead nobody in any more.",
            );
        }
        log.say(&format!("Keeping everything in {}.", self.data.display()));
        let runtime = Runtime::new().map_err(|error| {
            CommandError::new(ErrorCode::SystemRefuses, error)
                .hint("the system gives this process no threads")
        })?;
        let served = runtime.block_on(self.serve(parts, &mut log));
        // A commit that hangs must not keep the process.
        runtime.shutdown_background();
        served
    }

    /// What can be said without touching anything.
    fn check(&self) -> Result<(), CommandError> {
        if self.tls == Tls::Off && !self.behind_proxy && !stays_here(self.listen) {
            let what =
                format!("without TLS the relay does not listen at {}, which others can reach", self.listen);
            return Err(CommandError::new(ErrorCode::NotEncrypted, what)
                .hint("leave --tls off away, or listen at 127.0.0.1, or put a proxy with TLS before it and say --behind-proxy"));
        }
        // Whether devices can be told where it is, as far as that is known before it listens and has a real port.
        let listen = SocketAddr::new(self.listen.ip(), self.listen.port().max(1));
        self.reached(listen, RelayKey::from_bytes([0; 32]), &hostname()).address().map(drop)
    }

    fn open(&self) -> Result<Parts, CommandError> {
        let folder = DataFolder::create(&self.data)?;
        let mut rng = UnwrapErr(SysRng);
        let key = folder.certificate_key(&mut rng)?;
        let identity = folder.identity(&mut rng)?;
        let token = match self.registration {
            Who::Token => Some(folder.token(&mut rng)?),
            Who::Open | Who::Closed => None,
        };
        let database = folder.database()?;
        if folder.is_older_than_a_restore(&database)? {
            let folder = self.data.display();
            let what = format!("the database in {folder} is older than a restore that is noted beside it");
            return Err(CommandError::new(ErrorCode::NotRestored, what).hint(format!(
                "run `bowline-relay restore --data {folder}` first: devices follow what was restored last, and send again what is missing"
            )));
        }
        Ok(Parts { _folder: folder, key, identity, token, database })
    }

    fn config(&self, token: Option<&Token>) -> Config {
        let registration = match (self.registration, token) {
            (Who::Open, _) => Registration::Open,
            (Who::Token, Some(token)) => Registration::with_token(token.as_str()),
            (Who::Token | Who::Closed, _) => Registration::Closed,
        };
        Config { content_quota: self.quota.0, ..Config::new(registration) }
    }

    fn reached<'a>(&'a self, listen: SocketAddr, key: RelayKey, hostname: &'a str) -> Reached<'a> {
        Reached {
            listen,
            public: self.public.as_deref(),
            hostname,
            is_encrypted: self.tls == Tls::SelfSigned,
            is_behind_proxy: self.behind_proxy,
            key,
        }
    }

    fn caps(&self) -> Caps {
        let all = if self.behind_proxy { self.max_connections } else { PER_ADDRESS };
        Caps { connections: self.max_connections, per_address: self.per_address.unwrap_or(all) }
    }

    async fn serve(&self, parts: Parts, log: &mut Log) -> Result<(), CommandError> {
        let Parts { _folder, key, identity, token, database } = parts;
        // Before the address is printed: whoever has read it may stop the relay in order.
        let stop = stopped().map_err(|error| CommandError::new(ErrorCode::SystemRefuses, error))?;
        let tls = match self.tls {
            Tls::SelfSigned => ServerTls::SelfSigned(key.secret()),
            Tls::Off => ServerTls::Off,
        };
        // Without TLS as well: an address may name the key, and the challenge has to name whom the address names.
        let config = Config { line: Some(key.public()), ..self.config(token.as_ref()) };
        let relay = Relay::open(database, identity, config, Box::new(UnwrapErr(SysRng)));
        let server =
            Server::start(relay).map_err(|error| CommandError::new(ErrorCode::SystemRefuses, error))?;
        let listener = WebSocketListener::bind(self.listen, tls, server.routes(), self.caps()).await;
        let listener = listener.map_err(|error| not_bound(self.listen, error))?;
        let listen = listener.local_addr();
        let key = RelayKey::from_bytes(*key.public().as_bytes());
        let address = self.reached(listen, key, &hostname()).address()?;
        let address = match token {
            Some(token) => address.with_token(token),
            None => address,
        };
        tracing::info!(%listen, version = env!("CARGO_PKG_VERSION"), "serving");
        log.say("Give this address to `bowline workspace create --relay`; Ctrl-C stops the relay:");
        let mut line = address.with_token_text();
        line.push('\n');
        // Those who have the address already are served all the same.
        if let Err(error) = output::print(&line) {
            tracing::warn!(%error, "the relay's address could not be printed");
        }
        server.serve(listener, stop).await?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Done when the process is asked to stop. Other signals that would end it are noted and ignored: a log rotation sends
/// SIGHUP, people try SIGUSR1, and neither wants the relay to stop.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (mut hangup, mut quit) = (signal(SignalKind::hangup())?, signal(SignalKind::quit())?);
    let (mut one, mut two) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    Ok(async move {
        loop {
            let ignored = tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
                _ = hangup.recv() => "SIGHUP",
                _ = quit.recv() => "SIGQUIT",
                _ = one.recv() => "SIGUSR1",
                _ = two.recv() => "SIGUSR2",
            };
            tracing::info!(
                signal = ignored,
                "a signal that means nothing here is ignored; SIGTERM ends the relay"
            );
        }
    })
}

/// Done when the process is asked to stop.
#[cfg(not(unix))]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

fn hostname() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn not_bound(listen: SocketAddr, error: io::Error) -> CommandError {
    let (code, sentence, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorCode::AddressInUse,
            format!("another program listens at {listen} already"),
            "stop it, or choose another port with --listen",
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorCode::CannotListen,
            format!("this user may not listen at {listen}"),
            "ports below 1024 are often the administrator's; choose another one with --listen",
        ),
        io::ErrorKind::AddrNotAvailable => (
            ErrorCode::NotThisMachine,
            format!("this machine does not have the address {}", listen.ip()),
            "listen at an address of this machine, or at 0.0.0.0 for all of them",
        ),
        _ => (
            ErrorCode::CannotListen,
            format!("the relay cannot listen at {listen}: {error}"),
            "choose another address with --listen",
        ),
    };
    CommandError::new(code, sentence).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_quota_is_the_relays() {
        assert_eq!(QUOTA.parse(), Ok(Size(bowline_relay::config::CONTENT_QUOTA)));
    }
}
