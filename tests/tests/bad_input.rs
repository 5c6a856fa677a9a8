//! What is wrong outside of honey: told clearly, by name, with the exit code
//! that was designed for it, and with nothing lost. Guests that misbehave are in
//! `hostile.rs`; plan files and journals in `scenario.rs`.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "bad_input/configuration.rs"]
mod configuration;
#[path = "bad_input/plugins.rs"]
mod plugins;
#[path = "bad_input/state.rs"]
mod state;
#[path = "bad_input/vendor.rs"]
mod vendor;

use honey_tests::scene::{Ran, Scene};

/// Keeps what the operator saw.
fn told(scene: &Scene, name: &str, ran: &Ran) {
    scene.settings().bind(|| insta::assert_snapshot!(name, ran.outcome()));
}
