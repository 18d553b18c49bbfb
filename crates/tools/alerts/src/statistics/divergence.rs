//! How different two distributions of shares are.

use std::collections::BTreeMap;

/// The Jensen-Shannon distance of two lists of counts (Endres and Schindelin 2003): the square root of the divergence in bits, 0 if
/// the shares are the same, 1 if they have nothing in common. None if either is empty.
pub(crate) fn distance<K: Ord>(one: &BTreeMap<K, f64>, other: &BTreeMap<K, f64>) -> Option<f64> {
    let (total_one, total_other): (f64, f64) = (one.values().sum(), other.values().sum());
    if !(total_one > 0.0 && total_other > 0.0) {
        return None;
    }
    let term = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let of = |counts: &BTreeMap<K, f64>, key: &K, total: f64| counts.get(key).copied().unwrap_or_default() / total;
    let only_other = other.keys().filter(|key| !one.contains_key(key));
    let sum: f64 = one
        .keys()
        .chain(only_other)
        .map(|key| {
            let (p, q) = (of(one, key, total_one), of(other, key, total_other));
            let middle = f64::midpoint(p, q);
            term(p, middle) + term(q, middle)
        })
        .sum();
    Some((sum / 2.0).clamp(0.0, 1.0).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(list: &[f64]) -> BTreeMap<usize, f64> {
        list.iter().copied().enumerate().collect()
    }

    #[test]
    fn known_values() {
        let of = |one: &[f64], other: &[f64]| distance(&counts(one), &counts(other));
        assert_eq!(of(&[1.0, 1.0], &[7.0, 7.0]), Some(0.0));
        assert_eq!(of(&[1.0, 0.0], &[0.0, 3.0]), Some(1.0));
        assert_eq!(of(&[], &[1.0]), None);
        // SciPy: jensenshannon([1, 0], [1, 1], 2) = 0.5579...
        assert!((of(&[1.0], &[1.0, 1.0]).unwrap() - 0.557_923).abs() < 1e-4);
    }

    proptest! {
        #[test]
        fn it_is_symmetric_and_bounded(
            one in prop::collection::vec(0.0f64..1e6, 1..20), other in prop::collection::vec(0.0f64..1e6, 1..20),
        ) {
            let there = distance(&counts(&one), &counts(&other));
            let back = distance(&counts(&other), &counts(&one));
            prop_assert!(there.zip(back).is_none_or(|(there, back)| (0.0..=1.0).contains(&there) && (there - back).abs() < 1e-6));
        }
    }
}
