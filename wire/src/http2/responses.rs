//! The direction in which responses travel.

use super::block::{FieldList, Purpose, Shape};
use super::connection::Connection;
use crate::http::{Fact, HeadError, Method, ResponseHead, Trailers, Unparsed};

/// Below this a response is interim (RFC 9110 section 15.2); 101 has no meaning over HTTP/2 (RFC 9113 section 8.6).
const FINAL: u16 = 200;

impl Connection {
    /// A header block of the server.
    pub(super) fn answer(
        &mut self,
        purpose: Purpose,
        read: Result<FieldList, Unparsed>,
        facts: &mut Vec<Fact>,
    ) {
        let Purpose { stream: number, ends_stream, began: time, .. } = purpose;
        let known = self.streams.get(number).is_some();
        let trailers = read.as_ref().is_ok_and(|list| list.shape() == Shape::Neither);
        let ended_by = read
            .as_ref()
            .ok()
            .filter(|_| trailers && ends_stream)
            .map(|list| Trailers::from_fields(list.fields()));
        let method = self.streams.get(number).and_then(|stream| stream.method()).unwrap_or(Method::Get);
        let parsed = read
            .and_then(|list| ResponseHead::from_fields(list.fields(), method).map_err(HeadError::unparsed));
        let interim = parsed.as_ref().is_ok_and(|head| head.code < FINAL);
        // Of a stream that nothing is known of, only a final response is worth remembering.
        if !known && (trailers || (interim && !ends_stream)) {
            return;
        }
        let (first, highest) = (self.streams.first, self.streams.highest);
        let Some(stream) = self.streams.answered(number) else {
            // Older than the first request that was seen, or one too many that waits for its request. All else was told.
            if number > highest || first.is_some_and(|first| number < first) {
                facts.push(Fact::Unparsed { reason: Unparsed::NoRequest });
            }
            return;
        };
        if stream.awaits_head() {
            match parsed {
                Ok(head) if !interim => self.streams.give(number, Box::new(head), time, facts),
                Ok(_) if !ends_stream => {}
                parsed => {
                    if stream.is_due() {
                        let reason = parsed.err().unwrap_or(Unparsed::BadHead);
                        facts.push(Fact::Unparsed { reason });
                    }
                    stream.unread();
                }
            }
        }
        let told = self.streams.get(number).is_some_and(|stream| stream.method().is_some());
        if let (true, Some(trailers)) = (told, ended_by.filter(|trailers| *trailers != Trailers::default())) {
            facts.push(Fact::Trailers { exchange: number, trailers });
        }
        if ends_stream {
            self.streams.finish(number, time, facts);
        }
    }

    /// A response on a stream that the server opened.
    pub(super) fn pushed(list: &FieldList, facts: &mut Vec<Fact>) {
        if ResponseHead::from_fields(list.fields(), Method::Get).is_ok_and(|head| head.code >= FINAL) {
            facts.push(Fact::Unparsed { reason: Unparsed::Pushed });
        }
    }
}
