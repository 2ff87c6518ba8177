//! The strict reader against JSONTestSuite, and against serde_json.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::json::{self, Problem, Value};
use proptest::prelude::*;

mod support;

/// The cases that a JSON reader must read and this one refuses: RFC 8259
/// section 4 says that names SHOULD be unique and that readers differ where
/// they are not, which is what a token must not depend on.
const DUPLICATES: [&str; 2] = [
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
];

/// The suite leaves depth to the reader: this is the one case of any verdict
/// but "must refuse" that nests deeper than `json::DEPTH_MAX`. No case that
/// must be read does.
const DEEP: &str = "i_structure_500_nested_arrays.json";

#[test]
fn json_test_suite() {
    let Some(cases) = support::read_vectors("jsontestsuite/test_parsing.json") else {
        return;
    };
    let mut counts = [0; 3];
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let result = json::read(&suite_input(case))
            .map(|_| ())
            .map_err(|error| error.problem);
        match case["expect"].as_str().unwrap() {
            "y" if DUPLICATES.contains(&name) => {
                counts[0] += 1;
                assert_eq!(result, Err(Problem::DuplicateName), "{name}");
            }
            "y" => {
                counts[0] += 1;
                assert_eq!(result, Ok(()), "{name}");
            }
            "n" => {
                counts[1] += 1;
                assert!(result.is_err(), "{name}");
            }
            "i" => {
                counts[2] += 1;
                assert_eq!(
                    result == Err(Problem::TooDeep),
                    name == DEEP,
                    "{name}: {result:?}"
                );
            }
            other => panic!("{name}: {other}"),
        }
    }
    assert_eq!(counts, [95, 188, 35]);
}

/// Two inputs are stored as their length and how they begin, because they are
/// one pattern over and over.
fn suite_input(case: &serde_json::Value) -> Vec<u8> {
    if let Some(encoded) = case["b64"].as_str() {
        return STANDARD.decode(encoded).expect("the suite is base64");
    }
    let input = match case["repeat_hint"].as_str() {
        Some("[[[[[[[[") => "[".repeat(100_000),
        Some("[{\"\":[{\"") => format!("{}\n", "[{\"\":".repeat(50_000)),
        other => panic!("an unknown pattern: {other:?}"),
    };
    assert_eq!(case["len"].as_u64(), u64::try_from(input.len()).ok());
    input.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn pieces_in_any_order_are_read_as_serde_json_does(text in piece_soup()) {
        check_agreement(text.as_bytes());
    }

    #[test]
    fn what_serde_json_writes_is_read(value in json_value()) {
        let text = serde_json::to_vec(&value).unwrap();
        let ours = json::read(&text).unwrap();
        prop_assert!(is_same(&ours, &value));
    }

    #[test]
    fn a_changed_byte_is_judged_as_serde_json_does(
        value in json_value(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        removed in 0_usize..3,
    ) {
        let mut text = serde_json::to_vec_pretty(&value).unwrap();
        let start = position.index(text.len());
        let end = (start + removed).min(text.len());
        text.splice(start..end, [byte]);
        check_agreement(&text);
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_does(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        check_agreement(&bytes);
    }
}

/// What both read is the same value. What serde_json refuses, so do we, except
/// for numbers past a double: those we keep as text. What it reads and we do
/// not is a name that stands twice or nesting past our limit.
fn check_agreement(bytes: &[u8]) {
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
    let shown = String::from_utf8_lossy(bytes);
    match (json::read(bytes), theirs) {
        (Ok(ours), Ok(theirs)) => assert!(is_same(&ours, &theirs), "{shown}"),
        (Ok(ours), Err(error)) => assert!(has_huge_number(&ours), "{shown}: {error}"),
        (Err(error), Ok(_)) => assert!(
            matches!(error.problem, Problem::DuplicateName | Problem::TooDeep),
            "{shown}: {error}"
        ),
        (Err(_), Err(_)) => {}
    }
}

fn is_same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::Number(ours), serde_json::Value::Number(theirs)) => {
            if theirs.is_i64() || theirs.is_u64() {
                ours.is_integer() && ours.text() == theirs.to_string()
            } else {
                ours.to_f64() == theirs.as_f64()
            }
        }
        (Value::String(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| is_same(ours, theirs))
        }
        (Value::Object(ours), serde_json::Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| {
                    theirs.get(name).is_some_and(|theirs| is_same(ours, theirs))
                })
        }
        _ => false,
    }
}

fn has_huge_number(value: &Value<'_>) -> bool {
    match value {
        Value::Number(number) => number.to_f64().is_none(),
        Value::Array(elements) => elements.iter().any(has_huge_number),
        Value::Object(object) => object.iter().any(|(_, value)| has_huge_number(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Pieces of JSON and of what is nearly JSON, put together blindly.
fn piece_soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        " ",
        "\n",
        "{\"a\":",
        "\"a\"",
        "\"\\u0061\"",
        "\"b\":",
        "\"\"",
        "\"",
        "\\",
        "\\ud800",
        "\\udc00",
        "\"\\ud83d\\ude00\"",
        "0",
        "-0",
        "-",
        "12",
        ".5",
        "e3",
        "1E+2",
        "1e999",
        "9223372036854775808",
        "-9223372036854775809",
        "0.1",
        "00",
        "true",
        "false",
        "null",
        "nul",
        "NaN",
        "//",
        "\u{FEFF}",
        "\u{0}",
        "\u{7F}",
        "é",
        "'",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..16).prop_map(|pieces| pieces.concat())
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
