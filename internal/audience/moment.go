package audience

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// before is the moment d before the moment that expr gives, in microseconds:
// campaign.Duration.Before in SQL.
func (b *builder) before(expr string, d campaign.Duration) string {
	return b.shift(expr, -d.Months, -d.Fixed)
}

// after is campaign.Duration.After in SQL.
func (b *builder) after(expr string, d campaign.Duration) string {
	return b.shift(expr, d.Months, d.Fixed)
}

// shift adds calendar months, clamped to the month's last day, and then a fixed
// length. expr is a plain column, so it may be repeated.
func (b *builder) shift(expr string, months int, fixed time.Duration) string {
	if months != 0 {
		if b.engine == SQLite {
			rest := fmt.Sprintf("((%s %% 1000000 + 1000000) %% 1000000)", expr)
			expr = fmt.Sprintf("(unixepoch((%s - %s) / 1000000, 'unixepoch', '%+d months', 'floor') * 1000000 + %s)", expr, rest, months, rest)
		} else {
			expr = fmt.Sprintf("(extract(epoch FROM timestamp '1970-01-01' + %s * interval '1 microsecond' + make_interval(months => %d)) * 1000000)::bigint", expr, months)
		}
	}
	if fixed == 0 {
		return expr
	}
	return fmt.Sprintf("(%s + (%d))", expr, fixed.Microseconds())
}

// A property that holds a date is a JSON text, so both engines must read it
// alike. They read the ISO forms of campaign.ParseMoment by arithmetic; every
// other text is no date:
//
//	2026-12-01 · 2026-12-01 09:00 · 2026-12-01 09:00:00 · 2026-12-01T09:00:00
//	either of the last two with .1 to .123456789; with T, a zone Z or +02:00
const (
	isoDay   = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	isoClock = `([01][0-9]|2[0-3]):[0-5][0-9]`
	isoForm  = `^` + isoDay + `( ` + isoClock +
		`|[T ]` + isoClock + `:[0-5][0-9](\.[0-9]{1,9})?` +
		`|T` + isoClock + `:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?$`
)

var isoPattern = regexp.MustCompile(isoForm)

// textMoment is the moment that a property's text names; the SQL of
// textMomentSQL in Go.
func textMoment(s string) (time.Time, bool) {
	if !isoPattern.MatchString(s) || s[:4] == "0000" {
		return time.Time{}, false
	}
	return campaign.ParseMoment(s, nil)
}

// isoGlob is isoForm for SQLite, which has no regular expressions. z is the
// length of the zone, mid the fraction with its point.
const isoGlob = `t GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' AND CASE
 WHEN length(t) = 10 THEN 1
 WHEN length(t) = 16 THEN substr(t, 11) GLOB ' [0-2][0-9]:[0-5][0-9]'
 ELSE substr(t, 11) GLOB '[T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9]*'
  AND (mid = '' OR (mid GLOB '.[0-9]*' AND substr(mid, 2) NOT GLOB '*[^0-9]*' AND length(mid) <= 10))
  AND (z = 0 OR substr(t, 11, 1) = 'T')
  AND (z < 6 OR substr(t, length(t) - 5) GLOB '[+-][0-1][0-9]:[0-5][0-9]') END`

// textMomentSQL is the moment, in microseconds, that the text expr names; null
// when it names none.
func (b *builder) textMomentSQL(expr string) string {
	int := func(from string, n int) string {
		if b.engine == SQLite {
			return fmt.Sprintf("CAST(substr(t, %s, %d) AS INTEGER)", from, n)
		}
		return fmt.Sprintf("substr(t, %s, %d)::bigint", from, n)
	}
	fraction := "CAST(substr(substr(mid, 2) || '000000', 1, 6) AS INTEGER)"
	form, size := isoGlob, "max"
	if b.engine == Postgres {
		form, size = "t ~ '"+isoForm+"'", "GREATEST"
		fraction = "substr(substr(mid, 2) || '000000', 1, 6)::bigint"
	}
	zoned := "SELECT t, CASE WHEN length(t) > 19 AND substr(t, length(t), 1) = 'Z' THEN 1 WHEN length(t) > 24 AND substr(t, length(t) - 5, 1) IN ('+', '-') THEN 6 ELSE 0 END AS z FROM (SELECT " + expr + " AS t) m0"
	cut := "SELECT t, z, substr(t, 20, " + size + "(length(t) - 19 - z, 0)) AS mid FROM (" + zoned + ") m1"
	checked := "SELECT CASE WHEN " + form + " THEN t END AS t, z, mid FROM (" + cut + ") m2"
	parts := "SELECT " + int("1", 4) + " AS y, " + int("6", 2) + " AS m, " + int("9", 2) + " AS d, " +
		"CASE WHEN length(t) > 10 THEN " + int("12", 2) + " * 60 + " + int("15", 2) + " ELSE 0 END AS minutes, " +
		"CASE WHEN length(t) > 10 THEN " + int("12", 2) + " ELSE 0 END AS hour, " +
		"CASE WHEN length(t) > 18 THEN " + int("18", 2) + " ELSE 0 END AS seconds, " +
		"CASE WHEN length(t) > 20 AND mid <> '' THEN " + fraction + " ELSE 0 END AS micros, " +
		"CASE WHEN z = 6 THEN (" + int("length(t) - 4", 2) + " * 60 + " + int("length(t) - 1", 2) + ") * CASE substr(t, length(t) - 5, 1) WHEN '-' THEN -1 ELSE 1 END ELSE 0 END AS away " +
		"FROM (" + checked + ") m3"
	// Days since 1970 of a date of the Gregorian calendar, counted in years that
	// begin in March, so that the leap day is the last of its year.
	shifted := "SELECT m5.*, y - CASE WHEN m <= 2 THEN 1 ELSE 0 END AS yy, m + CASE WHEN m > 2 THEN -3 ELSE 9 END AS mm FROM (" + parts + ") m5"
	return "(SELECT CASE WHEN y >= 1 AND m BETWEEN 1 AND 12 AND hour <= 23 AND abs(away) < 900 AND d >= 1" +
		" AND d <= CASE WHEN m IN (4, 6, 9, 11) THEN 30 WHEN m <> 2 THEN 31 WHEN (y % 4 = 0 AND y % 100 <> 0) OR y % 400 = 0 THEN 29 ELSE 28 END" +
		" THEN ((yy / 400 * 146097 + yy % 400 * 365 + yy % 400 / 4 - yy % 400 / 100 + (153 * mm + 2) / 5 + d - 1 - 719468) * 1440 + minutes - away) * 60000000 + seconds * 1000000 + micros END" +
		" FROM (" + shifted + ") m6)"
}

// calendar is the UTC day of a moment in microseconds, a plain column, as the
// number 20261201.
func (b *builder) calendar(column string) string {
	const day = "86400000000"
	days := "((" + column + " - ((" + column + " % " + day + ") + " + day + ") % " + day + ") / " + day + ")"
	if b.engine == SQLite {
		return "CAST(strftime('%Y%m%d', " + days + " * 86400, 'unixepoch') AS INTEGER)"
	}
	return "to_char(date '1970-01-01' + " + days + "::int, 'YYYYMMDD')::int"
}

// anniversary holds when a date's day of the year is today or comes within d. A
// text of month and day alone (05-12, --05-12) is such a day too. 29 February is on the
// 28th in years without one.
func (b *builder) anniversary(s subject, d campaign.Duration) string {
	if s.moment == nil {
		return sqlFalse
	}
	form, cast := "txt GLOB '[01][0-9]-[0-3][0-9]'", func(from int) string { return fmt.Sprintf("CAST(substr(txt, %d, 2) AS INTEGER)", from) }
	if b.engine == Postgres {
		form, cast = "txt ~ '^[01][0-9]-[0-3][0-9]$'", func(from int) string { return fmt.Sprintf("substr(txt, %d, 2)::int", from) }
	}
	raw := "SELECT " + s.moment() + " AS t, " + s.text + " AS raw, " + b.now() + " AS a, " + b.ahead(d) + " AS z"
	given := "SELECT t, CASE WHEN substr(raw, 1, 2) = '--' THEN substr(raw, 3) ELSE raw END AS txt, a, z FROM (" + raw + ") m0"
	days := "SELECT " + b.calendar("a") + " AS a, " + b.calendar("z") + " AS z, CASE WHEN t IS NOT NULL THEN " + b.calendar("t") + " % 10000 WHEN " + form +
		" THEN " + cast(1) + " * 100 + " + cast(4) + " END AS md FROM (" + given + ") m1"
	in := func(year string) string {
		return fmt.Sprintf("(%[1]s * 10000 + CASE WHEN md = 229 AND NOT ((%[1]s %% 4 = 0 AND %[1]s %% 100 <> 0) OR %[1]s %% 400 = 0) THEN 228 ELSE md END)", year)
	}
	valid := "md / 100 BETWEEN 1 AND 12 AND md % 100 BETWEEN 1 AND CASE WHEN md / 100 = 2 THEN 29 WHEN md / 100 IN (4, 6, 9, 11) THEN 30 ELSE 31 END"
	return sure("(SELECT " + valid + " AND (" + in("(a / 10000)") + " BETWEEN a AND z OR " + in("(a / 10000 + 1)") + " <= z) FROM (" + days + ") m2)")
}

// anniversaryIn is anniversary in Go.
func anniversaryIn(text string, d campaign.Duration, asOf time.Time) bool {
	t, ok := textMoment(text)
	if day := strings.TrimPrefix(text, "--"); !ok && len(day) == len("05-12") {
		// 2000 has a 29 February.
		t, ok = textMoment("2000-" + day)
	}
	if !ok {
		return false
	}
	first := asOf.UTC().Truncate(24 * time.Hour)
	last := d.After(asOf)
	for _, year := range []int{first.Year(), first.Year() + 1} {
		day := time.Date(year, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		if day.Month() != t.Month() {
			day = day.AddDate(0, 0, -1)
		}
		if !day.Before(first) && !day.After(last) {
			return true
		}
	}
	return false
}
