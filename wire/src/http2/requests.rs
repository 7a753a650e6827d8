//! The direction in which requests travel.

use super::block::{FieldList, Purpose, Shape};
use super::connection::Connection;
use super::stream::MAX_ASKED;
use crate::http::{Fact, Framing, HeadError, Method, RequestHead, Role, Unparsed};

impl Connection {
    /// A header block of the client.
    pub(super) fn ask(
        &mut self,
        purpose: Purpose,
        role: Role,
        read: Result<FieldList, Unparsed>,
        facts: &mut Vec<Fact>,
    ) {
        let Purpose { stream: number, ends_stream, began: time, .. } = purpose;
        // Trailers of a request, or what comes after the exchange has ended.
        if number <= self.streams.highest {
            return;
        }
        let trailers = ends_stream && read.as_ref().is_ok_and(|list| list.shape() == Shape::Neither);
        if trailers && self.late {
            // Those of a request that was not seen.
            return;
        }
        self.streams.opened(number, facts);
        let parsed =
            read.and_then(|list| RequestHead::from_fields(list.fields()).map_err(HeadError::unparsed));
        let mut head = match parsed {
            Ok(_) if self.streams.asked() == MAX_ASKED => {
                facts.push(Fact::Unparsed { reason: Unparsed::Pipelined });
                return self.streams.dismiss();
            }
            Ok(head) => head,
            Err(reason) => {
                facts.push(Fact::Unparsed { reason });
                if reason == Unparsed::HpackUnknown && !ends_stream && self.streams.asked() < MAX_ASKED {
                    facts.push(Fact::Unnamed { exchange: number, role, time });
                    return self.streams.ask(Method::Other, None, facts);
                }
                return self.streams.dismiss();
            }
        };
        if ends_stream {
            head.framing = Framing::None;
        }
        let (method, content_type) = (head.method, head.content_type);
        facts.push(Fact::Request { exchange: number, role, head: Box::new(head), time });
        self.streams.ask(method, content_type, facts);
        if number > self.last_accepted() {
            self.streams.give_up(number, time, facts);
        }
    }
}
