//! Times as RFC 3339 writes them.

/// Tells whether a text is a time.
pub(super) fn is_valid(text: &str) -> bool {
    parse(text.as_bytes()).is_some()
}

/// Writes a time given in Unix milliseconds; `None` past the year 9999.
pub(super) fn from_unix_ms(unix_ms: u64) -> Option<String> {
    let (seconds, millis) = (unix_ms / 1_000, unix_ms % 1_000);
    let (days, second) = (seconds / SECONDS_A_DAY, seconds % SECONDS_A_DAY);
    let (year, month, day) = date(i64::try_from(days).ok()?);
    if year > LAST_YEAR {
        return None;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
    ))
}

/// Year, month and day of a day counted from 1970-01-01, by eras of 400 years that begin in March.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + DAYS_TO_1970;
    let (era, day_of_era) = (shifted / DAYS_AN_ERA, shifted % DAYS_AN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn parse(text: &[u8]) -> Option<()> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let dashed = date[4] == b'-' && date[7] == b'-';
    if !dashed || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let (time, mut rest) = rest.split_at_checked(9)?;
    let separated = matches!(time[0], b'T' | b't') && time[3] == b':' && time[6] == b':';
    let (hour, minute, second) = (number(&time[1..3])?, number(&time[4..6])?, number(&time[7..])?);
    // A minute may end with a leap second.
    if !separated || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = &fraction[digits..];
        (digits > 0).then_some(())?;
    }
    match rest {
        b"Z" | b"z" => Some(()),
        &[b'+' | b'-', h, i, b':', m, n] => (number(&[h, i])? <= 23 && number(&[m, n])? <= 59).then_some(()),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let digit = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
    digits.iter().try_fold(0, digit)
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const SECONDS_A_DAY: u64 = 86_400;
/// Days of 400 years.
const DAYS_AN_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
/// The last year that four digits can write.
const LAST_YEAR: i64 = 9_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_other_texts() {
        for good in [
            "2026-01-31T10:00:00Z",
            "2024-02-29t23:59:60.123456z",
            "0000-12-31T00:00:00+23:59",
            "2000-02-29T00:00:00.0-00:00",
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31 10:00:00Z",
            "2026-01-31T10:00:00",
            "2026-02-29T10:00:00Z",
            "1900-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-00-01T10:00:00Z",
            "2026-01-00T10:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T10:60:00Z",
            "2026-01-31T10:00:61Z",
            "2026-01-31T10:00:00.Z",
            "2026-01-31T10:00:00+24:00",
            "2026-01-31T10:00:00+0100",
            "2026-01-31T10:00:00ZZ",
            "+026-01-31T10:00:00Z",
            "2026-01-31T10:00:0\u{664}Z",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn unix_times_are_written() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(from_unix_ms(unix_ms).as_deref(), Some(text));
            assert!(is_valid(text));
        }
        assert_eq!(from_unix_ms(253_402_300_800_000), None);
        assert_eq!(from_unix_ms(u64::MAX), None);
    }
}
