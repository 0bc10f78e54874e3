package preview

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"tidings/internal/campaign"
)

// watched are the parts of a workspace that make mails.
var watched = []string{"tidings.yaml", "campaigns", "segments", "templates", "locales"}

// stampOf tells one state of the files from another by their names, sizes and times.
// Files that come and go while it looks are as good as changed.
func stampOf(files fs.FS) uint64 {
	h := fnv.New64a()
	for _, root := range watched {
		_ = fs.WalkDir(files, root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // what cannot be read, loading tells
			}
			if d.IsDir() {
				if path != root && strings.HasPrefix(d.Name(), ".") {
					return fs.SkipDir
				}
				return nil
			}
			if info, err := d.Info(); err == nil {
				fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return h.Sum64()
}

// version is a state of the workspace, loaded.
type version struct {
	n      int
	studio *Studio // nil: none of the versions so far could be loaded
	stale  bool    // the files have errors; studio is of an earlier version
	loaded Loaded
}

// Loaded is what loading a workspace has given.
type Loaded struct {
	Studio *Studio // nil: Errors has them
	Errors []campaign.Problem
}

// workspace keeps the present version of some files.
type workspace struct {
	files fs.FS
	load  func() Loaded

	mu    sync.Mutex
	stamp uint64
	now   version
}

// current is the workspace as the files have it now.
func (w *workspace) current() version {
	w.mu.Lock()
	defer w.mu.Unlock()
	stamp := stampOf(w.files)
	if w.now.n > 0 && stamp == w.stamp {
		return w.now
	}
	w.stamp = stamp
	next := version{n: w.now.n + 1, loaded: w.load()}
	next.studio = next.loaded.Studio
	if next.studio == nil {
		next.studio, next.stale = w.now.studio, true
	}
	next.loaded.Errors = slices.Clone(next.loaded.Errors)
	w.now = next
	return w.now
}
