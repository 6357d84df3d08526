//! `bowline recovery use`: brings a person's workspaces back onto this machine, with nothing but the phrase.

use std::fmt;

use bowline_engine::device::{Newcomer, PhraseInHand};
use bowline_engine::ids::WorkspaceId;
use bowline_engine::transport::Address;
use bowline_engine::{Home, HomeError};
use clap::Args;
use serde::Serialize;

use super::at_relay::{let_in, look_up};
use super::words::Words;
use crate::command::init;
use crate::command::join::{CameIn, bring_what_is_there, come_in};
use crate::error::{CommandError, ErrorCode, join_failed};
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::secret_argument::Asked;
use crate::workspaces::{self, relay_for_people};

const PHRASE: Asked = Asked {
    what: "Your recovery phrase",
    prompts: "bowline recovery use --relay ADDRESS",
    reads: "bowline recovery use --relay ADDRESS -",
};

/// Bring your workspaces back onto this machine with your recovery phrase
///
/// Asks for the 24 words, and the relay in which workspaces they are a recovery phrase. This machine becomes a device of yours in each, with
/// everything that is in it. It makes a home if there is none. What could not be brought back is named, and running it again goes on.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline recovery use --relay 'wss://relay.example#key=…'\n  bowline recovery use --relay ADDRESS - < words"
)]
pub(crate) struct Use {
    #[command(flatten)]
    words: Words,
    /// The relay's address, as it stands on the sheet
    #[arg(long, value_name = "ADDRESS")]
    relay: String,
}

#[derive(Serialize)]
struct Used {
    relay: String,
    workspaces: Vec<Brought>,
}

#[derive(Serialize)]
struct Brought {
    id: String,
    #[serde(skip)]
    label: String,
    /// Whether this machine is in it now.
    member: bool,
    /// Why it is not, as the word of an error.
    code: Option<&'static str>,
    message: Option<String>,
}

impl Use {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let (relay, _no_use_for_it) = self.relay.parse::<Address>()?.into_parts();
        let relay = relay.to_text();
        let phrase = self.words.read(invocation, PHRASE)?;
        let mut here = home(invocation)?;
        let mut phrase = PhraseInHand::new(phrase, (invocation.host.random)())?;
        let found = look_up(invocation, &here, &mut phrase, &relay)?;
        if found.is_empty() {
            return Err(CommandError::new(
                ErrorCode::PhraseUnknown,
                format!("On {} these words are nobody's recovery phrase", relay_for_people(&relay)),
            )
            .hint("look at the sheet: the words are for the relay that stands on it, and a later sheet replaces an earlier one"));
        }
        let mut failed = Vec::new();
        for workspace in found.iter().copied() {
            if let Err(why) = bring_back(invocation, &mut here, &mut phrase, (workspace, &relay)) {
                if why.code == ErrorCode::Interrupted {
                    return Err(why);
                }
                let name = Prefixes::new(found.iter().copied()).shorten(workspace);
                invocation.warn(format_args!("workspace {name} is not back: {why}"));
                failed.push((workspace, why));
            }
        }
        here.wake();
        let brought = |workspace: &WorkspaceId| {
            let why = failed.iter().find(|(of, _)| of == workspace).map(|(_, why)| why);
            Brought {
                id: workspace.to_string(),
                label: workspaces::label(&here.device, *workspace),
                member: why.is_none(),
                code: why.map(|why| why.code.word()),
                message: why.map(|why| why.message.clone()),
            }
        };
        let back = found.len() - failed.len();
        let used = Used { relay: relay.clone(), workspaces: found.iter().map(brought).collect() };
        match (back, failed.pop()) {
            (0, Some((_, why))) => Err(why.hint("run it again: it goes on where it stopped")),
            (_, why) => {
                invocation.answer(&used)?;
                invocation.hint(format_args!(
                    "`bowline device list` shows the devices that are gone, and `bowline device revoke` shuts them out"
                ));
                why.map_or(Ok(()), |_| {
                    let of = found.len();
                    Err(CommandError::new(
                        ErrorCode::RecoveryIncomplete,
                        format!("{back} of {of} workspaces are back on this machine"),
                    )
                    .hint("run it again: it goes on with those that are missing"))
                })
            }
        }
    }
}

/// The home on this machine, which is made if there is none.
fn home(invocation: &mut Invocation<'_>) -> Result<Opened, CommandError> {
    match Home::open(&invocation.folder()?) {
        Err(HomeError::NotThere(_)) => init::make(invocation),
        _ => invocation.open(),
    }
}

/// Makes this machine a device of the phrase's person in a workspace, unless it is one.
fn bring_back(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    phrase: &mut PhraseInHand,
    (workspace, relay): (WorkspaceId, &str),
) -> Result<(), CommandError> {
    let is_here = here.device.workspaces().any(|known| known == workspace);
    // One whose code failed before begins anew below.
    let is_begun = is_here && here.device.wants_connection(workspace)?;
    if !is_begun {
        let code = let_in(invocation, here, (phrase, Newcomer::Device), (workspace, relay))?;
        here.device.join(&code, invocation.now())?;
        if come_in(invocation, here, workspace)? == CameIn::KeySpent {
            here.device.rejoin(&code, invocation.now())?;
            if come_in(invocation, here, workspace)? == CameIn::KeySpent {
                return Err(join_failed(&bowline_engine::JoinFailed::KeySpent));
            }
        }
    } else if !here.device.status(workspace)?.member {
        come_in(invocation, here, workspace)?;
    }
    bring_what_is_there(invocation, here, workspace)
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.workspaces {
            match &it.message {
                None => writeln!(f, "Back in workspace {}", it.label)?,
                Some(why) => writeln!(f, "Not back in workspace {}: {why}", it.label)?,
            }
        }
        Ok(())
    }
}
