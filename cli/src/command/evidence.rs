//! `bowline evidence`: a file in which somebody shows what a relay was caught at, checked without a home and without a relay.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use bowline_engine::evidence::{Evidence, Proven};
use clap::{Args, Subcommand};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, ErrorCode};
use crate::files;
use crate::invocation::Invocation;
use crate::text::show_path;

/// Check what somebody shows of a relay that lied
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  bowline evidence verify evidence.json")]
pub(crate) enum EvidenceCommand {
    Verify(Verify),
}

/// Check the proofs in a file of `bowline workspace evidence --export`
///
/// Needs no home, no relay and no network, so it can be done on any machine. What is proven is that whoever holds the key of a
/// workspace's log has signed two things that cannot both be true. Who holds the key is for people to know.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bowline evidence verify evidence.json")]
pub(crate) struct Verify {
    /// The file
    file: PathBuf,
}

/// The file's version; one that is not known is not read.
const VERSION: u32 = 1;

/// A file of evidence.
#[derive(Serialize, Deserialize)]
struct File {
    bowline_evidence: u32,
    proofs: Vec<Written>,
}

/// One proof in such a file. What is said of it beside `proof` is for people, and nothing rests on it.
#[derive(Serialize, Deserialize)]
struct Written {
    what: String,
    workspace: String,
    proof: String,
}

/// What a file proves.
#[derive(Serialize)]
struct Checked {
    proofs: Vec<Shown>,
}

/// What one proof proves.
#[derive(Serialize)]
pub(super) struct Shown {
    what: &'static str,
    workspace: String,
    log: String,
    signed: u64,
    against: u64,
}

impl EvidenceCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Verify(command) => command.run(invocation),
        }
    }
}

impl Verify {
    fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let text = files::read_text(&self.file)?;
        let unreadable = || {
            CommandError::new(
                ErrorCode::NotEvidence,
                format!("{} does not hold evidence", show_path(&self.file)),
            )
            .hint("`bowline workspace evidence --export FILE` writes such files")
        };
        let file: File = serde_json::from_str(&text).map_err(|_| unreadable())?;
        if file.bowline_evidence != VERSION || file.proofs.is_empty() {
            return Err(unreadable());
        }
        let mut proofs = Vec::new();
        for (number, proof) in (1..).zip(&file.proofs) {
            let bytes = BASE64.decode(proof.proof.as_bytes()).map_err(|_| unreadable())?;
            let evidence = Evidence::from_bytes(&bytes).map_err(|_| unreadable())?;
            let proven = evidence.verify().map_err(|why| {
                let message = format!("Proof {number} in {} proves nothing: {why}", show_path(&self.file));
                CommandError::new(ErrorCode::NotEvidence, message)
            })?;
            proofs.push(Shown::new(&evidence, &proven));
        }
        invocation.answer(&Checked { proofs })
    }
}

impl Shown {
    pub(super) fn new(evidence: &Evidence, proven: &Proven) -> Self {
        Self {
            what: named(evidence),
            workspace: proven.workspace.to_string(),
            log: proven.log.to_string(),
            signed: proven.signed.position.0,
            against: proven.against.position.0,
        }
    }
}

/// What a proof is called in JSON.
pub(super) fn named(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Fork(_) => "fork",
        Evidence::Rollback(_) => "rollback",
    }
}

/// The text of a file with these proofs.
pub(super) fn file_of(proofs: &[(&Evidence, Proven)]) -> String {
    let proof = |(evidence, proven): &(&Evidence, Proven)| Written {
        what: named(evidence).to_owned(),
        workspace: proven.workspace.to_string(),
        proof: BASE64.encode(&evidence.to_bytes()),
    };
    let file = File { bowline_evidence: VERSION, proofs: proofs.iter().map(proof).collect() };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    text
}

impl Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.proofs {
            writeln!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, log, signed, against, .. } = self;
        write!(f, "Whoever holds the key {log} of the log of workspace {workspace} ")?;
        if self.what == "rollback" {
            write!(
                f,
                "was shown that it had signed for {signed} entries, and signed for {against} in answer."
            )
        } else {
            write!(f, "has signed two histories that part at entry {signed} or before.")
        }
    }
}

/// Where a file of evidence was written, for people.
pub(super) fn written(path: &Path) -> String {
    format!(
        "Written to {}. `bowline evidence verify` checks it on any machine, without a home.",
        show_path(path)
    )
}
