//! The streams of a connection whose response has not ended.

use std::collections::BTreeMap;

use crate::http::{Content, Fact, Framing, MediaType, Method, Outcome, ResponseHead, Unparsed};

/// Most requests in flight that are remembered.
pub(super) const MAX_ASKED: usize = 1024;
/// Most streams of which something is remembered before their request was reported.
const MAX_EARLY: usize = 32;

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// What was asked; `None` as long as the request was not reported. Then nothing is told either: it is kept.
    method: Option<Method>,
    answer: Answer,
    /// The head of the response and its time, as long as it is kept.
    kept: Option<(Box<ResponseHead>, u64)>,
    /// Bytes of the response's body up to now.
    body: u64,
    /// Whether that is exact.
    exact: bool,
    /// Time of the response's last byte.
    last: u64,
    /// When and how a stream ended whose request was not reported.
    ended: Option<(u64, Ending)>,
    /// Which bytes of the bodies are told: of the request's, of the response's.
    told: [Told; 2],
}

/// Whether bytes of a body are told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    wanted: bool,
    /// Bytes have passed since the last that were told.
    gap: bool,
}

/// What ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The response says that it is over.
    Finished,
    /// The stream was reset, refused, or went with its connection.
    GivenUp,
}

/// What is known of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing has come but interim ones.
    Due,
    /// A head that could not be read.
    Unread,
    /// The final head.
    Given(Framing),
}

impl Stream {
    fn new(method: Option<Method>) -> Self {
        Self {
            method,
            answer: Answer::Due,
            kept: None,
            body: 0,
            exact: true,
            last: 0,
            ended: None,
            told: Default::default(),
        }
    }

    /// Tells captured bytes of a body, of which `bytes` have passed, if it is of a type that is read.
    pub fn tell(&mut self, number: u32, response: bool, bytes: u64, captured: &[u8], facts: &mut Vec<Fact>) {
        let told = &mut self.told[usize::from(response)];
        if told.wanted && self.method.is_some() && !captured.is_empty() {
            let gap = std::mem::take(&mut told.gap);
            facts.push(Fact::Content { exchange: number, response, gap, bytes: Content(captured.to_vec()) });
        }
        told.gap |= captured.len() as u64 != bytes;
    }

    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Whether the head of the response is yet to come.
    pub fn awaits_head(&self) -> bool {
        !matches!(self.answer, Answer::Given(_))
    }

    /// Whether nothing of a response has come, not even one that could not be read.
    pub fn is_due(&self) -> bool {
        self.answer == Answer::Due
    }

    pub fn unread(&mut self) {
        self.answer = Answer::Unread;
    }

    /// The final head of the response.
    fn give(&mut self, number: u32, head: Box<ResponseHead>, time: u64, facts: &mut Vec<Fact>) {
        self.answer = Answer::Given(head.framing);
        self.told[1].wanted = MediaType::is_read(head.content_type);
        self.last = self.last.max(time);
        if self.method.is_some() {
            facts.push(Fact::Response { exchange: number, head, time });
        } else {
            self.kept = Some((head, time));
        }
    }

    /// Bytes of the response's body.
    pub fn body(&mut self, number: u32, bytes: u64, exact: bool, time: u64, facts: &mut Vec<Fact>) {
        if matches!(self.answer, Answer::Given(framing) if framing != Framing::None) && bytes > 0 {
            self.body = self.body.saturating_add(bytes);
            self.exact &= exact;
            self.last = self.last.max(time);
            if self.method.is_some() {
                facts.push(Fact::Body { exchange: number, bytes });
            }
        }
    }

    /// When and how a stream ends to which `ending` happens at `time`.
    fn end(&self, time: u64, ending: Ending) -> (u64, Outcome) {
        let complete = match self.answer {
            Answer::Due if ending == Ending::GivenUp => false,
            Answer::Due | Answer::Unread => return (time, Outcome::Unknown),
            Answer::Given(Framing::None) => true,
            // Less or more than announced is malformed (RFC 9113 section 8.1.1): the peer gives it up.
            Answer::Given(Framing::Length(length)) if self.exact => self.body == length,
            Answer::Given(_) => ending == Ending::Finished,
        };
        match (complete, ending) {
            // It had come to its end before it was given up.
            (true, Ending::GivenUp) => (self.last, Outcome::Complete),
            (true, Ending::Finished) => (time, Outcome::Complete),
            (false, _) => (time, Outcome::Cut),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<u32, Stream>,
    /// How many have a request.
    asked: usize,
    /// The first request that was seen.
    pub first: Option<u32>,
    /// The last: a client's streams count up (RFC 9113 section 5.1.1).
    pub highest: u32,
}

impl Streams {
    pub fn asked(&self) -> usize {
        self.asked
    }

    pub fn get(&mut self, number: u32) -> Option<&mut Stream> {
        self.open.get_mut(&number)
    }

    /// The stream, also one whose request was not reported yet. `None` when its request was seen and is over, or cannot have
    /// been seen, or when too much would have to be remembered.
    pub fn answered(&mut self, number: u32) -> Option<&mut Stream> {
        if number > self.highest
            && !self.open.contains_key(&number)
            && self.open.len() - self.asked < MAX_EARLY
        {
            self.open.insert(number, Stream::new(None));
        }
        self.open.get_mut(&number)
    }

    /// A request on a stream higher than all before. Streams below it that were answered without one have lost it.
    pub fn opened(&mut self, number: u32, facts: &mut Vec<Fact>) {
        self.highest = number;
        self.first.get_or_insert(number);
        if self.open.len() == self.asked {
            return;
        }
        let below = self.open.range(..number).filter(|(_, stream)| stream.method.is_none());
        let missed: Vec<u32> = below.map(|(&number, _)| number).collect();
        for number in missed {
            if let Some(stream) = self.open.remove(&number) {
                unasked(&stream, facts);
            }
        }
    }

    /// The request of the highest stream could not be read: what came of it belongs to nothing.
    pub fn dismiss(&mut self) {
        self.open.remove(&self.highest);
    }

    /// The highest stream has the request that was just told. Tells what was kept of its response.
    pub fn ask(&mut self, method: Method, content_type: Option<MediaType>, facts: &mut Vec<Fact>) {
        let number = self.highest;
        self.asked += 1;
        let stream = self.open.entry(number).or_insert_with(|| Stream::new(None));
        stream.method = Some(method);
        stream.told[0].wanted = MediaType::is_read(content_type);
        let Some((mut head, time)) = stream.kept.take() else {
            return self.end_early(number, facts);
        };
        if Framing::is_bodyless(head.code, method) {
            head.framing = Framing::None;
            stream.body = 0;
        }
        let bytes = stream.body;
        self.give(number, head, time, facts);
        if bytes > 0 && self.open.contains_key(&number) {
            facts.push(Fact::Body { exchange: number, bytes });
        }
        self.end_early(number, facts);
    }

    /// Ends a stream that had ended before its request was told.
    fn end_early(&mut self, number: u32, facts: &mut Vec<Fact>) {
        if let Some((time, ending)) = self.open.get(&number).and_then(|stream| stream.ended) {
            self.end(number, time, ending, facts);
        }
    }

    /// The final head of a response. A tunnel that it opens is no HTTP any more (RFC 9113 section 8.5).
    pub fn give(&mut self, number: u32, head: Box<ResponseHead>, time: u64, facts: &mut Vec<Fact>) {
        let Some(stream) = self.open.get_mut(&number) else { return };
        let tunnel = stream.method == Some(Method::Connect) && (200..300).contains(&head.code);
        stream.give(number, head, time, facts);
        if tunnel {
            self.end(number, time, Ending::Finished, facts);
        }
    }

    /// The response has ended.
    pub fn finish(&mut self, number: u32, time: u64, facts: &mut Vec<Fact>) {
        self.end(number, time, Ending::Finished, facts);
    }

    /// The stream was reset or refused.
    pub fn give_up(&mut self, number: u32, time: u64, facts: &mut Vec<Fact>) {
        self.end(number, time, Ending::GivenUp, facts);
    }

    /// Gives up all streams above `last`.
    pub fn give_up_above(&mut self, last: u32, time: u64, facts: &mut Vec<Fact>) {
        let above: Vec<u32> = self.open.range(last.saturating_add(1)..).map(|(&number, _)| number).collect();
        for number in above {
            self.give_up(number, time, facts);
        }
    }

    /// Ends all streams and forgets what waits for its request.
    pub fn end_all(&mut self, time: u64, lost: bool, facts: &mut Vec<Fact>) {
        for (number, stream) in std::mem::take(&mut self.open) {
            if stream.method.is_none() {
                unasked(&stream, facts);
                continue;
            }
            let (time, outcome) =
                if lost { (time, Outcome::Unknown) } else { stream.end(time, Ending::GivenUp) };
            facts.push(Fact::End { exchange: number, time, outcome, exact: stream.exact });
        }
        self.asked = 0;
    }

    fn end(&mut self, number: u32, time: u64, ending: Ending, facts: &mut Vec<Fact>) {
        let Some(stream) = self.open.get_mut(&number) else { return };
        if stream.method.is_none() {
            stream.ended.get_or_insert((time, ending));
            return;
        }
        let (time, outcome) = stream.end(time, ending);
        facts.push(Fact::End { exchange: number, time, outcome, exact: stream.exact });
        self.open.remove(&number);
        self.asked -= 1;
    }
}

/// A response whose request was not seen.
fn unasked(stream: &Stream, facts: &mut Vec<Fact>) {
    if !stream.awaits_head() {
        facts.push(Fact::Unparsed { reason: Unparsed::NoRequest });
    }
}
