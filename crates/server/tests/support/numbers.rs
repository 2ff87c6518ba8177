//! A number of the metrics' page.

/// What a metric says, of all labels together.
pub(crate) fn metric(page: &str, name: &str) -> u64 {
    let name = format!("countersign_{name}");
    let lines = page.lines().filter_map(|line| line.strip_prefix(&*name));
    let values: Vec<u64> = lines
        .filter(|rest| rest.starts_with([' ', '{']))
        .map(|rest| {
            let (_, value) = rest.rsplit_once(' ').expect("a line ends with its value");
            value.parse().expect("it is a whole number")
        })
        .collect();
    assert!(!values.is_empty(), "there is no {name} in {page}");
    values.iter().sum()
}
