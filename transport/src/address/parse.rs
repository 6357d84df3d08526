//! Reading an address that someone typed or pasted.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use rustls::pki_types::DnsName;
use thiserror::Error;

use super::{Address, Host, KEY, MAX_ADDRESS, RelayKey, RelayKeyError, Scheme, TOKEN, Token, TokenError};

/// Why a text is not the address of a relay. The person who typed or pasted it can mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text does not begin as addresses do.
    #[error("a relay's address begins with wss:// (or ws:// for a relay on this machine)")]
    Scheme,
    /// The text begins as the address of something else does, like a website's.
    #[error("a relay's address begins with wss://, not with {0}://")]
    OtherScheme(String),
    /// There is nothing between the scheme and the port, path or end.
    #[error("the address names no host")]
    NoHost,
    /// The host is not a name that DNS could know, nor a number.
    #[error("{0:?} is not the name or number of a machine")]
    Host(String),
    /// An IPv6 address without brackets, or with something else in them.
    #[error("an IPv6 address stands in brackets, as in wss://[2001:db8::1]:443")]
    Ipv6,
    /// `ws://` to another machine.
    #[error("ws:// is not encrypted and only for a relay on this machine: for {0} it has to be wss://")]
    PlainElsewhere(String),
    /// There is a `:` and nothing after it.
    #[error("the port after the : is missing")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("{0:?} is not a port: those are numbers from 1 to 65535")]
    Port(String),
    /// The path holds something a shell or URL would take for something else.
    #[error("the path of a relay's address holds only letters, digits and - . _ ~ /")]
    Path,
    /// The key after the `#` is not one.
    #[error("the key in the address is damaged: {0}")]
    Key(#[from] RelayKeyError),
    /// The token after the `#` is not one.
    #[error("the token in the address is damaged: {0}")]
    Token(#[from] TokenError),
    /// What follows the `#` names the same thing twice.
    #[error("the address has two parts {0}")]
    Twice(&'static str),
    /// Something else than key and token after the `#`.
    #[error(
        "after the # of a relay's address only key=… and token=… are known: copy it whole, or update Bowline"
    )]
    Part,
    /// Longer than any address a relay prints.
    #[error("the address is longer than {MAX_ADDRESS} characters")]
    TooLong,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = scheme(text)?;
        let (place, fragment) = match rest.split_once('#') {
            Some((place, fragment)) => (place, Some(fragment)),
            None => (rest, None),
        };
        let (authority, path) = match place.find('/') {
            Some(at) => place.split_at(at),
            None => (place, "/"),
        };
        let (host, port) = authority_parts(authority)?;
        if scheme == Scheme::Plain && !host.is_loopback() {
            return Err(AddressError::PlainElsewhere(host.to_string()));
        }
        let (key, token) = fragment.map_or(Ok((None, None)), fragment_parts)?;
        let port = port.unwrap_or(scheme.default_port());
        let address = Self { scheme, host, port, path: self::path(path)?.to_owned(), key, token };
        if address.to_text().len() > MAX_ADDRESS { Err(AddressError::TooLong) } else { Ok(address) }
    }
}

fn scheme(text: &str) -> Result<(Scheme, &str), AddressError> {
    for scheme in [Scheme::Tls, Scheme::Plain] {
        let prefix = scheme.prefix();
        if let Some((head, rest)) = text.split_at_checked(prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            return Ok((scheme, rest));
        }
    }
    match text.split_once("://") {
        Some((other, _)) if !other.is_empty() && other.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Err(AddressError::OtherScheme(other.to_ascii_lowercase()))
        }
        _ => Err(AddressError::Scheme),
    }
}

/// Host and port; `None` where no port is named.
fn authority_parts(authority: &str) -> Result<(Host, Option<u16>), AddressError> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (number, after) = bracketed.split_once(']').ok_or(AddressError::Ipv6)?;
        let host = Host::V6(number.parse::<Ipv6Addr>().map_err(|_| AddressError::Ipv6)?);
        return match after.strip_prefix(':') {
            Some(text) => Ok((host, Some(port(text)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(AddressError::Ipv6),
        };
    }
    match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Err(AddressError::Ipv6),
        Some((name, text)) => Ok((host(name)?, Some(port(text)?))),
        None => Ok((host(authority)?, None)),
    }
}

fn host(text: &str) -> Result<Host, AddressError> {
    if text.is_empty() {
        return Err(AddressError::NoHost);
    }
    if let Ok(number) = text.parse::<Ipv4Addr>() {
        return Ok(Host::V4(number));
    }
    let name = DnsName::try_from(text).map_err(|_| AddressError::Host(text.to_owned()))?;
    Ok(Host::Name(name.as_ref().to_ascii_lowercase()))
}

fn port(text: &str) -> Result<u16, AddressError> {
    if text.is_empty() {
        return Err(AddressError::NoPort);
    }
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(AddressError::Port(text.to_owned())),
    }
}

fn path(text: &str) -> Result<&str, AddressError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    if text.bytes().all(plain) { Ok(text) } else { Err(AddressError::Path) }
}

/// The key and the token after the `#`.
fn fragment_parts(fragment: &str) -> Result<(Option<RelayKey>, Option<Token>), AddressError> {
    let (mut key, mut token) = (None, None);
    for part in fragment.split(',') {
        if let Some(text) = part.strip_prefix(KEY) {
            once(&mut key, text.parse()?, KEY)?;
        } else if let Some(text) = part.strip_prefix(TOKEN) {
            once(&mut token, text.parse()?, TOKEN)?;
        } else {
            return Err(AddressError::Part);
        }
    }
    Ok((key, token))
}

fn once<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), AddressError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(AddressError::Twice(name)),
    }
}
