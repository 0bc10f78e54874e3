package cli_test

import (
	"strings"
	"testing"
)

// A customer whom the database does not have has no mail: that of somebody made up
// would be taken for theirs. Without a database the made-up one is shown, and said.
func TestPreviewOfUnknownCustomer(t *testing.T) {
	t.Parallel()
	s := newShop(t, "sqlite:"+t.TempDir()+"/shop.db")
	s.campaigns(t, map[string]string{"welcome": "status: draft\ntopic: offers\ntrigger: { past_purchase: { after: 0s } }\nsteps: [ { send: letter } ]\n"})
	previewOf := func(customer string) (int, string, string) {
		return s.command("preview", "welcome", "--customer", customer)
	}
	if code, stdout, stderr := previewOf("nobody"); code != 0 || stdout == "" || !strings.Contains(stderr, "no database yet") {
		t.Errorf("without a database: exit %d, %d bytes, %s", code, len(stdout), stderr)
	}
	s.run(t, "migrate")
	code, stdout, stderr := previewOf("nobody")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "no customer nobody is in the database") || !strings.Contains(stderr, "ana, no-name") {
		t.Errorf("unknown: exit %d, %d bytes, %s", code, len(stdout), stderr)
	}
	if code, stdout, stderr := previewOf("no-name"); code != 0 || stdout == "" {
		t.Errorf("made up: exit %d, %s", code, stderr)
	}
}
