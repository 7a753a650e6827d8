use super::*;

fn decoded(hex: &str) -> Result<Vec<u8>, NotHuffman> {
    let bytes: Vec<u8> =
        hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal digits")).collect();
    let mut text = Vec::new();
    decode(&bytes, &mut text).map(|()| text)
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7541 appendices C.4 and C.6.
    for (hex, text) in [
        ("f1 e3 c2 e5 f2 3a 6b a0 ab 90 f4 ff", "www.example.com"),
        ("a8 eb 10 64 9c bf", "no-cache"),
        ("25 a8 49 e9 5b b8 e8 b4 bf", "custom-value"),
        ("64 02", "302"),
        (
            "d0 7a be 94 10 54 d4 44 a8 20 05 95 04 0b 81 66 e0 82 a6 2d 1b ff",
            "Mon, 21 Oct 2013 20:13:21 GMT",
        ),
    ] {
        assert_eq!(decoded(hex).as_deref(), Ok(text.as_bytes()));
    }
}

#[test]
fn padding_is_the_start_of_eos_and_less_than_a_byte() {
    assert_eq!(decoded("1f").as_deref(), Ok(&b"a"[..]));
    for bad in ["1e", "1f ff", "ff", "ff ff ff ff", "18"] {
        assert_eq!(decoded(bad), Err(NotHuffman), "{bad}");
    }
}
