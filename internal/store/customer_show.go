package store

import (
	"encoding/json"
	"strings"

	"tidings/internal/campaign"
)

// ExportPart is a list of an export with its name.
type ExportPart struct {
	Name string
	Rows []map[string]any
}

func (e *Export) lists() []struct {
	name string
	rows *[]map[string]any
} {
	return []struct {
		name string
		rows *[]map[string]any
	}{
		{"identities", &e.Identities}, {"attributes", &e.Attributes}, {"suppressions", &e.Suppressions}, {"soft_bounces", &e.SoftBounces},
		{"events", &e.Events}, {"campaigns", &e.Campaigns}, {"mails", &e.Mails}, {"hits", &e.Hits},
	}
}

// Parts are its lists but the consents, in order.
func (e *Export) Parts() []ExportPart {
	var out []ExportPart
	for _, l := range e.lists() {
		out = append(out, ExportPart{l.name, *l.rows})
	}
	return out
}

// Rows counts what goes with the customer. Suppressions stay.
func (e *Export) Rows() map[string]int {
	out := map[string]int{"customer": 1, "consents": len(e.Consents)}
	for _, l := range e.lists() {
		out[l.name] = len(*l.rows)
	}
	delete(out, "suppressions")
	return out
}

// Last leaves the last n lines of each list, and tells how many it left out.
func (e *Export) Last(n int) map[string]int {
	left := map[string]int{}
	if more := len(e.Consents) - n; more > 0 {
		e.Consents, left["consents"] = e.Consents[more:], more
	}
	for _, l := range e.lists() {
		if more := len(*l.rows) - n; more > 0 {
			*l.rows, left[l.name] = (*l.rows)[more:], more
		}
	}
	return left
}

// masked stands for what is not shown.
const masked = "•••"

// Mask leaves of what is personal as much as tells one customer from another: when
// what happened, and nothing that somebody has written.
func (e *Export) Mask() {
	if email, ok := e.Customer["email"].(string); ok {
		e.Customer["email"] = campaign.MaskAddress(email)
	}
	if document, ok := e.Customer["attributes"].(json.RawMessage); ok {
		e.Customer["attributes"] = maskValues(document)
	}
	for _, row := range e.Attributes {
		row["value"] = masked
	}
	for _, row := range e.Events {
		if document, ok := row["properties"].(json.RawMessage); ok {
			row["properties"] = maskValues(document)
		}
	}
	for _, row := range e.Hits {
		for _, name := range []string{"user_agent", "network", "url"} {
			if row[name] != nil {
				row[name] = masked
			}
		}
	}
	for _, row := range append([]map[string]any{e.Customer}, e.Identities...) {
		for _, name := range []string{"id", "value"} { // some shops' ids are addresses
			if text, ok := row[name].(string); ok && strings.Contains(text, "@") {
				row[name] = campaign.MaskAddress(text)
			}
		}
	}
	for i := range e.Consents {
		c := &e.Consents[i]
		c.Source, c.Proof = campaign.WithoutAddresses(c.Source), campaign.WithoutAddresses(c.Proof)
	}
}

// maskValues keeps the names of a document's values.
func maskValues(document json.RawMessage) map[string]any {
	out := map[string]any{}
	var values map[string]any
	if json.Unmarshal(document, &values) == nil {
		for name := range values {
			out[name] = masked
		}
	}
	return out
}
