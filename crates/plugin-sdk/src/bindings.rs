//! What is generated from the contract. Nothing here is written by hand.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code, which passes memory across the border"
)]

wit_bindgen::generate!({
    path: "../plugins/wit/v1",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "syncline_plugin::bindings",
});
