//! What an Ed25519 public key must not be.

use aws_lc_rs::signature::ED25519_PUBLIC_KEY_LEN;

/// Whether a key is one of the points whose multiples are few, in any of their
/// encodings: the eight torsion points of the curve and the two ways beyond
/// the field's prime to write two of them (RFC 8032 section 5.1). Their
/// signatures can be made without a private key.
pub(super) fn is_small_order(key: &[u8; ED25519_PUBLIC_KEY_LEN]) -> bool {
    // The y coordinates, little endian: 0, 1, both of order 8, p - 1, p, p + 1.
    const COORDINATES: [[u8; ED25519_PUBLIC_KEY_LEN]; 7] = [
        [0; 32],
        coordinate(1, 0, 0),
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
        coordinate(0xec, 0xff, 0x7f),
        coordinate(0xed, 0xff, 0x7f),
        coordinate(0xee, 0xff, 0x7f),
    ];
    let mut y = *key;
    // The highest bit is the sign of x.
    y[ED25519_PUBLIC_KEY_LEN - 1] &= 0x7f;
    COORDINATES.contains(&y)
}

const fn coordinate(first: u8, middle: u8, last: u8) -> [u8; ED25519_PUBLIC_KEY_LEN] {
    let mut bytes = [middle; ED25519_PUBLIC_KEY_LEN];
    bytes[0] = first;
    bytes[ED25519_PUBLIC_KEY_LEN - 1] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_signs_count_and_neighbours_do_not() {
        for (first, middle, last, expected) in [
            (0, 0, 0, true),
            (1, 0, 0, true),
            (1, 0, 0x80, true),
            (2, 0, 0, false),
            (0xeb, 0xff, 0x7f, false),
            (0xec, 0xff, 0xff, true),
            (0xed, 0xff, 0x7f, true),
            (0xee, 0xff, 0x7f, true),
            (0xef, 0xff, 0x7f, false),
            (9, 9, 9, false),
        ] {
            let key = coordinate(first, middle, last);
            assert_eq!(is_small_order(&key), expected, "{key:02x?}");
        }
    }
}
