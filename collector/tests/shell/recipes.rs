//! `pullscope recipes`, and recipes that are refused.

use super::{refused, text};
use crate::program::{command, file, finished};

/// Runs `pullscope recipes` with these arguments.
fn recipes(arguments: &[&str]) -> std::process::Output {
    finished(command().arg("recipes").args(arguments))
}

#[test]
fn shipped_recipes_are_listed_with_what_is_in_use() {
    let config =
        file("use_recipes = [\"executor\"]\n[[recipe]]\nname = \"own\"\ncomm = \"own\"\nabout = \"Mine.\"\n");
    let list = text(&recipes(&["list", "--config.file", config.path().to_str().unwrap()]).stdout);
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let names: Vec<(&str, &str)> = rows[1..].iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(
        names,
        [
            ("executor", "yes"),
            ("kraken-agent", "no"),
            ("queue-consumer", "no"),
            ("queue-pool", "no"),
            ("sandbox-router", "no"),
            ("workload-manager", "no"),
            ("own", "yes"),
        ]
    );
    assert!(list.ends_with("Mine.\n"), "{list}");
    let by_variable =
        finished(command().args(["recipes", "list"]).env("PULLSCOPE_USE_RECIPES", "queue-pool"));
    assert!(text(&by_variable.stdout).contains("queue-pool        yes"), "{}", text(&by_variable.stdout));
}

/// What `show` prints is a config file that `test` and `run` take, and its traffic fits it.
#[test]
fn a_shipped_recipe_can_be_shown_and_tried() {
    for name in
        ["executor", "kraken-agent", "queue-consumer", "queue-pool", "sandbox-router", "workload-manager"]
    {
        let recipe = file(&text(&recipes(&["show", name]).stdout));
        let traffic = file(&text(&recipes(&["show", name, "--traffic"]).stdout));
        let path = recipe.path().to_str().unwrap();
        let checked = recipes(&["test", path]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        assert!(
            text(&checked.stdout).starts_with(&format!("recipe `{name}`: comm `")),
            "{}",
            text(&checked.stdout)
        );
        let tried = recipes(&["test", path, "--traffic", traffic.path().to_str().unwrap()]);
        let said = text(&tried.stdout);
        assert!(tried.status.success() && said.contains("\nMETRIC "), "{said}{}", text(&tried.stderr));
    }
}

#[test]
fn a_recipe_is_told_in_plain_english() {
    let config = file(
        "[[recipe]]\nname = \"own\"\ncomm = \"python3\"\nargv = 'worker\\.py'\nrole = \"client\"\n\
         [[recipe.work]]\nqueue = { from = \"reply\", most = 4 }\nbegin = { reply = \"BLPOP **\", is = \"item\" }\n\
         end = [{ command = \"BLPOP **\" }]\n",
    );
    let output = recipes(&["test", config.path().to_str().unwrap()]);
    assert_eq!(
        text(&output.stdout),
        "recipe `own`: comm `python3`, command line `worker\\.py`; client, Redis is read\n  work, queue from the reply's \
         first text (at most 4 values): begins with an item in reply to `BLPOP **`, ends with the Redis command `BLPOP **`; \
         one at a time in each thread; given up after 1h\n"
    );
    let empty = file("");
    assert_eq!(
        text(&recipes(&["test", empty.path().to_str().unwrap()]).stdout),
        "valid, and without a recipe\n"
    );
}

/// The same sentence wherever the file is read.
#[test]
fn a_recipe_with_a_mistake_is_refused_with_file_line_and_reason() {
    let head = "[[recipe]]\nname = \"own\"\ncomm = \"own\"\n";
    let cases = [
        (
            "[[recipe.work]]\nqueue = { from = \"reply\" }\nbegin = { reply = \"BLPOP **\" }\nend = [{ command = \"BLPOP **\" }]\n",
            "line 5: `queue` would have no bound: list its `values`, or say how many there are at `most`. Mend that line; \
             docs/configuration.md lists every key, docs/recipes.md those of recipes.",
        ),
        (
            "[[recipe.work]]\nqueue = \"jobs\"\nbegin = { reply = \"BLPOP **\" }\n",
            "line 6: neither `end` nor `quiet` says when it ends. Mend that line; docs/configuration.md lists every key, \
             docs/recipes.md those of recipes.",
        ),
        (
            "[[recipe.operation]]\noperation = \"create\"\n\nduring = { served = \"POST v1\" }\n",
            "line 7: the path of `POST v1` does not begin with a slash. Mend that line; docs/configuration.md lists every \
             key, docs/recipes.md those of recipes.",
        ),
    ];
    for (lines, says) in cases {
        let config = file(&format!("{head}{lines}"));
        let path = config.path().to_str().unwrap();
        let says = format!("pullscope: config file {path}: {says}\n");
        for arguments in [&["run", "--config.file", path][..], &["recipes", "test", path]] {
            let output = finished(command().args(arguments));
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), says.clone()));
        }
        let check = finished(command().args(["check", "--config.file", path]));
        assert!(text(&check.stdout).contains("fail  settings"), "{}", text(&check.stdout));
    }
}

#[test]
fn a_recipe_that_does_not_ship_is_refused() {
    let says = "no recipe `nope` comes with pullscope: there is `executor`, `kraken-agent`, `queue-consumer`";
    refused(&recipes(&["show", "nope"]), 2, &[says]);
    refused(&finished(command().args(["run", "--use-recipes=nope"])), 2, &[says]);
    let variable = finished(command().arg("check").env("PULLSCOPE_USE_RECIPES", "nope"));
    refused(&variable, 2, &[says, "the environment variable PULLSCOPE_USE_RECIPES"]);
}

#[test]
fn traffic_with_a_mistake_is_refused_with_file_line_and_reason() {
    let config = file(&text(&recipes(&["show", "queue-consumer"]).stdout));
    let traffic = file("0.0 1 exec\n0.1 1 1 redsi BLPOP jobs 0\n");
    let (config, traffic) = (config.path().to_str().unwrap(), traffic.path().to_str().unwrap());
    let output = recipes(&["test", config, "--traffic", traffic]);
    let says = format!(
        "pullscope: traffic file {traffic}: line 2: `redsi BLPOP jobs 0` is not what happens on a connection: "
    );
    refused(&output, 2, &[&says, "docs/recipes.md says what a line may be."]);
    assert_eq!(text(&output.stderr).lines().count(), 1, "one sentence");
    refused(
        &recipes(&["test", config, "--traffic", "does-not-exist"]),
        2,
        &["traffic file does-not-exist: No such file"],
    );
}
