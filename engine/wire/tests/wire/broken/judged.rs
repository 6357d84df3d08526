//! Judges the logs of vectors as a device does: in their order, runs as a whole, and past what may not stand there.

use bowline_wire::codec::decode;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::ids::*;
use bowline_wire::log::{Accepted, Log, Placed, Refusal};
use bowline_wire::roster::Outcome;
use bowline_wire::successor::Succession;
use serde_json::Value;

use super::{crowds, fixed, text, unhex};

/// Every refusal and void reason of the page, and what is wrong with a log whose time goes back.
pub(super) const RULES: [&str; 45] = [
    "WrongWorkspace",
    "NoRecord",
    "BadRecord",
    "NotGenesis",
    "ChainGap",
    "SeqTaken",
    "NotActive",
    "RunIncomplete",
    "JoinVoid",
    "RosterUnknown",
    "RosterStale",
    "RekeyDue",
    "WrongEpoch",
    "BadSeen",
    "Forked",
    "LivesSpent",
    "DocumentFull",
    "RecordsSpent",
    "LogTime",
    "Genesis",
    "AuthorNotActive",
    "NotOwner",
    "NotOwnUser",
    "NotOnHead",
    "NoTicket",
    "TicketNotOpen",
    "BadProof",
    "KeyReused",
    "WrongRecipients",
    "Outrun",
    "NotDue",
    "NotNewest",
    "Complained",
    "HandedOn",
    "TargetNotActive",
    "NotSpent",
    "NoComplaint",
    "NoEpoch",
    "GivenUp",
    "SelfRemoval",
    "LastOwnerDevice",
    "Recovery",
    "ForeignCut",
    "Full",
    "AfterUnknown",
];

/// Those of them that no vector breaks. An entry of another workspace is not signed as one of this; a Join is void for a reason of
/// its own; and a second Genesis is refused before a fold sees it.
pub(super) const WITHOUT_A_VECTOR: [&str; 3] = ["WrongWorkspace", "JoinVoid", "Genesis"];

/// What became of an entry, and the rule that it broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) word: String,
    pub(super) rule: Option<String>,
    /// Up to where it covers its document in this log, if it says that it covers anything and counts.
    pub(super) covers: Option<u64>,
}

impl Verdict {
    pub(super) fn of(word: &str, rule: Option<&str>) -> Self {
        Self { word: word.to_owned(), rule: rule.map(str::to_owned), covers: None }
    }

    pub(super) fn read(vector: &Value) -> Self {
        let covers = vector["covers"].as_u64();
        Self { covers, ..Self::of(text(vector, "verdict"), vector["rule"].as_str()) }
    }

    /// What became of an entry that stands on a log as it is with that.
    fn placed(placed: &Placed, entry: &Entry, log: &Log) -> Self {
        match placed.roster {
            None if log.roster().given_up().covers(entry.id(), entry.header()) => Self::of("given up", None),
            None => {
                let covers = (placed.covers > Position::START).then_some(placed.covers.0);
                Self { covers, ..Self::of("accepted", None) }
            }
            Some(Outcome::Applied { rekey_void: None }) => Self::of("applied", None),
            Some(Outcome::Applied { rekey_void: Some(why) }) => {
                Self::of("applied without its rekey", Some(&format!("{why:?}")))
            }
            Some(Outcome::Void(why)) => Self::of("void", Some(&format!("{why:?}"))),
            Some(Outcome::Unknown(_)) => Self::of("unknown", None),
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        let said = format!("{refusal:?}");
        let name = said.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        match refusal {
            Refusal::JoinVoid(why) => Self::of(name, Some(&format!("{why:?}"))),
            _ => Self::of(name, Some(name)),
        }
    }
}

/// A log that is being followed, with its hash at every position.
#[derive(Clone)]
pub(super) struct Followed {
    pub(super) log: Log,
    hashes: Vec<LogHash>,
}

impl Followed {
    pub(super) fn new(workspace: WorkspaceId, id: LogId, succession: &Succession) -> Self {
        let log = Log::begun(workspace, id, succession);
        Self { hashes: vec![log.head().hash], log }
    }

    fn hash_at(&self, position: Position) -> Option<LogHash> {
        self.hashes.get(usize::try_from(position.0).unwrap()).copied()
    }

    /// What becomes of entries that stand next on the log, in this order.
    pub(super) fn follow(&mut self, entries: &[(LogTime, Entry)]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        while let Some((time, entry)) = entries.get(verdicts.len()) {
            if *time < self.log.time() {
                verdicts.push(Verdict::of("not a log", Some("LogTime")));
                return verdicts;
            }
            let rest = &entries[verdicts.len()..];
            let checked = self.log.check(entry, *time, |position| self.hash_at(position));
            let (taken, judged) = match checked {
                Ok(accepted) => (1, Ok(vec![accepted])),
                Err(Refusal::RunIncomplete) => self.check_run(rest),
                Err(refusal) => (1, Err(refusal)),
            };
            verdicts.extend(self.settle(&rest[..taken], judged));
        }
        verdicts
    }

    /// What stands next of the chain, as far as the cut goes, judged as a whole.
    fn check_run<'e>(&self, rest: &'e [(LogTime, Entry)]) -> (usize, Result<Vec<Accepted<'e>>, Refusal>) {
        let first = rest[0].1.header();
        let most = usize::try_from(self.log.run_remaining(first).unwrap()).unwrap();
        let of_chain =
            rest.iter().take(most).take_while(|(_, entry)| entry.header().chain() == first.chain());
        let run: Vec<_> = of_chain.map(|(time, entry)| (*time, entry)).collect();
        (run.len(), self.log.check_run(&run, |position| self.hash_at(position)))
    }

    fn settle(
        &mut self,
        entries: &[(LogTime, Entry)],
        judged: Result<Vec<Accepted<'_>>, Refusal>,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        match judged {
            Ok(accepted) => {
                for accepted in accepted {
                    let entry = accepted.entry().clone();
                    let placed = self.log.append(accepted);
                    self.hashes.push(placed.hash);
                    verdicts.push(Verdict::placed(&placed, &entry, &self.log));
                }
            }
            Err(refusal) => {
                for (time, entry) in entries {
                    self.hashes.push(self.log.pass(entry.id(), *time).hash);
                    verdicts.push(Verdict::refused(&refusal));
                }
            }
        }
        verdicts
    }
}

fn entry_of(vector: &Value, workspace: WorkspaceId) -> (LogTime, Entry) {
    let time = LogTime::new(vector["time"].as_u64().unwrap()).unwrap();
    let entry: SignedEntry = decode(&unhex(vector, "entry")).unwrap();
    (time, entry.verify(workspace).unwrap())
}

/// Checks one vector: every entry of its log, and each of what may be offered next.
pub(super) fn assert_log(vector: &Value) {
    let workspace = WorkspaceId::from_bytes(fixed(vector, "workspace"));
    let list = |vector: &Value, name: &str| vector[name].as_array().unwrap().clone();
    let succession = match vector.get("successors") {
        Some(said) => {
            let said = said.as_array().unwrap().iter();
            let said: Vec<_> =
                said.map(|it| decode(&hex::decode(it.as_str().unwrap()).unwrap()).unwrap()).collect();
            Succession::verify(workspace, &fixed(vector, "relay"), &said).unwrap()
        }
        None => Succession::default(),
    };
    let mut followed = Followed::new(workspace, LogId::from_bytes(fixed(vector, "log")), &succession);
    let log = list(vector, "entries");
    let entries: Vec<_> = log.iter().map(|step| entry_of(step, workspace)).collect();
    let verdicts: Vec<_> = log.iter().map(Verdict::read).collect();
    assert_eq!(followed.follow(&entries), verdicts, "{}", text(vector, "name"));
    for (step, hash) in log.iter().zip(&followed.hashes[1..]) {
        assert_eq!(text(step, "log_hash"), hash.to_string());
    }
    assert_eq!(text(vector, "roster_hash"), followed.log.roster().hash().to_string());
    if let Some(crowd) = vector.get("crowd") {
        let (time, first) = entry_of(crowd, workspace);
        let timed: Vec<_> = crowds::all(crowd, first).into_iter().map(|entry| (time, entry)).collect();
        let verdicts = vec![Verdict::read(crowd); timed.len()];
        assert_eq!(followed.follow(&timed), verdicts, "{}", text(vector, "name"));
        assert_eq!(text(crowd, "log_hash"), followed.log.head().hash.to_string());
        assert_eq!(text(crowd, "roster_hash"), followed.log.roster().hash().to_string());
    }
    for next in list(vector, "next") {
        let offered: Vec<_> = list(&next, "entries").iter().map(|step| entry_of(step, workspace)).collect();
        let verdicts = followed.clone().follow(&offered);
        let name = format!("{}: {}", text(vector, "name"), text(&next, "name"));
        assert_eq!(verdicts, vec![Verdict::read(&next); offered.len()], "{name}");
    }
}
