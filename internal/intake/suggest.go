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
	titles, names := make([]string, len(found)), make([]string, len(found))
	for i, c := range found {
		titles[i], names[i] = c.title, c.name
	}
	msg := fmt.Sprintf("column %s is missing; the first line names %s", want, strings.Join(titles, ", "))
	near := want
	if len(want) > 3 { // anything is near a short name
		near = campaign.Nearest(want, names)
	}
	for _, c := range found {
		if slices.Contains(otherNames[want], c.name) || c.name == near {
			return fmt.Errorf("%s; did you mean %s? Rename it to %s", msg, c.title, want)
		}
	}
	return errors.New(msg)
}
