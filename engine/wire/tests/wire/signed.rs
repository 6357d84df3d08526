//! Signatures: one strict predicate, one domain for each meaning, and nothing readable before it holds.

use bowline_wire::codec::{DecodeError, encode};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::ids::*;
use bowline_wire::signed::{Signable, Signed, Verified, VerifyError, signing_message, verify_signature};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::{Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha512};

use crate::support::{seed, signer};

const DOMAIN: &[u8] = b"bowline/tests/1";
const BAD: Result<(), VerifyError> = Err(VerifyError::BadSignature);

fn key() -> SigningKey {
    SigningKey::from_bytes(&seed("signer"))
}

fn head(log: &SigningKey) -> Head {
    Head {
        workspace: WorkspaceId::from_bytes(seed("workspace")),
        log: LogId::from_bytes(log.verifying_key().to_bytes()),
        position: Position(7),
        hash: LogHash::from_bytes(seed("hash")),
    }
}

#[test]
fn what_the_named_signer_signed_is_verified_and_kept_as_it_was() {
    let verified = Verified::sign(head(&key()), signer(&key())).unwrap();
    assert_eq!(verified.value(), &head(&key()));
    assert_eq!(verified.bytes(), encode(&head(&key())));
    assert_eq!(verified.to_signed().verify(), Ok(verified.clone()));
    assert_eq!(SeenHead::from(&verified).verify(verified.value().workspace), Ok(verified));
}

#[test]
fn signing_with_another_key_is_noticed_at_once() {
    let other = SigningKey::from_bytes(&seed("other"));
    assert_eq!(Verified::sign(head(&key()), signer(&other)), Err(VerifyError::BadSignature));
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let verified = Verified::sign(head(&key()), signer(&key())).unwrap();
    for i in 0..verified.bytes().len() {
        let mut bytes = verified.bytes().to_vec();
        bytes[i] ^= 1;
        assert!(Signed::<Head>::from_parts(bytes, *verified.signature()).verify().is_err(), "byte {i}");
    }
    for i in 0..Signature::LEN {
        let mut signature = *verified.signature().as_bytes();
        signature[i] ^= 1;
        let changed = Signed::<Head>::from_parts(verified.bytes().to_vec(), Signature::from_bytes(signature));
        assert_eq!(changed.verify(), Err(VerifyError::BadSignature), "signature byte {i}");
    }
}

#[test]
fn a_signature_holds_in_its_own_domain_only() {
    let bytes = encode(&head(&key()));
    for domain in [&b"bowline/entry/1"[..], b"bowline/head/", b"bowline/head/1\0", b""] {
        let signature = signer(&key())(&signing_message(domain, &bytes));
        let signed = Signed::<Head>::from_parts(bytes.clone(), signature);
        assert_eq!(signed.verify(), Err(VerifyError::BadSignature));
    }
    assert_eq!(signing_message(b"ab", b"cd"), b"ab\0cd");
}

#[test]
fn bytes_that_are_signed_but_not_canonical_are_refused() {
    let mut bytes = encode(&head(&key()));
    bytes.push(0);
    let signature = signer(&key())(&signing_message(Head::DOMAIN, &bytes));
    let refused = Signed::<Head>::from_parts(bytes, signature).verify();
    assert_eq!(refused, Err(DecodeError::NotCanonical.into()));
}

#[test]
fn bytes_that_are_signed_but_too_long_are_refused_unread() {
    let bytes = vec![0; Head::LIMIT + 1];
    let signature = signer(&key())(&signing_message(Head::DOMAIN, &bytes));
    let refused = Signed::<Head>::from_parts(bytes, signature).verify();
    let limit = Head::LIMIT;
    assert_eq!(refused, Err(DecodeError::TooLarge { what: "signed value", limit }.into()));
    assert!(encode(&head(&key())).len() <= limit);
}

#[test]
fn unverified_bytes_do_not_print() {
    let signed = Verified::sign(head(&key()), signer(&key())).unwrap().to_signed();
    assert_eq!(format!("{signed:?}"), format!("Signed {{ len: {}, .. }}", encode(&head(&key())).len()));
}

/// `S = 0`, `R = A = identity`: the equation holds for every message, and a lax predicate accepts.
#[test]
fn a_key_of_small_order_signs_nothing() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let lax = VerifyingKey::from_bytes(&identity).unwrap();
    let message = signing_message(DOMAIN, b"anything");
    assert!(lax.verify(&message, &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
    assert_eq!(verify_signature(&identity, DOMAIN, b"anything", &Signature::from_bytes(signature)), BAD);
}

#[test]
fn a_key_that_is_no_point_signs_nothing() {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert!(CompressedEdwardsY(no_point).decompress().is_none());
    assert_eq!(verify_signature(&no_point, DOMAIN, b"", &Signature::ZERO), BAD);
}

/// The order of the group, little-endian (RFC 8032 section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_signature_has_one_spelling() {
    let signature = key().sign(&signing_message(DOMAIN, b"message")).to_bytes();
    let public = key().verifying_key().to_bytes();
    assert_eq!(verify_signature(&public, DOMAIN, b"message", &Signature::from_bytes(signature)), Ok(()));
    let mut respelt = signature;
    let mut carry = 0;
    for (byte, add) in respelt[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(verify_signature(&public, DOMAIN, b"message", &Signature::from_bytes(respelt)), BAD);
}

/// `R` off by a point of order eight: batch verification, which multiplies by the cofactor, accepts.
#[test]
fn what_only_batch_verification_accepts_is_refused() {
    let (public, message) = (key().verifying_key().to_bytes(), signing_message(DOMAIN, b"message"));
    let r = Scalar::from_bytes_mod_order(seed("r"));
    let crooked = EdwardsPoint::mul_base(&r) + EIGHT_TORSION[1];
    let digest = Sha512::new().chain_update(crooked.compress().as_bytes()).chain_update(public);
    let k = Scalar::from_bytes_mod_order_wide(&digest.chain_update(&message).finalize().into());
    let s = r + k * key().to_scalar();

    let a = CompressedEdwardsY(public).decompress().unwrap();
    let difference = EdwardsPoint::mul_base(&s) - k * a - crooked;
    assert!(difference.mul_by_cofactor().is_identity(), "a cofactored predicate accepts it");

    let mut signature = [0; 64];
    signature[..32].copy_from_slice(crooked.compress().as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    assert_eq!(verify_signature(&public, DOMAIN, b"message", &Signature::from_bytes(signature)), BAD);
}

#[test]
fn an_r_of_small_order_is_refused() {
    let public = key().verifying_key().to_bytes();
    let message = signing_message(DOMAIN, b"message");
    let small = EIGHT_TORSION[0].compress();
    let digest = Sha512::new().chain_update(small.as_bytes()).chain_update(public).chain_update(&message);
    let k = Scalar::from_bytes_mod_order_wide(&digest.finalize().into());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(small.as_bytes());
    signature[32..].copy_from_slice((k * key().to_scalar()).as_bytes());
    let lax = key().verifying_key().verify(&message, &ed25519_dalek::Signature::from_bytes(&signature));
    assert!(lax.is_ok(), "a lax predicate accepts it");
    assert_eq!(verify_signature(&public, DOMAIN, b"message", &Signature::from_bytes(signature)), BAD);
}
