//! Jobs that run by the clock: from `cron/jobs.json`, or from the state database since there is one.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;

use crate::json;
use crate::openclaw::home::place::{Away, Home};
use crate::openclaw::transcripts::database::{self, table};
use crate::secrets;
use crate::{Item, Reporter, What};

/// Bytes of a file of jobs.
const FILE_MAX: u64 = 8 << 20;

/// Jobs that are read. A person looks after some dozens.
const JOBS_MAX: usize = 10_000;

/// Bytes of one job in the database.
const JOB_MAX: i64 = 1 << 20;

/// A job that a person made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: Option<String>,
    /// The agent that the job is for; the default one if the job names none.
    pub(crate) agent: Option<String>,
    /// What the job does and when, without how it went the last time.
    pub(crate) value: Value,
    /// The file it is in.
    pub(crate) file: String,
}

/// All jobs that people made. Those that OpenClaw made itself, and those that cannot be read, are reported.
pub(crate) fn all(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    database: Option<(&Connection, &str)>,
) -> Vec<Job> {
    let mut jobs = BTreeMap::new();
    for (value, file) in in_file(report, home) {
        add(report, &mut jobs, value, file);
    }
    if let Some((connection, path)) = database {
        match in_database(connection) {
            // If there is a database, the file is what was there before it.
            Ok((values, count)) => {
                if count > values.len() {
                    report.item(&Item::failed(What::Schedule, path, beyond(count)).at("cron_jobs"));
                }
                for value in values {
                    add(report, &mut jobs, value, path.to_owned());
                }
            }
            Err(error) => {
                report.item(&Item::failed(What::Schedule, path, database::reason(&error)).at("cron_jobs"));
            }
        }
    }
    jobs.into_values().collect()
}

fn add(report: &mut Reporter<'_>, jobs: &mut BTreeMap<String, Job>, mut value: Value, file: String) {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    // What a job is called is shown to people.
    let is_shown = |text: &String| !secrets::has_secret_shape(text);
    let name = text(&value, "displayName").or_else(|| text(&value, "name")).filter(is_shown);
    let Some(id) = text(&value, "id").or_else(|| text(&value, "jobId")).filter(|id| !id.is_empty()) else {
        report.item(&Item::failed(What::Schedule, file, "a job without an id").titled(name));
        return;
    };
    if !is_shown(&id) {
        let why = "a secret in place of a job's id";
        report.item(&Item::skipped(What::Secret, file, why).at(json::HIDDEN).titled(name));
        return;
    }
    if is_openclaws_own(&value) {
        let why = "OpenClaw made it itself, and makes it again wherever it runs";
        report.item(&Item::skipped(What::Schedule, file, why).at(id).titled(name));
        return;
    }
    if let Value::Object(members) = &mut value {
        members.remove("state");
        // The time changes with every run.
        members.remove("updatedAtMs");
    }
    let agent = text(&value, "agentId").map(|agent| agent.trim().to_lowercase());
    jobs.insert(id.clone(), Job { id, name, agent, value, file });
}

/// Whether OpenClaw looks after a job by itself.
fn is_openclaws_own(job: &Value) -> bool {
    let text = |path: &str| job.pointer(path).and_then(Value::as_str);
    let is_managed = text("/description").is_some_and(|text| text.starts_with("[managed-by="));
    text("/declarationKey").is_some() || text("/payload/kind") == Some("heartbeat") || is_managed
}

fn in_file(report: &mut Reporter<'_>, home: Home<'_>) -> Vec<(Value, String)> {
    const FILE: &str = "cron/jobs.json";
    let read = home.inside("cron").and_then(|folder| Ok(folder.read("jobs.json", FILE_MAX)?));
    let parsed = match read {
        Err(Away::Missing) => return Vec::new(),
        Err(away) => Err(away.to_string()),
        Ok(bytes) => json::parse(&bytes).map_err(|error| error.to_string()),
    };
    match parsed {
        Ok(mut value) => {
            if let Some(Value::Array(mut jobs)) = value.get_mut("jobs").map(Value::take) {
                if jobs.len() > JOBS_MAX {
                    report.item(&Item::failed(What::Schedule, FILE, beyond(jobs.len())));
                    jobs.truncate(JOBS_MAX);
                }
                return jobs.into_iter().map(|job| (job, FILE.to_owned())).collect();
            }
            report.item(&Item::failed(What::Schedule, FILE, "there is no list of jobs in it"));
            Vec::new()
        }
        Err(why) => {
            report.item(&Item::failed(What::Schedule, FILE, why));
            Vec::new()
        }
    }
}

/// Says how many jobs are not read.
fn beyond(count: usize) -> String {
    format!("it has {count} jobs, of which the first {JOBS_MAX} were read")
}

/// The jobs, and how many there are.
fn in_database(connection: &Connection) -> rusqlite::Result<(Vec<Value>, usize)> {
    let columns = table(connection, "cron_jobs")?;
    if !columns.has(&["job_id", "job_json"]) {
        return Ok((Vec::new(), 0));
    }
    let sql = format!(
        "SELECT job_id, CASE WHEN octet_length(job_json) <= {JOB_MAX} THEN job_json END, {}, {} FROM cron_jobs ORDER BY job_id",
        columns.or_null("declaration_key"),
        columns.or_null("agent_id"),
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut jobs, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        if count > JOBS_MAX {
            continue;
        }
        let text = |at| row.get_ref(at).ok().and_then(|value| value.as_str().ok()).map(str::to_owned);
        let mut job = text(1).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
        if let Value::Object(members) = &mut job {
            for (name, at) in [("id", 0), ("declarationKey", 2), ("agentId", 3)] {
                if let Some(text) = text(at) {
                    members.entry(name).or_insert(Value::String(text));
                }
            }
        }
        jobs.push(job);
    }
    Ok((jobs, count))
}
