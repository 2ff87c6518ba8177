//! What a user or a conversation shows beside its names, held to its limits.

use crate::error::{Code, Error};
use crate::limit;

/// Checks a picture's address and an application's data.
///
/// # Errors
/// `too_large`.
pub(super) fn check_profile(
    image_url: Option<&str>,
    custom_data: Option<&str>,
) -> Result<(), Error> {
    if image_url.is_some_and(|url| url.len() > limit::IMAGE_URL_BYTES_MAX) {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "a picture's address has at most {} bytes",
                limit::IMAGE_URL_BYTES_MAX
            ),
        ));
    }
    if custom_data.is_some_and(|data| data.len() > limit::CUSTOM_DATA_BYTES_MAX) {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "custom data has at most {} bytes",
                limit::CUSTOM_DATA_BYTES_MAX
            ),
        ));
    }
    Ok(())
}
