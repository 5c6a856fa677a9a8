//! The laws, one file a subject, and what they share: a kind with its example.

pub(crate) mod artifact;
mod check;
mod faults;
mod hostile;
mod interruption;
mod lifecycle;
mod limits;
mod ownership;
mod pages;

use honey_model::{Fault, FaultClass, Found, KindSchema, Ownership};
use honey_plan::differences;
use honey_ports::{ApplyAction, Driver as _};
use serde_json::{Value, json};

use crate::{
    Law,
    report::Book,
    run::short,
    setup::Example,
    template::{fill, lay, roots},
    trial::{Census, Change, ONE, Trial},
};

/// Whether a law is about kinds, not about the plugin as a whole.
pub(crate) fn about_kinds(law: Law) -> bool {
    !matches!(law, Law::Loads | Law::NoAmbientAuthority)
}

/// A kind under test.
pub(crate) struct Case<'a> {
    pub(crate) trial: &'a mut Trial,
    pub(crate) book: &'a mut Book,
    pub(crate) schema: KindSchema,
    pub(crate) example: Example,
    /// Outputs of other examples that this one refers to.
    pub(crate) given: Value,
    /// The example's desired value in its normal form.
    pub(crate) desired: Value,
    /// The same after the example's update.
    pub(crate) updated: Option<Value>,
    /// Objects before anything was made.
    pub(crate) baseline: Census,
    /// Objects while the example's one is there.
    pub(crate) made: Census,
}

/// Puts one kind to the test.
pub(crate) async fn kind(
    trial: &mut Trial,
    book: &mut Book,
    schema: KindSchema,
    example: Example,
) -> Result<(), Fault> {
    let name = schema.kind.clone();
    for (law, why) in &example.except {
        if let Some(law) = Law::parse(law) {
            book.except(law, &name, why);
        }
    }
    trial.renew().await?;
    let given = match provide(trial, &example).await {
        Ok(given) => given,
        Err(fault) => {
            book.judge(
                Law::CreateMakesOne,
                &name,
                Some(format!("what the example needs could not be made: {fault}")),
            );
            return Ok(());
        }
    };
    let mut case = Case {
        trial,
        book,
        schema,
        example,
        given,
        desired: Value::Null,
        updated: None,
        baseline: Census::new(),
        made: Census::new(),
    };
    if !check::look(&mut case).await {
        return Ok(());
    }
    case.baseline = case.trial.census();
    let alive = lifecycle::look(&mut case).await;
    if alive {
        ownership::look(&mut case).await?;
        pages::look(&mut case).await?;
        interruption::look(&mut case).await?;
        faults::look(&mut case).await?;
        hostile::look(&mut case).await?;
        limits::ends_when_asked(&mut case).await?;
    } else {
        for law in Law::ALL.iter().filter(|law| about_kinds(**law)) {
            case.book.skip(*law, &name, "not reached: the object's plain life does not work");
        }
    }
    limits::judge(&mut case);
    secrets(&mut case);
    Ok(())
}

/// Makes what an example refers to, in a fresh world.
async fn provide(trial: &Trial, example: &Example) -> Result<Value, Fault> {
    let mut given = json!({ "vendor": trial.gate().origin() });
    let mut wanted = Vec::new();
    collect(trial, example, &mut wanted, 0)?;
    for kind in wanted {
        let Some(example) = trial.setup.example(&kind) else { continue };
        let plugin = trial.plugin().await?;
        let desired = plugin.check(&kind, &fill(&example.desired, &given)).await?.desired;
        let action = if example.exists { ApplyAction::Adopt } else { ApplyAction::Create };
        let change = Change { action, kind: kind.clone(), id: None, prior: None, desired: Some(desired) };
        let found = trial.settle(&trial.operation(&kind, ONE), &change).await?;
        given[&kind] = found.map_or(Value::Null, |found| found.outputs);
    }
    Ok(given)
}

fn collect(trial: &Trial, example: &Example, wanted: &mut Vec<String>, depth: usize) -> Result<(), Fault> {
    if depth > 8 {
        let text =
            format!("the examples of conformance.toml refer to each other in a circle at `{}`", example.kind);
        return Err(Fault::new(FaultClass::Invalid, "HNY0488", text));
    }
    let mut names = Vec::new();
    roots(&example.desired, &mut names);
    if let Some(update) = &example.update {
        roots(update, &mut names);
    }
    for name in names {
        if let Some(other) = trial.setup.example(&name).filter(|other| other.kind != example.kind) {
            collect(trial, other, wanted, depth + 1)?;
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
    }
    Ok(())
}

impl Case<'_> {
    pub(crate) fn kind(&self) -> &str {
        &self.schema.kind
    }

    /// Judges a law of this kind. True: it holds here.
    pub(crate) fn judge(&mut self, law: Law, wrong: Option<String>) -> bool {
        let kind = self.schema.kind.clone();
        self.book.judge(law, &kind, wrong)
    }

    pub(crate) fn applies(&self, law: Law) -> bool {
        self.book.applies(law, &self.schema.kind)
    }

    pub(crate) fn skip(&mut self, law: Law, why: &str) {
        let kind = self.schema.kind.clone();
        self.book.skip(law, &kind, why);
    }

    /// The raw desired value, with the update where asked.
    pub(crate) fn raw(&self, with_update: bool) -> Value {
        let mut value = self.example.desired.clone();
        if let Some(update) = self.example.update.as_ref().filter(|_| with_update) {
            lay(&mut value, update);
        }
        fill(&value, &self.given)
    }

    /// What brings the example's object about.
    pub(crate) fn make(&self) -> Change {
        let action = if self.example.exists { ApplyAction::Adopt } else { ApplyAction::Create };
        self.change(action, None, Some(&self.desired))
    }

    pub(crate) fn change(
        &self,
        action: ApplyAction,
        found: Option<&Found>,
        desired: Option<&Value>,
    ) -> Change {
        Change {
            action,
            kind: self.schema.kind.clone(),
            id: found.map(|found| found.id.clone()),
            prior: found.map(|found| found.attributes.clone()),
            desired: desired.cloned(),
        }
    }

    /// How a change from one normal form to another is made.
    pub(crate) fn how(&self, found: &Found, desired: &Value) -> ApplyAction {
        let changes = differences(&self.schema, desired, &found.attributes);
        if changes.iter().any(|change| change.replaces.is_some()) {
            ApplyAction::Replace
        } else {
            ApplyAction::Update
        }
    }

    /// Applies as honey does, as a new operation.
    pub(crate) async fn settle(&self, change: &Change) -> Result<Option<Found>, Fault> {
        self.trial.settle(&self.trial.operation(self.kind(), ONE), change).await
    }

    pub(crate) async fn read(&self, id: Option<&str>) -> Result<Option<Found>, Fault> {
        self.trial.read(self.kind(), ONE, id, Some(&self.desired)).await
    }

    /// What is wrong with an object that should be as desired.
    pub(crate) fn unlike(&self, desired: &Value, found: Option<&Found>) -> Option<String> {
        let Some(found) = found else { return Some("there is no object".to_owned()) };
        if found.ownership != Ownership::Ours {
            return Some(format!("the object `{}` does not carry our marks", found.id));
        }
        differences(&self.schema, desired, &found.attributes).first().map(|change| {
            let show = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), short);
            format!("{}: wanted {}, read {}", change.path, show(&change.after), show(&change.before))
        })
    }

    /// Looks whether the example's object is there once and as desired.
    pub(crate) async fn settled(&self, desired: &Value) -> Option<String> {
        let counted = self.counted();
        if counted.is_some() {
            return counted;
        }
        match self.read(None).await {
            Ok(found) => self.unlike(desired, found.as_ref()),
            Err(fault) => Some(format!("it cannot be read: {fault}")),
        }
    }

    /// What is wrong with the number of objects.
    pub(crate) fn counted(&self) -> Option<String> {
        let now = self.trial.census();
        (now != self.made).then(|| format!("the vendor has {}, not {}", counts(&now), counts(&self.made)))
    }

    /// Stops meddling.
    pub(crate) fn peace(&self) {
        self.trial.death.arm(0);
        self.trial.gate().set(None);
    }

    /// Back to a world without the example's object.
    pub(crate) async fn clean(&mut self) -> Result<(), Fault> {
        self.peace();
        if !self.example.exists {
            if self.trial.census() == self.baseline {
                return Ok(());
            }
            if let Ok(Some(found)) = self.read(None).await
                && found.ownership == Ownership::Ours
            {
                let change = self.change(ApplyAction::Delete, Some(&found), None);
                if self.settle(&change).await.is_ok() && self.trial.census() == self.baseline {
                    return Ok(());
                }
            }
        }
        self.renew().await
    }

    /// A fresh world with what the example needs.
    pub(crate) async fn renew(&mut self) -> Result<(), Fault> {
        self.trial.renew().await?;
        self.given = provide(self.trial, &self.example).await?;
        let plugin = self.trial.plugin().await?;
        self.desired = plugin.check(self.kind(), &self.raw(false)).await?.desired;
        if self.updated.is_some() {
            self.updated = Some(plugin.check(self.kind(), &self.raw(true)).await?.desired);
        }
        Ok(())
    }

    /// A world with the example's object as desired.
    pub(crate) async fn ensure(&mut self) -> Result<Found, Fault> {
        self.peace();
        if let Ok(Some(found)) = self.read(None).await
            && self.unlike(&self.desired, Some(&found)).is_none()
            && self.trial.census() == self.made
        {
            return Ok(found);
        }
        self.clean().await?;
        self.settle(&self.make())
            .await?
            .ok_or_else(|| Fault::new(FaultClass::Internal, "HNY0488", "a create left nothing"))
    }
}

/// `2 droplets, 1 keys`
pub(crate) fn counts(census: &Census) -> String {
    let words: Vec<String> = census.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// No secret came out anywhere, in anything that was done with this kind.
fn secrets(case: &mut Case) {
    let needles = case.trial.needles();
    if needles.is_empty() {
        case.skip(Law::SecretsStayHidden, "there is no secret");
        return;
    }
    let wrong =
        case.trial.transcript.find(&needles).map(|place| format!("a secret's value was seen in {place}"));
    case.judge(Law::SecretsStayHidden, wrong);
    case.trial.transcript.clear();
}
