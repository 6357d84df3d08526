//! What a session is opened with. Each side draws a nonce and signs what both have said so far, so that nothing said on one line is
//! worth anything on another: Hello and Challenge show that this is the relay's identity, before it is told what anybody wants
//! of it; Proof shows who comes, and the furthest log that they know; Welcome shows that the log's key is there, and what it
//! answered to whom.

use super::word::{Transcript, Word};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::entry::SignedEntry;
use crate::head::SeenHead;
use crate::ids::{DeviceId, LineKey, LogTime, Millis, RelayId, Signature, TicketKey, WorkspaceId};
use crate::limits::{MAX_CAPABILITIES, MAX_CAPABILITY, MAX_SUCCESSORS, MAX_TOKEN, MAX_VERSIONS};
use crate::successor::SaidSuccessor;

/// Versions of the protocol that this program speaks, ascending.
pub const VERSIONS: [u64; 1] = [1];

/// Who opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A device: everything its workspace's roster allows.
    Device(DeviceId),
    /// The holder of an open invite or link: may fetch roster records and append one Join.
    Ticket(TicketKey),
}

impl Party {
    /// The Ed25519 key that has to sign the proof.
    pub fn key(&self) -> &[u8; 32] {
        match self {
            Self::Device(device) => device.as_bytes(),
            Self::Ticket(ticket) => ticket.as_bytes(),
        }
    }
}

/// The first word of whoever dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Random, new for each connection.
    pub nonce: [u8; 32],
    /// Versions of the protocol, ascending.
    pub versions: Vec<u64>,
    /// Capabilities by name, ascending.
    pub capabilities: Vec<String>,
}

/// The relay's answer: who it is, and what the line's own certificate has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The version that both speak.
    pub version: u64,
    /// Random, new for each connection.
    pub nonce: [u8; 32],
    /// The relay's long-lived Ed25519 identity, which signs this.
    pub relay: RelayId,
    /// The Ed25519 key of the relay's own certificate, which its address may name; `None` if it has none.
    pub line: Option<LineKey>,
    /// The relay's clock.
    pub time: Millis,
    /// The identity's signature over what was said and the fields above.
    pub signature: Signature,
}

/// Who comes, for which workspace, and the furthest log that they know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The workspace whose log it is about.
    pub workspace: WorkspaceId,
    /// Who opens the session.
    pub party: Party,
    /// The furthest signed head of that log that they know. A relay that answers with less has signed what convicts it.
    pub head: Option<SeenHead>,
    /// For a workspace the relay does not know yet. Boxed because it is rare and large.
    pub create: Option<Box<Create>>,
    /// The party's signature over what was said and the fields above.
    pub signature: Signature,
}

/// Which recovery device asks where it is. The relay learns no more by it than by opening a session there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The recovery device.
    pub device: DeviceId,
    /// The device's signature over what was said and its id.
    pub signature: Signature,
}

/// Relay → device: you are in; this is the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The log's head, signed.
    pub head: SeenHead,
    /// The log's time there.
    pub time: LogTime,
    /// Capabilities both sides named, ascending.
    pub capabilities: Vec<String>,
    /// By which the workspace's log came to be the one of the head, first one first; empty unless it was continued.
    pub successors: Vec<SaidSuccessor>,
    /// The log's signature over what was said and the fields above.
    pub signature: Signature,
}

impl Challenge {
    /// Whether it was signed on this line, after `said`, by whoever is at the end of the line (`line` if that has proven a certificate's
    /// key) and is the relay that is `known`, if one is. A proof is good at the relay that has signed the challenge: make one for no other.
    pub fn is_by(&self, line: Option<LineKey>, known: Option<RelayId>, said: Transcript) -> bool {
        (line.is_none() || self.line == line)
            && known.is_none_or(|known| known == self.relay)
            && self.verify(said).is_ok()
    }
}

impl Word for Challenge {
    const DOMAIN: &'static [u8] = b"bowline/challenge/1";
    const FIELDS: usize = 5;

    fn signer(&self) -> &[u8; 32] {
        self.relay.as_bytes()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sign_with(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    fn write_fields(&self, to: &mut Writer) {
        to.u64(self.version).bytes(&self.nonce).value(&self.relay);
        to.option(self.line.as_ref(), |to, line| {
            to.value(line);
        });
        to.u64(self.time.0);
    }
}

impl Word for Proof {
    const DOMAIN: &'static [u8] = b"bowline/proof/2";
    const FIELDS: usize = 4;

    fn signer(&self) -> &[u8; 32] {
        self.party.key()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sign_with(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    fn write_fields(&self, to: &mut Writer) {
        to.value(&self.workspace).value(&self.party);
        to.option(self.head.as_ref(), |to, head| head.write(to));
        to.option(self.create.as_ref(), |to, create| create.write(to));
    }
}

impl Word for Lookup {
    const DOMAIN: &'static [u8] = b"bowline/lookup/1";
    const FIELDS: usize = 1;

    fn signer(&self) -> &[u8; 32] {
        self.device.as_bytes()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sign_with(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    fn write_fields(&self, to: &mut Writer) {
        to.value(&self.device);
    }
}

impl Word for Welcome {
    const DOMAIN: &'static [u8] = b"bowline/welcome/1";
    const FIELDS: usize = 4;

    fn signer(&self) -> &[u8; 32] {
        self.head.log.as_bytes()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn sign_with(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    fn write_fields(&self, to: &mut Writer) {
        to.value(&self.head).value(&self.time);
        write_names(to, &self.capabilities);
        to.list(&self.successors);
    }
}

/// Makes a workspace on the relay. Idempotent by workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct Create {
    /// What the relay's registration policy asks for; may be empty.
    pub token: String,
    /// The entry whose body is the Genesis record.
    pub genesis: SignedEntry,
    /// A head of each log that signed the workspace before that of the proof's head, first one first, if it is begun again.
    pub logs: Vec<SeenHead>,
}

impl std::fmt::Debug for Create {
    /// The token lets anybody make workspaces: it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Create").field("genesis", &self.genesis).finish_non_exhaustive()
    }
}

impl Hello {
    pub(super) fn write_to(&self, to: &mut Writer) {
        to.bytes(&self.nonce).array(self.versions.len());
        for version in &self.versions {
            to.u64(*version);
        }
        write_names(to, &self.capabilities);
    }

    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { nonce: from.fixed()?, versions: read_versions(from)?, capabilities: read_names(from)? })
    }

    /// The newest version that both sides speak.
    pub fn version(&self) -> Option<u64> {
        self.versions.iter().rev().find(|version| VERSIONS.contains(version)).copied()
    }
}

impl Challenge {
    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: from.u64()?,
            nonce: from.fixed()?,
            relay: from.value()?,
            line: from.option(LineKey::read)?,
            time: Millis(from.u64()?),
            signature: from.value()?,
        })
    }
}

impl Proof {
    /// A proof of somebody who knows nothing of the log, to be [`Word::signed`].
    pub fn unsigned(workspace: WorkspaceId, party: Party) -> Self {
        Self { workspace, party, head: None, create: None, signature: Signature::ZERO }
    }

    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            workspace: from.value()?,
            party: from.value()?,
            head: from.option(SeenHead::read)?,
            create: from.option(|from| Create::read(from).map(Box::new))?,
            signature: from.value()?,
        })
    }
}

impl Lookup {
    /// A look-up to be [`Word::signed`].
    pub fn unsigned(device: DeviceId) -> Self {
        Self { device, signature: Signature::ZERO }
    }

    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { device: from.value()?, signature: from.value()? })
    }
}

impl Welcome {
    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            head: from.value()?,
            time: from.value()?,
            capabilities: read_names(from)?,
            successors: from.list("successors", MAX_SUCCESSORS)?,
            signature: from.value()?,
        })
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
        to.array(3).text(&self.token).value(&self.genesis).list(&self.logs);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let token = from.text("token", MAX_TOKEN)?.to_owned();
        Ok(Self { token, genesis: from.value()?, logs: from.list("logs", MAX_SUCCESSORS)? })
    }
}

fn write_names(to: &mut Writer, names: &[String]) {
    to.array(names.len());
    for name in names {
        to.text(name);
    }
}

fn read_names(from: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let len = from.array_up_to("capabilities", MAX_CAPABILITIES)?;
    let name = |_| from.text("capability", MAX_CAPABILITY).map(str::to_owned);
    ascending((0..len).map(name).collect::<Result<_, _>>()?, "capabilities ascend without repetition")
}

fn read_versions(from: &mut Reader<'_>) -> Result<Vec<u64>, DecodeError> {
    let len = from.array_up_to("versions", MAX_VERSIONS)?;
    ascending((0..len).map(|_| from.u64()).collect::<Result<_, _>>()?, "versions ascend without repetition")
}

fn ascending<T: Ord>(items: Vec<T>, rule: &'static str) -> Result<Vec<T>, DecodeError> {
    if items.is_sorted_by(|a, b| a < b) { Ok(items) } else { Err(DecodeError::Rule(rule)) }
}

/// Whether these bytes are a Hello as it was before both sides drew nonces: whoever sends one is to be told which side is behind.
pub fn is_hello_of_before(frame: &[u8]) -> bool {
    let read = || {
        let mut from = Reader::new(frame);
        from.array(5)?;
        let (version, number) = (from.u64()?, from.u64()?);
        let (workspace, party) = (WorkspaceId::read(&mut from)?, Party::read(&mut from)?);
        let names = read_names(&mut from)?;
        Ok::<_, DecodeError>((version, number, workspace, party, names))
    };
    read().is_ok_and(|(version, number, workspace, party, names)| {
        let mut to = Writer::new();
        to.array(5).u64(version).u64(number).value(&workspace).value(&party);
        write_names(&mut to, &names);
        (version, number) == (1, 1) && to.into_bytes() == frame
    })
}
