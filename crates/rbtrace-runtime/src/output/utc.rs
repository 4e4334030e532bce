//! Times as UTC in text. The calendar is computed here: programs want the same text on every machine, so no time zone is asked.

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats.
const CYCLE: i64 = 146_097;

/// `1970-01-01 00:00:00.000000000` of nanoseconds since the epoch.
pub(super) fn utc(epoch_ns: i64) -> String {
    let (seconds, nanoseconds) = (epoch_ns.div_euclid(SECOND), epoch_ns.rem_euclid(SECOND));
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{nanoseconds:09}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month, day of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    // Years are counted from March 2000 on: the leap day is the last day of a year then, and of a cycle.
    let days = days - 11_017;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let century = (day / 36_524).min(3);
    let day = day - century * 36_524;
    let fourth = day / 1461;
    let day = day - fourth * 1461;
    let year = (day / 365).min(3);
    let day = day - year * 365;
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = 2000 + cycle * 400 + century * 100 + fourth * 4 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::{SECOND, utc};

    #[test]
    fn days_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000000000");
        assert_eq!(utc(-1), "1969-12-31 23:59:59.999999999");
        // As `date -u -d @N` says.
        for (seconds, text) in [
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (1_795_273_343, "2026-11-21 15:02:23"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (-2_203_891_200, "1900-03-01 00:00:00"),
            (7_258_118_400, "2200-01-01 00:00:00"),
        ] {
            assert_eq!(utc(seconds * SECOND), format!("{text}.000000000"));
        }
    }
}
