//! A three-way merge of a text: what somebody changed of the version they had, done to the text as it is now.

use super::splice::{Splice, splices};

/// What is to be done to `theirs` so that it also has what `mine` changed of `base`. Whatever one of the two put in is there
/// afterwards, and what one of them took out is gone; what both did alike is done once. Where both put something in at one
/// place, theirs comes first.
pub(super) fn merge(base: &str, mine: &str, theirs: &str) -> Vec<Splice> {
    let others = Others::of(splices(base, theirs));
    let own = splices(base, mine).into_iter();
    own.filter(|splice| !others.has(splice)).flat_map(|splice| others.carry(splice)).collect()
}

/// What others did to the base, in order.
struct Others {
    splices: Vec<Splice>,
    /// Before each of them, and after the last: how many characters were put in and taken out by then.
    before: Vec<(usize, usize)>,
}

impl Others {
    fn of(splices: Vec<Splice>) -> Self {
        let (mut inserted, mut deleted) = (0, 0);
        let mut before = vec![(0, 0)];
        for splice in &splices {
            inserted += splice.insert.chars().count();
            deleted += splice.delete;
            before.push((inserted, deleted));
        }
        Self { splices, before }
    }

    /// Whether they did just this.
    fn has(&self, splice: &Splice) -> bool {
        let first = self.splices.partition_point(|other| other.at < splice.at);
        self.splices.get(first).is_some_and(|other| other == splice)
    }

    /// Where a place of the base is now: after what they put in there.
    fn place(&self, at: usize) -> usize {
        let count = self.splices.partition_point(|other| other.at <= at);
        let (inserted, deleted) = self.before.get(count).copied().unwrap_or_default();
        let last = count.checked_sub(1).and_then(|last| self.splices.get(last));
        let beyond = last.map_or(0, |last| (last.at + last.delete).saturating_sub(at));
        at + inserted + beyond - deleted
    }

    /// A change of the base, as one of their text: what they put into what it takes out stays.
    fn carry(&self, splice: Splice) -> Vec<Splice> {
        let Splice { at, delete, insert } = splice;
        let mut carried = Vec::new();
        if !insert.is_empty() {
            carried.push(Splice { at: self.place(at), delete: 0, insert });
        }
        let (mut from, end) = (at, at + delete);
        let mut take_out = |from: usize, to: usize| {
            if from < to {
                carried.push(Splice { at: self.place(from), delete: to - from, insert: String::new() });
            }
        };
        let first = self.splices.partition_point(|other| other.at + other.delete <= at);
        for other in self.splices.iter().skip(first).take_while(|other| other.at < end) {
            take_out(from, other.at);
            from = from.max(other.at + other.delete);
        }
        take_out(from, end);
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::super::splice::applied;
    use super::*;
    use proptest::prelude::*;

    fn merged(base: &str, mine: &str, theirs: &str) -> String {
        applied(theirs, &merge(base, mine, theirs))
    }

    #[test]
    fn what_two_people_changed_is_both_there() {
        let base = "one\ntwo\nthree\n";
        assert_eq!(merged(base, "one\ntwo!\nthree\n", "zero\none\ntwo\nthree\n"), "zero\none\ntwo!\nthree\n");
        assert_eq!(merged(base, "one\nthree\n", "one\ntwo\nthree\nfour\n"), "one\nthree\nfour\n");
        assert_eq!(merged(base, base, "other"), "other");
        assert_eq!(merged(base, "", "one\ntwo and a half\nthree\n"), " and a half");
        assert_eq!(merged("", "mine\n", "theirs\n"), "theirs\nmine\n");
        assert_eq!(merged("é a\n", "é a b\n", "日本é a\n"), "日本é a b\n");
    }

    #[test]
    fn what_both_did_alike_is_done_once() {
        assert_eq!(merged("the colour red\n", "the color red\n", "the color red\n"), "the color red\n");
        assert_eq!(merged("a\nb\nc\n", "a\nc\nd\n", "a\nc\n"), "a\nc\nd\n");
    }

    #[test]
    fn two_large_texts_that_differ_everywhere_are_merged_in_no_time() {
        let text =
            |end: &str| (0..60_000).map(|turn: u64| format!("{turn}{end}\n")).collect::<Vec<_>>().concat();
        let (base, mine, theirs) = (text(""), text(" mine"), text(" theirs"));
        assert_eq!(merged(&base, &mine, &theirs), text(" theirs mine"));
    }

    proptest! {
        #[test]
        fn what_one_side_alone_did_is_the_merge(base in "[ab é\n]{0,40}", new in "[ab é\n]{0,40}") {
            prop_assert_eq!(merged(&base, &new, &base), new.clone());
            prop_assert_eq!(merged(&base, &base, &new), new.clone());
            prop_assert_eq!(merged(&base, &new, &new), new);
        }

        #[test]
        fn what_others_put_in_survives_every_merge(
            base in "[ab \n]{0,40}", mine in "[ab \n]{0,40}", at in 0_usize..40
        ) {
            let at = at.min(base.len());
            let theirs = format!("{}Ω{}", &base[..at], &base[at..]);
            prop_assert!(merged(&base, &mine, &theirs).contains('Ω'));
        }
    }
}
