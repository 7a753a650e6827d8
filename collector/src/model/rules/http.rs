//! Exchanges against the rules.

use wire::http::{Method, Outcome, RequestHead};

use super::doing::Doing;
use super::{Actor, Rules, good};
use crate::model::fact::Role;
use crate::recipes::rule::{During, Point, Rule, Side};

/// An exchange that a rule looks at, until its answer has ended.
pub(in crate::model) struct Exchanging {
    doing: Vec<(usize, Doing)>,
    side: Side,
    method: Method,
    /// Its path, where a rule waits for the answer.
    path: Option<String>,
    code: Option<u16>,
}

impl Exchanging {
    /// The final response's head has passed.
    pub fn answered(&mut self, code: u16) {
        self.code = Some(code);
    }
}

impl Rules {
    /// The head of a request has passed. Gives what to keep until the answer has ended.
    pub fn request(
        &mut self,
        actor: &Actor,
        role: Role,
        head: &RequestHead,
        time: u64,
    ) -> Option<Exchanging> {
        let rules = self.of(actor.target)?;
        let (method, path) = (head.method, head.target.path());
        let side = match role {
            Role::Client => Side::Asked,
            Role::Server => Side::Served,
        };
        let exchange = |during| match during {
            &During::Exchange(own, ref pattern) if own == side => pattern.matches(method, path),
            _ => None,
        };
        let doing = self.during(actor, &rules, exchange, time);
        let request = |point| match point {
            &Point::Request(own, ref pattern) if own == side => pattern.matches(method, path),
            _ => None,
        };
        self.at(actor, &rules, request, None, time);
        let path = waits(&rules, side, method, path).then(|| path.to_owned());
        let kept = !doing.is_empty() || path.is_some();
        kept.then_some(Exchanging { doing, side, method, path, code: None })
    }

    /// The answer has ended.
    pub fn answered(&mut self, actor: &Actor, exchanging: Exchanging, outcome: Outcome, time: u64) {
        let Some(rules) = self.of(actor.target) else { return };
        let Exchanging { doing, side, method, path, code } = exchanging;
        for (number, doing) in doing {
            let ok = rules.get(number).map_or(&[][..], |rule| &rule.ok);
            if outcome != Outcome::Unknown {
                doing.end(good::of_exchange(ok, code, outcome), time);
            }
        }
        let Some(path) = &path else { return };
        if outcome == Outcome::Unknown {
            self.missed(actor.pid);
            return;
        }
        let answer = |point| match point {
            &Point::Answer(own, ref pattern) if own == side => pattern.matches(method, path),
            _ => None,
        };
        self.at(actor, &rules, answer, None, time);
    }
}

/// Whether a rule has a point at the answer to such a request.
fn waits(rules: &[Rule], side: Side, method: Method, path: &str) -> bool {
    rules.iter().flat_map(|rule| rule.span.points()).any(|point| match point {
        Point::Answer(own, pattern) => *own == side && pattern.matches(method, path).is_some(),
        _ => false,
    })
}
