//! Status codes of gRPC (grpc/doc/statuscodes.md) that the tests meet.

/// `OK`.
pub const OK: u32 = 0;
/// `CANCELLED`.
pub const CANCELED: u32 = 1;
/// `UNKNOWN`.
pub const UNKNOWN: u32 = 2;
/// `DEADLINE_EXCEEDED`.
pub const DEADLINE_EXCEEDED: u32 = 4;
/// `NOT_FOUND`.
pub const NOT_FOUND: u32 = 5;
/// `UNIMPLEMENTED`.
pub const UNIMPLEMENTED: u32 = 12;
