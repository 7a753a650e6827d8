//! Whether a client wants gzip (RFC 9110 section 12.5.3).

/// Whether an `Accept-Encoding` allows gzip. A coding with weight 0 is refused; `*` stands for what is not named.
pub fn accepts_gzip(accept_encoding: &str) -> bool {
    let weights = accept_encoding.split(',').map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default().to_ascii_lowercase();
        (coding, parts.all(|parameter| !is_zero_weight(parameter)))
    });
    let mut any = false;
    for (coding, allowed) in weights {
        match coding.as_str() {
            // RFC 9110 section 8.4.1.3: x-gzip is gzip.
            "gzip" | "x-gzip" => return allowed,
            "*" => any = allowed,
            _ => {}
        }
    }
    any
}

/// Whether a parameter is `q=0`, `q=0.0`, `q=0.00` or `q=0.000`.
fn is_zero_weight(parameter: &str) -> bool {
    parameter
        .split_once('=')
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .is_some_and(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
}

#[cfg(test)]
mod tests {
    use super::accepts_gzip;

    #[test]
    fn gzip_is_wanted() {
        for header in [
            "gzip",
            "deflate, gzip",
            "GZIP;q=0.5",
            "x-gzip",
            "*",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "gzip;q=0.001",
        ] {
            assert!(accepts_gzip(header), "{header:?}");
        }
    }

    #[test]
    fn gzip_is_not_wanted() {
        for header in [
            "",
            "identity",
            "gzip;q=0",
            "gzip; q=0.000",
            "gzip;Q=0.0, *",
            "*;q=0",
            "deflate",
            "gzipped",
            "br",
        ] {
            assert!(!accepts_gzip(header), "{header:?}");
        }
    }
}
