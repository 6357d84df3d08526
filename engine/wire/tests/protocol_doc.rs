//! docs/PROTOCOL.md against the code: its tables, its formulas' labels and its hex examples.
//!
//! Longer than 500 lines because every table of the page is compared here, one test for each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bowline_wire::codec::DecodeError;
use bowline_wire::frame::{Challenge, FRAME_NUMBERS, Lookup, Proof, Reason, Welcome, Word};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::{EntryType, HEADER_FIELDS, Header};
use bowline_wire::holding::Holding;
use bowline_wire::ids::*;
use bowline_wire::limits::*;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::{Join, RECORD_NUMBERS};
use bowline_wire::roster::{PERMITTED, Void};
use bowline_wire::signed::Signable;
use bowline_wire::successor::Successor;
use serde_json::Value;

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(here().join(path)).unwrap()
}

fn document() -> String {
    text("../../docs/PROTOCOL.md")
}

/// The rows of the first table after the heading, without its own head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let document = document();
    let (_, after) =
        document.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let lines = after.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<Vec<String>> = lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() > 2, "no table under {heading}");
    rows[2..].to_vec()
}

fn columns<const N: usize>(heading: &str) -> Vec<[String; N]> {
    let pick = |row: Vec<String>| row[..N].to_vec().try_into().unwrap();
    table(heading).into_iter().map(pick).collect()
}

/// Numbers of fields in the golden vectors of this name, from the head of the array.
fn field_counts(file: &str, field: &str, name: &str) -> BTreeSet<usize> {
    let vectors: Value = serde_json::from_str(&text(format!("vectors/1/{file}.json"))).unwrap();
    let of_name = |vector: &&Value| vector["name"].as_str().unwrap().split(' ').next() == Some(name);
    let count = |vector: &Value| {
        let head = hex::decode(&vector[field].as_str().unwrap()[..2]).unwrap()[0];
        assert_eq!(head & 0xe0, 0x80, "an array of fewer than 24");
        usize::from(head & 0x1f)
    };
    vectors.as_array().unwrap().iter().filter(of_name).map(count).collect()
}

/// Compares a table of `[number, name, …, layout]` with the code's numbers and the vectors' shapes.
fn compare_numbered(rows: &[[String; 3]], numbers: &[(&str, u64)], file: &str, field: &str) {
    let named: Vec<_> =
        rows.iter().map(|[number, name, _]| (name.as_str(), number.parse().unwrap())).collect();
    assert_eq!(named, numbers);
    for [number, name, layout] in rows {
        let counts = field_counts(file, field, name);
        if layout == "reserved" {
            assert!(counts.is_empty(), "{name} is not reserved any more");
        } else {
            let fields = layout.strip_prefix('[').unwrap().strip_suffix(']').unwrap().split(", ").count();
            let begins = if file == "frames" { format!("[1, {number}") } else { format!("[{number}") };
            assert!(layout.starts_with(&begins), "{name}: {layout}");
            assert_eq!(counts, BTreeSet::from([fields]), "{name}: {layout}");
        }
    }
}

#[test]
fn header_fields() {
    let rows = columns::<2>("Header fields");
    let expected = HEADER_FIELDS.map(|(name, kind)| [name.to_owned(), kind.to_owned()]);
    assert_eq!(rows, expected);
    assert!(document().contains(&format!("An array of {}.", HEADER_FIELDS.len())));
}

#[test]
fn entry_types() {
    let expected = EntryType::NAMED.map(|(name, entry_type)| {
        let lane = match entry_type.lane() {
            Some(Lane::Control) => "control",
            Some(Lane::Content) => "content",
            None => "either",
        };
        let acted_on = if entry_type.is_understood() { "yes" } else { "reserved" };
        [entry_type.number().to_string(), name.to_owned(), lane.to_owned(), acted_on.to_owned()]
    });
    assert_eq!(columns::<4>("Entry types"), expected);
}

#[test]
fn records() {
    compare_numbered(&columns::<3>("Records"), &RECORD_NUMBERS, "records", "body");
}

#[test]
fn frames() {
    let rows = columns::<4>("Frames");
    let rows: Vec<_> = rows.into_iter().map(|[number, name, _, layout]| [number, name, layout]).collect();
    compare_numbered(&rows, &FRAME_NUMBERS, "frames", "frame");
}

#[test]
fn reasons() {
    let expected = Reason::NAMED.map(|(name, number, reason)| {
        let transient = if reason.is_transient() { "yes" } else { "no" };
        [number.to_string(), name.to_owned(), transient.to_owned()]
    });
    assert_eq!(columns::<3>("Reasons"), expected);
}

#[test]
fn ids() {
    let lengths = [
        ("WorkspaceId", WorkspaceId::LEN),
        ("DeviceId", DeviceId::LEN),
        ("UserId", UserId::LEN),
        ("Incarnation", Incarnation::LEN),
        ("EntryId", EntryId::LEN),
        ("LogId", LogId::LEN),
        ("RelayId", RelayId::LEN),
        ("LineKey", LineKey::LEN),
        ("LogHash", LogHash::LEN),
        ("RosterHash", RosterHash::LEN),
        ("Commitment", Commitment::LEN),
        ("EpochId", EpochId::LEN),
        ("WireDoc", WireDoc::LEN),
        ("Salt", Salt::LEN),
        ("BodyHash", BodyHash::LEN),
        ("SnapshotDigest", SnapshotDigest::LEN),
        ("StateDigest", StateDigest::LEN),
        ("TicketKey", TicketKey::LEN),
        ("Signature", Signature::LEN),
    ];
    let expected = lengths.map(|(name, len)| [name.to_owned(), len.to_string()]);
    assert_eq!(columns::<2>("1. Encoding"), expected);
    // All of the source's, but the one that never travels in the clear.
    let source = text("src/ids.rs");
    let declared: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.trim().split_once(", ").filter(|(_, len)| len.parse::<usize>().is_ok()))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "DocId")
        .collect();
    assert_eq!(declared, lengths.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn suites() {
    let expected = Suite::ALL.map(|suite| [suite.number().to_string(), suite.key_len().to_string()]);
    assert_eq!(columns::<2>("Suites"), expected);
}

#[test]
fn limits() {
    let values = [
        ("MAX_FRAME", MAX_FRAME as u64),
        ("MAX_BODY", MAX_BODY as u64),
        ("MAX_HEADER", MAX_HEADER as u64),
        ("MAX_FREED", MAX_FREED as u64),
        ("MAX_STATE_ROWS", MAX_STATE_ROWS as u64),
        ("MAX_STATE", MAX_STATE),
        ("MAX_STATE_PIECE", MAX_STATE_PIECE as u64),
        ("MAX_WORDS", MAX_WORDS as u64),
        ("MAX_CUT", MAX_CUT as u64),
        ("MAX_GIVEN_UP", MAX_GIVEN_UP as u64),
        ("MAX_RECIPIENTS", MAX_RECIPIENTS as u64),
        ("MAX_EPOCHS", MAX_EPOCHS as u64),
        ("MAX_EPOCHS_OF_OTHERS", MAX_EPOCHS_OF_OTHERS as u64),
        ("MAX_ANSWERS", MAX_ANSWERS as u64),
        ("MAX_SEALED_HISTORY", MAX_SEALED_HISTORY as u64),
        ("MAX_SEALED_FILL", MAX_SEALED_FILL as u64),
        ("MAX_WRAP", MAX_WRAP as u64),
        ("MAX_ENTRIES_PER_FRAME", MAX_ENTRIES_PER_FRAME as u64),
        ("MAX_VERSIONS", MAX_VERSIONS as u64),
        ("MAX_CAPABILITIES", MAX_CAPABILITIES as u64),
        ("MAX_CAPABILITY", MAX_CAPABILITY as u64),
        ("MAX_TOKEN", MAX_TOKEN as u64),
        ("MAX_REASON_TEXT", MAX_REASON_TEXT as u64),
        ("MAX_PAYLOAD", MAX_PAYLOAD as u64),
        ("PART_LEN", PART_LEN as u64),
        ("FREE_EXPANSION", FREE_EXPANSION as u64),
        ("MAX_EXPANSION", MAX_EXPANSION as u64),
        ("MAX_PARTS", u64::from(MAX_PARTS)),
        ("MAX_LIVES", MAX_LIVES as u64),
        ("LIFE_INTERVAL", LIFE_INTERVAL),
        ("MAX_RECORD_BYTES", MAX_RECORD_BYTES),
        ("OPERATION_WEIGHT", OPERATION_WEIGHT),
        ("MAX_DOCUMENT_WEIGHT", MAX_DOCUMENT_WEIGHT),
        ("MEMBER_WEIGHT", MEMBER_WEIGHT),
        ("MAX_SUCCESSORS", MAX_SUCCESSORS as u64),
        ("MAX_HOLDINGS_PER_FRAME", MAX_HOLDINGS_PER_FRAME as u64),
        ("MAX_BODIES_PER_FRAME", MAX_BODIES_PER_FRAME as u64),
        ("MAX_FOUND", MAX_FOUND as u64),
        ("MAX_CONFIRM_ROWS", MAX_CONFIRM_ROWS as u64),
        ("MAX_WORDS_ASKED", MAX_WORDS_ASKED as u64),
        ("MAX_ORIGINALS", MAX_ORIGINALS as u64),
        ("HOLDING_INTERVAL", HOLDING_INTERVAL),
        ("MAX_EVIDENCE_STEPS", MAX_EVIDENCE_STEPS as u64),
        ("MAX_ADDRESS", MAX_ADDRESS as u64),
        ("LINK_LIFETIME", LINK_LIFETIME),
        ("MAX_LINK_LIFETIME", MAX_LINK_LIFETIME),
        ("RECOVERY_SETTLES", RECOVERY_SETTLES),
        ("INVITE_LIFETIME", INVITE_LIFETIME),
        ("MAX_INVITE_LIFETIME", MAX_INVITE_LIFETIME),
    ];
    // Name and unit from the source: the first word of what is said about each.
    let source = text("src/limits.rs");
    let mut unit = None;
    let mut declared = Vec::new();
    for line in source.lines() {
        if let Some(said) = line.strip_prefix("/// ") {
            unit = unit.or(said.split(' ').next());
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            declared.push((rest.split(':').next().unwrap(), unit.take().unwrap().to_lowercase()));
        }
    }
    let names: Vec<_> = declared.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, values.map(|(name, _)| name), "limits.rs and this test");
    let expected: Vec<_> = values
        .iter()
        .zip(&declared)
        .map(|((name, value), (_, unit))| [(*name).to_owned(), value.to_string(), unit.clone()])
        .collect();
    assert_eq!(columns::<3>("8. Limits"), expected);
}

/// Every reason; a new one does not compile until it is listed here and numbered.
fn void_reasons() -> Vec<Void> {
    let all = vec![
        Void::Genesis,
        Void::AuthorNotActive,
        Void::NotOwner,
        Void::NotOwnUser,
        Void::NotOnHead,
        Void::NoTicket,
        Void::TicketNotOpen,
        Void::BadProof,
        Void::KeyReused,
        Void::WeakSuite,
        Void::WrongRecipients,
        Void::Outrun,
        Void::NotDue,
        Void::NotNewest,
        Void::Complained,
        Void::HandedOn,
        Void::NotOffered,
        Void::TargetNotActive,
        Void::SelfRemoval,
        Void::LastOwnerDevice,
        Void::Recovery,
        Void::ForeignCut,
        Void::Full,
        Void::AfterUnknown,
        Void::NotSpent,
        Void::NoComplaint,
        Void::NoEpoch,
        Void::GivenUp,
    ];
    let number = |void: &Void| match void {
        Void::Genesis => 0,
        Void::AuthorNotActive => 1,
        Void::NotOwner => 2,
        Void::NotOwnUser => 3,
        Void::NotOnHead => 4,
        Void::NoTicket => 5,
        Void::TicketNotOpen => 6,
        Void::BadProof => 7,
        Void::KeyReused => 8,
        Void::WeakSuite => 9,
        Void::WrongRecipients => 10,
        Void::Outrun => 11,
        Void::NotDue => 12,
        Void::NotNewest => 13,
        Void::Complained => 14,
        Void::HandedOn => 15,
        Void::NotOffered => 16,
        Void::TargetNotActive => 17,
        Void::SelfRemoval => 18,
        Void::LastOwnerDevice => 19,
        Void::Recovery => 20,
        Void::ForeignCut => 21,
        Void::Full => 22,
        Void::AfterUnknown => 23,
        Void::NotSpent => 24,
        Void::NoComplaint => 25,
        Void::NoEpoch => 26,
        Void::GivenUp => 27,
    };
    assert!(all.iter().map(number).eq(0..all.len()));
    all
}

#[test]
fn void_records() {
    let expected: Vec<_> = void_reasons().iter().map(|void| [format!("{void:?}")]).collect();
    assert_eq!(columns::<1>("Void reasons"), expected);
}

#[test]
fn roles() {
    let said = |may: bool| if may { "yes" } else { "no" }.to_owned();
    let expected: Vec<_> = PERMITTED
        .iter()
        .map(|(_, what, owner, member)| [(*what).to_owned(), said(*owner), said(*member)])
        .collect();
    assert_eq!(columns::<3>("Roles"), expected);
}

/// Every refusal; likewise.
fn refusals() -> Vec<(&'static str, Refusal)> {
    let head = SeenHead {
        log: LogId::ZERO,
        position: Position::START,
        hash: LogHash::ZERO,
        signature: Signature::ZERO,
    };
    let all = vec![
        Refusal::WrongWorkspace,
        Refusal::BadRecord(DecodeError::NotCanonical),
        Refusal::NoRecord,
        Refusal::ChainGap,
        Refusal::SeqTaken { seq: 1 },
        Refusal::NotActive,
        Refusal::RunIncomplete,
        Refusal::JoinVoid(Void::NoTicket),
        Refusal::NotGenesis,
        Refusal::RosterUnknown,
        Refusal::RosterStale,
        Refusal::RekeyDue,
        Refusal::WrongEpoch,
        Refusal::BadSeen,
        Refusal::Forked(Box::new(head)),
        Refusal::LivesSpent,
        Refusal::DocumentFull,
        Refusal::RecordsSpent,
    ];
    let name = |refusal: &Refusal| match refusal {
        Refusal::WrongWorkspace => "WrongWorkspace",
        Refusal::BadRecord(_) => "BadRecord",
        Refusal::NoRecord => "NoRecord",
        Refusal::ChainGap => "ChainGap",
        Refusal::SeqTaken { .. } => "SeqTaken",
        Refusal::NotActive => "NotActive",
        Refusal::RunIncomplete => "RunIncomplete",
        Refusal::JoinVoid(_) => "JoinVoid",
        Refusal::NotGenesis => "NotGenesis",
        Refusal::RosterUnknown => "RosterUnknown",
        Refusal::RosterStale => "RosterStale",
        Refusal::RekeyDue => "RekeyDue",
        Refusal::WrongEpoch => "WrongEpoch",
        Refusal::BadSeen => "BadSeen",
        Refusal::Forked(_) => "Forked",
        Refusal::LivesSpent => "LivesSpent",
        Refusal::DocumentFull => "DocumentFull",
        Refusal::RecordsSpent => "RecordsSpent",
    };
    all.into_iter().map(|refusal| (name(&refusal), refusal)).collect()
}

#[test]
fn acceptance_rules_name_every_refusal_and_its_reason() {
    let reason = |refusal: &Refusal| format!("{:?}", Reason::from(refusal));
    let expected: Vec<_> =
        refusals().iter().map(|(name, refusal)| [(*name).to_owned(), reason(refusal)]).collect();
    assert_eq!(columns::<2>("Refusals"), expected);

    let document = document();
    let (_, rules) = document.split_once("## 5. Acceptance").unwrap();
    let (rules, _) = rules.split_once("**Runs.**").unwrap();
    let is_name =
        |word: &&str| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
    let named: BTreeSet<_> = rules.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert_eq!(named, refusals().iter().map(|(name, _)| *name).collect());
    let numbers: Vec<_> =
        rules.lines().filter_map(|line| line.split_once(". ")?.0.parse::<u32>().ok()).collect();
    assert!(numbers.iter().copied().eq(1..=14), "{numbers:?}");
}

/// The files of negative vectors that break rules of form.
const FORMS: [&str; 5] = ["entries", "frames", "heads", "records", "signatures"];

/// The files of those that are about logs.
const LOGS: [&str; 3] = ["continued", "logs", "rosters"];

fn broken(files: &[&str]) -> Vec<Value> {
    let read = |file: &&str| -> Vec<Value> {
        serde_json::from_str(&text(format!("vectors/1/broken/{file}.json"))).unwrap()
    };
    files.iter().flat_map(read).collect()
}

fn words<'v>(vectors: impl IntoIterator<Item = &'v Value>, field: &str) -> BTreeSet<String> {
    vectors.into_iter().filter_map(|vector| vector[field].as_str()).map(str::to_owned).collect()
}

/// The second table under "Header fields": what a header has to keep.
fn header_rules() -> BTreeSet<String> {
    let document = document();
    let (_, after) = document.split_once("unless it keeps these rules as well:\n").unwrap();
    let rows = after.lines().skip(3).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

#[test]
fn rules_of_form_are_those_that_the_broken_vectors_break() {
    let named: BTreeSet<_> = columns::<1>("Rules of form").into_iter().map(|[rule]| rule).collect();
    assert_eq!(words(&broken(&FORMS), "rule"), &named | &header_rules());
    let verdicts: BTreeSet<_> = ["malformed", "BadRecord"].map(str::to_owned).into();
    assert_eq!(words(&broken(&FORMS), "verdict"), verdicts);
}

#[test]
fn broken_logs_come_to_refusals_and_to_the_verdicts_of_the_page() {
    let logs = broken(&LOGS);
    let steps: Vec<_> = logs
        .iter()
        .flat_map(|log| [&log["entries"], &log["next"]])
        .flat_map(|list| list.as_array().unwrap())
        .collect();
    let of_page: BTreeSet<_> = columns::<1>("Vectors").into_iter().map(|[verdict]| verdict).collect();
    let refusals: BTreeSet<_> = columns::<1>("Refusals").into_iter().map(|[refusal]| refusal).collect();
    let verdicts = words(steps.iter().copied(), "verdict");
    assert!(of_page.is_subset(&verdicts), "{verdicts:?}");
    assert!(verdicts.is_subset(&(&of_page | &refusals)), "{verdicts:?}");
    let reasons: BTreeSet<_> = columns::<1>("Void reasons").into_iter().map(|[reason]| reason).collect();
    let rules = &words(steps.iter().copied(), "rule") - &BTreeSet::from(["LogTime".to_owned()]);
    assert!(rules.is_subset(&(&refusals | &reasons)), "{rules:?}");
}

/// The number that a constant of a source file has.
fn constant(source: &str, name: &str) -> usize {
    let source = text(source);
    let (_, after) = source.split_once(&format!("const {name}: usize = ")).unwrap();
    after.split(';').next().unwrap().parse().unwrap()
}

#[test]
fn payload_fields_keep_to_the_limits_of_the_code() {
    let rows = columns::<3>("Payload fields");
    let said = |field: &str| rows.iter().find(|[name, ..]| name == field).unwrap().join(" ");
    let limits = "../core/src/document/limits.rs";
    for (field, unit, source, name) in [
        ("heads", "", "../core/src/payload.rs", "MAX_HEADS"),
        ("title", " bytes", limits, "SUMMARY_TITLE_MAX"),
        ("preview", " bytes", limits, "SUMMARY_PREVIEW_MAX"),
        ("marks", " labels", limits, "CLAIMED_LABELS_MAX"),
        ("marks", " bytes", limits, "NAME_MAX"),
    ] {
        let limit = format!("at most {}{unit}", constant(source, name));
        assert!(said(field).contains(&limit), "{field}: {limit}");
    }
    let items = constant("../core/src/payload.rs", "ITEMS_BEFORE_MARKS");
    assert_eq!(rows.len(), items + 1);
    assert!(said("marks").contains(&format!("arrays of {items}")));
}

/// Every string of ours in a source file, without tests.
fn labels(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    code.flat_map(quoted).filter(|text| text.starts_with("bowline/")).collect()
}

/// Domains of entries of draft 0, and of Joins up to draft 2, which this page is not about.
const BEFORE: [&str; 2] = ["bowline/entry/1", "bowline/join/1"];

/// Every string of ours that the engine's shipped code holds.
fn engine_labels() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = ["wire", "crypto", "core", "device", "import"]
        .iter()
        .map(|name| here().join("..").join(name).join("src"))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs")
                && path.file_stem().is_some_and(|it| it != "tests")
            {
                found.extend(labels(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(BEFORE.iter().all(|before| found.remove(*before)));
    found
}

#[test]
fn domains_and_labels() {
    let rows = columns::<2>("Domains and labels");
    let listed = |kind: &str| -> BTreeSet<String> {
        let of_kind = rows.iter().filter(|[_, used_for]| used_for.starts_with(kind));
        of_kind.map(|[label, _]| label.trim_matches('`').to_owned()).collect()
    };
    let domains = [
        Header::DOMAIN,
        Head::DOMAIN,
        Join::PROOF_DOMAIN,
        Challenge::DOMAIN,
        Proof::DOMAIN,
        Welcome::DOMAIN,
        Lookup::DOMAIN,
        Holding::DOMAIN,
        Successor::DOMAIN,
        Successor::RELAY_DOMAIN,
    ];
    let domains = domains.map(|domain| String::from_utf8(domain.to_vec()).unwrap());
    assert_eq!(listed("signature"), BTreeSet::from(domains));
    let files = ["src/hash.rs", "src/ids.rs", "src/frame/word.rs"];
    let prefixes: BTreeSet<String> = files.iter().flat_map(|file| labels(&text(file))).collect();
    assert_eq!(listed("prefix"), prefixes);
    let derived = &listed("derivation") | &listed("HPKE");
    let in_crypto = labels(&text("../crypto/src/derive.rs"));
    assert!(derived.is_subset(&in_crypto));
    // Whatever else the engine hashes or derives under a name of ours is a hash that others compute, or local.
    let known = &(&listed("signature") | &prefixes) | &derived;
    let others: BTreeSet<_> = &engine_labels() - &known;
    assert_eq!(&listed("hash") | &listed("local"), others);
    let compared = known.len() + others.len();
    assert_eq!(rows.len(), compared, "a label of a kind that is not compared");
    // The formulas use what the table lists.
    let document = document();
    let in_formulas = document.lines().filter(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n");
    for label in derived.iter().chain(&listed("prefix")).filter(|label| !label.contains("/user/")) {
        assert!(in_formulas.contains(&format!("\"{label}\"")), "{label} is in no formula");
    }
}

#[test]
fn hex_examples() {
    let document = document();
    let blocks: Vec<_> =
        document.split("```hex\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 10);
    for block in blocks {
        let mut lines = block.lines();
        let source: Vec<_> = lines.next().unwrap().split(" / ").collect();
        let [file, name, field] = source[..] else {
            panic!("{source:?} does not say where it is from");
        };
        let hex: String = lines.flat_map(|line| line.split('#').next().unwrap().split_whitespace()).collect();
        let vectors: Value = serde_json::from_str(&text(format!("vectors/1/{file}.json"))).unwrap();
        let vector = match vectors.as_array() {
            Some(list) => list.iter().find(|vector| vector["name"] == name).unwrap(),
            None => &vectors,
        };
        assert_eq!(vector[field], hex, "{source:?}");
    }
}
