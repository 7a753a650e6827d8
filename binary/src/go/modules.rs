//! The module `golang.org/x/net` that a program was built from, and what is known of its layout.
//!
//! The structs of a module belong to its version and not to the Go release. A program tells the version, unless it was built
//! without modules (Debian's are); then the module's functions are not probed.

use collector_common::go::Layout;

use super::functions::{Function, Library};
use crate::{Point, Refusal};

/// Version of a module: major, minor, patch.
type Number = (u32, u32, u32);

/// Versions of golang.org/x/net whose `http2.ClientConn`, `clientStream`, `serverConn`, `stream` and `responseWriterState` are laid out as in
/// [`NET`]: read in 0.7.0, and in the copies of it that Go 1.21 (0.12), 1.22 (0.19), 1.23 (0.25), 1.24 (0.32), 1.25 (0.41) and
/// 1.26 (0.47) have of it.
const NET_FROM: Number = (0, 7, 0);
const NET_BEFORE: Number = (0, 48, 0);
/// `ClientConn.tconn`, `clientStream.ID`, `clientStream.bytesRemain`
const NET_CLIENT: [u32; 3] = [8, 40, 288];
/// `serverConn.conn`, `stream.id`, `responseWriterState.conn`, `.status`
const NET_SERVER: [u32; 4] = [16, 8, 16, 72];

/// What a program says of its modules: the version of golang.org/x/net, none where it does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    net: Option<Number>,
}

impl Modules {
    /// Reads the lines of `go version -m`: `dep`, path, version, and where a module is replaced, `=>`, path, version.
    pub fn parse(lines: &str) -> Self {
        const NET: &str = "golang.org/x/net";
        let mut net = None;
        let mut last_is_net = false;
        for line in lines.lines() {
            let mut words = line.split('\t');
            match (words.next(), words.next(), words.next()) {
                (Some("dep" | "mod"), Some(path), Some(version)) => {
                    last_is_net = path == NET;
                    if last_is_net {
                        net = number(version);
                    }
                }
                // Another module in its place has another layout.
                (Some("=>"), Some(path), version) if last_is_net => {
                    net = version.filter(|_| path == NET).and_then(number);
                }
                _ => last_is_net = false,
            }
        }
        Self { net }
    }

    /// Whether the layout of a function's structs is known and is that of the release.
    pub fn check(self, function: Function, layout: &Layout) -> Result<(), Refusal> {
        match function.library {
            Library::Standard => Ok(()),
            // It has arguments only, and they have always been the same.
            Library::Net if function.point == Point::H2Field => Ok(()),
            Library::Net => self.check_net(function.point, layout),
        }
    }

    /// There is one set of offsets for all copies of HTTP/2 in a program, so they must agree with the standard library's.
    fn check_net(self, point: Point, layout: &Layout) -> Result<(), Refusal> {
        let known = self.net.is_some_and(|version| NET_FROM <= version && version < NET_BEFORE);
        let client = [layout.h2_client_tconn, layout.h2_client_stream_id, layout.h2_client_stream_left];
        let server = [
            layout.h2_server_conn,
            layout.h2_server_stream_id,
            layout.h2_writer_conn,
            layout.h2_writer_status,
        ];
        let agrees = match point {
            Point::H2ServeRequest | Point::H2ServeResponse | Point::H2ServeDone | Point::H2ServeEnd => {
                server == NET_SERVER
            }
            _ => client == NET_CLIENT,
        };
        if known && agrees { Ok(()) } else { Err(Refusal::Module) }
    }
}

/// `v0.17.0`, or `v1.60.0-dev` and other forms with something behind the numbers, which stand for what comes before that
/// version: those are not known.
fn number(version: &str) -> Option<Number> {
    let mut parts = version.strip_prefix('v')?.split('.').map(|part| part.parse().ok());
    let number = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_list() {
        let list = "path\tx\nmod\tx\t(devel)\t\ndep\tgolang.org/x/net\tv0.17.0\th1:a=\n\
                    dep\texample.com/x\tv1.59.0\th1:b=\nbuild\t-compiler=gc\n";
        assert_eq!(Modules::parse(list), Modules { net: Some((0, 17, 0)) });
        assert_eq!(Modules::parse(""), Modules::default());
    }

    #[test]
    fn a_replaced_module_counts_as_what_replaces_it() {
        let replaced = |by: &str| {
            Modules::parse(&format!("dep\tgolang.org/x/net\tv0.17.0\n=>\t{by}\th1:a=\ndep\tx\tv1.0.0")).net
        };
        assert_eq!(replaced("golang.org/x/net\tv0.23.0"), Some((0, 23, 0)));
        assert_eq!(replaced("example.com/net\tv0.23.0"), None);
        assert_eq!(replaced("./net"), None);
        let other = "dep\tgolang.org/x/net\tv0.17.0\ndep\tx\tv1.0.0\n=>\tgolang.org/x/net\tv0.23.0";
        assert_eq!(Modules::parse(other).net, Some((0, 17, 0)));
    }

    #[test]
    fn only_plain_numbers_are_versions() {
        assert_eq!(number("v0.0.0-20230214200805-d99f623d45a4"), None);
        assert_eq!(number("v0.17.0+incompatible"), None);
        assert_eq!(number("(devel)"), None);
        assert_eq!(number("v1.2"), None);
        assert_eq!(number("v1.2.3.4"), None);
    }

    #[test]
    fn a_layout_that_differs_is_refused() {
        let function = |point| Function { point, library: Library::Net };
        let of = |minor| super::super::layout::of(crate::Version { major: 1, minor, patch: 0 }).unwrap();
        let net = |version| Modules { net: version };
        let check = |version, point, minor| net(version).check(function(point), &of(minor));
        assert_eq!(check(Some((0, 17, 0)), Point::H2End, 22), Ok(()));
        assert_eq!(check(Some((0, 17, 0)), Point::H2ServeEnd, 22), Ok(()));
        // The standard library of 1.27 has another `serverConn`; that of 1.19 another `clientStream`.
        assert_eq!(check(Some((0, 17, 0)), Point::H2ServeEnd, 27), Err(Refusal::Module));
        assert_eq!(check(Some((0, 17, 0)), Point::H2End, 19), Err(Refusal::Module));
        for unknown in [None, Some((0, 6, 0)), Some((0, 48, 0))] {
            assert_eq!(check(unknown, Point::H2End, 22), Err(Refusal::Module));
        }
    }
}
