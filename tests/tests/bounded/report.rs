//! What the spike prints, and the numbers that its tests hold to.

use bowline_wire::codec::encode;
use bowline_wire::header::EntryType;
use bowline_wire::ids::Lane;
use bowline_wire::weight::Weight;

use crate::bounded::field;
use crate::bounded::log::{Body, Bytes, Draft, Row, Stage};
use crate::bounded::workspace::Workspace;

/// What a workspace takes.
pub(crate) struct Sizes {
    pub(crate) text: u64,
    pub(crate) floor: u64,
    pub(crate) today: Bytes,
    pub(crate) bodies_gone: Bytes,
    pub(crate) headers_gone: Bytes,
    /// The state that a checkpoint's digest is of.
    pub(crate) state: u64,
    /// Entries of the control lane that are left and are not roster records.
    pub(crate) upkeep_rows: usize,
    /// Roster records, which stay for ever.
    pub(crate) roster: u64,
}

impl Sizes {
    pub(crate) fn of(workspace: &mut Workspace) -> Self {
        let at = workspace.state.as_ref().map_or_else(|| workspace.log.position(), |state| state.position);
        let is_upkeep = |row: &&Row| row.header.lane == Lane::Control && row.kind() != EntryType::Roster;
        let left = workspace.log.rows.iter().filter(|row| row.position > at || row.is_live());
        let upkeep_rows = left.filter(is_upkeep).count();
        let texts = workspace.docs.iter().map(|doc| doc.document.save().len() as u64);
        Self {
            text: texts.sum(),
            floor: workspace.floor(),
            today: workspace.log.bytes(Stage::Today),
            bodies_gone: workspace.log.bytes(Stage::BodiesGone),
            headers_gone: workspace.log.bytes(Stage::HeadersGone(at)),
            state: workspace.state.as_ref().map_or(0, |state| encode(state).len() as u64),
            upkeep_rows,
            roster: workspace
                .log
                .rows
                .iter()
                .filter(|row| row.kind() == EntryType::Roster)
                .map(Row::len)
                .sum(),
        }
    }

    /// What a newcomer downloads from a checkpoint.
    pub(crate) fn download(&self) -> u64 {
        self.headers_gone.line + self.state
    }
}

/// Prints a workspace's sizes, stage by stage, and what its rounds cost.
pub(crate) fn print(name: &str, workspace: &mut Workspace) -> Sizes {
    let sizes = Sizes::of(workspace);
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    println!("\n## {name}");
    println!(
        "documents {}, saved {:.0} KiB, floor {:.0} KiB",
        workspace.docs.len(),
        kib(sizes.text),
        kib(sizes.floor)
    );
    println!(
        "stage                      entries  header+sig+time  bodies KiB  line KiB  x floor  relay file KiB  device KiB (est.)"
    );
    let rows = [
        ("(a) today's log", sizes.today, 0),
        ("(b) bodies erased", sizes.bodies_gone, 0),
        ("(c) headers gone too", sizes.headers_gone, sizes.state),
    ];
    for (stage, bytes, state) in rows {
        let line = bytes.line + state;
        println!(
            "{stage:<26} {:>7} {:>9.0} ({:>2.0} %) {:>11.0} {:>9.0} {:>8.2} {:>15.0} {:>18.0}",
            bytes.entries,
            kib(bytes.headers),
            100.0 * bytes.headers as f64 / line as f64,
            kib(bytes.line - bytes.headers),
            kib(line),
            line as f64 / sizes.floor as f64,
            kib(bytes.stored + state),
            kib(bytes.stored + state + sizes.floor),
        );
    }
    if let Some(state) = &workspace.state {
        let [tips, docs, rest] = state.parts();
        println!(
            "state of the checkpoint: {} B = ends of chains {tips} + documents {docs} + rest {rest}",
            sizes.state
        );
    }
    print_costs(workspace);
    print_gaps(workspace);
    sizes
}

fn print_costs(workspace: &Workspace) {
    let costs = &workspace.costs;
    let per_row = |(count, bytes): (u64, u64)| bytes as f64 / count.max(1) as f64;
    let all: u64 = workspace.log.rows.iter().map(Row::len).sum();
    println!(
        "uploaded in all {} KiB, of it {} snapshots {} KiB, confirms {} KiB, {} signatures for checkpoints {} KiB",
        all >> 10,
        costs.snapshots.0,
        costs.snapshots.1 >> 10,
        costs.fresh.1 >> 10,
        costs.votes.0,
        costs.votes.1 >> 10
    );
    for (form, cost) in [
        ("an entry for each document and user with words (not made)", costs.single),
        ("the same as rows, an entry for each user and round (not made)", costs.batched),
        ("rows of users with new words or one witness (on the log)", costs.fresh),
    ] {
        println!("confirms as {form}: {} of {:.0} B, {} KiB", cost.0, per_row(cost), cost.1 >> 10);
    }
    if !workspace.absent.is_empty() {
        let pinned: u64 = costs.pinned.values().sum();
        println!(
            "users {:?} absent: confirming anew would keep {} old snapshots for them, {} KiB; unsigned bodies of theirs kept: {}",
            workspace.absent,
            costs.pinned.len(),
            pinned >> 10,
            workspace.log.rows.iter().filter(|row| is_kept_for_absent(workspace, row)).count()
        );
    }
}

fn is_kept_for_absent(workspace: &Workspace, row: &Row) -> bool {
    let is_change = row.kind() == EntryType::Changes && row.body.is_some();
    is_change && workspace.absent.contains(&row.user)
}

/// What two other ways of keeping the running hash checkable would take.
fn print_gaps(workspace: &Workspace) {
    let Some(state) = &workspace.state else { return };
    let mut gaps = Vec::new();
    let mut gone = Vec::new();
    let below: Vec<_> = workspace.log.rows.iter().filter(|row| row.position <= state.position).collect();
    let mut from = None;
    for (row, next) in below.iter().zip(below.iter().skip(1).map(Some).chain([None])) {
        if row.is_live() {
            continue;
        }
        gone.extend(field(|to| to.value(&row.id).u64(row.time)));
        let begins = *from.get_or_insert(row.position);
        if next.is_none_or(|next| next.is_live()) {
            gaps.push(field(|to| {
                to.array(4).value(&begins).value(&row.position).value(&row.hash).u64(row.time)
            }));
            from = None;
        }
    }
    println!(
        "instead of one digest of what stays (34 B): {} gaps as (from, to, hash, time) {} KiB; id and time of all that went {} KiB",
        gaps.len(),
        gaps.concat().len() >> 10,
        gone.len() >> 10
    );
}

/// Prints what each field of a header takes, in an entry by a member in the middle of a log.
pub(crate) fn print_header(workspace: &Workspace) {
    let is_typical =
        |row: &&Row| row.kind() == EntryType::Changes && row.position.0 > workspace.log.position().0 / 2;
    let row = workspace.log.rows.iter().find(is_typical).unwrap();
    println!(
        "\n## a header of {} B, with its signature {}, with time and frame around it {}",
        row.bytes.len(),
        row.bytes.len() + 64,
        row.on_line(None)
    );
    let seen = row.header.seen.unwrap();
    println!("of which what it has seen {}", encode(&seen).len());
}

/// Prints what it takes to carry entries on verbatim, in one entry of another device, beside the entries themselves.
pub(crate) fn print_adopted(workspace: &mut Workspace) {
    let is_change = |row: &&Row| row.kind() == EntryType::Changes && row.body.is_some();
    let originals: Vec<_> = workspace.log.rows.iter().filter(is_change).take(50).collect();
    let len: u64 = originals.iter().map(|row| row.len()).sum();
    let entry = |row: &&Row| {
        field(|to| {
            to.array(4)
                .bytes(&row.bytes)
                .value(&row.signature)
                .u64(row.time)
                .bytes(row.body.as_ref().unwrap())
        })
    };
    let verbatim: Vec<u8> = originals.iter().flat_map(entry).collect();
    let (count, keys) = (originals.len(), workspace.keys());
    let body = Body::Sealed(&keys, &verbatim);
    let (doc, weight) = (workspace.docs[0].wire, Weight::MIN);
    let draft = Draft { doc, weight, body, ..Draft::control(EntryType::Adopted, Vec::new()) };
    let made = workspace.log.make(&mut workspace.devices[1], &draft, &mut workspace.rng);
    println!(
        "adopted: {count} entries of {len} B together are {} B in one entry, {:.2} x",
        made.len(),
        made.len() as f64 / len as f64
    );
}
