//! The call about the node's numbers.

use super::Description;
use super::bearer::OPERATORS;
use super::tag::Tag;

pub(in crate::native) fn read() -> Description {
    Description::by(
        OPERATORS,
        Tag::Node,
        "readMetrics",
        "Read the node's numbers",
    )
    .of_the_installation()
    .about("In the text format of Prometheus. No id, name or token is in a label.")
    .gives_bytes("text/plain", "The numbers of this moment.")
}
