package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/testscript"

	"tidings/internal/cli"
)

// TestMain makes this binary the tidings of the scripts, and keeps the folder in
// which the real one is built for the tests that kill it.
func TestMain(m *testing.M) {
	testscript.Main(&suite{m: m}, map[string]func(){
		"tidings": func() {
			os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv, fstest.MapFS{}))
		},
	})
}

// suite removes what the tests have built.
type suite struct{ m *testing.M }

func (s *suite) Run() int {
	code := s.m.Run()
	if binary.dir != "" {
		os.RemoveAll(binary.dir)
	}
	return code
}

// binary is the program, built once however many tests run it.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

// program builds the program as it is deployed and returns its path.
func program(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "tidings-test-"); binary.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(binary.dir, "tidings"), "tidings")
		if said, err := cmd.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("build: %w\n%s", err, said)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "tidings")
}
