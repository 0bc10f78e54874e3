package intake

import (
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// looseLayouts are forms of moments beside the domain's own that clients and
// databases write: offsets without a colon or without minutes, a space for the
// T, months and days of one digit.
var looseLayouts = []string{
	"2006-1-2T15:04:05Z07:00", "2006-1-2T15:04:05Z0700", "2006-1-2T15:04:05Z07",
	"2006-1-2 15:04:05Z07:00", "2006-1-2 15:04:05Z07", "2006-1-2 15:04:05 -0700", "2006-1-2 15:04:05",
}

// The moments that a fact can have: what lies outside is a slip (a year 0201,
// milliseconds read as seconds).
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// moment reads a date or a date with time; zone applies where none is written,
// nil is UTC.
func moment(path, s string, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(strings.TrimSuffix(s, " UTC"))
	t, ok := campaign.ParseMoment(s, zone)
	for i := 0; !ok && i < len(looseLayouts) && len(s) >= 8; i++ {
		loose, err := time.ParseInLocation(looseLayouts[i], s, zoneOr(zone))
		t, ok = campaign.Moment(loose), err == nil
	}
	if !ok {
		return t, &fieldError{path, fmt.Sprintf("%q is not a date; write 2006-01-02, 2006-01-02 15:04:05 or 2006-01-02T15:04:05Z", short(s))}
	}
	if t.Before(earliest) || !t.Before(latest) {
		return t, &fieldError{path, fmt.Sprintf("%q is outside 1970 to 2099", short(s))}
	}
	return t, nil
}

func zoneOr(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// short keeps what a reason quotes readable.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// zones remembers which IANA names there are: looking one up reads a file.
type zones map[string]bool

func (z zones) check(path, name string) error {
	known, seen := z[name]
	if !seen {
		_, err := time.LoadLocation(name)
		known = err == nil && name != "" && name != "Local"
		if len(z) < 10_000 {
			z[name] = known
		}
	}
	if !known {
		return &fieldError{path, fmt.Sprintf("%q is not an IANA time zone; write Europe/Athens or leave it empty", short(name))}
	}
	return nil
}
