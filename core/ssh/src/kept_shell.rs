//! A shell that stays on a host between looks.
//!
//! A channel, a login and `sudo` cost a host half of what its look costs. What
//! waits for something looks again and again; from the second look over a
//! connection on, it sends only its calls. Nothing else goes this way: a shell
//! that answers oddly is given up, and the look is asked for by itself, whose
//! outcome tells why.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use openssh::{Child, ChildStdin, ChildStdout, Session, Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    sync::Mutex,
};

use crate::{
    answer::{Answer, Line},
    script::{KEPT, Script},
};

/// How long a new shell may take to its first word: a command that the host
/// forces on this login may wait for the end of what it reads.
const GREETING: Duration = Duration::from_secs(10);

/// Bytes that are read of one answer, and of what comes before the first.
const LIMIT: u64 = 1 << 20;

/// The shell of one connection.
#[derive(Default)]
pub(crate) struct KeptShell(Mutex<State>);

#[derive(Default)]
enum State {
    /// Nobody has looked yet.
    #[default]
    New,
    /// The next look opens it.
    Wanted,
    Open(Box<Shell>),
    /// It did not answer as it should.
    GivenUp,
}

struct Shell {
    _child: Child<Arc<Session>>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl KeptShell {
    /// The answer of a look; `None` where it has to be asked for by itself.
    /// A look that is given up midway takes the shell along.
    pub(crate) async fn ask(&self, session: &Arc<Session>, command: &str, look: &Script) -> Option<Answer> {
        let mut state = self.0.try_lock().ok()?;
        let kept = match std::mem::replace(&mut *state, State::Wanted) {
            State::New => return None,
            State::GivenUp => {
                *state = State::GivenUp;
                return None;
            }
            State::Wanted => Shell::open(session, command).await.map(Box::new),
            State::Open(shell) => Some(shell),
        };
        let answered = match kept {
            Some(mut shell) => shell.ask(look).await.map(|answer| (answer, shell)),
            None => None,
        };
        let Some((answer, shell)) = answered else {
            *state = State::GivenUp;
            return None;
        };
        *state = State::Open(shell);
        Some(answer)
    }

    /// Ends the shell before something else uses the connection: a host may
    /// allow few sessions. The next look opens another.
    pub(crate) fn rest(&self) {
        if let Ok(mut state) = self.0.try_lock()
            && matches!(*state, State::Open(_))
        {
            *state = State::Wanted;
        }
    }
}

impl Shell {
    /// Opens it; it is ready once it has greeted.
    async fn open(session: &Arc<Session>, command: &str) -> Option<Self> {
        let mut remote = Arc::clone(session).arc_raw_command(command);
        remote.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = remote.spawn().await.ok()?;
        let (mut input, output) = (child.stdin().take()?, child.stdout().take()?);
        input.write_all(Script::kept_library().as_bytes()).await.ok()?;
        let mut shell = Self { _child: child, input, output: BufReader::new(output) };
        // Whatever comes before its first word is the login's.
        let greeted = shell.read(|text| {
            if text.ends_with(KEPT) { ControlFlow::Break(true) } else { ControlFlow::Continue(()) }
        });
        tokio::time::timeout(GREETING, greeted).await.unwrap_or(false).then_some(shell)
    }

    async fn ask(&mut self, look: &Script) -> Option<Answer> {
        self.input.write_all(look.again().expose()).await.ok()?;
        self.input.flush().await.ok()?;
        let mut answer = Answer::default();
        let ended = self.read(|text| {
            if let Some(line) = Line::parse(text) {
                answer.take(line);
            }
            match answer.failed {
                Some(_) => ControlFlow::Break(false),
                None if answer.ended => ControlFlow::Break(true),
                None => ControlFlow::Continue(()),
            }
        });
        ended.await.then_some(answer)
    }

    /// Reads lines until one of them ends it, well or not.
    async fn read(&mut self, mut line: impl FnMut(&str) -> ControlFlow<bool>) -> bool {
        let mut output = (&mut self.output).take(LIMIT);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if !output.read_until(b'\n', &mut bytes).await.is_ok_and(|count| count > 0) {
                return false;
            }
            if let ControlFlow::Break(ended) = line(String::from_utf8_lossy(&bytes).trim_end()) {
                return ended;
            }
        }
    }
}
