//! Entries of a transcript in words: messages, tool calls and their answers, changes of model, summaries, and what programs
//! keep beside them. No JSON is shown, and nothing of an entry that is not known here is left out.

use bowline_engine::document::Entry;
use serde_json::{Map, Value};

use crate::text::{count, grouped};

/// Lines that are shown of what a tool answered: who looks for more of it wants the entry as it was written.
const ANSWER_LINES: usize = 20;

/// Members of every entry that say where it stands: the transcript shows those by its order.
const PLACE: [&str; 4] = ["type", "id", "parentId", "timestamp"];

/// An entry for people.
pub(super) struct Rendered {
    /// Who speaks, or what happened.
    pub(super) speaker: String,
    /// What was said, over several lines.
    pub(super) body: String,
}

type Members = Map<String, Value>;

impl Rendered {
    /// The entry in words. `shorten` gives the beginning of an id that names nothing else in the transcript.
    pub(super) fn of(entry: &Entry, shorten: &dyn Fn(&str) -> String) -> Self {
        let kind = if entry.kind.is_empty() { "entry".to_owned() } else { entry.kind.replace('_', " ") };
        let Ok(Value::Object(line)) = serde_json::from_str(entry.raw.trim_start_matches('\u{feff}')) else {
            return Self { speaker: kind, body: entry.raw.clone() };
        };
        if let Some(Value::Object(message)) = line.get("message") {
            let (speaker, body) = (speaker(message).unwrap_or(kind), said(message));
            return Self { speaker, body: or_all(body, &line) };
        }
        let speaker = match text(&line, "customType") {
            Some(custom) => custom.to_owned(),
            None => kind,
        };
        let body = beside(&entry.kind, &line, shorten).unwrap_or_default();
        Self { speaker, body: or_all(body, &line) }
    }
}

/// What an entry says that is not a message; `None` if it is not known, or does not say what such an entry says.
fn beside(kind: &str, line: &Members, shorten: &dyn Fn(&str) -> String) -> Option<String> {
    let told = match kind {
        "model_change" => match (text(line, "modelId")?, text(line, "provider")) {
            (model, Some(provider)) => format!("{model} of {provider}"),
            (model, None) => model.to_owned(),
        },
        "thinking_level_change" => text(line, "thinkingLevel")?.to_owned(),
        "compaction" | "branch_summary" => {
            let summary = text(line, "summary")?;
            match line.get("tokensBefore").and_then(Value::as_u64) {
                Some(tokens) => format!("Of {} tokens before this remains:\n{summary}", grouped(tokens)),
                None => summary.to_owned(),
            }
        }
        "label" => {
            let target = shorten(text(line, "targetId")?);
            match text(line, "label") {
                Some(label) => format!("\"{label}\" on {target}"),
                None => format!("none on {target} any more"),
            }
        }
        "leaf" => match text(line, "targetId") {
            Some(target) => format!("goes on from {}", shorten(target)),
            None => "goes on from the beginning".to_owned(),
        },
        "session_info" => text(line, "name")?.to_owned(),
        "custom" => outline(line.get("data")?),
        "custom_message" => said(line),
        _ => return None,
    };
    Some(told)
}

/// Who speaks in a message; with a tool's answer, which tool, and whether it failed.
fn speaker(message: &Members) -> Option<String> {
    let role = text(message, "role").filter(|role| !role.is_empty())?;
    if role != "toolResult" && role != "tool" {
        return Some(role.to_owned());
    }
    let tool = text(message, "toolName").or_else(|| text(message, "name")).unwrap_or("tool");
    let failed = message.get("isError").and_then(Value::as_bool) == Some(true);
    Some(format!("{tool} {}", if failed { "failed" } else { "answered" }))
}

/// What a message says: its blocks one below the other.
fn said(message: &Members) -> String {
    let is_answer = matches!(text(message, "role"), Some("toolResult" | "tool"));
    let said = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let blocks = blocks.iter().map(block).filter(|block| !block.is_empty());
            blocks.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    };
    if is_answer { shortened(&said) } else { said }
}

/// One block of a message.
fn block(block: &Value) -> String {
    let Value::Object(members) = block else {
        return outline(block);
    };
    match (text(members, "type"), text(members, "text")) {
        (Some("text"), Some(text)) => return text.to_owned(),
        (Some("thinking"), _) => {
            if let Some(thought) = text(members, "thinking") {
                return format!("thinks: {thought}");
            }
        }
        (Some("toolCall" | "tool_use" | "toolUse"), _) => {
            let tool = text(members, "name").unwrap_or("a tool");
            let with = members.get("arguments").or_else(|| members.get("input")).map(outline);
            return match with.filter(|with| !with.is_empty()) {
                Some(with) => format!("calls {tool}\n{}", indented(&with)),
                None => format!("calls {tool}"),
            };
        }
        (Some("image"), _) => {
            let sort = text(members, "mimeType").unwrap_or("of unknown sort");
            return format!("(an image, {sort})");
        }
        _ => {}
    }
    outline(block)
}

/// The first lines of a tool's answer, and how many more there are.
fn shortened(answer: &str) -> String {
    let lines: Vec<&str> = answer.lines().collect();
    let Some(more) = lines.len().checked_sub(ANSWER_LINES).filter(|more| *more > 0) else {
        return answer.to_owned();
    };
    let shown: Vec<&str> = lines.into_iter().take(ANSWER_LINES).collect();
    format!("{}\n({} more: --raw shows them)", shown.join("\n"), count(more, "line"))
}

/// What was found to say, or else all that the entry has in it but its place.
fn or_all(body: String, line: &Members) -> String {
    if !body.trim().is_empty() {
        return body;
    }
    let members = line.iter().filter(|(name, _)| !PLACE.contains(&name.as_str()));
    outline(&Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// A value as lines of names and values, without brackets and quotes.
fn outline(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| under(&format!("{name}:"), value);
            members.iter().map(member).collect::<Vec<_>>().join("\n")
        }
        Value::Array(items) => items.iter().map(|item| under("-", item)).collect::<Vec<_>>().join("\n"),
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// A value beside its name if it is a line, else below it.
fn under(name: &str, value: &Value) -> String {
    let told = outline(value);
    if told.is_empty() {
        return format!("{name} none");
    }
    let is_line = !value.is_object() && !value.is_array() && !told.contains('\n');
    if is_line { format!("{name} {told}") } else { format!("{name}\n{}", indented(&told)) }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> (String, String) {
        let value: Value = serde_json::from_str(raw).unwrap();
        let entry = Entry {
            key: String::new(),
            raw: raw.to_owned(),
            position: 0,
            id: String::new(),
            kind: value["type"].as_str().unwrap_or_default().to_owned(),
            time: None,
            parent: None,
            children: 0,
            is_active: true,
        };
        let Rendered { speaker, body } = Rendered::of(&entry, &|id| id.chars().take(4).collect());
        (speaker, body)
    }

    fn is_shown(raw: &str, speaker: &str, body: &str) {
        assert_eq!(shown(raw), (speaker.to_owned(), body.to_owned()), "{raw}");
    }

    #[test]
    fn a_tool_call_and_its_answer_are_words() {
        is_shown(
            r#"{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"I look."},
                {"type":"toolCall","id":"call_1","name":"exec","arguments":{"command":"ls -l","env":{"A":1}}}]}}"#,
            "assistant",
            "I look.\ncalls exec\n  command: ls -l\n  env:\n    A: 1",
        );
        is_shown(
            r#"{"type":"message","message":{"role":"toolResult","toolName":"exec","isError":false,
                "content":[{"type":"text","text":"a\nb"}]}}"#,
            "exec answered",
            "a\nb",
        );
        is_shown(
            r#"{"type":"message","message":{"role":"toolResult","toolName":"exec","isError":true,"content":"no"}}"#,
            "exec failed",
            "no",
        );
    }

    #[test]
    fn of_a_long_answer_the_beginning_is_shown_and_how_much_more_there_is() {
        let answer = (1..=30).map(|n| n.to_string()).collect::<Vec<_>>().join("\\n");
        let raw = format!(
            r#"{{"type":"message","message":{{"role":"toolResult","toolName":"x","content":"{answer}"}}}}"#
        );
        let (_, body) = shown(&raw);
        assert_eq!(body.lines().count(), ANSWER_LINES + 1);
        assert!(body.ends_with("\n20\n(10 lines more: --raw shows them)"), "{body}");
        let said = raw.replace("toolResult", "user");
        assert!(shown(&said).1.ends_with("\n30"), "what a person wrote is shown whole");
    }

    #[test]
    fn changes_summaries_and_labels_are_words() {
        is_shown(
            r#"{"type":"model_change","provider":"local","modelId":"reed-2"}"#,
            "model change",
            "reed-2 of local",
        );
        is_shown(r#"{"type":"thinking_level_change","thinkingLevel":"off"}"#, "thinking level change", "off");
        is_shown(
            r###"{"type":"compaction","summary":"## Goal\nA speech.","tokensBefore":187204}"###,
            "compaction",
            "Of 187,204 tokens before this remains:\n## Goal\nA speech.",
        );
        is_shown(r#"{"type":"label","targetId":"445f20de","label":"plan"}"#, "label", "\"plan\" on 445f");
        is_shown(r#"{"type":"leaf","targetId":null}"#, "leaf", "goes on from the beginning");
    }

    #[test]
    fn what_is_not_known_is_shown_whole_and_not_as_json() {
        is_shown(
            r#"{"type":"custom","customType":"weather","data":{"at":[1,"two"]}}"#,
            "weather",
            "at:\n  - 1\n  - two",
        );
        is_shown(
            r#"{"type":"new_thing","id":"a","parentId":null,"mood":"good","no":{}}"#,
            "new thing",
            "mood: good\nno: none",
        );
        is_shown(r#"{"type":"model_change","model":7}"#, "model change", "model: 7");
        is_shown(
            r#"{"type":"message","message":{"role":"assistant","content":[{"type":"odd","x":1}]}}"#,
            "assistant",
            "type: odd\nx: 1",
        );
        is_shown(
            r#"{"type":"message","message":{"role":"assistant","content":[],"stopReason":"error"}}"#,
            "assistant",
            "message:\n  content: none\n  role: assistant\n  stopReason: error",
        );
    }
}
