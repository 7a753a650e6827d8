//! Recipes in the config file: what is refused, where and why, and what comes of the rest.

use super::{args, error, file};
use crate::config::Settings;
use crate::model::pull::record::{Isolation, Trigger};
use crate::recipes::pattern::REPLY;
use crate::recipes::rule::{Bound, During, Each, Feeds, Good, Point, ReplyIs, Rule, Side, Source, Span};
use crate::recipes::shipped::Shipped;

const HEAD: &str = "[[recipe]]\nname = \"a\"\ncomm = \"a\"\n";

/// The rules of a recipe with these further lines.
fn rules(lines: &str) -> Vec<Rule> {
    let file = file(&format!("{HEAD}{lines}"));
    let recipe = file.watched.recipes().next().unwrap().clone();
    recipe.rules
}

/// What is said of a recipe with these further lines, of which the first has number 1.
#[track_caller]
fn refused(lines: &str, line: usize, reason: &str) {
    let (found, why) = error(&format!("{HEAD}{lines}"));
    assert_eq!((found - 3, why.as_str()), (line, reason));
}

/// The same of an operation `x` with these further lines, of which the first has number 1.
#[track_caller]
fn operation_refused(lines: &str, line: usize, reason: &str) {
    refused(&format!("[[recipe.operation]]\noperation = \"x\"\n{lines}"), line + 2, reason);
}

#[test]
fn a_recipe_becomes_rules() {
    let text = r#"
        argv = "worker"
        isolation = "kata"
        trigger = "warmup"
        [[recipe.work]]
        queue = { from = "reply", most = 16 }
        begin = { reply = "BLPOP **", is = "item" }
        end   = [{ command = "BLPOP **" }, { asked = "POST /done", at = "answer" }]
        quiet = "1m"
        also = [{ command = "PING" }]
        failed = [{ served = "GET /x", at = "request" }]
        each = "connection"
        within = "cycle"
        longest = "2h"
        [[recipe.operation]]
        operation = "cycle"
        kind = { from = "kind", values = ["a", "b"] }
        during = { served = "POST /v1/{kind}" }
        ok = ["2xx", "404"]
    "#;
    let file = file(&format!("{HEAD}{text}"));
    let recipe = file.watched.recipes().next().unwrap();
    assert!(recipe.target.argv.is_some() && recipe.target.redis && !recipe.target.threads);
    assert_eq!(recipe.isolation, Some(Isolation("kata".into())));
    assert_eq!(recipe.trigger, Some(Trigger::Warmup));
    let [cycle, work] = recipe.rules.as_slice() else { panic!("{recipe:?}") };
    let Feeds::Operation { operation, kind: Source::Captured { capture, bound: Bound::Listed(values), .. } } =
        &cycle.feeds
    else {
        panic!("{cycle:?}")
    };
    assert_eq!((&**operation, &**capture, values.len()), ("cycle", "kind", 2));
    assert!(matches!(cycle.span, Span::During(During::Exchange(Side::Served, _))));
    assert_eq!(cycle.ok, [Good::Class(2), Good::Code(404)]);
    assert_eq!((cycle.longest, cycle.within.as_deref()), (3_600_000_000_000, None));
    let Feeds::Work { queue: Source::Captured { capture, bound: Bound::Most(16), .. } } = &work.feeds else {
        panic!("{work:?}")
    };
    assert_eq!(&**capture, REPLY);
    let Span::Between { from, to, quiet, also, failed, each } = &work.span else { panic!("{work:?}") };
    assert!(matches!(from, Point::Reply(_, ReplyIs::Item)));
    assert!(matches!(to.as_slice(), [Point::Command(_), Point::Answer(Side::Asked, _)]));
    assert!(matches!(also.as_slice(), [Point::Command(_)]));
    assert!(matches!(failed.as_slice(), [Point::Request(Side::Served, _)]));
    assert_eq!((*quiet, *each), (Some(60_000_000_000), Each::Connection));
    assert_eq!((work.longest, work.within.as_deref()), (7_200_000_000_000, Some("cycle")));
    assert!(work.ok.is_empty());
}

#[test]
fn what_is_left_out_is_the_usual() {
    let rules = rules(
        "[[recipe.operation]]\noperation = \"x\"\nduring = { process = true }\n\
         [[recipe.work]]\nqueue = \"jobs\"\nbegin = { command = \"TAKE\" }\nend = [{ reply = \"DONE\" }]\n",
    );
    assert!(
        matches!(&rules[0].feeds, Feeds::Operation { kind: Source::Fixed(kind), .. } if &**kind == "all")
    );
    assert!(rules[0].ok.is_empty());
    let Span::Between { to, quiet: None, each: Each::Thread, .. } = &rules[1].span else {
        panic!("{rules:?}")
    };
    assert!(matches!(to.as_slice(), [Point::Reply(_, ReplyIs::Any)]));
}

#[test]
fn the_end_is_good_by_what_it_is() {
    let ok = |lines: &str| rules(&format!("[[recipe.operation]]\noperation = \"x\"\n{lines}"))[0].ok.clone();
    assert_eq!(
        ok("during = { redis = \"SETNX *\" }\nok = [\"1\", \"nil\"]\n"),
        [Good::Text("1".into()), Good::Text("nil".into())]
    );
    assert_eq!(ok("during = { process = true }\nok = [\"0\", \"137\"]\n"), [Good::Code(0), Good::Code(137)]);
}

#[test]
fn keys_and_values_are_checked() {
    let (line, reason) = error("[[recipe]]\nname = \"a\"\ncom = \"a\"\n");
    assert!(line == 3 && reason.starts_with("unknown key `com`, expected"), "{line} {reason}");
    let (line, reason) = error("[[recipe]]\nname = \"a\"\ncomm = \"a\"\n[[recipe.work]]\nqeue = \"x\"\n");
    assert!(line == 5 && reason.starts_with("unknown key `qeue`, expected"), "{line} {reason}");
    let (line, reason) =
        error("[[recipe]]\nname = \"a\"\ncomm = \"a\"\n[[recipe.work]]\nqueue = { frm = \"x\" }\n");
    assert!(line == 5 && reason.starts_with("unknown key `frm`, expected"), "{line} {reason}");
    refused("[[recipe.work]]\nduring = { process = true }\n", 1, "missing key `queue`");
    refused("[[recipe.operation]]\nduring = { process = true }\n", 1, "missing key `operation`");
    refused(
        "[[recipe.operation]]\noperation = \"Create\"\n",
        2,
        "an operation's name has 1 to 64 of a-z, 0-9 and `_`, a letter first",
    );
    refused("isolation = \"Kata 3\"\n", 1, "an isolation has 1 to 32 of a-z, 0-9, `_`, `-` and `.`");
    let (line, reason) = error(&format!("{HEAD}trigger = \"soon\"\n"));
    assert!(line == 4 && reason.contains("`execution`, `warmup`"), "{line} {reason}");
    operation_refused(
        "kind = \"a\\nb\"\n",
        1,
        "a label's value has 1 to 64 bytes, and no control characters",
    );
    operation_refused(
        "kind = 7\n",
        1,
        "invalid type: integer `7`, expected a text, or a table such as { from = \"queue\", most = 16 }",
    );
    operation_refused(
        "longest = \"soon\"\n",
        1,
        "`soon` is no time from 1ms to 7days, such as `500ms`, `30s`, `5m` or `1h`",
    );
    operation_refused(
        "quiet = \"0s\"\n",
        1,
        "`0s` is no time from 1ms to 7days, such as `500ms`, `30s`, `5m` or `1h`",
    );
    operation_refused(
        "during = { served = \"/x\" }\n",
        1,
        "`/x` is no method and path such as `GET /v1/{kind}`",
    );
}

#[test]
fn a_beginning_and_an_end_are_needed() {
    let begin = "begin = { command = \"A\" }\n";
    refused(
        "[[recipe.operation]]\noperation = \"x\"\n",
        1,
        "neither `during` nor `begin` says when it begins",
    );
    operation_refused(begin, 1, "neither `end` nor `quiet` says when it ends");
    operation_refused(
        &format!("during = {{ process = true }}\n{begin}"),
        2,
        "`begin` and `during` exclude each other",
    );
    for (key, value) in
        [("end", "[{ command = \"A\" }]"), ("failed", "[{ command = \"A\" }]"), ("each", "\"pool\"")]
    {
        let reason = format!("`{key}` belongs to `begin`: what `during` names has its own end");
        operation_refused(&format!("during = {{ process = true }}\n{key} = {value}\n"), 2, &reason);
    }
    operation_refused(
        "during = { served = \"GET /\", asked = \"GET /\" }\n",
        1,
        "`during` has one of `served`, `asked`, `redis`, `connect` and `process`",
    );
    operation_refused(
        "during = {}\n",
        1,
        "`during` has one of `served`, `asked`, `redis`, `connect` and `process`",
    );
    operation_refused("during = { process = false }\n", 1, "`process` can only be true");
    let also = "also = [{ command = \"B\" }]\nend = [{ command = \"B\" }]\n";
    operation_refused(
        &format!("{begin}{also}"),
        2,
        "`also` belongs to `quiet`: without it nothing asks for it",
    );
}

#[test]
fn a_moment_is_one_and_says_which() {
    let end = |point: &str| format!("begin = {{ command = \"A\" }}\nend = [{point}]\n");
    operation_refused(&end("{}"), 2, "a moment is one of `command`, `reply`, `served` and `asked`");
    operation_refused(
        &end("{ command = \"A\", reply = \"A\" }"),
        2,
        "a moment is one of `command`, `reply`, `served` and `asked`",
    );
    operation_refused(&end("{ command = \"A\", is = \"item\" }"), 2, "`is` belongs to `reply`");
    operation_refused(&end("{ reply = \"A\", at = \"answer\" }"), 2, "`at` belongs to `served` and `asked`");
    operation_refused(
        &end("{ served = \"GET /\" }"),
        2,
        "`at` says which moment it is: `request` or `answer`",
    );
}

#[test]
fn a_pool_is_ended_one_by_one() {
    let pool = |lines: &str| format!("begin = {{ command = \"A\" }}\neach = \"pool\"\n{lines}");
    let reason = "a pool needs an `end` and has no `quiet`: each end takes one out of it";
    operation_refused(&pool("quiet = \"1s\"\n"), 2, reason);
    operation_refused(&pool("quiet = \"1s\"\nend = [{ command = \"B\" }]\n"), 2, reason);
    operation_refused(
        &pool("end = [{ command = \"B\" }]\nfailed = [{ command = \"C\" }]\n"),
        4,
        "`failed` can't be told of a pool: nothing says whose it is",
    );
}

/// The bound of each label is the operator's to say: none is refused.
#[test]
fn a_captured_label_has_a_bound() {
    let kind =
        |kind: &str| format!("kind = {{ {kind} }}\nduring = {{ served = \"GET /{{kind}}/{{id}}\" }}\n");
    operation_refused(
        &kind("from = \"kind\""),
        1,
        "`kind` would have no bound: list its `values`, or say how many there are at `most`",
    );
    operation_refused(
        &kind("from = \"kind\", most = 2, values = [\"a\"]"),
        1,
        "`values` and `most` exclude each other",
    );
    operation_refused(&kind("from = \"kind\", most = 101"), 1, "101 is not a number from 1 to 100");
    operation_refused(&kind("from = \"kind\", most = 0"), 1, "0 is not a number from 1 to 100");
    operation_refused(&kind("from = \"kind\", values = []"), 1, "`values` lists 1 to 100 of them");
    operation_refused(&kind("from = \"kind\", values = [\"a\", \"a\"]"), 1, "`a` is listed twice");
    operation_refused(
        &kind("from = \"reply\", most = 2"),
        1,
        "`during` has no `reply` to take `kind` from: there is `kind`, `id`",
    );
    operation_refused(
        "kind = { from = \"kind\", most = 2 }\nduring = { process = true }\n",
        1,
        "`during` has no `kind` to take `kind` from: nothing is captured there",
    );
    refused(
        "[[recipe.work]]\nqueue = { from = \"q\", most = 2 }\nbegin = { reply = \"TAKE *\" }\nend = [{ command = \"DONE {q}\" }]\n",
        2,
        "`begin` has no `q` to take `queue` from: there is `reply`",
    );
}

#[test]
fn ok_says_what_can_be_seen_of_the_end() {
    let during = |during: &str, ok: &str| format!("during = {{ {during} }}\nok = [\"{ok}\"]\n");
    operation_refused(
        &during("served = \"GET /\"", "6xx"),
        2,
        "`6xx` is no status code such as `404` or `2xx`",
    );
    operation_refused(&during("asked = \"GET /\"", "OK"), 2, "`OK` is no status code such as `404` or `2xx`");
    operation_refused(&during("process = true", "256"), 2, "`256` is no exit status from 0 to 255");
    operation_refused(
        &during("connect = \"*:1\"", "1"),
        2,
        "a connect is good when it is established: `ok` can't be said of it",
    );
    operation_refused(
        "begin = { command = \"A\" }\nend = [{ reply = \"B\" }]\nok = [\"1\"]\n",
        3,
        "`ok` belongs to `during`: what has a `begin` fails with what stands at `failed`",
    );
}

#[test]
fn within_names_another_operation_of_the_recipe() {
    let during = "during = { process = true }\n";
    operation_refused(
        &format!("{during}within = \"y\"\n"),
        2,
        "`within` names no operation of this recipe: `y`",
    );
    operation_refused(&format!("{during}within = \"x\"\n"), 2, "`x` can't be within itself");
}

#[test]
fn there_are_bounds_for_all() {
    let rule = "[[recipe.operation]]\noperation = \"x\"\nduring = { process = true }\n";
    assert_eq!(rules(&rule.repeat(50)).len(), 50);
    let (line, reason) = error(&format!("{HEAD}{}", rule.repeat(51)));
    assert_eq!((line, reason.as_str()), (1, "a recipe has at most 50 operations and kinds of work"));
    let many = |count: usize| -> String {
        let one = |i| format!("[[recipe]]\nname = \"r{i}\"\ncomm = \"r{i}\"\n");
        (0..count).map(one).collect::<Vec<_>>().concat()
    };
    assert_eq!(file(&many(50)).watched.recipes().count(), 50);
    assert_eq!(error(&many(51)), (151, "more than 50 recipes".to_owned()));
}

#[test]
fn names_and_programs_are_there_once() {
    let (line, reason) = error(&format!("{HEAD}{HEAD}"));
    assert_eq!((line, reason.as_str()), (4, "recipe `a`: another target or recipe has the same name"));
    let (line, reason) = error(&format!("{HEAD}[[targets]]\nname = \"a\"\ncomm = \"b\"\n"));
    assert_eq!((line, reason.as_str()), (1, "recipe `a`: another target or recipe has the same name"));
    let (line, reason) = error(&format!("[[targets]]\nname = \"b\"\ncomm = \"a\"\n{HEAD}"));
    assert_eq!(
        (line, reason.as_str()),
        (4, "recipe `a`: another target or recipe has the same comm, and neither has an argv pattern")
    );
    let (line, reason) = error("\nuse_recipes = [\n\"executor\",\n\"executor\"]\n");
    assert_eq!((line, reason.as_str()), (4, "recipe `executor` is used twice"));
    let (line, reason) =
        error("use_recipes = [\"executor\"]\n[[targets]]\nname = \"executor\"\ncomm = \"x\"\n");
    assert_eq!((line, reason.as_str()), (1, "recipe `executor`: another target or recipe has the same name"));
    let (line, reason) = error("use_recipes = [\"x\"]\n");
    assert_eq!(line, 1);
    assert!(
        reason.starts_with("no recipe `x` comes with pullscope: there is `executor`, `kraken-agent`"),
        "{reason}"
    );
}

#[test]
fn a_recipe_takes_the_place_of_a_built_in_target() {
    let settings = Settings::merge(&args(&["--use-recipes=kraken-agent"]), file("")).unwrap();
    let targets = settings.targets.as_slice();
    assert_eq!(targets.len(), crate::targets::defaults::TABLE.len());
    let rules = settings.rules();
    let [(id, rules)] = rules.iter().collect::<Vec<_>>()[..] else { panic!("{rules:?}") };
    assert_eq!(targets[usize::from(id.0)].name.as_str(), "kraken-agent");
    assert_eq!(rules.len(), settings.recipes[0].rules.len());
}

#[test]
fn recipes_that_are_asked_for_replace_those_that_the_file_uses() {
    let used = |flags: &[&str], text: &str| -> Result<Vec<String>, String> {
        let settings = Settings::merge(&args(flags), file(text)).map_err(|failure| failure.to_string())?;
        Ok(settings.recipes.iter().map(|recipe| recipe.target.name.to_string()).collect())
    };
    let text = format!("use_recipes = [\"executor\"]\n{HEAD}");
    assert_eq!(used(&[], &text).unwrap(), ["a", "executor"]);
    assert_eq!(
        used(&["--use-recipes=queue-pool,sandbox-router", "--use-recipes=workload-manager"], &text).unwrap(),
        ["a", "queue-pool", "sandbox-router", "workload-manager"]
    );
    let clash =
        used(&["--use-recipes=executor"], "[[targets]]\nname = \"executor\"\ncomm = \"x\"\n").unwrap_err();
    assert_eq!(
        clash,
        "--use-recipes: recipe `executor`: another target or recipe has the same name. `pullscope recipes show NAME` \
         prints a recipe, to be changed and put into the config file."
    );
    assert!(
        used(&["--use-recipes=executor,executor"], "")
            .unwrap_err()
            .contains("recipe `executor` is used twice")
    );
}

#[test]
fn shipped_recipes_are_valid_and_can_be_used_together() {
    for shipped in Shipped::all() {
        let file = file(shipped.text());
        let [recipe] = file.watched.recipes().collect::<Vec<_>>()[..] else { panic!("{shipped}") };
        assert_eq!(recipe.target.name.as_str(), shipped.name());
        assert!(!recipe.about.is_empty(), "{shipped}");
    }
    let names: Vec<&str> = Shipped::all().map(Shipped::name).collect();
    assert!(names.is_sorted());
    let all = format!("--use-recipes={}", names.join(","));
    let settings = Settings::merge(&args(&[&all]), file("")).unwrap();
    assert_eq!(settings.recipes.len(), names.len());
}

/// What the documentation shows as a file is one.
#[test]
fn documented_files_are_valid() {
    let pages =
        [include_str!("../../../../docs/configuration.md"), include_str!("../../../../docs/recipes.md")];
    let mut recipes = 0;
    for page in pages {
        for block in page.split("```toml\n").skip(1) {
            let (text, _) = block.split_once("```").unwrap();
            if text.contains("[[recipe]]") {
                recipes += file(text).watched.recipes().count();
            }
        }
    }
    assert_eq!(recipes, 2);
}

/// Every key of a recipe stands in its reference.
#[test]
fn every_key_of_a_recipe_is_documented() {
    let page = include_str!("../../../../docs/recipes.md");
    let mut keys = 0;
    for table in ["", "[[recipe.operation]]\n", "[[recipe.work]]\n"] {
        let (_, reason) = error(&format!("{HEAD}{table}no_such_key = 1\n"));
        let (_, expected) = reason.split_once("expected one of ").unwrap();
        for key in expected.split(", ") {
            let listed = page.contains(&format!("| {key} |"));
            assert!(listed || matches!(key, "`operation`" | "`work`"), "{table}{key}");
            keys += 1;
        }
    }
    assert!(keys > 30, "{keys}");
}
