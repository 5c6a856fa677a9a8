//! One host: observes, applies, reads, confirms, each in one round trip.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use honey_model::{Fault, FaultClass, Secret, text::visible};
use honey_ports::{
    CallContext, Event,
    etcd::Snapshot,
    host::{Content, Facts, Host, HostTarget, Step, StepReport},
};
use tokio::sync::Mutex;

use crate::{
    answer::{Answer, Line},
    execute::{Broken, Outcome, execute},
    facts, fault,
    hosts::{Become, SshOptions},
    local_binary, script,
    session::{self, Connection},
    target::Resolved,
};

/// Bytes of marked lines that honey reads from one script.
const ANSWER_LIMIT: usize = 1 << 20;

/// An open host. The connection behind it is replaced when it died.
pub(crate) struct SshHost {
    target: HostTarget,
    resolved: Resolved,
    options: Arc<SshOptions>,
    connection: Mutex<Option<Arc<Connection>>>,
    host_key: std::sync::Mutex<Option<String>>,
}

impl SshHost {
    /// A host that is not connected yet.
    pub(crate) fn new(target: HostTarget, resolved: Resolved, options: Arc<SshOptions>) -> Self {
        Self {
            target,
            resolved,
            options,
            connection: Mutex::default(),
            host_key: std::sync::Mutex::default(),
        }
    }

    /// The shared connection, opened where there is none.
    pub(crate) async fn connection(&self, context: &CallContext) -> Result<Arc<Connection>, Fault> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = slot.as_ref() {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.open(context).await?);
        *slot = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn open(&self, context: &CallContext) -> Result<Connection, Fault> {
        let opening = session::open(context, &self.target, &self.resolved, &self.options);
        let connection = self.within(context, opening).await?;
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&connection.host_key);
        Ok(connection)
    }

    /// How it is called in messages.
    pub(crate) fn shown(&self) -> &str {
        &self.resolved.shown
    }

    /// Forgets a connection that turned out to be dead.
    pub(crate) async fn drop_connection(&self, dead: &Arc<Connection>) {
        let mut slot = self.connection.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, dead)) {
            *slot = None;
        }
    }

    /// Ends the connection; a script that still runs on it ends first.
    pub(crate) async fn close(&self) {
        self.connection.lock().await.take();
    }

    /// Bounds a call by its deadline and the operator's patience.
    async fn within<T>(
        &self,
        context: &CallContext,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::select! {
            done = tokio::time::timeout(context.deadline, work) => {
                done.unwrap_or_else(|_| Err(fault::deadline(&self.resolved.shown, context.deadline.as_secs())))
            }
            () = context.cancel.canceled() => Err(fault::canceled(&self.resolved.shown)),
        }
        .map_err(|fault| fault.from_origin(format!("ssh {}", self.resolved.hostname)))
    }

    /// The login's shell hands on what its sshd says of the connection, which
    /// sudo would keep from the script.
    fn command(&self) -> &'static str {
        match self.options.r#become {
            Become::Root if self.resolved.user != "root" => "sudo -n sh -s $SSH_CONNECTION",
            _ => "sh -s $SSH_CONNECTION",
        }
    }

    /// Runs a script on the shared connection; one that died meanwhile is
    /// opened again, once, as nothing was sent yet.
    async fn script(
        &self,
        context: &CallContext,
        script: &Secret,
        limit: usize,
        heard: &mut (dyn FnMut(&Line) + Send),
    ) -> Result<Outcome, Fault> {
        for attempt in 0..2 {
            let connection = self.connection(context).await?;
            connection.kept.rest();
            match execute(&connection.session, self.command(), script, limit, |line| heard(line)).await {
                Ok(outcome) => {
                    if outcome.lost {
                        self.drop_connection(&connection).await;
                    }
                    return Ok(outcome);
                }
                Err(Broken::TooMuch) => {
                    self.drop_connection(&connection).await;
                    return Err(fault::too_much(&self.resolved.shown));
                }
                Err(Broken::Dead) => {
                    self.drop_connection(&connection).await;
                    if attempt == 1 {
                        break;
                    }
                }
            }
        }
        Err(fault::broken(&self.resolved.shown))
    }

    /// Like [`Self::script`], for scripts whose answer is all or nothing.
    async fn ask(
        &self,
        context: &CallContext,
        script: &Secret,
        limit: usize,
        what: &str,
    ) -> Result<Answer, Fault> {
        let outcome = self.script(context, script, limit, &mut |_| {}).await?;
        self.complete(outcome, |_| what.to_owned(), &[])
    }

    /// Turns an outcome into its answer, or the fault it stands for.
    fn complete(
        &self,
        outcome: Outcome,
        name: impl Fn(usize) -> String,
        secrets: &[&Secret],
    ) -> Result<Answer, Fault> {
        let Outcome { answer, tail, lost } = outcome;
        let tail = without(tail, secrets);
        if let Some((number, word, text)) = &answer.failed {
            return Err(fault::step(
                &self.resolved.shown,
                &name(*number),
                word,
                &without(text.clone(), secrets),
                &tail,
            ));
        }
        if answer.ended { Ok(answer) } else { Err(fault::unfinished(&self.resolved.shown, &tail, lost)) }
    }

    fn malformed(&self, what: &str) -> Fault {
        Fault::new(
            FaultClass::Malformed,
            fault::MALFORMED,
            format!("{} answered without {what}", self.resolved.shown),
        )
    }

    /// Puts a binary of the operator's machine on the host where it is missing.
    async fn send_binary(
        &self,
        context: &CallContext,
        path: &str,
        pinned: Option<&str>,
    ) -> Result<script::SentBinary, Fault> {
        let (owned, pin) = (path.to_owned(), pinned.map(str::to_owned));
        let sent = tokio::task::spawn_blocking(move || local_binary::check(&owned, pin.as_deref()))
            .await
            .map_err(|error| Fault::new(FaultClass::Internal, "HNY0001", error.to_string()))??;
        for place in ["/usr/local/bin/k3s", script::SENT_BINARY] {
            let answer = self.ask(context, &script::digest(place), ANSWER_LIMIT, "a look at k3s").await?;
            if answer.result("digest") == Some(sent.sha256.as_str()) {
                return Ok(sent);
            }
        }
        let mut parts = local_binary::Parts::of(path)?;
        while let Some(script) = parts.next()? {
            self.ask(context, &script, ANSWER_LIMIT, "sending k3s").await?;
        }
        Ok(sent)
    }
}

/// Takes secrets out of a host's words, in clear and as they were sent.
fn without(text: String, secrets: &[&Secret]) -> String {
    let mut text = text;
    for secret in secrets {
        if let Some(clear) = secret.expose_str().map(str::trim).filter(|clear| clear.len() >= 4) {
            for line in
                std::iter::once(clear).chain(clear.lines().map(str::trim).filter(|line| line.len() >= 8))
            {
                text = text.replace(line, "****");
            }
        }
        let sent = STANDARD.encode(secret.expose());
        if sent.len() >= 4 {
            text = text.replace(&sent, "****");
        }
    }
    text
}

#[async_trait]
impl Host for SshHost {
    async fn facts(&self, context: &CallContext, files: &[String]) -> Result<Facts, Fault> {
        self.within(context, async {
            let look = script::facts(files);
            let connection = self.connection(context).await?;
            let kept = connection.kept.ask(&connection.session, self.command(), &look).await;
            drop(connection);
            let answer = match kept {
                Some(answer) => answer,
                None => self.ask(context, &look.finish(), ANSWER_LIMIT, "the look at the host").await?,
            };
            facts::parse(answer.result("facts").ok_or_else(|| self.malformed("facts"))?)
        })
        .await
    }

    async fn run(&self, context: &CallContext, steps: &[Step]) -> Result<StepReport, Fault> {
        if steps.is_empty() {
            return Ok(StepReport::default());
        }
        self.within(context, async {
            let sent = match local_binary::wanted(steps) {
                Some((path, pinned)) => Some(self.send_binary(context, path, pinned).await?),
                None => None,
            };
            let script = script::steps(steps, sent.as_ref())?;
            let names: Vec<String> = steps.iter().map(script::describe).collect();
            let tell = |done: usize| {
                if let Some(name) = names.get(done) {
                    context.progress.tell(Event::OperationProgress {
                        address: context.address.clone(),
                        message: visible(name, 200),
                        percent: u8::try_from(done * 100 / names.len()).ok(),
                    });
                }
            };
            tell(0);
            let mut heard = |line: &Line| {
                if let Line::Done(number, _) = line {
                    tell(number.saturating_add(1));
                }
            };
            let outcome = self.script(context, &script, ANSWER_LIMIT, &mut heard).await?;
            let secrets: Vec<&Secret> = steps
                .iter()
                .filter_map(|step| match step {
                    Step::File { content: Content::Secret(secret), .. } => Some(secret),
                    _ => None,
                })
                .collect();
            let name = |number: usize| names.get(number).map_or_else(|| "a step".to_owned(), Clone::clone);
            let answer = self.complete(outcome, name, &secrets)?;
            if answer.done.len() != steps.len() {
                return Err(self.malformed("a word on every step"));
            }
            Ok(StepReport {
                changed: answer
                    .done
                    .iter()
                    .filter(|(_, changed)| *changed)
                    .map(|(number, _)| *number)
                    .collect(),
            })
        })
        .await
    }

    async fn read(&self, context: &CallContext, path: &str, limit: usize) -> Result<Option<Secret>, Fault> {
        self.within(context, async {
            let room = limit.saturating_mul(4) / 3 + 8192;
            let answer = self
                .ask(context, &script::read(path, limit), room.max(ANSWER_LIMIT), "reading a file")
                .await?;
            let text = answer.result("read").ok_or_else(|| self.malformed("the file"))?;
            match text.split_once(' ').unwrap_or((text, "")) {
                ("absent", _) => Ok(None),
                ("present", encoded) => {
                    let bytes =
                        STANDARD.decode(encoded.trim()).map_err(|_| self.malformed("a readable file"))?;
                    Ok(Some(Secret::new(bytes)))
                }
                ("large", size) => Err(Fault::new(
                    FaultClass::Malformed,
                    fault::TOO_MUCH,
                    format!(
                        "{path} on {} has {} bytes, more than the {limit} that honey reads",
                        self.resolved.shown,
                        visible(size, 20)
                    ),
                )),
                _ => Err(self.malformed("the file")),
            }
        })
        .await
    }

    async fn etcd_snapshots(&self, context: &CallContext) -> Result<Vec<Snapshot>, Fault> {
        #[derive(serde::Deserialize)]
        struct Listed {
            snapshots: Vec<Snapshot>,
        }
        self.within(context, async {
            let answer =
                self.ask(context, &script::etcd_snapshots(), ANSWER_LIMIT, "the list of snapshots").await?;
            let text = answer.result("etcd").ok_or_else(|| self.malformed("snapshots"))?;
            let listed: Listed =
                serde_json::from_str(text).map_err(|_| self.malformed("a readable list of snapshots"))?;
            // What k3s would not call a snapshot is no name to send back.
            let mut snapshots = listed.snapshots;
            snapshots.retain(|one| script::is_snapshot_name(&one.name));
            snapshots.sort();
            Ok(snapshots)
        })
        .await
    }

    async fn confirm_firewall(&self, context: &CallContext) -> Result<(), Fault> {
        self.within(context, async {
            // Through the rules as they are now: an old connection would prove nothing.
            let fresh = Arc::new(self.open(context).await?);
            let script = script::confirm_firewall();
            let outcome = match execute(&fresh.session, self.command(), &script, ANSWER_LIMIT, |_| {}).await {
                Ok(outcome) => outcome,
                Err(Broken::Dead) => return Err(fault::broken(&self.resolved.shown)),
                Err(Broken::TooMuch) => return Err(fault::too_much(&self.resolved.shown)),
            };
            let answer = self.complete(outcome, |_| "the confirmation of firewall rules".to_owned(), &[])?;
            match answer.result("confirmed") {
                Some("yes" | "idle") => {
                    *self.connection.lock().await = Some(fresh);
                    Ok(())
                }
                Some("restored") => Err(Fault::new(
                    FaultClass::Conflict,
                    fault::FIREWALL,
                    format!(
                        "nobody confirmed the new firewall rules of {} in time, so the old ones are back",
                        self.resolved.shown
                    ),
                )
                .with_help("run the same command again; the rules must leave ssh open for this machine")),
                _ => Err(self.malformed("a confirmation")),
            }
        })
        .await
    }

    fn host_key(&self) -> Option<String> {
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
