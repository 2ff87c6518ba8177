//! A method on a path, as routes, metrics and descriptions name it.

use http::Method;

/// A method on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub template: &'static str,
}
