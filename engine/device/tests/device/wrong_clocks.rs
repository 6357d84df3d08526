//! A life of a workspace, told under clocks that are wrong by years: its members come in by the same codes, codes and phrases last as long,
//! whoever is removed is out, and newcomers read everything. What differs is who is asked whether the log's time may be right.

use bowline_device::LineReason;
use bowline_wire::ids::{DeviceId, DocId, Millis, TicketKey};
use bowline_wire::limits::{LINK_LIFETIME, RECOVERY_SETTLES};
use bowline_wire::roster::TicketStage;

use crate::recovery::{in_hand, protect};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000;
const DAY: u64 = 24 * 60 * 60 * 1_000;
const TODAY: Millis = Millis(1_700_000_000_000);

/// By how much each clock is wrong, in years.
#[derive(Clone, Copy, Debug, Default)]
struct Clocks {
    relay: i64,
    owner: i64,
    member: i64,
    newcomer: i64,
    /// Whether the relay's clock stands still.
    stands: bool,
}

fn wrong_by(years: i64) -> Millis {
    Millis(TODAY.0.checked_add_signed(years * YEAR).unwrap())
}

struct Life {
    clocks: Clocks,
    relay: FakeRelay,
    owner: Rig,
    member: Rig,
    /// Who had to say that the log's time may be right, each once.
    asked: Vec<&'static str>,
    /// What came of each thing that was done.
    came: Vec<String>,
}

/// A line from the first word on; a person who is asked about the log's time says yes.
fn meet(rig: &mut Rig, relay: &mut FakeRelay, who: &'static str, asked: &mut Vec<&'static str>) {
    rig.disconnect();
    rig.sync(relay);
    if rig.status().behind.is_some_and(|behind| behind.reason == LineReason::TimeAhead) {
        assert!(rig.device.accept_time(rig.workspace(), rig.now).unwrap());
        asked.push(who);
        rig.disconnect();
        rig.sync(relay);
    }
    assert!(rig.status().evidence.is_empty(), "nobody's clock proves anything");
}

impl Life {
    fn begin(clocks: Clocks) -> Self {
        let [mut owner, mut member] = [1, 2].map(Rig::new);
        (owner.now, member.now) = (wrong_by(clocks.owner), wrong_by(clocks.member));
        let mut relay = owner.begin_workspace(1);
        relay.clock = wrong_by(clocks.relay);
        let mut life = Self { clocks, relay, owner, member, asked: Vec::new(), came: Vec::new() };
        life.meet_owner();
        let code = life.owner.invited(&mut life.relay);
        life.member.join(&code);
        life.meet_member();
        life.meet_member();
        let is_in = life.member.status().member;
        life.say(format!("the member is in: {is_in}"));
        life
    }

    fn say(&mut self, what: String) {
        self.came.push(what);
    }

    fn meet_owner(&mut self) {
        meet(&mut self.owner, &mut self.relay, "owner", &mut self.asked);
    }

    fn meet_member(&mut self) {
        meet(&mut self.member, &mut self.relay, "member", &mut self.asked);
    }

    fn pass(&mut self, millis: u64) {
        for now in [&mut self.owner.now, &mut self.member.now] {
            *now = now.plus(millis);
        }
        if !self.clocks.stands {
            self.relay.clock = self.relay.clock.plus(millis);
        }
    }

    fn is_active(&self, device: DeviceId) -> bool {
        self.relay.log().roster().is_active(&device)
    }

    fn stage(&self, key: TicketKey) -> TicketStage {
        self.relay.log().roster().ticket(&key).unwrap().stage
    }

    fn write_and_read(&mut self) -> DocId {
        let id = self.owner.conversation("before");
        self.owner.say(id, "hello");
        self.meet_owner();
        self.meet_member();
        let read = self.member.texts(id);
        self.say(format!("the member reads {read:?}"));
        id
    }

    /// A link that nobody uses.
    fn link_ends(&mut self) {
        let key = self.member.device.link_device(self.member.workspace(), self.member.now).unwrap();
        self.meet_member();
        let made = self.relay.log().time().millis();
        let lasts = self.relay.log().roster().ticket(&key).unwrap().expires - made.0;
        self.say(format!("a link lasts {lasts} ms"));
        self.pass(LINK_LIFETIME);
        self.meet_member();
        let at_its_last_moment = self.stage(key);
        self.pass(1);
        self.meet_member();
        self.say(format!("{at_its_last_moment:?}, and a millisecond later {:?}", self.stage(key)));
    }

    /// A phrase comes in, and the Owner tries to remove it twice: within its week, which is undone here, and after it.
    fn phrase_settles(&mut self) {
        let clock = self.member.now;
        if self.relay.clock.since(clock) > DAY {
            // A phrase is asked nothing: whoever uses one where the clock is so far behind sets that first.
            self.member.now = self.relay.clock;
        }
        protect(&mut self.member, &mut self.relay);
        self.member.now = clock;
        let phrase = in_hand().id();
        let is_in = self.is_active(phrase);
        self.say(format!("the phrase is in: {is_in}"));
        for wait in [RECOVERY_SETTLES - 1, 1] {
            self.pass(wait);
            let time = self.relay.log().time_at(self.relay.clock);
            let is_removable = self.relay.log().roster().device(&phrase).unwrap().is_removable(time);
            self.say(format!("others remove it: {is_removable}"));
        }
        self.meet_owner();
        self.owner.device.remove_device(self.owner.workspace(), phrase, self.owner.now).unwrap();
        self.meet_owner();
        self.meet_owner();
        let stays = self.is_active(phrase);
        self.say(format!("it stays: {stays}, undecided {}", self.owner.status().undecided));
    }

    fn member_goes(&mut self) {
        let user = self.member.device.own_user(self.member.workspace()).unwrap();
        self.owner.device.remove_member(self.owner.workspace(), user, self.owner.now).unwrap();
        self.meet_owner();
        let after = self.owner.conversation("after");
        self.owner.say(after, "not for them");
        self.meet_owner();
        self.meet_member();
        let is_in = self.is_active(self.member.device.id());
        let is_due = self.relay.log().roster().is_rekey_due();
        self.say(format!("the member is in: {is_in}, a rekey is due: {is_due}"));
        let (waits, has_it) = (self.owner.status().waiting_for, self.member.try_texts(after).is_ok());
        self.say(format!("the owner waits for {waits:?}; the member has it: {has_it}"));
    }

    fn newcomer_reads(&mut self, id: DocId) {
        self.meet_owner();
        let code = self.owner.invited(&mut self.relay);
        let mut newcomer = Rig::new(3);
        let wrong = (self.clocks.newcomer - self.clocks.owner) * YEAR;
        newcomer.now = Millis(self.owner.now.0.checked_add_signed(wrong).unwrap());
        newcomer.join(&code);
        for _ in 0..2 {
            meet(&mut newcomer, &mut self.relay, "newcomer", &mut self.asked);
        }
        let (is_in, read) = (newcomer.status().member, newcomer.texts(id));
        self.say(format!("the newcomer is in: {is_in}, and reads {read:?}"));
    }

    fn told(clocks: Clocks) -> (Vec<String>, Vec<&'static str>) {
        let mut life = Self::begin(clocks);
        let id = life.write_and_read();
        life.link_ends();
        life.phrase_settles();
        life.member_goes();
        life.newcomer_reads(id);
        (life.came, life.asked)
    }
}

#[test]
fn clocks_that_are_wrong_by_years_change_nothing_but_who_is_asked_about_the_logs_time() {
    let (came, asked) = Life::told(Clocks::default());
    assert_eq!(asked, Vec::<&str>::new());
    assert!(came.iter().any(|line| line == "the newcomer is in: true, and reads [\"hello\"]"), "{came:#?}");
    let right = Clocks::default();
    for (clocks, expected) in [
        (Clocks { relay: 20, ..right }, &["owner", "member", "newcomer"][..]),
        (Clocks { relay: -20, ..right }, &[]),
        (Clocks { owner: 20, ..right }, &[]),
        (Clocks { owner: -20, ..right }, &["owner"]),
        (Clocks { member: 20, ..right }, &[]),
        (Clocks { member: -20, ..right }, &["member"]),
        (Clocks { newcomer: 20, ..right }, &[]),
        (Clocks { newcomer: -20, ..right }, &["newcomer"]),
        (Clocks { relay: 3, owner: -3, member: 20, newcomer: -20, ..right }, &["owner", "newcomer"]),
    ] {
        let (came_so, asked) = Life::told(clocks);
        assert_eq!(came_so, came, "{clocks:?}");
        assert_eq!(asked, expected, "{clocks:?}");
    }
}

/// A phrase settles by the log's time alone. Where that stands still it may be removed for longer, and nothing else differs: a clock permits, and
/// shuts nobody out.
#[test]
fn under_a_clock_that_stands_still_everything_goes_on_and_a_phrase_does_not_settle() {
    let (came, _) = Life::told(Clocks::default());
    let (came_so, asked) = Life::told(Clocks { stands: true, ..Clocks::default() });
    let differs: Vec<_> = came.iter().zip(&came_so).filter(|(right, still)| right != still).collect();
    assert_eq!(came.len(), came_so.len());
    let [(settled, unsettled), (stays, gone)] = differs[..] else { panic!("{came:#?} {came_so:#?}") };
    assert_eq!((settled.as_str(), unsettled.as_str()), ("others remove it: false", "others remove it: true"));
    assert!(stays.starts_with("it stays: true") && gone.starts_with("it stays: false"), "{differs:#?}");
    assert_eq!(asked, Vec::<&str>::new());
}
