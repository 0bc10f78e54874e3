package intake

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// otherNames are names that other exports give the columns that must be there.
var otherNames = map[string][]string{
	"id":          {"customer_id", "user_id", "userid", "customerid", "contact_id"},
	"email":       {"e_mail", "mail", "email_address", "emailaddress"},
	"customer_id": {"user_id", "userid", "customerid", "customer", "id"},
	"name":        {"event", "event_name", "eventname"},
	"occurred_at": {"timestamp", "time", "datetime", "date", "event_time", "created_at", "invoicedate"},
}

// missingColumn is the one error for a file that lacks a column.
func missingColumn(want string, found []column) error {
	titles := make([]string, len(found))
	for i, c := range found {
		titles[i] = c.title
	}
	msg := fmt.Sprintf("column %s is missing; the first line names %s", want, strings.Join(titles, ", "))
	if title := otherName(want, found, nil); title != "" {
		return fmt.Errorf("%s; did you mean %s? Rename it to %s", msg, title, want)
	}
	return errors.New(msg)
}

// otherName is the title of the column that seems to be the one wanted under
// another name, or "". Those in native have a meaning of their own and are none.
func otherName(want string, found []column, native map[string]bool) string {
	var names []string
	for _, c := range found {
		if !native[c.name] {
			names = append(names, c.name)
		}
	}
	near := want
	if len(want) > 3 { // anything is near a short name
		near = campaign.Nearest(want, names)
	}
	for _, c := range found {
		if !native[c.name] && (slices.Contains(otherNames[want], c.name) || c.name == near) {
			return c.title
		}
	}
	return ""
}
