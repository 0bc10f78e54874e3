package campaign

import (
	"strconv"
	"time"
)

// Kind is the type of a Value.
type Kind string

// The kinds that attributes, properties and operands can have.
const (
	Text   Kind = "text"
	Number Kind = "number"
	Bool   Kind = "bool"
	Time   Kind = "time"
)

// Value is a scalar of the workspace language or of a customer's data. Text
// holds the source text whatever the kind, so that `0123` stays what was
// written.
type Value struct {
	Kind   Kind
	Text   string
	Number float64   // Kind Number
	Bool   bool      // Kind Bool
	Time   time.Time // Kind Time
}

// TextValue is a Value of kind Text.
func TextValue(s string) Value { return Value{Kind: Text, Text: s} }

// NumberValue is a Value of kind Number.
func NumberValue(f float64) Value {
	return Value{Kind: Number, Number: f, Text: strconv.FormatFloat(f, 'f', -1, 64)}
}

// momentLayouts are the date forms that count as a date in an attribute, a
// property or a condition. Without a zone they are UTC.
var momentLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// ParseMoment reads a date or a date with time. zone applies where the text
// names none; nil is UTC.
func ParseMoment(s string, zone *time.Location) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' {
		return time.Time{}, false
	}
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range momentLayouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return Moment(t), true
		}
	}
	return time.Time{}, false
}
