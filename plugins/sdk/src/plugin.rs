//! What a plugin author writes once: the plugin's type, its settings, its kinds.

use std::{any::Any, cell::RefCell, rc::Rc};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Fault, Kind,
    lifecycle::{AnyKind, Erased},
};

/// A plugin. Its value lives as long as one call from the host.
pub trait Plugin: Sized + 'static {
    /// The plugin's section of the configuration.
    type Settings: DeserializeOwned + Default;

    /// First call. Pure: no vendor is asked.
    fn configure(settings: Self::Settings) -> Result<Self, Fault>;

    /// The kinds: `Kinds::new().with::<Machine>()`.
    fn kinds() -> Kinds<Self>;
}

/// The kinds of a plugin.
pub struct Kinds<P: Plugin>(pub(crate) Vec<Box<dyn AnyKind<P>>>);

impl<P: Plugin> Default for Kinds<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P: Plugin> Kinds<P> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with<K: Kind<Plugin = P>>(mut self) -> Self {
        self.0.push(Box::new(Erased::<K>::new()));
        self
    }

    /// As `kinds.json` has them.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(|kind| kind.schema().to_json()).collect()
    }
}

thread_local! {
    /// A component has one thread and one plugin.
    static CURRENT: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

pub(crate) fn set_current<P: Plugin>(plugin: P) {
    CURRENT.with(|current| *current.borrow_mut() = Some(Rc::new(plugin)));
}

/// The configured plugin.
pub fn current<P: Plugin>() -> Result<Rc<P>, Fault> {
    CURRENT
        .with(|current| current.borrow().clone())
        .and_then(|plugin| plugin.downcast().ok())
        .ok_or_else(|| Fault::internal("called before it was configured"))
}
