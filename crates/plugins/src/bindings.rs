//! What is generated from the contract. Nothing here is written by hand but the list of what may wait.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "wit/v1",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
});
