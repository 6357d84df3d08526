//! Codes and addresses that let in whoever has them: asked for, read from stdin, or taken from the command line with a
//! warning, since others can see what stands there.

use std::io::{Read as _, Write as _};

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;

/// Bytes of stdin that are read for one of them: a code has under 1,000, and white space around it is none of ours.
const MAX_INPUT: u64 = 64 * 1024;

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// What it is, with a capital letter.
    pub(crate) what: &'static str,
    /// The command that asks for it.
    pub(crate) prompts: &'static str,
    /// The command that reads it from stdin.
    pub(crate) reads: &'static str,
}

/// What a person gave: `-` is stdin, nothing is a question.
pub(crate) fn read(
    invocation: &mut Invocation<'_>,
    typed: Option<&str>,
    asked: Asked,
) -> Result<String, CommandError> {
    let Asked { what, prompts, reads } = asked;
    match typed {
        Some("-") | None if invocation.host.terminal.stdin => prompt(invocation, what),
        Some("-") => piped(invocation),
        Some(typed) => Ok(typed.to_owned()),
        None => {
            let message = format!("{what} is missing, and there is nobody to ask");
            Err(CommandError::new(ErrorCode::Usage, message)
                .hint(format!("`{prompts}` asks for it on a terminal; `{reads}` reads it from stdin")))
        }
    }
}

/// Says that others can see what was typed.
pub(crate) fn warn(invocation: &mut Invocation<'_>, asked: Asked) {
    let Asked { what, prompts, reads } = asked;
    invocation.warn(format_args!(
        "{what} stood on the command line, which shells remember and other programs can see. `{prompts}` asks for it, `{reads}` \
         reads it from stdin"
    ));
}

fn prompt(invocation: &mut Invocation<'_>, what: &str) -> Result<String, CommandError> {
    let asked = write!(invocation.host.stderr, "{what}: ");
    asked.and_then(|()| invocation.host.stderr.flush()).map_err(|error| unread(&error))?;
    let mut line = String::new();
    invocation.host.stdin.read_line(&mut line).map_err(|error| unread(&error))?;
    Ok(line)
}

fn piped(invocation: &mut Invocation<'_>) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = (&mut invocation.host.stdin).take(MAX_INPUT).read_to_string(&mut text);
    read.map_err(|error| unread(&error))?;
    Ok(text)
}

fn unread(error: &std::io::Error) -> CommandError {
    CommandError::new(ErrorCode::InputFailed, "Stdin could not be read").because(error)
}
