//! The memory that a relay spends on each device that is connected and says nothing.

use std::sync::Arc;

use bowline_crypto::DeviceKeys;
use bowline_engine::Device;
use bowline_engine::ids::Millis;
use bowline_engine::transport::{Address, Dial, Ended, Frame, Link, WebSocketDialer};
use bowline_store::Store;
use bowline_tests::processes::{Relay, Tls};
use bowline_wire::ids::LineKey;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::sync::mpsc;

/// Devices connected at once.
const DEVICES: u64 = 500;

/// Bytes a connection may cost the relay.
const MOST: u64 = 40 * 1024;

/// Bytes of memory a process has, from what the system says.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Millis(u64::try_from(since.as_millis()).unwrap())
}

/// A device of its own workspace, connected until it is told to stop.
async fn idle(
    seed: u64,
    address: Address,
    token: String,
    live: mpsc::Sender<()>,
    mut stop: tokio::sync::watch::Receiver<()>,
) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let keys = DeviceKeys::generate(&mut random);
    let mut device = Device::open(Store::in_memory().unwrap(), keys, Box::new(random)).unwrap();
    let workspace = device.create_workspace(&address.to_text(), &token, now()).unwrap();
    let link = WebSocketDialer.dial(&address).await.unwrap();
    let key = link.peer().relay.map(|key| LineKey::from_bytes(*key.as_bytes()));
    device.handle_connected(workspace, key, now()).unwrap();
    let (outbound, frames) = mpsc::unbounded_channel::<Frame>();
    let device = Arc::new(std::sync::Mutex::new((device, Some(outbound))));
    let pump = move |device: &mut Device, outbound: &mpsc::UnboundedSender<Frame>| {
        while let Some(frame) = device.poll_transmit(workspace) {
            let _closing = outbound.send(frame.into());
        }
    };
    {
        let mut locked = device.lock().unwrap();
        let (device, outbound) = &mut *locked;
        pump(device, outbound.as_ref().unwrap());
    }
    let receiving = Arc::clone(&device);
    let deliver = move |frame: Frame| {
        let mut locked = receiving.lock().unwrap();
        let (device, outbound) = &mut *locked;
        device.handle_frame(workspace, &frame, now()).unwrap();
        if let Some(outbound) = outbound {
            pump(device, outbound);
        }
        let is_live = device.link_state(workspace).unwrap() == bowline_engine::LinkState::Live;
        let live = live.clone();
        async move {
            if is_live {
                let _enough = live.try_send(());
            }
            true
        }
    };
    let mut frames = frames;
    let outbound = futures_util::stream::poll_fn(move |cx| frames.poll_recv(cx));
    let carried = link.carry(outbound, deliver);
    tokio::pin!(carried);
    tokio::select! {
        ended = &mut carried => panic!("the line ended: {ended:?}"),
        _ = stop.changed() => {}
    }
    device.lock().unwrap().1 = None;
    assert!(matches!(carried.await, Ended::ByUs | Ended::ByPeer));
}

#[test]
fn five_hundred_idle_devices_cost_a_relay_little() {
    let relay = Relay::start_with(Tls::SelfSigned, &["--per-address", "1000"]);
    let Some(before) = resident(relay.pid()) else {
        println!("skipped: this system has no /proc to read a process's memory from");
        return;
    };
    let (address, token) = relay.address().parse::<Address>().unwrap().into_parts();
    let token = token.unwrap().as_str().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (stop, stopped) = tokio::sync::watch::channel(());
        let mut devices = Vec::new();
        for seed in 0..DEVICES {
            let (live, mut lives) = mpsc::channel(1);
            devices.push(tokio::spawn(idle(seed, address.clone(), token.clone(), live, stopped.clone())));
            lives.recv().await.expect("every device gets through");
        }
        let after = resident(relay.pid()).unwrap();
        let each = after.saturating_sub(before) / DEVICES;
        println!(
            "{DEVICES} idle devices, each in a workspace of its own: {:.1} KiB of the relay's memory each ({} KiB before, {} KiB after)",
            each as f64 / 1024.0, before / 1024, after / 1024
        );
        assert!(each <= MOST, "{each} bytes each");
        stop.send(()).unwrap();
        for device in devices {
            device.await.unwrap();
        }
    });
}
