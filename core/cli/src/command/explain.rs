//! `honey explain`: the page of a code, or the list of all.

use clap::Args;
use honey_model::{Diagnostic, codes, text::visible};
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Explain a diagnostic code; without one, list all.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The code, as in HNY0103
    code: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  honey explain
  honey explain HNY0103";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.code {
        None => {
            let list: Vec<_> = codes::PAGES
                .iter()
                .map(|(code, page)| json!({ "code": code, "title": title(page) }))
                .collect();
            let human = || {
                let lines = codes::PAGES.iter().map(|(code, page)| format!("{code}  {}", title(page)));
                lines.collect::<Vec<_>>().join("\n")
            };
            context.output.show(|_| human(), &list)?;
        }
        Some(code) => {
            let page = codes::page(code).ok_or_else(|| unknown(code))?;
            let document = json!({ "code": code.to_uppercase(), "title": title(page), "page": page });
            context.output.show(|_| page.trim_start_matches("# ").to_owned(), &document)?;
        }
    }
    Ok(Exit::Done)
}

/// What stands behind the code in a page's first line.
fn title(page: &str) -> &str {
    page.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, title)| title)
}

fn unknown(code: &str) -> Failure {
    let help = match code.split_once("::") {
        Some((plugin, _)) => format!("codes of `{}` are explained by that plugin", visible(plugin, 60)),
        None => "`honey explain` lists all codes".to_owned(),
    };
    Failure::usage(
        Diagnostic::error("HNY0904", format!("there is no code `{}`", visible(code, 60))).with_help(help),
    )
}
