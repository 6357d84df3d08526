//! Golden vectors under `vectors/1/`: what this code writes is what it wrote before, and follows from the formulas.
//! `BOWLINE_BLESS=1 cargo test -p bowline-wire` writes them anew after a deliberate change of the protocol.
//!
//! Longer than 500 lines because each file of vectors is written and read here, and each is short.

use std::fs;
use std::path::PathBuf;

use bowline_wire::adopted::Adopted;
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::codec::{Canonical, decode, encode};
use bowline_wire::confirm::Confirm;
use bowline_wire::entry::SignedEntry;
use bowline_wire::evidence::{Evidence, NotProven, Proven};
use bowline_wire::frame::{Challenge, Frame, Lookup, Party, Proof, Transcript, Welcome, Word};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::Header;
use bowline_wire::ids::*;
use bowline_wire::log::{ChainTip, State};
use bowline_wire::roster::Roster;
use bowline_wire::roster::record::{Join, Record};
use bowline_wire::signed::Signable;
use bowline_wire::successor::{SaidSuccessor, Succession};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::samples::*;
use crate::states;
use crate::support::*;

const FILES: [&str; 13] = [
    "entries",
    "records",
    "frames",
    "heads",
    "chains",
    "proofs",
    "sessions",
    "evidence",
    "confirms",
    "checkpoints",
    "states",
    "adopted",
    "successors",
];

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/1").join(format!("{file}.json"))
}

fn read(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path(file)).unwrap()).unwrap()
}

fn list(file: &str) -> Vec<Value> {
    read(file).as_array().unwrap().clone()
}

fn unhex(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))).unwrap()
}

fn fixed<const N: usize>(value: &Value, field: &str) -> [u8; N] {
    unhex(value, field).try_into().unwrap()
}

/// What this code writes now.
fn written(file: &str) -> Value {
    match file {
        "entries" => entries()
            .into_iter()
            .map(|(name, entry)| {
                let author =
                    if entry.header().device == ana().id() { "ana's laptop" } else { "ben's laptop" };
                json!({
                    "name": name,
                    "workspace": entry.header().workspace.to_string(),
                    "signing_seed": hex::encode(seed(author)),
                    "header": hex::encode(entry.signed_header().bytes()),
                    "signature": entry.signed_header().signature().to_string(),
                    "body": entry.body().map(hex::encode),
                    "entry": hex::encode(encode(&entry.to_signed())),
                    "entry_id": entry.id().to_string(),
                    "additional_data": hex::encode(entry.header().additional_data()),
                })
            })
            .collect(),
        "records" => records()
            .into_iter()
            .map(|(name, record)| json!({ "name": name, "body": hex::encode(record.to_body()) }))
            .collect(),
        "frames" => frames()
            .into_iter()
            .map(|(name, frame)| json!({ "name": name, "frame": hex::encode(encode(&frame)) }))
            .collect(),
        "confirms" => confirms()
            .into_iter()
            .map(|(name, confirm)| json!({ "name": name, "body": hex::encode(confirm.to_body()) }))
            .collect(),
        "checkpoints" => checkpoints()
            .into_iter()
            .map(|(name, said)| json!({ "name": name, "body": hex::encode(said.to_body()) }))
            .collect(),
        "states" => states::samples()
            .into_iter()
            .map(|(name, workspace, state)| {
                json!({
                    "name": name,
                    "workspace": workspace.to_string(),
                    "state": hex::encode(encode(&state)),
                    "digest": state.digest(workspace).to_string(),
                })
            })
            .collect(),
        "adopted" => {
            let (original, adopting, adopted) = adopted();
            json!([{
                "name": "an entry verbatim",
                "original": hex::encode(encode(&original.to_signed())),
                "adopting_header": hex::encode(adopting.signed_header().bytes()),
                "sealed": hex::encode(adopted.encode()),
            }])
        }
        "heads" => heads(),
        "chains" => chains(),
        "proofs" => proofs(),
        "sessions" => sessions(),
        "evidence" => evidence(),
        "successors" => successors(),
        other => unreachable!("no such file: {other}"),
    }
}

/// A session's opening, with the keys that sign in it and what was said before each signature.
fn sessions() -> Value {
    let device = ana();
    let frames = opening(Party::Device(device.id()), &device.key, Some(3), None);
    let mut said = Transcript::START;
    let steps = frames.iter().zip([None, Some(relay_identity()), Some(device.key), Some(story().relay)]);
    let steps = steps.map(|(frame, key)| {
        let step = json!({
            "frame": hex::encode(encode(frame)),
            "said_before": hex::encode(said.as_bytes()),
            "signing_seed": key.map(|key| hex::encode(key.to_bytes())),
        });
        said = said.then(&encode(frame));
        step
    });
    json!([{ "name": "a device that has seen a part of the log", "frames": steps.collect::<Vec<_>>() }])
}

/// What convicts the holder of a log's key, and what looks like it and does not.
fn evidence() -> Value {
    let of = |(name, evidence, verdict): (&str, Evidence, Result<Proven, NotProven>)| {
        let expected = match &verdict {
            Ok(proven) => json!({ "workspace": proven.workspace.to_string(), "log": proven.log.to_string(),
                "signed": proven.signed.position.0, "against": proven.against.position.0 }),
            Err(why) => json!(format!("{why:?}")),
        };
        assert_eq!(evidence.verify(), verdict, "{name}");
        json!({ "name": name, "evidence": hex::encode(encode(&evidence)), "verdict": expected })
    };
    crate::evidence::samples().into_iter().map(of).collect()
}

fn heads() -> Value {
    let story = story();
    let of = |position: u64| {
        let seen = story.head_at(Position(position));
        let head = seen.verify(story.workspace()).unwrap();
        json!({
            "name": format!("head at {position}"),
            "signing_seed": hex::encode(seed("relay")),
            "workspace": story.workspace().to_string(),
            "log": seen.log.to_string(),
            "position": position,
            "hash": seen.hash.to_string(),
            "head": hex::encode(head.bytes()),
            "signature": seen.signature.to_string(),
            "seen": hex::encode(encode(&seen)),
        })
    };
    let tip = story.log.tip(&ben().chain(Lane::Content)).unwrap();
    let first = story.log.tip(&ben().chain(Lane::Control)).unwrap();
    json!([
        of(1),
        of(4),
        { "name": "tip of a content chain", "tip": hex::encode(encode(tip)) },
        { "name": "tip of a chain that begins with a Join", "tip": hex::encode(encode(first)) },
    ])
}

fn chains() -> Value {
    let story = story();
    let genesis = ana().genesis("workspace").to_body();
    let points = story.roster().points();
    json!({
        "genesis_body": hex::encode(genesis),
        "workspace": story.workspace().to_string(),
        "log": story.log.head().log.to_string(),
        "log_hash_0": story.hashes[0].to_string(),
        "first_device": ana().id().to_string(),
        "first_user": ana().user().to_string(),
        "first_commitment": story.roster().epochs()[0].commitment.to_string(),
        "first_epoch": points[0].epoch.to_string(),
        "entries": story.entries.iter().zip(&story.hashes[1..]).map(|(entry, hash)| json!({
            "entry": hex::encode(encode(&entry.to_signed())),
            "entry_id": entry.id().to_string(),
            "time": story.log.time().millis().0,
            "log_hash": hash.to_string(),
        })).collect::<Vec<_>>(),
        "roster": points.iter().map(|point| json!({
            "position": point.at.position.0,
            "roster_hash": point.hash.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn proofs() -> Value {
    let (workspace, device) = (story().workspace(), ana());
    let frames = opening(Party::Device(device.id()), &device.key, Some(3), None);
    let [Frame::Hello(_), Frame::Challenge(challenge), Frame::Proof(session), Frame::Welcome(welcome)] =
        &frames
    else {
        unreachable!()
    };
    let said = |so_far: usize| Transcript::of(frames.iter().take(so_far).map(encode));
    let (phrase, lookup) = lookup();
    let secret = Secret::new("sample ticket");
    let join = Join::proof_message(workspace, ben().id(), &ben().hpke, admits());
    let proof = |name: &str, key: &SigningKey, domain: &[u8], message: Vec<u8>| {
        let signed = bowline_wire::signed::signing_message(domain, &message);
        json!({
            "name": name,
            "signing_seed": hex::encode(key.to_bytes()),
            "public_key": hex::encode(key.verifying_key().to_bytes()),
            "domain": std::str::from_utf8(domain).unwrap(),
            "message": hex::encode(message),
            "signature": hex::encode(key.sign(&signed).to_bytes()),
        })
    };
    json!([
        proof("challenge", &relay_identity(), Challenge::DOMAIN, challenge.bytes_after(said(1))),
        proof("session", &device.key, Proof::DOMAIN, session.bytes_after(said(2))),
        proof("welcome", &story().relay, Welcome::DOMAIN, welcome.bytes_after(said(3))),
        proof("lookup", &phrase.key, Lookup::DOMAIN, lookup.bytes_after(said(2))),
        proof("join", &secret.key, Join::PROOF_DOMAIN, join),
    ])
}

/// One log after the other, and what is not such a chain: each breaks one rule alone.
fn successors() -> Value {
    let story = story();
    let (second, third) =
        (SigningKey::from_bytes(&seed("next log")), SigningKey::from_bytes(&seed("third log")));
    let relay = relay_identity();
    let later = Story { relay: second.clone(), ..story.continued_by(Position(3), "next log", &next(&story)) };
    let one = story.said_successor(Position(3), &second, &relay);
    let two = later.said_successor(Position(3), &third, &relay);
    let back = later.said_successor(Position(2), &third, &relay);
    let without_in = |said: &SaidSuccessor, at: usize| {
        let mut bytes = encode(said);
        bytes[at..at + 64].fill(0);
        decode(&bytes).unwrap()
    };
    let without = |at: usize| without_in(&one, at);
    let log_of = |key: &SigningKey| LogId::from_bytes(key.verifying_key().to_bytes());
    let logs = (story.workspace(), log_of(&story.relay), log_of(&second));
    let identity = relay.verifying_key().to_bytes();
    let again = SaidSuccessor::sign_beginning(logs, &identity, signer(&relay)).unwrap();
    let unsigned = without_in(&again, 172);
    let before = story.said_successor(Position(0), &second, &relay);
    let logs = (story.workspace(), log_of(&second), log_of(&third));
    let late = SaidSuccessor::sign_beginning(logs, &identity, signer(&relay)).unwrap();
    let list = |name: &str, said: &[SaidSuccessor], why: Option<&str>| {
        json!({
            "name": name,
            "workspace": story.workspace().to_string(),
            "relay": hex::encode(relay.verifying_key().to_bytes()),
            "successors": said.iter().map(|said| hex::encode(encode(said))).collect::<Vec<_>>(),
            "refused": why,
        })
    };
    json!([
        list("a log that was continued once", &[one], None),
        list("a log that was continued twice", &[one, two], None),
        list("a lost log that is begun again", &[again], None),
        list("a lost log that is begun again, and continued", &[again, two], None),
        list("a lost log of two keys that is begun again", &[again, late], None),
        list("a log that is begun again behind another", &[before, late], Some("NotAChain")),
        list("a log that is begun again without the relay", &[unsigned], Some("Unsigned")),
        list("only the relay has signed", &[without(106)], Some("NotByLog")),
        list("only the log has signed", &[without(172)], Some("NotByRelay")),
        list("a gap", &[two, one], Some("NotAChain")),
        list("positions that go down", &[one, back], Some("NotAChain")),
    ])
}

fn next(story: &Story) -> Succession {
    let said =
        story.said_successor(Position(3), &SigningKey::from_bytes(&seed("next log")), &relay_identity());
    Succession::stored(story.workspace(), &[said]).unwrap()
}

#[test]
fn what_is_written_now_is_what_was_written_before() {
    for file in FILES {
        let now = written(file);
        if std::env::var_os("BOWLINE_BLESS").is_some() {
            fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            fs::write(path(file), serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
        }
        assert_eq!(read(file), now, "vectors/{file}.json");
    }
    let on_disk = fs::read_dir(path("entries").parent().unwrap()).unwrap();
    let on_disk = on_disk.filter(|found| found.as_ref().unwrap().file_type().unwrap().is_file()).count();
    assert_eq!(on_disk, FILES.len(), "a file that no test reads");
}

fn reencodes<T: Canonical>(bytes: &[u8]) -> T {
    let value: T = decode(bytes).unwrap();
    assert_eq!(encode(&value), bytes);
    value
}

/// Signature and formulas by the libraries alone, without this crate's code.
fn assert_signed(key: [u8; 32], domain: &str, bytes: &[u8], signature: [u8; 64]) {
    let message = [domain.as_bytes(), &[0], bytes].concat();
    let key = VerifyingKey::from_bytes(&key).unwrap();
    key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&signature)).unwrap();
}

fn digest(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

#[test]
fn entries_follow_from_the_formulas() {
    let list = list("entries");
    assert_eq!(list.len(), 16);
    for vector in list {
        let (bytes, body) = (unhex(&vector, "header"), unhex(&vector, "body"));
        let workspace = WorkspaceId::from_bytes(fixed(&vector, "workspace"));
        let header = Header::from_bytes(workspace, &bytes).unwrap();
        let signed = [workspace.as_bytes(), bytes.as_slice()].concat();
        let key = SigningKey::from_bytes(&fixed(&vector, "signing_seed")).verifying_key();
        assert_eq!(header.device.as_bytes(), key.as_bytes());
        assert_signed(*header.device.as_bytes(), "bowline/entry/2", &signed, fixed(&vector, "signature"));
        assert_eq!(digest(&[&signed]), unhex(&vector, "entry_id"));
        assert_eq!(
            (digest(&[&body]), body.len()),
            (header.body_hash.as_bytes().to_vec(), header.body_len as usize)
        );
        let entry: SignedEntry = reencodes(&unhex(&vector, "entry"));
        assert_eq!(entry.verify(workspace).unwrap().id().as_bytes()[..], unhex(&vector, "entry_id"));
        // The additional data is the header's array with a shorter head and without its last three items.
        let tail = 17 + if header.body_len < 24 { 1 } else { 2 + usize::from(header.body_len > 255) } + 34;
        let expected = [&[0x90], &bytes[1..bytes.len() - tail]].concat();
        assert_eq!(unhex(&vector, "additional_data"), expected);
    }
}

#[test]
fn records_are_read_from_their_vectors() {
    for vector in list("records") {
        let record: Record = reencodes(&unhex(&vector, "body"));
        let name = vector["name"].as_str().unwrap();
        assert!(format!("{record:?}").starts_with(name), "{name}");
    }
}

#[test]
fn frames_are_read_from_their_vectors() {
    for vector in list("frames") {
        let frame: Frame = reencodes(&unhex(&vector, "frame"));
        let name = vector["name"].as_str().unwrap().split(' ').next().unwrap();
        assert!(format!("{frame:?}").starts_with(name), "{name}");
    }
}

#[test]
fn what_devices_consent_with_is_read_from_its_vectors() {
    for vector in list("confirms") {
        let _: Confirm = reencodes(&unhex(&vector, "body"));
    }
    for vector in list("adopted") {
        let _: Adopted = reencodes(&unhex(&vector, "sealed"));
        let header = Header::from_bytes(story().workspace(), &unhex(&vector, "adopting_header")).unwrap();
        let original: SignedEntry = reencodes(&unhex(&vector, "original"));
        let original = original.verify(story().workspace()).unwrap();
        assert_eq!(Adopted::open(&header, &unhex(&vector, "sealed")), Ok(vec![original]));
    }
}

#[test]
fn checkpoints_and_states_are_read_from_their_vectors() {
    for vector in list("checkpoints") {
        let _: Checkpoint = reencodes(&unhex(&vector, "body"));
    }
    for vector in list("states") {
        let state: State = reencodes(&unhex(&vector, "state"));
        let workspace = WorkspaceId::from_bytes(fixed(&vector, "workspace"));
        assert_eq!(state.digest(workspace).to_string(), vector["digest"]);
        let domain = b"bowline/checkpoint/1";
        let digest = Sha256::digest([&domain[..], workspace.as_bytes(), &unhex(&vector, "state")].concat());
        assert_eq!(hex::encode(digest), vector["digest"]);
    }
}

#[test]
fn heads_follow_from_the_formulas() {
    for vector in list("heads") {
        if vector["tip"].is_string() {
            let _: ChainTip = reencodes(&unhex(&vector, "tip"));
            continue;
        }
        let head: Head = reencodes(&unhex(&vector, "head"));
        let seen: SeenHead = reencodes(&unhex(&vector, "seen"));
        assert_eq!(head.workspace.to_string(), vector["workspace"]);
        assert_eq!(head.log.to_string(), vector["log"]);
        assert_eq!(head.position.0, vector["position"]);
        assert_eq!(head.hash.to_string(), vector["hash"]);
        assert_eq!((seen.log, seen.position, seen.hash), (head.log, head.position, head.hash));
        assert_signed(
            *head.log.as_bytes(),
            "bowline/head/1",
            &unhex(&vector, "head"),
            fixed(&vector, "signature"),
        );
        assert_eq!(seen.signature.as_bytes(), &fixed::<64>(&vector, "signature"));
        assert!(seen.verify(head.workspace).is_ok());
    }
}

#[test]
fn hash_chains_follow_from_the_formulas() {
    let chains = read("chains");
    let workspace = digest(&[&unhex(&chains, "genesis_body")]);
    let within = WorkspaceId::from_slice(&workspace).unwrap();
    assert_eq!(unhex(&chains, "workspace"), workspace);
    let user = digest(&[b"bowline/user/1", &unhex(&chains, "first_device")]);
    assert_eq!(unhex(&chains, "first_user"), user[..16]);
    assert_eq!(unhex(&chains, "first_epoch"), unhex(&chains["entries"][0], "entry_id")[..16]);

    let mut log_hash = digest(&[b"bowline/log/1/new", &workspace, &unhex(&chains, "log")]);
    assert_eq!(unhex(&chains, "log_hash_0"), log_hash);
    let mut roster_hash = vec![0; 32];
    let mut points = chains["roster"].as_array().unwrap().iter();
    let mut roster = Roster::new(WorkspaceId::from_bytes(workspace.try_into().unwrap()));
    for (position, step) in (1..).map(Position).zip(chains["entries"].as_array().unwrap()) {
        let entry = reencodes::<SignedEntry>(&unhex(step, "entry")).verify(within).unwrap();
        let id = entry.id();
        assert_eq!(unhex(step, "entry_id"), id.as_bytes());
        let millis = step["time"].as_u64().unwrap();
        let (at, time) = (Moment { position, time: LogTime::new(millis).unwrap() }, millis.to_be_bytes());
        log_hash = digest(&[b"bowline/log/1", &log_hash, id.as_bytes(), &time]);
        assert_eq!(unhex(step, "log_hash"), log_hash);
        if roster.apply_entry(at, &entry) == Some(APPLIED) {
            roster_hash = digest(&[b"bowline/roster/1", &roster_hash, id.as_bytes()]);
            let point = points.next().unwrap();
            assert_eq!(
                (unhex(point, "roster_hash"), &point["position"]),
                (roster_hash.clone(), &json!(position.0))
            );
        }
    }
    assert_eq!(points.next(), None);
    assert_eq!(roster.hash().as_bytes()[..], roster_hash);
}

#[test]
fn sessions_follow_from_the_formulas() {
    for session in list("sessions") {
        let mut said = vec![0; 32];
        for (step, domain) in session["frames"].as_array().unwrap().iter().zip(OPENING) {
            let bytes = unhex(step, "frame");
            assert_eq!(unhex(step, "said_before"), said);
            if let Some(domain) = domain {
                // What is signed is the array of what was said and of the fields between number and signature.
                let fields = &bytes[3..bytes.len() - 66];
                let count = bytes[0] - 2;
                let message = [&[count, 0x58, 32], said.as_slice(), fields].concat();
                let key = SigningKey::from_bytes(&fixed(step, "signing_seed")).verifying_key();
                let signature = bytes[bytes.len() - 64..].try_into().unwrap();
                assert_signed(key.to_bytes(), domain, &message, signature);
            }
            said = digest(&[b"bowline/transcript/1", &said, &bytes]);
        }
    }
}

#[test]
fn successors_follow_from_the_formulas() {
    for vector in list("successors") {
        let workspace = WorkspaceId::from_bytes(fixed(&vector, "workspace"));
        let relay = fixed(&vector, "relay");
        let said: Vec<SaidSuccessor> = vector["successors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|said| reencodes(&hex::decode(said.as_str().unwrap()).unwrap()))
            .collect();
        match Succession::verify(workspace, &relay, &said) {
            Ok(chain) => {
                assert_eq!(vector["refused"], Value::Null);
                for (successor, said) in chain.successors().zip(&said) {
                    let bytes = encode(said);
                    let value = [&[0x85, 0x58, 0x20][..], workspace.as_bytes(), &bytes[1..104]].concat();
                    let signature = |at: usize| bytes[at..at + 64].try_into().unwrap();
                    let old = *successor.old.as_bytes();
                    if successor.position == Position::START {
                        assert_eq!(signature(106), [0; 64]);
                    } else {
                        assert_signed(old, "bowline/successor/1", &value, signature(106));
                    }
                    assert_signed(relay, "bowline/successor/relay/1", &value, signature(172));
                }
            }
            Err(why) => assert_eq!(vector["refused"], format!("{why:?}")),
        }
    }
}

/// The domains under which the frames of an opening are signed.
const OPENING: [Option<&str>; 4] =
    [None, Some("bowline/challenge/1"), Some("bowline/proof/2"), Some("bowline/welcome/1")];

#[test]
fn proofs_follow_from_the_formulas() {
    for vector in list("proofs") {
        let (message, domain) = (unhex(&vector, "message"), vector["domain"].as_str().unwrap());
        let key = SigningKey::from_bytes(&fixed(&vector, "signing_seed")).verifying_key();
        assert_eq!(key.to_bytes(), fixed(&vector, "public_key"));
        assert_signed(key.to_bytes(), domain, &message, fixed(&vector, "signature"));
    }
}
