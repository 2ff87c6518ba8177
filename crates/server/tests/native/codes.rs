//! The codes of refusals are the same for server and client.

use countersign_core::error::Code;
use countersign_wire::code::Code as WireCode;

#[test]
fn a_client_knows_every_code_that_a_server_says() {
    let said: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let known: Vec<&str> = WireCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(said, known);
}
