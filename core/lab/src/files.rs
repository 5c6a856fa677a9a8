//! Files that make a lab usable from outside: configuration, secrets, keys.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData, PrivateKey};
use serde_json::json;

use crate::lab::{Lab, LabError};
use crate::world::World;

/// Name of the operator's private key in the folder.
const KEY: &str = "lab_ed25519";

/// The operator's key pair: private key (OpenSSH form) and public line.
pub(crate) fn key_pair(world: &World) -> Result<(String, String), LabError> {
    let random = world.random("ssh-key");
    let mut seed = [0_u8; 32];
    for part in seed.chunks_exact_mut(8) {
        part.copy_from_slice(&random.next().to_le_bytes());
    }
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
    let wrong = |error: russh::keys::ssh_key::Error| LabError::Key(error.to_string());
    let mut key = PrivateKey::new(pair, "lab").map_err(wrong)?;
    key.set_comment("operator@lab");
    let private = key.to_openssh(LineEnding::LF).map_err(wrong)?.to_string();
    let public = key.public_key().to_openssh().map_err(wrong)?;
    Ok((private, public))
}

/// How a configuration begins that a lab wrote.
const HEADER: &str = "# Written by the lab;";

/// Whether a folder has a configuration that no lab wrote: it is somebody's own.
pub(crate) fn is_somebodys(folder: &Path) -> bool {
    match std::fs::read(folder.join("honey.toml")) {
        Ok(bytes) => !bytes.starts_with(HEADER.as_bytes()),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Writes everything into a folder; refuses one with a configuration that no lab wrote.
pub(crate) fn write(lab: &Lab, folder: &Path) -> Result<(), LabError> {
    if is_somebodys(folder) {
        return Err(LabError::SomebodysFolder(folder.display().to_string()));
    }
    let secrets = folder.join("secrets");
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&secrets)
        .map_err(LabError::io(secrets.display().to_string()))?;
    let credentials = lab.credentials();
    put(&folder.join(KEY), 0o600, &credentials.private_key)?;
    put(&folder.join(format!("{KEY}.pub")), 0o644, &format!("{}\n", credentials.public_key))?;
    for (vendor, named) in &credentials.secrets {
        for (name, value) in named {
            put(&secrets.join(format!("{vendor}-{name}")), 0o600, &format!("{value}\n"))?;
        }
    }
    let random = lab.world().random("operator-secrets");
    put(&secrets.join("secret_key.txt"), 0o600, &format!("{}\n", random.token(50)))?;
    let about = json!({
        "endpoints": lab.endpoints(),
        "control": lab.control(),
        "subnet": lab.world().subnet(),
        "pid": std::process::id(),
        "seed": lab.world().seed,
    });
    put(&folder.join("lab.json"), 0o644, &format!("{about:#}\n"))?;
    put(&folder.join("honey.toml"), 0o644, &configuration(lab))
}

fn put(path: &Path, mode: u32, text: &str) -> Result<(), LabError> {
    let name = || path.display().to_string();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(LabError::io(name()))?;
    file.write_all(text.as_bytes()).map_err(LabError::io(name()))
}

/// The whole configuration for this lab.
fn configuration(lab: &Lab) -> String {
    let options = lab.options();
    let machines: Vec<String> =
        options.ovh_services.iter().map(|service| format!("{{ service = \"{service}\" }}")).collect();
    let mut text = CONFIGURATION
        .replace("@ZONE@", &options.zone)
        .replace("@REGISTRY@", &options.registry_host)
        .replace("@MACHINES@", &machines.join(", "));
    for (plugin, vendor, secrets) in PLUGINS {
        let origin = lab.endpoint(vendor);
        let base = format!("{origin}{}", base_path(vendor));
        let map: Vec<String> = secrets.iter().map(|name| format!("{name} = \"{vendor}-{name}\"")).collect();
        let _ = write!(
            text,
            "\n[plugins.{plugin}]\negress = [\"{origin}\"]\nsettings = {{ endpoint = \"{base}\" }}\nsecrets = {{ {} }}\n",
            map.join(", ")
        );
    }
    text.push_str("\n[secrets]\nsecret-key = { file = \"secrets/secret_key.txt\" }\nredis-password = { generate = 32 }\nobs-token = { generate = 40 }\nadmin-users = { generate = 40 }\napns-key = { generate = 64 }\n");
    for (_, vendor, secrets) in PLUGINS {
        for name in secrets {
            let _ = writeln!(text, "{vendor}-{name} = {{ file = \"secrets/{vendor}-{name}\" }}");
        }
    }
    text
}

/// Plugin, vendor of the lab, and the plugin's secrets.
const PLUGINS: [(&str, &str, &[&str]); 6] = [
    ("hetzner", "hetzner", &["token"]),
    ("ovh", "ovh", &["application-key", "application-secret", "consumer-key"]),
    ("cloudflare-dns", "cloudflare", &["token"]),
    ("neon", "neon", &["token"]),
    ("b2", "b2", &["key-id", "application-key"]),
    ("gitea", "gitea", &["password"]),
];

/// What follows the origin in the setting `endpoint`.
fn base_path(vendor: &str) -> &'static str {
    match vendor {
        "hetzner" => "/v1",
        "ovh" => "/1.0",
        "cloudflare" => "/client/v4",
        "neon" => "/api/v2",
        _ => "",
    }
}

const CONFIGURATION: &str = r#"# Written by the lab; every address is on loopback.
version = 1

[project]
name = "honeydue"
default = "hetzner"

# The stack's public images are named by their tags, and no registry of the lab has them.
[diagnostics]
acknowledge = ["HNY0681"]

[cluster]
servers = 3
ssh-public-key = "file:lab_ed25519.pub"

[cluster.k3s]
version = "v1.34.6+k3s1"

[cluster.firewall]
web = "everyone"

[cluster.labels.first]
"honeydue/redis" = "true"

[instances.hetzner]
plugin = "hetzner"
vendor-firewall = true
machine = { size = "cx22", image = "ubuntu-24.04", region = "nbg1" }
ssh = { user = "root", port = 2222, identity = "lab_ed25519" }

[instances.ovh]
plugin = "ovh"
machines = [@MACHINES@]
ssh = { user = "ubuntu", port = 2222, identity = "lab_ed25519" }

[dns]
plugin = "cloudflare-dns"
zone = "@ZONE@"
names = ["@", "api", "app", "admin"]
proxied = true

[shared.database]
plugin = "neon"
kind = "database"
protect = true
settings = { project = "honeydue", region = "aws-us-east-1", pg_version = 17, role = "honeydue", database = "honeydue" }

[shared.uploads]
plugin = "b2"
kind = "bucket"
protect = true
settings = { name = "honeydue-prod" }

[shared.uploads-key]
plugin = "b2"
kind = "bucket-key"
settings = { name = "honeydue-app", bucket = "${shared.uploads.id}", capabilities = ["listFiles", "readFiles", "writeFiles", "deleteFiles"] }

[shared.pull-token]
plugin = "gitea"
kind = "registry-token"
settings = { name = "honeydue-pull", username = "admin", scopes = ["read:package"] }

[registries.gitea]
host = "@REGISTRY@"
plugin = "gitea"

[stack]
source = "builtin:honeydue"
namespace = "honeydue"

[stack.images]
api = "@REGISTRY@/admin/honeydue-api:latest"
web = "@REGISTRY@/admin/honeydue-web:latest"
admin = "@REGISTRY@/admin/honeydue-admin:latest"
worker = "@REGISTRY@/admin/honeydue-worker:latest"

[stack.secrets.honeydue-secrets.data]
DATABASE_URL = "postgres://${shared.database.role}:${secret:neon.honeydue.honeydue.password}@${shared.database.pooled_host}/${shared.database.database}?sslmode=require"
MIGRATE_DATABASE_URL = "postgres://${shared.database.role}:${secret:neon.honeydue.honeydue.password}@${shared.database.host}/${shared.database.database}?sslmode=require"
REDIS_PASSWORD = "${secret:redis-password}"
SECRET_KEY = "${secret:secret-key}"
OBS_INGEST_TOKEN = "${secret:obs-token}"
B2_KEY_ID = "${shared.uploads-key.key_id}"
B2_APPLICATION_KEY = "${secret:b2.honeydue-app}"

[stack.secrets.admin-basic-auth.data]
users = "${secret:admin-users}"

[stack.secrets.honeydue-apns-key.data]
"apns_auth_key.p8" = "${secret:apns-key}"

[stack.secrets.gitea-credentials]
type = "kubernetes.io/dockerconfigjson"
registry = { host = "@REGISTRY@", username = "admin", password = "gitea.honeydue-pull" }
"#;
