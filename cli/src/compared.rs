//! What this device remembers of having compared a workspace with another person's device, in words and for programs.

use bowline_engine::Device;
use bowline_engine::device::{Compared, Since};
use bowline_engine::ids::{Millis, WorkspaceId};
use serde::Serialize;

use crate::error::CommandError;
use crate::text::{count, grouped};
use crate::time::{ago, iso};

/// A comparison, and what has become of it.
#[derive(Serialize)]
pub(crate) struct Remembered {
    /// When, by this device's clock.
    at: Option<String>,
    position: u64,
    /// What has become of the roster since, in a word.
    roster: &'static str,
    /// How many records of the roster came since, and by them how many devices came and went.
    records: usize,
    came: usize,
    went: usize,
    /// Whether the log is still the one that was compared; `None` if only the roster was.
    log: Option<bool>,
    #[serde(skip)]
    when: Millis,
}

/// What is remembered of a workspace; `None` if it was never compared.
pub(crate) fn remembered(
    device: &Device,
    workspace: WorkspaceId,
) -> Result<Option<Remembered>, CommandError> {
    Ok(device.stored_log(workspace).compared()?.map(Remembered::from))
}

impl From<Compared> for Remembered {
    fn from(it: Compared) -> Self {
        let (roster, records, came, went) = match it.roster {
            Since::Same => ("same", 0, 0, 0),
            Since::Changed { records, came, went } => ("changed", records, came, went),
            Since::Gone => ("gone", 0, 0, 0),
        };
        let (at, position) = (iso(it.at), it.position.0);
        Self { at, position, roster, records, came, went, log: it.log, when: it.at }
    }
}

impl Remembered {
    /// Whether it is worth comparing again.
    pub(crate) fn is_over(&self) -> bool {
        self.roster != "same" || self.log == Some(false)
    }

    /// What is remembered, as it is told at `now`.
    pub(crate) fn in_words(&self, now: Millis) -> String {
        let roster = match self.roster {
            "same" => "the roster is the same".to_owned(),
            "gone" => "the roster that was compared is not the one of this log any more".to_owned(),
            _ if self.came + self.went == 0 => {
                "the roster has other codes or keys since, and the same devices".to_owned()
            }
            _ => format!(
                "since then {} came in and {} went",
                count(self.came, "device"),
                count(self.went, "device")
            ),
        };
        let log = match self.log {
            Some(true) => "; the log goes on from there",
            Some(false) => "; the log is not the one that was compared",
            None => "",
        };
        format!("{} at position {}; {roster}{log}", ago(self.when, now), grouped(self.position))
    }
}
