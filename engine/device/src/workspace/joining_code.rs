//! What is kept of the code by which this device is joining, until its Join is in the log here.

use bowline_core::sync::Pins;
use bowline_crypto::{DeviceKeys, TicketSecret};
use bowline_store::{Reader, StoreError, Tx};
use bowline_wire::codec::{Canonical, DecodeError, Reader as CborReader, Writer, decode, encode};
use bowline_wire::ids::WorkspaceId;
use bowline_wire::roster::CodeKind;

use crate::workspace::code::{self, Code};
use crate::workspace::sealed_values::{self, AtRest};
use crate::{Damage, Error};

/// Name of the value with the code's secret.
const TICKET: &str = "ticket";

/// Name of the value that says whom the code says it lets in.
const LETS_IN: &str = "lets-in";

/// Name of the value with what the code says about the log.
const PINS: &str = "pins";

/// Keeps a code.
pub(super) fn keep(tx: &Tx<'_>, rest: &mut AtRest<'_>, code: &Code) -> Result<(), StoreError> {
    let workspace = code.workspace;
    tx.put_state(workspace, TICKET, &rest.seal(TICKET, code.secret.to_bytes().as_ref()))?;
    tx.put_state(workspace, LETS_IN, &[code::number(code.kind)])?;
    tx.put_state(workspace, PINS, &encode(&StoredPins(code.pins.clone())))
}

/// Forgets the code's secret: it lets nobody in any more.
pub(super) fn forget_secret(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.delete_state(workspace, LETS_IN)?;
    tx.delete_state(workspace, TICKET)
}

/// Forgets the code: the log here has passed what it says.
pub(super) fn forget(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    forget_secret(tx, workspace)?;
    tx.delete_state(workspace, PINS)
}

/// The secret of the code by which this device is joining.
pub(super) fn ticket(
    read: Reader<'_>,
    keys: &DeviceKeys,
    workspace: WorkspaceId,
) -> Result<Option<TicketSecret>, Error> {
    let Some(bytes) = read.state(workspace, TICKET)? else {
        return Ok(None);
    };
    let bytes = sealed_values::open(keys, TICKET, &bytes)?;
    let bytes = bytes.as_slice().try_into().map_err(|_| Error::Damaged(Damage::Ticket))?;
    Ok(Some(TicketSecret::from_bytes(bytes)))
}

/// Whom the code says it lets in by which this device is joining.
pub(super) fn lets_in(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<CodeKind>, Error> {
    let Some(bytes) = read.state(workspace, LETS_IN)? else {
        return Ok(None);
    };
    let kind = if let [number] = bytes.as_slice() { code::of_number(*number) } else { None };
    kind.map(Some).ok_or(Error::Damaged(Damage::Ticket))
}

/// What that code says about the log.
pub(super) fn pins(read: Reader<'_>, workspace: WorkspaceId) -> Result<Option<Pins>, Error> {
    let Some(bytes) = read.state(workspace, PINS)? else {
        return Ok(None);
    };
    Ok(Some(decode::<StoredPins>(&bytes).map_err(|_| Error::Damaged(Damage::Pins))?.0))
}

struct StoredPins(Pins);

impl Canonical for StoredPins {
    fn write(&self, to: &mut Writer) {
        let Pins { log, position, hash, roster } = &self.0;
        to.array(4).value(log).value(position).value(hash).value(roster);
    }
    fn read(from: &mut CborReader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let (log, position, hash, roster) = (from.value()?, from.value()?, from.value()?, from.value()?);
        Ok(Self(Pins { log, position, hash, roster }))
    }
}
