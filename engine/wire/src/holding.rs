//! What a device says it holds of a log: a signed word beside the log, for status and never for erasure.

use crate::codec::{Canonical, DecodeError, Reader, Writer, encode};
use crate::ids::{DeviceId, LogHash, Millis, Position, Signature, WorkspaceId};
use crate::signed::{Signable, Signed, Verified, VerifyError, signed_alone};

/// A device's word that everything up to a position is durable at it. Signed by the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The workspace whose log it is about.
    pub workspace: WorkspaceId,
    /// The device that says so.
    pub device: DeviceId,
    /// The last position that the device holds.
    pub position: Position,
    /// The log hash at that position, which only somebody with this log can know.
    pub hash: LogHash,
    /// The device's clock.
    pub time: Millis,
}

impl Canonical for Holding {
    fn write(&self, to: &mut Writer) {
        to.array(5).value(&self.workspace).value(&self.device).value(&self.position);
        to.value(&self.hash).u64(self.time.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            workspace: from.value()?,
            device: from.value()?,
            position: from.value()?,
            hash: from.value()?,
            time: Millis(from.u64()?),
        })
    }
}

impl Signable for Holding {
    const DOMAIN: &'static [u8] = b"bowline/holding/1";
    const LIMIT: usize = 128;
    signed_alone!();
    fn signer(&self) -> [u8; 32] {
        *self.device.as_bytes()
    }
}

/// A holding as it travels in a frame, where the workspace is known from the context. Not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaidHolding {
    /// The device that is said to say so.
    pub device: DeviceId,
    /// The last position that the device holds.
    pub position: Position,
    /// The log hash at that position.
    pub hash: LogHash,
    /// The device's clock.
    pub time: Millis,
    /// The device's signature over the [`Holding`] that this and the workspace make.
    pub signature: Signature,
}

impl SaidHolding {
    /// Checks the device's signature.
    pub fn verify(&self, workspace: WorkspaceId) -> Result<Verified<Holding>, VerifyError> {
        let Self { device, position, hash, time, signature } = *self;
        let holding = Holding { workspace, device, position, hash, time };
        Signed::from_parts(encode(&holding), signature).verify()
    }
}

impl From<&Verified<Holding>> for SaidHolding {
    fn from(holding: &Verified<Holding>) -> Self {
        let Holding { device, position, hash, time, .. } = *holding.value();
        Self { device, position, hash, time, signature: *holding.signature() }
    }
}

impl Canonical for SaidHolding {
    fn write(&self, to: &mut Writer) {
        to.array(5).value(&self.device).value(&self.position).value(&self.hash);
        to.u64(self.time.0).value(&self.signature);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            device: from.value()?,
            position: from.value()?,
            hash: from.value()?,
            time: Millis(from.u64()?),
            signature: from.value()?,
        })
    }
}
