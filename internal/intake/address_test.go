package intake_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mailboxes reads a list of published test addresses.
func mailboxes(t *testing.T, name string) (list []string) {
	f, err := os.Open(filepath.Join("../../../shared/data/unicode-names-addresses/flanker-addresses/tests/fixtures", name))
	if err != nil {
		t.Skip("the published mailboxes are not here")
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if a := s.Text(); a != "" && !strings.HasPrefix(a, "#") {
			list = append(list, a)
		}
	}
	return list
}

func taken(t *testing.T, address string) bool {
	rows, _ := customers(t, "id,email\n1,\""+strings.ReplaceAll(address, `"`, `""`)+"\"\n")
	return len(rows) == 1
}

// Of the published valid mailboxes those are refused that no shop's customer
// has: quoted local parts, display names and comments, domains without a dot or
// with a number at their end. Of the invalid ones none is taken.
func TestPublishedMailboxes(t *testing.T) {
	odd := regexp.MustCompile(`["<(]|@[^.]*$|\.\d+$`)
	valid := mailboxes(t, "mailbox_valid.txt")
	for _, a := range valid {
		if taken(t, a) == odd.MatchString(a) {
			t.Errorf("%s: taken is %v", a, taken(t, a))
		}
	}
	invalid := mailboxes(t, "mailbox_invalid.txt")
	for _, a := range invalid {
		if taken(t, a) {
			t.Errorf("%s is taken", a)
		}
	}
	if len(valid) < 100 || len(invalid) < 50 {
		t.Errorf("only %d and %d mailboxes were read", len(valid), len(invalid))
	}
}
