//! Addresses as people type and paste them.

use proptest::prelude::*;

use super::*;

const KEY: &str = "2l1qBHCSn5NQqa3jbNfc3tGdJlw1tVMYUnXSFM8hBbQ";

fn address(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    text.parse::<Address>().expect_err(text).to_string()
}

#[test]
fn a_name_alone_is_an_address() {
    let relay = address("wss://relay.example.com");
    assert_eq!((relay.host().as_str(), relay.port(), relay.path()), ("relay.example.com", 443, "/"));
    assert!(relay.is_encrypted() && relay.key().is_none());
}

#[test]
fn every_part_of_an_address_is_read() {
    let relay = address(&format!("wss://relay.example.com:8443/team/sync#key={KEY},token=aB-_9"));
    assert_eq!(
        (relay.host().as_str(), relay.port(), relay.path()),
        ("relay.example.com", 8443, "/team/sync")
    );
    assert_eq!(relay.key().unwrap().to_string(), KEY);
    assert_eq!(relay.into_parts().1.unwrap().as_str(), "aB-_9");
}

#[test]
fn key_and_token_stand_in_either_order_and_alone() {
    let both = address(&format!("wss://r.example#token=t,key={KEY}"));
    assert_eq!(both.with_token_text().as_str(), format!("wss://r.example#key={KEY},token=t"));
    assert_eq!(address("wss://r.example#token=t").with_token_text().as_str(), "wss://r.example#token=t");
}

#[test]
fn one_place_has_one_text() {
    let same = [
        "wss://Relay.Example.com:443/",
        "WSS://relay.example.com.",
        "wss://relay.example.com/",
        "wss://relay.example.com",
    ];
    for text in same {
        assert_eq!(address(text).to_text(), "wss://relay.example.com");
    }
    assert_eq!(address("ws://[0:0::0:1]:80").to_text(), "ws://[::1]");
}

#[test]
fn whatever_prints_an_address_leaves_the_token_out() {
    let relay = address(&format!("wss://r.example#key={KEY},token=hunter2"));
    let (kept, token) = relay.clone().into_parts();
    for text in [relay.to_text(), format!("{relay}"), format!("{relay:?}"), format!("{token:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(!kept.with_token_text().contains("hunter2"), "what is kept has no token at all");
    assert!(relay.with_token_text().contains("hunter2"));
}

#[test]
fn two_addresses_are_equal_when_they_lead_to_the_same_relay() {
    let relay = |rest: &str| address(&format!("wss://r.example{rest}"));
    assert_eq!(relay("#token=a"), relay("#token=b"));
    for other in [":444", "/x", &format!("#key={KEY}")] {
        assert_ne!(relay(""), relay(other), "{other}");
    }
    assert_ne!(address("ws://localhost:443"), address("wss://localhost"));
}

#[test]
fn unencrypted_is_for_this_machine_alone() {
    for here in ["ws://localhost:1", "ws://LOCALHOST", "ws://127.0.0.1", "ws://127.9.8.7", "ws://[::1]:9"] {
        assert!(!address(here).is_encrypted(), "{here}");
    }
    let elsewhere = [
        "relay.example.com",
        "192.168.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[2001:db8::1]",
        "[::ffff:127.0.0.1]",
        "localhost.example.com",
        "sub.localhost",
        "128.0.0.1",
    ];
    for host in elsewhere {
        let said = refused(&format!("ws://{host}"));
        assert!(said.contains("is not encrypted and only for a relay on this machine"), "{host}: {said}");
        assert!(address(&format!("wss://{host}")).is_encrypted());
    }
}

#[test]
fn a_mistyped_address_is_told_what_is_wrong_with_it() {
    let part =
        "after the # of a relay's address only key=… and token=… are known: copy it whole, or update Bowline";
    let key = "the key in the address is damaged: a relay's key is 43 letters, digits, - and _";
    let token = "the token in the address is damaged: a token is 1 to 256 letters, digits, - and _";
    let brackets = "an IPv6 address stands in brackets, as in wss://[2001:db8::1]:443";
    let scheme = "a relay's address begins with wss:// (or ws:// for a relay on this machine)";
    let path = "the path of a relay's address holds only letters, digits and - . _ ~ /";
    let cases = [
        ("", scheme),
        ("relay.example.com", scheme),
        ("https://relay.example.com", "a relay's address begins with wss://, not with https://"),
        ("HTTP://relay.example.com:8787", "a relay's address begins with wss://, not with http://"),
        ("://relay.example.com", scheme),
        ("wss:/relay.example.com", scheme),
        ("wss://", "the address names no host"),
        ("wss://:443", "the address names no host"),
        ("wss:///path", "the address names no host"),
        ("wss://relay example", "\"relay example\" is not the name or number of a machine"),
        ("wss://user@relay.example", "\"user@relay.example\" is not the name or number of a machine"),
        ("wss://rélay.example", "\"rélay.example\" is not the name or number of a machine"),
        ("wss://1.2.3.456", "\"1.2.3.456\" is not the name or number of a machine"),
        ("wss://relay..example", "\"relay..example\" is not the name or number of a machine"),
        ("wss://2001:db8::1", brackets),
        ("wss://[2001:db8::1", brackets),
        ("wss://[relay.example]", brackets),
        ("wss://[::1]443", brackets),
        ("wss://r.example:", "the port after the : is missing"),
        ("wss://[::1]:", "the port after the : is missing"),
        ("wss://r.example:0", "\"0\" is not a port: those are numbers from 1 to 65535"),
        ("wss://r.example:65536", "\"65536\" is not a port: those are numbers from 1 to 65535"),
        ("wss://r.example:+1", "\"+1\" is not a port: those are numbers from 1 to 65535"),
        ("wss://r.example/a b", path),
        ("wss://r.example/?token=x", path),
        ("wss://r.example/$HOME", path),
        ("wss://r.example/%41", path),
        ("wss://r.example#", part),
        ("wss://r.example#pin=x", part),
        ("wss://r.example#token=a,", part),
        ("wss://r.example#key=", key),
        ("wss://r.example#key=2l1qBHCSn5NQqa3jbNfc3tGdJlw1tVMYUnXSFM8hBb", key),
        ("wss://r.example#key=2l1qBHCSn5NQqa3jbNfc3tGdJlw1tVMYUnXSFM8hBbR", key),
        ("wss://r.example#token=", token),
        ("wss://r.example#token=a b", token),
        ("wss://r.example#token=a,token=b", "the address has two parts token="),
    ];
    for (text, said) in cases {
        assert_eq!(refused(text), said, "{text}");
    }
    let twice = format!("wss://r.example#key={KEY},key={KEY}");
    assert_eq!(refused(&twice), "the address has two parts key=");
}

#[test]
fn an_address_fits_into_an_invite_code() {
    let long = |length: usize| format!("wss://r.example/{}", "a".repeat(length - "wss://r.example/".len()));
    assert_eq!(address(&long(512)).to_text().len(), 512);
    assert_eq!(refused(&long(513)), "the address is longer than 512 characters");
}

#[test]
fn a_token_has_at_most_the_length_the_protocol_allows() {
    assert!("t".repeat(256).parse::<Token>().is_ok());
    assert!("t".repeat(257).parse::<Token>().is_err());
}

fn hosts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}[a-z0-9](\\.[a-z]{2,6}){0,3}",
        any::<Ipv4Addr>().prop_map(|number| number.to_string()),
        any::<Ipv6Addr>().prop_map(|number| format!("[{number}]")),
    ]
}

proptest! {
    #[test]
    fn an_address_survives_being_printed_and_read(
        host in hosts(),
        port in 1_u16..,
        path in "(/[a-zA-Z0-9._~-]{0,9}){0,4}",
        key in any::<Option<[u8; 32]>>(),
        token in proptest::option::of("[a-zA-Z0-9_-]{1,64}"),
    ) {
        let mut address = address(&format!("wss://{host}:{port}{path}"));
        if let Some(key) = key {
            address = address.with_key(RelayKey::from_bytes(key));
        }
        if let Some(token) = &token {
            address = address.with_token(token.parse().unwrap());
        }
        let (read, read_token) = self::address(&address.with_token_text()).into_parts();
        prop_assert_eq!(&read, &address);
        prop_assert_eq!(read.key().map(|key| *key.as_bytes()), key);
        prop_assert_eq!(read_token.map(|token| token.as_str().to_owned()), token);
        prop_assert_eq!(self::address(&address.to_text()), address);
    }

    #[test]
    fn what_an_address_prints_means_nothing_to_a_shell(host in hosts(), path in "\\PC{0,12}") {
        if let Ok(address) = format!("wss://{host}/{path}#token=a_-1").parse::<Address>() {
            let text = address.with_token_text();
            let harmless = |c: char| c.is_ascii_alphanumeric() || ":/.-_~#=,[]".contains(c);
            prop_assert!(text.chars().all(harmless), "{}", text.as_str());
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,80}", rest in "[wsa:/\\[\\]#.=,0-9-]{0,40}") {
        let _ = text.parse::<Address>();
        let _ = format!("wss://{rest}").parse::<Address>();
    }
}
