//! The words that a person gives, and whose recovery phrase they are.

use bowline_engine::device::MemberStatus;
use bowline_engine::ids::{DeviceId, WorkspaceId};
use bowline_engine::{Device, PhraseError, RecoveryPhrase};
use clap::Args;
use zeroize::Zeroizing;

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::secret_argument::{self, Asked};

/// Where the words come from.
#[derive(Args, Debug)]
pub(super) struct Words {
    /// `-` reads the words from stdin; they are never taken from the command line [default: asks]
    #[arg(value_name = "-")]
    from: Vec<String>,
}

impl Words {
    /// The phrase that a person types or pipes in.
    pub(super) fn read(
        &self,
        invocation: &mut Invocation<'_>,
        asked: Asked,
    ) -> Result<RecoveryPhrase, CommandError> {
        let from = match self.from.as_slice() {
            [] => None,
            [from] if from == "-" => Some("-"),
            _ => {
                return Err(CommandError::new(
                    ErrorCode::Usage,
                    "A recovery phrase is not taken from the command line, which shells remember and other programs can see",
                )
                .hint(format!("`{}` asks for it, `{}` reads it from stdin", asked.prompts, asked.reads)));
            }
        };
        let typed = Zeroizing::new(secret_argument::read(invocation, from, asked)?);
        RecoveryPhrase::parse(&typed).map_err(not_a_phrase)
    }
}

fn not_a_phrase(why: PhraseError) -> CommandError {
    match why {
        PhraseError::Count(count) => CommandError::new(
            ErrorCode::NotAPhrase,
            format!("A recovery phrase has 24 words, and here are {count}"),
        )
        .hint("type all of them on one line, in the order of their numbers on the sheet"),
        PhraseError::Unknown(place) => CommandError::new(
            ErrorCode::NotAPhrase,
            format!("Word {place} is not one of the words that recovery phrases are made of"),
        )
        .hint("compare it with the sheet: each word is an English one of three to eight letters"),
        PhraseError::Checksum => CommandError::new(
            ErrorCode::PhraseMistyped,
            "These 24 words are not a recovery phrase: one of them is another word, or two have changed places",
        )
        .hint("compare them with the sheet, one by one"),
    }
}

/// The recovery device of this device's person in a workspace, if one is active.
pub(super) fn recovery_of_own(
    device: &Device,
    workspace: WorkspaceId,
) -> Result<Option<DeviceId>, CommandError> {
    let own = device.own_user(workspace)?;
    let is_it = |member: &MemberStatus| member.user == own && member.active && member.recovery;
    Ok(device.status(workspace)?.members.into_iter().find(is_it).map(|member| member.device))
}
