//! Invite and link codes: one string with everything a newcomer needs, and a checksum against typing errors.

use bowline_core::sync::{Asked, Invitation, Pins};
use bowline_crypto::TicketSecret;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use bowline_wire::hash::sha256;
use bowline_wire::ids::WorkspaceId;
pub use bowline_wire::roster::CodeKind;
use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;
use zeroize::Zeroizing;

/// What every code begins with; the number is the format's version.
const PREFIX: &str = "bowline1-";

/// Bytes of the checksum: one typing error in four billion goes unnoticed, and then the secret is wrong.
const CHECKSUM: usize = 4;

/// Bytes of a relay address inside a code, pin included.
const MAX_RELAY: usize = 512;

/// Why a string is not a code. The person who typed it can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// The text does not begin as codes do.
    #[error("this is not a Bowline code: those begin with \"bowline1-\"")]
    NotACode,
    /// The text begins as codes of another version do.
    #[error("this code was made by another version of Bowline: update the older of the two")]
    OtherVersion,
    /// Characters are missing or wrong.
    #[error("this code is incomplete or mistyped: copy it once more")]
    Damaged,
}

/// Everything a newcomer needs. Whoever holds it can join: it is a secret, and does not print.
pub struct Code {
    /// Where the relay is.
    pub relay: String,
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// Whom the code lets in.
    pub kind: CodeKind,
    /// What the log has to pass through.
    pub pins: Pins,
    /// Proves the Join.
    pub secret: TicketSecret,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code")
            .field("workspace", &self.workspace)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The number of a kind in codes and at rest.
pub(super) fn number(kind: CodeKind) -> u8 {
    match kind {
        CodeKind::Invite => 0,
        CodeKind::Link => 1,
        CodeKind::Recovery => 2,
    }
}

/// The kind of a number.
pub(super) fn of_number(number: u8) -> Option<CodeKind> {
    let mut kinds = [CodeKind::Invite, CodeKind::Link, CodeKind::Recovery].into_iter();
    kinds.find(|kind| self::number(*kind) == number)
}

/// For how long a code lets somebody in, counted from where its record comes to stand in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    kind: CodeKind,
    millis: u64,
}

impl Lifetime {
    /// The lifetime that codes of this kind have unless a person says otherwise.
    pub fn usual(kind: CodeKind) -> Self {
        Self { kind, millis: kind.usual() }
    }

    /// A lifetime of so many milliseconds; `None` if that is none, or longer than codes of this kind may live.
    pub fn new(kind: CodeKind, millis: u64) -> Option<Self> {
        (1..=kind.longest()).contains(&millis).then_some(Self { kind, millis })
    }

    /// Whom the code lets in.
    pub fn kind(self) -> CodeKind {
        self.kind
    }

    /// The lifetime in milliseconds.
    pub fn millis(self) -> u64 {
        self.millis
    }
}

impl Code {
    /// What has to be known of the code to ask what its record says.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            workspace: self.workspace,
            kind: self.kind,
            pins: self.pins.clone(),
            secret: TicketSecret::from_bytes(&self.secret.to_bytes()),
        }
    }

    /// Holds the code to what a person was shown: whoever joins by it does so under that record and no other.
    pub fn hold_to(&mut self, shown: &Invitation) {
        self.pins.roster = shown.roster;
    }

    /// The one string to hand over.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(encode(self));
        let sum = sha256(&[b"bowline/code/1", &bytes]);
        bytes.extend(sum.iter().take(CHECKSUM));
        Zeroizing::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads what a person pasted; white space around and inside does not matter.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let text: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
        let encoded = match text.strip_prefix(PREFIX) {
            Some(encoded) => encoded,
            None if text.starts_with("bowline") => return Err(CodeError::OtherVersion),
            None => return Err(CodeError::NotACode),
        };
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| CodeError::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let at = bytes.len().checked_sub(CHECKSUM).ok_or(CodeError::Damaged)?;
        let (content, sum) = bytes.split_at(at);
        if !sha256(&[b"bowline/code/1", content]).starts_with(sum) {
            return Err(CodeError::Damaged);
        }
        decode(content).map_err(|_| CodeError::Damaged)
    }
}

impl Canonical for Code {
    fn write(&self, to: &mut Writer) {
        to.array(8).text(&self.relay).value(&self.workspace).u64(number(self.kind).into());
        to.value(&self.pins.log).value(&self.pins.position).value(&self.pins.hash).value(&self.pins.roster);
        to.bytes(self.secret.to_bytes().as_ref());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(8)?;
        let relay = from.text("relay address", MAX_RELAY)?.to_owned();
        let workspace = from.value()?;
        let kind = from.u8()?;
        let kind = of_number(kind).ok_or(DecodeError::UnknownNumber { what: "code", number: kind.into() })?;
        let pins =
            Pins { log: from.value()?, position: from.value()?, hash: from.value()?, roster: from.value()? };
        let secret = Zeroizing::new(from.fixed::<32>()?);
        Ok(Self { relay, workspace, kind, pins, secret: TicketSecret::from_bytes(&secret) })
    }
}

#[cfg(test)]
mod tests;
