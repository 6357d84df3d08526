//! `bowline recovery check`: whether words are this person's recovery phrase.

use std::fmt;

use bowline_engine::ids::WorkspaceId;
use clap::Args;
use serde::Serialize;

use super::words::{Words, nowhere_here, workspaces_here, workspaces_with};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::secret_argument::Asked;
use crate::workspaces;

const PHRASE: Asked = Asked {
    what: "Your recovery phrase",
    prompts: "bowline recovery check",
    reads: "bowline recovery check -",
};

/// Check whether words are your recovery phrase
///
/// Asks for the 24 words, and says in which of your workspaces they are your recovery phrase, as far as this device knows. Changes
/// nothing and contacts nobody.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline recovery check\n  bowline recovery check - < words")]
pub(crate) struct Check {
    #[command(flatten)]
    words: Words,
}

#[derive(Serialize)]
struct Checked {
    device: String,
    workspaces: Vec<String>,
    #[serde(skip)]
    labels: Vec<String>,
    /// Workspaces in which this person has no recovery phrase, or another one.
    without: Vec<String>,
    #[serde(skip)]
    labels_without: Vec<String>,
}

impl Check {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let device = self.words.read(invocation, PHRASE)?.device_keys().id();
        let with = workspaces_with(&here.device, Some(device))?;
        if with.is_empty() {
            return Err(nowhere_here());
        }
        let mut without = workspaces_here(&here.device)?;
        without.retain(|workspace| !with.contains(workspace));
        let names = |of: &[WorkspaceId]| of.iter().map(|it| workspaces::label(&here.device, *it)).collect();
        let ids = |of: &[WorkspaceId]| of.iter().map(ToString::to_string).collect();
        invocation.answer(&Checked {
            device: device.to_string(),
            workspaces: ids(&with),
            labels: names(&with),
            without: ids(&without),
            labels_without: names(&without),
        })
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for label in &self.labels {
            writeln!(f, "This is your recovery phrase in workspace {label}")?;
        }
        for label in &self.labels_without {
            writeln!(f, "It is not your recovery phrase in workspace {label}")?;
        }
        Ok(())
    }
}
