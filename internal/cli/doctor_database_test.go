package cli_test

import (
	"strings"
	"testing"

	"tidings/internal/store/storetest"
)

// A PostgreSQL that does not clean up after itself is a warning with its mend, and no
// failure. Of the two settings a session can only have one of its own.
func TestDoctorVacuum(t *testing.T) {
	t.Parallel()
	address := storetest.PostgresURL(t)
	with := "?"
	if strings.Contains(address, "?") {
		with = "&"
	}
	for _, off := range []bool{false, true} {
		s := &shop{dir: t.TempDir(), env: map[string]string{"DATABASE_URL": address}}
		if off {
			s.env["DATABASE_URL"] += with + "track_counts=off"
		}
		if code, _, errs := s.command("migrate"); code != 0 {
			t.Fatal(errs)
		}
		code, out, errs := s.command("doctor")
		if code != 0 || strings.Contains(out, "ALTER SYSTEM SET track_counts = on") != off {
			t.Errorf("track_counts off %t: %d\n%s%s", off, code, out, errs)
		}
		if _, out, _ = s.command("doctor", "--json"); strings.Contains(out, "track_counts") != off || !strings.Contains(out, `"warnings"`) {
			t.Errorf("off %t: %s", off, out)
		}
	}
}
