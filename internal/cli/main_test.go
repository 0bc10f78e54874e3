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

// TestMain makes this binary the tidings of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(&suite{m: m}, map[string]func(){
		"tidings": func() {
			os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv, fstest.MapFS{}))
		},
	})
}

// suite removes what the tests share.
type suite struct{ m *testing.M }

func (s *suite) Run() int {
	code := s.m.Run()
	if dir, err := scratch(); err == nil {
		os.RemoveAll(dir)
	}
	return code
}

// scratch is a folder for what several tests share.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "tidings-test-") })

// build makes the program as it is deployed, once however many tests run it.
var build = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tidings")
	if said, err := exec.Command("go", "build", "-o", path, "tidings").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, said)
	}
	return path, nil
})

func program(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
