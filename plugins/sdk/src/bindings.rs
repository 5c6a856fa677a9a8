//! Generated from `wit/`. One set of shared types; each capability is a world
//! of its own, so that a component exports exactly what its plugin can do.
#![allow(
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

wit_bindgen::generate!({
    world: "plugin",
    path: "../../wit/v0.1",
    pub_export_macro: true,
    export_macro_name: "export_lifecycle",
    default_bindings_module: "honey_sdk::bindings",
    runtime_path: "::honey_sdk::wit_bindgen::rt",
    additional_derives: [PartialEq],
    generate_all,
});

macro_rules! capability {
    ($module:ident, $world:literal, $macro:literal, $path:literal) => {
        #[doc = concat!("World `", $world, "`.")]
        pub mod $module {
            wit_bindgen::generate!({
                world: $world,
                path: "../../wit/v0.1",
                pub_export_macro: true,
                export_macro_name: $macro,
                default_bindings_module: $path,
                runtime_path: "::honey_sdk::wit_bindgen::rt",
                with: {
                    "honey:plugin/types@0.1.0": crate::bindings::honey::plugin::types,
                    "honey:plugin/operation@0.1.0": crate::bindings::honey::plugin::operation,
                },
            });
        }
    };
}
capability!(power, "with-power", "export_power_world", "honey_sdk::bindings::power");
capability!(reinstall, "with-reinstall", "export_reinstall_world", "honey_sdk::bindings::reinstall");
capability!(record_swap, "with-record-swap", "export_record_swap_world", "honey_sdk::bindings::record_swap");
capability!(edge_ranges, "with-edge-ranges", "export_edge_ranges_world", "honey_sdk::bindings::edge_ranges");
capability!(
    image_resolver,
    "with-image-resolver",
    "export_image_resolver_world",
    "honey_sdk::bindings::image_resolver"
);
capability!(prices, "with-prices", "export_prices_world", "honey_sdk::bindings::prices");
capability!(login, "with-login", "export_login_world", "honey_sdk::bindings::login");

/// The import of providers without an interface of their own.
pub mod facts {
    wit_bindgen::generate!({
        inline: "
            package honey:sdk@0.1.0;
            world facts { import honey:plugin/ssh-facts@0.1.0; }
        ",
        path: "../../wit/v0.1",
        runtime_path: "::honey_sdk::wit_bindgen::rt",
        generate_all,
        with: { "honey:plugin/types@0.1.0": crate::bindings::honey::plugin::types },
    });
}
