//! Where a relay is, as people copy it: `wss://HOST[:PORT][/PATH]#key=…,token=…`.

mod key;
mod parse;
mod token;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

pub use key::{RelayKey, RelayKeyError};
pub use parse::AddressError;
pub use token::{Token, TokenError};

/// Bytes of an address without its token: what fits into an invite code.
const MAX_ADDRESS: usize = 512;

/// What stands before the key after the `#`.
const KEY: &str = "key=";

/// What stands before the token after the `#`.
const TOKEN: &str = "token=";

/// Where a relay is, which key it has to prove, and the token that lets new workspaces be created there.
///
/// The text form is `wss://HOST[:PORT][/PATH]#key=KEY,token=TOKEN`; port, path and what follows the `#` may be missing.
/// `ws://` is the same without TLS and is only for relays on this machine. No character of it means anything to a shell
/// (the brackets around an IPv6 address aside, in zsh), so it can be pasted without quotes.
///
/// Whatever prints an address ([`fmt::Display`], [`fmt::Debug`], [`Address::to_text`]) leaves the token out. Two
/// addresses are equal when they lead to the same relay; the token has no say in it.
#[derive(Clone)]
pub struct Address {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// The path, which begins with `/`.
    path: String,
    key: Option<RelayKey>,
    token: Option<Token>,
}

/// Whether the line is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// TLS: `wss://`.
    Tls,
    /// No TLS: `ws://`, on this machine only.
    Plain,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::Tls => "wss://",
            Self::Plain => "ws://",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Tls => 443,
            Self::Plain => 80,
        }
    }
}

/// A name or number of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// A name in lower case, without a dot at the end.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    /// Whether it can only mean this machine. `localhost` is checked again after it was looked up.
    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::V4(number) => number.is_loopback(),
            Self::V6(number) => number.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(number) => number.fmt(f),
            Self::V6(number) => write!(f, "[{number}]"),
        }
    }
}

impl Address {
    /// The host as it stands in the text: a name in lower case, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path at which the relay answers, `/` unless a proxy has put it elsewhere.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the line is TLS. If not, the host is this machine.
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::Tls
    }

    /// The key the relay has to prove. Without one, TLS asks the operating system whom it trusts.
    pub fn key(&self) -> Option<RelayKey> {
        self.key
    }

    /// This address with a key that the relay has to prove.
    #[must_use]
    pub fn with_key(self, key: RelayKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// This address with a registration token.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The address to keep and to show, and the token to use once.
    pub fn into_parts(mut self) -> (Self, Option<Token>) {
        let token = self.token.take();
        (self, token)
    }

    /// The text without the token.
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// The text with the token, if there is one: what an operator gives to whoever may create workspaces.
    pub fn with_token_text(&self) -> Zeroizing<String> {
        let shown = Zeroizing::new(self.to_text());
        let Some(token) = &self.token else { return shown };
        let join = if self.key.is_some() { "," } else { "#" };
        // Sized beforehand, so that no shorter copy of the token is left behind by growing.
        let mut text =
            Zeroizing::new(String::with_capacity(shown.len() + TOKEN.len() + 1 + token.as_str().len()));
        text.extend([shown.as_str(), join, TOKEN, token.as_str()]);
        text
    }

    /// The host for a lookup: a name, or a number without brackets.
    pub(crate) fn lookup(&self) -> (String, u16) {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::V4(number) => number.to_string(),
            Host::V6(number) => number.to_string(),
        };
        (host, self.port)
    }

    /// Who the certificate has to be for; `None` would mean that parsing let a bad name through.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        match &self.host {
            Host::Name(name) => ServerName::try_from(name.clone()).ok(),
            Host::V4(number) => Some(ServerName::from(IpAddr::from(*number))),
            Host::V6(number) => Some(ServerName::from(IpAddr::from(*number))),
        }
    }

    /// The place without scheme and fragment, as HTTP's `Host` wants it.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What an HTTP client asks for: everything before the `#`.
    pub(crate) fn uri(&self) -> String {
        format!("{}{}{}", self.scheme.prefix(), self.authority(), self.path)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        let parts = |of: &Self| (of.scheme, of.port, of.key);
        parts(self) == parts(other) && self.host == other.host && self.path == other.path
    }
}

impl Eq for Address {}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.scheme.prefix(), self.authority())?;
        if self.path != "/" {
            f.write_str(&self.path)?;
        }
        match &self.key {
            Some(key) => write!(f, "#{KEY}{key}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests;
