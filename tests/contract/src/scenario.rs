//! What is rehearsed: steps of a life, with what must come of each.

use serde_json::Value;

/// A story of one or a few objects, from nothing to nothing.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// In order. `"@label"` in a value stands for that object's id,
    /// `"@label#outputs/x"` for something of it.
    pub steps: Vec<Step>,
    /// Fewest requests that the vendor's API allows, for every step that asks
    /// the vendor for something.
    pub fewest: Vec<Fewest>,
    /// What the operator gave.
    pub secrets: Secrets,
}

/// Which of the vendor's secrets the operator gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// All of the subject's.
    All,
    /// All but this one.
    Without(&'static str),
    /// These, which prove in another way who asks.
    These(&'static [&'static str]),
}

/// Fewest requests of one step, and why not fewer.
#[derive(Debug, Clone, Copy)]
pub struct Fewest {
    /// Name of the step.
    pub step: &'static str,
    /// How many.
    pub calls: usize,
    /// How many more are made nevertheless.
    pub more: usize,
    /// Why.
    pub why: &'static str,
}

/// So many requests of a step, and why not fewer.
pub fn few(step: &'static str, calls: usize, why: &'static str) -> Fewest {
    Fewest { step, calls, more: 0, why }
}

/// The same where more are made: `why` says what for.
pub fn few_but(step: &'static str, calls: usize, more: usize, why: &'static str) -> Fewest {
    Fewest { step, calls, more, why }
}

/// One call of the plugin (or a hand at the vendor).
#[derive(Debug, Clone)]
pub struct Step {
    /// For people, one of its kind in the scenario.
    pub name: &'static str,
    /// What is done.
    pub act: Act,
    /// Kind of the object.
    pub kind: &'static str,
    /// Which object of the scenario.
    pub label: &'static str,
    /// The desired value; null where there is none.
    pub desired: Value,
    /// What must come of it.
    pub expect: Expect,
    /// How the vendor behaves meanwhile, where not as usual.
    pub trick: Option<Trick>,
}

/// Something a vendor does now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// A server does not heed the wish to shut down.
    Stubborn,
    /// Passwords of roles are not stored.
    PasswordsNotStored,
    /// A service has a second address.
    SecondAddress,
    /// The site has no route that tells what an order delivered, but another one.
    NoExtension,
    /// An order waits for somebody to pay it.
    Unpaid,
    /// The answer to the purchase is lost.
    PurchaseLost,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// `apply create`.
    Create,
    /// `apply adopt`, without a known id.
    Adopt,
    /// `apply update`.
    Update,
    /// `apply replace`.
    Replace,
    /// `apply delete`.
    Delete,
    /// `read` by the known id, with the desired value.
    Read,
    /// `read` without an id: by marks or name.
    Find,
    /// `read` by id alone, as an import does.
    Import,
    /// A capability.
    Can(Ability),
    /// Somebody else, at the vendor: method, path below the base, body.
    Hand(&'static str, &'static str),
}

/// A capability with what it needs beside the object's id.
#[derive(Debug, Clone, PartialEq)]
pub enum Ability {
    /// Power state.
    Power,
    /// Switches.
    SetPower(bool),
    /// Restarts.
    Reboot,
    /// Fresh disk; options are the step's desired value.
    Reinstall,
    /// Price of the step's desired value.
    Price,
    /// Edge ranges.
    EdgeRanges,
    /// Image reference made exact: the step's desired text.
    Resolve,
    /// Record sets as they are: `{"zone", "wanted": [[name, type]]}`.
    Current,
    /// A swap: `{"zone", "swaps": [{name, type, expect, set}]}`.
    Swap,
    /// Begins a credential request.
    StartLogin,
    /// Whether it was confirmed.
    LoginFinished,
}

/// What must come of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// The object, ours, as desired: a plan afterwards is empty.
    Settled,
    /// The same, and it is the object known before: nothing was made twice.
    Same,
    /// The same, and it is another object than before.
    New,
    /// The object, whatever it is like.
    Found,
    /// The object, with this attribute not as desired any more.
    Drifted(&'static str),
    /// No object.
    Nothing,
    /// A fault with this code.
    Refused(&'static str),
    /// Success.
    Done,
    /// Success, with this value at this pointer of the outcome.
    Tells(&'static str, Value),
}

impl Step {
    /// A step.
    pub fn new(
        name: &'static str,
        act: Act,
        (kind, label): (&'static str, &'static str),
        desired: Value,
        expect: Expect,
    ) -> Self {
        Self { name, act, kind, label, desired, expect, trick: None }
    }

    /// A step with a capability.
    pub fn can(
        name: &'static str,
        ability: Ability,
        label: &'static str,
        given: Value,
        expect: Expect,
    ) -> Self {
        Self { name, act: Act::Can(ability), kind: "", label, desired: given, expect, trick: None }
    }

    /// With a vendor that behaves unusually.
    #[must_use]
    pub fn while_vendor(mut self, trick: Trick) -> Self {
        self.trick = Some(trick);
        self
    }

    /// Whether repeating it is one of honey's promises.
    pub fn repeatable(&self) -> bool {
        !matches!(self.act, Act::Hand(..) | Act::Can(Ability::Reboot | Ability::StartLogin))
    }
}

/// The whole life of one kind: looked for, made, found again, changed, drifted,
/// repaired, replaced where there is something to replace, imported, deleted twice.
pub fn life(
    kind: &'static str,
    label: &'static str,
    first: Value,
    changed: Option<(Value, &'static str)>,
    replaced: Option<Value>,
) -> Vec<Step> {
    let at = (kind, label);
    let step = |name, act, desired: &Value, expect| Step::new(name, act, at, desired.clone(), expect);
    let mut steps = vec![
        step("look for", Act::Find, &first, Expect::Nothing),
        step("create", Act::Create, &first, Expect::Settled),
        step("read", Act::Read, &first, Expect::Settled),
        step("found again", Act::Create, &first, Expect::Same),
        step("nothing to do", Act::Update, &first, Expect::Same),
    ];
    let mut last = first.clone();
    if let Some((changed, field)) = changed {
        steps.push(step("update", Act::Update, &changed, Expect::Same));
        steps.push(step("drift found", Act::Read, &first, Expect::Drifted(field)));
        steps.push(step("drift repaired", Act::Update, &first, Expect::Same));
    }
    if let Some(replaced) = replaced {
        steps.push(step("replace", Act::Replace, &replaced, Expect::New));
        last = replaced;
    }
    steps.extend([
        step("import", Act::Import, &Value::Null, Expect::Found),
        step("delete", Act::Delete, &Value::Null, Expect::Nothing),
        step("delete what is gone", Act::Delete, &Value::Null, Expect::Nothing),
        step("gone", Act::Find, &last, Expect::Nothing),
    ]);
    steps
}
