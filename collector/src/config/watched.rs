//! Who is watched and what counts: the targets and recipes of the file, and the recipes in use that come with the program.

use crate::recipes::Recipe;
use crate::recipes::shipped::Shipped;
use crate::targets::{MAX_TARGETS, Problem, Target, Targets};

use super::file::{File, FileError};

/// Most recipes in force.
const MAX_RECIPES: usize = 50;

/// What a file says of it.
#[derive(Debug)]
pub struct Watched {
    own: Vec<Own>,
    uses: Vec<(Shipped, usize)>,
    with_defaults: bool,
}

/// A target or a recipe of the file, and its line.
#[derive(Debug)]
pub struct Own {
    pub line: usize,
    pub what: What,
}

/// A target that is watched for what is counted of all, or a recipe.
#[derive(Clone, Debug)]
pub enum What {
    Target(Target),
    Recipe(Recipe),
}

impl What {
    fn target(&self) -> &Target {
        match self {
            Self::Target(target) => target,
            Self::Recipe(recipe) => &recipe.target,
        }
    }
}

/// Two things that cannot both be in force.
#[derive(Debug)]
pub struct Clash {
    /// The line of the file that the second one stands in; `None` where it was asked for elsewhere.
    pub line: Option<usize>,
    pub reason: String,
}

impl Default for Watched {
    fn default() -> Self {
        Self { own: Vec::new(), uses: Vec::new(), with_defaults: true }
    }
}

impl Watched {
    /// Of the file's targets and recipes, and the recipes that it uses with their lines.
    pub fn new(own: Vec<Own>, uses: Vec<(Shipped, usize)>, with_defaults: bool) -> Self {
        Self { own, uses, with_defaults }
    }

    /// The recipes that the file itself holds.
    pub fn recipes(&self) -> impl Iterator<Item = &Recipe> {
        self.own.iter().filter_map(|own| match &own.what {
            What::Recipe(recipe) => Some(recipe),
            What::Target(_) => None,
        })
    }

    /// Targets and recipes in force, with the shipped recipes that are asked for elsewhere in place of those of the file.
    pub fn in_force(&self, asked: Option<&[Shipped]>) -> Result<(Targets, Vec<Recipe>), Clash> {
        let uses: Vec<(Shipped, Option<usize>)> = match asked {
            Some(asked) => asked.iter().map(|&shipped| (shipped, None)).collect(),
            None => self.uses.iter().map(|&(shipped, line)| (shipped, Some(line))).collect(),
        };
        let mut all: Vec<(What, Option<usize>)> =
            self.own.iter().map(|own| (own.what.clone(), Some(own.line))).collect();
        for (place, &(shipped, line)) in uses.iter().enumerate() {
            if uses[..place].iter().any(|(other, _)| *other == shipped) {
                return Err(Clash { line, reason: format!("recipe `{shipped}` is used twice") });
            }
            // A test rules out that one of them cannot be read.
            let file =
                File::parse(shipped.text()).map_err(|FileError { reason, .. }| Clash { line, reason })?;
            all.extend(file.watched.recipes().map(|recipe| (What::Recipe(recipe.clone()), line)));
        }
        let recipes: Vec<(&Recipe, Option<usize>)> = all
            .iter()
            .filter_map(|(what, line)| match what {
                What::Recipe(recipe) => Some((recipe, *line)),
                What::Target(_) => None,
            })
            .collect();
        if let Some((_, line)) = recipes.get(MAX_RECIPES) {
            return Err(Clash { line: *line, reason: format!("more than {MAX_RECIPES} recipes") });
        }
        let targets = all.iter().map(|(what, _)| what.target().clone()).collect();
        let targets = Targets::new(targets, self.with_defaults).map_err(|conflict| {
            let Some((what, line)) = all.get(conflict.place) else {
                return Clash { line: None, reason: conflict.problem.to_string() };
            };
            let reason = match (what, conflict.problem) {
                (_, Problem::TooMany) => format!("more than {MAX_TARGETS} targets and recipes"),
                (What::Target(_), problem) => problem.to_string(),
                (What::Recipe(recipe), problem) => format!("recipe `{}`: {problem}", recipe.target.name),
            };
            Clash { line: *line, reason }
        })?;
        Ok((targets, recipes.into_iter().map(|(recipe, _)| recipe.clone()).collect()))
    }
}
