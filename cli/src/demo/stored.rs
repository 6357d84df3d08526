//! What the demo's relay has stored, as its operator could list it: positions, ids, types, sizes.

use std::collections::BTreeMap;
use std::path::Path;

use bowline_engine::ids::Position;
use bowline_relay::data::DataFolder;
use bowline_relay::storage::{Budget, Storage, stored_len};
use serde::Serialize;

use super::evidence::Has;
use crate::error::{CommandError, ErrorCode};

/// Read at once: more than a demo has.
const ALL: Budget = Budget { entries: 4096, bytes: 64 * 1024 * 1024 };

/// Everything that the relay has stored.
#[derive(Debug, Default, Serialize)]
pub struct Stored {
    /// Every entry, in the log's order.
    pub entries: Vec<Kept>,
}

/// One entry as the relay keeps it.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// Where it stands in the log, from 1.
    pub position: u64,
    /// The entry's id, in hex.
    pub entry: String,
    /// The id of the device that wrote it.
    pub device: String,
    /// What the devices call the one that wrote it, which the relay does not know.
    pub device_name: &'static str,
    /// What it is: `changes`, `snapshot`, `roster`.
    pub kind: String,
    /// The document's id on the wire, which differs in every workspace; `None` for the roster.
    pub document: Option<String>,
    /// Bytes, with header and signature.
    pub bytes: u64,
}

impl Stored {
    /// Reads the log beside the relay that writes it.
    pub(super) fn read(data: &Path, devices: &[Has]) -> Result<Self, CommandError> {
        let unread = || CommandError::new(ErrorCode::DemoFailed, "What the relay has stored cannot be read");
        let database = DataFolder::read_database(data).map_err(|error| unread().because(&error))?;
        let mut entries = Vec::new();
        for workspace in database.workspaces().map_err(|error| unread().because(&error))? {
            let page = database.read(workspace.workspace, Position(0), ALL);
            for (position, logged) in page.map_err(|error| unread().because(&error))?.entries {
                let entry =
                    logged.entry.verify(workspace.workspace).map_err(|error| unread().because(&error))?;
                let header = entry.header();
                let device = header.device.to_string();
                let named = devices.iter().find(|has| has.device == device);
                let document = header.doc.to_string();
                entries.push(Kept {
                    position: position.0,
                    entry: entry.id().to_string(),
                    device_name: named.map_or("", |has| has.name),
                    device,
                    kind: format!("{:?}", header.entry_type).to_lowercase(),
                    document: document.bytes().any(|digit| digit != b'0').then_some(document),
                    bytes: stored_len(&entry),
                });
            }
        }
        Ok(Self { entries })
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|kept| kept.bytes).sum()
    }

    /// How many entries there are of each type.
    pub fn by_kind(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for kept in &self.entries {
            *kinds.entry(kept.kind.as_str()).or_default() += 1;
        }
        kinds
    }
}
