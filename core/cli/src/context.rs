//! What every command has: output, configuration, cancel. The only place that
//! reads the environment.

use std::{env, path::PathBuf};

use honey_config::{LoadOptions, Loaded};
use honey_model::Diagnostic;
use honey_ports::call::Cancel;
use honey_ui::{
    ColorChoice, Environment, Output, Theme,
    prompt::{self, Answer},
};

use crate::{
    arguments::{Color, Global},
    failure::{Exit, Failure},
};

/// Where the configuration is looked for.
const CONFIGURATION: &str = "honey.toml";

/// What every command has.
pub(crate) struct Context {
    /// Where to write.
    pub(crate) output: Output,
    /// The operator's wish to stop.
    pub(crate) cancel: Cancel,
    /// How much to log: 0 is warnings.
    pub(crate) verbose: u8,
    global: Global,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let environment = Environment {
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            dumb: env::var_os("TERM").is_some_and(|value| value == "dumb"),
        };
        let output =
            Output::new(Theme::stdout(choice, environment), Theme::stderr(choice, environment), global.json);
        Self { output, cancel: Cancel::default(), verbose: global.verbose, global: global.clone() }
    }

    /// The configuration's path: `--config`, `HONEY_CONFIG`, `honey.toml`.
    pub(crate) fn configuration(&self) -> PathBuf {
        let named = self.global.config.clone();
        let named =
            named.or_else(|| env::var_os("HONEY_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from(CONFIGURATION))
    }

    /// Loads the configuration: for an instance, or for the default where none is named. Its
    /// warnings are shown when it is settled which instance is meant.
    pub(crate) fn load(&self, instance: Option<&str>) -> Result<Loaded, Failure> {
        let options = LoadOptions {
            path: self.configuration(),
            instance: instance.map(str::to_owned),
            profile: self.global.profile.clone(),
            environment: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with("HONEY_"))
                .collect(),
            overrides: self.global.set.clone(),
            // A build without any has nobody to ask before plugins are loaded.
            built_in: Some(crate::wire::built_in()).filter(|ids| !ids.is_empty()),
        };
        let loaded =
            honey_config::load(options).map_err(|findings| Failure::Diagnostics(Exit::Usage, findings))?;
        self.output.acknowledge(&loaded.config.diagnostics.acknowledge);
        Ok(loaded)
    }

    /// The instance that the configuration was loaded for; a failure where it has none.
    pub(crate) fn chosen(loaded: &Loaded) -> Result<String, Failure> {
        loaded.instance.clone().ok_or_else(|| {
            let help = "the configuration has no [instances.NAME] table";
            Failure::usage(Diagnostic::error("HNY0109", "no instance is chosen").with_help(help))
        })
    }

    /// Reads a file that findings point at.
    pub(crate) fn reader() -> impl Fn(&str) -> Option<String> + use<> {
        |file: &str| std::fs::read(file).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// Asks before something is changed. `yes` answers for the operator.
    pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        answered(prompt::confirm(question), "`--yes` goes on without a question")
    }

    /// Asks for a name to be typed; `given` is what the command line says.
    pub(crate) fn confirm_name(question: &str, name: &str, given: Option<&str>) -> Result<(), Failure> {
        match given {
            Some(given) if given == name => Ok(()),
            Some(_) => answered(Answer::No, ""),
            None => answered(
                prompt::confirm_name(question, name),
                &format!("`--confirm {name}` goes on without a question"),
            ),
        }
    }

    /// Runs asynchronous work with Ctrl-C watched.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            crate::interrupt::watch(self.cancel.clone(), self.output.clone());
            work.await
        })
    }
}

fn answered(answer: Answer, without_terminal: &str) -> Result<(), Failure> {
    match answer {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::Diagnostics(
            Exit::Failed,
            vec![Diagnostic::error("HNY0903", "not confirmed; nothing was changed")],
        )),
        Answer::Nobody => Err(Failure::usage(
            Diagnostic::error("HNY0902", "this asks before it goes on, and nobody can answer here")
                .with_help(without_terminal),
        )),
    }
}
