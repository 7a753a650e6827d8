//! What a query of Prometheus refers to: names and labels that do not exist are found before somebody misses the alert.
//!
//! Prometheus takes any name. A selector of a metric that is not there, a label that is spelt wrong, and grouping by a label that
//! an inner aggregation has removed are all valid, and silent for ever.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{
        self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
        token,
    },
};

use crate::table::{Table, Values};

/// Labels that each series gets from Prometheus by where it was scraped. `instance` is the node.
const TARGET: [&str; 2] = ["instance", "job"];

/// Names of labels.
pub type Labels = BTreeSet<String>;

/// What may be asked for.
#[derive(Debug)]
pub struct Names<'a> {
    table: &'a Table,
    recorded: BTreeMap<String, Labels>,
}

impl<'a> Names<'a> {
    /// The metrics of the table.
    pub fn new(table: &'a Table) -> Self {
        Self { table, recorded: BTreeMap::new() }
    }

    /// Adds what a recording rule makes.
    pub fn record(&mut self, name: &str, labels: Labels) {
        self.recorded.insert(name.to_owned(), labels);
    }

    /// The labels that the result of a query may have; or what is wrong with the query.
    pub fn labels_of(&self, query: &str) -> Result<Labels, String> {
        let expr = parser::parse(query).map_err(|error| format!("{error} in {query:?}"))?;
        self.expr(&expr).map_err(|error| format!("{error} in {query:?}"))
    }

    fn expr(&self, expr: &Expr) -> Result<Labels, String> {
        match expr {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(Labels::new()),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Paren(paren) => self.expr(&paren.expr),
            Expr::Unary(unary) => self.expr(&unary.expr),
            Expr::Subquery(subquery) => self.expr(&subquery.expr),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Extension(_) => Err("a form that the parser does not make".to_owned()),
        }
    }

    fn selector(&self, selector: &VectorSelector) -> Result<Labels, String> {
        let name = selector.name.as_deref().ok_or("a selector without a metric's name")?;
        let values = self.values(name).ok_or_else(|| format!("there is no metric {name}"))?;
        if !selector.matchers.or_matchers.is_empty() {
            return Err("`or` between matchers, which Prometheus does not have".to_owned());
        }
        for matcher in &selector.matchers.matchers {
            let possible = values
                .get(matcher.name.as_str())
                .ok_or_else(|| format!("{name} has no label {}", matcher.name))?;
            if let Some(possible) = possible {
                check_values(matcher, possible).map_err(|error| format!("{name}: {error}"))?;
            }
        }
        Ok(values.into_keys().collect())
    }

    /// The labels of a metric and their values, those of the target included.
    fn values(&self, name: &str) -> Option<BTreeMap<String, Values>> {
        if let Some(labels) = self.recorded.get(name) {
            return Some(labels.iter().map(|label| (label.clone(), None)).collect());
        }
        let own = self.table.series(name)?.labels.clone();
        Some(own.into_iter().chain(TARGET.map(|label| (label.to_owned(), None))).collect())
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<Labels, String> {
        let inner = self.expr(&aggregate.expr)?;
        if let Some(param) = &aggregate.param {
            self.expr(param)?;
        }
        // These choose among series and leave them as they are.
        let chooses = matches!(aggregate.op.id(), token::T_TOPK | token::T_BOTTOMK);
        match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => {
                let by = subset(&by.labels, &inner, "by")?;
                Ok(if chooses { inner } else { by })
            }
            Some(LabelModifier::Exclude(without)) => {
                let without = subset(&without.labels, &inner, "without")?;
                Ok(if chooses { inner } else { &inner - &without })
            }
            None => Ok(if chooses { inner } else { Labels::new() }),
        }
    }

    fn binary(&self, binary: &BinaryExpr) -> Result<Labels, String> {
        let (left, right) = (self.expr(&binary.lhs)?, self.expr(&binary.rhs)?);
        let is_number = |expr: &Expr| expr.value_type() == parser::value::ValueType::Scalar;
        if is_number(&binary.lhs) || is_number(&binary.rhs) {
            return Ok(&left | &right);
        }
        let card = binary.modifier.as_ref().map(|modifier| &modifier.card);
        let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
        let on = match matching {
            Some(LabelModifier::Include(on)) => {
                subset(&on.labels, &left, "on")?;
                Some(subset(&on.labels, &right, "on")?)
            }
            Some(LabelModifier::Exclude(ignoring)) => {
                let ignored = subset(&ignoring.labels, &(&left | &right), "ignoring")?;
                same(&(&left - &ignored), &(&right - &ignored))?;
                Some(&left - &ignored)
            }
            None => {
                same(&left, &right)?;
                None
            }
        };
        if binary.op.is_set_operator() {
            // What `or` adds has the labels of the right side, which are the same unless `on` says otherwise.
            return Ok(if binary.op.id() == token::T_LOR { &left & &right } else { left });
        }
        match card {
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                Ok(&left | &subset(&more.labels, &right, "group_left")?)
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                Ok(&right | &subset(&more.labels, &left, "group_right")?)
            }
            _ => Ok(on.unwrap_or(left)),
        }
    }

    fn call(&self, call: &Call) -> Result<Labels, String> {
        let of: Vec<_> = call.args.args.iter().map(|arg| self.expr(arg)).collect::<Result<_, _>>()?;
        let text = |number: usize| match call.args.args.get(number).map(AsRef::as_ref) {
            Some(Expr::StringLiteral(literal)) => Ok(literal.val.as_str()),
            _ => Err(format!("{} without a text where one is due", call.func.name)),
        };
        match call.func.name {
            "histogram_quantile" => {
                let buckets = of.last().ok_or("a quantile of nothing")?;
                Ok(buckets - &subset(&["le".to_owned()], buckets, "histogram_quantile")?)
            }
            "label_replace" => {
                let [series, ..] = of.as_slice() else { return Err("label_replace of nothing".to_owned()) };
                subset(&[text(3)?.to_owned()], series, "label_replace")?;
                Ok(series | &Labels::from([text(1)?.to_owned()]))
            }
            // Those of the selector that are matched for equality, of which no query here has any.
            "absent" | "vector" | "time" => Ok(Labels::new()),
            _ => Ok(of.into_iter().fold(Labels::new(), |all, labels| &all | &labels)),
        }
    }
}

/// A matcher must be able to match, and each word of an alternative must be one of the values: `"ok|eror"` would match.
fn check_values(matcher: &Matcher, possible: &BTreeSet<String>) -> Result<(), String> {
    let one_of = |value: &str| {
        let known = possible.contains(value);
        known.then_some(()).ok_or_else(|| format!("{} is never {value:?}", matcher.name))
    };
    match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => one_of(&matcher.value),
        MatchOp::Re(_) | MatchOp::NotRe(_) if matcher.value == ".*" => Ok(()),
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').try_for_each(one_of),
    }
}

fn subset(labels: &[String], of: &Labels, word: &str) -> Result<Labels, String> {
    match labels.iter().find(|label| !of.contains(*label)) {
        Some(label) => Err(format!("`{word}` names the label {label}, of which nothing is there")),
        None => Ok(labels.iter().cloned().collect()),
    }
}

/// Without `on` and `ignoring`, series with different labels never match.
fn same(left: &Labels, right: &Labels) -> Result<(), String> {
    if left == right {
        return Ok(());
    }
    Err(format!("the sides have different labels, {left:?} and {right:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "
### pullscope_pulls_total

Number. Type: counter, in pulls.

- `registry`: eTLD+1 of the registry
- `status`: ok, error

### pullscope_wait_seconds

Time. Type: histogram, in seconds.

- `registry`: eTLD+1 of the registry
- buckets: 1 2.5
";

    fn labels(query: &str) -> Result<Vec<String>, String> {
        let table = Table::of_page(PAGE);
        let mut names = Names::new(&table);
        names.record("registry:pulls:rate15m", Labels::from(["registry".to_owned()]));
        names.labels_of(query).map(|labels| labels.into_iter().collect())
    }

    #[test]
    fn labels_go_through_a_query() {
        for (query, expected) in [
            ("pullscope_pulls_total", &["instance", "job", "registry", "status"][..]),
            ("sum(rate(pullscope_pulls_total[5m]))", &[]),
            (
                "sum by (status) (rate(pullscope_pulls_total{registry=~\"a|b\",status!=\"ok\"}[5m])) * 60",
                &["status"],
            ),
            ("sum without (job, instance) (pullscope_pulls_total)", &["registry", "status"]),
            ("topk(3, sum by (registry) (pullscope_pulls_total))", &["registry"]),
            ("histogram_quantile(0.9, sum by (le) (rate(pullscope_wait_seconds_bucket[5m])))", &[]),
            (
                "sum by (registry, status) (pullscope_pulls_total) / on (registry) group_left () registry:pulls:rate15m",
                &["registry", "status"],
            ),
            (
                "pullscope_wait_seconds_bucket{le=\"2.5\"} / ignoring (le) pullscope_wait_seconds_bucket{le=\"+Inf\"}",
                &["instance", "job", "registry"],
            ),
            (
                "pullscope_pulls_total unless on (registry) registry:pulls:rate15m > 0",
                &["instance", "job", "registry", "status"],
            ),
            (
                "label_replace(registry:pulls:rate15m, \"name\", \"$1\", \"registry\", \"(.+)\")",
                &["name", "registry"],
            ),
            ("1 - avg_over_time(up{job=~\".*x.*\"}[5m])", &["instance", "job"]),
            ("absent(up{job=~\".*x.*\"})", &[]),
        ] {
            assert_eq!(labels(query).unwrap_or_else(|error| panic!("{error}")), expected, "{query}");
        }
    }

    #[test]
    fn what_can_never_be_is_refused() {
        for (query, part) in [
            ("pullscope_pull_total", "there is no metric pullscope_pull_total"),
            ("pullscope_wait_seconds", "there is no metric pullscope_wait_seconds"),
            ("{status=\"ok\"}", "without a metric's name"),
            ("pullscope_pulls_total{state=\"ok\"}", "has no label state"),
            ("pullscope_pulls_total{status=\"oks\"}", "status is never \"oks\""),
            ("pullscope_pulls_total{status=~\"ok|eror\"}", "status is never \"eror\""),
            ("pullscope_wait_seconds_bucket{le=\"2\"}", "le is never \"2\""),
            ("sum by (runtime) (pullscope_pulls_total)", "`by` names the label runtime"),
            ("sum by (registry) (sum by (status) (pullscope_pulls_total))", "`by` names the label registry"),
            ("histogram_quantile(0.9, sum by (registry) (pullscope_wait_seconds_bucket))", "the label le"),
            ("pullscope_pulls_total / registry:pulls:rate15m", "different labels"),
            ("pullscope_pulls_total / on (status) registry:pulls:rate15m", "`on` names the label status"),
            ("pullscope_pulls_total / ignoring (status) registry:pulls:rate15m", "different labels"),
            ("sum(", "sum("),
        ] {
            let error = labels(query).expect_err(query);
            assert!(error.contains(part), "{query}: {error}");
        }
    }
}
