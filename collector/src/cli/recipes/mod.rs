//! `pullscope recipes`: the recipes that come with the program, and trying out one of your own.
//!
//! - `traffic` reads the lines of a traffic file;
//! - `replay` makes events of them, and lets the model and the metrics take those;
//! - `counted` is what has come of it.

mod counted;
mod replay;
#[cfg(test)]
mod tests;
mod traffic;

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::config::{Settings, SettingsArgs};
use crate::failure::Failure;
use crate::recipes::shipped::Shipped;
use crate::recipes::{Recipe, describe};
use crate::targets::{Role, TargetName};

/// Largest traffic file in bytes.
const MAX_TRAFFIC: u64 = 1 << 20;

/// What stands below the flags in the help. Lines stay below 80 columns: clap breaks longer ones without indentation.
pub const AFTER_HELP: &str = "\
Examples:
  pullscope recipes list                              what comes with pullscope
  pullscope recipes show queue-consumer > own.toml    one as a config file
  pullscope recipes test own.toml                     what that file counts
  pullscope recipes show queue-consumer --traffic > own.traffic
  pullscope recipes test own.toml --traffic own.traffic
                                                      tried on what happened

docs/recipes.md leads from nothing to a graph, and has every key.";

/// Subcommands of `recipes`.
#[derive(Debug, Subcommand)]
pub enum RecipesCommand {
    /// List the recipes that come with pullscope, and those of the config file
    List(InForce),
    /// Print a recipe as a config file: to be read, or changed and used
    Show {
        /// Its name, as `list` has it
        name: Shipped,
        /// An example of traffic for it instead, for `test --traffic`
        #[arg(long)]
        traffic: bool,
    },
    /// Check the recipes of a config file, and say what they count
    ///
    /// With recorded traffic the recipes are followed over it, and what would be counted is shown as the metrics would have it.
    /// Exit status 2 where the file or the traffic is not valid.
    Test {
        /// A config file
        file: PathBuf,
        /// What happened, one line for each thing; docs/recipes.md says what a line may be
        #[arg(long, value_name = "FILE")]
        traffic: Option<PathBuf>,
    },
}

/// Which recipes are in force: the settings of `run` that say so.
#[derive(Debug, Args)]
pub struct InForce {
    /// Config file (TOML)
    #[arg(long = "config.file", value_name = "FILE", env = "PULLSCOPE_CONFIG_FILE")]
    config_file: Option<PathBuf>,
    /// Recipes to use of those that come with pullscope
    #[arg(long, value_name = "NAME", env = "PULLSCOPE_USE_RECIPES", value_delimiter = ',')]
    use_recipes: Vec<Shipped>,
}

/// Does what was asked; returns the status to exit with.
pub fn perform(command: RecipesCommand) -> Result<u8, Failure> {
    super::print(match command {
        RecipesCommand::List(in_force) => list(in_force)?,
        RecipesCommand::Show { name, traffic: false } => name.text().to_owned(),
        RecipesCommand::Show { name, traffic: true } => name.traffic().to_owned(),
        RecipesCommand::Test { file, traffic } => test(file, traffic.as_deref())?,
    })
}

fn list(InForce { config_file, use_recipes }: InForce) -> Result<String, Failure> {
    let settings = Settings::load(&SettingsArgs { config_file, use_recipes, ..SettingsArgs::default() })?;
    let all = SettingsArgs { use_recipes: Shipped::all().collect(), ..SettingsArgs::default() };
    let shipped = Settings::load(&all)?.recipes;
    let mut rows = vec![["NAME", "IN USE", "ABOUT"].map(str::to_owned)];
    let is_in = |list: &[Recipe], name: &TargetName| list.iter().any(|recipe| recipe.target.name == *name);
    for Recipe { about, target, .. } in &shipped {
        let in_use = if is_in(&settings.recipes, &target.name) { "yes" } else { "no" };
        rows.push([target.name.to_string(), in_use.to_owned(), about.clone()]);
    }
    for Recipe { about, target, .. } in &settings.recipes {
        if !is_in(&shipped, &target.name) {
            rows.push([target.name.to_string(), "yes".to_owned(), about.clone()]);
        }
    }
    Ok(counted::columns(&rows))
}

fn test(file: PathBuf, traffic: Option<&Path>) -> Result<String, Failure> {
    let settings = Settings::load(&SettingsArgs { config_file: Some(file), ..SettingsArgs::default() })?;
    let mut text = String::new();
    for recipe in &settings.recipes {
        describe(&mut text, recipe);
    }
    if settings.recipes.is_empty() {
        text.push_str("valid, and without a recipe\n");
    }
    let Some(path) = traffic else { return Ok(text) };
    let lines = read(path)?;
    let wrong = |traffic::Wrong { line, reason }| {
        Failure::usage(
            format!("traffic file {}", path.display()),
            format!("line {line}: {reason}"),
            "docs/recipes.md says what a line may be.",
        )
    };
    let steps = traffic::read(&lines).map_err(wrong)?;
    let metrics = replay::run(&settings, &steps).map_err(wrong)?;
    text.push('\n');
    text.push_str(&counted::table(&metrics));
    Ok(text)
}

/// What a recipe is and what its rules count.
fn describe(text: &mut String, recipe: &Recipe) {
    let target = &recipe.target;
    let argv =
        target.argv.as_ref().map_or_else(String::new, |argv| format!(", command line `{}`", argv.as_str()));
    let role = match target.role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Both => "client and server",
    };
    let redis = if target.redis { ", Redis is read" } else { "" };
    let _ = writeln!(text, "recipe `{}`: comm `{}`{argv}; {role}{redis}", target.name, target.comm.as_str());
    if let Some(isolation) = &recipe.isolation {
        let _ = writeln!(text, "  its pulls have isolation `{}`", isolation.0);
    }
    if let Some(trigger) = recipe.trigger {
        let _ = writeln!(text, "  its pulls have trigger `{}`", describe::trigger(trigger));
    }
    for rule in &recipe.rules {
        let _ = writeln!(text, "  {}", describe::rule(rule));
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: String| {
        Failure::usage(
            format!("traffic file {}", path.display()),
            why,
            "Name a text file that can be read with --traffic.",
        )
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(MAX_TRAFFIC + 1).read_to_string(&mut text);
    read.map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MAX_TRAFFIC {
        return Err(unreadable(format!("it has more than {MAX_TRAFFIC} bytes")));
    }
    Ok(text)
}
