// Package arch keeps the shape of the house: who may import whom.
package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "tidings"

// anything lets a package import all of ours.
const anything = "*"

// allowed says which packages of ours each of them may import, paths being
// relative to the module. A package below another may import it, and what it
// may. Who is not here may import nothing of ours.
var allowed = map[string][]string{
	"": {"internal/cli"},

	"scheduler": {"internal/campaign"},
	"worker":    {"internal/campaign"},

	"internal/campaign": nil,
	"internal/token":    nil,
	"internal/grade":    nil,
	"internal/config":   nil,
	"internal/fault":    nil,

	"internal/content":  {"internal/campaign"},
	"internal/audience": {"internal/campaign"},
	"internal/schema":   {"internal/campaign"},
	"internal/queue":    {"internal/campaign"},
	"internal/mail":     {"internal/campaign"},
	"internal/inbox":    {"internal/campaign"},
	"internal/intake":   {"internal/campaign"},
	"internal/inbound":  {"internal/campaign", "internal/token"},
	"internal/hook":     {"internal/campaign", "internal/inbound"},
	"internal/hygiene":  {"internal/campaign"},
	"internal/render":   {"internal/campaign", "internal/mjml", "internal/token"},
	"internal/web":      {"internal/campaign", "internal/intake", "internal/token"},
	"internal/preview":  {"internal/campaign", "internal/render", "internal/token"},
	"internal/store":    {"internal/campaign", "internal/audience", "internal/grade", "internal/intake", "scheduler", "worker"},

	"internal/bench": {"internal/campaign", "internal/audience", "internal/content", "internal/store", "scheduler"},

	"internal/cli":  {anything},
	"internal/demo": {anything},
	"internal/soak": {anything},
}

// leaf is what any package may import: points at which tests make faults strike,
// which have to stand where the faults do.
const leaf = "internal/fault"

// outside lists what of the library and of others a package must do without:
// the domain does no I/O, and the two engines know neither SQL nor the queue
// nor SMTP.
var outside = map[string][]string{
	"internal/campaign": {"context", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os"},
	"scheduler":         {"database/sql", "net", "net/http", "net/smtp", "github.com/hibiken/asynq", "github.com/redis/go-redis", "github.com/jackc/pgx"},
	"worker":            {"database/sql", "net", "net/http", "net/smtp", "github.com/hibiken/asynq", "github.com/redis/go-redis", "github.com/jackc/pgx", "github.com/wneessen/go-mail"},
}

// pkg is a package as the go command describes it; tests don't count.
type pkg struct {
	ImportPath string
	Imports    []string
}

// own is path relative to the module, false for what is not ours.
func own(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

// broken tells which imports of p are against the rules.
func broken(p pkg) []string {
	from, _ := own(p.ImportPath)
	// A package below another keeps to the rule of the nearest above it.
	rule := from
	for _, listed := allowed[rule]; !listed && strings.Contains(rule, "/"); _, listed = allowed[rule] {
		rule = rule[:strings.LastIndex(rule, "/")]
	}
	may := allowed[rule]
	var out []string
	for _, path := range p.Imports {
		to, ours := own(path)
		switch {
		case !ours:
			for _, banned := range outside[from] {
				if path == banned || strings.Contains(banned, ".") && strings.HasPrefix(path, banned+"/") {
					out = append(out, fmt.Sprintf("%s imports %s", p.ImportPath, path))
				}
			}
		case slices.Contains(may, anything) || to == leaf || slices.Contains(may, to) || from != rule && to == rule:
		default:
			out = append(out, fmt.Sprintf("%s imports %s, may import of ours: %q", p.ImportPath, path, may))
		}
	}
	return out
}

func TestImports(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	seen := map[string]bool{}
	for in := json.NewDecoder(strings.NewReader(string(said))); ; {
		var p pkg
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("read packages: %v", err)
		}
		path, ours := own(p.ImportPath)
		if !ours {
			t.Errorf("%s is not in module %s", p.ImportPath, module)
		}
		seen[path] = true
		for _, problem := range broken(p) {
			t.Error(problem)
		}
	}
	for _, path := range []string{"scheduler", "worker", "internal/campaign", "internal/store"} {
		if !seen[path] {
			t.Errorf("%s was not looked at", path)
		}
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"tidings", "tidings/internal/cli", true},
		{"tidings", "tidings/internal/store", false},
		{"tidings/worker", "tidings/internal/campaign", true},
		{"tidings/worker", "tidings/scheduler", false},
		{"tidings/worker", "github.com/hibiken/asynq", false},
		{"tidings/worker", "github.com/wneessen/go-mail/smtp", false},
		{"tidings/worker", "log/slog", true},
		{"tidings/worker", "tidings/internal/fault", true},
		{"tidings/internal/fault", "tidings/internal/campaign", false},
		{"tidings/internal/campaign", "tidings/internal/token", false},
		{"tidings/internal/campaign", "net/netip", true},
		{"tidings/internal/campaign", "net", false},
		{"tidings/internal/render", "tidings/internal/token", true},
		{"tidings/internal/mail", "tidings/internal/token", false},
		{"tidings/internal/store", "tidings/worker", true},
		{"tidings/internal/store", "tidings/internal/render", false},
		{"tidings/internal/store/storetest", "tidings/internal/store", true},
		{"tidings/internal/store/storetest", "tidings/internal/audience", true},
		{"tidings/internal/store/storetest", "tidings/internal/web", false},
		{"tidings/internal/store", "tidings/internal/store/storetest", false},
		{"tidings/internal/cli", "tidings/internal/demo", true},
		{"tidings/internal/newcomer", "tidings/internal/campaign", false},
		{"tidings/internal/newcomer", "net/http", true},
	} {
		if got := broken(pkg{c.from, []string{c.to}}); (len(got) == 0) != c.ok {
			t.Errorf("%s imports %s: %q", c.from, c.to, got)
		}
	}
}
