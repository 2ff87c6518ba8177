//! What an RSA public key must be before it verifies anything.

use aws_lc_rs::signature::{ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};

use super::key::KeyError;

/// The least modulus that RFC 7518 sections 3.3 and 3.5 allow.
pub(super) const BITS_MIN: usize = 2048;

/// Past this a verification costs a stranger's token more of our time than
/// any real key is worth.
pub(super) const BITS_MAX: usize = 4096;

/// 65537, big endian. Every key in use has it; small exponents have made
/// forgeries possible in careless verifiers, and e = 1 verifies everything.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The odd primes up to 167, the ones that the fingerprint of
/// [`has_roca_mark`] is taken over.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Parses the two numbers of a public key, big endian without leading zeros.
pub(super) fn parse(
    modulus: &[u8],
    exponent: &[u8],
    parameters: &'static RsaParameters,
) -> Result<ParsedPublicKey, KeyError> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(KeyError::Malformed);
    };
    if *first == 0 || last % 2 == 0 {
        return Err(KeyError::Malformed);
    }
    let leading_zeros = usize::try_from(first.leading_zeros()).map_err(|_| KeyError::Malformed)?;
    let bits = modulus.len() * 8 - leading_zeros;
    if !(BITS_MIN..=BITS_MAX).contains(&bits) {
        return Err(KeyError::RsaSize { bits });
    }
    if exponent != EXPONENT {
        return Err(KeyError::RsaExponent);
    }
    if has_roca_mark(modulus) {
        return Err(KeyError::RsaRoca);
    }
    RsaPublicKeyComponents {
        n: modulus,
        e: exponent,
    }
    .to_parsed_public_key(parameters)
    .map_err(|_| KeyError::Malformed)
}

/// Whether a modulus was made by the library behind CVE-2017-15361 (ROCA),
/// whose private keys can be computed.
///
/// Source: Nemec, Sýs, Švenda, Klinec, Matyáš, "The Return of Coppersmith's
/// Attack" (ACM CCS 2017), section 2. That library's primes are
/// `k·M + (65537^a mod M)`, where M is the product of the first primes, the 39
/// up to 167 at least. So the modulus is a power of 65537 modulo M, and hence
/// modulo each of those primes. A random modulus is one modulo all of them
/// about once in 2^28.
fn has_roca_mark(modulus: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let residue = modulus.iter().fold(0, |residue, byte| {
            (residue * 256 + u32::from(*byte)) % prime
        });
        let mut power = 1;
        // The powers of 65537 repeat after prime - 1 steps at the latest.
        (1..prime).any(|_| {
            power = power * 65_537 % prime;
            power == residue
        })
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;

    use super::*;

    /// An odd number of so many bits: its top bit and its lowest are set.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0; bits.div_ceil(8)];
        bytes[0] = 1 << ((bits - 1) % 8);
        if let Some(last) = bytes.last_mut() {
            *last |= 0x03;
        }
        bytes
    }

    fn check(modulus: &[u8], exponent: &[u8], expected: Option<&KeyError>) {
        let result = parse(modulus, exponent, &RSA_PKCS1_2048_8192_SHA256);
        assert_eq!(result.err().as_ref(), expected, "{} bytes", modulus.len());
    }

    #[test]
    fn size_and_exponent_are_held_to_their_limits() {
        for bits in [2048, 2049, 3072, 4095, 4096] {
            check(&modulus(bits), &EXPONENT, None);
        }
        for bits in [8, 1024, 2047, 4097, 8192] {
            check(&modulus(bits), &EXPONENT, Some(&KeyError::RsaSize { bits }));
        }
        for exponent in [
            &[][..],
            &[1],
            &[3],
            &[0, 1, 0, 1],
            &[1, 0, 0],
            &[1, 0, 0, 1],
        ] {
            check(&modulus(2048), exponent, Some(&KeyError::RsaExponent));
        }
        check(&[], &EXPONENT, Some(&KeyError::Malformed));
        let mut even = modulus(2048);
        even[255] = 2;
        check(&even, &EXPONENT, Some(&KeyError::Malformed));
        let mut padded = vec![0];
        padded.extend(modulus(2048));
        check(&padded, &EXPONENT, Some(&KeyError::Malformed));
    }

    /// 65537 to the power of 128, which has 2049 bits, is no product of two
    /// primes, but bears the mark as every power does.
    #[test]
    fn a_marked_key_is_refused() {
        let mut power = vec![1_u8];
        for _ in 0..128 {
            // Times 65537 is a shift by two bytes and an addition.
            let mut carry = 0_u16;
            let shifted: Vec<u8> = power.iter().copied().chain([0, 0]).collect();
            let mut sum = shifted.clone();
            for at in (0..sum.len()).rev() {
                let addend = at.checked_sub(2).map_or(0, |at| power[at]);
                let total = u16::from(shifted[at]) + u16::from(addend) + carry;
                sum[at] = total.to_be_bytes()[1];
                carry = total >> 8;
            }
            assert_eq!(carry, 0, "the sum is no longer than its greater part");
            power = sum;
        }
        check(&power, &EXPONENT, Some(&KeyError::RsaRoca));
    }

    /// 1 is 65537 to the power of 0, and so bears the mark; so does 65537, and
    /// so does their like at any length.
    #[test]
    fn the_mark_is_told_from_a_random_modulus() {
        assert!(has_roca_mark(&[1]));
        assert!(has_roca_mark(&EXPONENT));
        assert!(has_roca_mark(&[1, 0, 2, 0, 1]), "65537 squared");
        assert!(!has_roca_mark(&[2]));
        assert!(!has_roca_mark(&modulus(2048)));
        assert!(!has_roca_mark(&[0]));
    }
}
