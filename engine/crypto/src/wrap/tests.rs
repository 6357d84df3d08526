//! Wraps open for their recipient, where they belong, and are HPKE as RFC 9180 has it.

use super::*;
use crate::keys::DeviceKeys;
use crate::testing::{Hex, Repeating, WORKSPACE, epoch_key, rng, vectors};

/// The points of order 1, 2, 4 and 8 on Curve25519 and its twist, as u-coordinates (RFC 7748 section 7 and
/// <https://cr.yp.to/ecdh.html#validate>), without the non-canonical ones that only repeat them.
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn low_order() -> impl Iterator<Item = HpkePublicKey> {
    LOW_ORDER.into_iter().map(|point| HpkePublicKey::from_slice(&hex::decode(point).unwrap()).unwrap())
}

fn device() -> DeviceKeys {
    DeviceKeys::generate(&mut rng(40))
}

fn wrapped() -> Wrap {
    seal_wrap(&epoch_key(1), WORKSPACE, device().hpke_public(), &mut rng(41)).unwrap()
}

fn open(wrap: &Wrap) -> Result<EpochKey, WrapError> {
    open_wrap(wrap, WORKSPACE, epoch_key(1).commitment(), device().hpke())
}

#[test]
fn a_wrap_opens_for_its_recipient() {
    assert_eq!(open(&wrapped()).unwrap().as_bytes(), epoch_key(1).as_bytes());
}

#[test]
fn a_wrap_opens_for_nobody_else() {
    let other = DeviceKeys::generate(&mut rng(42));
    let commitment = epoch_key(1).commitment();
    let refused = open_wrap(&wrapped(), WORKSPACE, commitment, other.hpke()).unwrap_err();
    assert_eq!(refused, WrapError::NotForUs);
    // Nor if another recipient's key is put on it.
    let relabelled = Wrap { recipient: other.hpke_public(), ..wrapped() };
    let refused = open_wrap(&relabelled, WORKSPACE, commitment, other.hpke()).unwrap_err();
    assert_eq!(refused, WrapError::Unopenable);
}

#[test]
fn a_wrap_opens_only_in_its_workspace_and_for_its_commitment() {
    let elsewhere = WorkspaceId::from_bytes([0xee; 32]);
    let refused = open_wrap(&wrapped(), elsewhere, epoch_key(1).commitment(), device().hpke()).unwrap_err();
    assert_eq!(refused, WrapError::Unopenable);
    let refused = open_wrap(&wrapped(), WORKSPACE, epoch_key(2).commitment(), device().hpke()).unwrap_err();
    assert_eq!(refused, WrapError::Unopenable);
}

/// A wrap made by someone who follows the format but not the rules.
fn wrap_of(plaintext: &[u8], commitment: Commitment) -> Wrap {
    let recipient = device().hpke_public();
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient.as_bytes()).unwrap();
    let info = info(WORKSPACE, recipient, commitment);
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &info,
            plaintext,
            &[],
            &mut rng(43),
        )
        .unwrap();
    Wrap { recipient, suite: SUITE, encapsulated: encapsulated.to_bytes().to_vec(), ciphertext }
}

#[test]
fn a_wrapped_key_that_is_not_the_committed_one_is_refused() {
    let committed = epoch_key(1).commitment();
    assert!(open(&wrap_of(epoch_key(1).as_bytes(), committed)).is_ok());
    assert_eq!(open(&wrap_of(epoch_key(2).as_bytes(), committed)).unwrap_err(), WrapError::WrongKey);
    assert_eq!(open(&wrap_of(&[1; 31], committed)).unwrap_err(), WrapError::Unopenable);
    assert_eq!(open(&wrap_of(&[1; 33], committed)).unwrap_err(), WrapError::Unopenable);
}

#[test]
fn an_unknown_suite_asks_for_an_update() {
    for suite in [0, 2, u16::MAX] {
        let refused = open(&Wrap { suite, ..wrapped() }).unwrap_err();
        assert_eq!(refused, WrapError::UpdateNeeded { suite });
    }
}

#[test]
fn altered_wraps_do_not_open() {
    let wrap = wrapped();
    for at in 0..wrap.ciphertext.len() {
        let mut altered = wrap.clone();
        altered.ciphertext[at] ^= 0x40;
        assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
    }
    for at in 0..wrap.encapsulated.len() {
        let mut altered = wrap.clone();
        altered.encapsulated[at] ^= 0x40;
        assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
    }
    for len in [0, 1, 31, 33, 2048] {
        let mut altered = wrap.clone();
        altered.encapsulated.resize(len, 0);
        assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
        let mut altered = wrap.clone();
        altered.ciphertext.resize(len, 0);
        assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
    }
}

#[test]
fn nothing_is_wrapped_to_a_key_of_low_order() {
    for point in low_order() {
        let refused = seal_wrap(&epoch_key(1), WORKSPACE, point, &mut rng(44)).unwrap_err();
        assert_eq!(refused, WrapError::UnusableRecipient, "{point}");
    }
}

#[test]
fn nothing_is_opened_from_an_encapsulated_key_of_low_order() {
    for point in low_order() {
        // With the all-zero shared secret anyone could compute this wrap's key; the receiver has to notice before that.
        let wrap = Wrap { encapsulated: point.as_bytes().to_vec(), ..wrapped() };
        assert_eq!(open(&wrap).unwrap_err(), WrapError::Unopenable);
        let private = device().hpke().private_key();
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(point.as_bytes()).unwrap();
        let refused = hpke::setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            b"",
        );
        assert_eq!(refused.err(), Some(hpke::HpkeError::DecapError), "{point}");
    }
}

#[test]
fn repeated_randomness_shares_no_keystream_between_two_epoch_keys() {
    // The same ephemeral key twice: with key and nonce from the shared secret alone, the two ciphertexts would differ by
    // exactly what the keys differ by.
    let to = device().hpke_public();
    let a = seal_wrap(&epoch_key(1), WORKSPACE, to, &mut Repeating(&[7; 32])).unwrap();
    let b = seal_wrap(&epoch_key(2), WORKSPACE, to, &mut Repeating(&[7; 32])).unwrap();
    assert_eq!(a.encapsulated, b.encapsulated, "the randomness was repeated");
    let difference: Vec<u8> = a.ciphertext.iter().zip(&b.ciphertext).map(|(a, b)| a ^ b).take(32).collect();
    assert_ne!(difference, [1 ^ 2; 32]);
}

#[derive(serde::Deserialize)]
struct HpkeCase {
    name: String,
    aead: u16,
    info: Hex,
    ikm_e: Hex,
    ikm_r: Hex,
    sk_r: Hex,
    pk_r: Hex,
    enc: Hex,
    pt: Hex,
    aad: Hex,
    ct: Hex,
}

fn check<A: hpke::aead::Aead>(case: &HpkeCase) {
    type Dh = X25519HkdfSha256;
    let (private, public) = Dh::derive_keypair(&case.ikm_r);
    // The vectors have this key as derived, the crate as used: clamped (RFC 7748 section 5, RFC 9180 erratum 7121).
    let expected = <Dh as Kem>::PrivateKey::from_bytes(&case.sk_r).unwrap();
    assert_eq!(private.to_bytes(), expected.to_bytes(), "{}", case.name);
    assert_eq!(public.to_bytes()[..], case.pk_r[..], "{}", case.name);
    let (enc, ct) = hpke::single_shot_seal_with_rng::<A, HkdfSha256, Dh>(
        &OpModeS::Base,
        &public,
        &case.info,
        &case.pt,
        &case.aad,
        &mut Repeating(&case.ikm_e),
    )
    .unwrap();
    assert_eq!(enc.to_bytes()[..], case.enc[..], "{}", case.name);
    assert_eq!(ct, case.ct[..], "{}", case.name);
    let pt = hpke::single_shot_open::<A, HkdfSha256, Dh>(
        &OpModeR::Base,
        &private,
        &enc,
        &case.info,
        &ct,
        &case.aad,
    );
    assert_eq!(pt.unwrap(), case.pt[..], "{}", case.name);
}

#[test]
fn rfc_9180_base_mode_vectors() {
    let cases: Vec<HpkeCase> = vectors("rfc9180.json");
    let mut suites = Vec::new();
    for case in &cases {
        match case.aead {
            1 => check::<hpke::aead::AesGcm128>(case),
            2 => check::<AesGcm256>(case),
            other => panic!("no AEAD has the number {other}"),
        }
        suites.push(case.aead);
    }
    assert_eq!(suites, [1, 2]);
}
