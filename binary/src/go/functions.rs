//! Names of the functions that are probed.
//!
//! `net/http` has its own copy of HTTP/2: up to Go 1.26 in one file with names that begin with `http2`, from 1.27 on as the package
//! `net/http/internal/http2`. Programs may have the module `golang.org/x/net` besides, in a folder `vendor` or not.

use crate::Point;

/// Where a function comes from, which says whose layout holds for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Library {
    /// The standard library of the release.
    Standard,
    /// The module `golang.org/x/net`.
    Net,
}

/// A function that is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    pub point: Point,
    pub library: Library,
}

/// The function of that name, if it is probed.
pub fn named(name: &str) -> Option<Function> {
    // The last element of the package's path, with the function; what comes before is the rest of the path.
    let (path, function) = name.rsplit_once('/').unwrap_or(("", name));
    let standard = |point| Some(Function { point, library: Library::Standard });
    let (package, function) = function.split_once('.')?;
    match (path, package) {
        ("net", "http") => http(function).and_then(standard),
        ("net/http/internal", "http2") => http2(function).and_then(standard),
        ("vendor/golang.org/x/net/http2", "hpack") => hpack(function).and_then(standard),
        (path, "http2") if is_module(path, "golang.org/x/net") => {
            http2(function).map(|point| Function { point, library: Library::Net })
        }
        (path, "hpack") if is_module(path, "golang.org/x/net/http2") => {
            hpack(function).map(|point| Function { point, library: Library::Net })
        }
        _ => None,
    }
}

/// Whether a package's path is that of a module's, in any folder `vendor` or in none.
fn is_module(path: &str, module: &str) -> bool {
    path.strip_suffix(module).is_some_and(|rest| rest.is_empty() || rest.ends_with("/vendor/"))
}

fn http(function: &str) -> Option<Point> {
    match function {
        "persistConnWriter.Write" => Some(Point::H1Request),
        "ReadResponse" => Some(Point::H1Response),
        "(*bodyEOFSignal).condfn" => Some(Point::H1BodyEnd),
        "(*bodyEOFSignal).Read" => Some(Point::H1BodyRead),
        "(*bodyEOFSignal).Close" => Some(Point::H1BodyClose),
        "serverHandler.ServeHTTP" => Some(Point::Serve),
        "(*response).finishRequest" => Some(Point::ServeEnd),
        "(*http2ClientConn).writeHeaders" => Some(Point::H2Request),
        "(*http2clientConnReadLoop).processHeaders" => Some(Point::H2Response),
        "(*http2clientConnReadLoop).endStream" => Some(Point::H2End),
        "(*http2clientStream).cleanupWriteRequest" => Some(Point::H2Cleanup),
        "(*http2serverConn).processHeaders" => Some(Point::H2ServeRequest),
        "(*http2serverConn).writeHeaders" => Some(Point::H2ServeResponse),
        "(*http2responseWriter).handlerDone" => Some(Point::H2ServeDone),
        "(*http2serverConn).closeStream" => Some(Point::H2ServeEnd),
        _ => None,
    }
}

fn http2(function: &str) -> Option<Point> {
    match function {
        "(*ClientConn).writeHeaders" => Some(Point::H2Request),
        "(*clientConnReadLoop).processHeaders" => Some(Point::H2Response),
        "(*clientConnReadLoop).endStream" => Some(Point::H2End),
        "(*clientStream).cleanupWriteRequest" => Some(Point::H2Cleanup),
        "(*serverConn).processHeaders" => Some(Point::H2ServeRequest),
        "(*serverConn).writeHeaders" => Some(Point::H2ServeResponse),
        "(*responseWriter).handlerDone" => Some(Point::H2ServeDone),
        "(*serverConn).closeStream" => Some(Point::H2ServeEnd),
        _ => None,
    }
}

fn hpack(function: &str) -> Option<Point> {
    (function == "(*Encoder).WriteField").then_some(Point::H2Field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_http2_are_told_apart() {
        let of = |name| named(name).map(|function| (function.point, function.library));
        let request = |library| Some((Point::H2Request, library));
        assert_eq!(of("net/http.(*http2ClientConn).writeHeaders"), request(Library::Standard));
        assert_eq!(of("net/http/internal/http2.(*ClientConn).writeHeaders"), request(Library::Standard));
        assert_eq!(of("golang.org/x/net/http2.(*ClientConn).writeHeaders"), request(Library::Net));
        let vendored =
            "github.com/containerd/containerd/vendor/golang.org/x/net/http2.(*ClientConn).writeHeaders";
        assert_eq!(of(vendored), request(Library::Net));
        assert_eq!(
            of("vendor/golang.org/x/net/http2/hpack.(*Encoder).WriteField"),
            Some((Point::H2Field, Library::Standard))
        );
        assert_eq!(
            of("golang.org/x/net/http2/hpack.(*Encoder).WriteField"),
            Some((Point::H2Field, Library::Net))
        );
    }

    #[test]
    fn names_that_only_look_alike_are_others() {
        for name in [
            "",
            "/",
            "net/http.",
            "net/http.ReadResponse.func1",
            "example.com/net/http.ReadResponse",
            "notgolang.org/x/net/http2.(*ClientConn).writeHeaders",
            "example.com/golang.org/x/net/http2.(*ClientConn).writeHeaders",
            "golang.org/x/net/http2.(*ClientConn).writeHeaders.func1",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
