//! Macros that turn a plugin's type into a component.

/// Exports the lifecycle of a plugin and embeds `plugin.toml` and `kinds.json`
/// of the crate: `export_plugin!(Hetzner);`, with capabilities
/// `export_plugin!(Hetzner: power, prices);`.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ident $(: $($capability:ident),+ $(,)?)?) => {
        #[cfg(target_arch = "wasm32")]
        mod honey_component {
            #![allow(unsafe_code, unsafe_op_in_unsafe_fn, missing_docs, reason = "exports and custom sections of a component")]

            type Exported = ::honey_sdk::Exported<super::$plugin>;
            ::honey_sdk::bindings::export_lifecycle!(Exported with_types_in ::honey_sdk::bindings);
            $($(::honey_sdk::export_capability!($capability Exported);)+)?

            // Public and not `#[used]`, which would put them into memory as well.
            const MANIFEST: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
            const KINDS: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/kinds.json"));

            #[unsafe(link_section = "honey:manifest")]
            pub static MANIFEST_SECTION: [u8; MANIFEST.len()] = *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
            #[unsafe(link_section = "honey:kinds")]
            pub static KINDS_SECTION: [u8; KINDS.len()] = *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/kinds.json"));
            #[unsafe(link_section = "honey:interface")]
            pub static INTERFACE_SECTION: [u8; 3] = *b"0.1";
        }
        #[cfg(test)]
        mod honey_component_tests {
            #[test]
            fn kinds_json_is_what_the_code_says() {
                ::honey_sdk::testing::check_kinds::<super::$plugin>(env!("CARGO_MANIFEST_DIR"));
            }
        }
    };
}

/// One capability of [`export_plugin!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_capability {
    (power $exported:ident) => { ::honey_sdk::bindings::power::export_power_world!($exported with_types_in ::honey_sdk::bindings::power); };
    (reinstall $exported:ident) => { ::honey_sdk::bindings::reinstall::export_reinstall_world!($exported with_types_in ::honey_sdk::bindings::reinstall); };
    (record_swap $exported:ident) => { ::honey_sdk::bindings::record_swap::export_record_swap_world!($exported with_types_in ::honey_sdk::bindings::record_swap); };
    (edge_ranges $exported:ident) => { ::honey_sdk::bindings::edge_ranges::export_edge_ranges_world!($exported with_types_in ::honey_sdk::bindings::edge_ranges); };
    (image_resolver $exported:ident) => { ::honey_sdk::bindings::image_resolver::export_image_resolver_world!($exported with_types_in ::honey_sdk::bindings::image_resolver); };
    (prices $exported:ident) => { ::honey_sdk::bindings::prices::export_prices_world!($exported with_types_in ::honey_sdk::bindings::prices); };
    (login $exported:ident) => { ::honey_sdk::bindings::login::export_login_world!($exported with_types_in ::honey_sdk::bindings::login); };
}
