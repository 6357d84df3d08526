//! Heads as they travel, `[log, position, hash, signature]`, that no log has signed so.

use bowline_wire::codec::encode;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::*;
use bowline_wire::signed::{Signable, signing_message};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::raw::{array, items, with_item};
use super::vector;
use crate::samples::story;
use crate::support::*;

pub(super) fn vectors() -> Value {
    let story = story();
    let good = story.head_at(story.position());
    let head = story.log.head();
    let broken = |name: &str, rule: &str, seen: &[u8]| {
        let workspace = story.workspace().to_string();
        vector(name, rule, "malformed", json!({ "workspace": workspace, "seen": hex::encode(seen) }))
    };
    let unsigned = |name: &str, seen: SeenHead| broken(name, "Signature", &encode(&seen));
    let signed = |key: &SigningKey, domain: &[u8], bytes: &[u8]| {
        let signature = Signature::from_bytes(key.sign(&signing_message(domain, bytes)).to_bytes());
        SeenHead { signature, ..good }
    };
    let elsewhere = Head { workspace: WorkspaceId::from_bytes(seed("elsewhere")), ..head };
    let another = SigningKey::from_bytes(&seed("another relay"));
    let bytes = encode(&head);
    let mut vectors = vec![
        unsigned("a head signed by another log", signed(&another, Head::DOMAIN, &bytes)),
        unsigned("a head of another workspace", signed(&story.relay, Head::DOMAIN, &encode(&elsewhere))),
        unsigned("a head under the domain of entries", signed(&story.relay, b"bowline/entry/2", &bytes)),
        unsigned("a head without a domain", {
            SeenHead { signature: Signature::from_bytes(story.relay.sign(&bytes).to_bytes()), ..good }
        }),
        unsigned("a head signed in the form in which it travels", {
            let fields = [&[0x83][..], &encode(&good)[1..encode(&good).len() - 66]].concat();
            signed(&story.relay, Head::DOMAIN, &fields)
        }),
        unsigned("a head at another position", SeenHead { position: good.position.next(), ..good }),
        unsigned(
            "a head of another hash",
            SeenHead { hash: LogHash::from_bytes(seed("another story")), ..good },
        ),
        unsigned("a head of a log whose key is of small order", {
            let identity: [u8; 64] = std::array::from_fn(|at| u8::from(at == 0));
            let log = LogId::from_bytes(identity[..32].try_into().unwrap());
            SeenHead { log, signature: Signature::from_bytes(identity), ..good }
        }),
    ];
    let bytes = encode(&good);
    let position = u8::try_from(good.position.0).unwrap();
    vectors.extend([
        broken(
            "a head with its length in a byte of its own",
            "Canonical",
            &[&[0x98, 4], &bytes[1..]].concat(),
        ),
        broken("a head without a length", "Canonical", &[&[0x9f], &bytes[1..], &[0xff]].concat()),
        broken("a head with a byte behind it", "Canonical", &[&bytes[..], &[0]].concat()),
        broken("a head with its position in a byte of its own", "Canonical", &{
            with_item(&bytes, 1, &[0x18, position])
        }),
        broken("a head with a workspace in it", "Shape", &{
            let workspace = encode(&head.workspace);
            array(&[vec![workspace], items(&bytes)].concat())
        }),
        broken("a head without a signature", "Shape", &array(&items(&bytes)[..3])),
    ]);
    vectors.into()
}
