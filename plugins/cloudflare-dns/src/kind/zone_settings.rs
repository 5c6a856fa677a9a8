//! `zone-settings`: how the edge treats a zone. Settings always exist and have
//! no place for marks: they are ours as soon as the configuration names them,
//! and stay as they are when it does not any more.

use honey_sdk::{Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, schema::Field};
use serde::{Deserialize, Serialize};

use crate::{CloudflareDns, record::normal_name};

const SSL: &str = "ssl";

/// Settings of a zone.
pub struct ZoneSettings;

/// What an operator asks for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Domain name of the zone.
    pub zone: String,
    /// `strict`
    pub ssl: String,
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The zone.
    pub zone_id: String,
}

impl Kind for ZoneSettings {
    type Plugin = CloudflareDns;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "zone-settings";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "Settings of a zone. They always exist: forgetting them leaves them as they are.",
        )
        .field(
            Field::text("zone", "The zone's domain name.")
                .required()
                .immutable("settings belong to one zone"),
        )
        .field(
            Field::one_of("ssl", &["off", "flexible", "full", "strict"], "How the edge talks to the origin.")
                .required(),
        )
        .output(Field::text("zone_id", "The zone."))
    }

    fn check(_plugin: &CloudflareDns, desired: &mut Desired, findings: &mut Findings) {
        desired.zone = normal_name(&desired.zone);
        let known = ["off", "flexible", "full", "strict"];
        if !findings.is_unknown(SSL) && !known.contains(&desired.ssl.as_str()) {
            findings.error(
                "cloudflare-dns::ssl",
                "/ssl",
                format!("`{}` is none of {}", desired.ssl, known.join(", ")),
            );
        }
    }

    fn read(
        plugin: &CloudflareDns,
        _ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let Some(zone) = id.or(desired.map(|desired| desired.zone.as_str())).filter(|zone| !zone.is_empty())
        else {
            return Ok(None);
        };
        let zone_id = plugin.api.zone_id(zone)?;
        let ssl = plugin.api.zone_setting(&zone_id, SSL)?.value;
        Ok(Some(state(zone, zone_id, &ssl)))
    }

    fn create(
        plugin: &CloudflareDns,
        ctx: Context,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        Self::update(plugin, ctx, &desired.zone, desired, None)
    }

    fn update(
        plugin: &CloudflareDns,
        _ctx: Context,
        _id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let zone_id = plugin.api.zone_id(&desired.zone)?;
        let ssl = plugin.api.set_zone_setting(&zone_id, SSL, &desired.ssl)?.value;
        Ok(state(&desired.zone, zone_id, &ssl).into())
    }

    fn delete(
        _plugin: &CloudflareDns,
        _ctx: Context,
        _id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        Ok(Outcome::Done(()))
    }
}

fn state(zone: &str, zone_id: String, ssl: &Value) -> State<ZoneSettings> {
    State {
        id: zone.to_owned(),
        attributes: Desired { zone: zone.to_owned(), ssl: ssl.as_str().unwrap_or_default().to_owned() },
        outputs: Outputs { zone_id },
        ownership: Ownership::Ours,
    }
}
