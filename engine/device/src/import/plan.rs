//! What the lines of a session and its end come to: a state machine that reads nothing and writes nothing. What it has to know
//! it asks for, and whoever drives it answers: an import from the database, a dry run also from what it has planned before.

mod left;
mod step;
mod way;

use bowline_core::document::limits::{ASIDES_MAX, ASIDES_TOTAL_MAX};
use bowline_core::document::{Aside, EditError, Gap, ImportedLine, LeftLine};
use bowline_store::LineHash;
use bowline_wire::ids::WorkspaceId;

use super::lines::{HeldLines, PlacedLine};
use super::outcome::{Outcome, Verdict, Why};
use super::remembered::{About, SessionMemory};
use super::source::LineVerdict;
use crate::Error;
use left::{Notes, Written};
pub(super) use step::{EndPlan, HugeLine, LinePlan, LineWrite, Question, SourceLine, Step};
use way::Way;

/// Where the lines of a session go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into a document that this import makes.
    New,
    /// Into one that was here.
    Found(Option<WorkspaceId>),
    /// Beside what this workspace has of the document: what is added stays on this device.
    Beside(WorkspaceId),
}

/// How many lines became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) present: u64,
    pub(super) asides: u64,
    pub(super) left: u64,
}

/// A session that is being planned.
pub(super) struct SessionPlan {
    place: Place,
    way: Way,
    /// What its application says, as far as that has been taken in.
    about: About,
    /// What the application said the last time is taken from the document.
    is_believed: bool,
    /// Lines that are remembered from before.
    remembered: u64,
    /// Lines at the beginning that were as remembered.
    passed: u64,
    /// Lines handed over so far, and entries among them.
    line: u64,
    position: u32,
    /// Lines since the last entry that are not entries.
    aside_number: u16,
    /// Lines since the last entry that are not entries, with those that stay in the file.
    between: u16,
    /// Lines that the document keeps aside, and their bytes.
    asides: usize,
    aside_bytes: usize,
    notes: Notes,
    counts: Counts,
    header_added: bool,
    /// A torn line that was kept aside is whole by now.
    aside_completed: bool,
}

impl SessionPlan {
    fn begin(place: Place, way: Way) -> Self {
        Self {
            place,
            way,
            about: About::default(),
            is_believed: false,
            remembered: 0,
            passed: 0,
            line: 0,
            position: 0,
            aside_number: 0,
            between: 0,
            asides: 0,
            aside_bytes: 0,
            notes: Notes::default(),
            counts: Counts::default(),
            header_added: false,
            aside_completed: false,
        }
    }

    /// The plan for a session that is not here, called `key` by its application.
    pub(super) fn new(key: Option<String>) -> Self {
        let about = About { key, ..About::default() };
        Self { about, ..Self::begin(Place::New, Way::New) }
    }

    /// The plan for a session whose document is in the trash.
    pub(super) fn in_trash(workspace: Option<WorkspaceId>) -> Self {
        Self::begin(Place::Found(workspace), Way::InTrash)
    }

    /// The plan for a session that this device has imported.
    pub(super) fn remembered(workspace: Option<WorkspaceId>, memory: &SessionMemory) -> Self {
        Self {
            about: memory.about.clone(),
            remembered: memory.lines,
            asides: memory.asides,
            aside_bytes: memory.aside_bytes,
            ..Self::begin(Place::Found(workspace), Way::Remembered(0, Vec::new()))
        }
    }

    /// The plan for a session whose document is here, of which nothing is remembered. `stays`: what is added is only here.
    pub(super) fn asking(
        workspace: Option<WorkspaceId>,
        stays: bool,
        held: HeldLines,
        said: Option<About>,
    ) -> Self {
        let place = workspace.filter(|_| stays).map_or(Place::Found(workspace), Place::Beside);
        let mut plan = Self::begin(place, Way::New);
        plan.ask(held);
        plan.believe(said);
        plan
    }

    /// Whether the next line is the first of its file.
    pub(super) fn is_at_the_beginning(&self) -> bool {
        self.line == 0
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Lines at the beginning that were as remembered.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Lines that the document keeps aside, and their bytes.
    pub(super) fn asides(&self) -> (usize, usize) {
        (self.asides, self.aside_bytes)
    }

    /// Whether the document is asked for each line.
    pub(super) fn asks(&self) -> bool {
        matches!(self.way, Way::Asked(_))
    }

    /// Whether all lines so far were as remembered.
    pub(super) fn is_as_remembered(&self) -> bool {
        matches!(self.way, Way::Remembered(..))
    }

    /// Whether the document has no lines but those that were handed over; `None` if it was not asked.
    pub(super) fn has_all(&self) -> Option<bool> {
        match &self.way {
            Way::Asked(lines) => Some(lines.are_taken()),
            _ => None,
        }
    }

    /// The workspace of the document, if what was added stays on this device all the same.
    pub(super) fn stays_beside(&self) -> Option<WorkspaceId> {
        match self.place {
            Place::Beside(workspace) => Some(workspace).filter(|_| self.is_changed()),
            Place::Found(_) | Place::New => None,
        }
    }

    /// Whether anything is written of its lines.
    pub(super) fn is_changed(&self) -> bool {
        self.has_more() || self.notes.are_changed
    }

    /// Whether there is more in the document than before.
    fn has_more(&self) -> bool {
        self.counts.added > 0 || self.counts.asides > 0 || self.header_added || self.aside_completed
    }

    pub(super) fn answer_remembered(&mut self, stretch: Option<(u64, Vec<LineHash>)>) {
        self.way = match stretch {
            Some((first, lines)) => Way::Remembered(first, lines),
            // Two imports at once may have left a gap: then the document is asked.
            None => Way::Diverged,
        };
    }

    pub(super) fn answer_untouched(&mut self, is_untouched: bool) {
        self.way = if is_untouched { Way::New } else { Way::Diverged };
    }

    pub(super) fn answer_held(&mut self, held: HeldLines) {
        self.ask(held);
    }

    fn ask(&mut self, mut held: HeldLines) {
        (self.asides, self.aside_bytes) = held.asides();
        self.notes.count = held.gaps();
        held.pass_gaps(self.position, self.between);
        self.way = Way::Asked(Box::new(held));
    }

    /// What the application said the last time, of a document that this device remembers no import of, is what another
    /// import wrote into it.
    fn believe(&mut self, said: Option<About>) {
        if let Some(said) = said {
            (self.is_believed, self.about) = (true, said);
        }
    }

    /// Plans a line. Nothing has happened if it asks.
    ///
    /// # Errors
    /// [`EditError::Full`] if a session has more entries than can be numbered.
    pub(super) fn line<'a>(&mut self, line: &SourceLine<'a>) -> Result<Step<LinePlan<'a>>, Error> {
        let known = match self.is_remembered(line.hash) {
            Step::Ask(question) => return Ok(Step::Ask(question)),
            Step::Planned(known) => known,
        };
        if known {
            self.counts.present += 1;
            return self.planned(line.class, Outcome::Unchanged.into()).map(Step::Planned);
        }
        let mut placed = PlacedLine {
            bytes: line.bytes,
            hash: line.hash,
            is_entry: matches!(line.class, ImportedLine::Entry(_)),
            position: self.position,
            number: self.between,
            is_there: false,
            is_other: self.line == self.passed && self.line < self.remembered,
        };
        let mut class = line.class;
        let mut completes = None;
        match &mut self.way {
            Way::Diverged | Way::Remembered(..) => return Ok(Step::Ask(Question::Held)),
            Way::New => {}
            Way::InTrash => {
                let verdict = Verdict::because(Outcome::Skipped, Why::InTrash);
                return self.planned(class, verdict).map(Step::Planned);
            }
            Way::Asked(lines) => {
                placed.is_there = lines.take(line.hash) || lines.has_header(class, line.hash);
                // The whole line may have come from another device, and its torn beginning is from this one's file.
                completes = lines.take_torn(self.position, line.bytes);
                if !placed.is_there {
                    class = lines.beside_header(class);
                }
            }
        }
        if let Some(torn) = &completes {
            self.complete(torn);
        }
        let room = self.room(line.bytes.len(), class);
        let comes = placed.is_there || room.is_ok();
        let (verdict, Written { write, mut fills }) = match room {
            _ if placed.is_there => {
                self.counts.present += 1;
                (Outcome::Unchanged.into(), Written::default())
            }
            Ok(()) => self.add(line.bytes, class),
            Err(why) => {
                self.counts.left += 1;
                (Verdict::failed(why), self.leave(LeftLine::of(line.bytes)))
            }
        };
        if comes {
            fills.extend(self.notes.filled_by(&mut self.way, &placed));
        }
        let plan = self.planned(class, verdict)?;
        Ok(Step::Planned(LinePlan { write, completes, fills, ..plan }))
    }

    /// Plans a line that cannot be held in memory. Nothing has happened if it asks.
    pub(super) fn huge_line(&mut self, line: &HugeLine) -> Step<LinePlan<'static>> {
        let is_known = match self.way {
            // It comes after all that are remembered. What else stayed in the file is for the document to say.
            Way::Remembered(..) if self.line >= self.remembered => {
                self.way = Way::Diverged;
                false
            }
            _ => match self.is_remembered(line.hash) {
                Step::Ask(question) => return Step::Ask(question),
                Step::Planned(is_known) => is_known,
            },
        };
        if matches!(self.way, Way::Diverged) {
            return Step::Ask(Question::Held);
        }
        let Written { write, fills } = if is_known { Written::default() } else { self.leave(line.line) };
        self.counts.left += 1;
        self.between = self.between.saturating_add(1);
        let verdict = LineVerdict { is_header: false, outcome: Outcome::Failed, why: Some(Why::LineTooLong) };
        Step::Planned(LinePlan { verdict, write, completes: None, fills, is_remembered: self.pass() })
    }

    /// A line that stays in its file: what is written of it.
    fn leave(&mut self, line: LeftLine) -> Written<'static> {
        let gap = Gap { position: self.position, number: self.between, line };
        self.notes.leave(&mut self.way, gap)
    }

    /// Plans the end; `about` is what its application says of it now.
    pub(super) fn end(&mut self, mut about: About) -> Step<EndPlan> {
        match self.way {
            Way::InTrash => return Step::Planned(EndPlan::Leave),
            // What others have put into a workspace is not this device's to say more about.
            _ if matches!(self.place, Place::Beside(_)) && !self.is_changed() => {
                return Step::Planned(EndPlan::Leave);
            }
            Way::Diverged => return Step::Ask(Question::Held),
            _ if self.place == Place::New && !self.is_changed() => return Step::Planned(EndPlan::Leave),
            // Of a file that is only the beginning of what was there the end says nothing.
            Way::Remembered(..) if self.line < self.remembered => {
                about.no_final_newline = self.about.no_final_newline;
            }
            _ => {}
        }
        if self.is_believed {
            // Labels are put on and taken off in Bowline: which of them the application said is not known.
            self.about.labels.clone_from(&about.labels);
        }
        let before = std::mem::replace(&mut self.about, about);
        Step::Planned(match self.place {
            Place::New => EndPlan::Make,
            _ if before == self.about => EndPlan::Keep,
            Place::Found(_) | Place::Beside(_) => EndPlan::Tell(before),
        })
    }

    /// What the session comes to. `says_more`: whether what its application says of it was not in the document.
    pub(super) fn verdict(&self, says_more: bool) -> Verdict {
        match (&self.way, self.place) {
            (Way::InTrash, _) => Verdict::because(Outcome::Skipped, Why::InTrash),
            (_, Place::New) if self.is_changed() => Outcome::New.into(),
            (_, Place::New) => Verdict::because(Outcome::Skipped, Why::Empty),
            _ if self.is_changed() => match self.stays_beside() {
                Some(workspace) => Verdict::because(Outcome::More, Why::LessInWorkspace(workspace)),
                None if self.has_more() => Outcome::More.into(),
                None => Outcome::Updated.into(),
            },
            _ if says_more => Outcome::Updated.into(),
            _ => Outcome::Unchanged.into(),
        }
    }

    /// Whether this line of the file is the one that was there the last time, as all before it were. Where the file goes on
    /// beyond that, either nobody has written into the document, so that what comes is new, or the document has to be asked.
    fn is_remembered(&mut self, hash: LineHash) -> Step<bool> {
        let Way::Remembered(first, stretch) = &self.way else {
            return Step::Planned(false);
        };
        if self.line >= self.remembered {
            return Step::Ask(Question::Untouched);
        }
        if self.line < *first || self.line - *first >= stretch.len() as u64 {
            return Step::Ask(Question::Remembered(self.line));
        }
        let at = usize::try_from(self.line - *first).unwrap_or(usize::MAX);
        let is_same = stretch.get(at) == Some(&hash);
        if !is_same {
            self.way = Way::Diverged;
        }
        Step::Planned(is_same)
    }

    /// A new line for which there is room: what is written of it.
    fn add<'a>(&mut self, line: &[u8], class: ImportedLine<'a>) -> (Verdict, Written<'a>) {
        let (verdict, write) = match class {
            ImportedLine::Header(header) => {
                self.header_added = true;
                (Outcome::New.into(), LineWrite::Header(header))
            }
            ImportedLine::Entry(entry) => {
                self.counts.added += 1;
                (Outcome::New.into(), LineWrite::Entry(self.position, entry))
            }
            ImportedLine::Aside(why) => {
                self.asides += 1;
                self.aside_bytes += line.len();
                self.counts.asides += 1;
                let (position, number) = (self.position, self.aside_number);
                let aside = Aside { position, number, bytes: line.to_vec() };
                (Verdict::because(Outcome::Kept, Why::NotAnEntry(why)), LineWrite::Aside(aside))
            }
        };
        (verdict, Written { write: Some(write), fills: Vec::new() })
    }

    /// Whether there is room for a new line of so many bytes; why not. Only what is kept aside needs any.
    fn room(&self, len: usize, class: ImportedLine<'_>) -> Result<(), Why> {
        if !matches!(class, ImportedLine::Aside(_)) {
            Ok(())
        } else if self.asides >= ASIDES_MAX {
            Err(Why::TooManyAsides)
        } else if self.aside_bytes + len > ASIDES_TOTAL_MAX {
            Err(Why::AsidesTooLong)
        } else {
            Ok(())
        }
    }

    /// A line that was kept aside is the beginning of one that is there: it is kept no longer.
    fn complete(&mut self, torn: &Aside) {
        self.asides = self.asides.saturating_sub(1);
        self.aside_bytes = self.aside_bytes.saturating_sub(torn.bytes.len());
        self.aside_completed = true;
    }

    /// Counts a line of the file, of which nothing is written.
    fn planned<'a>(&mut self, class: ImportedLine<'a>, verdict: Verdict) -> Result<LinePlan<'a>, Error> {
        match class {
            ImportedLine::Header(_) => {}
            ImportedLine::Entry(_) => {
                self.position = self.position.checked_add(1).ok_or(EditError::Full)?;
                (self.aside_number, self.between) = (0, 0);
            }
            ImportedLine::Aside(_) => {
                self.aside_number = self.aside_number.saturating_add(1);
                self.between = self.between.saturating_add(1);
            }
        }
        let is_remembered = self.pass();
        let Verdict { outcome, why } = verdict;
        let is_header = matches!(class, ImportedLine::Header(_));
        let verdict = LineVerdict { is_header, outcome, why };
        Ok(LinePlan { verdict, write: None, completes: None, fills: Vec::new(), is_remembered })
    }

    /// Counts a line; whether it is remembered at its place.
    fn pass(&mut self) -> bool {
        self.line += 1;
        let is_remembered = self.is_as_remembered();
        if is_remembered {
            self.passed = self.line;
        }
        is_remembered
    }
}

#[cfg(test)]
mod tests;
