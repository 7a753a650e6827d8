//! `cargo xtask docs`: the pages that are generated, so that they never say other than the program.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{
    steps::{Live, Outcome, Steps},
    workspace::Workspace,
};

/// Arguments of `cargo xtask docs`.
#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail when a page is stale
    #[arg(long)]
    check: bool,
}

const METRICS: &str = "docs/metrics.md";

/// Writes the pages, or checks them.
pub fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    if args.check {
        return steps.step("docs", |live| check(&workspace, live));
    }
    steps.step("docs", |live| {
        let page = generate(&workspace, live)?;
        let path = workspace.root.join(METRICS);
        fs::write(&path, page).with_context(|| format!("cannot write {METRICS}"))?;
        Ok(Outcome::Done(METRICS.to_owned()))
    })
}

/// Fails when the page in the tree is not the one that the program prints.
pub fn check(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let fresh = generate(workspace, live)?;
    let present = fs::read_to_string(workspace.root.join(METRICS)).unwrap_or_default();
    match first_difference(&present, &fresh) {
        None => Ok(Outcome::Done(format!("{METRICS} is fresh"))),
        Some(number) => bail!("{METRICS} is stale from line {number} on; write it by `cargo xtask docs`"),
    }
}

fn generate(workspace: &Workspace, live: &Live) -> Result<String> {
    let mut explain = workspace.cargo();
    explain.args(["run", "--quiet", "--package=pullscope", "--", "explain", "--markdown"]);
    let page = String::from_utf8(live.output(&mut explain)?)
        .context("`pullscope explain --markdown` is not UTF-8")?;
    if page.trim().is_empty() {
        bail!("`pullscope explain --markdown` printed nothing");
    }
    Ok(page)
}

/// The number of the first line that differs, counted from 1.
fn first_difference(one: &str, other: &str) -> Option<usize> {
    if one == other {
        return None;
    }
    // Lines that are all the same leave the end: one text is longer, or only one ends its last line.
    let same = one.split_inclusive('\n').zip(other.split_inclusive('\n')).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a", "a\n"), Some(1));
    }
}
