//! Looks for keys and tokens in documents before they are shared: what a person wrote here is kept back, and in what was
//! imported they are counted.

use bowline_engine::Device;
use bowline_engine::device::DocumentState;
use bowline_engine::document::Kind;
use bowline_engine::ids::{DocId, Millis, WorkspaceId};
use bowline_import::offered::{SecretPlace, secrets_in_file, secrets_in_text};

use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::{OneLine, count, sentence_case};

/// Places that are named: who sees some of them knows what to look for.
const PLACES_NAMED: usize = 5;

/// What looks like a secret in imported documents, which go along with it.
#[derive(Default)]
pub(in crate::command) struct Secrets {
    imported: Vec<(DocId, usize)>,
}

impl Secrets {
    /// An error if something of a document that would come into a workspace looks like a secret and was written here. In an
    /// imported document it is counted.
    pub(in crate::command) fn check(
        &mut self,
        device: &mut Device,
        id: DocId,
        workspace: WorkspaceId,
        now: Millis,
    ) -> Result<(), CommandError> {
        let found = device.find(id)?;
        let only_here = matches!(
            device.document_state(&found),
            Ok(DocumentState::OnlyHere | DocumentState::Kept | DocumentState::PartlyHere)
        );
        if found.workspace() == Some(workspace) && !only_here {
            return Ok(());
        }
        let places = places(device, found.kind(), id, now)?;
        if places.is_empty() {
            return Ok(());
        }
        if device.is_imported(&found, now)? {
            self.imported.push((id, places.len()));
            return Ok(());
        }
        let (what, how_many) = (found.kind().words().one, count(places.len(), "secret"));
        let mut named: Vec<String> = places.iter().take(PLACES_NAMED).cloned().collect();
        if places.len() > PLACES_NAMED {
            named.push(format!("and {} more", places.len() - PLACES_NAMED));
        }
        let message = format!(
            "The {what} looks as if it had {how_many} in it, and is not shared: {}",
            named.join("; ")
        );
        Err(CommandError::new(ErrorCode::SecretInside, message)
            .hint("what is shared cannot be taken back: if all may have it, add --allow-secret"))
    }

    /// Says how much in imported documents looks like a secret; in which, if a person wants to know more.
    pub(in crate::command) fn tell(
        self,
        invocation: &mut Invocation<'_>,
        device: &Device,
    ) -> Result<(), CommandError> {
        let words: usize = self.imported.iter().map(|(_, words)| words).sum();
        if words == 0 {
            return Ok(());
        }
        let look = if words == 1 { "looks like a secret" } else { "look like secrets" };
        let (words, n) = (count(words, "line"), count(self.imported.len(), "imported document"));
        let more = if invocation.is_verbose() { "" } else { "; --verbose names them" };
        invocation.say(format_args!("Shared as it came: {words} that {look}, in {n}{more}"));
        if !invocation.is_verbose() {
            return Ok(());
        }
        let prefixes = documents::prefixes(device)?;
        for (id, words) in self.imported {
            let found = device.find(id)?;
            let what = sentence_case(found.kind().words().one);
            let (id, title) = (prefixes.shorten(id), documents::title(found.title()));
            invocation.say(format_args!("  {what} {id} \"{title}\": {}", count(words, "line")));
        }
        Ok(())
    }
}

/// Where something in a document looks like a secret.
fn places(device: &mut Device, kind: Kind, id: DocId, now: Millis) -> Result<Vec<String>, CommandError> {
    let mut places = Vec::new();
    if kind == Kind::Conversation {
        let shown = device.show(id, now)?;
        for (number, entry) in (1..).zip(&shown.transcript.entries) {
            let text = entry.message().map_or_else(|| entry.raw.clone(), |(_, text)| text);
            places.extend(secrets_in_text(&text).into_iter().map(|it| place(&format!("entry {number}"), it)));
        }
        return Ok(places);
    }
    for file in device.export(id, now)? {
        let path = OneLine(file.path.as_str()).to_string();
        places.extend(secrets_in_file(&path, &file.bytes).into_iter().map(|it| place(&path, it)));
    }
    Ok(places)
}

fn place(of: &str, at: SecretPlace) -> String {
    match at.at {
        Some(at) => format!("{of}, {}", OneLine(&at)),
        None => of.to_owned(),
    }
}
