//! From recipes as they are written to recipes that can be followed: what the values of one recipe have to do with each other.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::file::{
    LabelText, Most, WrittenAt, WrittenCapture, WrittenDuring, WrittenEach, WrittenIs, WrittenPoint,
    WrittenRecipe, WrittenSource, WrittenSpan, WrittenTrigger,
};
use super::good;
use super::rule::{Bound, During, Each, Feeds, Listing, Point, Recipe, ReplyIs, Rule, Side, Source, Span};
use crate::model::pull::record::{Isolation, Trigger};
use crate::targets::Target;

/// Most rules of a recipe.
const MAX_RULES: usize = 50;

/// Nanoseconds after which an end is not waited for any more, unless a recipe says otherwise.
const LONGEST: u64 = 3_600_000_000_000;

/// Value of the `kind` label of an operation that has one kind.
const ONE_KIND: &str = "all";

/// What is wrong with a recipe.
#[derive(Debug)]
pub struct Refusal {
    /// Where it stands in the file, in bytes.
    pub span: Range<usize>,
    /// What is wrong with it, without a full stop.
    pub reason: String,
}

fn refuse<T>(span: &Range<usize>, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { span: span.clone(), reason: reason.into() })
}

impl WrittenRecipe {
    /// The recipe; `span` is where its table stands.
    pub fn check(self, span: &Range<usize>) -> Result<Recipe, Refusal> {
        if self.operation.len() + self.work.len() > MAX_RULES {
            return refuse(span, format!("a recipe has at most {MAX_RULES} operations and kinds of work"));
        }
        let operations: HashSet<String> =
            self.operation.iter().map(|operation| operation.get_ref().operation.0.clone()).collect();
        let mut rules = Vec::new();
        for written in self.operation {
            let span = written.span();
            let (name, kind, written) = written.into_inner().parts();
            let operation: Arc<str> = name.0.into();
            let kind = kind.unwrap_or_else(|| {
                Spanned::new(span.clone(), WrittenSource::Fixed(LabelText(ONE_KIND.to_owned())))
            });
            let (kind, rule) = written.rule(&span, &operations, Some(&operation), ("kind", kind))?;
            rules.push(rule(Feeds::Operation { operation, kind }));
        }
        for written in self.work {
            let span = written.span();
            let (queue, written) = written.into_inner().parts();
            let (queue, rule) = written.rule(&span, &operations, None, ("queue", queue))?;
            rules.push(rule(Feeds::Work { queue }));
        }
        let mut recipe = Recipe {
            about: self.about.0,
            target: Target {
                name: self.name,
                comm: self.comm,
                argv: self.argv,
                role: self.role,
                redis: false,
                threads: false,
            },
            isolation: self.isolation.map(|name| Isolation(name.0.into())),
            trigger: self.trigger.map(|trigger| match trigger {
                WrittenTrigger::Execution => Trigger::Execution,
                WrittenTrigger::Warmup => Trigger::Warmup,
                WrittenTrigger::Unknown => Trigger::Unknown,
            }),
            fetches_name_digest: self.fetches_name_digest,
            rules,
        };
        recipe.target.redis = recipe.reads_redis();
        recipe.target.threads = recipe.follows_threads();
        Ok(recipe)
    }
}

impl WrittenSpan {
    /// The source of the rule's label, and the rule once it is said what it feeds. `operations` are those of the recipe, `own`
    /// is the rule's.
    fn rule(
        self,
        span: &Range<usize>,
        operations: &HashSet<String>,
        own: Option<&str>,
        (label, source): (&'static str, Spanned<WrittenSource>),
    ) -> Result<(Source, impl FnOnce(Feeds) -> Rule + use<>), Refusal> {
        if let Some(within) = &self.within {
            let name = within.get_ref().as_str();
            if own == Some(name) {
                return refuse(&within.span(), format!("`{name}` can't be within itself"));
            }
            if !operations.contains(name) {
                return refuse(
                    &within.span(),
                    format!("`within` names no operation of this recipe: `{name}`"),
                );
            }
        }
        let within = self.within.as_ref().map(|name| name.get_ref().as_str().into());
        let longest = self.longest.map_or(LONGEST, |time| time.0);
        let ok = self.ok.clone();
        let span = self.check(span)?;
        let source = self::source(label, source, &span)?;
        let ok = ok
            .iter()
            .map(|text| {
                good::read(text.get_ref(), &span).map_err(|reason| Refusal { span: text.span(), reason })
            })
            .collect::<Result<_, _>>()?;
        Ok((source, move |feeds| Rule { feeds, span, within, ok, longest }))
    }

    fn check(self, span: &Range<usize>) -> Result<Span, Refusal> {
        match (self.during, self.begin) {
            (Some(_), Some(begin)) => refuse(&begin.span(), "`begin` and `during` exclude each other"),
            (None, None) => refuse(span, "neither `during` nor `begin` says when it begins"),
            (Some(during), None) => {
                let lists = [("end", &self.end), ("also", &self.also), ("failed", &self.failed)];
                let list = lists.iter().find_map(|(key, list)| Some((*key, list.first()?.span())));
                let each = self.each.map(|each| ("each", each.span()));
                let quiet = self.quiet.map(|_| ("quiet", during.span()));
                if let Some((key, span)) = list.or(each).or(quiet) {
                    return refuse(
                        &span,
                        format!("`{key}` belongs to `begin`: what `during` names has its own end"),
                    );
                }
                let span = during.span();
                during.into_inner().check().map(Span::During).or_else(|reason| refuse(&span, reason))
            }
            (None, Some(begin)) => {
                if self.end.is_empty() && self.quiet.is_none() {
                    return refuse(&begin.span(), "neither `end` nor `quiet` says when it ends");
                }
                let each = match &self.each {
                    Some(each) if *each.get_ref() == WrittenEach::Pool => {
                        if self.end.is_empty() || self.quiet.is_some() {
                            return refuse(
                                &each.span(),
                                "a pool needs an `end` and has no `quiet`: each end takes one out of it",
                            );
                        }
                        if let Some(failed) = self.failed.first() {
                            return refuse(
                                &failed.span(),
                                "`failed` can't be told of a pool: nothing says whose it is",
                            );
                        }
                        Each::Pool
                    }
                    Some(each) if *each.get_ref() == WrittenEach::Connection => Each::Connection,
                    Some(each) if *each.get_ref() == WrittenEach::Process => Each::Process,
                    Some(_) | None => Each::Thread,
                };
                if let (Some(also), None) = (self.also.first(), self.quiet) {
                    return refuse(&also.span(), "`also` belongs to `quiet`: without it nothing asks for it");
                }
                Ok(Span::Between {
                    from: point(begin)?,
                    to: points(self.end)?,
                    quiet: self.quiet.map(|time| time.0),
                    also: points(self.also)?,
                    failed: points(self.failed)?,
                    each,
                })
            }
        }
    }
}

impl WrittenDuring {
    fn check(self) -> Result<During, String> {
        let Self { served, asked, redis, connect, process } = self;
        let mut found = [
            served.map(|pattern| During::Exchange(Side::Served, pattern)),
            asked.map(|pattern| During::Exchange(Side::Asked, pattern)),
            redis.map(During::Call),
            connect.map(During::Connect),
            process.map(|_| During::Process),
        ]
        .into_iter()
        .flatten();
        match (found.next(), found.next(), process) {
            (_, _, Some(false)) => Err("`process` can only be true".to_owned()),
            (Some(during), None, _) => Ok(during),
            _ => Err("`during` has one of `served`, `asked`, `redis`, `connect` and `process`".to_owned()),
        }
    }
}

fn points(written: Vec<Spanned<WrittenPoint>>) -> Result<Vec<Point>, Refusal> {
    written.into_iter().map(point).collect()
}

fn point(written: Spanned<WrittenPoint>) -> Result<Point, Refusal> {
    let span = written.span();
    let WrittenPoint { command, reply, is, served, asked, at } = written.into_inner();
    let exchange = |side, pattern| match at {
        Some(WrittenAt::Request) => Ok(Point::Request(side, pattern)),
        Some(WrittenAt::Answer) => Ok(Point::Answer(side, pattern)),
        None => Err("`at` says which moment it is: `request` or `answer`"),
    };
    let point = match (command, reply, served, asked) {
        (Some(_), None, None, None) | (None, None, Some(_), None) | (None, None, None, Some(_))
            if is.is_some() =>
        {
            Err("`is` belongs to `reply`")
        }
        (Some(_), None, None, None) | (None, Some(_), None, None) if at.is_some() => {
            Err("`at` belongs to `served` and `asked`")
        }
        (Some(pattern), None, None, None) => Ok(Point::Command(pattern)),
        (None, Some(pattern), None, None) => Ok(Point::Reply(
            pattern,
            match is {
                None | Some(WrittenIs::Any) => ReplyIs::Any,
                Some(WrittenIs::Item) => ReplyIs::Item,
                Some(WrittenIs::Nothing) => ReplyIs::Nothing,
                Some(WrittenIs::Error) => ReplyIs::Error,
            },
        )),
        (None, None, Some(pattern), None) => exchange(Side::Served, pattern),
        (None, None, None, Some(pattern)) => exchange(Side::Asked, pattern),
        _ => Err("a moment is one of `command`, `reply`, `served` and `asked`"),
    };
    point.or_else(|reason| refuse(&span, reason))
}

/// Where the value of `label` comes from, in a rule of this span.
fn source(label: &str, written: Spanned<WrittenSource>, of: &Span) -> Result<Source, Refusal> {
    let span = written.span();
    let WrittenCapture { from, values, most, listed_by, item } = match written.into_inner() {
        WrittenSource::Fixed(text) => return Ok(Source::Fixed(text.0.into())),
        WrittenSource::Captured(captured) => *captured,
    };
    let bound = match (values, most) {
        (None, None) => {
            let reason = format!(
                "`{label}` would have no bound: list its `values`, or say how many there are at `most`"
            );
            return refuse(&span, reason);
        }
        (Some(_), Some(_)) => return refuse(&span, "`values` and `most` exclude each other"),
        (None, Some(most)) => Bound::Most(most.0),
        (Some(values), None) => Bound::Listed(listed(values, &span)?),
    };
    let place = if matches!(of, Span::During(_)) { "during" } else { "begin" };
    let capture = from.get_ref().as_str().into();
    let listing = match (listed_by, item) {
        (None, None) => {
            captured(&from, (place, &of.captures()), &format!("take `{label}` from"))?;
            None
        }
        (Some(command), Some(item)) => {
            let by: Vec<&str> = command.get_ref().captures().collect();
            captured(&from, ("listed_by", &by), &format!("take `{label}` from"))?;
            captured(&item, (place, &of.captures()), "look up in the list")?;
            Some(Listing { item: item.get_ref().as_str().into(), command: command.into_inner() })
        }
        (Some(command), None) => {
            return refuse(
                &command.span(),
                "`listed_by` needs `item`: which capture is looked up in the list",
            );
        }
        (None, Some(item)) => {
            return refuse(&item.span(), "`item` belongs to `listed_by`: which command's reply is the list");
        }
    };
    Ok(Source::Captured { capture, bound, listing })
}

/// Refuses a capture that is not made there; `purpose`: what it is for.
fn captured(
    name: &Spanned<String>,
    (place, captures): (&str, &[&str]),
    purpose: &str,
) -> Result<(), Refusal> {
    let capture = name.get_ref().as_str();
    if captures.contains(&capture) {
        return Ok(());
    }
    let there = match captures {
        [] => "nothing is captured there".to_owned(),
        names => format!("there is `{}`", names.join("`, `")),
    };
    refuse(&name.span(), format!("`{place}` has no `{capture}` to {purpose}: {there}"))
}

fn listed(values: Vec<Spanned<LabelText>>, span: &Range<usize>) -> Result<Vec<Arc<str>>, Refusal> {
    let Most(most) = Most::MAX;
    if values.is_empty() || values.len() > most {
        return refuse(span, format!("`values` lists 1 to {most} of them"));
    }
    let mut listed: Vec<Arc<str>> = Vec::new();
    for value in values {
        let text = value.get_ref().0.as_str();
        if listed.iter().any(|other| &**other == text) {
            return refuse(&value.span(), format!("`{text}` is listed twice"));
        }
        listed.push(text.into());
    }
    Ok(listed)
}
