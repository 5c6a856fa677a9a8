//! Links what a plugin imports and is granted, and nothing else.

use honey_plugin_pack::Manifest;
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker},
};

use crate::{bindings::honey::plugin as host, call::CallState, error::Problem, grant::Effective};

const OURS: &str = "honey:plugin/";
const WASI: &str = "wasi:";

/// A linker for one plugin, and the sorted list of what it imports.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    manifest: &Manifest,
    effective: &Effective,
) -> Result<(Linker<CallState>, Vec<String>), Problem> {
    let mut linker = Linker::<CallState>::new(engine);
    let broken = |error: wasmtime::Error| Problem::Load(format!("{error:#}"));
    let mut imports: Vec<String> = component
        .component_type()
        .imports(engine)
        .map(|(name, _)| honey_model::text::visible(name, 200))
        .collect();
    imports.sort();
    let mut wasi = false;
    for import in &imports {
        let refused = |why| Problem::Import { import: import.clone(), why };
        if import.starts_with(WASI) {
            wasi = true;
            continue;
        }
        let known = import.strip_prefix(OURS).and_then(|rest| rest.split_once('@'));
        let Some((interface, version)) = known else { return Err(refused("honey has no such interface")) };
        if !version.starts_with("0.1.") {
            return Err(refused("this honey has version 0.1 of it"));
        }
        let added = match interface {
            "types" => host::types::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "log" => host::log::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "clock" => host::clock::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "random" => host::random::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "operation" => {
                host::operation::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)
            }
            "cache" => host::cache::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "secrets" => host::secrets::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "http" if effective.egress.is_empty() => {
                return Err(refused("no host is granted to it; name its hosts under `egress` of the plugin"));
            }
            "http" => host::http::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state),
            "ssh-facts" if !manifest.ssh_facts => {
                return Err(refused("its manifest does not say `ssh-facts = true`"));
            }
            "ssh-facts" => {
                host::ssh_facts::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)
            }
            _ => return Err(refused("honey has no such interface")),
        };
        added.map_err(broken)?;
    }
    if wasi {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(broken)?;
    }
    Ok((linker, imports))
}
