//! The address that people give to their devices: where the relay is, and how they know it when they see it.

use std::net::{IpAddr, SocketAddr};

use bowline_transport::{Address, RelayKey};

use super::error::{CommandError, ErrorCode};

/// How this relay is reached from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached<'a> {
    /// Where it listens; the port is the real one.
    pub(crate) listen: SocketAddr,
    /// What the operator says it is called, `HOST[:PORT]`.
    pub(crate) public: Option<&'a str>,
    /// What this machine calls itself.
    pub(crate) hostname: &'a str,
    /// Whether the relay itself speaks TLS.
    pub(crate) is_encrypted: bool,
    /// Whether a proxy ends TLS before it.
    pub(crate) is_behind_proxy: bool,
    /// What the relay proves to be.
    pub(crate) key: RelayKey,
}

impl Reached<'_> {
    /// The address, without a token.
    pub(crate) fn address(&self) -> Result<Address, CommandError> {
        let Self { listen, hostname, .. } = *self;
        let public = self.public.map(|public| self.check_public(public)).transpose()?;
        let port = listen.port();
        let place = match public {
            Some(public) if self.is_behind_proxy || names_port(public) => public.to_owned(),
            Some(public) => format!("{public}:{port}"),
            None if listen.ip().is_unspecified() => format!("{hostname}:{port}"),
            None => listen.to_string(),
        };
        let scheme = if self.is_encrypted || self.is_behind_proxy { "wss" } else { "ws" };
        let address: Result<Address, _> = format!("{scheme}://{place}").parse();
        match address {
            Ok(address) if address.key().is_some() => Err(not_a_place(&place)),
            // The proxy proves who it is by its certificate; the relay's key does not reach the device.
            Ok(address) if self.is_behind_proxy => Ok(address),
            Ok(address) => Ok(address.with_key(self.key)),
            Err(error) if public.is_some() => Err(CommandError::new(ErrorCode::NotAPlace, error)
                .hint("--public is HOST or HOST:PORT, as devices reach this relay")),
            Err(_) => Err(not_a_place(&place)),
        }
    }
}

impl Reached<'_> {
    /// What the operator says the relay is called, without a `/` at its end, if that can be said in an address at all.
    fn check_public<'p>(&self, public: &'p str) -> Result<&'p str, CommandError> {
        let refused =
            |what: String, hint: String| Err(CommandError::new(ErrorCode::NotAPlace, what).hint(hint));
        if let Some((scheme, rest)) = public.split_once("://") {
            return refused(
                format!("--public is a name without {scheme}://"),
                format!(
                    "say --public {}; the printed address gets its scheme by itself",
                    rest.trim_end_matches('/')
                ),
            );
        }
        match public.split_once('/') {
            Some((place, path)) if !path.is_empty() && !self.is_behind_proxy => refused(
                format!("--public has the path /{path}, and a relay without a proxy before it has none"),
                format!("say --public {place}, or add --behind-proxy if a proxy passes that path on"),
            ),
            Some((place, "")) => Ok(place),
            _ => Ok(public),
        }
    }
}

/// Whether `HOST[:PORT]` has a port; an IPv6 host is in brackets.
fn names_port(public: &str) -> bool {
    public.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

fn not_a_place(place: &str) -> CommandError {
    CommandError::new(
        ErrorCode::NotAPlace,
        format!("devices cannot be told to look for this relay at {place:?}"),
    )
    .hint("say with --public HOST[:PORT] how devices reach it")
}

/// Whether what is sent to this address stays on this machine.
pub(crate) fn stays_here(listen: SocketAddr) -> bool {
    match listen.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Reader;
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn reached(listen: &str) -> Reached<'static> {
        Reached {
            listen: listen.parse().unwrap(),
            public: None,
            hostname: "attic",
            is_encrypted: true,
            is_behind_proxy: false,
            key: RelayKey::from_bytes(KEY),
        }
    }

    fn text(reached: &Reached<'_>) -> String {
        reached.address().unwrap().to_text()
    }

    #[test]
    fn the_address_is_where_it_listens_with_its_key() {
        let key = RelayKey::from_bytes(KEY);
        assert_eq!(text(&reached("127.0.0.1:8787")), format!("wss://127.0.0.1:8787#key={key}"));
        assert_eq!(text(&reached("[::1]:8787")), format!("wss://[::1]:8787#key={key}"));
    }

    #[test]
    fn a_relay_that_listens_everywhere_is_called_as_its_machine() {
        assert!(text(&reached("0.0.0.0:8787")).starts_with("wss://attic:8787#key="));
        assert!(text(&reached("[::]:8787")).starts_with("wss://attic:8787#key="));
        let nameless = Reached { hostname: "my attic", ..reached("0.0.0.0:8787") };
        assert!(nameless.address().is_err());
    }

    #[test]
    fn the_operator_knows_better_what_it_is_called() {
        for (public, expected) in [
            ("relay.example", "wss://relay.example:8787#key="),
            ("relay.example:9000", "wss://relay.example:9000#key="),
            ("[2001:db8::1]", "wss://[2001:db8::1]:8787#key="),
            ("[2001:db8::1]:9000", "wss://[2001:db8::1]:9000#key="),
        ] {
            let reached = Reached { public: Some(public), ..reached("0.0.0.0:8787") };
            assert!(text(&reached).starts_with(expected), "{}", text(&reached));
        }
    }

    #[test]
    fn behind_a_proxy_the_proxys_name_counts_and_no_key() {
        let behind = Reached { is_behind_proxy: true, is_encrypted: false, ..reached("0.0.0.0:8787") };
        let named = Reached { public: Some("relay.example"), ..behind };
        assert_eq!(text(&named), "wss://relay.example");
        let with_port = Reached { public: Some("relay.example:8443"), ..behind };
        assert_eq!(text(&with_port), "wss://relay.example:8443");
        let with_path = Reached { public: Some("relay.example/bowline/"), ..behind };
        assert_eq!(text(&with_path), "wss://relay.example/bowline/");
    }

    #[test]
    fn without_tls_the_address_says_so() {
        let plain = Reached { is_encrypted: false, ..reached("127.0.0.1:8787") };
        assert!(text(&plain).starts_with("ws://127.0.0.1:8787#key="));
        let elsewhere = Reached { public: Some("relay.example"), ..plain };
        assert!(elsewhere.address().is_err());
    }

    #[test]
    fn a_name_with_more_than_a_name_is_told_what_to_say_instead() {
        for (public, sentence, hint) in [
            ("http://relay.example", "without http://", "--public relay.example;"),
            ("https://relay.example:9000/", "without https://", "--public relay.example:9000;"),
            ("wss://relay.example", "without wss://", "--public relay.example;"),
            ("relay.example/path", "has the path /path", "--public relay.example, or"),
            ("relay.example:", "the port after the : is missing", "HOST:PORT"),
        ] {
            let reached = Reached { public: Some(public), ..reached("0.0.0.0:8787") };
            let told = reached.address().unwrap_err().told_to(Reader::Person);
            assert!(told.contains(sentence) && told.contains(hint), "{public}: {told}");
        }
        let slash = Reached { public: Some("relay.example/"), ..reached("0.0.0.0:8787") };
        assert!(text(&slash).starts_with("wss://relay.example:8787#key="));
    }

    #[test]
    fn what_is_not_a_place_is_refused() {
        for public in ["", "relay.example/path", "relay.example#key=x", "two words", "relay.example:port"] {
            let reached = Reached { public: Some(public), ..reached("0.0.0.0:8787") };
            assert!(reached.address().is_err(), "{public:?}");
        }
    }
}
