//! Starting and stopping a lab.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::books::{Books, Violation};
use crate::control;
use crate::files;
use crate::vendor::b2::B2;
use crate::vendor::cloudflare::{Cloudflare, ZoneRecord};
use crate::vendor::fault::{FaultRule, Script};
use crate::vendor::gitea::Gitea;
use crate::vendor::hetzner::Hetzner;
use crate::vendor::neon::Neon;
use crate::vendor::ovh::Ovh;
use crate::vendor::serve::{Served, Surroundings, serve};
use crate::vendor::spec::Specs;
use crate::vendor::tap::Tap;
use crate::vendor::{SpecFile, Vendor};
use crate::world::World;

/// Why a lab did not start or could not write its files.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No port, no address, no file.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// A specification file that cannot be read.
    #[error("specification {0}: missing or unreadable")]
    Specification(String),
    /// A key pair could not be made.
    #[error("ssh key: {0}")]
    Key(String),
    /// The folder has a configuration that no lab wrote.
    #[error("{0}/honey.toml was not written by a lab and is left alone")]
    SomebodysFolder(String),
}

impl LabError {
    /// An input or output error about `what`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io(what, error)
    }
}

/// How a lab is made.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// Seed of identifiers, durations and keys.
    pub seed: u64,
    /// Where the lab may keep files of its own.
    pub directory: Option<PathBuf>,
    /// Folder of the vendors' specifications; `HONEY_SPECS` when none.
    pub specs: Option<PathBuf>,
    /// Specifications that other labs read already; `specs` is not looked at.
    pub judge: Option<Arc<Specs>>,
    /// The one vendor that is served; all when none.
    pub only: Option<String>,
    /// Multiplies every simulated span; 1 is already fast, 0 is at once.
    pub time_scale: f64,
    /// The DNS zone that exists.
    pub zone: String,
    /// Records of the zone that nobody marked.
    pub zone_records: Vec<ZoneRecord>,
    /// OVH services that are paid for and run.
    pub ovh_services: Vec<String>,
    /// Users that may pull: the registry's host as images name it.
    pub registry_host: String,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            directory: None,
            specs: None,
            judge: None,
            only: None,
            time_scale: 1.0,
            zone: "myhoneydue.com".into(),
            zone_records: Vec::new(),
            ovh_services: ["vps-1624d691", "vps-c0f51be2", "vps-dbca24c7"]
                .iter()
                .map(|name| format!("{name}.vps.ovh.us"))
                .collect(),
            registry_host: "gitea.treytartt.com".into(),
        }
    }
}

/// What the operator of a lab would keep in a safe.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Credentials {
    /// Secrets by vendor and name.
    pub secrets: BTreeMap<String, BTreeMap<String, String>>,
    /// Private SSH key, OpenSSH form.
    pub private_key: String,
    /// Public SSH key, one line.
    pub public_key: String,
}

/// A running lab; dropping it stops everything.
pub struct Lab {
    world: Arc<World>,
    boxes: Arc<crate::box_host::Boxes>,
    script: Arc<Script>,
    options: LabOptions,
    credentials: Credentials,
    names: Vec<&'static str>,
    vendors: BTreeMap<&'static str, Served>,
    judge: Option<Arc<Specs>>,
    spec_files: BTreeMap<&'static str, &'static [SpecFile]>,
    tap: Arc<OnceLock<Arc<dyn Tap>>>,
    control: control::Control,
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lab").field("world", &self.world).finish_non_exhaustive()
    }
}

impl Lab {
    /// Starts a lab.
    pub async fn start(options: LabOptions) -> Result<Self, LabError> {
        let world = World::new(options.seed, options.time_scale, options.directory.clone())
            .map_err(LabError::io("subnet"))?;
        let boxes = crate::box_host::install(&world);
        let (private_key, public_key) = files::key_pair(&world)?;
        let folder = options
            .specs
            .clone()
            .or_else(|| std::env::var_os("HONEY_SPECS").filter(|value| !value.is_empty()).map(PathBuf::from));
        let specs = options.judge.clone().or_else(|| folder.map(|folder| Arc::new(Specs::new(&folder))));

        let served = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
        // Each of its services is a machine.
        let services = if served("ovh") { options.ovh_services.as_slice() } else { &[] };
        let hetzner = Hetzner::new(&world);
        let ovh = Ovh::new(&world, services, &public_key).await.map_err(LabError::io("ovh machines"))?;
        let cloudflare = Cloudflare::new(&world, &options.zone, &options.zone_records);
        let neon = Neon::new(&world);
        let b2 = B2::new(&world);
        let gitea = Gitea::new(&world);
        let secrets = BTreeMap::from([
            (
                "hetzner".to_owned(),
                named(&[("token", &hetzner.credentials.token), ("read-token", &hetzner.credentials.reader)]),
            ),
            (
                "ovh".to_owned(),
                named(&[
                    ("application-key", &ovh.credentials.application_key),
                    ("application-secret", &ovh.credentials.application_secret),
                    ("consumer-key", &ovh.credentials.consumer_key),
                    ("client-id", &ovh.credentials.client_id),
                    ("client-secret", &ovh.credentials.client_secret),
                ]),
            ),
            ("cloudflare".to_owned(), named(&[("token", &cloudflare.token)])),
            ("neon".to_owned(), named(&[("token", &neon.token)])),
            ("b2".to_owned(), named(&[("key-id", &b2.master.0), ("application-key", &b2.master.1)])),
            ("gitea".to_owned(), named(&[("username", &gitea.admin.0), ("password", &gitea.admin.1)])),
        ]);
        let all: [Arc<dyn Vendor>; 6] = [
            Arc::new(hetzner),
            Arc::new(ovh),
            Arc::new(cloudflare),
            Arc::new(neon),
            Arc::new(b2),
            Arc::new(gitea),
        ];
        let script = Arc::new(Script::default());
        let tap = Arc::<OnceLock<Arc<dyn Tap>>>::default();
        let around = Surroundings {
            world: world.clone(),
            script: script.clone(),
            specs: specs.clone(),
            tap: tap.clone(),
        };
        let mut spec_files = BTreeMap::new();
        let mut vendors = BTreeMap::new();
        let names = all.iter().map(|vendor| vendor.name()).collect();
        for vendor in all.into_iter().filter(|vendor| served(vendor.name())) {
            let name = vendor.name();
            spec_files.insert(name, vendor.specs());
            if let Some(specs) = &specs
                && let Some(missing) = specs.missing(vendor.specs()).first()
            {
                return Err(LabError::Specification((*missing).to_owned()));
            }
            let served = serve(vendor, around.clone()).await.map_err(LabError::io(name))?;
            vendors.insert(name, served);
        }
        let control = control::serve(world.clone(), script.clone()).await.map_err(LabError::io("control"))?;
        let credentials = Credentials { secrets, private_key, public_key };
        Ok(Self {
            world,
            boxes,
            script,
            options,
            credentials,
            names,
            vendors,
            judge: specs,
            spec_files,
            tap,
            control,
        })
    }

    /// The shared world.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The boxes, and through them their clusters.
    pub fn boxes(&self) -> &Arc<crate::box_host::Boxes> {
        &self.boxes
    }

    /// The books.
    pub fn books(&self) -> &Books {
        &self.world.books
    }

    /// How it was made.
    pub fn options(&self) -> &LabOptions {
        &self.options
    }

    /// `http://127.0.0.1:port` of a vendor.
    ///
    /// # Panics
    /// When there is no vendor of this name.
    pub fn endpoint(&self, vendor: &str) -> String {
        self.vendors.get(vendor).map_or_else(|| panic!("the lab has no vendor {vendor}"), Served::origin)
    }

    /// Asks a vendor without a connection; none where it would cut it. A header
    /// `x-lab-gate` tells the origin that clients know.
    ///
    /// # Panics
    /// When there is no vendor of this name.
    pub async fn ask(
        &self,
        vendor: &str,
        request: http::Request<bytes::Bytes>,
    ) -> Option<http::Response<bytes::Bytes>> {
        let served = self.vendors.get(vendor);
        served.unwrap_or_else(|| panic!("the lab has no vendor {vendor}")).ask(request).await
    }

    /// Origins of every vendor.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        self.vendors.iter().map(|(name, served)| ((*name).to_owned(), served.origin())).collect()
    }

    /// Names of the vendors that a lab may have.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// `http://127.0.0.1:port` of the control API.
    pub fn control(&self) -> String {
        self.control.origin()
    }

    /// Secrets and the SSH key pair.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// One secret of a vendor, empty when it has none of this name.
    pub fn secret(&self, vendor: &str, name: &str) -> &str {
        self.credentials.secrets.get(vendor).and_then(|secrets| secrets.get(name)).map_or("", String::as_str)
    }

    /// Adds a fault to the script.
    pub fn inject(&self, rule: FaultRule) {
        self.script.add(rule);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.script.clear();
    }

    /// Requests that broke a vendor's contract.
    pub fn violations(&self) -> Vec<Violation> {
        self.world.books.violations()
    }

    /// Whether requests are judged by the vendors' specifications.
    pub fn specified(&self) -> bool {
        self.judge.is_some()
    }

    /// Listens to every vendor from now on; the first tap stays.
    pub fn set_tap(&self, tap: Arc<dyn Tap>) {
        let _ = self.tap.set(tap);
    }

    /// How an answer misses the vendor's specification; none where it fits, or
    /// nothing is specified.
    pub fn misfit(&self, vendor: &str, method: &str, path: &str, status: u16, body: &[u8]) -> Option<String> {
        self.judge.as_ref()?.misfit(self.spec_files.get(vendor)?, (method, path), status, body)
    }

    /// The template of a path, e.g. `/v1/servers/{id}`, as the vendor's
    /// specification has it; none without specifications or such a path.
    pub fn template(&self, vendor: &str, path: &str) -> Option<String> {
        self.judge.as_ref()?.template(self.spec_files.get(vendor)?, path)
    }

    /// Whether a folder has a configuration that no lab wrote.
    pub fn is_somebodys(folder: &Path) -> bool {
        files::is_somebodys(folder)
    }

    /// Writes configuration, secrets, keys and `lab.json` into a folder; refuses a folder with a
    /// configuration that no lab wrote.
    pub fn write_files(&self, folder: &Path) -> Result<(), LabError> {
        files::write(self, folder)
    }

    /// Ends when somebody asks the control API to stop the lab.
    pub async fn stopped(&self) {
        self.control.stopped().await;
    }
}

fn named(pairs: &[(&str, &String)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect()
}
