//! A VPS. Mostly one that is paid for already: it is adopted by its service
//! name, gets our name as its mark, and is never terminated.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json, log, read,
    read_or_default, schema::Field,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ovh,
    order::{self, Order},
    service::{Key, Service, gone},
};

/// See the module.
pub(crate) struct Machine;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    service: Option<String>,
    image: Option<String>,
    reinstall: Option<bool>,
    ssh_keys: Option<Vec<String>>,
    public_key: Option<String>,
    order: Option<Order>,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    name: String,
    service: String,
    ipv4: Option<String>,
    ipv6: Option<String>,
    private_ipv4: Option<String>,
    user: Option<String>,
    ssh_port: Option<u16>,
    host_keys: Vec<String>,
    private_network: bool,
    vendor_firewall: bool,
}

/// What a crash must not lose.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// What was bought.
    bought: Option<String>,
    /// The task of a reinstall that was begun.
    reinstall: Option<u64>,
}

impl Desired {
    fn key(&self) -> Option<Key<'_>> {
        let named = self.ssh_keys.as_ref().and_then(|keys| keys.first()).map(|name| Key::Named(name));
        self.public_key.as_deref().map(Key::Text).or(named)
    }

    /// The image for the disk: the order's where nothing else is said.
    fn image(&self) -> Option<&str> {
        self.image.as_deref().or(self.order.as_ref().map(|order| order.os.as_str()))
    }
}

impl Kind for Machine {
    type Plugin = Ovh;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "machine";

    fn schema() -> Schema {
        let order = vec![
            Field::text("plan", "Plan code of the catalogue, e.g. `vps-2025-model1`.").required(),
            Field::text("datacenter", "E.g. `WAW`.").required(),
            Field::text("os", "As the catalogue writes it, e.g. `Debian 13`.").required(),
            Field::text(
                "accept_price",
                "Consent: the most that the first bill may be, taxes included, e.g. `6.46 USD`.",
            ),
            Field::text("duration", "`P1M` when not given."),
            Field::text("pricing_mode", "`default` when not given."),
            Field::flag(
                "waive_withdrawal",
                "Give up the right to withdraw, so that delivery begins at once.",
            ),
        ];
        Schema::new(Self::NAME, "A VPS: adopted by its service name, or ordered with consent to a price.")
            .field(Field::text("name", "What people call it; honey's mark on it.").required())
            .field(
                Field::text(
                    "service",
                    "Service name of one that is paid for already, e.g. `vps-1624d691.vps.ovh.us`.",
                )
                .immutable("another service is another machine")
                .vendor_default(),
            )
            .field(Field::text("image", "Image for a reinstall: its name or id.").create_only())
            .field(
                Field::flag("reinstall", "Whether an adopted one gets a fresh disk. What is on it is lost.")
                    .create_only(),
            )
            .field(
                Field::texts("ssh_keys", "Names of stored keys; a reinstall takes the first.").create_only(),
            )
            .field(
                Field::text("public_key", "Public key for a reinstall, instead of a stored one.")
                    .create_only(),
            )
            .field(Field::object("order", order, "What to buy where there is no `service`.").create_only())
            .output(Field::text("id", "Its service name."))
            .output(Field::text("name", "What people call it."))
            .output(Field::text("service", "Its service name."))
            .optional_output(Field::text("ipv4", "Primary IPv4 address."))
            .optional_output(Field::text("ipv6", "Primary IPv6 address."))
            .optional_output(Field::text("private_ipv4", "A VPS has none."))
            .optional_output(Field::text("user", "User of the image on its disk, where the vendor tells it."))
            .optional_output(Field::number("ssh_port", "Not known to the vendor."))
            .output(Field::texts("host_keys", "Not known to the vendor."))
            .output(Field::flag("private_network", "Never: the host firewall must do without one."))
            .output(Field::flag("vendor_firewall", "Never."))
    }

    fn check(_plugin: &Ovh, desired: &mut Desired, findings: &mut Findings) {
        if desired.service.is_none()
            && desired.order.is_none()
            && !findings.is_unknown("service")
            && !findings.is_unknown("order")
        {
            findings.error(
                "ovh::which-machine",
                "/service",
                "name a paid service with `service`, or say what to buy with `order`",
            );
        }
        if desired.service.is_none()
            && let Some((code, words)) = desired.order.as_ref().and_then(Order::wrong)
        {
            findings.error(code, "/order", words);
        }
        if desired.reinstall == Some(true) && (desired.image.is_none() || desired.key().is_none()) {
            let known = ["image", "ssh_keys", "public_key"].iter().all(|field| !findings.is_unknown(field));
            if known {
                findings.error("ovh::reinstall", "/reinstall", "a reinstall needs an image and an ssh key");
            }
        }
    }

    fn names_existing(desired: &Desired) -> bool {
        desired.service.is_some()
    }

    fn read(
        plugin: &Ovh,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let service = match (id, desired) {
            (Some(id), _) => plugin.api.service(id)?,
            (None, Some(Desired { service: Some(service), .. })) => plugin.api.service(service)?,
            (None, Some(desired)) if !desired.name.is_empty() => plugin.api.service_called(&desired.name)?,
            (None, _) => None,
        };
        service.map(|service| state(plugin, ctx, service, desired)).transpose()
    }

    fn create(
        plugin: &Ovh,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if let Some(service) = &desired.service {
            return Err(gone(service));
        }
        let Some(order) = &desired.order else {
            return Err(Fault::invalid("ovh::which-machine", "there is neither a service nor an order"));
        };
        if let Some((code, words)) = order.wrong() {
            return Err(Fault::invalid(code, words));
        }
        let progress: Progress = read_or_default(resume.as_ref());
        let service = if let Some(service) = progress.bought {
            service
        } else {
            let buying = resume.as_ref().map(read).transpose()?;
            match order::buy(&plugin.api, ctx, order, buying)? {
                Outcome::Done(service) => service,
                Outcome::Pending { progress, after_ms, note } => {
                    return Ok(Outcome::Pending { progress, after_ms, note });
                }
            }
        };
        ctx.checkpoint(&service, &json!({"bought": service, "reinstall": progress.reinstall}));
        // The vendor takes no ssh key with an order.
        if desired.key().is_some() {
            reinstall(plugin, ctx, &service, desired, progress.reinstall, Some(&service))?;
        }
        take(plugin, ctx, &service, desired)
    }

    fn update(
        plugin: &Ovh,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        take(plugin, ctx, id, desired)
    }

    fn adopt(
        plugin: &Ovh,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        // The mark comes last: with it on, the disk is as wanted already.
        if desired.reinstall == Some(true) && found.ownership != Ownership::Ours {
            let progress: Progress = read_or_default(resume.as_ref());
            reinstall(plugin, ctx, &found.id, desired, progress.reinstall, None)?;
        }
        take(plugin, ctx, &found.id, desired)
    }

    fn delete(plugin: &Ovh, ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        let service = match plugin.api.service(id) {
            Ok(Some(service)) => service,
            Ok(None) => return Ok(Outcome::Done(())),
            Err(fault) if fault.vendor.as_ref().is_some_and(|vendor| vendor.status == 460) => {
                return Ok(Outcome::Done(()));
            }
            Err(fault) => return Err(fault),
        };
        let words = format!(
            "{id} stays yours and is still paid for: honey only takes its name off; end the contract at the vendor"
        );
        log::warn(&words);
        ctx.progress(&words);
        if is_marked(ctx, &service) {
            plugin.api.rename(id, &service.name)?;
        }
        Ok(Outcome::Done(()))
    }
}

/// Puts our name on it.
fn take(plugin: &Ovh, ctx: Context, id: &str, desired: &Desired) -> Result<Outcome<State<Machine>>, Fault> {
    let mut service = plugin.api.service(id)?.ok_or_else(|| gone(id))?;
    if service.display_name() != desired.name {
        plugin.api.rename(id, &desired.name)?;
        service.display_name = Some(desired.name.clone());
    }
    Ok(state(plugin, ctx, service, Some(desired))?.into())
}

/// A fresh disk; goes on with a task that was begun.
fn reinstall(
    plugin: &Ovh,
    ctx: Context,
    service: &str,
    desired: &Desired,
    begun: Option<u64>,
    bought: Option<&str>,
) -> Result<(), Fault> {
    let task = if let Some(task) = begun {
        task
    } else {
        let image =
            desired.image().ok_or_else(|| Fault::invalid("ovh::reinstall", "a reinstall needs an image"))?;
        ctx.progress(&format!("putting {image} on {service}"));
        let task = plugin.api.rebuild(service, image, desired.key())?;
        ctx.checkpoint(service, &json!({"bought": bought, "reinstall": task}));
        task
    };
    plugin.api.settle(ctx, service, Some(task), "running")
}

/// Names that begin with the owner are marks.
fn is_marked(ctx: Context, service: &Service) -> bool {
    service.display_name().starts_with(&format!("{}-", ctx.owner()))
}

fn state(
    plugin: &Ovh,
    ctx: Context,
    service: Service,
    desired: Option<&Desired>,
) -> Result<State<Machine>, Fault> {
    let details = plugin.api.details(&service.name)?;
    let name = service.display_name().to_owned();
    let ours = desired.is_some_and(|desired| desired.name == name) || is_marked(ctx, &service);
    Ok(State {
        id: service.name.clone(),
        ownership: if ours { Ownership::Ours } else { Ownership::Unmarked },
        outputs: Outputs {
            id: service.name.clone(),
            name: name.clone(),
            service: service.name.clone(),
            ipv4: details.ipv4,
            ipv6: details.ipv6,
            private_ipv4: None,
            user: details.user,
            ssh_port: None,
            host_keys: Vec::new(),
            private_network: false,
            vendor_firewall: false,
        },
        attributes: Desired { name, service: Some(service.name), ..Desired::default() },
    })
}

#[cfg(test)]
mod tests;
