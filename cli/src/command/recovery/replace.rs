//! `bowline recovery replace`: new words take the place of a phrase that somebody may have seen.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use bowline_engine::RecoveryPhrase;
use bowline_engine::device::{Newcomer, PhraseInHand};
use bowline_engine::ids::WorkspaceId;
use clap::Args;
use serde::Serialize;

use super::at_relay::{let_in, look_up};
use super::bring_in::{come_in_by, hear_of, is_in};
use super::everywhere::{Everywhere, Place, called};
use super::sheet::{Printed, Sheet, check_seen};
use super::words::{Words, nowhere_here, one_line, workspaces_here, workspaces_with};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::secret_argument::Asked;
use crate::text::count;

const OLD: Asked = Asked {
    what: "The recovery phrase that you have",
    prompts: "bowline recovery replace",
    reads: "bowline recovery replace -",
};

const NEW: Asked = Asked { what: "The new recovery phrase", ..OLD };

/// What a person does if the new words are not in force everywhere: they are on paper by then.
const AGAIN: &str = "the new words are good: `bowline recovery replace --go-on` asks for the old ones and the new ones, and goes on";

/// Replace your recovery phrase by another: the old words bring nobody back any more
///
/// For words that somebody may have seen. Asks for the 24 words that you have, and shows new ones before anything comes of them: write
/// them down, or print the sheet. Then they take the place of the old ones in every workspace in which those are yours, on the relays of the
/// workspaces of this device. Whoever has the old words reads nothing that is written from then on, and keeps what they have read.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline recovery replace\n  bowline recovery replace --sheet sheet.txt\n  bowline recovery replace - --yes < words > new-words"
)]
pub(crate) struct Replace {
    #[command(flatten)]
    words: Words,
    /// With new words that were shown before: asks for them after the old ones
    #[arg(long)]
    go_on: bool,
    /// Write the sheet to print into a new file, which only you can read, and not onto the terminal
    #[arg(long, value_name = "FILE", conflicts_with = "go_on")]
    sheet: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Replaced<'a> {
    /// The new words, when they are shown.
    words: Option<&'a str>,
    device: String,
    replaces: String,
    workspaces: Vec<String>,
}

impl Replace {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let (old, known) = if self.go_on {
            let [old, new] = self.words.read_two(invocation, [OLD, NEW])?;
            (old, Some(new))
        } else {
            (self.words.read(invocation, OLD)?, None)
        };
        let mut here = invocation.open()?;
        let mut in_hand = |phrase| PhraseInHand::new(phrase, (invocation.host.random)());
        let (mut old, mut known) = (in_hand(old)?, known.map(in_hand).transpose()?);
        let relays = relays(&here, &old, known.as_ref())?;
        let mut everywhere = Everywhere::default();
        let phrases = (&mut old, known.as_mut());
        let places = places(invocation, &mut here, phrases, relays, &mut everywhere)?;
        let mut new = match known {
            Some(new) => {
                invocation.answer_in_json(&replaced(None, (&old, new.phrase()), &places))?;
                new
            }
            None if places.is_empty() => {
                let again = "nothing was changed: run it again when the relay can be reached";
                return everywhere.outcome("replaced", again);
            }
            None => {
                let new = self.make(invocation, &here, (&old, &places))?;
                PhraseInHand::new(new, (invocation.host.random)())?
            }
        };
        for place in &places {
            everywhere
                .in_one(invocation, &mut here, place, |invocation, here, place| {
                    replace_in(invocation, here, (&mut old, &mut new), place)
                })
                .map_err(|why| why.hint(AGAIN))?;
        }
        here.wake();
        everywhere.outcome("replaced", AGAIN)
    }

    /// Makes the new words, shows them, and asks whether they are written down.
    fn make(
        &self,
        invocation: &mut Invocation<'_>,
        here: &Opened,
        (old, places): (&PhraseInHand, &[Place]),
    ) -> Result<RecoveryPhrase, CommandError> {
        check_seen(invocation, self.yes)?;
        let new = RecoveryPhrase::generate(&mut *(invocation.host.random)());
        let words = one_line(&new);
        // Also those whose relay was not reached: the words are to be in force there later.
        let later = workspaces_with(&here.device, Some(old.id()))?;
        let later = later.into_iter().filter(|it| places.iter().all(|place| place.workspace != *it));
        let mut printed: Vec<Printed> = places.iter().map(|place| print(here, place)).collect();
        for workspace in later {
            printed.push(print(here, &Place { workspace, relay: here.device.relay_address(workspace)? }));
        }
        let sheet = Sheet { places: printed, made: invocation.now(), words: &words };
        sheet.show(invocation, self.sheet.as_deref())?;
        invocation.answer(&replaced(Some(&words), (old, &new), places))?;
        let n = count(places.len(), "workspace");
        invocation.confirm(
            self.yes,
            &format!("Have you written the words down, so that they take the place of the old ones in {n}?"),
        )?;
        Ok(new)
    }
}

fn print(here: &Opened, place: &Place) -> Printed {
    Printed { workspace: called(here, place.workspace), relay: place.relay.clone() }
}

fn replaced<'a>(
    words: Option<&'a str>,
    (old, new): (&PhraseInHand, &RecoveryPhrase),
    places: &[Place],
) -> Replaced<'a> {
    Replaced {
        words,
        device: new.device_keys().id().to_string(),
        replaces: old.id().to_string(),
        workspaces: places.iter().map(|place| place.workspace.to_string()).collect(),
    }
}

/// The relays at which the old words are to be given up, with the workspaces of this device there in which they are this person's.
fn relays(
    here: &Opened,
    old: &PhraseInHand,
    new: Option<&PhraseInHand>,
) -> Result<BTreeMap<String, Vec<WorkspaceId>>, CommandError> {
    let mut relays: BTreeMap<String, Vec<WorkspaceId>> = BTreeMap::new();
    for workspace in workspaces_with(&here.device, Some(old.id()))? {
        relays.entry(here.device.relay_address(workspace)?).or_default().push(workspace);
    }
    if let Some(new) = new {
        for workspace in workspaces_with(&here.device, Some(new.id()))? {
            relays.entry(here.device.relay_address(workspace)?).or_default();
        }
    }
    if relays.is_empty() { Err(nowhere_here()) } else { Ok(relays) }
}

/// All workspaces in which the old words are in force, as those relays say.
fn places(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    (old, mut new): (&mut PhraseInHand, Option<&mut PhraseInHand>),
    relays: BTreeMap<String, Vec<WorkspaceId>>,
    everywhere: &mut Everywhere,
) -> Result<Vec<Place>, CommandError> {
    let mut places = Vec::new();
    for (relay, known) in relays {
        let found = match look_up(invocation, here, old, &relay) {
            Ok(found) => found,
            Err(why) => {
                let names: Vec<String> = known.iter().map(|it| called(here, *it)).collect();
                everywhere.failed_in(invocation, &names.join(", "), why)?;
                continue;
            }
        };
        for missing in known.into_iter().filter(|it| !found.contains(it)) {
            if !has_come_in(invocation, here, new.as_deref_mut(), (missing, &relay))? {
                everywhere.failed_in(invocation, &called(here, missing), not_named())?;
            }
        }
        places.extend(found.into_iter().map(|workspace| Place { workspace, relay: relay.clone() }));
    }
    Ok(places)
}

/// Whether the new phrase is in force already where this device has not heard of it: then it was interrupted right after.
fn has_come_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    new: Option<&mut PhraseInHand>,
    (workspace, relay): (WorkspaceId, &str),
) -> Result<bool, CommandError> {
    let Some(new) = new else { return Ok(false) };
    if !look_up(invocation, here, new, relay)?.contains(&workspace) {
        return Ok(false);
    }
    let device = new.id();
    hear_of(invocation, here, workspace, |members| is_in(members, device))?;
    Ok(true)
}

/// As far as this device knows the old words are in force in a workspace, and its relay does not name it.
fn not_named() -> CommandError {
    CommandError::new(ErrorCode::PhraseUnknown, "The relay does not say that these words are in force there")
        .hint("`bowline sync` brings what another device of yours may have changed; if they still are, tell the relay's operator")
}

/// Puts the new phrase in the place of the old one in one workspace.
fn replace_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    (old, new): (&mut PhraseInHand, &mut PhraseInHand),
    place: &Place,
) -> Result<(), CommandError> {
    let workspace = place.workspace;
    let by = (old, Newcomer::Successor(new.phrase()));
    let code = let_in(invocation, here, by, (workspace, &place.relay))?;
    come_in_by(invocation, here, new, &code)?;
    let name = called(here, workspace);
    if workspaces_here(&here.device)?.contains(&workspace) {
        let device = new.id();
        hear_of(invocation, here, workspace, |members| is_in(members, device))?;
        invocation
            .say(format_args!("The new words are in force in workspace {name}, and the old ones are not."));
    } else {
        invocation.say(format_args!(
            "The new words are in force in workspace {name}, which this device is not in, and the old ones are not. What is written there can \
             be read with the old ones until a device of somebody in it has synced."
        ));
    }
    Ok(())
}

impl fmt::Display for Replaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.map_or(Ok(()), |words| writeln!(f, "{words}"))
    }
}
