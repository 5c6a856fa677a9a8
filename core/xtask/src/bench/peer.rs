//! Terraform on the same graph: one `terraform_data` for each of our values.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Peer, measure::Sample};
use crate::workspace::Failure;

/// Waves of the graph. A real plan of the shipped stack has more of them.
const WAVES: usize = 8;
/// Whom each item of the wave before it waits for. In the plan of the shipped
/// stack an operation names 7.7 others on average.
const NEEDS: usize = 3;

/// Whom item `index` of `size` waits for: some items of the wave before its own.
pub(crate) fn needs(index: usize, size: usize) -> Vec<usize> {
    let wave = size.div_ceil(WAVES);
    let (number, place) = (index / wave, index % wave);
    if number == 0 {
        return Vec::new();
    }
    let mut all: Vec<usize> =
        (0..NEEDS).map(|nth| (number - 1) * wave + (place * 7 + nth * 13) % wave).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The installed version; none where it is not installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("terraform").args(["version", "-json"]).stderr(Stdio::null()).output().ok()?;
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    answer["terraform_version"].as_str().map(str::to_owned)
}

/// A peer's figure.
pub(crate) fn peer(value: &Sample) -> Option<Peer> {
    Some(Peer { name: "terraform".to_owned(), version: version()?, value: value.seconds })
}

/// A folder with the configuration, initialised.
pub(crate) fn prepare(folder: &Path, size: usize) -> Result<(), Failure> {
    let mut text = String::new();
    for index in 0..size {
        let needs: Vec<String> =
            needs(index, size).into_iter().map(|need| format!("terraform_data.v{need}")).collect();
        let after =
            if needs.is_empty() { String::new() } else { format!("\n  depends_on = [{}]", needs.join(", ")) };
        let _ =
            writeln!(text, "resource \"terraform_data\" \"v{index}\" {{\n  input = \"{index}\"{after}\n}}");
    }
    write(&folder.join("main.tf"), &text)?;
    let init = command(folder, &["init", "-input=false"]).stdout(Stdio::null()).status();
    match init {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::Tool("terraform init".to_owned())),
    }
}

/// A state in which everything exists already.
pub(crate) fn state(folder: &Path, size: usize) -> Result<(), Failure> {
    // The peer records whom an item waits for directly or through others.
    let mut all: Vec<BTreeSet<usize>> = Vec::with_capacity(size);
    for index in 0..size {
        let mut behind = BTreeSet::new();
        for need in needs(index, size) {
            behind.extend(&all[need]);
            behind.insert(need);
        }
        all.push(behind);
    }
    let resource = |index: usize| {
        let text = json!({ "value": index.to_string(), "type": "string" });
        let dependencies: Vec<String> =
            all[index].iter().map(|other| format!("terraform_data.v{other}")).collect();
        json!({
            "mode": "managed",
            "type": "terraform_data",
            "name": format!("v{index}"),
            "provider": "provider[\"terraform.io/builtin/terraform\"]",
            "instances": [{
                "schema_version": 0,
                "attributes": {
                    "id": format!("00000000-0000-0000-0000-{index:012}"),
                    "input": text, "output": text, "triggers_replace": null,
                },
                "sensitive_attributes": [],
                "dependencies": dependencies,
            }],
        })
    };
    let state = json!({
        "version": 4,
        "terraform_version": version(),
        "serial": 1,
        "lineage": "00000000-0000-0000-0000-000000000000",
        "outputs": {},
        "resources": (0..size).map(resource).collect::<Vec<_>>(),
    });
    write(&folder.join("terraform.tfstate"), &state.to_string())
}

/// A terraform command in a folder, quiet and without a network.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("terraform");
    command.args(arguments).current_dir(folder).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
    command
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::File { path: path.to_path_buf(), error })
}
