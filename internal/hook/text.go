package hook

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// text is a JSON value of which only the text matters: providers write the same
// field as a string here and as a number there. Lists and objects are empty.
type text string

// UnmarshalJSON never fails: one odd field must not lose a report.
func (t *text) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	var s string
	switch {
	case len(raw) == 0 || raw[0] == '[' || raw[0] == '{' || string(raw) == "null":
		*t = ""
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		*t = text(s)
	default:
		*t = text(raw)
	}
	return nil
}

// seconds reads seconds since 1970, with or without a fraction.
func (t text) seconds() (int64, bool) {
	whole, _, _ := strings.Cut(string(t), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil
}

// pairs are the headers of a mail as providers list them.
type pairs []struct {
	Name  text `json:"name"`
	Value text `json:"value"`
}

// maxEvidence bounds how many headers of a mail are looked at.
const maxEvidence = 100

// evidence is the headers as text.
func (p pairs) evidence() []string {
	var out []string
	for _, h := range p[:min(len(p), maxEvidence)] {
		out = append(out, string(h.Name)+": "+string(h.Value))
	}
	return out
}

// get is the value of a header.
func (p pairs) get(name string) string {
	for _, h := range p {
		if strings.EqualFold(string(h.Name), name) {
			return string(h.Value)
		}
	}
	return ""
}
