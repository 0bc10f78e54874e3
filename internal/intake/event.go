package intake

import (
	"io"
	"maps"
	"time"

	"tidings/internal/campaign"
)

// Events reads a file of events, CSV or NDJSON, plain or gzipped: customer_id,
// name, occurred_at, an event_id if there is one, and properties. In CSV every
// other column is a property and a column `properties` holds an object of them;
// a cell that begins with [ or { is JSON. An NDJSON line is such an object or a
// track call of the Segment spec. What happened to a product (see
// campaign.CatalogueEvents) needs no customer_id, but a product_id. name stands
// before the file's errors.
func Events(r io.Reader, name string, o Options) (*Reader[EventRow], error) {
	native := []string{"customer_id", "name", "occurred_at", "event_id", "properties"}
	rd, err := newReader[EventRow](r, name, o, native[:3], native)
	if err != nil {
		return nil, err
	}
	rd.row, rd.typed = rd.event, true
	return rd, nil
}

// event makes a row of what a line holds.
func (r *Reader[T]) event(at line, m map[string]any) (row EventRow, err error) {
	row.Line = at.n
	_, user := m["userId"]
	_, anonymous := m["anonymousId"]
	call := m["name"] == nil && catalogued(m["event"])
	if m["customer_id"] == nil && (user || anonymous) || call {
		row.Event, err = r.segmentEvent(m)
	} else {
		row.Event, err = r.nativeEvent(m)
	}
	if err != nil {
		return row, err
	}
	typeAmounts(row.Event.Properties)
	if err := product(&row.Event); err != nil {
		return row, err
	}
	row.Event.KnownAt = row.Event.OccurredAt
	if row.Event.UID == "" {
		row.Event.UID, err = rowUID(row.Event)
	}
	return row, err
}

func (r *Reader[T]) nativeEvent(m map[string]any) (e campaign.Event, err error) {
	if !catalogued(m["name"]) {
		if e.Customer.ID, err = name(m, "customer_id"); err != nil {
			return e, err
		}
	}
	if e.Name, err = name(m, "name"); err != nil {
		return e, err
	}
	if e.UID, err = given(m, "event_id"); err != nil {
		return e, err
	}
	if e.OccurredAt, err = when(m, "occurred_at", r.zone); err != nil {
		return e, err
	}
	// A CSV cell holds the object as text.
	if s, ok := m["properties"].(string); ok {
		v, err := decode([]byte(s))
		if err != nil {
			return e, &fieldError{"properties", "is not JSON: " + err.Error()}
		}
		m["properties"] = v
	}
	if e.Properties, err = object(m, "properties"); err != nil {
		return e, err
	}
	for k := range r.native {
		delete(m, k)
	}
	if _, err := clean(m, 1); err != nil {
		return e, err
	}
	maps.Copy(e.Properties, m)
	return e, nil
}

// segmentEvent reads an archived call. Its time stands as it is: the clock
// that it was sent by is long corrected, or nobody knows it.
func (r *Reader[T]) segmentEvent(m map[string]any) (e campaign.Event, err error) {
	kind, err := text(m, "type")
	if err != nil {
		return e, err
	}
	if track := kind == "" || kind == "track"; !track || !catalogued(m["event"]) {
		if e.Customer, err = who(m); err != nil {
			return e, err
		}
	}
	if kind == "" {
		kind = "track"
	}
	if e.Name, e.Properties, err = named(kind, m); err != nil {
		return e, err
	}
	if e.UID, err = given(m, "messageId"); err != nil {
		return e, err
	}
	key := "timestamp"
	if m[key] == nil {
		key = "originalTimestamp"
	}
	if m[key] == nil {
		return e, missing("timestamp")
	}
	e.OccurredAt, err = when(m, key, r.zone)
	return e, err
}

// name reads a text that must be there.
func name(m map[string]any, key string) (string, error) {
	if m[key] == nil {
		return "", missing(key)
	}
	s, err := text(m, key)
	if err != nil {
		return "", err
	}
	return s, checkName(key, s)
}

// given reads the sender's id of an event as a uid; "" when there is none.
func given(m map[string]any, key string) (string, error) {
	id, err := text(m, key)
	if err != nil || id == "" {
		return "", err
	}
	return GivenUID(id), checkName(key, id)
}

// when reads a moment that must be there.
func when(m map[string]any, key string, zone *time.Location) (time.Time, error) {
	if m[key] == nil {
		return time.Time{}, missing(key)
	}
	s, ok := m[key].(string)
	if !ok {
		return time.Time{}, &fieldError{key, "is not a date in text; write 2006-01-02T15:04:05Z"}
	}
	return moment(key, s, zone)
}
