//! One deed of an audit, in words and for programs.

use std::fmt;

use bowline_engine::device::{Audited, Counts, Did, GaveUp, MemberStatus};
use bowline_engine::document::Visibility;
use bowline_engine::ids::{DeviceId, Millis, UserId};
use serde::{Serialize, Serializer};

use crate::documents::{count_entries, counted, title};
use crate::error::{put_aside, relay_says};
use crate::ids::Prefixes;
use crate::text::{OneLine, count, grouped};
use crate::time::{iso, moment};
use crate::workspaces::Called;

/// What somebody did, in the word of JSON and of `--what`.
pub(super) const fn word(did: Did) -> &'static str {
    match did {
        Did::Created => "created",
        Did::Invited => "invited",
        Did::Linked => "linked",
        Did::Closed => "closed",
        Did::Joined => "joined",
        Did::Removed => "removed",
        Did::Left => "left",
        Did::Rekeyed => "rekeyed",
        Did::Complained => "complained",
        Did::HandedKeysOn => "handed_keys_on",
        Did::Offered => "offered",
        Did::TookOver => "took_over",
        Did::Moved => "moved",
        Did::Allowed => "allowed",
        Did::GaveUp => "gave_up",
        Did::Shared => "shared",
        Did::Edited => "edited",
        Did::Erased => "erased",
        Did::Other => "other",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over by reference")]
fn as_word<S: Serializer>(did: &Did, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(word(*did))
}

/// What people, devices and documents are called.
pub(super) struct Names<'n> {
    pub(super) called: &'n Called,
    pub(super) members: &'n [MemberStatus],
    pub(super) documents: &'n Prefixes,
}

/// A person or device.
#[derive(Serialize)]
struct Party {
    user: Option<String>,
    user_name: Option<String>,
    device: Option<String>,
    device_name: Option<String>,
    #[serde(skip)]
    shown: String,
}

#[derive(Serialize)]
struct Document {
    id: String,
    kind: &'static str,
    name: String,
    #[serde(skip)]
    shown: String,
}

/// One deed.
#[derive(Serialize)]
pub(super) struct Row {
    /// Where the entry stands; `None` if it has no place on the log.
    position: Option<u64>,
    /// The log's time there.
    time: Option<String>,
    who: Party,
    #[serde(serialize_with = "as_word")]
    what: Did,
    /// Whether it counts, in a word.
    standing: &'static str,
    /// Why it does not, or not all of it.
    why: Option<String>,
    document: Option<Document>,
    /// The document's id in the log, where nothing is known of it here.
    document_in_log: Option<String>,
    /// The code that was made, closed or used.
    code: Option<String>,
    /// Who had made the code that was used.
    let_in_by: Option<Party>,
    /// Whom a removal struck.
    whom: Vec<Party>,
    /// Whether new keys began with it.
    new_keys: bool,
    entry: String,
    entry_type: String,
    /// The type of a roster record.
    record: Option<String>,
    /// How many entries and epochs were given up.
    #[serde(skip)]
    given_up: GaveUp,
    #[serde(skip)]
    at: Option<Millis>,
    /// How many edits this line stands for, and when the last was.
    #[serde(skip)]
    edits: (u64, Option<Millis>),
}

impl Names<'_> {
    fn user_of(&self, device: DeviceId) -> Option<UserId> {
        self.members.iter().find(|member| member.device == device).map(|member| member.user)
    }

    fn party(&self, device: DeviceId, user: Option<UserId>) -> Party {
        let user = user.or_else(|| self.user_of(device));
        let shown = match user {
            Some(user) => format!("{} on {}", self.called.user(user), self.called.device(device)),
            None => self.called.device(device),
        };
        Party {
            user: user.map(|user| user.to_string()),
            user_name: user.and_then(|user| self.called.user_name(user)).map(str::to_owned),
            device: Some(device.to_string()),
            device_name: self.called.device_name(device).map(str::to_owned),
            shown,
        }
    }

    fn person(&self, user: UserId) -> Party {
        Party {
            user: Some(user.to_string()),
            user_name: self.called.user_name(user).map(str::to_owned),
            device: None,
            device_name: None,
            shown: self.called.user(user),
        }
    }

    /// The row of an entry.
    pub(super) fn row(&self, told: &Audited) -> Row {
        let (standing, why) = standing(&told.counts);
        let document = told.document.as_ref().map(|it| Document {
            id: it.id.to_string(),
            kind: counted(it.kind, 1),
            name: it.title.clone(),
            shown: if it.kind.visibility() == Visibility::Hidden {
                "the names of people and devices".to_owned()
            } else {
                format!(
                    "{} \"{}\" ({})",
                    counted(it.kind, 1),
                    title(&it.title),
                    self.documents.shorten(it.id)
                )
            },
        });
        let mut whom: Vec<Party> = told.devices.iter().map(|device| self.party(*device, None)).collect();
        if whom.is_empty() {
            whom.extend(told.member.map(|user| self.person(user)));
        }
        let at = told.time.map(bowline_engine::ids::LogTime::millis);
        Row {
            position: told.position.map(|position| position.0),
            time: at.and_then(iso),
            who: self.party(told.device, told.user),
            what: told.did,
            standing,
            why,
            document_in_log: told.wire.filter(|_| document.is_none()).map(|wire| wire.to_string()),
            document,
            code: told.code.map(|code| code.to_string()),
            let_in_by: told.let_in_by.map(|device| self.party(device, None)),
            whom,
            new_keys: told.new_key,
            entry: told.entry.to_string(),
            entry_type: told.entry_type.clone(),
            record: told.record.clone(),
            given_up: told.given_up,
            at,
            edits: (1, at),
        }
    }
}

/// Whether an entry counts, in a word, and why not.
fn standing(counts: &Counts) -> (&'static str, Option<String>) {
    let why = |text: &str| Some(text.to_owned());
    match counts {
        Counts::Whole => ("counts", None),
        Counts::InPart(why) => ("in_part", Some(put_aside(why))),
        Counts::Void(void) => ("void", Some(void.to_string())),
        Counts::PutAside(why) => ("put_aside", Some(put_aside(why))),
        Counts::Refused(reason) => ("refused", Some(relay_says(*reason))),
        Counts::UpdateNeeded => ("update_needed", why("a newer version wrote it")),
        Counts::Withheld => ("withheld", why("the relay holds back what is in it")),
        Counts::SentAgain => ("sent_again", why("the relay has lost it, and gets it again")),
        Counts::Apart => ("apart", why("the relay's log lacks it; it is in sight on this device alone")),
    }
}

impl Row {
    /// Takes another edit of the same document by the same device into this line, if it is one.
    pub(super) fn takes(&mut self, next: &Self) -> bool {
        let is_edit = |row: &Self| row.what == Did::Edited && row.standing == "counts";
        let document =
            |row: &Self| row.document.as_ref().map(|it| it.id.clone()).or(row.document_in_log.clone());
        let same = self.who.device == next.who.device && document(self) == document(next);
        let takes = is_edit(self) && is_edit(next) && same;
        if takes {
            self.edits = (self.edits.0 + 1, next.at);
        }
        takes
    }

    /// What was given up, and whose words.
    fn write_given_up(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GaveUp { entries, epochs } = self.given_up;
        let whose = self.whom.iter().map(|party| party.shown.as_str()).collect::<Vec<_>>().join(", ");
        let of = if whose.is_empty() { String::new() } else { format!(" of {whose}") };
        let entries = (entries > 0).then(|| format!("{}{of}", count_entries(entries as u64)));
        let epochs = (epochs > 0).then(|| format!("what was written under {}", count(epochs, "lost key")));
        write!(f, "gave up {}", entries.into_iter().chain(epochs).collect::<Vec<_>>().join(", and "))
    }

    fn write_deed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().map(|code| code.get(..8).unwrap_or(code)).unwrap_or_default();
        let document = match (&self.document, &self.document_in_log) {
            (Some(it), _) => it.shown.clone(),
            (None, Some(wire)) => format!("document {} of the log", wire.get(..8).unwrap_or(wire)),
            (None, None) => "a document".to_owned(),
        };
        // Who leaves goes along with those whom they take with them.
        let others = self.whom.iter().filter(|party| party.device != self.who.device);
        let whom = others.map(|party| party.shown.as_str()).collect::<Vec<_>>().join(", ");
        match self.what {
            Did::Created => write!(f, "made the workspace"),
            Did::Invited => write!(f, "made a code for another person ({code})"),
            Did::Linked => write!(f, "made a code for another device ({code})"),
            Did::Closed => write!(f, "closed a code ({code})"),
            Did::Joined => match &self.let_in_by {
                Some(by) => write!(f, "came in with a code ({code}) by {}", by.shown),
                None => write!(f, "came in with a code ({code})"),
            },
            Did::Removed => write!(f, "removed {whom}"),
            Did::Left if whom.is_empty() => write!(f, "left"),
            Did::Left => write!(f, "left with {whom}"),
            Did::Rekeyed => write!(f, "began new keys"),
            Did::Complained => write!(f, "asked for new keys, for want of one"),
            Did::HandedKeysOn => write!(f, "handed keys on to devices that lacked them"),
            Did::Offered if self.whom.iter().any(|party| party.user == self.who.user) => {
                write!(f, "took the offer of ownership back")
            }
            Did::Offered => write!(f, "offered the ownership to {whom}"),
            Did::TookOver => write!(f, "took the ownership over"),
            Did::Moved => write!(f, "moved the workspace to another relay"),
            Did::Allowed => write!(f, "allowed {whom} to write more about people and keys"),
            Did::GaveUp => self.write_given_up(f),
            Did::Shared => write!(f, "shared {document}"),
            Did::Edited => match self.edits {
                (1, _) => write!(f, "edited {document}"),
                (n, last) => {
                    let until = last.map(|last| format!(" until {}", moment(last))).unwrap_or_default();
                    write!(f, "edited {document} {} times{until}", grouped(n))
                }
            },
            Did::Erased => write!(f, "erased {document}"),
            Did::Other => {
                let record = self.record.as_deref().unwrap_or(&self.entry_type);
                write!(f, "wrote an entry of another type ({})", OneLine(record))
            }
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.map_or_else(|| "at no place on the log".to_owned(), moment);
        write!(f, "{at}  {} ", self.who.shown)?;
        self.write_deed(f)?;
        if self.new_keys && self.what == Did::Removed {
            write!(f, "; new keys")?;
        }
        if let Some(why) = &self.why {
            let what = match self.standing {
                "in_part" => "counts in part",
                "withheld" | "sent_again" => "on its way",
                _ => "does not count",
            };
            write!(f, " [{what}: {}]", OneLine(why))?;
        }
        writeln!(f)
    }
}
