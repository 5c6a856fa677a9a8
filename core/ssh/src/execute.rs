//! Runs one script over an open connection, with bounds on all that comes back.

use honey_model::Secret;
use openssh::{Session, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::answer::{Answer, Line};

/// What the tools print: read at most, and kept from its end.
const NOISE_LIMIT: usize = 4 << 20;
const NOISE_KEPT: usize = 16 << 10;

/// How a script ended.
pub(crate) struct Outcome {
    /// The marked lines.
    pub(crate) answer: Answer,
    /// The end of standard error, not yet escaped.
    pub(crate) tail: String,
    /// Whether the connection, not the script, ended it.
    pub(crate) lost: bool,
}

/// Why there is no outcome.
pub(crate) enum Broken {
    /// The connection was dead before anything was sent.
    Dead,
    /// More came back than honey reads.
    TooMuch,
}

/// Sends the script to `command` and reads until it ends. `limit` bounds
/// standard output; `heard` sees each marked line as it arrives.
pub(crate) async fn execute(
    session: &Session,
    command: &str,
    script: &Secret,
    limit: usize,
    mut heard: impl FnMut(&Line) + Send,
) -> Result<Outcome, Broken> {
    let mut remote = session.raw_command(command);
    remote.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = remote.spawn().await.map_err(|_| Broken::Dead)?;
    let (Some(mut input), Some(mut output), Some(mut noise)) =
        (child.stdin().take(), child.stdout().take(), child.stderr().take())
    else {
        return Err(Broken::Dead);
    };

    // A host that stops reading (sudo said no) is no error here: its words are.
    let send = async {
        let _ = input.write_all(script.expose()).await;
        let _ = input.shutdown().await;
        drop(input);
        Ok::<(), Broken>(())
    };
    let read = async {
        let mut answer = Answer::default();
        let (mut total, mut pending, mut buffer) = (0, Vec::new(), vec![0; 32 << 10]);
        loop {
            let count = output.read(&mut buffer).await.unwrap_or(0);
            total += count;
            if total > limit {
                return Err(Broken::TooMuch);
            }
            pending.extend_from_slice(&buffer[..count]);
            let complete = if count == 0 {
                pending.len()
            } else {
                pending.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
            };
            for line in pending[..complete].split(|b| *b == b'\n') {
                if let Some(line) = Line::parse(String::from_utf8_lossy(line).trim_end_matches('\r')) {
                    heard(&line);
                    answer.take(line);
                }
            }
            pending.drain(..complete);
            if count == 0 {
                return Ok(answer);
            }
        }
    };
    let listen = async {
        let (mut total, mut tail, mut buffer) = (0, Vec::new(), vec![0; 8 << 10]);
        loop {
            let count = noise.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return Ok(String::from_utf8_lossy(&tail).into_owned());
            }
            total += count;
            if total > NOISE_LIMIT {
                return Err(Broken::TooMuch);
            }
            tail.extend_from_slice(&buffer[..count]);
            if tail.len() > 2 * NOISE_KEPT {
                tail.drain(..tail.len() - NOISE_KEPT);
            }
        }
    };
    let ((), answer, tail) = tokio::try_join!(send, read, listen)?;
    // The multiplexer cannot tell a killed shell from a broken connection.
    let lost = child.wait().await.map_or(true, |status| status.code().is_none());
    Ok(Outcome { answer, tail, lost })
}
