//! The token that lets someone create workspaces on a relay.

use std::fmt;
use std::str::FromStr;

use bowline_wire::limits::MAX_TOKEN;
use thiserror::Error;
use zeroize::Zeroizing;

/// A registration token: 1 to [`MAX_TOKEN`] letters, digits, `-` and `_`. Wiped on drop, and not printed.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// The text is not a token. Whoever copied it can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token is 1 to {MAX_TOKEN} letters, digits, - and _")]
pub struct TokenError;

impl Token {
    /// The token itself, for the relay that asked for it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let fits = (1..=MAX_TOKEN).contains(&text.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if fits && plain { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(TokenError) }
    }
}
