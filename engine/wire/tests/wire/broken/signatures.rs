//! Signatures that a laxer predicate than the strict one takes, or that are given for another purpose.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::vector;
use crate::support::seed;

const DOMAIN: &str = "bowline/tests/1";

const MESSAGE: &[u8] = b"message";

/// The order of the group, little-endian (RFC 8032 section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn key() -> SigningKey {
    SigningKey::from_bytes(&seed("signer"))
}

fn broken(name: &str, public: [u8; 32], signature: [u8; 64]) -> Value {
    let fields = json!({
        "public_key": hex::encode(public),
        "domain": DOMAIN,
        "message": hex::encode(MESSAGE),
        "signature": hex::encode(signature),
    });
    vector(name, "Signature", "malformed", fields)
}

fn by_key(name: &str, signature: [u8; 64]) -> Value {
    broken(name, key().verifying_key().to_bytes(), signature)
}

pub(super) fn vectors() -> Value {
    let message = [DOMAIN.as_bytes(), &[0], MESSAGE].concat();
    let good = key().sign(&message).to_bytes();
    let over = |message: &[u8]| key().sign(message).to_bytes();
    let mut changed = good;
    changed[0] ^= 1;
    let mut vectors = vec![
        by_key("a signature over the message without a domain", over(MESSAGE)),
        by_key(
            "a signature without a zero byte behind the domain",
            over(&[DOMAIN.as_bytes(), MESSAGE].concat()),
        ),
        by_key("a signature under another domain", over(&[b"bowline/head/1\0", MESSAGE].concat())),
        by_key("a signature with a bit of R changed", changed),
        by_key("S with the group's order added", with_order_added(good)),
        by_key(
            "R off by a point of order eight, which a batch takes",
            crooked(&message, EIGHT_TORSION[1], true),
        ),
        by_key("R the identity", crooked(&message, EIGHT_TORSION[0], false)),
        by_key("R of order eight", crooked(&message, EIGHT_TORSION[1], false)),
        broken("a key that is not a point", std::array::from_fn(|at| if at == 0 { 2 } else { 0 }), good),
    ];
    for (at, point) in EIGHT_TORSION.iter().enumerate() {
        // S is zero and R takes what is left, so that whoever multiplies by the cofactor accepts.
        let key = point.compress().to_bytes();
        let signature: [u8; 64] = std::array::from_fn(|at| u8::from(at == 0));
        vectors.push(broken(&format!("a key of small order, number {at}"), key, signature));
    }
    vectors.push(broken(
        "a key that is the identity spelt otherwise",
        unreduced_identity(),
        identity_signature(),
    ));
    vectors.into()
}

/// Y = p + 1, which is the identity's 1 for whoever reduces.
fn unreduced_identity() -> [u8; 32] {
    std::array::from_fn(|at| match at {
        0 => 0xee,
        31 => 0x7f,
        _ => 0xff,
    })
}

fn identity_signature() -> [u8; 64] {
    std::array::from_fn(|at| u8::from(at == 0))
}

fn with_order_added(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    signature
}

/// A signature whose R has this point in it, beside a proper one or alone.
fn crooked(message: &[u8], torsion: EdwardsPoint, beside: bool) -> [u8; 64] {
    let r = if beside { Scalar::from_bytes_mod_order(seed("r")) } else { Scalar::ZERO };
    let point = (EdwardsPoint::mul_base(&r) + torsion).compress();
    let digest = Sha512::new().chain_update(point.as_bytes()).chain_update(key().verifying_key().to_bytes());
    let k = Scalar::from_bytes_mod_order_wide(&digest.chain_update(message).finalize().into());
    let s = r + k * key().to_scalar();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(point.as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}
