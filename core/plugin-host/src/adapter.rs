//! A plugin as a driver: the lifecycle's calls, with everything a guest may do
//! wrong turned into a fault that names it.

use std::time::Duration;

use async_trait::async_trait;
use honey_model::{Fault, KindSchema, Severity};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Checked, Driver, Event, Target};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::{
    bindings::exports::honey::plugin::lifecycle,
    call::{Session, pure_context},
    convert, desired,
    error::Problem,
    plugin::Plugin,
};

/// The longest that a guest may ask to wait before it is called again.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

impl Plugin {
    fn kind(&self, kind: &str) -> Result<&KindSchema, Fault> {
        self.kinds.iter().find(|known| known.kind == kind).ok_or_else(|| {
            let known =
                self.kinds.iter().map(|known| format!("`{}`", known.kind)).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            Fault::from(Problem::UnknownKind { kind: kind.to_owned(), known }.of(&self.core.origin))
        })
    }

    pub(crate) fn deadline(&self, context: &CallContext) -> Instant {
        self.core.services.clock.now() + context.deadline.min(self.core.effective.timeout)
    }

    pub(crate) fn canceled(&self) -> Fault {
        Fault::from(Problem::Canceled.of(&self.core.origin))
    }

    /// Runs something that changes nothing; a cancellation ends it at once.
    pub(crate) async fn unless_canceled<T>(
        &self,
        context: &CallContext,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = context.cancel.canceled() => Err(self.canceled()),
            done = work => done,
        }
    }

    /// Normalises several desired values of one kind in one instance: for plans
    /// of many objects. Stops at the first fault.
    pub async fn check_many(&self, kind: &str, desired: &[Value]) -> Result<Vec<Checked>, Fault> {
        let schema = self.kind(kind)?;
        let context = pure_context(&self.core, self.core.services.progress.clone());
        let deadline = self.deadline(&context);
        let mut session = Session::open(self, &context, deadline).await?;
        let guest = session.load(&self.lifecycle)?;
        let mut all = Vec::with_capacity(desired.len());
        for value in desired {
            let mut diagnostics = desired::check(&self.core, schema, value);
            if diagnostics.iter().any(|finding| finding.severity == Severity::Error) {
                all.push(Checked { desired: value.clone(), diagnostics });
                continue;
            }
            let given = desired::without_unknown(value).to_string();
            let outcome = timeout_at(deadline, guest.call_check(&mut session.store, kind, &given)).await;
            let checked = session.settle(outcome)?.map_err(|fault| convert::fault(&self.core, fault))?;
            diagnostics.extend(convert::diagnostics(&self.core, checked.diagnostics));
            all.push(Checked {
                desired: convert::object(&self.core, "a desired value", &checked.desired)?,
                diagnostics,
            });
        }
        Ok(all)
    }

    async fn read_object(&self, context: &CallContext, target: &Target<'_>) -> Result<Applied, Fault> {
        let deadline = self.deadline(context);
        let mut session = Session::open(self, context, deadline).await?;
        let guest = session.load(&self.lifecycle)?;
        let operation = session.operation()?;
        let desired = target.desired.map(|value| desired::without_unknown(value).to_string());
        let call = guest.call_read(&mut session.store, operation, target.kind, target.id, desired.as_ref());
        let outcome = timeout_at(deadline, call).await;
        let answer = session.settle(outcome)?.map_err(|fault| convert::fault(&self.core, fault))?;
        answer.map(|state| convert::found(&self.core, state)).transpose()
    }

    /// One call of `apply`; the last checkpoint's id comes along.
    async fn apply_once(
        &self,
        context: &CallContext,
        deadline: Instant,
        request: &lifecycle::ApplyRequest,
    ) -> Result<(lifecycle::Outcome, Option<String>), Fault> {
        let mut session = Session::open(self, context, deadline).await?;
        let guest = session.load(&self.lifecycle)?;
        let operation = session.operation()?;
        let outcome = timeout_at(deadline, guest.call_apply(&mut session.store, operation, request)).await;
        let answer = session.settle(outcome)?.map_err(|fault| convert::fault(&self.core, fault))?;
        Ok((answer, session.store.data_mut().checkpoint_id.take()))
    }
}

#[async_trait]
impl Driver for Plugin {
    fn schemas(&self) -> &[KindSchema] {
        &self.kinds
    }

    async fn check(&self, kind: &str, desired: &Value) -> Result<Checked, Fault> {
        let findings = desired::check(&self.core, self.kind(kind)?, desired);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Ok(Checked { desired: desired.clone(), diagnostics: findings });
        }
        let checked = self.check_many(kind, std::slice::from_ref(desired)).await?.pop();
        checked.ok_or_else(|| convert::malformed(&self.core, "nothing"))
    }

    async fn read(&self, context: &CallContext, target: Target<'_>) -> Result<Applied, Fault> {
        self.kind(target.kind)?;
        self.unless_canceled(context, self.read_object(context, &target)).await
    }

    async fn apply(&self, context: &CallContext, request: ApplyRequest<'_>) -> Result<Applied, Fault> {
        self.kind(request.kind)?;
        let deadline = self.deadline(context);
        let mut id = request.id.unwrap_or_default().to_owned();
        let mut given = lifecycle::ApplyRequest {
            kind: request.kind.to_owned(),
            action: action(request.action),
            id: request.id.map(str::to_owned),
            prior: request.prior.map(Value::to_string),
            desired: request.desired.map(Value::to_string),
            resume: request.resume.map(Value::to_string),
        };
        loop {
            let (outcome, checkpoint) = self.apply_once(context, deadline, &given).await?;
            id = checkpoint.unwrap_or(id);
            let pending = match outcome {
                lifecycle::Outcome::Done(None) if request.action == ApplyAction::Delete => return Ok(None),
                lifecycle::Outcome::Done(None) => {
                    return Err(convert::malformed(&self.core, "no object where it should have made one"));
                }
                lifecycle::Outcome::Done(Some(state)) => return convert::found(&self.core, state).map(Some),
                lifecycle::Outcome::Pending(pending) => pending,
            };
            let progress = convert::json(&self.core, "progress", &pending.progress)?;
            context.checkpoint.save(&id, &progress).await?;
            if !pending.note.is_empty() {
                context.progress.tell(Event::OperationProgress {
                    address: context.address.clone(),
                    message: honey_model::text::visible(&pending.note, 300),
                    percent: None,
                });
            }
            let wait = Duration::from_millis(u64::from(pending.after_ms.max(1))).min(LONGEST_WAIT);
            let clock = &self.core.services.clock;
            if clock.now() + wait >= deadline {
                let allowed = context.deadline.min(self.core.effective.timeout);
                return Err(Fault::from(Problem::Timeout(allowed).of(&self.core.origin)));
            }
            tokio::select! {
                () = clock.sleep(wait) => {}
                () = context.cancel.canceled() => return Err(self.canceled()),
            }
            given.resume = Some(pending.progress);
        }
    }

    async fn upgrade(&self, kind: &str, from: u32, attributes: &Value) -> Result<Value, Fault> {
        self.kind(kind)?;
        let context = pure_context(&self.core, self.core.services.progress.clone());
        let deadline = self.deadline(&context);
        let mut session = Session::open(self, &context, deadline).await?;
        let guest = session.load(&self.lifecycle)?;
        let given = attributes.to_string();
        let outcome = timeout_at(deadline, guest.call_upgrade(&mut session.store, kind, from, &given)).await;
        let text = session.settle(outcome)?.map_err(|fault| convert::fault(&self.core, fault))?;
        convert::object(&self.core, "upgraded attributes", &text)
    }
}

fn action(action: ApplyAction) -> lifecycle::Action {
    match action {
        ApplyAction::Create => lifecycle::Action::Create,
        ApplyAction::Adopt => lifecycle::Action::Adopt,
        ApplyAction::Update => lifecycle::Action::Update,
        ApplyAction::Replace => lifecycle::Action::Replace,
        ApplyAction::Delete => lifecycle::Action::Delete,
    }
}
