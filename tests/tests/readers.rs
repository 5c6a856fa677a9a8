//! Whatever stands in a file that honey reads: never a panic, always a typed
//! error. Valid files are cut, bent and spliced by chance; the count of inputs
//! is printed. `HONEY_FUZZ_CASES` asks for more of them, `HONEY_FUZZ_SEED` for others.
//!
//! | File | What it does |
//! |---|---|
//! | `mutation` | makes inputs from a corpus |
//! | `corpus` | valid files of every kind |

#[path = "readers/corpus.rs"]
mod corpus;
#[path = "readers/mutation.rs"]
mod mutation;

use std::{cell::Cell, path::PathBuf};

use honey_model::{Diagnostic, Fault, Secret};
use honey_ports::{cluster::Clusters as _, store::StateStore as _};
use mutation::inputs;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Inputs of each reader in a normal run.
const CASES: u32 = 300;

/// What a reader said: nothing, or why not.
type Read = Result<(), String>;

/// Feeds a reader; prints how many inputs there were.
fn feed(reader: &str, share: u32, corpus: Vec<Vec<u8>>, read: impl Fn(&[u8]) -> Read) {
    for (number, file) in corpus.iter().enumerate() {
        assert_eq!(read(file), Ok(()), "{reader}: file {number} of the corpus is not valid");
    }
    let asked = std::env::var("HONEY_FUZZ_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(CASES).div_ceil(share);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut seed = [7_u8; 32];
    for (place, byte) in seed.iter_mut().zip(std::env::var("HONEY_FUZZ_SEED").unwrap_or_default().bytes()) {
        *place = byte;
    }
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    let ran = runner.run(&inputs(corpus), |input| {
        match read(&input) {
            Ok(()) => accepted.set(accepted.get() + 1),
            Err(why) => {
                refused.set(refused.get() + 1);
                assert!(!why.is_empty(), "refused without a word");
                assert!(why.len() < 100_000, "a message of {} bytes", why.len());
            }
        }
        Ok(())
    });
    #[expect(clippy::print_stdout, reason = "the count is asked for")]
    {
        println!(
            "{reader:<20} {cases:>6} inputs: {:>5} accepted, {:>5} refused",
            accepted.get(),
            refused.get()
        );
    }
    if let Err(error) = ran {
        panic!("{reader}: {error}");
    }
}

fn fault(fault: Fault) -> String {
    format!("{} {fault}", fault.code)
}

fn findings(findings: Vec<Diagnostic>) -> String {
    let lines: Vec<String> =
        findings.iter().map(|finding| format!("{} {}", finding.code, finding.summary)).collect();
    lines.join("\n")
}

/// A file in a folder of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn configurations() {
    let place = Place::new();
    place.put("lab_ed25519.pub", corpus::PUBLIC_KEY.as_bytes());
    place.put("id_ed25519.pub", corpus::PUBLIC_KEY.as_bytes());
    feed("honey.toml", 1, corpus::configurations(), |input| {
        let path = place.put("honey.toml", input);
        let options = honey_config::LoadOptions { path, ..honey_config::LoadOptions::default() };
        honey_config::load(options).map(|_| ()).map_err(findings)
    });
}

#[test]
fn manifests() {
    feed("plugin.toml", 1, corpus::files("plugin.toml"), |input| {
        let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
        honey_plugin_pack::Manifest::parse(text).map(|_| ()).map_err(|error| error.to_string())
    });
}

#[test]
fn conformance_files() {
    feed("conformance.toml", 1, corpus::files("conformance.toml"), |input| {
        let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
        honey_conformance::Setup::parse(text).map(|_| ()).map_err(|error| error.to_string())
    });
}

#[test]
fn lock_files() {
    let place = Place::new();
    feed("honey.lock", 1, vec![corpus::LOCK.as_bytes().to_vec(), Vec::from("version = 1\n")], |input| {
        let path = place.put("honey.lock", input);
        honey_plugin_host::LockFile::read(&path).map(|_| ()).map_err(|error| fault(error.into()))
    });
}

#[test]
fn kubeconfigs() {
    let runtime = runtime();
    feed("kubeconfig", 1, vec![corpus::kubeconfig()], |input| {
        // Building the clients contacts nobody.
        let connected = runtime.block_on(honey_kube::KubeClusters.connect(&Secret::new(input.to_vec())));
        connected.map(|_| ()).map_err(fault)
    });
}

#[test]
fn saved_plans() {
    feed("saved plan", 1, vec![corpus::plan()], |input| {
        honey_plan::file::read(input, "0.1.0").map(|_| ()).map_err(|finding| findings(vec![finding]))
    });
}

#[test]
fn journals() {
    let (place, runtime) = (Place::new(), runtime());
    let (file, journal) = runtime.block_on(corpus::journal(place.0.path()));
    let store =
        honey_state::Store::local(place.0.path(), honey_state::Options::new("fuzz")).expect("a store");
    feed("journal", 1, vec![journal], |input| {
        std::fs::write(&file, input).expect("a file");
        runtime.block_on(store.open_journal("run-1")).map(|_| ()).map_err(fault)
    });
}

#[test]
fn state_files() {
    let (place, runtime) = (Place::new(), runtime());
    let (file, state) = runtime.block_on(corpus::state(place.0.path()));
    let store =
        honey_state::Store::local(place.0.path(), honey_state::Options::new("fuzz")).expect("a store");
    feed("state", 1, vec![state], |input| {
        std::fs::write(&file, input).expect("a file");
        runtime.block_on(store.load()).map(|_| ()).map_err(fault)
    });
}

#[test]
fn components() {
    feed("component sections", 2, corpus::components(), |input| {
        honey_plugin_pack::Artifact::read(input).map_err(|error| visible(&error.to_string()))?;
        honey_plugin_pack::componentize(input).map(|_| ()).map_err(|error| visible(&error.to_string()))
    });
}

/// The pack's own errors are for developers; the host escapes them before they are shown.
fn visible(text: &str) -> String {
    honey_model::text::visible(text, 1000)
}

#[test]
fn artifacts() {
    let runtime = runtime();
    let settings = honey_plugin_host::HostSettings::new(std::sync::Arc::new(corpus::NoSecrets));
    let host = honey_plugin_host::PluginHost::new(settings).expect("a host");
    // Each is compiled: a few tell as much.
    feed("plugin, compiled", 20, corpus::plugins(), |input| {
        let spec = honey_plugin_host::PluginSpec {
            id: "generic-ssh".to_owned(),
            source: honey_plugin_host::PluginSource::Bytes(input.to_vec().into()),
            grant: honey_plugin_host::Grant { ssh: true, ..honey_plugin_host::Grant::default() },
            expected: None,
        };
        runtime.block_on(host.load(spec)).map(|_| ()).map_err(|error| fault(error.into()))
    });
}
