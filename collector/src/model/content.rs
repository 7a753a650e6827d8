//! What is read of a connection: bytes or frames of the socket, those inside its TLS, or the messages of a Go program.

use super::Context;
use super::event::{Frame, Layer, Message, Protocol};
use super::exchanges::Seen;
use super::fields::List;
use super::http::Http;
use super::http2::Http2;
use super::messages::Messages;
use super::news::{At, Data};
use super::redis::Redis;
use super::seat::Seat;

/// The decoders of a connection.
#[derive(Default)]
pub(super) struct Content {
    socket: Decoders,
    decrypted: Decoders,
    messages: Option<Box<Messages>>,
}

/// Those of one layer.
#[derive(Default)]
struct Decoders {
    http: Option<Box<Http>>,
    http2: Option<Box<Http2>>,
    redis: Option<Box<Redis>>,
}

impl Content {
    /// Bytes passed, or the direction turned. `first`: nothing has passed before; `lost`: events lost before this one.
    pub fn data(
        &mut self,
        layer: Layer,
        data: &Data<'_>,
        (first, lost): (bool, u32),
        seat: &Seat,
        context: &mut Context,
    ) -> Seen {
        let Decoders { http, http2, redis } = self.layer(layer);
        match data.protocol {
            // A span that begins with too few bytes to tell may still be HTTP/1.
            Protocol::Http1 | Protocol::Unknown
                if http.is_some() || data.protocol == Protocol::Http1 || !data.bytes.is_empty() =>
            {
                http.get_or_insert_with(|| Box::new(Http::new(first, lost))).data(data, seat, context)
            }
            Protocol::Redis => {
                redis.get_or_insert_with(|| Box::new(Redis::new(first, lost))).data(data, seat, context)
            }
            Protocol::Http2 if data.end => match http2 {
                Some(http2) => http2.ended(data.direction, data.time, seat, context),
                None => Seen::default(),
            },
            // Its frames are told one by one; TLS and DNS are not read here.
            _ => Seen::default(),
        }
    }

    /// A frame passed.
    pub fn frame(&mut self, frame: &Frame, at: At, seat: &Seat, context: &mut Context) -> Seen {
        let http2 = &mut self.layer(frame.layer).http2;
        let late = frame.kind == Frame::JOINED;
        http2.get_or_insert_with(|| Box::new(Http2::new(late))).frame(frame, at, seat, context)
    }

    /// A message of a Go program. `lost`: events lost before this one.
    pub fn message(
        &mut self,
        message: &Message,
        fields: &List,
        (at, lost): (At, u32),
        seat: &Seat,
        context: &mut Context,
    ) -> Seen {
        let messages = self.messages.get_or_insert_with(|| Box::new(Messages::new(lost)));
        messages.message(message, fields, at, seat, context)
    }

    /// The kernel was asked how far a layer has come, and how many events were lost up to then.
    pub fn progress(&mut self, layer: Layer, at: At, seat: &Seat, context: &mut Context) -> Seen {
        if let Some(messages) = &mut self.messages {
            messages.progress(at, context);
        }
        let Decoders { http, http2, redis } = self.layer(layer);
        if let Some(redis) = redis {
            return redis.progress(at.flows, at.lost, seat, context);
        }
        if let Some(http2) = http2 {
            http2.progress(at.lost, seat, context);
        }
        http.as_mut().map_or_else(Seen::default, |http| http.progress(at.flows, seat, context))
    }

    /// The connection is over; `at` tells how far the socket has come. What is inside TLS has been told of before.
    pub fn closed(&mut self, at: At, seat: &Seat, context: &mut Context) -> Seen {
        let mut seen = Seen::default();
        for (decoders, flows) in [(&mut self.socket, Some(at.flows)), (&mut self.decrypted, None)] {
            if let Some(http2) = &mut decoders.http2 {
                http2.closed(at, seat, context);
            }
            if let Some(redis) = &mut decoders.redis {
                seen = redis.closed(flows, at.time, seat, context);
            }
            if let Some(http) = &mut decoders.http {
                seen = http.closed(flows, at.time, seat, context);
            }
        }
        if let Some(messages) = &mut self.messages {
            messages.closed(at, seat, context);
        }
        seen
    }

    /// It went away unseen.
    pub fn gone(&mut self, context: &mut Context) {
        for Decoders { http, http2, .. } in [&mut self.socket, &mut self.decrypted] {
            if let Some(http) = http {
                http.lost(context);
            }
            if let Some(http2) = http2 {
                http2.gone(context);
            }
        }
        if let Some(messages) = &mut self.messages {
            messages.gone(context);
        }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        let in_layer = |decoders: &Decoders| {
            decoders.http.as_ref().is_some_and(|http| http.in_progress())
                || decoders.http2.as_ref().is_some_and(|http2| http2.in_progress())
                || decoders.redis.as_ref().is_some_and(|redis| redis.in_progress())
        };
        in_layer(&self.socket)
            || in_layer(&self.decrypted)
            || self.messages.as_ref().is_some_and(|messages| messages.in_progress())
    }

    fn layer(&mut self, layer: Layer) -> &mut Decoders {
        match layer {
            Layer::Socket => &mut self.socket,
            Layer::Decrypted => &mut self.decrypted,
        }
    }
}
