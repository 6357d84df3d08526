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
        parse(&self.text(invocation, asked)?)
    }

    /// Two phrases, one after the other: on a terminal each is asked for, and stdin has the words of both.
    pub(super) fn read_two(
        &self,
        invocation: &mut Invocation<'_>,
        [first, second]: [Asked; 2],
    ) -> Result<[RecoveryPhrase; 2], CommandError> {
        let typed = self.text(invocation, first)?;
        if invocation.host.terminal.stdin {
            return Ok([parse(&typed)?, self.read(invocation, second)?]);
        }
        let half = typed.split_whitespace().count() / 2;
        let (mut one, mut other) = (Zeroizing::new(String::new()), Zeroizing::new(String::new()));
        for (number, word) in typed.split_whitespace().enumerate() {
            let to = if number < half { &mut one } else { &mut other };
            to.push_str(word);
            to.push(' ');
        }
        Ok([parse(&one)?, parse(&other)?])
    }

    fn text(&self, invocation: &mut Invocation<'_>, asked: Asked) -> Result<Zeroizing<String>, CommandError> {
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
        Ok(Zeroizing::new(secret_argument::read(invocation, from, asked)?))
    }
}

/// The words of a phrase as they are typed.
pub(super) fn one_line(phrase: &RecoveryPhrase) -> Zeroizing<String> {
    Zeroizing::new(phrase.words().collect::<Vec<_>>().join(" "))
}

fn parse(typed: &str) -> Result<RecoveryPhrase, CommandError> {
    RecoveryPhrase::parse(typed).map_err(not_a_phrase)
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
    Ok(phrase_of_own(device, workspace)?.map(|member| member.device))
}

/// The recovery phrase of this device's person in a workspace, if one is active.
pub(super) fn phrase_of_own(
    device: &Device,
    workspace: WorkspaceId,
) -> Result<Option<MemberStatus>, CommandError> {
    let own = device.own_user(workspace)?;
    let is_it = |member: &MemberStatus| member.user == own && member.active && member.recovery;
    Ok(device.status(workspace)?.members.into_iter().find(is_it))
}

/// The workspaces that this device is in.
pub(super) fn workspaces_here(device: &Device) -> Result<Vec<WorkspaceId>, CommandError> {
    let mut here = Vec::new();
    for workspace in device.workspaces().filter(|workspace| device.other_draft(*workspace).is_none()) {
        if !device.membership(workspace)?.is_over() {
            here.push(workspace);
        }
    }
    Ok(here)
}

/// The workspaces that this device is in, in which its person has this phrase, or any.
pub(super) fn workspaces_with(
    device: &Device,
    phrase: Option<DeviceId>,
) -> Result<Vec<WorkspaceId>, CommandError> {
    let mut found = Vec::new();
    for workspace in workspaces_here(device)? {
        let own = recovery_of_own(device, workspace)?;
        if own.is_some() && phrase.is_none_or(|phrase| own == Some(phrase)) {
            found.push(workspace);
        }
    }
    Ok(found)
}

/// The words are a phrase, and not of this person in any workspace that this device is in.
pub(super) fn nowhere_here() -> CommandError {
    CommandError::new(
        ErrorCode::PhraseUnknown,
        "These words are a recovery phrase, and not yours in any workspace that this device is in",
    )
    .hint("if they are on your newest sheet, `bowline sync` and try again: this device may not have heard of them")
}
