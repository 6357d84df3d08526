//! What the parts of a device work with: its database, keys, chance and notices, lent to them for one verb.

use bowline_core::document::{ActorId, Pen};
use bowline_crypto::DeviceKeys;
use bowline_store::{DocN, DocRow, Reader, Store};
use bowline_wire::ids::{DeviceId, DocId, Millis};
use rand_core::CryptoRng;

use crate::Error;
use crate::notice::Notices;

/// What documents and workspaces have no copy of: a device lends it for as long as a verb takes.
pub(crate) struct Lent<'d> {
    pub(crate) store: &'d mut Store,
    pub(crate) keys: &'d DeviceKeys,
    pub(crate) random: &'d mut (dyn CryptoRng + Send),
    pub(crate) notices: &'d mut Notices,
    /// The time at which the verb was asked for.
    pub(crate) now: Millis,
}

impl Lent<'_> {
    pub(crate) fn read(&self) -> Reader<'_> {
        self.store.read()
    }

    /// Which device this is.
    pub(crate) fn device(&self) -> DeviceId {
        self.keys.id()
    }

    /// The row of a document, as it is now.
    ///
    /// # Errors
    /// [`Error::Gone`] if there is none.
    pub(crate) fn row(&self, n: DocN) -> Result<DocRow, Error> {
        self.read().doc(n)?.ok_or(Error::Gone)
    }

    /// A pen under an actor that nothing was written under yet, on a device that is `writer` where it writes.
    pub(crate) fn fresh_pen(&mut self, writer: DeviceId) -> Pen {
        let mut process = [0; 8];
        self.random.fill_bytes(&mut process);
        Pen { actor: ActorId::for_device(writer, process), now: self.now }
    }

    /// An id for a new document.
    pub(crate) fn new_id(&mut self) -> DocId {
        let mut id = [0; DocId::LEN];
        self.random.fill_bytes(&mut id);
        DocId::from_bytes(id)
    }
}
