//! Terraform on the same graph: one `terraform_data` for each of our values.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Peer, measure::Sample};
use crate::workspace::Failure;

/// Whom item `index` waits for: a tree with ten branches at each knot.
pub(crate) fn parent(index: usize) -> Option<usize> {
    (index > 0).then(|| (index - 1) / 10)
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
        let after = parent(index)
            .map_or(String::new(), |parent| format!("\n  depends_on = [terraform_data.v{parent}]"));
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
    let resource = |index: usize| {
        let text = json!({ "value": index.to_string(), "type": "string" });
        let dependencies: Vec<String> =
            parent(index).map(|parent| format!("terraform_data.v{parent}")).into_iter().collect();
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
