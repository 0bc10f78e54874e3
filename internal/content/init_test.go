package content

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "shop")
		files, err := Init(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 6 {
			t.Errorf("wrote %q", files)
		}
		catalog, problems := Load(os.DirFS(dir))
		for _, p := range problems {
			t.Errorf("the skeleton has a problem: %s", p)
		}
		if catalog == nil {
			t.Fatal("no catalog")
		}
		c, ok := catalog.Campaign("win-back")
		if !ok || c.Holdout != 0.1 || c.From != "hello" {
			t.Errorf("win-back is %+v", c)
		}
		if w := catalog.Workspace; len(w.Caps) != 2 || w.QuietHours != nil {
			t.Errorf("caps %v, quiet hours %v", w.Caps, w.QuietHours)
		}
	})
	t.Run("ErrTaken", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		mine := filepath.Join(dir, "tidings.yaml")
		if err := os.WriteFile(mine, []byte("name: mine\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := Init(dir)
		if err == nil || !strings.Contains(err.Error(), "tidings.yaml") || files != nil {
			t.Fatalf("Init = %q, %v", files, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "campaigns")); !os.IsNotExist(err) {
			t.Error("something was written")
		}
		if text, _ := os.ReadFile(mine); string(text) != "name: mine\n" {
			t.Errorf("tidings.yaml is now %q", text)
		}
	})
}
