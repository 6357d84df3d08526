//! `bowline recovery remove`: a phrase is taken out, by its own words or, in its first week, without them.

use bowline_engine::device::PhraseInHand;
use bowline_engine::ids::WorkspaceId;
use clap::Args;

use super::at_relay::leave;
use super::bring_in::{hear_of, is_in};
use super::everywhere::{Everywhere, Place};
use super::settled::settled;
use super::words::{Words, nowhere_here, phrase_of_own, workspaces_with};
use crate::command::removal;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::secret_argument::Asked;
use crate::workspaces;

const PHRASE: Asked = Asked {
    what: "Your recovery phrase",
    prompts: "bowline recovery remove",
    reads: "bowline recovery remove -",
};

/// Take your recovery phrase out: its words bring nobody back any more
///
/// Asks for the 24 words, and takes the phrase out of every workspace of this device in which they are yours. `bowline recovery create` makes
/// another one then. For words that somebody may have seen `bowline recovery replace` is better: it leaves no time without any. With --lost it
/// goes without the words, in its first week only: later nobody with a device of yours can take out what brings you back.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline recovery remove\n  bowline recovery remove --lost --workspace Family"
)]
pub(crate) struct Remove {
    #[command(flatten)]
    words: Words,
    /// Without the words, of a phrase in its first week
    #[arg(long, conflicts_with = "from")]
    lost: bool,
    /// From which workspace alone: its name, or the beginning of its id [default: all of this device in which it is yours]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let phrase = if self.lost { None } else { Some(self.words.read(invocation, PHRASE)?) };
        let mut here = invocation.open()?;
        let only =
            self.workspace.as_deref().map(|typed| workspaces::find(&here.device, typed)).transpose()?;
        let mut phrase = phrase.map(|it| PhraseInHand::new(it, (invocation.host.random)())).transpose()?;
        let mut places = workspaces_with(&here.device, phrase.as_ref().map(PhraseInHand::id))?;
        places.retain(|workspace| only.is_none_or(|only| *workspace == only));
        if places.is_empty() {
            return Err(if self.lost { no_phrase() } else { nowhere_here() });
        }
        let names: Vec<String> = places.iter().map(|it| workspaces::label(&here.device, *it)).collect();
        let names = names.join(", ");
        invocation.confirm(
            self.yes,
            &format!("Take your recovery phrase out of {names}? If every device of yours is lost, so is what is in there"),
        )?;
        let mut everywhere = Everywhere::default();
        for workspace in &places {
            let place = Place { workspace: *workspace, relay: here.device.relay_address(*workspace)? };
            everywhere.in_one(
                invocation,
                &mut here,
                &place,
                |invocation, here, place| match &mut phrase {
                    Some(phrase) => by_its_words(invocation, here, phrase, place),
                    None => without_them(invocation, here, place.workspace),
                },
            )?;
        }
        here.wake();
        let ids: Vec<String> = places.iter().map(ToString::to_string).collect();
        invocation.answer_in_json(&serde_json::json!({ "workspaces": ids }))?;
        everywhere.outcome("taken out", "run it again: it goes on with those that are missing")
    }
}

fn no_phrase() -> CommandError {
    CommandError::new(
        ErrorCode::PhraseUnknown,
        "You have no recovery phrase there, as far as this device knows",
    )
    .hint("`bowline recovery create` makes one; `bowline sync` brings what another device of yours has made")
}

/// The phrase itself leaves.
fn by_its_words(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    phrase: &mut PhraseInHand,
    place: &Place,
) -> Result<(), CommandError> {
    leave(invocation, here, phrase, (place.workspace, &place.relay))?;
    let device = phrase.id();
    hear_of(invocation, here, place.workspace, |members| !is_in(members, device))?;
    let name = workspaces::label(&here.device, place.workspace);
    invocation.say(format_args!("Your recovery phrase is out of workspace {name}."));
    Ok(())
}

/// This device removes the phrase, as it could any device of its person.
fn without_them(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let Some(phrase) = phrase_of_own(&here.device, workspace)? else {
        return Ok(());
    };
    let name = workspaces::label(&here.device, workspace);
    if phrase.settled {
        return Err(settled(&name, phrase.role));
    }
    here.device.remove_device(workspace, phrase.device, invocation.now())?;
    here.wake();
    let said = removal::Said::stopping(
        format!("Your recovery phrase is out of workspace {name}."),
        "Taking your recovery phrase out".to_owned(),
    );
    removal::carry_out(invocation, here, workspace, &said)
}
