//! One call into a guest: a fresh store, dropped afterwards.

use std::{sync::Arc, time::Duration};

use honey_model::{Address, Fault};
use honey_ports::{
    CallContext, Event, Progress,
    call::{Cancel, NoCheckpoint},
};
use tokio::time::Instant;
use wasmtime::{
    Store,
    component::{Instance, Resource, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::{
    PluginError, convert,
    error::Problem,
    limits::{Limiter, OutOfCpu, count_ticks},
    plugin::{Core, Plugin},
    watched,
};

/// What the guest holds of an operation: a handle, the data stays here.
#[expect(unreachable_pub, reason = "named by the generated bindings")]
pub struct Operation;

/// Log lines of one call that are passed on.
const LOG_LINES: u32 = 200;

/// All that a running guest can reach.
pub(crate) struct CallState {
    pub(crate) plugin: Arc<Core>,
    pub(crate) context: CallContext,
    pub(crate) deadline: Instant,
    pub(crate) limits: Limiter,
    pub(crate) table: ResourceTable,
    /// Keys of the cache that this call is expected to fill.
    pub(crate) expected: crate::import::cache::Expected,
    /// The id of the last checkpoint.
    pub(crate) checkpoint_id: Option<String>,
    wasi: Option<WasiCtx>,
    logged: u32,
    last_error: Option<String>,
}

impl CallState {
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(self.plugin.services.clock.now())
    }

    /// Waits, but not past the deadline nor a cancellation.
    pub(crate) async fn pause(&mut self, wanted: Duration) {
        let wait = wanted.min(self.remaining());
        let clock = &self.plugin.services.clock;
        tokio::select! {
            () = clock.sleep(wait) => {}
            () = self.context.cancel.canceled() => {}
        }
    }

    /// Passes a line on, escaped and bounded; a flood is cut.
    pub(crate) fn log(&mut self, level: &str, message: &str) {
        let message = honey_model::text::visible(message, 2000);
        if level == "error" {
            self.last_error = Some(honey_model::text::visible(&message, 500));
        }
        self.logged += 1;
        if self.logged > LOG_LINES + 1 {
            return;
        }
        let flooded = self.logged > LOG_LINES;
        let message = if flooded { "further lines of this call are left out".to_owned() } else { message };
        tracing::debug!(target: "plugin", plugin = %self.plugin.origin, level, "{message}");
        self.context.progress.tell(Event::Log {
            origin: self.plugin.origin.clone(),
            level: if flooded { "warn" } else { level }.to_owned(),
            message,
        });
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Nothing is handed over: no environment, no files, no sockets, output discarded.
        let reached = self.plugin.services.reached.as_ref();
        let ctx = self.wasi.get_or_insert_with(|| {
            let mut empty = WasiCtxBuilder::new();
            empty.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
            if let Some(reached) = reached {
                watched::watch(&mut empty, reached);
            }
            empty.build()
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// A context for calls that change nothing and belong to no operation.
pub(crate) fn pure_context(plugin: &Core, progress: Progress) -> CallContext {
    CallContext {
        operation_id: String::new(),
        owner: String::new(),
        address: Address::of(&["plugin", &plugin.manifest.id]),
        deadline: Duration::from_secs(30),
        cancel: Cancel::default(),
        progress,
        checkpoint: Arc::new(NoCheckpoint),
    }
}

/// A store with an instance, configured and ready for one call.
pub(crate) struct Session<'p> {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
    plugin: &'p Plugin,
    allowed: Duration,
}

impl<'p> Session<'p> {
    /// Makes an instance and hands it its settings. `deadline` is the operation's.
    pub(crate) async fn open(
        plugin: &'p Plugin,
        context: &CallContext,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let core = &plugin.core;
        let allowed = context.deadline.min(core.effective.timeout);
        core.runtime.start_ticker();
        let state = CallState {
            plugin: core.clone(),
            context: context.clone(),
            deadline,
            limits: Limiter::new(core.effective.memory_mib),
            table: ResourceTable::new(),
            expected: crate::import::cache::Expected::new(core.cache.clone()),
            checkpoint_id: None,
            wasi: None,
            logged: 0,
            last_error: None,
        };
        let mut store = Store::new(&core.runtime.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(count_ticks(core.services.cpu_budget));
        let made = tokio::time::timeout_at(deadline, plugin.pre.instantiate_async(&mut store)).await;
        let instance = match made {
            Ok(Ok(instance)) => instance,
            Ok(Err(error)) => return Err(judge(core, store.data(), &error)),
            Err(_) => return Err(named(core, store.data(), Problem::Timeout(allowed))),
        };
        let mut session = Self { store, instance, plugin, allowed };
        let guest = session.load(&plugin.lifecycle)?;
        let settings = &plugin.settings;
        let outcome =
            tokio::time::timeout_at(deadline, guest.call_configure(&mut session.store, settings)).await;
        if let Err(fault) = session.settle(outcome)? {
            let fault = convert::fault(core, fault);
            let problem = Problem::Settings(fault.to_string());
            let mut refusal = Fault::from(named_error(core, session.store.data(), problem));
            refusal.class = fault.class;
            refusal.vendor = fault.vendor;
            refusal.diagnostics = fault.diagnostics;
            refusal.help = fault.help.or(refusal.help);
            return Err(refusal);
        }
        Ok(session)
    }

    /// A guest's interface in this instance.
    pub(crate) fn load<I: Indices>(&mut self, indices: &I) -> Result<I::Guest, Fault> {
        indices.guest(&mut self.store, &self.instance).map_err(|error| {
            let problem = Problem::Load(honey_model::text::visible(&format!("{error:#}"), 300));
            named(&self.plugin.core, self.store.data(), problem)
        })
    }

    /// The handle that the guest gets of the operation.
    pub(crate) fn operation(&mut self) -> Result<Resource<Operation>, Fault> {
        self.store
            .data_mut()
            .table
            .push(Operation)
            .map_err(|error| named(&self.plugin.core, self.store.data(), Problem::Load(error.to_string())))
    }

    /// What a call came to: the guest's answer, or why there is none.
    pub(crate) fn settle<T>(
        &self,
        outcome: Result<wasmtime::Result<T>, tokio::time::error::Elapsed>,
    ) -> Result<T, Fault> {
        let core = &self.plugin.core;
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(judge(core, self.store.data(), &error)),
            Err(_) => Err(named(core, self.store.data(), Problem::Timeout(self.allowed))),
        }
    }
}

/// Finds an interface of a guest by what was looked up once per plugin.
pub(crate) trait Indices {
    /// The interface.
    type Guest;
    /// Finds it.
    fn guest(&self, store: &mut Store<CallState>, instance: &Instance) -> wasmtime::Result<Self::Guest>;
}

macro_rules! indices {
    ($($interface:ident),*) => {$(
        impl Indices for crate::bindings::exports::honey::plugin::$interface::GuestIndices {
            type Guest = crate::bindings::exports::honey::plugin::$interface::Guest;
            fn guest(&self, store: &mut Store<CallState>, instance: &Instance) -> wasmtime::Result<Self::Guest> {
                self.load(store, instance)
            }
        }
    )*};
}
indices!(lifecycle, power, reinstall, record_swap, edge_ranges, image_resolver, prices, login);

fn named_error(core: &Core, state: &CallState, problem: Problem) -> PluginError {
    PluginError { plugin: core.origin.clone(), problem, detail: state.last_error.clone() }
}

fn named(core: &Core, state: &CallState, problem: Problem) -> Fault {
    Fault::from(named_error(core, state, problem))
}

/// Why a guest stopped.
fn judge(core: &Core, state: &CallState, error: &wasmtime::Error) -> Fault {
    let problem = if let Some(limit) = &state.limits.exceeded {
        Problem::Memory(limit.clone())
    } else if error.downcast_ref::<OutOfCpu>().is_some() {
        Problem::Cpu(core.services.cpu_budget)
    } else {
        // The innermost cause says it; the rest is a backtrace of addresses.
        Problem::Trap(honey_model::text::visible(&error.root_cause().to_string(), 300))
    };
    named(core, state, problem)
}
