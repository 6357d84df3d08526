//! Who is in the workspace: seeded devices, and the real roster entries that let them in.

use bowline_core::document::ActorId;
use bowline_crypto::{DeviceKeys, EpochKey, Keyring, TicketSecret};
use bowline_wire::hash;
use bowline_wire::ids::{EntryId, Incarnation, Lane, Suite, UserId};
use bowline_wire::roster::record::{Join, Record, Ticket};
use bowline_wire::roster::{Admits, TicketKind};
use ed25519_dalek::SigningKey;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use crate::bounded::log::{Draft, Log};

/// One device of a user.
pub(crate) struct Device {
    /// The number of its user; 0 is the Owner.
    pub(crate) user: usize,
    /// The keys it signs and receives with.
    pub(crate) keys: DeviceKeys,
    /// Under which its changes are made.
    pub(crate) actor: ActorId,
    /// The one life of its database that there is.
    pub(crate) incarnation: Incarnation,
    /// The ends of its chains, control and content.
    pub(crate) tips: [(u64, EntryId); 2],
}

impl Device {
    fn new(user: usize, rng: &mut ChaCha20Rng) -> Self {
        let keys = DeviceKeys::generate(rng);
        let actor = ActorId::for_device(keys.id(), random(rng));
        let tips = [(0, EntryId::ZERO); 2];
        let incarnation = Incarnation::from_bytes(random(rng));
        Self { user, keys, actor, incarnation, tips }
    }

    /// The end of a chain.
    pub(crate) fn tip(&mut self, lane: Lane) -> &mut (u64, EntryId) {
        &mut self.tips[usize::from(lane.number())]
    }
}

/// A workspace with these many devices of each user, the Owner first: its log, its devices and its keys.
pub(crate) fn found(users: &[usize], rng: &mut ChaCha20Rng) -> (Log, Vec<Device>, Keyring) {
    let mut owner = Device::new(0, rng);
    let key = EpochKey::generate(rng);
    let genesis = Record::Genesis {
        nonce: random(rng),
        device: owner.keys.id(),
        suite: Suite::XWing,
        hpke: owner.keys.hpke_public(Suite::XWing),
        commitment: key.commitment(),
    };
    let workspace = hash::workspace_id(&genesis.to_body());
    let mut log = Log::new(workspace, SigningKey::from_bytes(&random(rng)));
    log.append(&mut owner, Draft::record(&genesis), rng);
    let keyring = Keyring::genesis(workspace, log.epoch, key);
    let mut devices = vec![owner];
    for (user, count) in users.iter().enumerate() {
        for _ in usize::from(user == 0)..*count {
            let inviter = devices.iter().position(|device| device.user == user).unwrap_or(0);
            let secret = TicketSecret::generate(rng);
            let ticket = Ticket {
                key: secret.ticket_key(),
                hpke: secret.hpke_public(Suite::XWing),
                expires: log.clock + 600_000,
                recovery: false,
                wrap: keyring.wrap_newest(&secret.hpke_public(Suite::XWing)).unwrap(),
            };
            let is_new_user = devices[inviter].user != user;
            let record = if is_new_user { Record::Invite(ticket) } else { Record::Link(ticket) };
            log.append(&mut devices[inviter], Draft::record(&record), rng);
            let mut device = Device::new(user, rng);
            let (id, hpke) = (device.keys.id(), device.keys.hpke_public(Suite::XWing));
            let owner = UserId::of_first_device(devices[inviter].keys.id());
            let kind = if is_new_user { TicketKind::Invite } else { TicketKind::Link(owner) };
            let proof = secret.prove_join(workspace, id, &hpke, Admits { kind, recovery: false });
            let join = Record::Join(Join { ticket: secret.ticket_key(), hpke, recovery: false, proof });
            log.append(&mut device, Draft::record(&join), rng);
            devices.push(device);
        }
    }
    (log, devices, keyring)
}

/// Seeded bytes.
pub(crate) fn random<const N: usize>(rng: &mut ChaCha20Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
