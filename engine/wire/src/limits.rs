//! Every limit of the protocol, with the reason for its size. The first word about each is its unit: PROTOCOL.md prints
//! this table, and a test compares the two.

/// Bytes of one frame. Large enough that a cold sync is not bound by frames, small enough that a relay can hold one
/// per connection.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Bytes of one body. Leaves room in a frame for the header and the envelope; what does not fit travels in parts.
pub const MAX_BODY: usize = 768 * 1024;

/// Bytes of one header. The longest that this version writes has 416; the rest is room for what later ones add.
pub const MAX_HEADER: usize = 1024;

/// Sums that one checkpoint may free, 40 bytes each, so that they fit one body. What is more goes with the next one.
pub const MAX_FREED: usize = 1 << 14;

/// Rows of each list in the state of a log: entries, documents, chains. A log of a million conversations has as many.
pub const MAX_STATE_ROWS: usize = 1 << 24;

/// Bytes of a state: those of some 200,000 documents. Whoever begins from one has all of it in memory at once, and so has a relay for a moment.
pub const MAX_STATE: u64 = 32 << 20;

/// Bytes of a state in one frame. The rest of the frame is room for the envelope, and a relay sends other frames between two pieces.
pub const MAX_STATE_PIECE: usize = 512 * 1024;

/// Devices whose word about the checkpoint that is open is kept: all that were ever in while it was.
pub const MAX_WORDS: usize = 1 << 20;

/// Chains that one removal may name in its cut, about 80 bytes each.
pub const MAX_CUT: usize = 1024;

/// Ids in each list of one Lost: of epochs with 17 bytes and of entries with 34, so that the two take 52 kB at most. Whoever has more to give
/// up writes another.
pub const MAX_GIVEN_UP: usize = 1024;

/// Recipients of one rekey: active devices and open invites and links of a workspace together. Each gets a wrap of 1,174
/// bytes under X-Wing, and the rekey has to fit one body, in a removal with the cut of all chains.
pub const MAX_RECIPIENTS: usize = 256;

/// Epochs in one workspace: each adds 32 bytes to the sealed history that a rekey carries in one body.
pub const MAX_EPOCHS: usize = 4096;

/// Epochs of those that others than the Owner may begin: half, so that the Owner is never without one for a removal.
pub const MAX_EPOCHS_OF_OTHERS: usize = MAX_EPOCHS / 2;

/// Epochs that a user other than the Owner may ever begin because somebody complained of the one in force. Enough for every accident; without a
/// bound two who complain of one another would use up what others may begin.
pub const MAX_ANSWERS: usize = 16;

/// Bytes of the sealed history of epoch keys: [`MAX_EPOCHS`] keys and the seal around them.
pub const MAX_SEALED_HISTORY: usize = MAX_EPOCHS * 34 + 64;

/// Bytes of the keys that a device hands on of epochs before the newest: [`MAX_EPOCHS`] keys, the salt and the tag.
pub const MAX_SEALED_FILL: usize = MAX_EPOCHS * 32 + 16 + 16;

/// Bytes of an encapsulated key, and of the epoch key wrapped by it: X-Wing's come to 1,120, a wrapped key and its tag to 48.
pub const MAX_WRAP: usize = 1120;

/// Entries in one frame. Bounds the work one frame can ask for.
pub const MAX_ENTRIES_PER_FRAME: usize = 2048;

/// Versions of the protocol one side may name.
pub const MAX_VERSIONS: usize = 16;

/// Capabilities one side may name.
pub const MAX_CAPABILITIES: usize = 64;

/// Bytes of one capability name.
pub const MAX_CAPABILITY: usize = 48;

/// Bytes of a registration token.
pub const MAX_TOKEN: usize = 256;

/// Bytes of the sentence a relay may add to a refusal or a goodbye. Shown to people, so it is kept short.
pub const MAX_REASON_TEXT: usize = 512;

/// Bytes of a payload once opened and decompressed, put together from all of its parts. Bounds what a device allocates
/// for it.
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// Bytes of a payload in each of its parts but the last, which has what is left. The most, in round numbers, that fits
/// [`MAX_BODY`] however badly it compresses: with prefix and padding 770,048 bytes, and the tag.
pub const PART_LEN: usize = 750 * 1024;

/// Bytes that any body may open to, however short it is: a paragraph of the same letter is nobody's attack.
pub const FREE_EXPANSION: usize = 64 * 1024;

/// Times that what is sealed in a body may be as long once decompressed, beyond [`FREE_EXPANSION`]. Text seldom gets a tenth of it;
/// without it each kilobyte of a frame costs every device the work of 16 MiB.
pub const MAX_EXPANSION: usize = 64;

/// Parts that one payload may be split into: as many as [`MAX_PAYLOAD`] has.
#[allow(clippy::cast_possible_truncation, reason = "there are 22")]
pub const MAX_PARTS: u32 = MAX_PAYLOAD.div_ceil(PART_LEN) as u32;

/// Incarnations of one device that are accepted at any time: each restore or clone of its database takes one, and each has chains
/// that everybody keeps for ever, about 400 bytes.
pub const MAX_LIVES: usize = 256;

/// Milliseconds of log time between two further ones: a day, so that nobody is shut out for good.
pub const LIFE_INTERVAL: u64 = 24 * 60 * 60 * 1000;

/// Bytes of roster records, void ones included, that a Member's devices may ever write, and that each Allow adds: everybody keeps all of
/// them for ever. A rekey for 50 devices is 120 KB, so this is 35 of them, or 1,700 links.
pub const MAX_RECORD_BYTES: u64 = 4 << 20;

/// Bytes that an operation of a document counts as, when its weight is declared: what Automerge keeps of one while the document
/// is loaded (measured: 100 for a character of a text).
pub const OPERATION_WEIGHT: u64 = 128;

/// Bytes that the declared weights of one document may come to. As much text as a document's files may hold, 4 MiB of
/// characters, each an operation; this bounds what loading any one document takes.
pub const MAX_DOCUMENT_WEIGHT: u64 = 512 << 20;

/// Bytes of that which a user other than the Owner's may write of one document: so that no member can fill another's.
pub const MEMBER_WEIGHT: u64 = MAX_DOCUMENT_WEIGHT / 4;

/// Times that a log may be continued after a restore. Whoever comes later has to know all of its logs, since every entry names one by
/// its signature alone, and tries a signature against each.
pub const MAX_SUCCESSORS: usize = 64;

/// Holdings in one frame: one for each device that may be active.
pub const MAX_HOLDINGS_PER_FRAME: usize = MAX_RECIPIENTS;

/// Bodies in one frame, or positions whose bodies it asks for. Each is looked up by itself and compared with its header, which a
/// relay does for everybody on one thread.
pub const MAX_BODIES_PER_FRAME: usize = 256;

/// Workspaces in the answer to a look-up: more than anybody protects with one phrase, and each costs the relay a step of an index.
pub const MAX_FOUND: usize = 64;

/// Rows of one confirm: 46 bytes each, so that all of them fit a body.
pub const MAX_CONFIRM_ROWS: usize = 16 * 1024;

/// Places up to which a user has given words about a document that are asked of a snapshot, and the lowest: each is a digest of all that the user has
/// in it, and honest users are in need of the newest, and of the one in a state.
pub const MAX_WORDS_ASKED: usize = 256;

/// Entries that one adopted entry holds: the largest payload has room for so many small ones.
pub const MAX_ORIGINALS: usize = 16 * 1024;

/// Milliseconds between two holdings that one device says: soon enough for a list that people look at, and a device that is
/// always connected costs a relay a frame a minute at most.
pub const HOLDING_INTERVAL: u64 = 60 * 1000;

/// Entries between two heads that prove a fork together: 45 MB of ids and times, which an exported file may have.
pub const MAX_EVIDENCE_STEPS: usize = 1 << 20;

/// Bytes of a relay's address in a record: any name that there can be with a port, a path and a key behind it.
pub const MAX_ADDRESS: usize = 512;

/// Milliseconds a link stays open by default: long enough to type a code on a second machine, short enough that a code left in a
/// terminal's history is worthless.
pub const LINK_LIFETIME: u64 = 10 * 60 * 1000;

/// Milliseconds a link stays open at most, whatever its maker wrote: whoever finds one later is not let in.
pub const MAX_LINK_LIFETIME: u64 = 60 * 60 * 1000;

/// Milliseconds of log time after its Join for which a recovery device is removed like any other: a week, in which somebody notices that
/// theirs was stolen and what the thief has let in. After that nobody with a live device shuts the phrase out.
pub const RECOVERY_SETTLES: u64 = 7 * 24 * 60 * 60 * 1000;

/// Milliseconds an invite stays open by default.
pub const INVITE_LIFETIME: u64 = 7 * 24 * 60 * 60 * 1000;

/// Milliseconds an invite stays open at most, whatever its maker wrote: the owner has not forgotten it by then.
pub const MAX_INVITE_LIFETIME: u64 = 30 * 24 * 60 * 60 * 1000;
