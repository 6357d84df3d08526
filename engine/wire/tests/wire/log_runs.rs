//! What a removed author's chains may still bring: exactly the run from the chain's last entry to the cut.

use bowline_wire::entry::Entry;
use bowline_wire::head::Seen;
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::Refusal;
use bowline_wire::roster::Void;
use bowline_wire::roster::record::Record;

use crate::support::*;

struct Cast {
    story: Story,
    ana: Author,
    ben: Author,
    run: Vec<Entry>,
}

/// Ben wrote three entries offline, which Ana got from him directly; her removal of him names the last as the cut.
fn cast() -> Cast {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    story.put(&story.content_by(&ben));
    let run = offline(&story, &ben, 3);
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![cut_at(&run[2])]));
    Cast { story, ana, ben, run }
}

fn offline(story: &Story, author: &Author, count: usize) -> Vec<Entry> {
    let mut run = vec![story.content_by(author)];
    while run.len() < count {
        run.push(after(story, author, &run[run.len() - 1]));
    }
    run
}

fn after(story: &Story, author: &Author, entry: &Entry) -> Entry {
    author.sign(story.draft_after(author, entry, EntryType::Changes), b"sealed")
}

fn refusal(story: &Story, run: &[Entry]) -> Refusal {
    story.check_run(run).unwrap_err()
}

#[test]
fn the_whole_run_is_accepted() {
    let Cast { mut story, ben, run, .. } = cast();
    assert_eq!(story.log.run_remaining(run[0].header()), Some(3));
    let placed = story.put_run(&run);
    assert_eq!(placed.len(), 3);
    assert_eq!(placed[2].position, story.position());
    assert_eq!(story.log.tip(&ben.chain(Lane::Content)).unwrap().id, run[2].id());
    assert!(!story.roster().is_active(&ben.id()));
}

#[test]
fn part_of_a_run_waits_for_the_rest() {
    let Cast { story, run, .. } = cast();
    assert_eq!(refusal(&story, &run[..2]), Refusal::RunIncomplete);
    assert_eq!(refusal(&story, &[]), Refusal::RunIncomplete);
    assert_eq!(refusal(&story, &run[1..]), Refusal::ChainGap);
    assert_eq!(refusal(&story, &[run[0].clone(), run[2].clone()]), Refusal::ChainGap);
}

#[test]
fn a_run_beyond_the_cut_is_refused_for_good() {
    let Cast { story, ben, mut run, .. } = cast();
    run.push(after(&story, &ben, &run[2]));
    assert_eq!(refusal(&story, &run), Refusal::NotActive);
}

#[test]
fn a_run_that_ends_in_another_entry_of_that_number_is_refused_for_good() {
    let Cast { story, ben, mut run, .. } = cast();
    let header = Header { doc: WireDoc::from_bytes([1; 16]), ..run[2].header().clone() };
    run[2] = ben.sign(header, b"rewritten");
    assert_eq!(refusal(&story, &run), Refusal::NotActive);
}

#[test]
fn a_run_that_was_rewritten_on_the_way_to_the_cut_is_refused() {
    let Cast { story, ben, mut run, .. } = cast();
    let header = Header { doc: WireDoc::from_bytes([1; 16]), ..run[1].header().clone() };
    run[1] = ben.sign(header, b"rewritten");
    assert_eq!(refusal(&story, &run), Refusal::SeqTaken { seq: 3 });
}

#[test]
fn a_run_is_of_one_chain() {
    let Cast { story, ben, run, .. } = cast();
    let elsewhere = story.content_by(&ben.reborn("new life"));
    assert_eq!(refusal(&story, &[run[0].clone(), elsewhere.clone()]), Refusal::RunIncomplete);
    assert_eq!(refusal(&story, &[elsewhere]), Refusal::NotActive);
}

#[test]
fn who_was_not_removed_has_no_runs() {
    let Cast { story, ana, .. } = cast();
    let run = offline(&story, &ana, 1);
    assert_eq!(refusal(&story, &run), Refusal::NotActive);
    assert_eq!(refusal(&story, &offline(&story, &Author::new("stranger"), 1)), Refusal::NotActive);
}

#[test]
fn a_run_comes_once() {
    let Cast { mut story, run, .. } = cast();
    story.put_run(&run);
    assert_eq!(refusal(&story, &run), Refusal::SeqTaken { seq: 2 });
}

#[test]
fn the_other_rules_hold_inside_a_run() {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut begun = Story::begun_by(&ana);
    begun.invited(&ana, &ben);
    let spoil = |header: &mut Header, case: usize| match case {
        0 => header.epoch = EpochId::from_bytes([1; 16]),
        1 => header.roster = RosterHash::from_bytes([1; 32]),
        2 => header.roster = begun.roster().points()[0].hash,
        3 => header.held = Position(header.held.0 - 1),
        4 => {
            header.seen = header.seen.map(|seen| Seen { signature: Signature::ZERO, ..seen });
        }
        _ => header.workspace = WorkspaceId::ZERO,
    };
    let refusals = [
        Refusal::WrongEpoch,
        Refusal::RosterUnknown,
        Refusal::RosterStale,
        Refusal::BadSeen,
        Refusal::BadSeen,
        Refusal::WrongWorkspace,
    ];
    for (case, expected) in refusals.into_iter().enumerate() {
        let mut story = begun.clone();
        let first = story.content_by(&ben);
        let mut header = story.draft_after(&ben, &first, EntryType::Changes);
        spoil(&mut header, case);
        let run = [first, ben.sign(header, b"sealed")];
        story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![cut_at(&run[1])]));
        assert_eq!(refusal(&story, &run), expected, "case {case}");
    }
}

#[test]
fn a_roster_record_in_a_run_is_void() {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    let run = [story.record_by(&ben, &Record::Link(Secret::new("t").ticket()))];
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![cut_at(&run[0])]));
    let placed = story.put_run(&run);
    assert_eq!(placed[0].roster, Some(void(Void::AuthorNotActive)));
    assert!(story.roster().ticket(&Secret::new("t").id()).is_none());
}

#[test]
fn nobody_enters_in_a_run() {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    let (secret, reborn) = (Secret::new("t"), ben.reborn("new life"));
    story.record(&ana, &Record::Invite(secret.ticket()));
    let run = [story.join_by(&reborn, &story.entrance(&secret, &reborn, false))];
    story.record(&ana, &story.expulsion_of(&ana, ben.user(), vec![cut_at(&run[0])]));
    assert_eq!(refusal(&story, &run), Refusal::NotActive);
}

#[test]
fn what_was_on_the_log_before_the_removal_stays_even_beyond_the_cut() {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    let run = offline(&story, &ben, 2);
    let head = story.roster().hash();
    let removal = story.expulsion_of(&ana, ben.user(), vec![cut_at(&run[0])]);
    story.put(&run[0]);
    story.put(&run[1]);
    assert_eq!(story.late_record(&ana, head, &removal), APPLIED);
    assert_eq!(story.log.tip(&ben.chain(Lane::Content)).unwrap().seq, 2);
    let next = after(&story, &ben, &run[1]);
    assert_eq!(story.refusal(&next), Refusal::NotActive);
}

#[test]
fn a_leaver_names_their_own_cut() {
    let (ana, ben) = (Author::new("ana"), Author::new("ben"));
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    let run = offline(&story, &ben, 2);
    let leave = Record::Leave { whole_user: true, cut: vec![cut_at(&run[1])] };
    assert_eq!(story.record(&ben, &leave), APPLIED);
    assert_eq!(story.put_run(&run).len(), 2);
}
