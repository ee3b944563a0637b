//! Queries of signed requests, as Binance defines them: parameters as a form encodes them, and HMAC-SHA256 over that.
//!
//! An order waits for its signature, so it is made without a detour.

use std::fmt::Write;

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Parameters as `application/x-www-form-urlencoded`: letters, digits and `_.-~` stand for themselves, `+` for a space,
/// and `%` and two digits for every other byte.
#[must_use]
pub fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::with_capacity(256);
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    query
}

fn encode(query: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => query.push(char::from(byte)),
            b' ' => query.push('+'),
            _ => write!(query, "%{byte:02X}").expect("a string takes all that is written to it"),
        }
    }
}

/// The signature of a query, in lower-case hexadecimal.
///
/// # Panics
/// Never: a secret may have any length.
#[must_use]
pub fn signature(query: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is taken");
    mac.update(query.as_bytes());
    format!("{:x}", mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_signature_is_that_of_the_documentation_s_example() {
        let asked = query([
            ("symbol", "LTCBTC"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1"),
            ("price", "0.1"),
            ("recvWindow", "5000"),
            ("timestamp", "1499827319559"),
        ]);
        let secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        assert_eq!(signature(&asked, secret), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
    }

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(query([("a b", "c&d=e"), ("~", "\u{e9}/%")]), "a+b=c%26d%3De&~=%C3%A9%2F%25");
        assert_eq!(query([]), "");
        assert_eq!(query([("", "")]), "=");
    }

    proptest! {
        #[test]
        fn a_query_is_taken_apart_as_it_was_put_together(
            parameters in prop::collection::vec(("[a-z]{1,5}", any::<String>()), 0..6),
        ) {
            let query = query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert!(query.bytes().all(|byte| byte.is_ascii_graphic()));
            let parts: Vec<_> = query.split('&').filter(|part| !part.is_empty()).collect();
            prop_assert_eq!(parts.len(), parameters.len());
            for (part, (name, value)) in parts.iter().zip(&parameters) {
                let (left, right) = part.split_once('=').unwrap();
                prop_assert_eq!(left, name.as_str());
                prop_assert_eq!(decoded(right), value.as_bytes());
            }
        }

        #[test]
        fn another_secret_or_query_has_another_signature(query in ".{0,40}", secret in ".{0,100}") {
            let signed = signature(&query, &secret);
            prop_assert_eq!(signed.len(), 64);
            prop_assert_ne!(&signed, &signature(&format!("{query}a"), &secret));
            prop_assert_ne!(&signed, &signature(&query, &format!("{secret}a")));
        }
    }

    fn decoded(text: &str) -> Vec<u8> {
        let mut bytes = text.bytes();
        let mut plain = Vec::new();
        while let Some(byte) = bytes.next() {
            plain.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            });
        }
        plain
    }
}
