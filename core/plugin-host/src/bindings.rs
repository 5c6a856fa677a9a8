//! What `bindgen!` makes of wit/v0.1. One world binds everything; each optional
//! export is looked up on its own through its interface's indices.
#![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../wit/v0.1",
    world: "everything",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "honey:plugin/operation.context": crate::call::Operation },
});
