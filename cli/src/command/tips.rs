//! What may have been meant by a command that does not exist. Clap looks at the words of one group only, and offers `reset` to
//! whoever types `restore`.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::ids::alike;

/// Words of other programs, and what they are here, where the group has it.
const ELSEWHERE: [(&str, &str); 6] = [
    ("ls", "list"),
    ("rm", "delete"),
    ("cat", "show"),
    ("open", "show"),
    ("leave", "forget"),
    ("remove", "revoke"),
];

/// What makes a home unreadable for ever: nobody is brought to it by a slip.
const NEVER_OFFERED: &str = "reset";

/// The error with tips that name commands which do what was asked, if it is about a command that does not exist.
pub(super) fn mend(mut error: clap::Error, all: &Command, arguments: &[OsString]) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let before = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let group = before.take_while(|word| word != typed).find_map(|word| all.find_subcommand(word));
    let meant = meant(all, group, typed);
    error.remove(ContextKind::SuggestedSubcommand);
    if !meant.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(meant));
    }
    error
}

/// Commands that may have been meant by a word, in a group or outside all of them: what other programs call so, what another
/// group calls so, what is called nearly so.
fn meant(all: &Command, group: Option<&Command>, typed: &str) -> Vec<String> {
    let here = group.unwrap_or(all);
    let known = ELSEWHERE.iter().filter(|(word, _)| *word == typed).map(|(_, verb)| *verb);
    let mut meant: Vec<String> =
        known.filter(|verb| here.find_subcommand(verb).is_some()).map(str::to_owned).collect();
    if meant.is_empty() {
        let outside = all.find_subcommand(typed).into_iter().map(|it| format!("bowline {}", it.get_name()));
        let inside = all.get_subcommands().filter_map(|other| {
            let verb = other.find_subcommand(typed)?;
            Some(format!("bowline {} {}", other.get_name(), verb.get_name()))
        });
        meant = outside.chain(inside).collect();
    }
    if meant.is_empty() {
        let near = here.get_subcommands().map(Command::get_name).filter(|name| *name != NEVER_OFFERED);
        meant = near.filter(|name| alike(typed, name)).map(str::to_owned).collect();
    }
    meant
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::command::Arguments;

    #[test]
    fn a_tip_names_what_does_the_thing_and_never_what_destroys_a_home() {
        let all = Arguments::command();
        let told = |group: &str, typed| meant(&all, all.find_subcommand(group), typed).join(", ");
        let of_every_kind = |verb: &str| {
            ["chat", "agent", "skill", "memory"].map(|kind| format!("bowline {kind} {verb}")).join(", ")
        };
        assert_eq!(told("", "restore"), of_every_kind("restore"));
        assert_eq!(told("", "delete"), of_every_kind("delete"));
        assert_eq!(told("", "say"), "bowline chat say");
        assert_eq!(told("", "invite"), "bowline workspace invite");
        assert_eq!(told("workspace", "join"), "bowline join");
        assert_eq!(told("device", "remove"), "revoke");
        assert_eq!(told("chat", "shwo"), "show");
        assert_eq!(told("", "chats"), "chat");
        for word in ["rest", "resett", "resotre", "zzzz"] {
            assert!(!told("", word).contains("reset"), "{word}");
        }
    }
}
