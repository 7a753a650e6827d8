//! What the decoder knows of commands by their names.

use super::fact::Reply;

/// What a command does to the pairing of commands and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// One reply, which may be `QUEUED`.
    None,
    /// Begins a transaction.
    Multi,
    /// Runs it: its reply holds those of the commands that were queued.
    Exec,
    /// Gives it up.
    Discard,
    /// From here on values come that no command asked for, or commands get several replies or none.
    Unpaired,
}

/// What the reply to a command may be, besides an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Anything.
    Any,
    /// An integer.
    Integer,
    /// A bulk string or nil.
    Text,
    /// A simple string.
    Status,
    /// An array, a set or a map.
    Array,
    /// Nil, or an array whose first element is one of the command's keys.
    Keyed,
}

impl Answer {
    /// Whether a reply can be the one to a command. It may also be queued.
    pub fn allows(self, reply: &Reply) -> bool {
        match reply {
            Reply::Error(_) => true,
            Reply::Status(status) if status == QUEUED => true,
            _ => match self {
                Self::Any => true,
                Self::Integer => matches!(reply, Reply::Integer(_)),
                Self::Text => matches!(reply, Reply::Text(_) | Reply::Nil),
                Self::Status => matches!(reply, Reply::Status(_)),
                Self::Array => matches!(reply, Reply::Array { .. }),
                Self::Keyed => matches!(reply, Reply::Array { .. } | Reply::Nil),
            },
        }
    }
}

/// The reply to a command in a transaction that has not run yet.
pub(super) const QUEUED: &str = "QUEUED";

/// Longest name that is known.
const MAX_NAME: usize = 24;

/// A command's name in capital letters; empty if it is longer than any that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    letters: [u8; MAX_NAME],
    length: usize,
}

impl Name {
    pub fn new(name: &[u8]) -> Self {
        let mut letters = [0; MAX_NAME];
        let length = if name.len() <= MAX_NAME { name.len() } else { 0 };
        letters[..length].copy_from_slice(&name[..length]);
        letters.make_ascii_uppercase();
        Self { letters, length }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    /// The name, if it is one that Redis has.
    pub fn known(&self) -> Option<&'static str> {
        COMMANDS.binary_search_by(|known| known.as_bytes().cmp(self.as_bytes())).ok().map(|at| COMMANDS[at])
    }

    /// Whether arguments or replies may be credentials, or hold a whole command that has some.
    pub fn is_secret(&self) -> bool {
        matches!(
            self.as_bytes(),
            b"AUTH" | b"HELLO" | b"ACL" | b"CONFIG" | b"MIGRATE" | b"SENTINEL" | b"MODULE" | b"COMMAND"
        )
    }

    /// What it does to the pairing. `CLIENT` depends on its next word, which is `then`.
    pub fn effect(&self, then: Option<&str>) -> Effect {
        match self.as_bytes() {
            b"MULTI" => Effect::Multi,
            b"EXEC" => Effect::Exec,
            b"DISCARD" | b"RESET" => Effect::Discard,
            b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE"
            | b"SUNSUBSCRIBE" | b"MONITOR" | b"SYNC" | b"PSYNC" => Effect::Unpaired,
            b"CLIENT" if then.is_none_or(|word| word.eq_ignore_ascii_case("REPLY")) => Effect::Unpaired,
            _ => Effect::None,
        }
    }

    /// What its reply may be: of those commands only that programs use all the time.
    pub fn answer(&self) -> Answer {
        match self.as_bytes() {
            b"BLPOP" | b"BRPOP" | b"BZPOPMIN" | b"BZPOPMAX" => Answer::Keyed,
            b"DEL" | b"UNLINK" | b"EXISTS" | b"SETNX" | b"EXPIRE" | b"PEXPIRE" | b"TTL" | b"PTTL"
            | b"INCR" | b"DECR" | b"INCRBY" | b"DECRBY" | b"LPUSH" | b"RPUSH" | b"LLEN" | b"LREM"
            | b"SADD" | b"SREM" | b"SCARD" | b"SISMEMBER" | b"ZREM" | b"ZCARD" | b"HSET" | b"HDEL"
            | b"HEXISTS" | b"PUBLISH" => Answer::Integer,
            b"GET" | b"GETDEL" | b"GETEX" | b"HGET" | b"LINDEX" | b"BLMOVE" | b"LMOVE" | b"BRPOPLPUSH"
            | b"RPOPLPUSH" => Answer::Text,
            b"SETEX" | b"PSETEX" | b"MSET" | b"SELECT" | b"WATCH" | b"UNWATCH" | b"MULTI" | b"DISCARD" => {
                Answer::Status
            }
            b"LRANGE" | b"SMEMBERS" | b"ZRANGE" | b"ZRANGEBYSCORE" | b"ZREVRANGE" | b"ZREVRANGEBYSCORE"
            | b"MGET" | b"HGETALL" | b"HMGET" | b"HKEYS" | b"HVALS" | b"KEYS" | b"SCAN" => Answer::Array,
            _ => Answer::Any,
        }
    }
}

/// The names that Redis has (`COMMAND LIST` of 7.0, and those that came up to 8.2), in order.
#[rustfmt::skip] // One name to a line is a long file.
const COMMANDS: [&str; 256] = [
    "ACL", "APPEND", "ASKING", "AUTH", "BGREWRITEAOF", "BGSAVE", "BITCOUNT", "BITFIELD", "BITFIELD_RO",
    "BITOP", "BITPOS", "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN",
    "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "COPY", "DBSIZE", "DEBUG", "DECR", "DECRBY", "DEL", "DISCARD",
    "DUMP", "ECHO", "EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "EXEC", "EXISTS", "EXPIRE", "EXPIREAT",
    "EXPIRETIME", "FAILOVER", "FCALL", "FCALL_RO", "FLUSHALL", "FLUSHDB", "FUNCTION", "GEOADD", "GEODIST",
    "GEOHASH", "GEOPOS", "GEORADIUS", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO",
    "GEOSEARCH", "GEOSEARCHSTORE", "GET", "GETBIT", "GETDEL", "GETEX", "GETRANGE", "GETSET", "HDEL",
    "HELLO", "HEXISTS", "HEXPIRE", "HEXPIREAT", "HEXPIRETIME", "HGET", "HGETALL", "HGETDEL", "HGETEX",
    "HINCRBY", "HINCRBYFLOAT", "HKEYS", "HLEN", "HMGET", "HMSET", "HPERSIST", "HPEXPIRE", "HPEXPIREAT",
    "HPEXPIRETIME", "HPTTL", "HRANDFIELD", "HSCAN", "HSET", "HSETEX", "HSETNX", "HSTRLEN", "HTTL", "HVALS",
    "INCR", "INCRBY", "INCRBYFLOAT", "INFO", "KEYS", "LASTSAVE", "LATENCY", "LCS", "LINDEX", "LINSERT",
    "LLEN", "LMOVE", "LMPOP", "LOLWUT", "LPOP", "LPOS", "LPUSH", "LPUSHX", "LRANGE", "LREM", "LSET",
    "LTRIM", "MEMORY", "MGET", "MIGRATE", "MODULE", "MONITOR", "MOVE", "MSET", "MSETNX", "MULTI", "OBJECT",
    "PERSIST", "PEXPIRE", "PEXPIREAT", "PEXPIRETIME", "PFADD", "PFCOUNT", "PFDEBUG", "PFMERGE",
    "PFSELFTEST", "PING", "PSETEX", "PSUBSCRIBE", "PSYNC", "PTTL", "PUBLISH", "PUBSUB", "PUNSUBSCRIBE",
    "QUIT", "RANDOMKEY", "READONLY", "READWRITE", "RENAME", "RENAMENX", "REPLCONF", "REPLICAOF", "RESET",
    "RESTORE", "RESTORE-ASKING", "ROLE", "RPOP", "RPOPLPUSH", "RPUSH", "RPUSHX", "SADD", "SAVE", "SCAN",
    "SCARD", "SCRIPT", "SDIFF", "SDIFFSTORE", "SELECT", "SENTINEL", "SET", "SETBIT", "SETEX", "SETNX",
    "SETRANGE", "SHUTDOWN", "SINTER", "SINTERCARD", "SINTERSTORE", "SISMEMBER", "SLAVEOF", "SLOWLOG",
    "SMEMBERS", "SMISMEMBER", "SMOVE", "SORT", "SORT_RO", "SPOP", "SPUBLISH", "SRANDMEMBER", "SREM",
    "SSCAN", "SSUBSCRIBE", "STRLEN", "SUBSCRIBE", "SUBSTR", "SUNION", "SUNIONSTORE", "SUNSUBSCRIBE",
    "SWAPDB", "SYNC", "TIME", "TOUCH", "TTL", "TYPE", "UNLINK", "UNSUBSCRIBE", "UNWATCH", "WAIT", "WAITAOF",
    "WATCH", "XACK", "XACKDEL", "XADD", "XAUTOCLAIM", "XCLAIM", "XDEL", "XDELEX", "XGROUP", "XINFO", "XLEN",
    "XPENDING", "XRANGE", "XREAD", "XREADGROUP", "XREVRANGE", "XSETID", "XTRIM", "ZADD", "ZCARD", "ZCOUNT",
    "ZDIFF", "ZDIFFSTORE", "ZINCRBY", "ZINTER", "ZINTERCARD", "ZINTERSTORE", "ZLEXCOUNT", "ZMPOP",
    "ZMSCORE", "ZPOPMAX", "ZPOPMIN", "ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANGESTORE",
    "ZRANK", "ZREM", "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYLEX",
    "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE", "ZUNION", "ZUNIONSTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(COMMANDS.is_sorted());
        for name in COMMANDS {
            assert_eq!(Name::new(name.to_ascii_lowercase().as_bytes()).known(), Some(name));
        }
        for name in ["", "jobs", "BLPOPS", "georadiusbymember_ro_and_more"] {
            assert_eq!(Name::new(name.as_bytes()).known(), None);
        }
    }
}
