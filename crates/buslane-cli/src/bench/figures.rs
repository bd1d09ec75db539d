//! Figures for people, and the middle of several.

/// Writes a figure in three digits and a suffix, small whole ones as they are: `5.81M`, `68.2`, `0.170`, `7`.
pub(crate) fn short(figure: f64) -> String {
    if figure.fract() == 0.0 && figure.abs() < 1e4 {
        return figure.to_string();
    }
    let (scaled, suffix) = match figure.abs() {
        size if size >= 1e6 => (figure / 1e6, "M"),
        size if size >= 1e4 => (figure / 1e3, "k"),
        _ => (figure, ""),
    };
    let decimals = match scaled.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{scaled:.decimals$}{suffix}")
}

/// The middle of several figures, and the ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) min: f64,
    /// The greatest.
    pub(crate) max: f64,
}

impl Spread {
    /// Finds the middle and the ends; `None` of no figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            _ if sorted.is_empty() => return None,
            0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
            _ => sorted[middle],
        };
        Some(Spread {
            median,
            min: sorted[0],
            max: *sorted.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let cases = [
            (5_812_345.0, "5.81M"),
            (68_249.0, "68.2k"),
            (9_999.0, "9999"),
            (68.24, "68.2"),
            (0.17, "0.170"),
        ];
        for (figure, expected) in cases {
            assert_eq!(short(figure), expected);
        }
        assert_eq!((short(0.0), short(7.0)), ("0".to_owned(), "7".to_owned()));
    }

    #[test]
    fn the_middle_is_the_median() {
        assert_eq!(
            Spread::of([3.0, 1.0, 2.0]),
            Some(Spread {
                median: 2.0,
                min: 1.0,
                max: 3.0
            })
        );
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
    }
}
