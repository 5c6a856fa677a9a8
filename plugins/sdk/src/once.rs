//! Objects whose secret the vendor tells once, in the answer that makes them. An
//! answer that is lost leaves one behind whose secret nobody will ever know.

use serde_json::json;

use crate::{Context, Fault, Value, log, secrets};

/// How such an object is found, made and deleted.
pub trait Once {
    /// The object, without its secret.
    type Object;

    /// Name of the secret that [`Once::make`] captures.
    fn secret(&self) -> &str;

    /// Every object of the name that [`Once::make`] gives.
    fn find(&self) -> Result<Vec<Self::Object>, Fault>;

    /// The vendor's id.
    fn id(&self, object: &Self::Object) -> String;

    /// Makes one; the host stores the secret before this returns.
    fn make(&self) -> Result<Self::Object, Fault>;

    /// Deletes one; gone already is done.
    fn delete(&self, object: &Self::Object) -> Result<(), Fault>;
}

/// Makes exactly one. What is checkpointed before says that none of the name
/// was there: every one found after a crash or a lost answer is an orphan of
/// ours, and is deleted.
pub fn make<O: Once>(ctx: Context, resume: Option<&Value>, once: &O) -> Result<O::Object, Fault> {
    if let Some(progress) = resume {
        let mut all = once.find()?;
        let made = progress["made"].as_str();
        let whole = all.iter().position(|object| Some(once.id(object).as_str()) == made);
        if let Some(at) = whole.filter(|_| secrets::exists(once.secret())) {
            return Ok(all.swap_remove(at));
        }
        all.iter().try_for_each(|orphan| delete(once, orphan))?;
    }
    ctx.checkpoint("", &json!({}));
    // One of an object that is gone must not pass for this one's.
    secrets::forget(once.secret())?;
    let made = match once.make() {
        Err(fault) if fault.is("transient") || fault.is("timeout") => {
            once.find()?.iter().try_for_each(|orphan| delete(once, orphan))?;
            once.make()?
        }
        result => result?,
    };
    let id = once.id(&made);
    if !secrets::exists(once.secret()) {
        once.delete(&made)?;
        return Err(Fault::malformed(format!(
            "{id} was made, but the answer held no secret; it is deleted again"
        )));
    }
    ctx.checkpoint(&id, &json!({ "made": id }));
    Ok(made)
}

fn delete<O: Once>(once: &O, orphan: &O::Object) -> Result<(), Fault> {
    log::info(&format!("{} was made by an interrupted call; deleting it", once.id(orphan)));
    once.delete(orphan)
}
