//! `bowline workspace repair`: goes on with a relay's log and brings back what it lacks, all of it if it must.

use bowline_engine::GoingOn;
use bowline_engine::device::Token;
use bowline_engine::transport::Address;
use clap::Args;

use super::going_on::{self, Decides};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::secret_argument::{self, Asked};

/// Go on with the relay's log and send again what is missing from it
///
/// Like `bowline workspace accept`, and every missing entry that the log can take as it is goes back to the relay in the old order, whoever
/// wrote it, before anything new. An entry that builds on what the relay has signed and given up cannot stand in its log: what this device
/// wrote of that is sent anew, and the rest stays in sight here until whoever wrote it decides as well.
/// What remains is what `bowline workspace accept --help` says of that.
///
/// A relay that has lost the workspace altogether gets it back: it is made there again, after a question, and every entry that is known
/// here goes there in the old order. A relay that takes new workspaces only with a token asks for it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  bowline workspace repair --dry-run     only show what is missing
  bowline workspace repair
  bowline workspace repair --yes         for scripts
  bowline workspace repair --token -     the relay has lost it, and takes new workspaces only with its token")]
pub(crate) struct Repair {
    #[command(flatten)]
    decides: Decides,
    /// The relay's registration token, or its address with that, if it has lost the workspace; `-` reads it from stdin
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

const TOKEN: Asked = Asked {
    what: "The relay's registration token",
    prompts: "bowline workspace repair --token -",
    reads: "bowline workspace repair --token - < FILE",
};

impl Repair {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let token = match self.token.as_deref() {
            Some(typed) => token_in(&secret_argument::read(invocation, Some(typed), TOKEN)?),
            None => String::new(),
        };
        if self.token.as_deref().is_some_and(|typed| typed != "-") {
            secret_argument::warn(invocation, TOKEN);
        }
        going_on::run(invocation, self.decides, (GoingOn::Repair, Some(Token(token))))
    }
}

/// The token, alone or in an address as the relay prints it.
fn token_in(typed: &str) -> String {
    let typed = typed.trim();
    let in_address = typed.parse::<Address>().ok().and_then(|address| address.into_parts().1);
    in_address.map_or_else(|| typed.to_owned(), |token| token.as_str().to_owned())
}
