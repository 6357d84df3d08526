//! Embeds the engine without the command line: two homes of one person, a relay in memory, and one conversation that both
//! write into. `cargo run -p bowline-engine --example two_devices` prints what each of them has in the end.
#![allow(clippy::print_stdout, reason = "an example is there to be looked at")]

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::SystemTime;

use bowline_engine::document::{Entry, Role};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::run::{self, Goal, Host};
use bowline_engine::transport::memory::{MemoryDialer, network};
use bowline_engine::{Device, Home, device::Random, transport::RelayKey};
use bowline_relay::config::{Config, Registration::Open};
use bowline_relay::keys::{CertificateKey, Identity};
use bowline_relay::{Relay, serve::Server, storage::memory::Memory};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [laptop, desktop] = two_devices(folder.path()).await?;
    println!("laptop: {laptop:#?}\ndesktop: {desktop:#?}");
    Ok(())
}

/// Makes two devices below `folder`, lets both write into one conversation, and returns it as each device shows it.
pub(crate) async fn two_devices(folder: &std::path::Path) -> Result<[Vec<String>; 2], Box<dyn Error>> {
    // A relay: it orders sealed entries. Real ones are reached with a `WebSocketDialer`.
    let identity = Identity::generate(&mut *chance());
    let certificate = CertificateKey::generate(&mut *chance());
    let (dial, listen) = network(RelayKey::from_bytes(*certificate.public().as_bytes()));
    let dial = Arc::new(dial);
    let config = Config { line: Some(certificate.public()), ..Config::new(Open) };
    let relay = Relay::open(Memory::new(), identity, config, chance());
    tokio::spawn(Server::start(relay)?.serve(listen, pending()));

    // The first device makes a workspace and writes. All of this works without the relay.
    let laptop = Home::init(&folder.join("laptop"), &mut *chance())?;
    let at_laptop = &mut laptop.device(chance())?.device;
    let workspace = at_laptop.create_workspace("wss://relay.example/", "", now())?;
    let trip = at_laptop.create_conversation(Some("Trip"), now())?;
    at_laptop.say(trip, Role::User, "When does the ferry to Vis leave?", now())?;

    // It lets the second device in by a code, which is ready once the relay has signed for it.
    let ticket = at_laptop.link_device(workspace, now())?;
    sync(&laptop, at_laptop, &dial).await?;
    let code = at_laptop.code(workspace, ticket)?.ok_or("the relay has not signed for the code")?;
    let desktop = Home::init(&folder.join("desktop"), &mut *chance())?;
    let at_desktop = &mut desktop.device(chance())?.device;
    at_desktop.join(&code, now())?;
    sync(&desktop, at_desktop, &dial).await?;

    // Both write while apart. After a round of syncing both have both.
    at_desktop.say(trip, Role::Assistant, "At nine, from Split.", now())?;
    at_laptop.say(trip, Role::User, "And back?", now())?;
    sync(&desktop, at_desktop, &dial).await?;
    sync(&laptop, at_laptop, &dial).await?;
    sync(&desktop, at_desktop, &dial).await?;
    Ok([shown(at_laptop, trip)?, shown(at_desktop, trip)?])
}

/// Syncs until nothing is left to send or to fetch.
async fn sync(home: &Home, device: &mut Device, dial: &Arc<MemoryDialer>) -> Result<(), run::RunError> {
    let host = Host { dial: Arc::clone(dial), clock: &now, observer: &mut |_| {} };
    run::reach(home, device, host, Goal::Synced, pending()).await.map(drop)
}

fn shown(device: &mut Device, id: DocId) -> Result<Vec<String>, Box<dyn Error>> {
    let transcript = device.show(id, now())?.transcript;
    let messages = transcript.entries.iter().filter_map(Entry::message);
    Ok(messages.map(|(role, text)| format!("{role}: {text}")).collect())
}

/// The device has neither a clock nor randomness of its own: the host passes both in.
fn now() -> Millis {
    Millis(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0)))
}

fn chance() -> Random {
    Box::new(rand_core::UnwrapErr(getrandom::SysRng))
}
