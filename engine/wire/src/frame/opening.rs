//! What a session is opened with: who comes, what the relay wants signed, and the workspace that it may have to make.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::SignedEntry;
use crate::ids::{DeviceId, Millis, TicketKey, WorkspaceId};
use crate::limits::MAX_TOKEN;

/// Who opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A device: everything its workspace's roster allows.
    Device(DeviceId),
    /// The holder of an open invite or link: may fetch roster records and append one Join.
    Ticket(TicketKey),
}

impl Party {
    /// The Ed25519 key that has to sign the challenge.
    pub fn key(&self) -> &[u8; 32] {
        match self {
            Self::Device(device) => device.as_bytes(),
            Self::Ticket(ticket) => ticket.as_bytes(),
        }
    }
}

/// What the relay wants signed, so that a proof is worth nothing elsewhere or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Random, new for each connection.
    pub nonce: [u8; 32],
    /// The relay's long-lived Ed25519 identity.
    pub relay: [u8; 32],
    /// The relay's clock.
    pub time: Millis,
}

impl Challenge {
    /// Domain of the proof's signature.
    pub const PROOF_DOMAIN: &'static [u8] = b"bowline/proof/1";

    /// What a [`Party`] signs under [`Challenge::PROOF_DOMAIN`] to open a session on `workspace`.
    pub fn proof_message(&self, workspace: WorkspaceId, party: &Party) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(4).bytes(&self.nonce).bytes(&self.relay).u64(self.time.0).array(2);
        writer.value(&workspace).bytes(party.key());
        writer.into_bytes()
    }
}

/// Makes a workspace on the relay. Idempotent by workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct Create {
    /// What the relay's registration policy asks for; may be empty.
    pub token: String,
    /// The entry whose body is the Genesis record.
    pub genesis: SignedEntry,
}

impl std::fmt::Debug for Create {
    /// The token lets anybody make workspaces: it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Create").field("genesis", &self.genesis).finish_non_exhaustive()
    }
}

impl Canonical for Party {
    fn write(&self, to: &mut Writer) {
        let kind = match self {
            Self::Device(_) => 0,
            Self::Ticket(_) => 1,
        };
        to.array(2).u64(kind).bytes(self.key());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        match from.u8()? {
            0 => from.value().map(Self::Device),
            1 => from.value().map(Self::Ticket),
            number => Err(DecodeError::UnknownNumber { what: "party", number: number.into() }),
        }
    }
}

impl Canonical for Create {
    fn write(&self, to: &mut Writer) {
        to.array(2).text(&self.token).value(&self.genesis);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let token = from.text("token", MAX_TOKEN)?.to_owned();
        Ok(Self { token, genesis: from.value()? })
    }
}
