//! The places that are probed, by what happens there.

/// Generates the enum with its names.
macro_rules! points {
    ($($(#[$meta:meta])* $point:ident => $name:literal,)*) => {
        /// A place in a program: the beginning of a function, or of one of several functions that do the same. In Go programs that
        /// is behind the check of the stack, where arguments are still in their registers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Point { $($(#[$meta])* $point,)* }

        impl Point {
            /// All points.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// The name, in small letters with underscores.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name,)* }
            }
        }
    };
}

points! {
    /// `net/http.persistConnWriter.Write`: a client writes a part of an HTTP/1 request.
    H1Request => "h1_request",
    /// `net/http.ReadResponse`: a client parses the head of an HTTP/1 response.
    H1Response => "h1_response",
    /// `net/http.(*bodyEOFSignal).condfn`: the body of an HTTP/1 response has come to its end or has failed. Where the compiler has
    /// put it into its callers, there is [`Point::H1BodyRead`] instead.
    H1BodyEnd => "h1_body_end",
    /// In `net/http.(*bodyEOFSignal).Read`, the call that the compiler has made of `condfn`: see [`Point::H1BodyEnd`]. The
    /// receiver is in its home.
    H1BodyRead => "h1_body_read",
    /// `net/http.(*bodyEOFSignal).Close`: the client closes the body of an HTTP/1 response.
    H1BodyClose => "h1_body_close",
    /// `hpack.(*Encoder).WriteField`: a field of an HTTP/2 message is about to be sent.
    H2Field => "h2_field",
    /// `http2.(*ClientConn).writeHeaders`: a client sends the head of an HTTP/2 request.
    H2Request => "h2_request",
    /// `http2.(*clientConnReadLoop).processHeaders`: a client has received the head of an HTTP/2 response, or its trailers.
    H2Response => "h2_response",
    /// `http2.(*clientConnReadLoop).endStream`: an HTTP/2 response has come to its end.
    H2End => "h2_end",
    /// `http2.(*clientStream).cleanupWriteRequest`: a client is done with an HTTP/2 stream.
    H2Cleanup => "h2_cleanup",
    /// `net/http.serverHandler.ServeHTTP`: a server hands a request over to its handler.
    Serve => "serve",
    /// `net/http.(*response).finishRequest`: a server's handler has returned, over HTTP/1.
    ServeEnd => "serve_end",
    /// `http2.(*serverConn).processHeaders`: a server has received the head of an HTTP/2 request, or its trailers.
    H2ServeRequest => "h2_serve_request",
    /// `http2.(*serverConn).writeHeaders`: a server sends the head of an HTTP/2 response.
    H2ServeResponse => "h2_serve_response",
    /// `http2.(*responseWriter).handlerDone`: a server's handler has returned, over HTTP/2.
    H2ServeDone => "h2_serve_done",
    /// `http2.(*serverConn).closeStream`: a server is done with an HTTP/2 stream.
    H2ServeEnd => "h2_serve_end",
    /// `SSL_do_handshake`, which `SSL_connect` and `SSL_accept` call
    SslHandshake => "ssl_handshake",
    /// `SSL_read`
    SslRead => "ssl_read",
    /// `SSL_read_ex`
    SslReadEx => "ssl_read_ex",
    /// `SSL_write`
    SslWrite => "ssl_write",
    /// `SSL_write_ex`
    SslWriteEx => "ssl_write_ex",
}
