package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// dateNames are a language's names, months as they stand beside a day.
type dateNames struct {
	months, monthsShort [12]string
	days, daysShort     [7]string
	am, pm              string
}

// dateFilter is {{ moment | date: "%e %B %Y" }}: in the customer's zone and
// language. The moment is `now`, a moment, or a text that reads as one.
func dateFilter(v any, args ...any) (any, error) {
	var st *state
	format := ""
	for _, a := range args {
		switch a := a.(type) {
		case *state:
			st = a
		case string:
			format = a
		}
	}
	if v == nil || st == nil {
		return nil, nil
	}
	t, bare, err := momentOf(v, st)
	if err != nil {
		return nil, err
	}
	if !bare {
		t = t.In(st.zone)
	}
	form := formOf(st.locale)
	return strftime(dateForm(format, form), t, form.names), nil
}

// dateForm is the strftime form of a named one, each as the mail's language writes
// it; any other form is itself.
func dateForm(form string, f *localeForm) string {
	switch form {
	case "":
		return "%e %B %Y"
	case "short":
		return f.short
	case "medium":
		return f.medium
	case "long":
		return f.long
	case "time":
		return f.time
	}
	return form
}

// momentOf reads a moment. bare tells that it is a wall clock without a zone,
// to be shown as it stands.
func momentOf(v any, st *state) (t time.Time, bare bool, err error) {
	switch v := v.(type) {
	case time.Time:
		return v, false, nil
	case int:
		return time.Unix(int64(v), 0), false, nil
	case float64:
		return time.UnixMilli(int64(v * 1000)), false, nil
	case string:
		s := strings.TrimSpace(v)
		if s == "now" || s == "today" {
			return st.now, false, nil
		}
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t, false, nil
		}
		if t, ok := campaign.ParseMoment(s, time.UTC); ok {
			return t, true, nil
		}
		return t, false, errors.New("needs a date, as 2026-12-01 or 2026-12-01T09:00:00Z")
	}
	return t, false, errors.New("needs a date")
}

// strftime writes t as format says: the letters of C's strftime that make sense
// in a mail. A dash or ^ after % drops padding or writes capitals.
func strftime(format string, t time.Time, n *dateNames) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		flag := byte(0)
		if strings.IndexByte("-^0_", format[i]) >= 0 && i+1 < len(format) {
			flag = format[i]
			i++
		}
		part, ok := datePart(format[i], t, n)
		switch {
		case !ok:
			part = "%" + string(format[i])
		case flag == '-':
			if trimmed := strings.TrimLeft(part, "0 "); trimmed != "" {
				part = trimmed
			} else {
				part = "0"
			}
		case flag == '^':
			part = strings.ToUpper(part)
		case flag == '0':
			part = strings.ReplaceAll(part, " ", "0")
		}
		b.WriteString(part)
	}
	return b.String()
}

// datePart is what one letter stands for.
func datePart(c byte, t time.Time, n *dateNames) (string, bool) {
	switch c {
	case 'a':
		return n.daysShort[t.Weekday()], true
	case 'A':
		return n.days[t.Weekday()], true
	case 'b', 'h':
		return n.monthsShort[t.Month()-1], true
	case 'B':
		return n.months[t.Month()-1], true
	case 'e':
		return strconv.Itoa(t.Day()), true // not padded: a mail is no table
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'V':
		_, week := t.ISOWeek()
		return fmt.Sprintf("%02d", week), true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case '%':
		return "%", true
	}
	return clockPart(c, t, n)
}

// clockPart is what the letters stand for that are the same in every language,
// and those of the clock.
func clockPart(c byte, t time.Time, n *dateNames) (string, bool) {
	switch c {
	case 'k':
		return strconv.Itoa(t.Hour()), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'p', 'P':
		half := n.am
		if t.Hour() >= 12 {
			half = n.pm
		}
		if c == 'p' {
			half = strings.ToUpper(half)
		}
		return half, true
	}
	layout, ok := map[byte]string{
		'd': "02", 'm': "01", 'y': "06", 'H': "15", 'I': "03", 'l': "3", 'M': "04", 'S': "05", 'z': "-0700", 'Z': "MST",
		'F': "2006-01-02", 'T': "15:04:05", 'X': "15:04:05", 'R': "15:04", 'D': "01/02/06",
	}[c]
	return t.Format(layout), ok
}
