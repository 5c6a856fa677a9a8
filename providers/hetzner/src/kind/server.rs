//! A server as the vendor tells it.

use honey_sdk::{Context, Fault, State};
use serde::Deserialize;

use super::machine::{Desired, Machine, Outputs};
use crate::api::{self, Labelled, Labels};

/// Only what is needed; the vendor adds and removes fields.
#[derive(Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) status: String,
    #[serde(default)]
    locked: bool,
    #[serde(rename = "server_type")]
    size: Named,
    image: Option<Image>,
    location: Option<Named>,
    datacenter: Option<Datacenter>,
    #[serde(default)]
    public_net: PublicNet,
    #[serde(default)]
    private_net: Vec<PrivateNet>,
    placement_group: Option<Numbered>,
    #[serde(default)]
    pub(crate) labels: Labels,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: u64,
    name: Option<String>,
}

/// Where servers had their location before July 2026.
#[derive(Debug, Deserialize)]
struct Datacenter {
    location: Named,
}

#[derive(Debug, Default, Deserialize)]
struct PublicNet {
    ipv4: Option<Address>,
    ipv6: Option<Address>,
    #[serde(default)]
    firewalls: Vec<Numbered>,
}

#[derive(Debug, Deserialize)]
struct Address {
    ip: String,
}

#[derive(Debug, Deserialize)]
struct PrivateNet {
    network: u64,
    ip: Option<String>,
}

impl Labelled for Server {
    const PATH: &'static str = "/servers";
    const MANY: &'static str = "servers";
    const ONE: &'static str = "server";
    fn id(&self) -> u64 {
        self.id
    }
    fn labels(&self) -> &Labels {
        &self.labels
    }
    fn exists(&self) -> bool {
        self.status != "deleting"
    }
}

impl Server {
    /// Ids of the firewalls in front of it.
    pub(super) fn firewalls(&self) -> impl Iterator<Item = u64> {
        self.public_net.firewalls.iter().map(|firewall| firewall.id)
    }

    /// Ids of the networks it is in.
    pub(super) fn networks(&self) -> impl Iterator<Item = u64> {
        self.private_net.iter().map(|net| net.network)
    }

    /// Whether the vendor is done with it.
    pub(super) fn is_settled(&self) -> bool {
        !self.locked && matches!(self.status.as_str(), "running" | "off")
    }

    /// In the shapes of the kind. `desired` decides only how the same thing is
    /// called: an image has a name and an id, and deleted ones have neither.
    pub(super) fn state(&self, ctx: Context, desired: Option<&Desired>) -> State<Machine> {
        let asked = desired.map(|desired| desired.image.as_str()).unwrap_or_default();
        let image = match &self.image {
            Some(image) if image.id.to_string() == asked => asked.to_owned(),
            Some(image) => image.name.clone().unwrap_or_else(|| image.id.to_string()),
            None => asked.to_owned(),
        };
        let region = self
            .location
            .as_ref()
            .or(self.datacenter.as_ref().map(|datacenter| &datacenter.location))
            .map(|location| location.name.clone());
        let mut firewalls: Vec<String> = self.firewalls().map(|id| id.to_string()).collect();
        firewalls.sort();
        let private_ipv4 = self.private_net.iter().find_map(|net| net.ip.clone());
        let desired = desired.map_or_else(Desired::default, |desired| Desired {
            ssh_keys: desired.ssh_keys.clone(),
            user_data: desired.user_data.clone(),
            ..Desired::default()
        });
        State {
            id: self.id.to_string(),
            ownership: api::ownership(ctx, &self.labels),
            outputs: Outputs {
                id: self.id.to_string(),
                name: self.name.clone(),
                ipv4: self.public_net.ipv4.as_ref().map(|address| address.ip.clone()),
                ipv6: self.public_net.ipv6.as_ref().map(|address| first_of(&address.ip)),
                private_network: private_ipv4.is_some(),
                private_ipv4,
                user: "root".to_owned(),
                ssh_port: None,
                host_keys: Vec::new(),
                vendor_firewall: !firewalls.is_empty(),
            },
            attributes: Desired {
                name: self.name.clone(),
                size: self.size.name.clone(),
                image,
                region,
                firewalls: Some(firewalls),
                placement_group: self.placement_group.as_ref().map(|group| group.id.to_string()),
                network: self.networks().next().map(|id| id.to_string()),
                labels: Some(api::other_labels(&self.labels)),
                ipv4: Some(self.public_net.ipv4.is_some()),
                ipv6: Some(self.public_net.ipv6.is_some()),
                ..desired
            },
        }
    }
}

/// The vendor's images take the first address of the network.
fn first_of(network: &str) -> String {
    let start = network.split('/').next().unwrap_or(network);
    if start.ends_with("::") { format!("{start}1") } else { start.to_owned() }
}

pub(crate) fn gone(id: &str) -> Fault {
    Fault::not_found("hetzner::gone", format!("server {id} is gone"))
}
