//! Wraps open for their recipient, where they belong, and are HPKE as RFC 9180 has it.

use super::*;
use crate::keys::DeviceKeys;
use crate::testing::{Hex, Repeating, WORKSPACE, epoch_key, rng, vectors, wrap_of};

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

fn wrapped(suite: Suite) -> Wrap {
    seal_wrap(&epoch_key(1), WORKSPACE, &device().hpke_public(suite)).unwrap()
}

fn open(wrap: &Wrap) -> Result<EpochKey, WrapError> {
    // Their lengths say of which suite they are, but for an empty one.
    let suite = if wrap.encapsulated.len() > 32 { Suite::XWing } else { Suite::X25519 };
    open_wrap(wrap, &device().hpke_public(suite), WORKSPACE, epoch_key(1).commitment(), device().hpke())
}

#[test]
fn a_wrap_opens_for_its_recipient() {
    for suite in Suite::ALL {
        assert_eq!(open(&wrapped(suite)).unwrap().as_bytes(), epoch_key(1).as_bytes());
    }
}

#[test]
fn a_wrap_opens_for_nobody_else() {
    let other = DeviceKeys::generate(&mut rng(42));
    let commitment = epoch_key(1).commitment();
    for suite in Suite::ALL {
        let (own, others) = (device().hpke_public(suite), other.hpke_public(suite));
        let refused = open_wrap(&wrapped(suite), &own, WORKSPACE, commitment, other.hpke()).unwrap_err();
        assert_eq!(refused, WrapError::NotForUs);
        // Nor in another recipient's place.
        let refused = open_wrap(&wrapped(suite), &others, WORKSPACE, commitment, other.hpke()).unwrap_err();
        assert_eq!(refused, WrapError::Unopenable);
    }
}

#[test]
fn a_wrap_opens_only_in_its_workspace_and_for_its_commitment() {
    let elsewhere = WorkspaceId::from_bytes([0xee; 32]);
    let (commitment, other) = (epoch_key(1).commitment(), epoch_key(2).commitment());
    for suite in Suite::ALL {
        let (wrap, to) = (wrapped(suite), device().hpke_public(suite));
        let refused = open_wrap(&wrap, &to, elsewhere, commitment, device().hpke()).unwrap_err();
        assert_eq!(refused, WrapError::Unopenable);
        let refused = open_wrap(&wrap, &to, WORKSPACE, other, device().hpke()).unwrap_err();
        assert_eq!(refused, WrapError::Unopenable);
    }
}

fn refuses_what_is_not_the_committed_key<K: Kem>(suite: Suite) {
    let committed = epoch_key(1).commitment();
    let of = |plaintext: &[u8]| wrap_of::<K>(device().hpke_public(suite), plaintext, committed);
    let otherwise = of(epoch_key(1).as_bytes());
    assert!(open(&otherwise).is_ok() && otherwise != wrapped(suite), "made otherwise, it opens all the same");
    assert_eq!(open(&of(epoch_key(2).as_bytes())).unwrap_err(), WrapError::WrongKey);
    assert_eq!(open(&of(&[1; 31])).unwrap_err(), WrapError::Unopenable);
    assert_eq!(open(&of(&[1; 33])).unwrap_err(), WrapError::Unopenable);
}

#[test]
fn a_wrapped_key_that_is_not_the_committed_one_is_refused() {
    refuses_what_is_not_the_committed_key::<X25519HkdfSha256>(Suite::X25519);
    refuses_what_is_not_the_committed_key::<XWing>(Suite::XWing);
}

#[test]
fn altered_wraps_do_not_open() {
    for wrap in Suite::ALL.map(wrapped) {
        for at in 0..wrap.ciphertext.len() {
            let mut altered = wrap.clone();
            altered.ciphertext[at] ^= 0x40;
            assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
        }
        for at in (0..wrap.encapsulated.len()).rev().take(64).chain([0]) {
            let mut altered = wrap.clone();
            altered.encapsulated[at] ^= 0x40;
            assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
        }
        for len in [0, 1, 31, 33, 1119, 1121, 2048] {
            let mut altered = wrap.clone();
            altered.encapsulated.resize(len, 0);
            assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
            let mut altered = wrap.clone();
            altered.ciphertext.resize(len, 0);
            assert_eq!(open(&altered).unwrap_err(), WrapError::Unopenable);
        }
    }
}

#[test]
fn nothing_is_wrapped_to_a_key_of_low_order() {
    for point in low_order() {
        let refused = seal_wrap(&epoch_key(1), WORKSPACE, &point).unwrap_err();
        assert_eq!(refused, WrapError::UnusableRecipient, "{point:?}");
    }
}

#[test]
fn nothing_is_wrapped_to_polynomials_with_a_coefficient_that_is_not_below_the_modulus() {
    let good = device().hpke_public(Suite::XWing);
    // Two coefficients of 12 bits are in three bytes, the lower bits first (FIPS 203 section 4.2.1): of the first and of the last.
    for first in [0, 1149] {
        for (coefficient, is_key) in [(3328u16, true), (3329, false), (4095, false)] {
            let mut bytes = good.as_bytes().to_vec();
            bytes[first] = coefficient.to_le_bytes()[0];
            bytes[first + 1] = (bytes[first + 1] & 0xf0) | coefficient.to_le_bytes()[1];
            let key = HpkePublicKey::from_slice(&bytes).unwrap();
            let wrapped = seal_wrap(&epoch_key(1), WORKSPACE, &key);
            assert_eq!(wrapped.is_ok(), is_key, "{coefficient} at {first}: {wrapped:?}");
        }
    }
}

#[test]
fn nothing_is_opened_from_an_encapsulated_key_of_low_order() {
    for point in low_order() {
        // With the all-zero shared secret anyone could compute this wrap's key; the receiver has to notice before that.
        let wrap = Wrap { encapsulated: point.as_bytes().to_vec(), ..wrapped(Suite::X25519) };
        assert_eq!(open(&wrap).unwrap_err(), WrapError::Unopenable);
        let private = device().hpke().x25519_key();
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(point.as_bytes()).unwrap();
        let refused = hpke::setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            b"",
        );
        assert_eq!(refused.err(), Some(hpke::HpkeError::DecapError), "{point:?}");
    }
}

#[test]
fn there_is_one_wrap_of_a_key_to_a_recipient_and_another_of_any_other() {
    for suite in Suite::ALL {
        let to = device().hpke_public(suite);
        let wrap = |key, workspace, to: &HpkePublicKey| seal_wrap(&epoch_key(key), workspace, to).unwrap();
        assert_eq!(wrap(1, WORKSPACE, &to), wrapped(suite));
        let other = DeviceKeys::generate(&mut rng(42)).hpke_public(suite);
        let elsewhere = WorkspaceId::from_bytes([0xee; 32]);
        for other in [wrap(2, WORKSPACE, &to), wrap(1, elsewhere, &to), wrap(1, WORKSPACE, &other)] {
            assert_ne!(other.encapsulated, wrapped(suite).encapsulated);
            assert_ne!(other.ciphertext, wrapped(suite).ciphertext);
        }
    }
}

#[test]
fn a_wrap_draws_the_bytes_of_its_seed_and_no_others() {
    let (x25519, xwing) = (device().hpke_public(Suite::X25519), device().hpke_public(Suite::XWing));
    let key = epoch_key(1);
    let ikm = seed::<32>(&key, WORKSPACE, &x25519);
    let (_, ephemeral) = X25519HkdfSha256::derive_keypair(ikm.as_ref());
    assert_eq!(wrapped(Suite::X25519).encapsulated, ephemeral.to_bytes().to_vec());
    // What X-Wing's draft calls ct_X, the last 32 bytes, is the public half of the last 32 bytes of eseed.
    let eseed = seed::<64>(&key, WORKSPACE, &xwing);
    let secret: [u8; 32] = eseed[32..].try_into().unwrap();
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret));
    assert_eq!(wrapped(Suite::XWing).encapsulated[1088..], *public.as_bytes());
}

#[test]
#[should_panic(expected = "draws more than its suite says")]
fn a_seed_that_is_too_short_is_no_seed() {
    let to = device().hpke_public(Suite::XWing);
    let _ = seal_by::<XWing>(&epoch_key(1), WORKSPACE, &to, &[7; 63]);
}

#[test]
#[should_panic(expected = "draws less than its suite says")]
fn a_seed_that_is_too_long_is_no_seed() {
    let to = device().hpke_public(Suite::X25519);
    let _ = seal_by::<X25519HkdfSha256>(&epoch_key(1), WORKSPACE, &to, &[7; 33]);
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

#[derive(serde::Deserialize)]
struct XWingCase {
    seed: Hex,
    eseed: Hex,
    pk: Hex,
    ct: Hex,
    ss: Hex,
}

#[test]
fn xwing_vectors() {
    let cases: Vec<XWingCase> = vectors("xwing.json");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let private = <XWing as Kem>::PrivateKey::from_bytes(&case.seed).unwrap();
        let public = XWing::sk_to_pk(&private);
        assert_eq!(public.to_bytes()[..], case.pk[..]);
        let mut drawn = Drawn { left: &case.eseed };
        let (secret, encapsulated) = XWing::encap_with_rng(&public, None, &mut drawn).unwrap();
        assert!(drawn.left.is_empty());
        assert_eq!((&encapsulated.to_bytes()[..], &secret.0[..]), (&case.ct[..], &case.ss[..]));
        let opened = XWing::decap(&private, None, &encapsulated).unwrap();
        assert_eq!(opened.0[..], case.ss[..]);
    }
}

#[test]
fn the_suites_are_hpke_s() {
    assert_eq!((X25519HkdfSha256::KEM_ID, XWing::KEM_ID), (0x0020, 0x647a));
}
