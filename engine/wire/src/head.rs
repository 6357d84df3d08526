//! Log heads: what a relay signs, so that it cannot later deny the order it gave.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::ids::{LogHash, LogId, Position, Signature, WorkspaceId};
use crate::signed::{Signable, Signed, Verified, VerifyError, signed_alone};

/// A log up to a position. Signed by the key that [`Head::log`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The workspace whose log this is.
    pub workspace: WorkspaceId,
    /// The log, by the key that signs for it.
    pub log: LogId,
    /// How many entries the log has up to here.
    pub position: Position,
    /// The running hash over these entries.
    pub hash: LogHash,
}

impl Canonical for Head {
    fn write(&self, to: &mut Writer) {
        to.array(4).value(&self.workspace).value(&self.log).value(&self.position).value(&self.hash);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        Ok(Self {
            workspace: from.value()?,
            log: from.value()?,
            position: from.value()?,
            hash: from.value()?,
        })
    }
}

impl Signable for Head {
    const DOMAIN: &'static [u8] = b"bowline/head/1";
    const LIMIT: usize = 128;
    signed_alone!();
    fn signer(&self) -> [u8; 32] {
        *self.log.as_bytes()
    }
}

/// A head as it stands in a frame, where the workspace is known from the context. Not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeenHead {
    /// The log, by the key that signs for it.
    pub log: LogId,
    /// How many entries the log has up to here.
    pub position: Position,
    /// The running hash over these entries.
    pub hash: LogHash,
    /// The relay's signature over the [`Head`] that this and the workspace make.
    pub signature: Signature,
}

impl SeenHead {
    /// Checks the relay's signature.
    pub fn verify(&self, workspace: WorkspaceId) -> Result<Verified<Head>, VerifyError> {
        let head = Head { workspace, log: self.log, position: self.position, hash: self.hash };
        Signed::from_parts(crate::codec::encode(&head), self.signature).verify()
    }
}

impl From<&Verified<Head>> for SeenHead {
    fn from(head: &Verified<Head>) -> Self {
        let Head { log, position, hash, .. } = *head.value();
        Self { log, position, hash, signature: *head.signature() }
    }
}

impl Canonical for SeenHead {
    fn write(&self, to: &mut Writer) {
        to.array(4).value(&self.log).value(&self.position).value(&self.hash).value(&self.signature);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        Ok(Self {
            log: from.value()?,
            position: from.value()?,
            hash: from.value()?,
            signature: from.value()?,
        })
    }
}

/// A head as it stands in a header: the signature tells which of the logs that are known signed it. Not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// How many entries the log has up to here.
    pub position: Position,
    /// The running hash over these entries.
    pub hash: LogHash,
    /// The relay's signature over the [`Head`] that this, the workspace and the log make.
    pub signature: Signature,
}

impl Seen {
    /// The head that this is if `log` signed it.
    pub fn of(self, log: LogId) -> SeenHead {
        let Self { position, hash, signature } = self;
        SeenHead { log, position, hash, signature }
    }
}

impl From<SeenHead> for Seen {
    fn from(head: SeenHead) -> Self {
        let SeenHead { position, hash, signature, .. } = head;
        Self { position, hash, signature }
    }
}

impl Canonical for Seen {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.position).value(&self.hash).value(&self.signature);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { position: from.value()?, hash: from.value()?, signature: from.value()? })
    }
}
