package campaign

import "time"

// Micros is a moment as SQL stores it: microseconds since 1970 in UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the moment that Micros stored.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// Moment brings t into the form that all of the domain uses: UTC, microseconds.
func Moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
