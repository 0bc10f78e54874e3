package intake

import (
	"io"
	"time"
)

// Customers reads a file of customers, CSV or NDJSON, plain or gzipped: id and
// email, and whatever else is known of them as attributes. first_name,
// last_name, locale, timezone, country, created_at, consent, consent_proof and consent_text have a meaning
// of their own. An NDJSON line is such an object or {userId, traits}. name
// stands before the file's errors.
func Customers(r io.Reader, name string, o Options) (*Reader[CustomerRow], error) {
	rd, err := newReader[CustomerRow](r, name, o, []string{"id", "email"}, []string{
		"id", "email", "first_name", "last_name", "locale", "timezone", "country", "created_at", "consent", "consent_proof", "consent_text",
	})
	if err != nil {
		return nil, err
	}
	rd.row = rd.customer
	return rd, nil
}

// customer makes a row of what a line holds.
func (r *Reader[T]) customer(at line, m map[string]any) (row CustomerRow, err error) {
	id := "id"
	if _, segment := m["userId"]; segment && m["id"] == nil {
		id = "userId"
	}
	row.Line, row.Raw = at.n, at.text
	if row.Traits.Customer.ID, err = text(m, id); err != nil {
		return row, err
	}
	if err := checkName(id, row.Traits.Customer.ID); err != nil {
		return row, err
	}
	path := ""
	if id == "userId" {
		path = "traits"
		if m, err = object(m, "traits"); err != nil {
			return row, err
		}
	} else if _, err := clean(m, 1); err != nil {
		return row, err
	}
	for name, to := range map[string]*string{"consent": &row.Consent, "consent_proof": &row.Proof, "consent_text": &row.Text} {
		if *to, err = text(m, name); err != nil {
			return row, err
		}
		delete(m, name)
	}
	delete(m, "id")
	if m["email"] == nil || m["email"] == "" {
		return row, below(path, &fieldError{"email", "is empty"})
	}
	row.Traits.Attributes, err = attributes(m, r.zone, r.zones)
	return row, below(path, err)
}

// traitNames are the attributes that the Segment spec spells otherwise.
var traitNames = map[string]string{"firstName": "first_name", "lastName": "last_name", "createdAt": "created_at"}

// attributes checks the attributes that have a meaning of their own, in place:
// email is an address, timezone an IANA name, created_at a moment, which
// becomes RFC 3339 in UTC. One of them that is empty is absent. m is clean.
func attributes(m map[string]any, zone *time.Location, known zones) (map[string]any, error) {
	for spec, ours := range traitNames {
		if v, ok := m[spec]; ok {
			if _, both := m[ours]; !both {
				m[ours] = v
			}
			delete(m, spec)
		}
	}
	for name := range m {
		if err := checkName("attribute "+short(name), name); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"email", "timezone", "created_at", "locale", "country"} {
		if m[name] == nil {
			continue
		}
		s, err := text(m, name)
		if err != nil {
			return nil, err
		}
		if s == "" {
			delete(m, name)
			continue
		}
		if m[name], err = attribute(name, s, zone, known); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func attribute(name, s string, zone *time.Location, known zones) (string, error) {
	switch name {
	case "email":
		return address(name, s)
	case "timezone":
		return s, known.check(name, s)
	case "created_at":
		t, err := moment(name, s, zone)
		return t.Format(time.RFC3339Nano), err
	}
	return s, nil
}
