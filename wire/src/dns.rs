//! DNS messages (RFC 1035): which name was asked for, and the addresses that were answered.
//!
//! A message over TCP has two bytes of length before it (RFC 1035 section 4.2.2), which are not part of it.

use std::net::IpAddr;

use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, RCODE, ResourceRecord};

use crate::host;

/// Most addresses that are kept of an answer.
pub const MAX_ADDRESSES: usize = 64;
/// Longest chain of aliases that is followed; resolvers give up at about as many.
const MAX_ALIASES: usize = 16;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The identifier that the answer repeats.
    pub id: u16,
    /// The name in lower case, without a trailing dot.
    pub name: String,
    /// The type asked for: 1 is A, 28 is AAAA.
    pub query_type: u16,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The identifier of the question.
    pub id: u16,
    /// The name that was asked for, in lower case, without a trailing dot.
    pub name: String,
    /// The type that was asked for: 1 is A, 28 is AAAA.
    pub query_type: u16,
    /// How the lookup went.
    pub code: Code,
    /// Whether the answer was cut short and the client has to ask again over TCP.
    pub truncated: bool,
    /// The addresses of the name, aliases followed; at most [`MAX_ADDRESSES`].
    pub addresses: Vec<IpAddr>,
}

/// The response code (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No error. There may still be no address.
    Ok,
    /// There is no such name.
    NxDomain,
    /// The server failed.
    ServFail,
    /// Another error.
    Other,
}

impl Code {
    /// The code as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NxDomain => "nxdomain",
            Self::ServFail => "servfail",
            Self::Other => "other",
        }
    }
}

/// The question of a query. `None` when the bytes are no query with one question for a host name.
pub fn question(bytes: &[u8]) -> Option<Question> {
    let packet = Packet::parse(bytes).ok().filter(|packet| !packet.has_flags(PacketFlag::RESPONSE))?;
    asked(&packet)
}

/// The answer in a response. `None` when the bytes are no response to one question for a host name.
pub fn answer(bytes: &[u8]) -> Option<Answer> {
    let packet = Packet::parse(bytes).ok().filter(|packet| packet.has_flags(PacketFlag::RESPONSE))?;
    let Question { id, name, query_type } = asked(&packet)?;
    let code = match packet.rcode() {
        RCODE::NoError => Code::Ok,
        RCODE::NameError => Code::NxDomain,
        RCODE::ServerFailure => Code::ServFail,
        _ => Code::Other,
    };
    let truncated = packet.has_flags(PacketFlag::TRUNCATION);
    let addresses = addresses(&name, &packet.answers);
    Some(Answer { id, name, query_type, code, truncated, addresses })
}

fn asked(packet: &Packet<'_>) -> Option<Question> {
    let [question] = packet.questions.as_slice() else { return None };
    Some(Question { id: packet.id(), name: text(&question.qname)?, query_type: question.qtype.into() })
}

/// A name as text: `None` for the root and for names that are no host's.
fn text(name: &Name<'_>) -> Option<String> {
    host::normalise(&name.to_string()).filter(|name| !name.contains(':'))
}

/// The addresses that belong to `name`, through its aliases. Other records in the answer say nothing about it.
fn addresses(name: &str, records: &[ResourceRecord<'_>]) -> Vec<IpAddr> {
    let records: Vec<_> = records.iter().filter_map(|r| Some((text(&r.name)?, &r.rdata))).collect();
    let mut owner = name.to_owned();
    for _ in 0..MAX_ALIASES {
        let mut alias = None;
        let mut addresses = Vec::new();
        for (_, rdata) in records.iter().filter(|(name, _)| *name == owner) {
            match rdata {
                RData::A(a) => addresses.push(IpAddr::V4(a.address.into())),
                RData::AAAA(aaaa) => addresses.push(IpAddr::V6(aaaa.address.into())),
                RData::CNAME(cname) => alias = text(&cname.0),
                _ => {}
            }
        }
        if !addresses.is_empty() {
            addresses.truncate(MAX_ADDRESSES);
            return addresses;
        }
        match alias {
            Some(alias) => owner = alias,
            None => break,
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
