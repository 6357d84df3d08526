//! The sample home, inside the program: the files of `tests/fixtures/openclaw`.

use std::fs;
use std::path::Path;

use crate::error::CommandError;

/// Each file's path below the state directory, and what is in it.
macro_rules! sample {
    ($($path:literal,)*) => {
        &[$(($path, include_bytes!(concat!("../../../tests/fixtures/openclaw/.openclaw/", $path)))),*]
    };
}

/// All of them, in order of their paths.
pub(super) const FILES: &[(&str, &[u8])] = sample![
    ".env",
    "agents/garden/sessions/a57d3be8-9ec0-462f-b08c-db8cfe9ce052.jsonl",
    "agents/garden/sessions/a57d3be8-9ec0-462f-b08c-db8cfe9ce052.jsonl.lock",
    "agents/garden/sessions/sessions.json",
    "agents/main/agent/auth-profiles.json",
    "agents/main/agent/models.json",
    "agents/main/sessions/12f1a718-1ad2-44e1-8486-501e01c619bb.jsonl",
    "agents/main/sessions/63bb658a-8812-4384-9ebe-aabcd0bf2b4f.jsonl",
    "agents/main/sessions/dca4a797-b5b4-4e39-b741-02aaffa8edb1.jsonl",
    "agents/main/sessions/dca4a797-b5b4-4e39-b741-02aaffa8edb1.trajectory-path.json",
    "agents/main/sessions/dca4a797-b5b4-4e39-b741-02aaffa8edb1.trajectory.jsonl",
    "agents/main/sessions/sessions.json",
    "cron/jobs.json",
    "logs/config-audit.jsonl",
    "openclaw.json",
    "openclaw.json.bak",
    "update-check.json",
    "workspace-garden/AGENTS.md",
    "workspace-garden/IDENTITY.md",
    "workspace-garden/SOUL.md",
    "workspace-garden/USER.md",
    "workspace-garden/beds.md",
    "workspace/.openclaw/workspace-state.json",
    "workspace/AGENTS.md",
    "workspace/IDENTITY.md",
    "workspace/MEMORY.md",
    "workspace/SOUL.md",
    "workspace/TOOLS.md",
    "workspace/USER.md",
    "workspace/concert/set-list.md",
    "workspace/memory/2026-10-04.md",
    "workspace/skills/rehearsal-plan/SKILL.md",
    "workspace/skills/rehearsal-plan/assets/dot.png",
    "workspace/skills/rehearsal-plan/references/voices.md",
    "workspace/skills/rehearsal-plan/scripts/weeks.sh",
];

/// The files of the sample that can be run.
const EXECUTABLE: &[&str] = &["workspace/skills/rehearsal-plan/scripts/weeks.sh"];

/// The person whose home it is.
pub(super) const OWNER: &str = "Mira Lindqvist";

/// Writes it into a folder that is not there yet, as OpenClaw would have.
pub(super) fn write(folder: &Path) -> Result<(), CommandError> {
    for (path, bytes) in FILES {
        let mut file = folder.to_owned();
        file.extend(path.split('/'));
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, bytes));
        written.map_err(|error| CommandError::file("Writing", &file, &error))?;
        #[cfg(unix)]
        if EXECUTABLE.contains(path) {
            use std::os::unix::fs::PermissionsExt;
            let allowed = fs::set_permissions(&file, fs::Permissions::from_mode(0o755));
            allowed.map_err(|error| CommandError::file("Writing", &file, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Every file below a folder: its path from there, what is in it, and whether it can be run.
    fn found(folder: &Path) -> Vec<(String, Vec<u8>, bool)> {
        let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(inside) = folders.pop() {
            for entry in fs::read_dir(folder.join(&inside)).unwrap() {
                let entry = entry.unwrap();
                let path = inside.join(entry.file_name());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                    continue;
                }
                let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
                files.push((parts.join("/"), fs::read(entry.path()).unwrap(), runs(&entry.path())));
            }
        }
        files.sort();
        files
    }

    #[cfg(unix)]
    fn runs(path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).unwrap().permissions().mode() & 0o111 != 0
    }

    #[cfg(not(unix))]
    fn runs(_: &Path) -> bool {
        false
    }

    #[test]
    fn what_the_program_carries_is_what_lies_in_the_repository() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/openclaw/.openclaw");
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        assert_eq!(found(folder.path()), found(&fixture));
    }
}
