//! What a device calls itself and its person, in its own database, apart from any workspace.

use bowline_core::document::EditError;
use bowline_core::document::limits::NAME_MAX;
use bowline_store::{Reader, Store};

use crate::Error;

/// Names of the values that say what this device calls itself.
const OWN_DEVICE: &str = "name/device";
const OWN_USER: &str = "name/user";

/// What this device calls itself and the person it belongs to. Does not print.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnNames {
    /// The device.
    pub device: Option<String>,
    /// The person.
    pub user: Option<String>,
}

impl std::fmt::Debug for OwnNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnNames")
    }
}

impl OwnNames {
    /// What this device calls itself and its person, apart from any workspace.
    pub(crate) fn read(read: Reader<'_>) -> Result<Self, Error> {
        let name = |key| -> Result<Option<String>, Error> {
            let bytes = read.meta(key)?;
            Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
        };
        Ok(Self { device: name(OWN_DEVICE)?, user: name(OWN_USER)? })
    }

    /// Stores them. What is `None` stays as it was.
    pub(crate) fn put(&self, store: &mut Store) -> Result<(), Error> {
        for name in [&self.device, &self.user].into_iter().flatten() {
            if name.len() > NAME_MAX {
                return Err(Error::Edit(EditError::TooLong { what: "the name", limit: NAME_MAX }));
            }
        }
        store.transaction(|tx| -> Result<(), Error> {
            for (key, name) in [(OWN_DEVICE, &self.device), (OWN_USER, &self.user)] {
                if let Some(name) = name {
                    tx.put_meta(key, name.as_bytes())?;
                }
            }
            Ok(())
        })
    }
}
