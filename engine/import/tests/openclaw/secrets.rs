//! No secret of a home comes in: not into a document, not into the database, not into what is said.

use std::fmt::Write as _;

use bowline_core::document::FileContent;
use bowline_import::{Item, Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, id, transcript};

/// What every planted secret has in it. The digits make tokens of it that are known by their beginnings.
const PLANTED: &str = "FAKE0123456789";

/// Everything that people can see in documents of agents, skills and memories.
fn documents(desk: &mut Desk) -> String {
    let (now, mut text) = (desk.now(), String::new());
    for listed in desk.device.agents(false).unwrap() {
        let agent = desk.device.show_agent(listed.id, now).unwrap();
        write!(text, "{} {:?} ", agent.name, agent.model).unwrap();
        for (name, json) in agent.tools.iter().chain(&agent.params).chain(&agent.schedules) {
            writeln!(text, "{name} {json}").unwrap();
        }
        agent.files.iter().for_each(|file| writeln!(text, "{} {}", file.path, file.text).unwrap());
    }
    for listed in desk.device.skills(false).unwrap() {
        let skill = desk.device.show_skill(listed.id, now).unwrap();
        writeln!(text, "{} {:?}", skill.name, skill.description).unwrap();
        for file in &skill.files {
            let content = match &file.content {
                FileContent::Text(text) => text.clone(),
                FileContent::Bytes(bytes) => String::from_utf8_lossy(bytes).replace('\0', ""),
            };
            writeln!(text, "{} {content}", file.path).unwrap();
        }
    }
    for listed in desk.device.memories(false).unwrap() {
        let memory = desk.device.show_memory(listed.id, now).unwrap();
        memory.files.iter().for_each(|file| writeln!(text, "{} {}", file.path, file.text).unwrap());
    }
    text
}

/// Everything that an import said, as people and as programs get it.
fn said(desk: &Desk) -> String {
    let json = serde_json::to_string(&(&desk.items, &desk.report)).unwrap();
    format!("{json}\n{:?}\n{:?}", desk.items, desk.report)
}

/// What was said about a path, each with its place.
fn places<'a>(desk: &'a Desk, path: &str) -> Vec<(What, Option<&'a str>)> {
    let items = desk.items.iter().filter(|item| item.path == path);
    items.map(|item| (item.what, item.at.as_deref())).collect()
}

/// A small home in which secrets are wherever people and programs put them, in many spellings. Beside each there is
/// something that does come in.
fn planted() -> Home {
    let home = Home::new();
    settings(&home);
    jobs(&home);
    for (path, content) in FILES {
        let content = content.replace("FAKE", PLANTED);
        home.write(&format!("workspace/{path}"), &content);
        home.write(&format!("workspace/skills/trip/{path}"), &content);
    }
    home.write("workspace/AGENTS.md", "agents come in");
    home.write("workspace/USER.md", "people come in");
    home.write("workspace/memory/token.txt", PLANTED);
    home.write("workspace/fine.json", r#"{"note": "json comes in"}"#);
    let skill = "workspace/skills/trip";
    home.write(&format!("{skill}/SKILL.md"), "---\nname: Trip\n---\nskills come in");
    home.write(
        &format!("{skill}/package.json"),
        r#"{"keywords": ["token"], "dependencies": {"js-tokens": "1"}}"#,
    );
    home.write(&format!("{skill}/get_token.py"), "token = ask()  # scripts come in");
    home.write(&format!("{skill}/logo.png"), b"\x89PNG\0\xff pictures come in");
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    home.write(&format!("{skill}/wide.json"), wide(&format!("{{\"apiKey\": \"{PLANTED}\"}}")));
    home.write(&format!("{skill}/wide.bin"), wide(&format!("-----BEGIN PRIVATE KEY-----\n{PLANTED}")));
    home.write(&format!("{skill}/nul.txt"), format!("\0-----BEGIN PRIVATE KEY-----\n{PLANTED}"));
    home.write(".env", format!("KEY={PLANTED}\nghp_{PLANTED}0123456789=x\n"));
    home.write(
        "agents/main/agent/models.json",
        format!(r#"{{"providers": {{"x": {{"apiKey": "{PLANTED}"}}}}}}"#),
    );
    home.write(
        "agents/main/agent/auth-profiles.json",
        format!(r#"{{"profiles": {{"sk-{PLANTED}": {{"key": "{PLANTED}"}}}}}}"#),
    );
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    home
}

fn settings(home: &Home) {
    let p = PLANTED;
    let token = format!("ghp_{p}0123456789");
    home.write(
        "openclaw.json",
        json!({
            "gateway": {"auth": {"APIToken": p, "pin": 123_456_789}},
            "agents": {"list": [{
                "id": "main",
                "model": {"primary": "p/m", "fallbacks": ["p/fallbacks come in", format!("https://{p}@example.org/v1")]},
                "tools": {
                    "allow": ["tools come in"],
                    "env": {"$include": "./env.json5"},
                    "mcp": {
                        "one": {"url": format!("https://example.org/sse?api_key={p}"), "args": ["--api-key", p, "run"]},
                        "two": {"command": format!("run --token={p}"), "header": format!("Authorization: Bearer {p}")},
                        "three": {"apiKeys": [{"value": p}], "credentials": [{"user": "ada", "of": p}]},
                        "four": {&token: {"user": "ada"}, "hook": format!("https://hooks.slack.com/services/T/B/{p}")},
                    },
                    &token: true,
                },
                "params": {"$include": ["./params.json5"]},
                "identity": {"name": "Quill", "accesstoken": p, "bottoken": p, "passcode": p, "password_2": p},
                &token: "x",
            }]}
        })
        .to_string(),
    );
    home.write("env.json5", format!("{{FOO: '{p}', more: [{{of: '{p}'}}]}}"));
    home.write("params.json5", "{temperature: 1, headers: {$include: './headers.json5'}}");
    home.write("headers.json5", format!("{{'X-Mine': '{p}'}}"));
}

fn jobs(home: &Home) {
    let p = PLANTED;
    let job = json!({"id": "job", "name": "Paper", "schedule": {"expr": "0 8 * * *"}, "note": "jobs come in",
        "delivery": {"url": format!("https://example.org/x?token={p}"), "to": format!("https://discord.com/api/webhooks/1/{p}")},
        "payload": {"text": format!("curl https://api.telegram.org/bot123456789:{p}abcdefghijklmnopqrstu/send"),
            "bearer": p, "how": format!("call it with Bearer {p}")}});
    let hidden = json!({"id": format!("sk-{p}"), "schedule": {"expr": "0 8 * * *"}, "note": "stays there"});
    let named = json!({"id": "named", "name": format!("sk-{p}")});
    let own = json!({"id": format!("sk-own-{p}"), "name": "Own", "declarationKey": "memory"});
    home.write("cron/jobs.json", json!({"jobs": [job, hidden, named, own]}).to_string());
}

/// Files with a secret in them, called FAKE.
const FILES: [(&str, &str); 34] = [
    ("token.txt", "FAKE"),
    (".token", "FAKE"),
    ("api_key", "FAKE"),
    ("cookies.txt", "example.org\tTRUE\t/\tFAKE"),
    ("cookies.json", r#"[{"name": "sid", "value": "FAKE"}]"#),
    ("kubeconfig", "users: [{user: {token: FAKE}}]"),
    (".boto", "[Credentials]\naws_secret_access_key = FAKE"),
    (".vault-token", "FAKE"),
    ("passwords.csv", "url,name,FAKE"),
    ("prod.tfstate", r#"{"resources": ["FAKE"]}"#),
    ("half.json", r#"{"token": "FAKE"#),
    ("more.json", r#"{"a": 1} {"token": "FAKE"}"#),
    ("lines.jsonl", "{\"a\": 1}\n{\"user\": {\"password\": \"FAKE\"}}\n"),
    ("torn.ndjson", "{\"a\": 1}\n{\"password\": \"FAKE"),
    ("twice.json", r#"{"apiKey": "FAKE", "apiKey": "${KEY}"}"#),
    ("lists.json", r#"{"apiKeys": [{"of": "FAKE"}], "args": ["--token", "FAKE"]}"#),
    ("address.json", r#"{"feed": "https://example.org/x?sig=FAKE"}"#),
    ("named.json", r#"{"sk-FAKE": {"user": "ada"}}"#),
    ("comment.json5", "{\n// apiKey: 'FAKE',\na: 1}"),
    ("service.yaml", "service:\n  api_key: FAKE\n"),
    ("folded.yml", "password: >-\n  FAKE\n"),
    ("second.yml", "a: 1\n---\nclient-key-data: FAKE\n"),
    ("broken.yml", "a: [\nsecret: FAKE\n"),
    ("named.yml", "tokens:\n  FAKE0123456789abcdef:\n    user: ada\n"),
    ("service.toml", "[server]\napiKey = \"FAKE\"\n"),
    ("inline.toml", "server = {host = \"x\", token = \"FAKE\"}\n"),
    ("service.ini", "[x]\nPassword = FAKE\n"),
    ("section.ini", "[credentials]\nmine = FAKE\n"),
    ("space.conf", "requirepass FAKE\npassword FAKE\n"),
    ("db.properties", "db.password=FAKE\n"),
    (".zshrc", "export GITHUB_TOKEN=FAKE\n"),
    ("run.py", "key = 'ghp_FAKE0123456789abcdefgh'\n"),
    ("config.js", "const key = `sk-proj-FAKE0123456789abcdefgh`\n"),
    ("note.md", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nFAKE\n"),
];

#[test]
fn nothing_of_a_secret_is_in_the_database_in_documents_or_in_the_report() {
    let (home, mut desk) = (planted(), Desk::new());
    desk.import(&home.path());
    // Three files, in a workspace and in a skill, of which it cannot be told whether secrets are in them.
    assert_eq!(desk.report.failed(), 6, "{:#?}", desk.items);
    let documents = documents(&mut desk);
    for there in ["agents", "people", "json", "skills", "scripts", "pictures", "tools", "fallbacks", "jobs"] {
        assert!(documents.contains(&format!("{there} come")), "{there} in {documents}");
    }
    assert!(
        documents.contains("js-tokens") && documents.contains("Quill") && documents.contains("temperature")
    );
    assert!(desk.holds(b"words number 1"), "what is in documents can be found in the database");
    assert!(!documents.contains("FAKE") && !documents.contains("stays there"), "{documents}");
    assert!(!said(&desk).contains("FAKE"), "{:#?}", desk.items);
    assert!(!desk.holds(b"FAKE"));
    // The same again, as an import does that finds what it imported.
    desk.import(&home.path());
    assert_eq!(desk.report.changed(), 0);
    assert!(!said(&desk).contains("FAKE") && !desk.holds(b"FAKE"));
}

#[test]
fn each_file_that_is_left_for_a_secret_is_said() {
    let (home, mut desk) = (planted(), Desk::new());
    desk.import(&home.path());
    for (path, _) in FILES {
        for folder in ["workspace", "workspace/skills/trip"] {
            let path = format!("{folder}/{path}");
            let items: Vec<&Item> = desk.items.iter().filter(|item| item.path == path).collect();
            assert!(!items.is_empty(), "{path}");
            let is_unknown =
                |item: &&Item| item.why.as_deref().unwrap_or_default().contains("cannot be told");
            let unknown = items.iter().filter(|item| is_unknown(item)).count();
            let expected = ["half.json", "more.json", "torn.ndjson"].iter().any(|end| path.ends_with(end));
            assert_eq!(unknown > 0, expected, "{items:?}");
            let outcome = if expected { Outcome::Failed } else { Outcome::Skipped };
            assert!(items.iter().all(|item| item.outcome == outcome), "{items:?}");
            assert!(expected || items.iter().all(|item| item.what == What::Secret), "{items:?}");
        }
    }
}

#[test]
fn a_secret_is_said_with_its_file_and_its_place() {
    let (home, mut desk) = (planted(), Desk::new());
    desk.import(&home.path());
    let skill = "workspace/skills/trip";
    for (path, at) in [
        ("env.json5".to_owned(), "FOO"),
        ("headers.json5".to_owned(), "X-Mine"),
        ("workspace/service.yaml".to_owned(), "service.api_key"),
        ("workspace/service.toml".to_owned(), "line 2: apiKey"),
        ("workspace/lines.jsonl".to_owned(), "line 2: user.password"),
        ("workspace/named.json".to_owned(), "[…]"),
        (format!("{skill}/wide.json"), "apiKey"),
    ] {
        assert!(
            places(&desk, &path).contains(&(What::Secret, Some(at))),
            "{path}: {:?}",
            places(&desk, &path)
        );
    }
    let settings = places(&desk, "openclaw.json");
    for at in [
        "gateway.auth.APIToken",
        "gateway.auth.pin",
        "agents.list[0].model.fallbacks[1]",
        "agents.list[0].tools[…]",
        "agents.list[0].tools.mcp.one.url",
        "agents.list[0].tools.mcp.one.args[1]",
        "agents.list[0].tools.mcp.two.command",
        "agents.list[0].tools.mcp.two.header",
        "agents.list[0].tools.mcp.three.apiKeys[0].value",
        "agents.list[0].tools.mcp.four[…]",
        "agents.list[0].tools.mcp.four.hook",
        "agents.list[0].identity.password_2",
        "agents.list[0][…]",
    ] {
        assert!(settings.contains(&(What::Secret, Some(at))), "{at} in {settings:#?}");
    }
    let jobs = places(&desk, "cron/jobs.json");
    for at in [
        "job.delivery.url",
        "job.delivery.to",
        "job.payload.text",
        "job.payload.bearer",
        "job.payload.how",
        "[…]",
    ] {
        assert!(jobs.contains(&(What::Secret, Some(at))), "{at} in {jobs:#?}");
    }
    for path in ["wide.bin", "nul.txt"] {
        assert_eq!(desk.about(&format!("{skill}/{path}")).why.as_deref(), Some("a private key is in it"));
    }
}

#[test]
fn a_file_of_very_many_secrets_is_said_in_part() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let cookies: Vec<_> = (0..500).map(|n| json!({"cookie": format!("{PLANTED}{n}")})).collect();
    home.write("workspace/jar.json", json!(cookies).to_string());
    desk.import(&home.path());
    let said = places(&desk, "workspace/jar.json");
    assert_eq!(said.len(), 51);
    let last = desk.items.iter().rfind(|item| item.path == "workspace/jar.json").unwrap();
    assert_eq!(last.why.as_deref(), Some("450 more secrets in the same file"));
}

#[test]
fn a_secret_that_was_noted_or_said_comes_along() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("workspace/notes.md", "the password: hunter2");
    home.session(
        &format!("{}.jsonl", id(1)),
        transcript(&id(1), 1).replace("words number 0", "token=hunter3"),
    );
    desk.import(&home.path());
    assert!(documents(&mut desk).contains("hunter2"));
    assert!(String::from_utf8(desk.file(&id(1)).bytes).unwrap().contains("token=hunter3"));
}
