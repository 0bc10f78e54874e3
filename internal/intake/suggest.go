package intake

import (
	"fmt"
	"slices"
	"strings"
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
	names := make([]string, 0, len(found))
	for _, c := range found {
		names = append(names, c.title)
	}
	msg := fmt.Sprintf("column %s is missing; the first line names %s", want, strings.Join(names, ", "))
	for _, c := range found {
		if near(want, c.name) {
			return fmt.Errorf("%s; did you mean %s? Rename it to %s", msg, c.title, want)
		}
	}
	return fmt.Errorf("%s", msg)
}

func near(want, have string) bool {
	return slices.Contains(otherNames[want], have) || len(want) > 3 && distance(want, have) <= 2
}

// distance is the least number of letters to add, drop or change between two
// words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
